"""What is erased after its time, what is kept for ever, and what is found again when it was lost."""

import inspect
from collections.abc import Generator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from pointport.app import App
from pointport.entrypoints.worker import Worker
from pointport.errors import NotFound, Unavailable
from pointport.imports import reporting, steps
from pointport.imports.record import LoyaltyImport
from pointport.imports.shapes import Mapping
from pointport.plumbing.idempotency.once import KeyedRequest
from tests.conftest import Story

FILE = b"Email,Points\nada@example.com,10\nbob@example.com,0\nnobody@example.com,5\n"


@pytest.fixture
def known(story: Story) -> Story:
    """A site with two contacts."""
    story.add_contacts("ada@example.com", "bob@example.com")
    return story


def later(app: App, **time: float) -> App:
    """The application as it will be."""
    then = app.clock() + timedelta(**time)
    return replace(app, clock=lambda: then)


def exists(app: App, path: str | None) -> bool:
    assert path is not None
    try:
        app.objects.size(path.removeprefix("/"))
    except NotFound:
        return False
    return True


def count(story: Story, table: str) -> int:
    with story.app.database.owner_transaction() as connection:
        row = connection.execute(f"SELECT count(*) AS rows FROM {table}".encode()).fetchone()  # noqa: S608
    assert row is not None
    return int(row["rows"])


# --- Erasing --------------------------------------------------------------------------------------------------------------


def test_files_and_row_details_go_after_their_time_counts_and_entries_stay(known: Story) -> None:
    app, done = known.app, known.run(FILE)
    assert (count(known, "import_row"), count(known, "transaction")) == (2, 1)

    assert steps.erase_expired(later(app, days=29, hours=23)) == 0
    assert exists(app, done.file_url)
    assert exists(app, done.error_file_path)

    assert steps.erase_expired(later(app, days=30, hours=1)) == 1
    erased = known.find(done.id)
    assert not exists(app, done.file_url)
    assert not exists(app, done.error_file_path)
    assert erased.erased_date is not None
    assert erased.sample_rows == []
    assert (count(known, "import_row"), count(known, "transaction")) == (0, 1)
    kept = (
        "success_count",
        "failure_count",
        "parsed_row_count",
        "points_added",
        "accounts_changed",
        "header",
        "status",
    )
    assert [getattr(erased, name) for name in kept] == [getattr(done, name) for name in kept]
    assert known.balances() == {"ada@example.com": 10, "bob@example.com": 0}
    # The ledger is still proven, and what can no longer be told is not asked for.
    assert steps.verify(app, known.site_id) == []
    assert steps.first_failures(app, known.site_id, done.id, limit=10) == []

    assert steps.erase_expired(later(app, days=99)) == 0
    assert known.find(done.id).revision == erased.revision


def test_a_file_that_could_not_be_read_is_erased_too(known: Story) -> None:
    failed = known.parse(b"")
    assert failed.status == "FAILED"
    assert steps.erase_expired(later(known.app, days=31)) == 1
    assert not exists(known.app, failed.file_url)


def test_the_file_of_a_job_is_not_erased_however_old_it_is(known: Story) -> None:
    waiting = known.parse(FILE)
    begun = known.execute(FILE)
    assert steps.erase_expired(later(known.app, days=365)) == 0
    assert exists(known.app, begun.file_url)
    assert not exists(known.app, waiting.file_url), "nobody executed it, so it went by its age"


def test_a_file_that_somebody_took_away_before_is_no_hindrance(known: Story) -> None:
    done = known.run(FILE)
    known.app.objects.delete(done.file_url.removeprefix("/"))
    assert steps.erase_expired(later(known.app, days=31)) == 1
    assert known.find(done.id).erased_date is not None


def test_a_file_that_cannot_be_erased_keeps_no_other_from_it(known: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = known.run(FILE), known.run(FILE + b"eve@example.com,1\n")
    delete = known.app.objects.delete

    def refuse_first(*paths: str) -> None:
        if first.file_url.removeprefix("/") in paths:
            raise Unavailable("the file store is not available just now")
        delete(*paths)

    monkeypatch.setattr(known.app.objects, "delete", refuse_first)
    with pytest.raises(Unavailable):
        steps.erase_expired(later(known.app, days=31))
    assert (known.find(first.id).erased_date, exists(known.app, first.file_url)) == (None, True)
    assert known.find(second.id).erased_date is not None
    assert not exists(known.app, second.file_url)
    monkeypatch.undo()
    assert steps.erase_expired(later(known.app, days=31)) == 1


def test_the_days_are_a_setting(known: Story) -> None:
    done = known.run(FILE)
    short = replace(known.app, settings=known.app.settings.model_copy(update={"retention_days": 1}))
    assert steps.erase_expired(later(short, hours=25)) == 1
    assert known.find(done.id).erased_date is not None


def test_keys_of_requests_and_their_answers_go_after_a_day(known: Story) -> None:
    app = known.app
    request = KeyedRequest("key", "create_import", bytes(32))
    once_more = replace(request, key="another")
    path = known.upload(FILE)
    for keyed, moment in ((request, app), (once_more, later(app, hours=1))):
        steps.create(moment, known.site_id, file_url=path, file_name=None, actor="test", keyed=keyed)
    Worker(later(app, hours=23, minutes=59))._erase()
    assert count(known, "idempotency_key") == 2
    Worker(later(app, hours=24, minutes=1))._erase()
    assert count(known, "idempotency_key") == 1
    short = replace(app, settings=app.settings.model_copy(update={"idempotency_hours": 2}))
    Worker(later(short, hours=3, minutes=1))._erase()
    assert (count(known, "idempotency_key"), count(known, "loyalty_import")) == (0, 2)


# --- Jobs that were lost --------------------------------------------------------------------------------------------------


def jobs(app: App) -> list[tuple[str, UUID]]:
    """Task and import of each job that waits or is at work."""
    with app.database.owner_transaction() as connection:
        rows = connection.execute(
            "SELECT task_name, args ->> 'subject_id' AS import_id FROM procrastinate_jobs"
            " WHERE status IN ('todo', 'doing') ORDER BY id"
        ).fetchall()
    return [(row["task_name"], UUID(row["import_id"])) for row in rows]


def lose_jobs(app: App, status: str) -> None:
    with app.database.owner_transaction() as connection:
        connection.execute("UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status", [status])


def test_an_import_that_lost_its_job_gets_one_again(known: Story) -> None:
    created, parsed = known.create(FILE), known.parse(FILE)
    begun, done, failed = known.execute(FILE), known.run(FILE), known.parse(b"")
    lose_jobs(known.app, "failed")
    assert jobs(known.app) == []

    assert steps.enqueue_lost(known.app) == 0, "too early: whoever made it may be about to give it one"
    assert steps.enqueue_lost(later(known.app, seconds=11)) == 2
    assert sorted(jobs(known.app)) == sorted([("parse_import", created.id), ("run_import", begun.id)])
    assert {parsed.id, done.id, failed.id}.isdisjoint({import_id for _, import_id in jobs(known.app)})

    assert steps.enqueue_lost(later(known.app, seconds=60)) == 0


@pytest.mark.parametrize("status", ["todo", "doing"])
def test_an_import_that_has_a_job_gets_no_second(known: Story, status: str) -> None:
    known.create(FILE)
    known.execute(FILE)
    with known.app.database.owner_transaction() as connection:
        # What is at work on them; the job that parsed the second is over.
        connection.execute(
            "DELETE FROM procrastinate_jobs WHERE id NOT IN (SELECT min(id) FROM procrastinate_jobs"
            " UNION SELECT max(id) FROM procrastinate_jobs)"
        )
        connection.execute("UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status", [status])
    before = jobs(known.app)
    assert len(before) == 2
    assert steps.enqueue_lost(later(known.app, days=1)) == 0
    assert jobs(known.app) == before


# --- Files that were lost -------------------------------------------------------------------------------------------------


def staged(known: Story) -> LoyaltyImport:
    """An import whose rows are lined up, and none is applied."""
    begun = known.execute(FILE)
    return steps.stage(known.app, known.site_id, begun.id)


def test_a_file_that_vanishes_before_it_is_staged_ends_the_import(known: Story) -> None:
    begun = known.execute(FILE)
    known.app.objects.delete(begun.file_url.removeprefix("/"))
    steps.run(known.app, known.site_id, begun.id, lambda: False)
    assert (known.find(begun.id).status, known.find(begun.id).failure_reason) == ("FAILED", "FILE_NOT_FOUND")


def test_a_file_that_vanishes_while_it_is_applied_ends_the_import_with_its_counts(known: Story) -> None:
    begun = staged(known)
    known.app.objects.delete(begun.file_url.removeprefix("/"))
    steps.run(known.app, known.site_id, begun.id, lambda: False)
    ended = known.find(begun.id)
    # The error file cannot be written any more, but what was applied was, and is told.
    assert (ended.status, ended.failure_reason) == ("FAILED", "FILE_NOT_FOUND")
    assert (ended.success_count, ended.failure_count, ended.error_file_path) == (2, 1, None)
    assert known.balances() == {"ada@example.com": 10, "bob@example.com": 0}
    assert steps.verify(known.app, known.site_id) == []
    assert count(known, "import_ready") == 0


@pytest.mark.parametrize(
    "content", [b"", b"\n", FILE[:-1] + b"0\n", b"Email,Points\n", FILE + b"eve@example.com,1\n", b'Email,Points\n"']
)
def test_a_file_that_is_another_one_than_was_parsed_ends_the_import(known: Story, content: bytes) -> None:
    begun = known.execute(FILE)
    known.app.objects.put(begun.file_url.removeprefix("/"), iter([content]))
    steps.run(known.app, known.site_id, begun.id, lambda: False)
    ended = known.find(begun.id)
    assert ended.status == "FAILED"
    assert ended.failure_reason in {"FILE_CHANGED", "QUOTE_NOT_CLOSED"}
    assert known.balances() == {}
    assert count(known, "import_stage") == count(known, "import_row") == 0


# --- Cursors --------------------------------------------------------------------------------------------------------------


def test_a_cursor_is_closed_before_its_connection_goes_to_somebody_else(
    known: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Closed later, its CLOSE would run in the next transaction on that connection, and break it.
    made: list[Generator[dict[str, Any], None, None]] = []
    real = reporting.failures

    def noted(*arguments: Any) -> Generator[dict[str, Any], None, None]:
        made.append(real(*arguments))
        return made[-1]

    done = known.run(b"Email,Points\n" + b"".join(b"c%d@example.com,1\n" % number for number in range(9)))
    monkeypatch.setattr(reporting, "failures", noted)
    assert len(steps.first_failures(known.app, known.site_id, done.id, limit=3)) == 3
    assert [inspect.getgeneratorstate(one) for one in made] == [inspect.GEN_CLOSED]


def test_first_failures_stop_at_the_limit(known: Story) -> None:
    done = known.run(FILE + b"x,1\ny,1\n")
    for limit, lines in [(0, []), (1, [4]), (2, [4, 5]), (9, [4, 5, 6])]:
        found = steps.first_failures(known.app, known.site_id, done.id, limit=limit)
        assert [failure["line"] for failure in found] == lines


def test_columns_may_be_chosen_otherwise_than_suggested(known: Story) -> None:
    parsed = known.parse(b"Points,Email,Other\n1,ada@example.com,2\n")
    steps.execute(known.app, known.site_id, parsed.id, columns=Mapping(1, 2), actor="test")
    steps.run(known.app, known.site_id, parsed.id, lambda: False)
    assert known.balances() == {"ada@example.com": 2}


def test_time_is_told_by_the_clock_that_is_handed_in(known: Story) -> None:
    then = known.app.clock() + timedelta(days=3)
    story = Story(later(known.app, days=3), known.site_id)
    done = story.run(FILE)
    assert isinstance(done.finished_date, datetime)
    assert abs(done.finished_date - then) < timedelta(minutes=1)


def test_an_upload_that_nobody_made_an_import_of_is_erased_by_its_age(story: Story) -> None:
    path = story.upload(b"email,points\n").removeprefix("/")
    steps.erase_expired(later(story.app, days=29))
    assert story.app.objects.size(path) > 0
    steps.erase_expired(later(story.app, days=31))
    with pytest.raises(NotFound):
        story.app.objects.size(path)
