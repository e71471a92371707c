"""Cursors and what is said of a page, on rows that no database has given."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from pointport.errors import InvalidRequest
from pointport.plumbing.queries import CursorSigner, Field, Kind, Page, PagingMetadata, Resource, Sort, finish, plan
from pointport.plumbing.queries.cursors import CURSOR_CHARACTERS_MAX

KEY = b"a key for tests"
SIGNER = CursorSigner(KEY, UUID(int=1))
IDENTITY = Field("id", Kind.GUID)
FIELDS = {
    "id": IDENTITY,
    "createdDate": Field("created_date", Kind.TIMESTAMP),
    "name": Field("name", Kind.TEXT, nullable=True),
}
THINGS = Resource("things", FIELDS, IDENTITY, (Sort("createdDate", descending=True),))
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def rows(page: Page, number: int) -> list[dict[str, Any]]:
    """As many rows as the statement of `page` may have given, by the default sort."""
    found = [
        {"id": UUID(int=index), "_key_0": MOMENT - timedelta(seconds=index), "_key_1": UUID(int=index)}
        for index in range(1, number + 1)
    ]
    return found[: page.parameters["q_limit"]]


def first_page(number: int, query: Mapping[str, Any] | None = None) -> tuple[list[dict[str, Any]], PagingMetadata]:
    page = plan(THINGS, {"cursorPaging": {"limit": 2}, **(query or {})}, SIGNER)
    return finish(page, rows(page, number))


def cursor(query: Mapping[str, Any] | None = None) -> str:
    return first_page(3, query)[1]["cursors"]["next"]


def with_cursor(text: Any, resource: Resource = THINGS, signer: CursorSigner = SIGNER, **query: Any) -> Page:
    return plan(resource, {"cursorPaging": {"cursor": text}, **query}, signer)


def assert_refused(text: Any, resource: Resource = THINGS, signer: CursorSigner = SIGNER) -> None:
    with pytest.raises(InvalidRequest) as caught:
        with_cursor(text, resource, signer)
    assert [violation.field for violation in caught.value.violations] == ["query.cursorPaging.cursor"]


def test_a_page_that_holds_everything_leads_nowhere() -> None:
    found, metadata = first_page(2)
    assert found == [{"id": UUID(int=1)}, {"id": UUID(int=2)}]
    assert metadata == {"count": 2, "cursors": {}, "hasNext": False}
    assert first_page(0)[1] == {"count": 0, "cursors": {}, "hasNext": False}


def test_a_first_page_leads_on_and_a_last_page_back() -> None:
    found, metadata = first_page(3)
    assert len(found) == metadata["count"] == 2
    assert metadata["hasNext"]
    assert set(metadata["cursors"]) == {"next"}
    last = with_cursor(metadata["cursors"]["next"])
    metadata = finish(last, rows(last, 1))[1]
    assert not metadata["hasNext"]
    assert set(metadata["cursors"]) == {"prev"}


def test_a_page_backwards_is_in_forward_order_and_leads_on() -> None:
    last = with_cursor(cursor())
    back = with_cursor(finish(last, rows(last, 1))[1]["cursors"]["prev"])
    found, metadata = finish(back, rows(back, 3))
    assert [row["id"] for row in found] == [UUID(int=2), UUID(int=1)]
    assert metadata["hasNext"]
    assert set(metadata["cursors"]) == {"next", "prev"}
    assert set(finish(back, rows(back, 2))[1]["cursors"]) == {"next"}


def test_cursors_keep_microseconds_and_are_safe_in_a_url() -> None:
    text = cursor()
    assert re.fullmatch(r"[A-Za-z0-9._-]+", text)
    page = with_cursor(text)
    expected = {"q_0": MOMENT - timedelta(seconds=2), "q_1": UUID(int=2), "q_limit": 3}
    assert page.parameters == expected
    comparison = "(((created_date), (id)) < (%(q_0)s::timestamptz, %(q_1)s::uuid))"
    assert page.where.as_string() == f"(TRUE AND {comparison})"


def test_moments_of_other_zones_are_the_same_moments() -> None:
    page = plan(THINGS, {"cursorPaging": {"limit": 1}}, SIGNER)
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    found = [{"_key_0": elsewhere, "_key_1": UUID(int=1)}] * 2
    text = finish(page, found)[1]["cursors"]["next"]
    assert with_cursor(text).parameters["q_0"] == MOMENT


def test_a_cursor_carries_filter_and_sort_and_those_of_the_request_do_not_count() -> None:
    text = cursor({"filter": {"name": "Ann"}, "sort": [{"fieldName": "createdDate"}]})
    page = with_cursor(text, filter={"nope": 1}, sort="nope")
    assert page.parameters["q_0"] == "Ann"
    assert page.order_by.as_string() == "(created_date) ASC, (id) ASC"


def test_a_cursor_carries_the_limit_unless_the_request_has_one() -> None:
    text = cursor()
    assert with_cursor(text).limit == 2
    assert plan(THINGS, {"cursorPaging": {"cursor": text, "limit": 7}}, SIGNER).limit == 7
    with pytest.raises(InvalidRequest, match=r"query\.cursorPaging\.limit"):
        plan(THINGS, {"cursorPaging": {"cursor": text, "limit": 0}}, SIGNER)


def test_cursors_of_others_are_refused() -> None:
    text = cursor()
    assert_refused(text, resource=replace(THINGS, name="others"))
    assert_refused(text, signer=CursorSigner(KEY, UUID(int=2)))
    assert_refused(text, signer=CursorSigner(b"another key", UUID(int=1)))


def test_cursors_cut_off_or_altered_anywhere_are_refused() -> None:
    text = cursor()
    for index, character in enumerate(text):
        assert_refused(text[:index])
        for other in {"A", "Z", "-", "=", "*", ".", "\n", "é", "\ud800"} - {character}:
            assert_refused(f"{text[:index]}{other}{text[index + 1 :]}")
            assert_refused(f"{text[:index]}{other}{text[index:]}")
    assert_refused(f"{text}=")
    assert_refused(f"{text}\n")


@pytest.mark.parametrize("text", ["", ".", "..", "x", 5, [], {}, True, "x" * 16_001])
def test_what_is_no_cursor_is_refused(text: Any) -> None:
    assert_refused(text)


def test_a_cursor_is_refused_when_the_resource_has_changed_since() -> None:
    by_name = plan(THINGS, {"cursorPaging": {"limit": 1}, "sort": [{"fieldName": "name"}]}, SIGNER)
    text = finish(by_name, [{"_key_0": "Ann", "_key_1": UUID(int=1)}] * 2)[1]["cursors"]["next"]
    assert with_cursor(text).parameters["q_0"] == "Ann"
    without_name = {name: field for name, field in FIELDS.items() if name != "name"}
    assert_refused(text, resource=replace(THINGS, fields=without_name))
    assert_refused(text, resource=replace(THINGS, fields={**FIELDS, "name": Field("name", Kind.INTEGER)}))
    assert_refused(cursor({"filter": {"name": "Ann"}}), resource=replace(THINGS, fields=without_name))
    assert_refused(cursor(), resource=replace(THINGS, limit_max=1))
    missing = finish(by_name, [{"_key_0": None, "_key_1": UUID(int=1)}] * 2)[1]["cursors"]["next"]
    assert_refused(missing, resource=replace(THINGS, fields={**FIELDS, "name": Field("name", Kind.TEXT)}))


def test_a_page_whose_rows_are_gone_still_leads_back_to_where_it_came_from() -> None:
    page = with_cursor(cursor())
    found, metadata = finish(page, [])
    assert found == []
    assert set(metadata["cursors"]) == {"prev"}
    back = with_cursor(metadata["cursors"]["prev"])
    assert ">= (" in back.where.as_string()
    forth = with_cursor(finish(back, [])[1]["cursors"]["next"])
    assert " < (" in forth.where.as_string()


def test_texts_too_long_for_a_cursor_are_refused_instead_of_cut() -> None:
    page = plan(THINGS, {"cursorPaging": {"limit": 1}, "sort": [{"fieldName": "name"}]}, SIGNER)
    long = "".join(chr(0x4E00 + (place * place) % 20_000) for place in range(CURSOR_CHARACTERS_MAX))
    with pytest.raises(InvalidRequest, match=r"query\.sort"):
        finish(page, [{"_key_0": long, "_key_1": UUID(int=1)}] * 2)
