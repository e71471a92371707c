"""POST and GET /v1/loyalty-imports/preview (design.md 8): what an import would do, and nothing of it done."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from pointport.app import App
from pointport.entrypoints.worker import STEPS
from pointport.imports import previews, steps
from tests.conftest import Site, Story
from tests.contract.conftest import (
    DEFAULT_OPTIONS,
    IMPORTS,
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
    whole_site,
    work,
)

CONTENT = (
    b"Email,Points\r\n"
    b"ada@example.com,15\r\n"
    b"bob@example.com,20\r\n"
    b"cyd@example.com,7\r\n"
    b"nobody@example.com,1\r\n"
    b"eve@example.com,lots\r\n"
    b"dan@example.com,20000\r\n"
)
EDGES = (None, -10_000, -1_000, -100, 0, 1, 101, 1_001, 10_001, None)


@pytest.fixture(autouse=True)
def _customers(story: Story) -> None:
    """Ada has 10 points, Bob 40, Cyd 7; Dan and Eve have no account."""
    story.add_contacts(*(f"{name}@example.com" for name in ("ada", "bob", "cyd", "dan", "eve")))
    story.run(b"Email,Points\r\nada@example.com,10\r\nbob@example.com,40\r\ncyd@example.com,7\r\n")


def histogram(**counts: int) -> list[Json]:
    """The bars, by the number of the first value, and how many changes each has."""
    bars = itertools.pairwise(EDGES)
    found = [{"from": low, "to": None if high is None else high - 1, "count": 0} for low, high in bars]
    for place, count in counts.items():
        found[int(place.removeprefix("bar"))]["count"] = count
    return found


def row(line: int, name: str, points: int | None, outcome: str, before: int, after: int) -> Json:
    return {
        "line": line,
        "email": f"{name}@example.com",
        "points": points,
        "outcome": outcome,
        "balanceBefore": before,
        "balanceAfter": after,
    }


def mover(line: int, name: str, before: int, after: int) -> Json:
    return {"line": line, "email": f"{name}@example.com", "balanceBefore": before, "balanceAfter": after}


def begin(door: Door, import_id: str, **options: object) -> Json:
    answer = door.post("preview", import_id, **mapped(), options=options)
    assert answer.status_code == 200, answer.text
    begun: Json = answer.json()["preview"]
    return begun


def result(door: Door, import_id: str, **options: object) -> Json:
    """Preview an import to the end, and return what it says."""
    begin(door, import_id, **options)
    work(door.story)
    found = door.preview("preview", import_id)
    assert found["status"] == "DONE"
    shown: Json = found["result"]
    return shown


# --- What it says -------------------------------------------------------------------------------------------------------


def test_a_preview_says_all_that_would_happen_and_nothing_does(door: Door, story: Story, clock: Clock) -> None:
    made = door.parse(CONTENT)
    before = whole_site(story)
    begun = begin(door, made)
    assert begun == {
        "id": begun["id"],
        "loyaltyImportId": made,
        "status": "RUNNING",
        "createdDate": "2026-03-04T05:06:07.089Z",
        **mapped(),
        "options": DEFAULT_OPTIONS,
    }
    assert door.preview("preview", made) == begun
    clock.advance(2)
    assert work(story) == ["preview_import"]
    assert door.preview("preview", made) == {
        **begun,
        "status": "DONE",
        "finishedDate": "2026-03-04T05:06:09.089Z",
        "result": {
            "rows": {"imported": 3, "unchanged": 1, "merged": 0, "failed": 2},
            "problems": [
                {"code": "POINTS_NOT_A_NUMBER", "title": "Points are not a number", "count": 1, "lines": [6]},
                {"code": "CONTACT_NOT_FOUND", "title": "Unknown customer", "count": 1, "lines": [5]},
            ],
            "accounts": {"created": 1, "changed": 2, "unchanged": 1, "contactsCreated": 0},
            "points": {"added": 20_005, "removed": 20, "totalBefore": 57, "totalAfter": 20_042},
            "movers": [mover(7, "dan", 0, 20_000), mover(3, "bob", 40, 20), mover(2, "ada", 10, 15)],
            "histogram": histogram(bar3=1, bar4=1, bar5=1, bar8=1),
            "sampleRows": [
                row(2, "ada", 15, "IMPORTED", 10, 15),
                row(3, "bob", 20, "IMPORTED", 40, 20),
                row(4, "cyd", 7, "UNCHANGED", 7, 7),
                {
                    "line": 5,
                    "email": "nobody@example.com",
                    "points": 1,
                    "outcome": "FAILED",
                    "code": "CONTACT_NOT_FOUND",
                },
                {"line": 6, "email": "eve@example.com", "outcome": "FAILED", "code": "POINTS_NOT_A_NUMBER"},
                row(7, "dan", 20_000, "IMPORTED", 0, 20_000),
            ],
            "guardRails": [],
            "sameFile": [],
        },
    }
    after = whole_site(story)
    assert {name for name in before if after[name] != before[name]} == {"import_run", "import_row"}
    assert door.show(made)["status"] == "PARSED"
    # What was said is what happens.
    ended = door.done("execute", made, **mapped())
    assert ended["importResult"] == {"errorFileExists": True, "successCount": 4, "failureCount": 2}
    assert ended["pointport"]["totals"] == {
        "accountsCreated": 1,
        "accountsChanged": 3,
        "pointsAdded": 20_005,
        "pointsRemoved": 20,
    }
    assert ended["pointport"]["preview"] == {"id": begun["id"], "differingRows": 0}
    assert sum(story.balances().values()) == 20_042


def test_a_preview_goes_by_the_options(door: Door) -> None:
    """8: as execute with the same: added, merged, and contacts that would be made."""
    content = b"Email,Points\r\nada@example.com,5\r\nada@example.com,-6\r\nbob@example.com,-41\r\nnew@example.com,3\r\n"
    made = door.parse(content)
    options = {"mode": "ADD", "duplicates": "SUM", "unknownContacts": "CREATE", "description": "x", "notify": False}
    shown = result(door, made, **options)
    assert shown["rows"] == {"imported": 2, "unchanged": 0, "merged": 1, "failed": 1}
    assert [(problem["code"], problem["lines"]) for problem in shown["problems"]] == [
        ("BALANCE_WOULD_BE_NEGATIVE", [4])
    ]
    assert shown["accounts"] == {"created": 1, "changed": 1, "unchanged": 0, "contactsCreated": 1}
    assert shown["points"] == {"added": 3, "removed": 1, "totalBefore": 57, "totalAfter": 59}
    assert door.preview("preview", made)["options"] == {**DEFAULT_OPTIONS, **options}
    ended = door.done("execute", made, **mapped(), options=options)
    assert ended["importResult"] == {"errorFileExists": True, "successCount": 3, "failureCount": 1}
    assert ended["pointport"]["preview"]["differingRows"] == 0


def test_the_guard_rails_that_would_hold_it_back_are_named(door: Door) -> None:
    made = door.parse(CONTENT)
    rails = {
        "maxPointsPerRow": 19,
        "maxTotalChange": 20_024,
        "maxAccountsChangedPercent": 66,
        "failIfMoreThan": 1,
    }
    assert result(door, made, **rails)["guardRails"] == [
        {"option": "maxPointsPerRow", "limit": 19, "found": 20_000, "rows": 2, "lines": [3, 7]},
        {"option": "maxTotalChange", "limit": 20_024, "found": 20_025, "lines": [7, 3, 2]},
        {"option": "maxAccountsChangedPercent", "limit": 66, "found": 67, "rows": 2, "lines": [7, 3, 2]},
        {"option": "failIfMoreThan", "limit": 1, "found": 2, "rows": 2, "lines": []},
    ]
    enough = {name: limit + 1 for name, limit in rails.items()} | {"maxPointsPerRow": 20_000}
    assert result(door, made, **enough)["guardRails"] == []


def test_the_same_file_is_told_of(door: Door, clock: Clock) -> None:
    """7: those imports that stand, newest first; not those that were undone, that changed nothing, or that wait."""
    first = door.run(CONTENT)["id"]
    clock.advance(60)
    second = door.run(CONTENT, mode="ADD", allowRepeat=True)["id"]
    door.run(CONTENT, maxTotalChange=1)
    waiting = door.parse(CONTENT)
    assert result(door, waiting)["sameFile"] == [
        {"loyaltyImportId": second, "executedDate": "2026-03-04T05:07:07.089Z"},
        {"loyaltyImportId": first, "executedDate": "2026-03-04T05:06:07.089Z"},
    ]
    door.done("undo", second)
    assert [one["loyaltyImportId"] for one in result(door, waiting)["sameFile"]] == [first]


def test_a_file_of_no_rows_has_an_empty_preview(door: Door) -> None:
    shown = result(door, door.parse(b"Email,Points\r\n"))
    assert shown["rows"] == dict.fromkeys(("imported", "unchanged", "merged", "failed"), 0)
    assert shown["points"] == {"added": 0, "removed": 0, "totalBefore": 57, "totalAfter": 57}
    assert (shown["movers"], shown["sampleRows"], shown["problems"]) == ([], [], [])
    assert shown["histogram"] == histogram()


def test_of_many_rows_the_first_and_the_largest_are_shown(door: Door, story: Story) -> None:
    """8: ten movers, ten sample rows, five lines of each problem."""
    names = [f"n{number}@example.com" for number in range(12)]
    story.add_contacts(*names)
    rows = [f"{name},{100 + number}" for number, name in enumerate(names)]
    content = "\r\n".join(["Email,Points", *(f"x{number}@example.com,1" for number in range(7)), *rows])
    shown = result(door, door.parse(content.encode()))
    assert [one["line"] for one in shown["movers"]] == [20, 19, 18, 17, 16, 15, 14, 13, 12, 11]
    assert [one["line"] for one in shown["sampleRows"]] == [*range(2, 12)]
    assert [(one["count"], one["lines"]) for one in shown["problems"]] == [(7, [2, 3, 4, 5, 6])]


# --- The import behind it -----------------------------------------------------------------------------------------------


def test_an_import_says_which_preview_it_was_executed_after_and_what_came_out_otherwise(
    door: Door, client: TestClient, story: Story
) -> None:
    """8: balances have changed meanwhile, a contact was added."""
    made = door.parse(CONTENT)
    preview_id = begin(door, made)["id"]
    work(story)
    other = story.run(b"Email,Points\r\nada@example.com,15\r\nbob@example.com,41\r\n")
    assert other.status == "IMPORTED"
    story.add_contacts("nobody@example.com")
    begun = door.post("execute", made, **mapped()).json()["loyaltyImport"]
    assert begun["pointport"]["preview"] == {"id": preview_id}
    work(story)
    # Ada is unchanged now, Bob comes down from 41, and nobody is somebody.
    assert door.show(made)["pointport"]["preview"] == {"id": preview_id, "differingRows": 3}
    assert door.preview("preview", made)["id"] == preview_id


@pytest.mark.parametrize(
    ("columns", "options", "linked"),
    [
        (mapped(), {}, True),
        (mapped(), {"description": "x", "maxTotalChange": 10**9, "atomic": True}, True),
        (mapped(), {"mode": "ADD"}, False),
        (mapped(), {"duplicates": "SUM"}, False),
        (mapped(), {"unknownContacts": "CREATE"}, False),
        (mapped(1, 0), {}, False),
    ],
)
def test_a_preview_of_something_else_is_not_the_imports(door: Door, columns: Json, options: Json, linked: bool) -> None:
    """8: it says what becomes of the rows only for the same columns and what decides about them."""
    made = door.parse(CONTENT)
    result(door, made)
    ended = door.done("execute", made, **columns, options=options)
    assert ("preview" in ended["pointport"]) == linked


def test_a_preview_that_is_not_done_is_not_the_imports(door: Door, story: Story) -> None:
    """Executed while it runs: it comes to its end, and holds nobody up."""
    made = door.parse(CONTENT)
    begun = begin(door, made)
    ended = door.done("execute", made, **mapped())
    assert ended["status"] == "IMPORTED"
    assert "preview" not in ended["pointport"]
    assert door.preview("preview", made)["id"] == begun["id"]
    assert waiting_jobs(story) == []


# --- One after the other ------------------------------------------------------------------------------------------------


def test_a_newer_preview_takes_the_place_of_the_one_before(door: Door, app: App, story: Story) -> None:
    made = door.parse(CONTENT)
    first = begin(door, made)
    work(story)
    second = begin(door, made, mode="ADD")
    # Asked for is the newest, also while it runs.
    assert door.preview("preview", made) == second
    work(story)
    found = door.preview("preview", made)
    assert (found["id"], found["options"]["mode"]) == (second["id"], "ADD")
    with app.database.transaction(story.site_id) as connection:
        rows = connection.execute(
            "SELECT DISTINCT import_id FROM import_row WHERE site_id = %s AND import_id = ANY (%s)",
            [story.site_id, [first["id"], second["id"]]],
        ).fetchall()
        runs = connection.execute("SELECT id FROM import_run WHERE site_id = %s", [story.site_id]).fetchall()
    assert [str(one["import_id"]) for one in rows] == [str(one["id"]) for one in runs] == [second["id"]]


def test_previews_of_one_import_run_one_after_the_other(door: Door, story: Story) -> None:
    made = door.parse(CONTENT)
    begin(door, made)
    begin(door, made)
    assert [job["lock"] for job in waiting_jobs(story)] == [f"preview:{made}"] * 2
    assert work(story) == ["preview_import"] * 2
    assert door.preview("preview", made)["status"] == "DONE"


def test_a_preview_after_a_newer_one_does_no_harm(door: Door, story: Story) -> None:
    """A job that a worker had in hand when it died is done by another, later."""
    made = door.parse(CONTENT)
    first, second = begin(door, made), begin(door, made, mode="ADD")
    for one in (second, first):
        previews.run(story.app, story.site_id, UUID(one["id"]), lambda: False)
    found = door.preview("preview", made)
    assert (found["id"], found["status"]) == (second["id"], "DONE")


# --- What goes wrong ----------------------------------------------------------------------------------------------------

CHANGED = "The uploaded file is not the one that was parsed. Upload it again and start a new import."


@pytest.mark.parametrize("after", [CONTENT.replace(b"15", b"51"), CONTENT[:-10], CONTENT + b"x@example.com,1\r\n", b""])
def test_a_file_that_has_changed_fails_the_preview(door: Door, story: Story, after: bytes) -> None:
    made = door.parse(CONTENT)
    story.app.objects.put(door.show(made)["fileMetadata"]["url"].removeprefix("/"), iter([after]))
    begun = begin(door, made)
    work(story)
    assert door.preview("preview", made) == {
        **begun,
        "status": "FAILED",
        "finishedDate": "2026-03-04T05:06:07.089Z",
        "failureReason": "FILE_CHANGED",
        "failureMessage": CHANGED,
    }
    assert door.show(made)["status"] == "PARSED"


def test_a_file_that_is_gone_fails_the_preview(door: Door, story: Story) -> None:
    made = door.parse(CONTENT)
    path = door.show(made)["fileMetadata"]["url"].removeprefix("/")
    story.app.objects.delete(path)
    begin(door, made)
    work(story)
    found = door.preview("preview", made)
    assert (found["status"], found["failureReason"]) == ("FAILED", "FILE_NOT_FOUND")
    assert found["failureMessage"] == f"no file at {path}"
    assert "result" not in found


def test_a_fault_of_ours_fails_the_preview_after_the_last_try(door: Door, story: Story) -> None:
    made = door.parse(CONTENT)
    begun = begin(door, made)
    (job,) = waiting_jobs(story)
    _, give_up = STEPS[job["name"]]
    give_up(story.app, story.site_id, UUID(begun["id"]))
    found = door.preview("preview", made)
    assert (found["status"], found["failureReason"]) == ("FAILED", "INTERNAL_ERROR")
    assert result(door, made)["rows"]["imported"] == 3


def test_only_what_is_parsed_can_be_previewed(door: Door, story: Story) -> None:
    """428 in every other status, and nothing has changed."""
    imports = {
        "INITIATED": story.create(CONTENT),
        "PARSING": begin_parsing(story, CONTENT),
        "IMPORTING": story.execute(CONTENT),
        "IMPORTED": story.run(CONTENT),
        "FAILED": story.parse(b""),
    }
    for status, made in imports.items():
        with nothing_changed(story):
            answer = door.post("preview", made.id, **mapped())
        assert (answer.status_code, answer.json()) == (
            428,
            failed(
                "INVALID_IMPORT_STATUS",
                f"only an import that is PARSED can be previewed, and this one is {status}",
                status=status,
            ),
        )


def test_what_was_never_previewed_has_no_preview(door: Door, client: TestClient) -> None:
    made = door.parse(CONTENT)
    for call in ("preview", "undo-preview"):
        answer = client.get(f"{IMPORTS}/{call}", params={"loyaltyImportId": made})
        assert answer.status_code == 404
        assert answer.json() == failed("PREVIEW_NOT_FOUND", f"import {made} has no preview; ask for one")


def test_a_mapping_is_asked_for_as_at_execute(door: Door, story: Story) -> None:
    made = door.parse(CONTENT)
    bodies = [{}, {"headerMappingInfo": {"headerMappings": []}}, mapped(0, 0), mapped(0, 2), mapped(2, 0)]
    with nothing_changed(story):
        for body in bodies:
            previewed, executed = door.post("preview", made, **body), door.post("execute", made, **body)
            assert previewed.status_code == executed.status_code == 400
            assert previewed.json() == executed.json()


def test_an_id_must_be_a_guid_of_an_import_of_the_site(
    door: Door, client: TestClient, app: App, make_site: Callable[[str], Site]
) -> None:
    """8 row 28: word for word as for an id that nothing has."""
    other = Story(app, make_site("Other Shop").id)
    other.add_contacts("ada@example.com")
    theirs = other.parse(CONTENT)
    other.preview(theirs)
    with nothing_changed(other), nothing_changed(door.story):
        for wanted in (theirs.id, NOBODY):
            found = [
                door.post("preview", wanted, **mapped()),
                client.get(f"{IMPORTS}/preview", params={"loyaltyImportId": str(wanted)}),
                client.get(f"{IMPORTS}/undo-preview", params={"loyaltyImportId": str(wanted)}),
            ]
            absent = (404, failed("NOT_FOUND", f"loyalty import {wanted} not found"))
            assert [(answer.status_code, answer.json()) for answer in found] == [absent] * 3
    nope = invalid(violation("loyaltyImportId", "value 'nope' is not a valid GUID", "FORMAT", type="GUID"))
    missing = invalid(violation("loyaltyImportId", "is missing", "REQUIRED_FIELD"))
    assert door.post("preview", "nope", **mapped()).json() == nope
    assert client.get(f"{IMPORTS}/preview", params={"loyaltyImportId": "nope"}).json() == nope
    assert client.get(f"{IMPORTS}/preview").json() == missing
    # A preview's own id is no import's.
    made = door.parse(CONTENT)
    begun = begin(door, made)
    assert client.get(f"{IMPORTS}/preview", params={"loyaltyImportId": begun["id"]}).status_code == 404


def test_a_preview_is_erased_with_the_files(door: Door, story: Story, app: App, clock: Clock) -> None:
    """12: row details are kept 30 days; the import says after it still that there was one."""
    made = door.parse(CONTENT)
    result(door, made)
    clock.advance(31 * 86_400)
    previews.erase_old(replace(app, clock=clock))
    answer = door.client.get(f"{IMPORTS}/preview", params={"loyaltyImportId": made})
    assert answer.json() == failed("PREVIEW_NOT_FOUND", f"import {made} has no preview; ask for one")
    assert steps.verify(app, story.site_id) == []
