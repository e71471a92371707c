"""Several processes at once: imports of one site stand in line, those of different sites do not, and nothing is doubled."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import httpx2
import psycopg
import pytest

from pointport.app import App
from pointport.imports import steps
from pointport.imports.record import LoyaltyImport
from tests.conftest import Site, Story
from tests.journeys.processes import Programs, Watch, until

EMAILS = tuple(f"c{number:03d}@example.com" for number in range(40))


@pytest.fixture
def programs(database_url: str, data_dir: Path) -> Iterator[Programs]:
    with Programs(data_dir, DATABASE_URL=database_url, POINTPORT_CHUNK_ROWS="1") as started:
        yield started


def sheet(*points: int) -> bytes:
    """A file in which all customers get the same points, once for each number given."""
    rows = (f"{email},{number}" for number in points for email in EMAILS)
    return "\n".join(["Email,Points", *rows, ""]).encode()


def open_site(app: App, make_site: Callable[[str], Site]) -> Story:
    story = Story(app, make_site("Stall").id)
    story.add_contacts(*EMAILS)
    return story


@contextmanager
def last_customer_held(database_url: str, stories: Sequence[Story]) -> Iterator[None]:
    """Keep imports of these sites from coming to their ends, since they have to wait for the last contact's row."""
    with psycopg.connect(database_url) as connection:
        for story in stories:
            connection.execute(
                "SELECT FROM contact WHERE site_id = %(site_id)s AND id ="
                " (SELECT id FROM contact WHERE site_id = %(site_id)s ORDER BY id DESC LIMIT 1) FOR UPDATE",
                {"site_id": story.site_id},
            )
        yield


def wait_for_end(story: Story, import_id: UUID) -> LoyaltyImport:
    until(lambda: not story.find(import_id).unfinished, "the import has ended")
    done = story.find(import_id)
    assert (done.status, done.failure_message) == ("IMPORTED", None)
    assert steps.verify(story.app, story.site_id) == []
    return done


def is_under_way(story: Story, begun: LoyaltyImport) -> bool:
    return story.find(begun.id).applied_rows > 0


def first_entry(story: Story, import_id: UUID) -> str:
    """When an import changed its first balance, as text that can be compared."""
    with story.app.database.transaction(story.site_id) as connection:
        found = connection.execute(
            "SELECT min(created_date) AS begun FROM transaction WHERE import_id = %s", [import_id]
        ).fetchone()
    assert found is not None
    return str(found["begun"].isoformat())


def test_three_imports_of_one_site_run_one_after_the_other_whatever_the_number_of_workers(
    story: Story, programs: Programs
) -> None:
    story.add_contacts(*EMAILS)
    for worker in (programs.worker(), programs.worker()):
        worker.wait_until_ready()
    begun = [story.execute(sheet(points)) for points in (10, 20, 30)]
    done = [wait_for_end(story, one.id) for one in begun]
    for earlier, later in pairwise(done):
        assert earlier.finished_date is not None
        assert earlier.finished_date.isoformat() < first_entry(story, later.id)
    assert [one.points_added for one in done] == [400, 400, 400]
    assert story.balances() == dict.fromkeys(EMAILS, 30)


def test_imports_of_three_sites_run_side_by_side(
    app: App, make_site: Callable[[str], Site], database_url: str, programs: Programs
) -> None:
    stories = [open_site(app, make_site) for _ in range(3)]
    for _ in range(2):
        programs.worker()
    with last_customer_held(database_url, stories):
        begun = [story.execute(sheet(10)) for story in stories]
        # None can end before all have begun: if they stood in line, this would be waited for in vain.
        until(lambda: all(map(is_under_way, stories, begun)), "all imports are under way at once")
    for story, one in zip(stories, begun, strict=True):
        wait_for_end(story, one.id)
        assert story.balances() == dict.fromkeys(EMAILS, 10)


def test_one_worker_runs_as_many_sites_side_by_side_as_it_is_told_and_no_more(
    app: App, make_site: Callable[[str], Site], database_url: str, programs: Programs
) -> None:
    stories = [open_site(app, make_site) for _ in range(5)]
    programs.worker(POINTPORT_WORKER_IMPORTS_MAX="4")
    with last_customer_held(database_url, stories):
        begun = [story.execute(sheet(10)) for story in stories]
        until(lambda: all(map(is_under_way, stories[:4], begun[:4])), "four imports are under way at once")
    done = [wait_for_end(story, one.id) for story, one in zip(stories, begun, strict=True)]
    ends = sorted(one.finished_date.isoformat() for one in done[:4] if one.finished_date is not None)
    assert ends[0] < first_entry(stories[4], begun[4].id)


def test_of_two_executes_at_once_in_two_processes_one_succeeds_and_the_rows_are_applied_once(
    story: Story, site: Site, database_url: str, programs: Programs
) -> None:
    story.add_contacts(*EMAILS)
    servers = [programs.server(), programs.server()]
    parsed = story.parse(sheet(10))
    body = {
        "loyaltyImportId": str(parsed.id),
        "headerMappingInfo": {
            "headerMappings": [
                {"columnName": "EMAIL", "columnIndex": 0},
                {"columnName": "POINTS", "columnIndex": 1},
            ]
        },
    }

    def execute(url: str) -> httpx2.Response:
        path = "/_api/loyalty-imports/v1/loyalty-imports/execute"
        return httpx2.post(url + path, json=body, headers=site.headers, timeout=60)

    urls = [server.url for server in servers]
    with ThreadPoolExecutor(2) as both, psycopg.connect(database_url) as holding:
        holding.execute("SELECT FROM loyalty_import WHERE id = %s FOR UPDATE", [parsed.id])
        asked = [both.submit(execute, url) for url in urls]
        with psycopg.connect(database_url, autocommit=True) as looking:
            until(lambda: waiting_for_locks(looking) == 2, "both wait for the import at the same time")
        holding.rollback()
        refused, accepted = sorted((one.result() for one in asked), key=lambda answer: -answer.status_code)
    assert (accepted.status_code, accepted.json()["loyaltyImport"]["status"]) == (200, "IMPORTING")
    assert refused.status_code == 428
    assert refused.json()["details"]["applicationError"]["code"] == "INVALID_IMPORT_STATUS"
    done = wait_for_end(story, parsed.id)
    assert (done.success_count, done.accounts_changed, done.points_added) == (40, 40, 400)
    assert story.balances() == dict.fromkeys(EMAILS, 10)


def waiting_for_locks(connection: psycopg.Connection) -> int:
    found = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    assert found is not None
    return int(found[0])


def test_a_worker_told_to_stop_stops_between_two_chunks_and_another_goes_on(
    story: Story, database_url: str, programs: Programs
) -> None:
    emails = [f"c{number:04d}@example.com" for number in range(3_000)]
    story.add_contacts(*emails)
    worker = programs.worker()
    begun = story.execute("\n".join(["Email,Points", *(f"{email},7" for email in emails), ""]).encode())
    with Watch(database_url, begun.id) as watch:
        until(lambda: watch.applied_rows >= 20, "the import is under way")
        status, seconds = worker.stop()
        left = story.find(begun.id)
        assert (status, left.status) == (0, "IMPORTING")
        assert 20 <= left.applied_rows < len(emails)
        assert seconds < 3
        programs.worker(POINTPORT_CHUNK_ROWS="1000")
        done = wait_for_end(story, begun.id)
    assert (done.accounts_changed, done.done_rows) == (3_000, 3_000)
    assert story.balances() == dict.fromkeys(emails, 7)


@pytest.mark.parametrize(
    ("holding", "sessions"),
    [(False, "1"), (True, "1"), (True, "2")],
    ids=["between two chunks", "in the middle of a chunk", "in the middle of two"],
)
def test_a_worker_that_stood_still_and_comes_back_doubles_nothing(
    story: Story, database_url: str, programs: Programs, holding: bool, sessions: str
) -> None:
    emails = [f"c{number:04d}@example.com" for number in range(400)]
    story.add_contacts(*emails)
    frozen = programs.worker(POINTPORT_APPLY_SESSIONS=sessions)
    begun = story.execute("\n".join(["Email,Points", *(f"{email},7" for email in emails), ""]).encode())
    with Watch(database_url, begun.id) as watch, psycopg.connect(database_url, autocommit=True) as looking:

        def freezes_as_wanted() -> bool:
            frozen.freeze()
            if has_open_work(looking) == holding:
                return True
            frozen.thaw()
            return False

        until(lambda: watch.applied_rows > 0, "the import is under way")
        until(freezes_as_wanted, "the worker stands still where it should")
        assert story.find(begun.id).applied_rows < len(emails), "the import was faster than the test"
        programs.worker()
        until(lambda: watch.has_been_put_back, "another worker has taken over")
        if not holding:
            wait_for_end(story, begun.id)
        frozen.thaw()
        done = wait_for_end(story, begun.id)
        # Idle again, both of them: what came back has found out that there is nothing to do.
        until(lambda: not has_open_work(looking), "nobody works on it any more")
        frozen.wait_for("job done")
    assert (done.accounts_changed, done.points_added) == (400, 2_800)
    assert story.balances() == dict.fromkeys(emails, 7)
    assert story.find(begun.id) == done
    assert steps.verify(story.app, story.site_id) == []


def has_open_work(connection: psycopg.Connection) -> bool:
    """Tell whether a transaction of a step is open."""
    found = connection.execute(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pointport'"
        " AND xact_start IS NOT NULL"
    ).fetchone()
    return found is not None
