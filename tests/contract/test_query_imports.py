"""POST /v1/loyalty-imports/query (contract.md 2.7) and its language (1.7)."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient

from pointport.app import App
from pointport.imports import record
from pointport.plumbing.database.ids import new_id
from tests.conftest import Site, Story
from tests.contract.conftest import IMPORTS, Clock, Json, begin_parsing, invalid, violation

URL = f"{IMPORTS}/query"
CONTENT = b"Email,Points\r\nada@example.com,15\r\n"
FIELDS = "createdDate, status, updatedDate"


def query(client: TestClient, asked: Mapping[str, Any]) -> Json:
    answer = client.post(URL, json={"query": asked})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert isinstance(body, dict)
    return body


def statuses(client: TestClient, asked: Mapping[str, Any]) -> list[str]:
    return [one["status"] for one in query(client, asked)["loyaltyImports"]]


def refusals(client: TestClient, queries: list[Any]) -> list[tuple[int, Json]]:
    answers = [client.post(URL, json={"query": asked}) for asked in queries]
    return [(answer.status_code, answer.json()) for answer in answers]


@pytest.fixture
def one_of_each(story: Story, clock: Clock) -> Story:
    """An import in each status, a second apart from :07 to :12."""
    story.add_contacts("ada@example.com")
    makers: list[Callable[[], object]] = [
        lambda: story.parse(CONTENT),
        lambda: begin_parsing(story, CONTENT),
        lambda: story.create(CONTENT),
        lambda: story.execute(CONTENT),
        lambda: story.run(CONTENT),
        lambda: story.parse(b""),
    ]
    for make in makers:
        make()
        clock.advance(1)
    return story


OLDEST_FIRST = ["PARSED", "PARSING", "INITIATED", "IMPORTING", "IMPORTED", "FAILED"]
NEWEST_FIRST = OLDEST_FIRST[::-1]


def test_the_answer_whole(client: TestClient, story: Story, clock: Clock) -> None:
    """2.7: `loyaltyImports` of whole objects, newest first, and `pagingMetadata`; last page: no cursors, no next."""
    first = story.create(CONTENT)
    clock.advance(60)
    second = begin_parsing(story, CONTENT)
    assert query(client, {}) == {
        "loyaltyImports": [
            {
                "id": str(second.id),
                "revision": "2",
                "createdDate": "2026-03-04T05:07:07.089Z",
                "updatedDate": "2026-03-04T05:07:07.089Z",
                "status": "PARSING",
                "fileMetadata": {"size": 34, "name": "file.csv", "url": second.file_url, "sampleDataRows": []},
                "pointport": {},
            },
            {
                "id": str(first.id),
                "revision": "1",
                "createdDate": "2026-03-04T05:06:07.089Z",
                "updatedDate": "2026-03-04T05:06:07.089Z",
                "status": "INITIATED",
                "fileMetadata": {"size": 34, "name": "file.csv", "url": first.file_url, "sampleDataRows": []},
                "pointport": {},
            },
        ],
        "pagingMetadata": {"count": 2, "cursors": {}, "hasNext": False},
    }


def test_each_object_is_what_get_gives(client: TestClient, one_of_each: Story) -> None:
    """2.4, 2.7: one and the same LoyaltyImport, in every status."""
    for found in query(client, {})["loyaltyImports"]:
        assert client.get(IMPORTS, params={"loyaltyImportId": found["id"]}).json() == {"loyaltyImport": found}


def test_a_site_without_imports_has_an_empty_page(client: TestClient) -> None:
    """2.7: an empty list, not a missing one."""
    assert query(client, {}) == {
        "loyaltyImports": [],
        "pagingMetadata": {"count": 0, "cursors": {}, "hasNext": False},
    }


def test_what_the_sdk_sends_is_understood(client: TestClient, one_of_each: Story) -> None:
    """2.7: the builder captures, word for word, and the typed helper's; 1.7: cursorPaging may be absent."""
    first = {"status": {"$ne": "IMPORTED"}}
    second = {"updatedDate": {"$lte": "2026-03-04T05:06:09.089Z"}}
    captures: list[tuple[Json, list[str]]] = [
        (
            {
                "filter": {"status": "IMPORTED"},
                "cursorPaging": {"limit": 2},
                "sort": [{"fieldName": "createdDate", "order": "DESC"}],
            },
            ["IMPORTED"],
        ),
        ({"filter": {}, "cursorPaging": {"limit": 50}}, NEWEST_FIRST),
        ({"filter": {"$and": [first, second]}, "cursorPaging": {"limit": 50}}, ["INITIATED", "PARSING", "PARSED"]),
        (
            {
                "filter": {
                    "status": {"$in": ["IMPORTED", "FAILED", "PARSED"]},
                    "createdDate": {"$gte": "2026-03-04T05:06:11.089Z"},
                },
                "sort": [{"fieldName": "createdDate", "order": "ASC"}],
            },
            ["IMPORTED", "FAILED"],
        ),
        (
            {"filter": {"$and": [{"status": {"$eq": "IMPORTED"}}, {"$not": {"status": {"$eq": "FAILED"}}}]}},
            ["IMPORTED"],
        ),
    ]
    assert [statuses(client, asked) for asked, _ in captures] == [expected for _, expected in captures]


def test_a_query_may_be_empty_but_not_absent(client: TestClient, one_of_each: Story) -> None:
    """2.7: `query` is required but may be `{}`; 1.2: null members are absent ones."""
    everything: list[Json] = [
        {},
        {"filter": None, "sort": None, "cursorPaging": None},
        {"filter": {}, "sort": [], "cursorPaging": {}},
        {"cursorPaging": {"limit": None, "cursor": None}, "unknown": 1},
    ]
    assert [statuses(client, asked) for asked in everything] == [NEWEST_FIRST] * len(everything)
    missing = (400, invalid(violation("query", "is missing", "REQUIRED_FIELD")))
    no_object = (400, invalid(violation("query", "must be an object", "FORMAT", type="object")))
    bodies: list[Json] = [{}, {"query": None}, {"query": []}, {"query": "{}"}]
    answers = [client.post(URL, json=body) for body in bodies]
    assert [(answer.status_code, answer.json()) for answer in answers] == [missing, missing, no_object, no_object]


def test_every_operator_of_the_builder_filters_every_field(client: TestClient, one_of_each: Story) -> None:
    """2.7: eq, ne, in, hasSome, exists on all three fields; gt, ge, lt, le on the dates."""
    at = "2026-03-04T05:06:09.089Z"  # when the third was made
    others = [status for status in NEWEST_FIRST if status != "INITIATED"]
    expected: list[tuple[Json, list[str]]] = [
        ({"status": "INITIATED"}, ["INITIATED"]),
        ({"status": {"$ne": "INITIATED"}}, others),
        ({"status": {"$in": ["INITIATED", "PARSED"]}}, ["INITIATED", "PARSED"]),
        ({"status": {"$hasSome": ["INITIATED", "UNKNOWN"]}}, ["INITIATED"]),
        ({"status": {"$nin": ["INITIATED"]}}, others),
        ({"status": {"$exists": True}}, NEWEST_FIRST),
        ({"status": {"$exists": False}}, []),
        ({"status": "UNKNOWN"}, []),
    ]
    for field in ("createdDate", "updatedDate"):
        expected += [
            ({field: at}, ["INITIATED"]),
            ({field: {"$eq": "2026-03-04T07:06:09.089+02:00"}}, ["INITIATED"]),
            ({field: {"$ne": at}}, others),
            ({field: {"$in": [at]}}, ["INITIATED"]),
            ({field: {"$hasSome": [at]}}, ["INITIATED"]),
            ({field: {"$exists": True}}, NEWEST_FIRST),
            ({field: {"$exists": False}}, []),
            ({field: None}, []),
            ({field: {"$gt": at}}, ["FAILED", "IMPORTED", "IMPORTING"]),
            ({field: {"$gte": at}}, ["FAILED", "IMPORTED", "IMPORTING", "INITIATED"]),
            ({field: {"$lt": at}}, ["PARSING", "PARSED"]),
            ({field: {"$lte": at}}, ["INITIATED", "PARSING", "PARSED"]),
            ({field: {"$gt": at, "$lt": "2026-03-04T05:06:11.089Z"}}, ["IMPORTING"]),
        ]
    assert [statuses(client, {"filter": asked}) for asked, _ in expected] == [found for _, found in expected]


def test_conditions_are_joined_as_they_say(client: TestClient, one_of_each: Story) -> None:
    """1.7: several fields and several operators are ANDed; `$and`, `$or` are arrays, `$not` an object."""
    late = {"createdDate": {"$gte": "2026-03-04T05:06:10.089Z"}}
    expected: list[tuple[Json, list[str]]] = [
        ({"status": {"$ne": "FAILED"}} | late, ["IMPORTED", "IMPORTING"]),
        ({"$or": [{"status": "PARSED"}, {"status": "FAILED"}]}, ["FAILED", "PARSED"]),
        ({"$and": [late, {"$or": [{"status": "PARSED"}, {"status": "FAILED"}]}]}, ["FAILED"]),
        ({"$not": late}, ["INITIATED", "PARSING", "PARSED"]),
    ]
    assert [statuses(client, {"filter": asked}) for asked, _ in expected] == [found for _, found in expected]


def test_every_field_sorts_both_ways(client: TestClient, one_of_each: Story) -> None:
    """2.7, 1.7: three fields; the first entry is primary; default createdDate DESC; no `order` is ASC."""
    by_name = sorted(OLDEST_FIRST)
    expected: list[tuple[list[Json], list[str]]] = [
        ([], NEWEST_FIRST),
        ([{"fieldName": "createdDate", "order": "ASC"}], OLDEST_FIRST),
        ([{"fieldName": "createdDate"}], OLDEST_FIRST),
        ([{"fieldName": "updatedDate", "order": "DESC"}], NEWEST_FIRST),
        ([{"fieldName": "status", "order": "ASC"}], by_name),
        ([{"fieldName": "status", "order": "DESC"}], by_name[::-1]),
        ([{"fieldName": "status"}, {"fieldName": "createdDate", "order": "DESC"}], by_name),
    ]
    assert [statuses(client, {"sort": asked}) for asked, _ in expected] == [found for _, found in expected]


def test_what_is_not_in_the_language_is_refused_where_it_stands(client: TestClient) -> None:
    """2.7: 400 on an unknown field or operator, on more than 5 sorts, and on a limit below 1 or above 100."""
    operators = "$eq, $exists, $gt, $gte, $hasAll, $hasSome, $in, $isEmpty, $lt, $lte, $ne, $nin"
    limit = "query.cursorPaging.limit"
    status = {"fieldName": "status", "order": "ASC"}
    filterable = f"cannot be filtered by; these can: {FIELDS}, and $and, $or, $not"
    expected: list[tuple[Json, Json]] = [
        ({"filter": {"id": "x"}}, violation("query.filter.id", filterable, "FIELD_NOT_ALLOWED")),
        (
            {"filter": {"$and": [{"fileMetadata.name": "x"}]}},
            violation("query.filter.$and[0].fileMetadata.name", filterable, "FIELD_NOT_ALLOWED"),
        ),
        (
            {"filter": {"createdDate": {"$regex": "x"}}},
            violation("query.filter.createdDate", f'has no operator "$regex"; it has {operators}', "FIELD_NOT_ALLOWED"),
        ),
        (
            {"filter": {"status": "DONE"}},
            violation(
                "query.filter.status",
                "must be one of FAILED, IMPORTED, IMPORTING, INITIATED, PARSED, PARSING, UNKNOWN",
                "INVALID_ENUM_VALUE",
            ),
        ),
        (
            {"filter": {"createdDate": {"$gt": "yesterday"}}},
            violation(
                "query.filter.createdDate.$gt",
                "value 'yesterday' is not a valid ISO 8601 date and time",
                "FORMAT",
                type="timestamp",
            ),
        ),
        (
            {"filter": {"$and": [{"created_date": 1}]}},
            violation(
                "query.filter.$and[0].created_date",
                f"cannot be filtered by; these can: {FIELDS}, and $and, $or, $not",
                "FIELD_NOT_ALLOWED",
            ),
        ),
        ({"filter": []}, violation("query.filter", "must be an object", "FORMAT", type="object")),
        ({"sort": [status] * 6}, violation("query.sort", "must have at most 5 entries", "MAX_SIZE", threshold=5)),
        (
            {"sort": [{"fieldName": "id"}]},
            violation("query.sort[0].fieldName", f'"id" cannot be sorted by; these can: {FIELDS}', "FIELD_NOT_ALLOWED"),
        ),
        (
            {"sort": [{"fieldName": "x" * 513}]},
            violation("query.sort[0].fieldName", "must have at most 512 characters", "MAX_LENGTH", threshold=512),
        ),
        (
            {"sort": [{"fieldName": "status", "order": "DOWN"}]},
            violation("query.sort[0].order", "must be ASC or DESC", "INVALID_ENUM_VALUE"),
        ),
        ({"cursorPaging": {"limit": 0}}, violation(limit, "must be at least 1", "MIN", threshold=1)),
        ({"cursorPaging": {"limit": -1}}, violation(limit, "must be at least 1", "MIN", threshold=1)),
        ({"cursorPaging": {"limit": 101}}, violation(limit, "must be at most 100", "MAX", threshold=100)),
        ({"cursorPaging": {"limit": "10"}}, violation(limit, "must be a whole number", "FORMAT", type="integer")),
        (
            {"paging": {"limit": 1, "offset": 5}},
            violation("query.paging", "is not offered: page with cursorPaging", "FIELD_NOT_ALLOWED"),
        ),
    ]
    assert refusals(client, [asked for asked, _ in expected]) == [(400, invalid(told)) for _, told in expected]


def test_a_cursor_must_be_one_that_this_query_gave_this_site(
    client: TestClient, one_of_each: Story, make_site: Callable[[str], Site]
) -> None:
    """2.7, 8 row 27: 400 for a cursor that is bad, altered, too long, or another site's."""
    good = query(client, {"cursorPaging": {"limit": 2}})["pagingMetadata"]["cursors"]["next"]
    path = "query.cursorPaging.cursor"
    unknown = violation(path, "was not given out by this query; start again without a cursor", "FORMAT", type="cursor")
    text = violation(path, "must be text", "FORMAT", type="text")
    long = violation(path, "must have at most 16000 characters", "MAX_LENGTH", threshold=16_000)
    bad: list[Any] = [
        "",
        "nothing",
        good[:-1],
        good[1:],
        f"{good}A",
        f" {good}",
        good.swapcase(),
        good.replace(".", ""),
    ]
    expected = [*[(one, unknown) for one in bad], (5, text), ("x" * 16_001, long)]
    assert refusals(client, [{"cursorPaging": {"cursor": one}} for one, _ in expected]) == [
        (400, invalid(told)) for _, told in expected
    ]
    assert statuses(client, {"cursorPaging": {"cursor": good}}) == NEWEST_FIRST[2:4]
    client.headers.update(make_site("Other Shop").headers)
    assert refusals(client, [{"cursorPaging": {"cursor": good}}]) == [(400, invalid(unknown))]


def test_a_cursor_carries_filter_and_sort(client: TestClient, one_of_each: Story) -> None:
    """1.7, 8 row 26: with a cursor the SDK sends neither; were they sent, the cursor wins. The limit may change."""
    asked = {
        "filter": {"status": {"$ne": "FAILED"}},
        "sort": [{"fieldName": "createdDate", "order": "ASC"}],
        "cursorPaging": {"limit": 2},
    }
    first = query(client, asked)["pagingMetadata"]["cursors"]["next"]
    for more in ({}, {"filter": {"status": "FAILED"}, "sort": [{"fieldName": "status"}]}):
        assert statuses(client, {**more, "cursorPaging": {"cursor": first, "limit": 2}}) == ["INITIATED", "IMPORTING"]
    assert statuses(client, {"cursorPaging": {"cursor": first, "limit": 100}}) == ["INITIATED", "IMPORTING", "IMPORTED"]
    assert statuses(client, {"cursorPaging": {"cursor": first}}) == ["INITIATED", "IMPORTING"]


def test_120_imports_are_each_visited_once_forwards_and_once_backwards(
    client: TestClient, app: App, story: Story, clock: Clock
) -> None:
    """1.7: `.next()` and `.prev()` as captured; default limit 50; pages never overlap, though moments repeat."""
    with app.database.transaction(story.site_id) as connection:
        for index in range(120):
            if index % 7 == 0:
                clock.advance(0.001)
            record.insert(
                connection,
                story.site_id,
                id=new_id(),
                file_url=f"/{index:03}",
                file_name=str(index),
                file_bytes=0,
                now=clock(),
            )
    forwards = [query(client, {"filter": {}, "cursorPaging": {"limit": 50}})]
    assert query(client, {}) == forwards[0]
    while "next" in forwards[-1]["pagingMetadata"]["cursors"]:
        cursor = forwards[-1]["pagingMetadata"]["cursors"]["next"]
        forwards.append(query(client, {"cursorPaging": {"cursor": cursor, "limit": 50}}))
    assert [page["pagingMetadata"]["count"] for page in forwards] == [50, 50, 20]
    assert [page["pagingMetadata"]["hasNext"] for page in forwards] == [True, True, False]
    assert [set(page["pagingMetadata"]["cursors"]) for page in forwards] == [{"next"}, {"next", "prev"}, {"prev"}]
    names = [one["fileMetadata"]["name"] for page in forwards for one in page["loyaltyImports"]]
    assert names == [str(index) for index in reversed(range(120))]

    backwards = [forwards[-1]]
    while "prev" in backwards[-1]["pagingMetadata"]["cursors"]:
        cursor = backwards[-1]["pagingMetadata"]["cursors"]["prev"]
        backwards.append(query(client, {"cursorPaging": {"cursor": cursor, "limit": 50}}))
    assert [page["loyaltyImports"] for page in reversed(backwards)] == [page["loyaltyImports"] for page in forwards]
    assert [page["pagingMetadata"]["hasNext"] for page in backwards] == [False, True, True]


def test_a_date_that_is_shown_is_found(client: TestClient, app: App, clock: Clock, story: Story) -> None:
    """1.5, 2.7: dates are shown to the millisecond, and one that was shown finds what it was shown of, and is not later."""
    clock.advance(0.000_437)
    made = story.create(CONTENT)
    shown = client.get(IMPORTS, params={"loyaltyImportId": str(made.id)}).json()["loyaltyImport"]["createdDate"]
    assert made.created_date.microsecond % 1000
    for condition, count in (
        (shown, 1),
        ({"$in": [shown]}, 1),
        ({"$hasSome": [shown, None]}, 1),
        ({"$gte": shown}, 1),
        ({"$lte": shown}, 1),
        ({"$gt": shown}, 0),
        ({"$lt": shown}, 0),
        ({"$ne": shown}, 0),
        ({"$nin": [shown]}, 0),
    ):
        found = query(client, {"filter": {"createdDate": condition}})
        assert found["pagingMetadata"]["count"] == count, condition


def test_a_query_finds_the_sites_own_imports_alone(
    client: TestClient, app: App, make_site: Callable[[str], Site], story: Story
) -> None:
    """8 row 28: another site's imports are not there, whatever is asked for."""
    Story(app, make_site("Other Shop").id).create(CONTENT)
    ours = story.parse(CONTENT)
    for asked in ({}, {"filter": {"$or": [{"status": {"$ne": "UNKNOWN"}}, {"status": "INITIATED"}]}}):
        assert [one["id"] for one in query(client, asked)["loyaltyImports"]] == [str(ours.id)]
