"""What the query language refuses, and in which words; what it chooses is tested on PostgreSQL."""

import string
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pointport.errors import InvalidRequest, Violation
from pointport.plumbing.queries import CursorSigner, Field, Kind, Page, Resource, Sort, plan, plan_filter

SIGNER = CursorSigner(b"a key for tests", UUID(int=1))
IDENTITY = Field("thing.id", Kind.GUID)
FIELDS = {
    "id": IDENTITY,
    "status": Field("thing.status", Kind.ENUM, values=frozenset({"FAILED", "IMPORTED"})),
    "createdDate": Field("thing.created_date", Kind.TIMESTAMP),
    "points.balance": Field("thing.balance", Kind.INTEGER, nullable=True),
    "description": Field("thing.description", Kind.TEXT, nullable=True, sortable=False),
    "active": Field("thing.active", Kind.BOOLEAN),
    "memberId": Field("thing.member_id", Kind.GUID, nullable=True, operators=frozenset({"$eq", "$startsWith"})),
}
THINGS = Resource("things", FIELDS, IDENTITY, (Sort("createdDate", descending=True),))
GUID = "5cc0b472-0000-4000-8000-000000000001"


def refused(query: Any) -> Violation:
    with pytest.raises(InvalidRequest) as caught:
        plan(THINGS, query, SIGNER)
    (violation,) = caught.value.violations
    return violation


def statement(filter_json: Any) -> str:
    return plan(THINGS, {"filter": filter_json}, SIGNER).where.as_string()


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def nested(levels: int, word: str = "$and") -> dict[str, Any]:
    filter_json: dict[str, Any] = {"active": True}
    for _ in range(levels):
        filter_json = {word: filter_json if word == "$not" else [filter_json]}
    return filter_json


@pytest.mark.parametrize("filter_json", [None, {}])
def test_no_filter_is_true(filter_json: Any) -> None:
    assert statement(filter_json) == "TRUE"
    assert plan(THINGS, {}, SIGNER).where.as_string() == "TRUE"
    assert plan(THINGS, None, SIGNER).where.as_string() == "TRUE"


def test_values_are_parameters_and_never_part_of_the_statement() -> None:
    page = plan(THINGS, {"filter": {"description": "'; DROP TABLE thing; --"}}, SIGNER)
    assert page.where.as_string() == "((thing.description) = %(q_0)s::text)"
    assert page.parameters["q_0"] == "'; DROP TABLE thing; --"
    assert page.parameters["q_limit"] == 51


def test_wildcards_of_like_are_escaped() -> None:
    page = plan(THINGS, {"filter": {"description": {"$contains": r"50%_\ "}}}, SIGNER)
    assert page.parameters["q_0"] == r"%50\%\_\\ %"


def test_a_filter_alone_can_be_planned() -> None:
    where, parameters = plan_filter(THINGS, {"active": False})
    assert where.as_string() == "((thing.active) = %(q_0)s::boolean)"
    assert parameters == {"q_0": False}
    with pytest.raises(InvalidRequest, match=r'"filter\.nope"'):
        plan_filter(THINGS, {"nope": 1})


@pytest.mark.parametrize(
    ("filter_json", "field", "rule"),
    [
        ([], "query.filter", "FORMAT"),
        ("status", "query.filter", "FORMAT"),
        (0, "query.filter", "FORMAT"),
        ({"nope": 1}, "query.filter.nope", "FIELD_NOT_ALLOWED"),
        ({"points": {"balance": 1}}, "query.filter.points", "FIELD_NOT_ALLOWED"),
        ({"$nor": []}, "query.filter.$nor", "FIELD_NOT_ALLOWED"),
        ({"status": {"$regex": "I.*"}}, "query.filter.status", "FIELD_NOT_ALLOWED"),
        ({"status": {"balance": 1}}, "query.filter.status", "FIELD_NOT_ALLOWED"),
        ({"status": {}}, "query.filter.status", "MIN_SIZE"),
        ({"memberId": {"$in": [GUID]}}, "query.filter.memberId", "FIELD_NOT_ALLOWED"),
        ({"points.balance": {"$contains": "1"}}, "query.filter.points.balance", "FIELD_NOT_ALLOWED"),
        ({"active": {"$gt": False}}, "query.filter.active", "FIELD_NOT_ALLOWED"),
        ({"$and": {}}, "query.filter.$and", "FORMAT"),
        ({"$or": [{}, {"$and": [1]}]}, "query.filter.$or[1].$and[0]", "FORMAT"),
        ({"$not": []}, "query.filter.$not", "FORMAT"),
        ({"$not": [{}, {}]}, "query.filter.$not", "FORMAT"),
        ({"$not": [{"nope": 1}]}, "query.filter.$not[0].nope", "FIELD_NOT_ALLOWED"),
        ({"$not": None}, "query.filter.$not", "FORMAT"),
        ({"status": {"$in": "FAILED"}}, "query.filter.status.$in", "FORMAT"),
        ({"status": {"$in": ["FAILED", "nope"]}}, "query.filter.status.$in[1]", "INVALID_ENUM_VALUE"),
        ({"status": ["FAILED"]}, "query.filter.status", "INVALID_ENUM_VALUE"),
        ({"status": {"$gt": None}}, "query.filter.status.$gt", "INVALID_ENUM_VALUE"),
        ({"status": {"$exists": None}}, "query.filter.status.$exists", "FORMAT"),
        ({"status": {"$isEmpty": 1}}, "query.filter.status.$isEmpty", "FORMAT"),
        ({"status": {"$startsWith": 1}}, "query.filter.status.$startsWith", "FORMAT"),
    ],
)
def test_what_is_not_allowed_is_named(filter_json: Any, field: str, rule: str) -> None:
    violation = refused({"filter": filter_json})
    assert (violation.field, violation.rule) == (field, rule)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("status", "imported", "INVALID_ENUM_VALUE"),
        ("status", 1, "INVALID_ENUM_VALUE"),
        ("id", "nope", "FORMAT"),
        ("id", f"{{{GUID}}}", "FORMAT"),
        ("id", f"{GUID}\n", "FORMAT"),
        ("id", 1, "FORMAT"),
        ("createdDate", 1_700_000_000, "FORMAT"),
        ("createdDate", True, "FORMAT"),
        ("createdDate", "yesterday", "FORMAT"),
        ("createdDate", "2026-02-30", "FORMAT"),
        ("createdDate", "2026-W01", "FORMAT"),
        ("createdDate", "2026-01-01T24:00:00Z", "FORMAT"),
        ("createdDate", "0001-01-01T00:00:00+14:00", "FORMAT"),
        ("createdDate", "9999-12-31T23:59:59-14:00", "FORMAT"),
        ("createdDate", "12026-01-01T00:00:00Z", "FORMAT"),
        ("createdDate", "infinity", "FORMAT"),
        ("points.balance", True, "FORMAT"),
        ("points.balance", 1.5, "FORMAT"),
        ("points.balance", "1.5", "FORMAT"),
        ("points.balance", "1", "FORMAT"),
        ("points.balance", "-9223372036854775808", "FORMAT"),
        ("points.balance", "\uff11", "FORMAT"),
        ("points.balance", float("nan"), "FORMAT"),
        ("points.balance", float("-inf"), "FORMAT"),
        ("points.balance", 2**63, "MAX"),
        ("points.balance", 1e300, "MAX"),
        ("points.balance", -(2**63) - 1, "MIN"),
        ("points.balance", "9" * 5000, "FORMAT"),
        ("active", 1, "FORMAT"),
        ("active", "true", "FORMAT"),
        ("description", 1, "FORMAT"),
        ("description", "a\0b", "FORMAT"),
        ("description", "\ud800", "FORMAT"),
    ],
)
def test_values_of_another_kind_are_refused(name: str, value: Any, rule: str) -> None:
    violation = refused({"filter": {name: value}})
    assert (violation.field, violation.rule) == (f"query.filter.{name}", rule)
    assert refused({"filter": {name: {"$in": [None, value]}}}).field == f"query.filter.{name}.$in[1]"


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("points.balance", 2**63 - 1, "9223372036854775807"),
        ("points.balance", -(2**63), "-9223372036854775808"),
        ("points.balance", 1e3, "1000"),
        ("id", GUID.upper(), GUID),
        ("createdDate", "2026-01-02", "2026-01-02 00:00:00+00:00"),
        ("createdDate", "2026-01-02T03:04:05.678901", "2026-01-02 03:04:05.678000+00:00"),
        ("createdDate", "2026-01-02T03:04:05.678Z", "2026-01-02 03:04:05.678000+00:00"),
        ("createdDate", "2026-01-02T03:04:05+02:00", "2026-01-02 01:04:05+00:00"),
        ("createdDate", "2026-01-02T03:04:05.123456789Z", "2026-01-02 03:04:05.123000+00:00"),
    ],
)
def test_values_are_read_as_their_kind_wherever_the_server_stands(
    name: str, value: Any, read: str, far_from_greenwich: None
) -> None:
    assert str(plan(THINGS, {"filter": {name: value}}, SIGNER).parameters["q_0"]) == read


@pytest.mark.parametrize(
    ("operation", "condition"),
    [
        ("$eq", "((({0}) >= '05.678') AND (({0}) < '05.679'))"),
        ("$gte", "(({0}) >= '05.678')"),
        ("$gt", "(({0}) >= '05.679')"),
        ("$lt", "(({0}) < '05.678')"),
        ("$lte", "(({0}) < '05.679')"),
        ("$ne", "(NOT coalesce(((({0}) >= '05.678') AND (({0}) < '05.679')), FALSE))"),
    ],
)
def test_a_moment_is_a_whole_millisecond(operation: str, condition: str) -> None:
    where, parameters = plan_filter(THINGS, {"createdDate": {operation: "2026-01-02T03:04:05.678Z"}})
    text = where.as_string()
    for name, value in parameters.items():
        text = text.replace(f"%({name})s::timestamptz", repr(f"{value:%S.%f}"[:-3]))
    assert text == condition.format("thing.created_date")


@pytest.mark.parametrize("operation", ["$eq", "$gt", "$lte", "$in"])
def test_the_last_millisecond_there_is_can_be_asked_for(operation: str) -> None:
    last = "9999-12-31T23:59:59.999Z"
    assert plan_filter(THINGS, {"createdDate": {operation: [last] if operation == "$in" else last}})


@pytest.mark.parametrize("word", ["$and", "$or", "$not"])
def test_depth_is_limited(word: str) -> None:
    assert statement(nested(19, word))
    for levels in (20, 1_000, 100_000):
        assert refused({"filter": nested(levels, word)}).field == "query.filter"


def test_a_value_nested_deeply_is_only_a_wrong_value() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert refused({"filter": {"description": value}}).field == "query.filter.description"


@pytest.mark.parametrize("one", [{"active": True}, {}, {"$or": []}])
def test_the_number_of_conditions_is_limited(one: dict[str, Any]) -> None:
    assert statement({"$or": [one] * 199})
    violation = refused({"filter": {"$or": [one] * 201}})
    assert (violation.field, violation.rule) == ("query.filter", "MAX_SIZE")


def test_the_values_of_a_list_are_limited() -> None:
    assert statement({"points.balance": {"$in": list(range(500))}})
    assert statement({"id": {"$in": [str(UUID(int=number * 7**40)) for number in range(500)]}})
    violation = refused({"filter": {"points.balance": {"$nin": list(range(501))}}})
    assert (violation.field, violation.rule) == ("query.filter.points.balance.$nin", "MAX_SIZE")


def test_long_lists_are_never_more_than_one_parameter() -> None:
    values = list(range(500))
    operations: dict[str, Any] = {"$in": values, "$nin": values, "$hasSome": values, "$hasAll": values}
    assert len(plan_filter(THINGS, {"points.balance": operations})[1]) == 3


def test_a_filter_that_no_cursor_can_carry_is_refused_on_the_first_page() -> None:
    words = ["".join(chr(0x4E00 + (number * place) % 20_000) for place in range(1, 40)) for number in range(500)]
    violation = refused({"filter": {"description": {"$in": words}}})
    assert (violation.field, violation.rule) == ("query.filter", "MAX_LENGTH")


@pytest.mark.parametrize(
    ("sort", "field", "rule"),
    [
        ({}, "query.sort", "FORMAT"),
        ("createdDate", "query.sort", "FORMAT"),
        ([{"fieldName": "id"}] * 6, "query.sort", "MAX_SIZE"),
        ([{"fieldName": "id"}, None], "query.sort[1]", "FORMAT"),
        ([{}], "query.sort[0].fieldName", "REQUIRED_FIELD"),
        ([{"fieldName": 1}], "query.sort[0].fieldName", "FORMAT"),
        ([{"fieldName": "nope"}], "query.sort[0].fieldName", "FIELD_NOT_ALLOWED"),
        ([{"fieldName": "description"}], "query.sort[0].fieldName", "FIELD_NOT_ALLOWED"),
        ([{"fieldName": "x" * 513}], "query.sort[0].fieldName", "MAX_LENGTH"),
        ([{"fieldName": "id", "order": "asc"}], "query.sort[0].order", "INVALID_ENUM_VALUE"),
        ([{"fieldName": "id", "order": ["ASC"]}], "query.sort[0].order", "INVALID_ENUM_VALUE"),
        ([{"fieldName": "status"}, {"fieldName": "status"}], "query.sort[1].fieldName", "VALIDATION"),
    ],
)
def test_sorts_that_cannot_be_are_refused(sort: Any, field: str, rule: str) -> None:
    violation = refused({"sort": sort})
    assert (violation.field, violation.rule) == (field, rule)


@pytest.mark.parametrize(
    ("sort", "order_by"),
    [
        (None, "(thing.created_date) DESC, (thing.id) DESC"),
        ([], "(thing.created_date) DESC, (thing.id) DESC"),
        ([{"fieldName": "createdDate"}], "(thing.created_date) ASC, (thing.id) ASC"),
        ([{"fieldName": "id", "order": None}], "(thing.id) ASC"),
        ([{"fieldName": "points.balance"}], "(thing.balance) ASC NULLS FIRST, (thing.id) ASC"),
        ([{"fieldName": "points.balance", "order": "DESC"}], "(thing.balance) DESC NULLS LAST, (thing.id) DESC"),
        (
            [{"fieldName": "status", "order": "DESC"}, {"fieldName": "createdDate", "order": "ASC"}],
            '((thing.status) COLLATE "C") DESC, (thing.created_date) ASC, (thing.id) DESC',
        ),
    ],
)
def test_every_order_ends_with_the_id(sort: Any, order_by: str) -> None:
    assert plan(THINGS, {"sort": sort}, SIGNER).order_by.as_string() == order_by


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ([], "query", "FORMAT"),
        ("", "query", "FORMAT"),
        (False, "query", "FORMAT"),
        ({"paging": {"limit": 5, "offset": 5}}, "query.paging", "FIELD_NOT_ALLOWED"),
        ({"cursorPaging": []}, "query.cursorPaging", "FORMAT"),
        ({"cursorPaging": {"limit": 0}}, "query.cursorPaging.limit", "MIN"),
        ({"cursorPaging": {"limit": 101}}, "query.cursorPaging.limit", "MAX"),
        ({"cursorPaging": {"limit": True}}, "query.cursorPaging.limit", "FORMAT"),
        ({"cursorPaging": {"limit": "5"}}, "query.cursorPaging.limit", "FORMAT"),
        ({"cursorPaging": {"cursor": 5}}, "query.cursorPaging.cursor", "FORMAT"),
    ],
)
def test_queries_that_cannot_be_are_refused(query: Any, field: str, rule: str) -> None:
    violation = refused(query)
    assert (violation.field, violation.rule) == (field, rule)


def test_what_is_null_is_absent_and_what_is_unknown_does_not_matter() -> None:
    paging = {"limit": None, "cursor": None, "offset": 3}
    query = {"filter": None, "sort": None, "paging": None, "cursorPaging": paging, "fields": ["id"], "fieldsets": 7}
    page = plan(THINGS, query, SIGNER)
    assert (page.limit, page.where.as_string()) == (50, "TRUE")


ANY_TEXT = st.text(st.characters(categories=["L", "N", "P", "S", "Z", "C"]), max_size=8) | st.sampled_from(
    ["$and", "$or", "$not", *sorted(Kind.TEXT.operators), *FIELDS, "FAILED", GUID, "2026-01-01", "ASC", "DESC"]
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=20,
)
ANY_QUERY = ANY_JSON | st.fixed_dictionaries(
    {},
    optional={
        "filter": st.dictionaries(st.sampled_from([*FIELDS, "$and", "$or", "$not"]), ANY_JSON, max_size=4) | ANY_JSON,
        "sort": st.lists(st.fixed_dictionaries({"fieldName": ANY_TEXT}, optional={"order": ANY_JSON})) | ANY_JSON,
        "cursorPaging": st.fixed_dictionaries({}, optional={"limit": ANY_JSON, "cursor": ANY_JSON}) | ANY_JSON,
        "paging": ANY_JSON,
    },
)


@given(ANY_QUERY)
@example({"filter": {"\ud800": 1}})
@example({"filter": {"x" * 100_000: 1}})
@example({"filter": {"id": "\ud800"}})
@example({"cursorPaging": {"cursor": "\ud800"}})
@example({"cursorPaging": {"cursor": ".eJ"}})
@example({"sort": [{"fieldName": "\ud800\0"}]})
def test_any_json_at_all_is_either_planned_or_refused(query: Any) -> None:
    try:
        page = plan(THINGS, query, SIGNER)
    except InvalidRequest as error:
        (violation,) = error.violations
        assert violation.field.startswith("query")
        # What is said of a query has to be sent: it must be encodable, and must not repeat whatever came in.
        assert len(violation.field.encode()) < 2_000
        assert len(violation.description.encode()) < 2_000
    else:
        assert isinstance(page, Page)
        assert set(page.where.as_string()) <= set(string.printable)
        assert 1 <= page.limit <= THINGS.limit_max
