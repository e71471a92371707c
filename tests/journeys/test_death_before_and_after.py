"""Death at any instant of what is done beside an import: of cancelling it, of taking it back, of looking before."""

import csv
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from pydantic import SecretStr

from pointport.app import App, open_app
from pointport.errors import PreconditionFailed
from pointport.imports import previews, steps, undo
from pointport.imports.applying import WhenNegative
from pointport.imports.options import from_chosen
from pointport.imports.record import LoyaltyImport
from pointport.imports.runs import Kind, Run
from pointport.imports.shapes import Mapping
from pointport.plumbing.sites import sites
from pointport.settings import Settings
from tests.conftest import Story
from tests.journeys.processes import (
    Program,
    Programs,
    RunWatch,
    Watch,
    cloned_database,
    is_there,
    kill_database,
    patiently,
    until,
)
from tests.journeys.stalls import copied

ROWS = 5_000
KNOWN_ROWS = 3_000
"""So many customers have a balance before."""

CHUNK_ROWS = 200
POINTS_MAX = 999_999_999
TRIES_MAX = 3
"""How often a try is made again that came too late; each is proven right all the same."""


def customer(number: int) -> str:
    return f"c{number:04d}@example.com"


def content(lines: list[tuple[str, object]]) -> bytes:
    return "\r\n".join(["Email,Points", *(f"{email},{points}" for email, points in lines), ""]).encode()


# --- The places ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A database with a site to be copied, and what it takes to start workers on it."""

    app: App
    folder: Path
    url: str | None
    model: Story
    before: dict[str, int]

    def programs(self, sessions: int) -> Programs:
        """Start workers that apply chunks of 200 rows in so many sessions."""
        named = {"DATABASE_URL": self.url} if self.url else {}
        chunks = {"POINTPORT_CHUNK_ROWS": str(CHUNK_ROWS), "POINTPORT_APPLY_SESSIONS": str(sessions)}
        return Programs(self.folder, **named, **chunks)

    def watch(self, import_id: UUID) -> Watch:
        """Look at an import from outside."""
        return Watch(self.app.database.conninfo, import_id)

    def watch_run(self, run_id: UUID) -> RunWatch:
        """Look at a preview or an undo from outside."""
        return RunWatch(self.app.database.conninfo, run_id)


def settle(app: App, folder: Path, url: str | None) -> Place:
    """Make the site to be copied: 5,000 customers, of whom 3,000 have a balance."""
    made, _ = sites.create_site(app.database, "Market", default=False, actor="test", now=app.clock())
    model = Story(app, made.id)
    model.add_contacts(*map(customer, range(ROWS)))
    before = {customer(number): number % 976 + 1 for number in range(KNOWN_ROWS)}
    model.run(content(list(before.items())))
    return Place(app, folder, url, model, before)


@pytest.fixture(scope="module")
def place(server: str, template: str) -> Iterator[Place]:
    with (
        TemporaryDirectory(prefix="pointport-test-") as folder,
        cloned_database(server, template) as url,
        open_app(Settings(DATABASE_URL=SecretStr(url), data_dir=Path(folder), log_level="ERROR")) as app,
    ):
        yield settle(app, Path(folder), url)


@pytest.fixture(scope="module")
def own_place() -> Iterator[Place]:
    """A place on an embedded server of its own, which may be killed."""
    with (
        TemporaryDirectory(prefix="pointport-test-") as folder,
        open_app(Settings(DATABASE_URL=None, data_dir=Path(folder), log_level="ERROR")) as app,
    ):
        yield settle(app, Path(folder), None)


# --- Cancelled ----------------------------------------------------------------------------------------------------------


class Fate(NamedTuple):
    """What becomes of a row when the import comes to it."""

    email: str
    outcome: str
    """IMPORTED, UNCHANGED, or its problem."""
    balance: int
    known: bool
    """By its cells, before anything is applied."""


@dataclass(frozen=True)
class Sheet:
    """A file, and what has to come of each line when all are applied."""

    content: bytes
    fates: dict[int, Fate]
    adds: bool

    @property
    def options(self) -> dict[str, Any]:
        """The options it is executed with."""
        return {"mode": "ADD"} if self.adds else {}


def make_sheet(seed: int, before: dict[str, int], *, adds: bool) -> Sheet:
    """Make a file of all customers: new balances and old ones, or points to be added; one row in 20 is bad."""
    chance = random.Random(seed)  # noqa: S311 (chance that comes again)
    lines: list[tuple[str, object]] = []
    fates: list[Fate] = []
    for number in range(ROWS):
        email, old = customer(number), before.get(customer(number), 0)
        points = chance.randrange(-500, 1_000) if adds else chance.randrange(100_000)
        if number % 7 == 0:
            points = 0 if adds else old
        new = old + points if adds else points
        if number % 20 == seed % 20:
            kind = ("CONTACT_NOT_FOUND", "POINTS_NOT_A_NUMBER", "EMAIL_INVALID", "DUPLICATE_EMAIL")[number // 20 % 4]
            bad: tuple[str, object] = {
                "CONTACT_NOT_FOUND": (f"stranger{number}@example.com", points),
                "POINTS_NOT_A_NUMBER": (email, "many"),
                "EMAIL_INVALID": (f"c{number}(at)example.com", points),
                "DUPLICATE_EMAIL": (email, points),
            }[kind]
            again = 2 if kind == "DUPLICATE_EMAIL" else 1
            lines += [bad] * again
            fates += [Fate(email, kind, old, known=True)] * again
        else:
            lines.append((email, points))
            outcome = "BALANCE_WOULD_BE_NEGATIVE" if new < 0 else "UNCHANGED" if new == old else "IMPORTED"
            fates.append(Fate(email, outcome, old if new < 0 else new, known=False))
    return Sheet(content(lines), dict(zip(count(2), fates, strict=False)), adds)


def prove_ended(place: Place, story: Story, import_id: UUID, sheet: Sheet, *, asked: datetime, sessions: int) -> bool:
    """Prove that an import ended as one may that was cancelled, whatever died; tells whether it was stopped.

    `asked`: when the cancel was answered.
    """
    with place.watch(import_id) as watch:
        until(lambda: watch.has_ended and not watch.has_job, "the import has ended and nobody is at work on it")
    done = story.find(import_id)
    entries, settled, left_over = read_rows(story, import_id)
    assert left_over == 0
    # Each line stands in one place, once.
    assert sorted([row["line"] for row in entries] + [row["line"] for row in settled]) == sorted(sheet.fates)
    found = dict.fromkeys((row["line"] for row in entries), "IMPORTED")
    found |= {row["line"]: row["problem"] or row["outcome"] for row in settled}
    stopped = {line for line, outcome in found.items() if outcome == "CANCELLED"}
    assert {line: outcome for line, outcome in found.items() if line not in stopped} == {
        line: fate.outcome for line, fate in sheet.fates.items() if line not in stopped
    }
    assert not [line for line in stopped if sheet.fates[line].known]
    outcomes = {(row["outcome"], row["problem"] == "CANCELLED") for row in settled if row["problem"]}
    assert outcomes <= {("FAILED", False), ("UNPROCESSED", True)}
    applied = {line for line, outcome in found.items() if outcome in {"IMPORTED", "UNCHANGED"}}
    after = {sheet.fates[line].email: sheet.fates[line].balance for line in applied}
    assert story.balances() == {**place.before, **after}
    changes = [balance - place.before.get(email, 0) for email, balance in after.items()]
    reached = ("FAILED", "CANCELLED") if stopped else ("IMPORTED", None)
    assert (done.status, done.failure_reason) == reached
    assert (done.success_count, done.failure_count) == (len(applied), len(found) - len(applied))
    assert done.accounts_changed == len(entries) == len([change for change in changes if change])
    assert done.accounts_created == len(after.keys() - place.before.keys())
    assert done.points_added == sum(change for change in changes if change > 0)
    assert done.points_removed == -sum(change for change in changes if change < 0)
    listed = csv.DictReader(story.error_file(done).splitlines())
    assert {int(row["Import line"]): row["Error code"] for row in listed} == {
        line: outcome for line, outcome in found.items() if line not in applied
    }
    assert done.finished_date is not None
    begun = {row["created_date"] for row in entries}
    assert all(moment <= done.finished_date for moment in begun)
    # Those that had looked just before went on to the end of their chunk, and no other began.
    assert len([moment for moment in begun if moment > asked]) <= sessions
    assert steps.verify(story.app, story.site_id) == []
    return bool(stopped)


def read_rows(story: Story, import_id: UUID) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """Return the entries and the outcomes of an import or an undo, and how much of it is left in the staging tables."""
    these = {"site_id": story.site_id, "id": import_id}
    with story.app.database.transaction(story.site_id) as connection:
        entries = connection.execute(
            "SELECT line, amount, created_date FROM transaction WHERE site_id = %(site_id)s AND import_id = %(id)s",
            these,
        ).fetchall()
        settled = connection.execute(
            "SELECT line, outcome, problem FROM import_row WHERE site_id = %(site_id)s AND import_id = %(id)s", these
        ).fetchall()
        left = connection.execute(
            "SELECT (SELECT count(*) FROM import_stage WHERE import_id = %(id)s)"
            " + (SELECT count(*) FROM import_ready WHERE import_id = %(id)s)"
            " + (SELECT count(*) FROM import_chunk WHERE import_id = %(id)s) AS rows",
            these,
        ).fetchone()
    assert left is not None
    return entries, settled, left["rows"]


def ask_to_stop(story: Story, import_id: UUID) -> datetime:
    """Cancel an import, unless it was faster; returns when that was answered."""
    try:
        patiently(lambda: steps.cancel(story.app, story.site_id, import_id, actor="test"))
    except PreconditionFailed:
        assert not story.find(import_id).unfinished
    return datetime.now(UTC)


@dataclass(frozen=True)
class Strike:
    """Once so many rows are applied, cancel and kill: first the one, and so many seconds later the other."""

    rows: int
    seconds: float
    kills_first: bool

    @classmethod
    def by(cls, chance: random.Random, *, atomic: bool = False) -> "Strike":
        """Choose one at random: mostly the cancel comes first."""
        rows = 0 if atomic or chance.random() < 0.1 else chance.randrange(ROWS * 3 // 4)
        return cls(rows, chance.uniform(0, 0.2 if atomic else 0.06), chance.random() < 0.3)

    def deal(self, story: Story, watch: Watch, import_id: UUID, kill: Callable[[], None]) -> tuple[datetime, bool]:
        """Cancel and kill; returns when the cancel was answered, and whether the kill hit an import that was running."""
        until(lambda: watch.applied_rows >= self.rows or watch.has_ended, "the import is on its way")
        if self.kills_first:
            time.sleep(self.seconds)
            kill()
            running = not watch.has_ended
            return ask_to_stop(story, import_id), running
        asked = ask_to_stop(story, import_id)
        time.sleep(self.seconds)
        kill()
        return asked, not watch.has_ended


@pytest.mark.parametrize(
    ("seed", "sessions", "tries", "atomic"),
    [(1, 1, 7, False), (2, 2, 7, False), (3, 4, 3, False), (4, 2, 3, True)],
    ids=["one session", "two sessions", "four sessions", "all in one chunk"],
)
def test_a_worker_killed_around_a_cancel_leaves_an_import_that_is_whole_or_stopped_and_nothing_between(
    place: Place, seed: int, sessions: int, tries: int, atomic: bool
) -> None:
    chance = random.Random(seed)  # noqa: S311 (chance that comes again)
    hits = stops = 0
    with place.programs(sessions) as programs:
        worker = programs.worker().wait_until_ready()
        for number in range(tries * TRIES_MAX):
            sheet = make_sheet(seed * 100 + number, place.before, adds=number % 2 == 1)
            story, _ = copied(place.model)
            strike = Strike.by(chance, atomic=atomic)
            worker.wait_until_ready()
            import_id = story.execute(sheet.content, **sheet.options, atomic=atomic).id
            with place.watch(import_id) as watch:
                asked, hit = strike.deal(story, watch, import_id, worker.kill)
            worker = programs.worker()
            stopped = prove_ended(place, story, import_id, sheet, asked=asked, sessions=sessions)
            if atomic and stopped:
                assert story.balances() == place.before, "some of all or nothing"
            hits += hit
            stops += hit and stopped
            if hits == tries and stops:
                return
    pytest.fail(f"{hits} of {tries} workers were killed while an import was running, and {stops} of those were stopped")


@contextmanager
def last_customer_held(place: Place, story: Story) -> Iterator[psycopg.Connection]:
    """Keep imports of a site from coming to their ends, until rolled back: the last customer's account cannot be made."""
    with psycopg.connect(place.app.database.conninfo) as connection:
        connection.execute(
            "SELECT FROM contact WHERE site_id = %(site_id)s AND id ="
            " (SELECT id FROM contact WHERE site_id = %(site_id)s ORDER BY id DESC LIMIT 1) FOR UPDATE",
            {"site_id": story.site_id},
        )
        yield connection


@pytest.mark.parametrize("seed", [5, 6])
def test_an_import_cancelled_in_the_queue_ends_before_its_turn_whoever_dies(place: Place, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (chance that comes again)
    story, _ = copied(place.model)
    first, second = make_sheet(seed, place.before, adds=False), make_sheet(seed + 20, place.before, adds=True)
    with place.programs(1) as programs, last_customer_held(place, story) as holding:
        worker = programs.worker().wait_until_ready()
        running_id = story.execute(first.content).id
        waiting_id = story.execute(second.content, **second.options).id
        with place.watch(running_id) as running, place.watch(waiting_id) as waiting:
            until(lambda: running.applied_rows > 0, "the first import is on its way")
            asked = ask_to_stop(story, waiting_id)
            time.sleep(chance.uniform(0, 0.1))
            worker.kill()
            programs.worker()
            until(lambda: waiting.has_ended, "the second import has ended")
            assert not running.has_ended
            done = story.find(waiting_id)
            assert (done.status, done.failure_reason, done.success_count) == ("FAILED", "CANCELLED", 0)
            assert done.failure_count == len(second.fates)
            holding.rollback()
            assert not prove_ended(place, story, running_id, first, asked=asked, sessions=len(first.fates))
    assert read_rows(story, waiting_id)[0] == []
    assert {row["problem"] for row in read_rows(story, waiting_id)[1]} >= {"CANCELLED", "CONTACT_NOT_FOUND"}


def test_a_single_chunk_that_is_cancelled_while_it_is_applied_leaves_nothing_whoever_dies(place: Place) -> None:
    chance = random.Random(7)  # noqa: S311 (chance that comes again)
    with place.programs(1) as programs:
        worker = programs.worker()
        for seconds in (chance.uniform(0, 0.2), chance.uniform(0.2, 0.4)):
            sheet = make_sheet(7, place.before, adds=False)
            story, _ = copied(place.model)
            worker.wait_until_ready()
            with last_customer_held(place, story) as holding:
                import_id = story.execute(sheet.content, atomic=True).id
                with place.watch(import_id) as watch:
                    until(lambda: is_waiting_for_a_lock(watch), "the chunk is being applied")
                    asked = ask_to_stop(story, import_id)
                    time.sleep(seconds)
                    worker.kill()
                    worker = programs.worker()
                    holding.rollback()
            assert prove_ended(place, story, import_id, sheet, asked=asked, sessions=1)
            assert story.balances() == place.before


def is_waiting_for_a_lock(watch: Watch) -> bool:
    found = watch.ask(
        psycopg.sql.SQL("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    )
    return found is not None


def test_a_database_killed_around_a_cancel_leaves_an_import_that_is_whole_or_stopped(own_place: Place) -> None:
    chance = random.Random(8)  # noqa: S311 (chance that comes again)
    stops = 0
    with own_place.programs(2) as programs:
        worker = programs.worker()
        for dies_too, adds in ((False, True), (True, False), (False, False)):
            sheet = make_sheet(8, own_place.before, adds=adds)
            story, _ = copied(own_place.model)
            worker.wait_until_ready()
            import_id = story.execute(sheet.content, **sheet.options).id

            with own_place.watch(import_id) as watch:

                def kill(watch: Watch = watch, victim: Program | None = worker if dies_too else None) -> None:
                    if victim:
                        victim.kill()
                    kill_database(own_place.folder, watch)

                asked, _ = Strike.by(chance).deal(story, watch, import_id, kill)
                worker = programs.living_worker()
                until(lambda: is_there(watch), "the database is back")
            stops += prove_ended(own_place, story, import_id, sheet, asked=asked, sessions=2)
    assert stops, "no import was stopped"


# --- Taken back ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Past:
    """A site on which an import was followed by other things, and what there is to take back."""

    place: Place
    model: Story
    done: LoyaltyImport
    amounts: dict[str, int]
    """What the import has changed."""
    balances: dict[str, int]
    """As they are now."""
    later: frozenset[str]
    """Those whose balances another import has set, or found to be right, since."""

    def expect(self, policy: WhenNegative) -> tuple[dict[str, int], dict[str, Any]]:
        """Return the balances after an undo, and what is said of it, thought out one by one."""
        after, entries, reasons = dict(self.balances), Counter[str](), Counter[str]()
        for email, amount in self.amounts.items():
            balance = self.balances[email]
            if email in self.later:
                reasons["LATER_IMPORT"] += 1
                entries["impossible"] += 1
            elif balance - amount > POINTS_MAX:
                reasons["BALANCE_TOO_LARGE"] += 1
                entries["impossible"] += 1
            elif balance - amount >= 0:
                after[email] = balance - amount
                entries["reversed"] += 1
            else:
                entries["kept"] += 1
                if policy is WhenNegative.CLAMP and balance > 0:
                    after[email] = 0
                else:
                    reasons["POINTS_SPENT"] += 1
        taken = [balance - after[email] for email, balance in self.balances.items()]
        return after, {
            "status": "DONE",
            "when_negative": str(policy),
            "entries": len(self.amounts),
            **{name: entries[name] for name in ("reversed", "kept", "impossible")},
            "points_removed": sum(points for points in taken if points > 0),
            "points_added": -sum(points for points in taken if points < 0),
            "reasons": dict(reasons),
        }


def make_past(place: Place) -> Past:
    """Import, and then let some spend their points, some earn more, and a later import set the balances of some."""
    chance = random.Random(9)  # noqa: S311 (chance that comes again)
    story, _ = copied(place.model)
    balances = dict(place.before)

    def run(lines: dict[str, int], *, adds: bool = False) -> LoyaltyImport:
        chosen: dict[str, Any] = {"mode": "ADD"} if adds else {}
        ended = story.run(content(list(lines.items())), **chosen)
        assert ended.failure_count == 0
        for email, points in lines.items():
            balances[email] = balances.get(email, 0) + points if adds else points
        return ended

    rich = [customer(number) for number in range(3, 60, 7)]
    run(dict.fromkeys(rich, 900_000_000))
    everyone = {customer(number): chance.randrange(2_000) for number in range(ROWS)}
    everyone |= {customer(number): balances[customer(number)] for number in range(0, KNOWN_ROWS, 6)}
    everyone |= dict.fromkeys(rich, 100)
    amounts = {email: points - balances.get(email, 0) for email, points in everyone.items()}
    done = run(everyone)
    emptied = {customer(number): -balances[customer(number)] for number in range(1, ROWS, 11)}
    spent = {customer(number): -(balances[customer(number)] * 3 // 4) for number in range(2, ROWS, 5)}
    earned = {customer(number): chance.randrange(1, 500) for number in range(4, ROWS, 5)}
    moved = {**spent, **earned, **emptied, **dict.fromkeys(rich, 200_000_000)}
    run({email: points for email, points in moved.items() if points}, adds=True)
    later = {customer(number): chance.randrange(2_000) for number in range(100, ROWS, 13)}
    later |= {customer(number): balances[customer(number)] for number in range(105, ROWS, 26)}  # which changes nothing
    run(later)
    assert story.balances() == balances
    changed = {email: amount for email, amount in amounts.items() if amount}
    return Past(place, story, done, changed, balances, frozenset(later))


@pytest.fixture(scope="module")
def past(place: Place) -> Past:
    return make_past(place)


def test_what_is_to_be_taken_back_is_of_every_kind(past: Past) -> None:
    for policy, spent in ((WhenNegative.SKIP, 1.0), (WhenNegative.CLAMP, 0.5)):
        _, told = past.expect(policy)
        assert min(told["reversed"], told["kept"], told["impossible"]) > 100
        assert set(told["reasons"]) == {"POINTS_SPENT", "LATER_IMPORT", "BALANCE_TOO_LARGE"}
        assert told["kept"] * spent >= told["reasons"]["POINTS_SPENT"]


def prove_undone(past: Past, story: Story, run_id: UUID, policy: WhenNegative) -> None:
    """Prove that an undo came to its end as if nothing had happened."""
    after, expected = past.expect(policy)
    told = story.find(past.done.id).undo
    assert told is not None
    assert {name: told.get(name) for name in expected} == expected
    assert told["id"] == str(run_id)
    assert story.balances() == after
    entries, settled, left_over = read_rows(story, run_id)
    assert left_over == 0
    assert (
        len({row["line"] for row in entries}) == len(entries) == expected["entries"] - sum(expected["reasons"].values())
    )
    assert Counter(row["problem"] for row in settled) == Counter(expected["reasons"])
    assert sum(row["amount"] for row in entries) == expected["points_added"] - expected["points_removed"]
    assert steps.verify(story.app, story.site_id) == []


def begin_undo(past: Past, policy: WhenNegative) -> tuple[Story, UUID]:
    story, _ = copied(past.model)
    begun = undo.begin(story.app, story.site_id, past.done.id, when_negative=policy, actor="test")
    assert begun.undo is not None
    return story, UUID(begun.undo["id"])


@dataclass(frozen=True)
class Blow:
    """When to kill: so many seconds after so many entries were taken back."""

    rows: int
    seconds: float

    def wait(self, watch: RunWatch) -> None:
        """Wait for the instant; an undo that was faster has ended by then."""
        until(lambda: watch.applied_rows >= self.rows or watch.has_ended, "the undo is on its way")
        time.sleep(self.seconds)


def choose_blows(seed: int, entries: int, *, number: int) -> list[Blow]:
    """Choose instants at random, but always the same: the first while the entries are lined up."""
    chance = random.Random(seed)  # noqa: S311 (chance that comes again)
    rows = sorted(chance.randrange(1, entries * 3 // 4) for _ in range(number - 1))
    return [Blow(0, chance.uniform(0, 0.08)), *(Blow(row, chance.uniform(0, 0.04)) for row in rows)]


@pytest.mark.parametrize(
    ("seed", "sessions", "policy"),
    [
        (10, 1, WhenNegative.SKIP),
        (11, 1, WhenNegative.CLAMP),
        (12, 2, WhenNegative.SKIP),
        (13, 2, WhenNegative.CLAMP),
        (14, 4, WhenNegative.CLAMP),
    ],
)
def test_workers_killed_at_four_random_instants_of_one_undo_are_replaced_and_nothing_shows(
    past: Past, seed: int, sessions: int, policy: WhenNegative
) -> None:
    left = choose_blows(seed, len(past.amounts), number=4)
    with past.place.programs(sessions) as programs:
        for _ in range(TRIES_MAX):
            left = kill_workers(past, programs, left, policy)
            if not left:
                return
    pytest.fail(f"no worker was killed while an undo was at {left}")


def kill_workers(past: Past, programs: Programs, blows: list[Blow], policy: WhenNegative) -> list[Blow]:
    """Take the import back with a worker killed at each instant; returns those that passed before that."""
    missed = []
    worker = programs.living_worker().wait_until_ready()
    story, run_id = begin_undo(past, policy)
    with past.place.watch_run(run_id) as watch:
        for blow in blows:
            blow.wait(watch)
            worker.kill()
            if watch.has_ended:
                missed.append(blow)
            worker = programs.worker()
        until(lambda: watch.has_ended and not watch.has_job, "the undo has ended and nobody is at work on it")
    prove_undone(past, story, run_id, policy)
    return missed


def test_a_database_killed_again_and_again_while_an_import_is_taken_back_comes_back_and_nothing_shows(
    own_place: Place,
) -> None:
    past = make_past(own_place)
    left = list(zip(choose_blows(15, len(past.amounts), number=3), (False, True, False), strict=True))
    with own_place.programs(2) as programs:
        for _ in range(TRIES_MAX):
            left = kill_databases(past, programs, left, WhenNegative.CLAMP)
            if not left:
                return
    pytest.fail(f"no database was killed while an undo was at {left}")


def kill_databases(
    past: Past, programs: Programs, blows: list[tuple[Blow, bool]], policy: WhenNegative
) -> list[tuple[Blow, bool]]:
    """Take the import back with the database killed at each instant, and the worker with it where that is said."""
    missed = []
    worker = programs.living_worker().wait_until_ready()
    story, run_id = begin_undo(past, policy)
    with past.place.watch_run(run_id) as watch:
        for blow, dies_too in blows:
            blow.wait(watch)
            if dies_too:
                worker.kill()
            kill_database(past.place.folder, watch)
            worker = programs.living_worker()
            until(lambda: is_there(watch), "the database is back")
            # A worker may have gone on by now, but not so far.
            if watch.has_ended:
                missed.append((blow, dies_too))
        until(lambda: watch.has_ended and not watch.has_job, "the undo has ended and nobody is at work on it")
    prove_undone(past, story, run_id, policy)
    return missed


# --- Looked at before ---------------------------------------------------------------------------------------------------


def kill_previewing(
    place: Place, programs: Programs, worker: Program, begun: Run, seconds: float
) -> tuple[Program, bool]:
    """Kill a worker while it previews, and have another do it; returns that one, and whether the kill came in time."""
    with place.watch_run(begun.id) as watch:
        until(lambda: watch.has_open_work or watch.has_ended, "the preview is on its way")
        time.sleep(seconds)
        worker.kill()
        hit = not watch.has_ended
        worker = programs.worker()
        until(lambda: watch.has_ended and not watch.has_job, "the preview has ended and nobody is at work on it")
    return worker, hit


def test_a_worker_killed_half_way_through_a_preview_is_replaced_and_the_ledger_stays_as_it_was(place: Place) -> None:
    chance = random.Random(16)  # noqa: S311 (chance that comes again)
    hits = 0
    with place.programs(1) as programs:
        worker = programs.worker()
        for number in range(3 * TRIES_MAX):
            sheet = make_sheet(number, place.before, adds=number % 2 == 1)
            story, _ = copied(place.model)
            parsed = story.parse(sheet.content)
            before = ledger(story)
            worker.wait_until_ready()
            options = from_chosen(sheet.options)
            begun = previews.begin(
                place.app, story.site_id, parsed.id, columns=Mapping(0, 1), options=options, actor="test"
            )
            worker, hit = kill_previewing(place, programs, worker, begun, chance.uniform(0, 0.08))
            prove_foreseen(place, story, begun, sheet)
            assert ledger(story) == before
            assert story.find(parsed.id) == parsed
            hits += hit
            if hits == 3:
                return
    pytest.fail(f"{hits} of 3 workers were killed while they previewed")


def test_a_worker_killed_half_way_through_the_preview_of_an_undo_is_replaced_and_the_ledger_stays_as_it_was(
    past: Past,
) -> None:
    _, expected = past.expect(WhenNegative.SKIP)
    with past.place.programs(1) as programs:
        worker = programs.worker()
        for seconds in (0.05, 0.03, 0.01, 0):
            story, _ = copied(past.model)
            before = ledger(story)
            worker.wait_until_ready()
            begun = previews.begin_of_undo(
                story.app, story.site_id, past.done.id, when_negative=WhenNegative.SKIP, actor="test"
            )
            worker, hit = kill_previewing(past.place, programs, worker, begun, seconds)
            found = previews.find(story.app, story.site_id, past.done.id, Kind.UNDO_PREVIEW)
            assert found.summary is not None
            assert found.summary["undo"] == {
                name: value for name, value in expected.items() if name not in {"status", "when_negative"}
            }
            assert len(read_rows(story, begun.id)[1]) == len(past.amounts)
            assert ledger(story) == before
            if hit:
                return
    pytest.fail("no worker was killed while it previewed")


def ledger(story: Story) -> tuple[list[dict[str, Any]], int]:
    """All accounts as they are, and how many entries there are."""
    these = {"site_id": story.site_id}
    with story.app.database.transaction(story.site_id) as connection:
        accounts = connection.execute("SELECT * FROM account WHERE site_id = %(site_id)s ORDER BY id", these).fetchall()
        entries = connection.execute("SELECT line FROM transaction WHERE site_id = %(site_id)s", these).fetchall()
    return accounts, len(entries)


def prove_foreseen(place: Place, story: Story, begun: Run, sheet: Sheet) -> None:
    """Prove that a preview says of every row what would become of it, and has left nothing else."""
    entries, settled, left_over = read_rows(story, begun.id)
    assert (entries, left_over) == ([], 0)
    assert {row["line"]: row["problem"] or row["outcome"] for row in settled} == {
        line: fate.outcome for line, fate in sheet.fates.items()
    }
    assert len(settled) == len(sheet.fates)
    found = previews.find(story.app, story.site_id, begun.import_id, Kind.PREVIEW)
    assert found.id == begun.id
    assert found.summary is not None
    good = [fate for fate in sheet.fates.values() if fate.outcome in {"IMPORTED", "UNCHANGED"}]
    changes = [fate.balance - place.before.get(fate.email, 0) for fate in good]
    outcomes = Counter(fate.outcome for fate in good)
    assert found.summary["rows"] == {**outcomes, "FAILED": len(sheet.fates) - len(good)}
    assert found.summary["points"]["added"] == sum(change for change in changes if change > 0)
    assert found.summary["points"]["removed"] == -sum(change for change in changes if change < 0)
    assert found.summary["accounts"]["created"] == len({fate.email for fate in good} - place.before.keys())
    assert steps.verify(story.app, story.site_id) == []
