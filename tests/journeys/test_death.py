"""Death at any instant: of a worker, of the server that people talk to, of the database, of its disk."""

import csv
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from pointport.app import App, open_app
from pointport.imports import steps
from pointport.imports.record import LoyaltyImport
from pointport.imports.shapes import Mapping
from pointport.plumbing.sites import sites
from pointport.plumbing.webhooks.event_types import EventType
from pointport.settings import Settings
from tests.conftest import Story
from tests.contract.conftest import subscribe
from tests.journeys.processes import (
    Program,
    Programs,
    Watch,
    cloned_database,
    is_there,
    kill_database,
    patiently,
    until,
)
from tests.journeys.stalls import copied

ROWS = 50_000
KNOWN_ROWS = 20_000
"""So many customers have a balance before."""

BLOCK_ROWS = 32
"""One row in so many is bad."""

CHUNKS = {"POINTPORT_CHUNK_ROWS": "2000"}
TRIES_MAX = 3

IMPORTS = "/_api/loyalty-imports/v1/loyalty-imports"
COLUMNS = {"headerMappings": [{"columnName": "EMAIL", "columnIndex": 0}, {"columnName": "POINTS", "columnIndex": 1}]}


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
    return number % 976 + 1


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
    chance = random.Random(seed)  # noqa: S311 (chance that comes again)
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
        rows = [f"{email},{balance}" for email, balance in self.before.items()]
        self._model.run("\n".join(["Email,Points", *rows, ""]).encode())

    def open_site(self) -> tuple[Story, str]:
        """Make a site of the same customers with the same balances; returns it with its key."""
        return copied(self._model)

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
            balances = connection.execute(
                "SELECT email, balance FROM contact JOIN account USING (site_id, id)"
            ).fetchall()
            found = connection.execute(
                "SELECT count(*) AS entries, count(DISTINCT line) AS lines,"
                " (SELECT count(*) FROM import_stage WHERE import_id = %(id)s)"
                " + (SELECT count(*) FROM import_ready WHERE import_id = %(id)s)"
                " + (SELECT count(*) FROM import_chunk WHERE import_id = %(id)s) AS left_over"
                " FROM transaction WHERE import_id = %(id)s",
                {"id": import_id},
            ).fetchone()
        assert {row["email"]: row["balance"] for row in balances} == {**self.before, **sheet.balances}
        assert found == {"entries": len(changed), "lines": len(changed), "left_over": 0}
        listed = csv.DictReader(story.error_file(done).splitlines())
        assert [(int(row["Import line"]), row["Error code"]) for row in listed] == sheet.failures
        assert steps.verify(self.app, story.site_id) == []


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


def is_being_staged(found: LoyaltyImport) -> bool:
    return found.status == "IMPORTING" and found.ready_rows is None


def is_being_applied(found: LoyaltyImport) -> bool:
    return found.status == "IMPORTING" and 0 < found.applied_rows < (found.ready_rows or 0)


def is_being_written(found: LoyaltyImport) -> bool:
    return found.status == "IMPORTING" and found.applied_rows == found.ready_rows


def while_parsed(seconds: float) -> Instant:
    return Instant("parsed", lambda watch: watch.status == "PARSING", seconds, lambda found: found.status == "PARSING")


def while_staged(rows: int) -> Instant:
    return Instant(f"staged, row {rows}", lambda watch: watch.copied_rows >= rows, 0, is_being_staged)


def while_judged(seconds: float) -> Instant:
    return Instant("judged", lambda watch: watch.is_judged, seconds, is_being_staged)


def while_applied(rows: int, seconds: float) -> Instant:
    return Instant(f"applied, row {rows}", lambda watch: watch.applied_rows >= rows, seconds, is_being_applied)


def while_written(seconds: float) -> Instant:
    return Instant("applied, but for the error file", lambda watch: watch.is_applied, seconds, is_being_written)


def make_instants(seed: int) -> list[Instant]:
    """Choose five instants of one import, one of each kind, at random but always the same."""
    chance = random.Random(seed)  # noqa: S311 (chance that comes again)
    return [
        while_parsed(chance.uniform(0, 0.03)),
        while_judged(chance.uniform(0, 0.1)) if seed % 2 else while_staged(chance.randrange(1, 45_000)),
        while_applied(chance.randrange(1, 18_000), chance.uniform(0, 0.15)),
        while_applied(chance.randrange(26_000, 38_000), chance.uniform(0, 0.15)),
        while_written(chance.uniform(0, 0.02)),
    ]


@pytest.mark.parametrize(("seed", "sessions"), [(0, "1"), (1, "2"), (2, "4"), (3, "2")])
def test_workers_killed_at_five_random_instants_of_one_import_are_replaced_and_nothing_shows(
    market: Market, folder: Path, seed: int, sessions: str
) -> None:
    left = make_instants(seed)
    url = market.app.database.conninfo
    with Programs(folder, DATABASE_URL=url, POINTPORT_APPLY_SESSIONS=sessions, **CHUNKS) as programs:
        for _ in range(TRIES_MAX):
            left = kill_workers(market, programs, left, seed)
            if not left:
                return
    pytest.fail(f"no worker was killed while an import was {' or '.join(instant.name for instant in left)}")


def kill_workers(market: Market, programs: Programs, instants: list[Instant], seed: int) -> list[Instant]:
    """Bring an import to its end with a worker killed at each instant.

    Returns those that passed before the test could strike: what came of them is proven right, but they count for
    nothing.
    """
    missed = []
    sheet = make_sheet(seed)
    story, _ = market.open_site()
    worker = programs.living_worker().wait_until_ready()
    import_id = story.create(sheet.content).id
    with market.watch(import_id) as watch:
        for instant in instants:
            if instant.name != "parsed":
                execute_once_parsed(story, import_id, watch)
            instant.wait(watch)
            worker.kill()
            if not instant.struck(story.find(import_id)):
                missed.append(instant)
            worker = programs.worker()
        execute_once_parsed(story, import_id, watch)
        until(lambda: watch.has_ended, "the import has ended")
    market.prove(story, import_id, sheet)
    return missed


def execute_once_parsed(story: Story, import_id: UUID, watch: Watch) -> None:
    until(lambda: watch.status not in {"INITIATED", "PARSING"}, "the import is parsed")
    if watch.status == "PARSED":
        patiently(lambda: steps.execute(story.app, story.site_id, import_id, columns=Mapping(0, 1), actor="test"))


# --- Death of the server that people talk to ----------------------------------------------------------------------------


def test_a_server_killed_again_and_again_between_two_requests_finishes_the_import_all_the_same(
    market: Market, folder: Path
) -> None:
    sheet = make_sheet(4)
    story, key = market.open_site()
    with (
        Programs(folder, DATABASE_URL=market.app.database.conninfo, **CHUNKS) as programs,
        httpx2.Client(headers={"Authorization": key, "wix-site-id": str(story.site_id)}, timeout=60) as client,
    ):
        server = programs.server()
        slot = client.post(f"{server.url}{IMPORTS}/wixmp-upload-url").json()
        assert client.put(slot["uploadUrl"], content=sheet.content).status_code == 200
        server = killed_and_followed(server, programs)
        made = client.post(f"{server.url}{IMPORTS}", json={"fileUrl": slot["filePath"]}).json()["loyaltyImport"]
        with market.watch(UUID(made["id"])) as watch:
            until(lambda: watch.status != "INITIATED", "the import is being parsed")
            server = killed_and_followed(server, programs)
            until(lambda: told(client, server, made["id"])["status"] == "PARSED", "the import is parsed")
            answer = client.post(
                f"{server.url}{IMPORTS}/execute", json={"loyaltyImportId": made["id"], "headerMappingInfo": COLUMNS}
            )
            assert answer.status_code == 200
            # The answer is a promise: it holds even when the server dies as soon as it is given.
            server = killed_and_followed(server, programs)
            until(lambda: watch.applied_rows >= 10_000, "the import is on its way")
            server = killed_and_followed(server, programs)
            until(lambda: watch.is_applied or watch.has_ended, "all rows are applied")
            server = killed_and_followed(server, programs)
            until(lambda: watch.has_ended, "the import has ended")
        result = told(client, server, made["id"])["importResult"]
        assert result == {
            "errorFileExists": True,
            "successCount": len(sheet.balances),
            "failureCount": len(sheet.failures),
        }
        verified = client.get(f"{server.url}/pointport/v1/ledger/verify").json()
        assert verified == {"siteId": str(story.site_id), "sound": True, "findings": []}
    market.prove(story, UUID(made["id"]), sheet)


def killed_and_followed(server: Program, programs: Programs) -> Program:
    """Kill a server and start another."""
    server.kill()
    return programs.server().wait_until_ready()


def told(client: httpx2.Client, server: Program, import_id: str) -> dict[str, Any]:
    """Return what the API says of an import."""
    answer = client.get(f"{server.url}{IMPORTS}", params={"loyaltyImportId": import_id})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()["loyaltyImport"]
    return found


# --- Death of the database ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="pointport-test-") as path:
        yield Path(path)


@pytest.fixture(scope="module")
def own_market(own_folder: Path) -> Iterator[Market]:
    """A market on an embedded server of its own, which may be killed."""
    with open_app(Settings(DATABASE_URL=None, data_dir=own_folder, log_level="ERROR")) as app:
        yield Market(app)


@pytest.fixture
def own_programs(own_market: Market, own_folder: Path) -> Iterator[Programs]:
    with Programs(own_folder, **CHUNKS) as started:
        yield started


@pytest.mark.parametrize(
    ("seed", "dies_too"), [(13, False), (11, True)], ids=["the worker lives on", "the worker dies with it"]
)
def test_a_database_server_killed_again_and_again_comes_back_and_nothing_shows(
    own_market: Market, own_folder: Path, own_programs: Programs, seed: int, dies_too: bool
) -> None:
    left = make_instants(seed)
    for _ in range(TRIES_MAX):
        left = kill_databases(own_market, own_folder, own_programs, left, seed=seed, dies_too=dies_too)
        if not left:
            return
    pytest.fail(f"no database was killed while an import was {' or '.join(instant.name for instant in left)}")


def kill_databases(
    market: Market, folder: Path, programs: Programs, instants: list[Instant], *, seed: int, dies_too: bool
) -> list[Instant]:
    """Bring an import to its end with the database killed at each instant; returns those that passed before that."""
    missed = []
    sheet = make_sheet(seed)
    story, _ = market.open_site()
    worker = programs.living_worker().wait_until_ready()
    import_id = story.create(sheet.content).id
    with market.watch(import_id) as watch:
        for instant in instants:
            if instant.name != "parsed":
                execute_once_parsed(story, import_id, watch)
            instant.wait(watch)
            if dies_too:
                worker.kill()
            kill_database(folder, watch)
            if dies_too:
                worker = programs.worker()
            # The worker brings it back: this process only looks.
            until(lambda: is_there(watch), "the database is back")
            if not instant.struck(patiently(lambda: story.find(import_id))):
                missed.append(instant)
        execute_once_parsed(story, import_id, watch)
        until(lambda: watch.has_ended, "the import has ended")
    market.prove(story, import_id, sheet)
    return missed


def test_a_worker_that_stood_still_while_the_database_died_and_came_back_loses_no_row(
    own_market: Market, own_folder: Path, own_programs: Programs
) -> None:
    sheet = make_sheet(12)
    story, _ = own_market.open_site()
    # Small chunks, one at a time: the instants between two are many.
    small = {"POINTPORT_CHUNK_ROWS": "200", "POINTPORT_APPLY_SESSIONS": "1"}
    worker = own_programs.worker(**small).wait_until_ready()
    import_id = story.parse(sheet.content).id
    with own_market.watch(import_id) as watch:

        def freezes_between_two_chunks() -> bool:
            worker.freeze()
            if not watch.has_open_work:
                return True
            worker.thaw()
            return False

        execute_once_parsed(story, import_id, watch)
        until(lambda: watch.applied_rows > 0, "the import is under way")
        until(freezes_between_two_chunks, "the worker stands still between two chunks")
        assert is_being_applied(story.find(import_id)), "the import was faster than the test"
        kill_database(own_folder, watch)
        own_market.app.database.revive()
        until(lambda: is_there(watch), "the database is back")
        worker.thaw()
        until(lambda: watch.has_ended, "the import has ended")
    assert "job failed" not in worker.said, "it took the lost rows for a fault"
    own_market.prove(story, import_id, sheet)


def assert_passing(answer: httpx2.Response) -> None:
    """Prove that an answer says: not now, ask again later."""
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["details"]["applicationError"]["code"] == "UNAVAILABLE"


def test_while_the_database_is_gone_the_api_says_so_and_then_everything_goes_on(
    own_market: Market, own_folder: Path
) -> None:
    sheet = make_sheet(20)
    (story, _), (other, key) = own_market.open_site(), own_market.open_site()
    import_id = story.parse(sheet.content).id
    waiting = str(other.parse(b"Email,Points\nc00001@example.com,5\n").id)
    with (
        # Under its address, the embedded server is one that the process cannot bring back.
        Programs(own_folder, DATABASE_URL=own_market.app.database.conninfo, **CHUNKS) as programs,
        own_market.watch(import_id) as watch,
        httpx2.Client(headers={"Authorization": key, "wix-site-id": str(other.site_id)}, timeout=60) as client,
        ThreadPoolExecutor(2) as both,
    ):
        url = programs.server().url

        def execute() -> httpx2.Response:
            body = {"loyaltyImportId": waiting, "headerMappingInfo": COLUMNS}
            return client.post(f"{url}{IMPORTS}/execute", json=body)

        def read() -> httpx2.Response:
            return client.get(f"{url}{IMPORTS}", params={"loyaltyImportId": waiting})

        execute_once_parsed(story, import_id, watch)
        until(lambda: watch.applied_rows >= 10_000, "an import is on its way")
        kill_database(own_folder, watch)
        for answer in both.map(lambda call: call(), (execute, read)):
            assert_passing(answer)
        assert_passing(client.get(f"{url}/readyz"))
        assert client.get(f"{url}/healthz").status_code == 200
        own_market.app.database.revive()
        assert execute().status_code == 200
        until(lambda: watch.has_ended, "the import has ended")
        until(lambda: read().json()["loyaltyImport"]["status"] == "IMPORTED", "the one that had to wait has ended")
    own_market.prove(story, import_id, sheet)
    assert steps.verify(other.app, other.site_id) == []


@contextmanager
def full_disk(market: Market, folder: Path, table: str) -> Iterator[None]:
    """Leave no room for events and for the rows of a table, truly: the kernel itself says ENOSPC to the database.

    Their files, once emptied, become /dev/full, and files again at the end.
    """
    with psycopg.connect(market.app.database.conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL("TRUNCATE event, {}").format(sql.Identifier(table)))
        connection.execute("CHECKPOINT")  # So that none wants to sync the files meanwhile.
        paths = connection.execute("SELECT pg_relation_filepath('event'), pg_relation_filepath(%s)", [table]).fetchone()
        assert paths is not None
        files = [folder / "postgres" / path for path in paths]
        for file in files:
            assert file.stat().st_size == 0
            file.rename(file.with_suffix(".aside"))
            file.symlink_to("/dev/full")
        open_anew(connection)
        try:
            yield
        finally:
            for file in files:
                file.unlink()
                file.with_suffix(".aside").rename(file)
            open_anew(connection)


def open_anew(connection: psycopg.Connection) -> None:
    """Have everybody open the files again: who has the one open that was there before would not see the other."""
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


@pytest.mark.parametrize("table", ["import_row", "import_stage", "import_ready"])
def test_while_the_disk_is_full_the_api_says_so_and_the_job_waits_and_nothing_is_lost(
    own_market: Market, own_folder: Path, table: str
) -> None:
    sheet = make_sheet(21)
    story, key = own_market.open_site()
    headers = {"Authorization": key, "wix-site-id": str(story.site_id)}
    import_id = story.parse(sheet.content).id
    upload = {"fileUrl": story.upload(b"Email,Points\nc00001@example.com,5\n")}
    subscribe(story.app, story.site_id, EventType.IMPORT_CREATED)  # So that there is an event to be written.
    with (
        Programs(own_folder, **CHUNKS) as programs,
        own_market.watch(import_id) as watch,
        httpx2.Client(headers=headers, timeout=60) as client,
    ):
        url = programs.server().url
        with full_disk(own_market, own_folder, table):
            assert_passing(client.post(f"{url}{IMPORTS}", json=upload))
            execute_once_parsed(story, import_id, watch)
            until(lambda: watch.has_been_put_back, "the job has been tried again")
            assert story.find(import_id).status == "IMPORTING"
        until(lambda: watch.has_ended, "the import has ended")
        own_market.prove(story, import_id, sheet)
        assert patiently_posted(client, f"{url}{IMPORTS}", upload)["loyaltyImport"]["status"] == "INITIATED"


def patiently_posted(client: httpx2.Client, url: str, body: dict[str, str]) -> dict[str, Any]:
    """Post again as long as the answer is 503, as a client should."""
    answers = [client.post(url, json=body)]

    def answered() -> bool:
        if answers[-1].status_code == 503:
            answers.append(client.post(url, json=body))
        return answers[-1].status_code != 503

    until(answered, "there is an answer")
    assert answers[-1].status_code == 200
    found: dict[str, Any] = answers[-1].json()
    return found
