"""POST /v1/loyalty-imports/cancel (design.md 8): an import stops between two chunks, and all of it is accounted for."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from pointport.app import App
from pointport.imports import lineup, preparing, steps
from pointport.imports.shapes import Lined, Workshop
from pointport.plumbing.database.pool import Connection
from tests.conftest import Site, Story
from tests.contract.conftest import (
    NOBODY,
    Clock,
    Door,
    Json,
    begin_parsing,
    failed,
    invalid,
    mapped,
    nothing_changed,
    violation,
    waiting_jobs,
    work,
)

CONTENT = (
    b"Name,Email,Points\r\n"
    b'"Lovelace, Ada",ada@example.com,15\r\n'
    b"=Bob,bob@example.com,20\r\n"
    b"Nobody,nobody@example.com,1\r\n"
    b"Cyd,cyd@example.com,30\r\n"
    b"Dan,dan@example.com,40\r\n"
)
COLUMNS = mapped(1, 2)
MESSAGE = "It was cancelled. What was applied before stays, and the other rows are listed in the error file."
REASON = "The import was cancelled before it came to this row. Import the row again if it is still wanted."
UNKNOWN = (
    'No contact of this site has the e-mail address ""nobody@example.com"".'
    " Check the spelling, or add the contact first."
)
HEADING = "Name,Email,Points,Import line,Import status,Error code,Error reason\r\n"


@pytest.fixture(autouse=True)
def _customers(story: Story) -> None:
    story.add_contacts(*(f"{name}@example.com" for name in ("ada", "bob", "cyd", "dan")))


@pytest.fixture
def door(door: Door, app: App, clock: Clock) -> Door:
    """A chunk is one row, and one session does them one after the other, each at a moment of its own."""

    def later() -> datetime:
        clock.advance(0.000_001)
        return clock()

    settings = app.settings.model_copy(update={"chunk_rows": 1, "apply_sessions": 1})
    door.story.app = replace(app, settings=settings, clock=later)
    return door


def begin(door: Door, content: bytes = CONTENT, **options: object) -> str:
    made = door.parse(content)
    assert door.post("execute", made, **COLUMNS, options=options).status_code == 200
    return made


def cancel(door: Door, import_id: str) -> Json:
    answer = door.post("cancel", import_id)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["loyaltyImport"]
    return found


def check(door: Door, import_id: str, success: int) -> Json:
    """Look at an import that was cancelled: its counts add up, and the ledger has just what went through."""
    ended = door.show(import_id)
    assert ended["status"] == "FAILED"
    assert (ended["pointport"]["failureReason"], ended["pointport"]["failureMessage"]) == ("CANCELLED", MESSAGE)
    rows = ended["parseResult"]["parsedRowCount"]
    assert ended["importResult"] == {"errorFileExists": True, "successCount": success, "failureCount": rows - success}
    entries = door.transactions()
    assert len(entries) == success == ended["pointport"]["totals"]["accountsChanged"]
    added = sum(one["amount"] for one in entries)
    assert added == sum(door.story.balances().values()) == ended["pointport"]["totals"]["pointsAdded"]
    errors = list(csv.DictReader(io.StringIO(door.errors(import_id))))
    lines = {int(row["Import line"]) for row in errors} | {one["pointport"]["line"] for one in entries}
    assert len(errors) + len(entries) == rows
    assert len(lines) == rows
    assert waiting_jobs(door.story) == []
    return ended


def test_cancelled_before_its_first_chunk_nothing_is_applied(door: Door, clock: Clock) -> None:
    """8: the rows are known to the last one, and the error file lists them all: those that fail as they fail."""
    made = begin(door)
    clock.advance(1)
    answered = cancel(door, made)
    assert answered == {**door.show(made)}
    assert answered["status"] == "IMPORTING"
    assert work(door.story) == ["run_import", "stop_import"]
    ended = check(door, made, 0)
    assert ended["parseResult"] == {"parsedRowCount": 5}
    assert door.errors(made) == (
        f"{HEADING}"
        f'"Lovelace, Ada",ada@example.com,15,2,UNPROCESSED,CANCELLED,{REASON}\r\n'
        f"'=Bob,bob@example.com,20,3,UNPROCESSED,CANCELLED,{REASON}\r\n"
        f'Nobody,nobody@example.com,1,4,FAILED,CONTACT_NOT_FOUND,"{UNKNOWN}"\r\n'
        f"Cyd,cyd@example.com,30,5,UNPROCESSED,CANCELLED,{REASON}\r\n"
        f"Dan,dan@example.com,40,6,UNPROCESSED,CANCELLED,{REASON}\r\n"
    )


def test_cancelled_between_two_chunks_what_was_applied_stays(door: Door, story: Story) -> None:
    made = begin(door)
    steps.stage(story.app, story.site_id, UUID(made))
    for _ in range(2):
        assert steps.apply_chunk(story.app, story.site_id, UUID(made))
    cancel(door, made)
    assert not steps.apply_chunk(story.app, story.site_id, UUID(made))
    work(story)
    ended = check(door, made, 2)
    assert (ended["pointport"]["progress"]["rowsDone"], ended["pointport"]["progress"]["rowsTotal"]) == (3, 5)
    assert story.balances() == {"ada@example.com": 15, "bob@example.com": 20}
    rows = list(csv.DictReader(io.StringIO(door.errors(made))))
    assert [(row["Import line"], row["Import status"], row["Error code"]) for row in rows] == [
        ("4", "FAILED", "CONTACT_NOT_FOUND"),
        ("5", "UNPROCESSED", "CANCELLED"),
        ("6", "UNPROCESSED", "CANCELLED"),
    ]


def test_cancelled_while_its_file_is_read_nothing_is_applied(
    door: Door, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import's row is held for as long, and the call does not wait for that."""
    made = begin(door)
    line_up = preparing.line_up

    def cancelled_meanwhile(workshop: Workshop, *arguments: Any, **named: Any) -> Lined:
        assert cancel(door, made)["status"] == "IMPORTING"
        return line_up(workshop, *arguments, **named)

    monkeypatch.setattr(preparing, "line_up", cancelled_meanwhile)
    work(story)
    check(door, made, 0)


def test_cancelled_in_the_middle_of_its_only_chunk_nothing_is_applied(
    door: Door, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8: an atomic import is one chunk; it breaks off within, and the transaction comes to nothing."""
    made = begin(door, atomic=True)
    note_applied = lineup.note_applied

    def cancelled_meanwhile(connection: Connection, *arguments: Any, **named: Any) -> None:
        note_applied(connection, *arguments, **named)
        cancel(door, made)
        # The database is at work for longer than it takes to notice.
        connection.execute("SELECT pg_sleep(30)")

    monkeypatch.setattr(lineup, "note_applied", cancelled_meanwhile)
    work(story)
    check(door, made, 0)
    assert story.balances() == {}


def test_cancelled_in_line_behind_another_import_it_ends_before_its_turn(door: Door, story: Story) -> None:
    """8: its end waits neither for the other import nor for a worker that has nothing else to do."""
    before, made = door.parse(b"Name,Email,Points\r\nAda,ada@example.com,1\r\n"), door.parse(CONTENT)
    for one in (before, made):
        assert door.post("execute", one, **COLUMNS).status_code == 200
    cancel(door, made)
    jobs = {job["name"]: job for job in waiting_jobs(story) if job["subject"] == made}
    assert jobs["stop_import"]["lock"] != jobs["run_import"]["lock"]
    steps.stop(story.app, story.site_id, UUID(made), lambda: False)
    ended = door.show(made)
    assert (ended["status"], ended["pointport"]["failureReason"]) == ("FAILED", "CANCELLED")
    assert story.balances() == {}
    work(story)
    assert door.show(made) == ended
    assert story.balances() == {"ada@example.com": 1}


def test_cancelled_after_its_last_chunk_it_is_imported(door: Door, story: Story) -> None:
    """8: should it come to its end all the same, it is IMPORTED, and nothing is said of the wish."""
    made = begin(door)
    steps.stage(story.app, story.site_id, UUID(made))
    while steps.apply_chunk(story.app, story.site_id, UUID(made)):
        pass
    cancel(door, made)
    work(story)
    ended = door.show(made)
    assert (ended["status"], ended["importResult"]["successCount"]) == ("IMPORTED", 4)
    assert "failureReason" not in ended["pointport"]


def test_to_cancel_twice_is_no_error_and_happens_once(door: Door, story: Story) -> None:
    made = begin(door)
    first = cancel(door, made)
    with nothing_changed(story):
        assert cancel(door, made) == first
    assert [job["name"] for job in waiting_jobs(story)] == ["run_import", "stop_import"]
    assert [entry["action"] for entry in steps.summary(story.app, story.site_id, UUID(made))["trail"]] == [
        "import.create",
        "import.execute",
        "import.cancel",
    ]
    work(story)
    check(door, made, 0)


def test_the_rest_comes_back_as_it_is(door: Door, story: Story) -> None:
    """5: the error file of a cancelled import goes in again without a change, as a new import and as a retry."""
    made = begin(door)
    steps.stage(story.app, story.site_id, UUID(made))
    steps.apply_chunk(story.app, story.site_id, UUID(made))
    cancel(door, made)
    work(story)
    check(door, made, 1)
    errors = f"\ufeff{door.errors(made)}".encode()
    again = door.done("execute", door.parse(errors), **COLUMNS)
    assert again["fileMetadata"]["header"] == {"values": ["Name", "Email", "Points"]}
    assert again["fileMetadata"]["sampleDataRows"][0] == {"values": ["=Bob", "bob@example.com", "20"]}
    assert again["importResult"] == {"errorFileExists": True, "successCount": 3, "failureCount": 1}
    everyone = {"ada@example.com": 15, "bob@example.com": 20, "cyd@example.com": 30, "dan@example.com": 40}
    assert story.balances() == everyone
    retried = door.done("retry", made, fileUrl=story.upload(errors))
    assert retried["importResult"] == {"errorFileExists": True, "successCount": 3, "failureCount": 1}
    assert retried["pointport"]["totals"]["accountsChanged"] == 0
    assert door.show(made)["pointport"]["stillFailedCount"] == 1
    assert story.balances() == everyone


def test_points_of_a_cancelled_import_are_added_once(door: Door, story: Story) -> None:
    """7: the same file again is refused, since some of its points are there; the retry adds the others."""
    made = begin(door, mode="ADD")
    steps.stage(story.app, story.site_id, UUID(made))
    steps.apply_chunk(story.app, story.site_id, UUID(made))
    cancel(door, made)
    work(story)
    answer = door.post("execute", door.parse(CONTENT), **COLUMNS, options={"mode": "ADD"})
    assert answer.json()["details"]["applicationError"]["code"] == "FILE_REPEATED"
    door.done("retry", made, fileUrl=story.upload(f"\ufeff{door.errors(made)}".encode()))
    assert sum(story.balances().values()) == 15 + 20 + 30 + 40


# --- What cannot be cancelled -------------------------------------------------------------------------------------------


def test_only_what_is_importing_can_be_cancelled(door: Door, story: Story) -> None:
    """428 in every other status, cancelled already too, and nothing has changed."""
    ended = begin(door)
    cancel(door, ended)
    work(story)
    imports: dict[str, UUID | str] = {
        "INITIATED": story.create(CONTENT).id,
        "PARSING": begin_parsing(story, CONTENT).id,
        "PARSED": story.parse(CONTENT).id,
        "IMPORTED": story.run(b"Name,Email,Points\r\nAda,ada@example.com,15\r\n", 1, 2).id,
        "FAILED": story.parse(b"").id,
    }
    for status, import_id in [*imports.items(), ("FAILED", ended)]:
        with nothing_changed(story):
            answer = door.post("cancel", import_id)
        assert (answer.status_code, answer.json()) == (
            428,
            failed(
                "INVALID_IMPORT_STATUS",
                f"only an import that is IMPORTING can be cancelled, and this one is {status}",
                status=status,
            ),
        )


def test_an_import_that_is_not_the_sites_is_not_found(door: Door, app: App, make_site: Callable[[str], Site]) -> None:
    """8 row 28: and it goes on."""
    other = Story(app, make_site("Other Shop").id)
    theirs = other.execute(CONTENT, 1, 2)
    for wanted in (theirs.id, NOBODY):
        with nothing_changed(other), nothing_changed(door.story):
            answer = door.post("cancel", wanted)
        assert (answer.status_code, answer.json()) == (
            404,
            failed("NOT_FOUND", f"loyalty import {wanted} not found"),
        )
    assert other.finish(theirs).status == "IMPORTED"


def test_an_id_must_be_given_and_be_a_guid(door: Door) -> None:
    nope = violation("loyaltyImportId", "value 'nope' is not a valid GUID", "FORMAT", type="GUID")
    assert door.post("cancel", "nope").json() == invalid(nope)
    missing = invalid(violation("loyaltyImportId", "is missing", "REQUIRED_FIELD"))
    for call in ("cancel", "undo", "undo-preview", "retry", "preview"):
        for body in ({}, {"loyaltyImportId": None}):
            answer = door.client.post(f"/v1/loyalty-imports/{call}", json={**COLUMNS, **body})
            assert (answer.status_code, answer.json()) == (400, missing), call
