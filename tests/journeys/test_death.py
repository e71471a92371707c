"""Death at any instant: of a worker, of the server that people talk to, of the database, of its disk."""

import csv
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from psycopg import sql
from pydantic import SecretStr

from pointport.app import App, open_app
from pointport.imports import steps
from pointport.imports.record import LoyaltyImport
from pointport.imports.shapes import Mapping
from pointport.plumbing.sites import sites
from pointport.settings import Settings
from tests.conftest import Story
from tests.journeys.processes import Program, Programs, Watch, cloned_database, until

ROWS = 50_000
KNOWN_ROWS = 20_000
"""So many customers have a balance before."""

BLOCK_ROWS = 32
"""One row in so many is bad."""

CHUNKS = {"POINTPORT_CHUNK_ROWS": "2000"}
TRIES_MAX = 5


# --- The file -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sheet:
    """A file, and what has to come of it."""

    content: bytes
    balances: dict[str, int]
    """Of the rows that are good."""
    failures: list[tuple[int, str]]
    """Line and problem of those that are not."""


def customer(number: int) -> str:
    return f"c{number:05d}@example.com"


def old_balance(number: int) -> int:
    return number % 977


BAD_CELLS: dict[str, Callable[[int], str]] = {
    "CELL_MISSING": customer,
    "EMAIL_MISSING": lambda number: f",{number}",
    "EMAIL_INVALID": lambda number: f"c{number:05d}(at)example.com,{number}",
    "POINTS_MISSING": lambda number: f"{customer(number)},",
    "POINTS_NOT_A_NUMBER": lambda number: f"{customer(number)},many",
    "POINTS_NOT_WHOLE": lambda number: f"{customer(number)},7.25",
    "POINTS_NEGATIVE": lambda number: f"{customer(number)},-7",
    "POINTS_TOO_LARGE": lambda number: f"{customer(number)},1000000000",
    "CONTACT_NOT_FOUND": lambda number: f"stranger{number}@example.com,{number}",
    "DUPLICATE_EMAIL": lambda number: f"{customer(number - 1)},{number}",
}


def make_sheet(seed: int) -> Sheet:
    """Make a file of 50,000 rows: some with new balances, some with those of before, some bad in every way."""
    chance = random.Random(seed)
    kinds = list(BAD_CELLS)
    rows: list[str] = []
    balances: dict[str, int] = {}
    problems: dict[int, str] = {}
    bad = 0
    for number in range(ROWS):
        if number % BLOCK_ROWS == 0:
            bad = number + chance.randrange(1, BLOCK_ROWS)
        if number == bad:
            kind = kinds[number // BLOCK_ROWS % len(kinds)]
            rows.append(BAD_CELLS[kind](number))
            problems[number] = kind
            if kind == "DUPLICATE_EMAIL":  # Which of the two is right, nobody knows: both fail.
                problems[number - 1] = kind
                del balances[customer(number - 1)]
        else:
            is_same = number < KNOWN_ROWS and number % 5 == 0
            points = old_balance(number) if is_same else chance.randrange(100_000)
            rows.append(f"{customer(number)},{points}")
            balances[customer(number)] = points
    content = "\r\n".join(["Email,Points balance", *rows, ""]).encode()
    return Sheet(content, balances, [(number + 2, problems[number]) for number in sorted(problems)])


def test_the_file_has_bad_rows_of_every_kind() -> None:
    sheet = make_sheet(0)
    assert {problem for _, problem in sheet.failures} == set(BAD_CELLS)
    assert 0.03 < len(sheet.failures) / ROWS < 0.04
    assert len(sheet.balances) + len(sheet.failures) == ROWS


# --- The place ----------------------------------------------------------------------------------------------------------


class Market:
    """A database with 50,000 customers, of which 20,000 have a balance; each test gets a site of its own with them."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.before = {customer(number): old_balance(number) for number in range(KNOWN_ROWS)}
        made, _ = sites.create_site(app.database, "Market", default=False, actor="test", now=app.clock())
        self._model = Story(app, made.id)
        self._model.add_contacts(*map(customer, range(ROWS)))
        begun = time.monotonic()
        rows = [f"{email},{balance}" for email, balance in self.before.items()]
        self._model.run("\n".join(["Email,Points", *rows, ""]).encode())
        self.import_seconds = (time.monotonic() - begun) * ROWS / KNOWN_ROWS
        """About how long an import of the whole file takes."""

    def open_site(self) -> tuple[Story, str]:
        """Make a site of the same customers with the same balances; returns it with its key."""
        made, key = sites.create_site(self.app.database, "Stall", default=False, actor="test", now=self.app.clock())
        with self.app.database.owner_transaction() as connection:
            for table in ("contact", "account", "transaction"):
                named = connection.execute(
                    "SELECT column_name FROM information_schema.columns"
                    " WHERE table_schema = 'public' AND table_name = %s AND column_name <> 'site_id'",
                    [table],
                ).fetchall()
                columns = sql.SQL(", ").join(sql.Identifier(row["column_name"]) for row in named)
                copy = sql.SQL("INSERT INTO {} (site_id, {}) SELECT %s, {} FROM {} WHERE site_id = %s")
                connection.execute(
                    copy.format(sql.Identifier(table), columns, columns, sql.Identifier(table)),
                    [made.id, self._model.site_id],
                )
        return Story(self.app, made.id), key

    def watch(self, import_id: UUID) -> Watch:
        """Look at an import from outside."""
        return Watch(self.app.database.conninfo, import_id)

    def prove(self, story: Story, import_id: UUID, sheet: Sheet) -> None:
        """Prove that an import came to its end as if nothing had happened."""
        done = story.find(import_id)
        changed = {email: points for email, points in sheet.balances.items() if self.before.get(email, 0) != points}
        assert (done.status, done.failure_message) == ("IMPORTED", None)
        assert (done.success_count, done.failure_count) == (len(sheet.balances), len(sheet.failures))
        assert (done.parsed_row_count, done.done_rows) == (ROWS, ROWS)
        assert done.accounts_created == len(sheet.balances.keys() - self.before.keys())
        assert done.accounts_changed == len(changed)
        with self.app.database.transaction(story.site_id) as connection:
            # The statistics know nothing of so new a site, and the planner might look at everyone for everyone.
            connection.execute("SET LOCAL enable_nestloop = off")
            balances = connection.execute("SELECT email, balance FROM contact JOIN account USING (site_id, id)").fetchall()
            found = connection.execute(
                "SELECT count(*) AS entries, count(DISTINCT line) AS lines,"
                " (SELECT count(*) FROM import_stage WHERE import_id = %(id)s)"
                " + (SELECT count(*) FROM import_ready WHERE import_id = %(id)s) AS left_over"
                " FROM transaction WHERE import_id = %(id)s",
                {"id": import_id},
            ).fetchone()
        assert {row["email"]: row["balance"] for row in balances} == {**self.before, **sheet.balances}
        assert found == {"entries": len(changed), "lines": len(changed), "left_over": 0}
        listed = csv.DictReader(story.error_file(done).splitlines())
        assert [(int(row["Import line"]), row["Error code"]) for row in listed] == sheet.failures
        assert steps.verify(self.app, story.site_id) == []


def execute(story: Story, import_id: UUID) -> None:
    steps.execute(story.app, story.site_id, import_id, columns=Mapping(0, 1), actor="test")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="pointport-test-") as path:
        yield Path(path)


@pytest.fixture(scope="module")
def market(server: str, template: str, folder: Path) -> Iterator[Market]:
    with (
        cloned_database(server, template) as url,
        open_app(Settings(DATABASE_URL=SecretStr(url), data_dir=folder, log_level="WARNING")) as app,
    ):
        yield Market(app)


@pytest.fixture(scope="module")
def programs(market: Market, folder: Path) -> Iterator[Programs]:
    with Programs(folder, DATABASE_URL=market.app.database.conninfo, **CHUNKS) as started:
        yield started


# --- Death of a worker --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Instant:
    """When to strike: so many seconds after something was seen. `struck` tells from the import whether that was it."""

    name: str
    seen: Callable[[Watch], bool]
    seconds: float
    struck: Callable[[LoyaltyImport], bool]

    def wait(self, watch: Watch) -> None:
        """Wait for the instant; an import that was faster has ended by then."""
        until(lambda: self.seen(watch) or watch.has_ended, f"the import was seen {self.name}")
        time.sleep(self.seconds)

    def __str__(self) -> str:
        return self.name


def is_importing(found: LoyaltyImport) -> bool:
    return found.status == "IMPORTING"


def is_being_staged(found: LoyaltyImport) -> bool:
    return is_importing(found) and found.ready_rows is None


def is_being_applied(found: LoyaltyImport) -> bool:
    return is_importing(found) and 0 < found.applied_rows < (found.ready_rows or 0)


def is_being_written(found: LoyaltyImport) -> bool:
    return is_importing(found) and found.applied_rows == found.ready_rows


def while_parsed(seconds: float) -> Instant:
    return Instant(
        f"parsed {seconds:.3f}s",
        lambda watch: watch.status == "PARSING",
        seconds,
        lambda seen: seen.status == "PARSING",
    )


def while_staged(rows: int) -> Instant:
    return Instant(f"staged row {rows}", lambda watch: watch.copied_rows >= rows, 0, is_being_staged)


def while_judged(seconds: float) -> Instant:
    return Instant(f"judged {seconds:.3f}s", lambda watch: watch.is_judged, seconds, is_being_staged)


def while_applied(rows: int, seconds: float) -> Instant:
    name = f"applied row {rows} {seconds:.3f}s"
    return Instant(name, lambda watch: watch.applied_rows >= rows, seconds, is_being_applied)


def while_written(seconds: float) -> Instant:
    return Instant(f"error file {seconds:.3f}s", lambda watch: watch.is_applied, seconds, is_being_written)


def at_any_time(share: float) -> Instant:
    """Strike after a share of the time that an import takes; the test multiplies it."""
    return Instant(f"at {share:.2f}", lambda watch: watch.status == "IMPORTING", share, is_importing)


def make_instants() -> list[Instant]:
    chance = random.Random(20)
    return [
        *(while_parsed(chance.uniform(0, 0.1)) for _ in range(3)),
        *(while_staged(chance.randrange(1, 45_000)) for _ in range(4)),
        *(while_judged(chance.uniform(0, 0.1)) for _ in range(2)),
        *(while_applied(chance.randrange(1, 40_000), chance.uniform(0, 0.05)) for _ in range(6)),
        *(while_written(chance.uniform(0, 0.08)) for _ in range(4)),
        at_any_time(chance.uniform(0, 0.9)),
    ]


@pytest.mark.parametrize("instant", make_instants(), ids=str)
def test_a_worker_killed_at_any_instant_is_replaced_and_nothing_shows(
    market: Market, programs: Programs, instant: Instant
) -> None:
    sheet = make_sheet(random.Random(instant.name).randrange(1_000))
    for _ in range(TRIES_MAX):
        story, _ = market.open_site()
        import_id, seen = kill_one_worker(market, programs, story, sheet, instant)
        market.prove(story, import_id, sheet)
        if instant.struck(seen):
            return
        # The import was faster than the test. That it is right is proven, but this is not the death that was meant.
    pytest.fail(f"no worker was killed while an import was {instant}")


def kill_one_worker(
    market: Market, programs: Programs, story: Story, sheet: Sheet, instant: Instant
) -> tuple[UUID, LoyaltyImport]:
    """Bring an import to its end with a worker killed at an instant; returns the import as the dead one left it."""
    victim = programs.living_worker().wait_until_ready()
    import_id = story.create(sheet.content).id
    with market.watch(import_id) as watch:
        if instant.name.startswith("parsed"):
            seen = kill(victim, story, import_id, instant, watch)
            programs.worker()
        until(lambda: watch.status == "PARSED", "the import is parsed")
        execute(story, import_id)
        if not instant.name.startswith("parsed"):
            seen = kill(victim, story, import_id, instant, watch)
            programs.worker()
        until(lambda: watch.has_ended, "the import has ended")
    return import_id, seen


def kill(victim: Program, story: Story, import_id: UUID, instant: Instant, watch: Watch) -> LoyaltyImport:
    instant.wait(watch)
    victim.kill()
    return story.find(import_id)
