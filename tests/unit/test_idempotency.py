"""What makes two requests the same, and what is kept of an answer: for any request and any import."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pointport.entrypoints.api.idempotency import Key, keyed
from pointport.entrypoints.api.imports.create_import import CreateImport
from pointport.entrypoints.api.imports.execute_import import ExecuteImport
from pointport.imports import record
from pointport.imports.options import Duplicates, Mode, Options, UnknownContacts
from pointport.imports.record import LoyaltyImport
from pointport.imports.shapes import Reading
from pointport.imports.status import Status

KEYS: TypeAdapter[str] = TypeAdapter(Key)
PATH = "/sites/dbba027b-6b2c-4d0f-9c61-1d6a3a1a5b6f/6099ebc5-2a7f-4e0b-8b7d-3c1f5d2e9a40.csv"
SOME_ID = "5cc0b472-e488-4de3-92ba-bd718a44933a"

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
COUNT = st.integers(0, 2**31)
MOMENT = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
JSON = st.recursive(st.none() | st.booleans() | COUNT | TEXT, lambda inner: st.dictionaries(TEXT, inner, max_size=3))
OPTIONS = st.builds(
    Options,
    mode=st.sampled_from(Mode),
    duplicates=st.sampled_from(Duplicates),
    unknown_contacts=st.sampled_from(UnknownContacts),
    atomic=st.booleans(),
    fail_if_more_than=st.none() | COUNT,
    description=st.none() | TEXT,
    allow_repeat=st.booleans(),
    notify=st.booleans(),
)
KNOWN: dict[str, st.SearchStrategy[Any]] = {
    "site_id": st.uuids(),
    "id": st.uuids(),
    "status": st.sampled_from(Status),
    "status_before": st.none() | st.sampled_from(Status),
    "reading": st.builds(Reading, encoding=st.none() | TEXT, heading_line=st.none() | COUNT),
    "file_sha256": st.none() | st.binary(min_size=32, max_size=32),
    "header": st.none() | st.lists(TEXT, max_size=3),
    "sample_rows": st.none() | st.lists(st.lists(TEXT, max_size=3), max_size=2),
    "detected": st.none() | st.dictionaries(TEXT, JSON, max_size=3),
    "options": OPTIONS,
    "retries": st.lists(st.uuids(), max_size=2),
    "undo": st.none() | st.dictionaries(TEXT, JSON, max_size=3),
    "file_url": TEXT,
    "file_name": TEXT,
    "created_date": MOMENT,
    "updated_date": MOMENT,
}


def of_field(name: str, kind: Any) -> st.SearchStrategy[Any]:
    """Any value that a field of the record may have."""
    if name in KNOWN:
        return KNOWN[name]
    kinds = {"UUID": st.uuids(), "datetime": MOMENT, "int": COUNT, "str": TEXT}
    found = next(strategy for word, strategy in kinds.items() if word in str(kind))
    return found | st.none() if "None" in str(kind) else found


RECORDS = st.fixed_dictionaries({one.name: of_field(one.name, one.type) for one in fields(LoyaltyImport)}).map(
    lambda values: LoyaltyImport(**values)
)


@given(RECORDS)
def test_an_import_comes_back_from_json_as_it_went(any_import: LoyaltyImport) -> None:
    """Through text, as it goes through the database."""
    assert record.from_json(json.loads(json.dumps(record.to_json(any_import)))) == any_import


@given(RECORDS)
def test_what_was_kept_before_a_column_was_added_can_still_be_read(any_import: LoyaltyImport) -> None:
    later = {"options", "preview_id", "differing_rows", "retry_of", "root_id", "retries", "still_failed_count", "undo"}
    kept = {name: value for name, value in record.to_json(any_import).items() if name not in later}
    found = record.from_json(kept)
    assert (found.options, found.retries, found.undo) == (Options(), [], None)
    assert all(getattr(found, name) == getattr(any_import, name) for name in kept)


@given(st.text(st.characters(codec="latin-1"), max_size=300))
def test_a_key_is_what_its_description_takes(text: str) -> None:
    """1 to 255 visible characters, and blanks between them; those around a header's value are none of it."""
    key = text.strip(" \t")
    if all(" " <= character <= "~" for character in key) and 1 <= len(key) <= 255:
        assert KEYS.validate_python(text) == key
    else:
        with pytest.raises(ValidationError):
            KEYS.validate_python(text)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=260).map(str.strip))
def test_any_visible_key_is_one(text: str) -> None:
    if 1 <= len(text) <= 255:
        assert KEYS.validate_python(text) == text


@given(
    st.fixed_dictionaries(
        {"fileUrl": st.just(PATH)}, optional={"fileName": TEXT, "fileSize": COUNT, "pointport": st.just({})}
    ),
    st.data(),
)
def test_a_body_says_the_same_in_any_order_and_with_what_is_ignored(body: dict[str, Any], data: st.DataObject) -> None:
    order = data.draw(st.permutations(list(body)))
    more = {"more": data.draw(JSON), **{name: None for name in ("fileName", "fileSize") if name not in body}}
    again = {**more, **{name: body[name] for name in order}}
    first, second = (keyed("key", "call", CreateImport.model_validate(one)) for one in (body, again))
    assert first == second


@given(TEXT, TEXT)
def test_bodies_that_say_something_else_are_told_apart(one: str, other: str) -> None:
    first, second = (
        keyed("key", "call", CreateImport.model_validate({"fileUrl": PATH, "fileName": name})) for name in (one, other)
    )
    assert (first == second) == (one == other)


@given(st.tuples(COUNT, COUNT), st.tuples(COUNT, COUNT))
def test_mappings_that_say_something_else_are_told_apart(one: tuple[int, int], other: tuple[int, int]) -> None:
    def request(email: int, points: int) -> Any:
        mappings = [{"columnName": "EMAIL", "columnIndex": email}, {"columnName": "POINTS", "columnIndex": points}]
        body = {"loyaltyImportId": SOME_ID, "headerMappingInfo": {"headerMappings": mappings}}
        return keyed("key", "call", ExecuteImport.model_validate(body))

    assert (request(*one) == request(*other)) == (one == other)


def test_without_a_key_there_is_nothing_to_keep() -> None:
    assert keyed(None, "call", CreateImport.model_validate({"fileUrl": PATH})) is None
