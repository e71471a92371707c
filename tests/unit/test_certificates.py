"""The certificate as it is signed: one way to write it, and no value that can be changed unnoticed."""

import base64
import copy
import json
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints
from unittest.mock import MagicMock
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import RSAKey

from pointport.entrypoints.api.examples.imports import CERTIFICATE
from pointport.imports.options import Options
from pointport.plumbing.database.pool import Database
from pointport.plumbing.sites import signing
from pointport.wire import certificates as wire
from pointport.wire.base import camel

Json = dict[str, Any]
Path = tuple[str, ...]

KEY_ID = "7f1d2c3b-4a5e-4f60-8b7a-9c8d7e6f5a4b"
SITE_ID = UUID(str(CERTIFICATE["siteId"]))

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


def paths(part: Json, above: Path = ()) -> Iterator[Path]:
    """The way to each value, objects too."""
    for name, value in part.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from paths(value, (*above, name))


PATHS = sorted(paths(CERTIFICATE))


@cache
def key() -> RSAKey:
    return RSAKey.generate_key(2048)


@cache
def signature() -> str:
    header = {"alg": "RS256", "kid": KEY_ID, "typ": wire.KIND}
    return jws.serialize_compact(header, wire.canonical(CERTIFICATE), key())


def database() -> Database:
    """A database that knows one key."""
    known = MagicMock(spec=Database)
    connection = known.transaction.return_value.__enter__.return_value
    connection.execute.return_value.fetchone.return_value = {"public_key": key().as_pem().decode()}
    return known


def holds(certificate: Json, token: str) -> bool:
    """Whether the signature is genuine and of this certificate."""
    try:
        _, signed = signing.check_document(database(), SITE_ID, token, kind=wire.KIND)
    except signing.NotSigned:
        return False
    return signed == wire.canonical(certificate)


def changed(path: Path, value: Any) -> Json:
    """The certificate with one value changed."""
    copied = copy.deepcopy(CERTIFICATE)
    inner = copied
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return copied


def test_what_was_signed_holds() -> None:
    assert holds(CERTIFICATE, signature())


@given(st.sampled_from(PATHS), VALUES)
def test_any_change_of_any_value_makes_the_verification_fail(path: Path, value: Any) -> None:
    altered = changed(path, value)
    same = wire.canonical(altered) == wire.canonical(CERTIFICATE)
    assert holds(altered, signature()) == same
    # What is written alike is alike, to its types: 1 is neither 1.0 nor true.
    if same:
        assert json.dumps(altered, sort_keys=True) == json.dumps(CERTIFICATE, sort_keys=True)


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_no_value_can_be_left_out(path: Path) -> None:
    copied = copy.deepcopy(CERTIFICATE)
    inner = copied
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    assert not holds(copied, signature())
    differences, _ = wire.compare(copied, CERTIFICATE)
    assert bool(differences) == (path != ("issuedDate",))


@given(st.dictionaries(TEXTS.filter(lambda name: name not in CERTIFICATE), VALUES, min_size=1, max_size=2))
def test_nothing_can_be_added(more: Json) -> None:
    assert not holds({**CERTIFICATE, **more}, signature())
    assert wire.compare({**CERTIFICATE, **more}, CERTIFICATE)[0]


def decoded(token: str) -> list[bytes] | None:
    """The parts of a token, or None when they are no Base64."""
    try:
        return [base64.urlsafe_b64decode(part + "===") for part in token.split(".")]
    except ValueError:
        return None


@given(st.integers(0, 10**6), st.sampled_from("ABCabc019-_."))
def test_no_character_of_the_signature_can_be_changed(place: int, character: str) -> None:
    token = signature()
    place %= len(token)
    altered = token[:place] + character + token[place + 1 :]
    # The last character of a part has bits to spare, which are passed over.
    same = decoded(altered) == decoded(token)
    assert holds(CERTIFICATE, altered) <= same


@given(
    st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode() + ".e30.e30")
)
def test_whatever_else_is_no_signature(token: str) -> None:
    with pytest.raises(signing.NotSigned):
        signing.check_document(database(), SITE_ID, token, kind=wire.KIND)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "RS256", "kid": KEY_ID, "typ": "JWT"}, "SIGNATURE_OF_ANOTHER_KIND"),
        ({"alg": "RS256", "kid": KEY_ID}, "SIGNATURE_OF_ANOTHER_KIND"),
        ({"alg": "RS256", "typ": wire.KIND}, "SIGNATURE_MALFORMED"),
        ({"alg": "RS256", "kid": "nobody's", "typ": wire.KIND}, "SIGNATURE_MALFORMED"),
        ({"alg": "PS256", "kid": KEY_ID, "typ": wire.KIND}, "SIGNATURE_OF_ANOTHER_KIND"),
    ],
)
def test_a_signature_of_something_else_is_told_apart(header: Json, reason: str) -> None:
    token = jws.serialize_compact(header, wire.canonical(CERTIFICATE), key(), algorithms=["RS256", "PS256"])
    with pytest.raises(signing.NotSigned) as caught:
        signing.check_document(database(), SITE_ID, token, kind=wire.KIND)
    assert caught.value.reason == reason


# --- The canonical form ---------------------------------------------------------------------------------------------------


@given(VALUES)
@settings(max_examples=200)
def test_the_canonical_form_is_json_of_the_same_value(value: Any) -> None:
    written = wire.canonical(value)
    assert json.loads(written) == value
    assert wire.canonical(json.loads(written)) == written


def test_the_canonical_form_has_sorted_members_no_blanks_and_characters_as_they_are() -> None:
    value = {"b": [1, True, None, 1.5], "a": {"z": "März 点\n", "y": {}}}
    assert wire.canonical(value).decode() == r'{"a":{"y":{},"z":"März 点\n"},"b":[1,true,null,1.5]}'


@given(st.dictionaries(st.text(), st.text(st.characters(), max_size=5) | st.floats(), max_size=3))
def test_whatever_was_sent_can_be_sent_back(value: Json) -> None:
    json.dumps(wire.readable(value), allow_nan=False, ensure_ascii=False).encode()


def test_every_option_is_in_the_certificate() -> None:
    said = {camel(field.name) for field in fields(Options)}
    assert set(get_type_hints(wire.CertifiedOptions)) == said == set(CERTIFICATE["options"])


# --- Held to the ledger ---------------------------------------------------------------------------------------------------


@given(st.sampled_from([path for path in PATHS if path != ("issuedDate",)]), LEAVES)
def test_each_value_that_differs_is_named_with_both_sides(path: Path, value: Any) -> None:
    altered = changed(path, value)
    differences, remarks = wire.compare(altered, CERTIFICATE)
    assert remarks == []
    if wire.canonical(altered) == wire.canonical(CERTIFICATE):
        assert differences == []
    else:
        named = {one["name"] for one in differences}
        assert named
        assert all((*name.split("."),)[: len(path)] == path for name in named)


UNDO: Json = {
    "id": KEY_ID,
    "status": "DONE",
    "date": "2024-09-18T10:00:00.000Z",
    "reversed": 2,
    "sumOfChanges": -35,
}


def test_an_undo_since_is_a_remark() -> None:
    differences, remarks = wire.compare(CERTIFICATE, {**CERTIFICATE, "undo": UNDO})
    assert differences == []
    (remark,) = remarks
    assert remark == (
        "The import was undone after the certificate was issued (2024-09-18T10:00:00.000Z, 2 entries reversed, -35"
        " points). What it did before that stands in the ledger as certified."
    )


def test_an_undo_that_was_on_its_way_may_have_come_further() -> None:
    begun = {**CERTIFICATE, "undo": {**UNDO, "status": "RUNNING", "reversed": 1}}
    differences, remarks = wire.compare(begun, {**CERTIFICATE, "undo": UNDO})
    assert differences == []
    assert len(remarks) == 1


def test_an_undo_that_was_done_stays_as_it_was() -> None:
    done = {**CERTIFICATE, "undo": UNDO}
    assert wire.compare(done, {**done}) == ([], [])
    more, _ = wire.compare(done, {**CERTIFICATE, "undo": {**UNDO, "reversed": 3}})
    assert more == [{"name": "undo.reversed", "certificate": 2, "ledger": 3}]
    gone, _ = wire.compare(done, CERTIFICATE)
    assert {one["name"] for one in gone} == {f"undo.{name}" for name in UNDO}


def erased(unproven: int) -> Json:
    """The certificate as it is after the row details were erased."""
    return {
        **CERTIFICATE,
        "rows": {"inFile": 2 + unproven, "imported": 2, "unproven": unproven},
        "rowDetailsErasedDate": "2024-10-17T11:05:12.714Z",
    }


def test_row_details_that_were_erased_since_must_still_come_to_as_many_rows() -> None:
    differences, remarks = wire.compare(CERTIFICATE, erased(1))
    assert differences == []
    assert remarks[0].startswith("The row details were erased on 2024-10-17T11:05:12.714Z, after the certificate")
    differences, _ = wire.compare(changed(("rows", "failed"), 2), erased(1))
    assert {one["name"] for one in differences} >= {"rows.failed", "rows.unproven"}
    assert wire.compare(erased(1), erased(1)) == ([], [])
