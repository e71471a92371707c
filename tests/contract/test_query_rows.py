"""POST /v1/loyalty-imports/rows/query: what became of each row (design.md 8), in the language of contract.md 1.7."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb
from starlette.testclient import TestClient

from pointport.app import App
from pointport.imports import preparing, reporting, steps
from pointport.imports.options import Mode, Options
from pointport.imports.problems import CATALOGUE
from pointport.imports.record import LoyaltyImport
from pointport.imports.shapes import Mapping as Columns
from pointport.ledger.transactions import entry_id
from tests.conftest import Site, Story
from tests.contract.conftest import IMPORTS, NOBODY, Clock, Json, failed, invalid, violation
from tests.contract.runs import add_run, note_preview, take_back

URL = f"{IMPORTS}/rows/query"

SOUND = b"""Email,Points,Note
ada@example.com,15,
bob@example.com,20,
cyd@example.com,5,
"""
"""Lines 2 to 4: one new account, one that changes, one that has the balance already."""
FAILING = b"""nobody@example.com,40,
dan@example.com,many,
dan@example.com,2.5,
dan@example.com,-5,
dan@example.com,,
dan@example.com,1000000000,
no address,5,
,5,
dan@example.com
dan@example.com,1,,or,2
dup@example.com,1,
DUP@example.com,2,
dan@example.com,"3 bags
of,points",
"""
"""What fails of itself, up to a row of two lines."""

WRITTEN: Mapping[str, Json | None] = {
    "CELL_TOO_LONG": {"longest": 40_000},
    "ENCODING_ERROR": {"encoding": "UTF-8"},
    "POINTS_AMBIGUOUS": {"grouped": 1234, "fraction": "1.234"},
    "QUOTE_NOT_CLOSED": None,
    "TWIN_FAILED": {"count": 2, "lines": [20, 21]},
    "CONTACT_CHANGED": None,
    "BALANCE_WOULD_BE_NEGATIVE": None,
    "BALANCE_TOO_LARGE": None,
    "GUARD_RAIL": {"limit": 3},
    "POINTS_SPENT": {"balance": 3, "amount": 15},
    "LATER_IMPORT": {"later_import_id": str(NOBODY)},
    "CANCELLED": None,
    "NOT_REACHED": None,
}
"""Problems that take circumstances, written over the outcomes of rows whose customer is unknown."""


@dataclass(frozen=True)
class Mixed:
    """An import with every problem of the catalogue, and what is expected of its rows, by line."""

    record: LoyaltyImport
    codes: dict[int, str | None]


def query(client: TestClient, import_id: UUID, asked: Mapping[str, Any] | None = None, **more: Any) -> Json:
    answer = client.post(URL, json={"loyaltyImportId": str(import_id), "query": asked or {}, **more})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"rows", "pagingMetadata"}
    assert body["pagingMetadata"]["count"] == len(body["rows"])
    return dict(body)


def lines(client: TestClient, import_id: UUID, asked: Any, **more: Any) -> list[int]:
    query_of = {"filter": asked, "cursorPaging": {"limit": 100}}
    return [row["line"] for row in query(client, import_id, query_of, **more)["rows"]]


def rewrite(story: Story, record: LoyaltyImport, line: int, code: str, detail: Json | None) -> None:
    """Have a row failed of something else."""
    outcome = "UNPROCESSED" if code in {"CANCELLED", "NOT_REACHED"} else "FAILED"
    with story.app.database.owner_transaction() as connection:
        changed = connection.execute(
            "UPDATE import_row SET outcome = %s, problem = %s, detail = %s"
            " WHERE site_id = %s AND import_id = %s AND line = %s",
            [outcome, code, Jsonb(detail) if detail else None, record.site_id, record.id, line],
        )
        assert changed.rowcount == 1


@pytest.fixture
def mixed(story: Story, clock: Clock) -> Mixed:
    """A file that mixes all that there is."""
    story.add_contacts("ada@example.com", "bob@example.com", "cyd@example.com", "dan@example.com", "dup@example.com")
    story.run(b"Email,Points\r\nbob@example.com,7\r\ncyd@example.com,5\r\n")
    clock.advance(60)
    fillers = "".join(f"filler{number}@example.com,{number},\n" for number in range(len(WRITTEN))).encode()
    done = story.run(SOUND + FAILING + fillers + b"eve@example.com,1,\nbob+late@example.com,1,\n")
    first_filler = 2 + (SOUND + FAILING).count(b"\n") - 1
    for line, (code, detail) in enumerate(WRITTEN.items(), first_filler):
        rewrite(story, done, line, code, detail)
    codes: dict[int, str | None] = {2: None, 3: None, 4: None}
    codes |= dict(
        enumerate(
            [
                *("CONTACT_NOT_FOUND", "POINTS_NOT_A_NUMBER", "POINTS_NOT_WHOLE"),
                *("POINTS_NEGATIVE", "POINTS_MISSING", "POINTS_TOO_LARGE", "EMAIL_INVALID", "EMAIL_MISSING"),
                *("CELL_MISSING", "CELL_EXTRA", "DUPLICATE_EMAIL", "DUPLICATE_EMAIL"),
                "POINTS_NOT_A_NUMBER",
            ],
            5,
        )
    )
    codes |= dict(enumerate(WRITTEN, first_filler))
    last = max(codes)
    return Mixed(done, codes | {last + 1: "CONTACT_NOT_FOUND", last + 2: "CONTACT_NOT_FOUND"})


def test_the_answer_whole(client: TestClient, story: Story, clock: Clock) -> None:
    """Each kind of row with all that there is to say of it, and nothing that does not apply."""
    story.add_contacts("ada@example.com", "bob@example.com")
    story.run(b"Email,Points\r\nbob@example.com,7\r\n")
    clock.advance(60)
    done = story.run(b"Email,Points\nbob@example.com,20\nAda@Example.com,0\nnobody@example.com,40\nsomebody,1\n")
    answer = client.post(URL, json={"loyaltyImportId": str(done.id), "query": {}})
    unchanged = answer.json()["rows"][1]
    assert unchanged.items() >= {"line": 3, "email": "ada@example.com", "points": 0, "outcome": "UNCHANGED"}.items()
    assert set(unchanged) <= {"line", "email", "points", "outcome", "balanceBefore", "balanceAfter"}
    assert answer.json() == {
        "rows": [
            {
                "line": 2,
                "email": "bob@example.com",
                "points": 20,
                "outcome": "IMPORTED",
                "balanceBefore": 7,
                "balanceAfter": 20,
                "transactionId": str(entry_id(done.id, 2)),
            },
            unchanged,
            {
                "line": 4,
                "email": "nobody@example.com",
                "points": 40,
                "outcome": "FAILED",
                "code": "CONTACT_NOT_FOUND",
                "message": 'No contact of this site has the e-mail address "nobody@example.com".'
                " Check the spelling, or add the contact first.",
            },
            {
                "line": 5,
                "outcome": "FAILED",
                "code": "EMAIL_INVALID",
                "message": '"somebody" in column "Email" is not an e-mail address. Write it like name@example.com.',
            },
        ],
        "pagingMetadata": {"count": 4, "cursors": {}, "hasNext": False},
    }
    one = client.get(f"/loyalty-transactions/v1/loyalty-transactions/{entry_id(done.id, 2)}").json()
    assert one["loyaltyTransaction"]["pointport"].items() >= {"loyaltyImportId": str(done.id), "line": 2}.items()


def test_every_problem_is_told_as_in_the_error_file(client: TestClient, story: Story, mixed: Mixed) -> None:
    """All of the catalogue, each in words that quote the row's own cells."""
    rows = query(client, mixed.record.id, {"cursorPaging": {"limit": 100}})["rows"]
    assert {row["line"]: row.get("code") for row in rows} == mixed.codes
    assert {row["code"] for row in rows if "code" in row} == set(CATALOGUE)
    assert [row["outcome"] for row in rows[:3]] == ["IMPORTED", "IMPORTED", "UNCHANGED"]
    with story.app.database.transaction(story.site_id) as connection:
        written = list(reporting.failures(connection, story.site_id, mixed.record.id))
        cells = reporting.with_cells(written, preparing.rows(story.app, mixed.record))
        header = mixed.record.header or []
        expected = {one["line"]: reporting.message(one, own, header, Columns(0, 1)) for one, own in cells}
    assert {row["line"]: row["message"] for row in rows if "code" in row} == expected


def test_a_message_that_quotes_broken_bytes_can_be_sent(client: TestClient, story: Story) -> None:
    """JSON has no bytes that are no characters."""
    content = "Email,Points\n" + "zoë@example.com,1\n" * 90
    done = story.run(content.encode() + b"ada@example.com,1,caf\xff\n")
    (row,) = query(client, done.id, {"filter": {"line": 92}})["rows"]
    assert row["code"] == "CELL_EXTRA"
    assert '; "caf\ufffd" is one too many. Put quotes' in row["message"]
    summary = client.get("/pointport/v1/import-summary", params={"loyaltyImportId": str(done.id), "examples": 100})
    assert summary.status_code == 200


def test_pages_lead_back_and_forth_over_every_row_once(client: TestClient, mixed: Mixed) -> None:
    """Whatever the size of a page and whichever way, both places where rows stand give each of theirs once."""
    everything = query(client, mixed.record.id, {"cursorPaging": {"limit": 100}})["rows"]
    for order, expected in (("ASC", everything), ("DESC", everything[::-1])):
        for limit in (1, 2, 3, 7, len(expected) - 1, len(expected), len(expected) + 1):
            first = {"sort": [{"fieldName": "line", "order": order}], "cursorPaging": {"limit": limit}}
            there = list(pages(client, mixed.record.id, query(client, mixed.record.id, first), "next"))
            assert [row for page in there for row in page["rows"]] == expected
            assert [page["pagingMetadata"]["hasNext"] for page in there] == [True] * (len(there) - 1) + [False]
            back = list(pages(client, mixed.record.id, there[-1], "prev"))
            assert [page["rows"] for page in reversed(back)] == [page["rows"] for page in there]


def test_pages_of_a_filter_lead_back_and_forth(client: TestClient, mixed: Mixed) -> None:
    """The cursor carries the filter, also one that both places answer."""
    asked = {"$or": [{"line": {"$lt": 4}}, {"code": {"$in": ["DUPLICATE_EMAIL", "POINTS_NOT_A_NUMBER"]}}]}
    expected = [
        line for line, code in mixed.codes.items() if line < 4 or code in {"DUPLICATE_EMAIL", "POINTS_NOT_A_NUMBER"}
    ]
    first = query(client, mixed.record.id, {"filter": asked, "cursorPaging": {"limit": 2}})
    there = list(pages(client, mixed.record.id, first, "next"))
    assert [row["line"] for page in there for row in page["rows"]] == expected
    back = list(pages(client, mixed.record.id, there[-1], "prev"))
    assert [page["rows"] for page in reversed(back)] == [page["rows"] for page in there]


def pages(client: TestClient, import_id: UUID, page: Json, way: str, **more: Any) -> Iterator[Json]:
    """This page and all those that lie in a direction."""
    yield page
    while way in page["pagingMetadata"]["cursors"]:
        cursor = page["pagingMetadata"]["cursors"][way]
        page = query(client, import_id, {"cursorPaging": {"cursor": cursor}}, **more)
        yield page


def test_filters_choose_rows_wherever_they_stand(client: TestClient, mixed: Mixed) -> None:
    """Outcome, code, line and e-mail, alone and together."""
    of, last = mixed.record.id, max(mixed.codes)
    coded = [line for line, code in mixed.codes.items() if code]
    stopped = [line for line, code in mixed.codes.items() if code in {"CANCELLED", "NOT_REACHED"}]
    cases: list[tuple[Json, list[int]]] = [
        ({}, list(mixed.codes)),
        ({"outcome": "IMPORTED"}, [2, 3]),
        ({"outcome": {"$ne": "IMPORTED"}}, [4, *coded]),
        ({"outcome": {"$in": ["IMPORTED", "UNCHANGED"]}}, [2, 3, 4]),
        ({"outcome": "UNPROCESSED"}, stopped),
        ({"outcome": "MERGED"}, []),
        ({"code": "DUPLICATE_EMAIL"}, [15, 16]),
        ({"code": {"$in": ["CANCELLED", "NOT_REACHED"]}}, stopped),
        ({"code": {"$exists": False}}, [2, 3, 4]),
        ({"code": None}, [2, 3, 4]),
        ({"code": {"$ne": "DUPLICATE_EMAIL"}}, [line for line in mixed.codes if line not in {15, 16}]),
        ({"line": 3}, [3]),
        ({"line": {"$in": [2, 5, 4_000_000_000, 2**40, -1]}}, [2, 5]),
        ({"line": {"$ne": 2}}, list(mixed.codes)[1:]),
        ({"line": {"$gte": 3, "$lte": 5}}, [3, 4, 5]),
        ({"line": {"$gt": 3, "$lt": 5}}, [4]),
        ({"line": {"$gt": -(2**63), "$lt": 2**63 - 1}}, list(mixed.codes)),
        ({"line": {"$gt": 2**40}}, []),
        ({"line": {"$lt": -5}}, []),
        ({"line": {"$gte": last}}, [last]),
        ({"$not": {"line": {"$gt": 2}}}, [2]),
        ({"email": "bob@example.com"}, [3]),
        ({"email": " BOB@Example.com "}, [3]),
        ({"email": {"$in": ["ada@example.com", "dup@example.com"]}}, [2, 15, 16]),
        ({"email": {"$startsWith": "bob"}}, [3, last]),
        ({"email": {"$startsWith": "BO"}, "outcome": "FAILED"}, [last]),
        ({"email": {"$startsWith": "nobody_"}}, []),
        ({"differsFromPreview": False}, list(mixed.codes)),
        ({"differsFromPreview": True}, []),
    ]
    assert [lines(client, of, asked) for asked, _ in cases] == [expected for _, expected in cases]


def test_what_is_not_in_the_language_is_refused(client: TestClient, mixed: Mixed) -> None:
    """1.6, 1.7: 400 with the path of what is wrong."""
    other = query(client, mixed.record.id, {"cursorPaging": {"limit": 1}}, of="IMPORT")["pagingMetadata"]["cursors"]
    cases: list[tuple[Any, Json]] = [
        (
            {"filter": {"points": 5}},
            violation(
                "query.filter.points",
                "cannot be filtered by; these can: code, differsFromPreview, email, line, outcome, and $and, $or, $not",
                "FIELD_NOT_ALLOWED",
            ),
        ),
        (
            {"filter": {"outcome": "DONE"}},
            violation(
                "query.filter.outcome",
                "must be one of FAILED, IMPORTED, MERGED, UNCHANGED, UNPROCESSED",
                "INVALID_ENUM_VALUE",
            ),
        ),
        (
            {"filter": {"line": "5"}},
            violation("query.filter.line", "must be a whole number", "FORMAT", type="integer"),
        ),
        (
            {"filter": {"differsFromPreview": 1}},
            violation("query.filter.differsFromPreview", "must be true or false", "FORMAT", type="boolean"),
        ),
        (
            {"sort": [{"fieldName": "email"}]},
            violation("query.sort[0].fieldName", '"email" cannot be sorted by; these can: line', "FIELD_NOT_ALLOWED"),
        ),
        (
            {"cursorPaging": {"limit": 101}},
            violation("query.cursorPaging.limit", "must be at most 100", "MAX", threshold=100),
        ),
        (
            {"cursorPaging": {"cursor": other["next"][:-1]}},
            violation(
                "query.cursorPaging.cursor",
                "was not given out by this query; start again without a cursor",
                "FORMAT",
                type="cursor",
            ),
        ),
    ]
    for asked, expected in cases:
        answer = client.post(URL, json={"loyaltyImportId": str(mixed.record.id), "query": asked})
        assert (answer.status_code, answer.json()) == (400, invalid(expected))
    bodies: list[tuple[Json, Json]] = [
        ({"query": {}}, violation("loyaltyImportId", "is missing", "REQUIRED_FIELD")),
        (
            {"loyaltyImportId": "nope", "query": {}},
            violation("loyaltyImportId", "value 'nope' is not a valid GUID", "FORMAT", type="GUID"),
        ),
        ({"loyaltyImportId": str(mixed.record.id)}, violation("query", "is missing", "REQUIRED_FIELD")),
    ]
    for body, expected in bodies:
        answer = client.post(URL, json=body)
        assert (answer.status_code, answer.json()) == (400, invalid(expected))
    answer = client.post(URL, json={"loyaltyImportId": str(mixed.record.id), "query": {}, "of": "RETRY"})
    told = answer.json()["details"]["validationError"]["fieldViolations"]
    assert (answer.status_code, told[0]["field"], told[0]["violatedRule"]) == (400, "of", "INVALID_ENUM_VALUE")


def test_a_cursor_leads_on_in_the_rows_that_it_was_given_out_for(
    client: TestClient, story: Story, mixed: Mixed
) -> None:
    """Not in another import's, nor in those of a run over the same import."""
    other = story.run(SOUND)
    add_run(story, mixed.record, "PREVIEW", {"line": 2, "outcome": "IMPORTED"})
    cursor = query(client, mixed.record.id, {"cursorPaging": {"limit": 1}})["pagingMetadata"]["cursors"]["next"]
    for import_id, of in ((other.id, "IMPORT"), (mixed.record.id, "PREVIEW")):
        asked = {"cursorPaging": {"cursor": cursor}}
        answer = client.post(URL, json={"loyaltyImportId": str(import_id), "query": asked, "of": of})
        assert answer.status_code == 400


def test_an_import_that_was_not_executed_has_no_rows_yet(client: TestClient, story: Story) -> None:
    """Nor has one that cannot be read; neither is an error."""
    for made in (story.create(SOUND), story.parse(SOUND), story.execute(SOUND), story.parse(b"")):
        assert query(client, made.id)["rows"] == []


def test_rows_of_a_preview_are_told_before_and_after_it_is_executed(client: TestClient, story: Story) -> None:
    """All of them, from the newest that came to its end; with the messages of those that would fail."""
    made = story.parse(SOUND + b"nobody@example.com,9,\n")
    absent = client.post(URL, json={"loyaltyImportId": str(made.id), "query": {}, "of": "PREVIEW"})
    assert (absent.status_code, absent.json()) == (
        404,
        failed("PREVIEW_NOT_FOUND", f"import {made.id} has no preview that was finished"),
    )
    add_run(story, made, "PREVIEW", {"line": 2, "outcome": "UNCHANGED"})
    add_run(
        story,
        made,
        "PREVIEW",
        {"line": 2, "outcome": "IMPORTED", "email": "ada@example.com", "points": 15, "before": 0, "after": 15},
        {"line": 3, "outcome": "MERGED", "email": "ada@example.com", "points": 1, "detail": {"line": 2}},
        {"line": 4, "outcome": "UNCHANGED", "email": "cyd@example.com", "points": 5, "before": 5, "after": 5},
        {"line": 5, "outcome": "FAILED", "problem": "CONTACT_NOT_FOUND", "email": "nobody@example.com", "points": 9},
    )
    add_run(story, made, "PREVIEW", status="RUNNING")
    expected = [
        {
            "line": 2,
            "email": "ada@example.com",
            "points": 15,
            "outcome": "IMPORTED",
            "balanceBefore": 0,
            "balanceAfter": 15,
        },
        {"line": 3, "email": "ada@example.com", "points": 1, "outcome": "MERGED", "mergedInto": 2},
        {
            "line": 4,
            "email": "cyd@example.com",
            "points": 5,
            "outcome": "UNCHANGED",
            "balanceBefore": 5,
            "balanceAfter": 5,
        },
        {
            "line": 5,
            "email": "nobody@example.com",
            "points": 9,
            "outcome": "FAILED",
            "code": "CONTACT_NOT_FOUND",
            "message": 'No contact of this site has the e-mail address "nobody@example.com".'
            " Check the spelling, or add the contact first.",
        },
    ]
    assert query(client, made.id, of="PREVIEW")["rows"] == expected
    assert lines(client, made.id, {"outcome": {"$in": ["IMPORTED", "MERGED"]}}, of="PREVIEW") == [2, 3]
    story.app.objects.delete(made.file_url.removeprefix("/"))
    del expected[3]["message"]
    assert query(client, made.id, of="PREVIEW")["rows"] == expected


def test_rows_that_came_out_in_another_way_than_foretold_say_so(client: TestClient, story: Story, clock: Clock) -> None:
    """`differsFromPreview`: another outcome, another problem or another balance than the preview had said."""
    story.add_contacts("ada@example.com", "bob@example.com", "cyd@example.com", "dan@example.com")
    story.run(b"Email,Points\r\ncyd@example.com,5\r\n")
    clock.advance(60)
    done = story.run(SOUND + b"nobody@example.com,1,\nsomebody@example.com,2,\ndan@example.com,3,\nnowhere,3,\n")
    preview_id = add_run(
        story,
        done,
        "PREVIEW",
        {"line": 2, "outcome": "IMPORTED", "before": 0, "after": 15},
        {"line": 3, "outcome": "IMPORTED", "before": 7, "after": 20},
        {"line": 4, "outcome": "IMPORTED", "before": 4, "after": 5},
        {"line": 5, "outcome": "IMPORTED", "before": 0, "after": 1},
        {"line": 6, "outcome": "FAILED", "problem": "CONTACT_NOT_FOUND"},
        {"line": 7, "outcome": "FAILED", "problem": "CONTACT_NOT_FOUND"},
        {"line": 8, "outcome": "FAILED", "problem": "EMAIL_MISSING"},
    )
    assert lines(client, done.id, {"differsFromPreview": True}) == []
    note_preview(story, done, preview_id)
    assert lines(client, done.id, {"differsFromPreview": True}) == [3, 4, 5, 7, 8]
    assert lines(client, done.id, {"differsFromPreview": False}) == [2, 6]
    assert lines(client, done.id, {"differsFromPreview": True, "outcome": "FAILED"}) == [5, 8]
    assert {row["line"]: row.get("preview") for row in query(client, done.id)["rows"]} == {
        2: None,
        3: {"outcome": "IMPORTED", "balanceBefore": 7, "balanceAfter": 20},
        4: {"outcome": "IMPORTED", "balanceBefore": 4, "balanceAfter": 5},
        5: {"outcome": "IMPORTED", "balanceBefore": 0, "balanceAfter": 1},
        6: None,
        7: {"outcome": "FAILED", "code": "CONTACT_NOT_FOUND"},
        8: {"outcome": "FAILED", "code": "EMAIL_MISSING"},
    }
    page = query(client, done.id, {"filter": {"differsFromPreview": True}, "cursorPaging": {"limit": 2}})
    there = list(pages(client, done.id, page, "next"))
    assert [[row["line"] for row in page["rows"]] for page in there] == [[3, 4], [5, 7], [8]]


def test_rows_of_an_undo_say_what_was_taken_back_and_why_others_were_not(client: TestClient, story: Story) -> None:
    """An undo's entries stand in the ledger under its own id, with the lines of the rows that they take back."""
    story.add_contacts("ada@example.com", "bob@example.com", "cyd@example.com")
    done = story.run(SOUND)
    for of, code, told in (
        ("UNDO", "UNDO_NOT_FOUND", f"import {done.id} was not undone"),
        ("UNDO_PREVIEW", "PREVIEW_NOT_FOUND", f"import {done.id} has no preview of an undo that was finished"),
    ):
        answer = client.post(URL, json={"loyaltyImportId": str(done.id), "query": {}, "of": of})
        assert (answer.status_code, answer.json()) == (404, failed(code, told))
    spent = {"outcome": "FAILED", "problem": "POINTS_SPENT", "detail": {"balance": 3, "amount": 15}}
    later = {"outcome": "FAILED", "problem": "LATER_IMPORT", "detail": {"later_import_id": str(NOBODY)}}
    add_run(story, done, "UNDO_PREVIEW", {"line": 3, "outcome": "IMPORTED", "before": 20, "after": 0})
    undo_id = add_run(
        story,
        done,
        "UNDO",
        {"line": 2, "email": "ada@example.com", "points": -15, **spent},
        {"line": 4, "email": "cyd@example.com", **later},
        {"line": 5, "outcome": "FAILED", "problem": "BALANCE_TOO_LARGE"},
        status="RUNNING",
    )
    taken = take_back(story, undo_id, done, line=3)
    assert query(client, done.id, of="UNDO")["rows"] == [
        {
            "line": 2,
            "email": "ada@example.com",
            "points": -15,
            "outcome": "FAILED",
            "code": "POINTS_SPENT",
            "message": "The balance is 3 by now, less than the 15 points that would have to be taken back."
            " Leave it, or take away what is left by hand.",
        },
        {
            "line": 3,
            "email": "bob@example.com",
            "points": -20,
            "outcome": "IMPORTED",
            "balanceBefore": 20,
            "balanceAfter": 0,
            "transactionId": str(taken),
        },
        {
            "line": 4,
            "email": "cyd@example.com",
            "outcome": "FAILED",
            "code": "LATER_IMPORT",
            "message": f"The import {NOBODY} has set this balance since, whatever it was before. Undo that import first.",
        },
        {"line": 5, "outcome": "FAILED", "code": "BALANCE_TOO_LARGE", "message": "The balance would be too large."},
    ]
    foreseen = [{"line": 3, "outcome": "IMPORTED", "balanceBefore": 20, "balanceAfter": 0}]
    assert query(client, done.id, of="UNDO_PREVIEW")["rows"] == foreseen
    assert lines(client, done.id, {"email": "bob@example.com"}, of="UNDO") == [3]
    # The import's own rows are as they were.
    assert lines(client, done.id, {"outcome": "IMPORTED"}) == [2, 3, 4]


def test_values_that_are_added_are_shown_as_they_stand_in_the_file(client: TestClient, story: Story) -> None:
    """`points` is the value; where values set the balance, that is what it becomes."""
    story.add_contacts("ada@example.com", "bob@example.com", "cyd@example.com")
    done = story.run(SOUND)
    with story.app.database.owner_transaction() as connection:
        chosen = Jsonb(Options(mode=Mode.ADD).chosen())
        connection.execute(
            "UPDATE loyalty_import SET options = %s WHERE site_id = %s AND id = %s", [chosen, done.site_id, done.id]
        )
        connection.execute(
            "UPDATE transaction SET amount_before = 100, amount_after = amount + 100 WHERE site_id = %s", [done.site_id]
        )
    assert [(row["points"], row["balanceAfter"]) for row in query(client, done.id)["rows"]] == [
        (15, 115),
        (20, 120),
        (5, 105),
    ]


@pytest.mark.usefixtures("own_database")
def test_what_is_erased_is_told_no_more_and_entries_stay(client: TestClient, story: Story, clock: Clock) -> None:
    """design.md 12: row details are kept 30 days."""
    story.add_contacts("ada@example.com", "bob@example.com", "cyd@example.com")
    done = story.run(SOUND + b"nobody@example.com,1,\n")
    assert lines(client, done.id, {}) == [2, 3, 4, 5]
    clock.now += timedelta(days=31)
    steps.erase_expired(story.app)
    assert lines(client, done.id, {}) == [2, 3, 4]


def test_a_file_that_is_lost_takes_only_the_words_that_quote_it(client: TestClient, story: Story) -> None:
    """Whoever looks after the store may have deleted it: the rows are there, and what needs no cell is said."""
    done = story.run(SOUND + b",1,\nnobody@example.com,1,\n")
    story.app.objects.delete(done.file_url.removeprefix("/"))
    rows = query(client, done.id, {"filter": {"line": {"$gt": 4}}})["rows"]
    assert [(row["code"], row.get("message")) for row in rows] == [
        ("EMAIL_MISSING", 'The column "Email" is empty. Add the customer\'s e-mail address, or delete the row.'),
        ("CONTACT_NOT_FOUND", None),
    ]


def test_another_sites_rows_are_not_there(client: TestClient, app: App, make_site: Callable[[str], Site]) -> None:
    """8 row 28: 404, whatever is asked for, as for an import that does not exist."""
    theirs = Story(app, make_site("Other Shop").id)
    theirs.add_contacts("ada@example.com", "bob@example.com", "cyd@example.com")
    done = theirs.run(SOUND)
    add_run(theirs, done, "PREVIEW", {"line": 2, "outcome": "IMPORTED"})
    for wanted in (NOBODY, done.id):
        for of in ("IMPORT", "PREVIEW", "UNDO", "UNDO_PREVIEW"):
            answer = client.post(URL, json={"loyaltyImportId": str(wanted), "query": {}, "of": of})
            assert (answer.status_code, answer.json()) == (
                404,
                failed("NOT_FOUND", f"loyalty import {wanted} not found"),
            )
