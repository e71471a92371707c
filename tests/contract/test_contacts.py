"""Contacts, as far as a user of imports needs them (contract.md 6.5)."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import Story
from tests.contract.conftest import NOBODY, Clock, Json, failed, invalid, violation

CONTACTS = "/contacts/v4/contacts"
NOW = "2026-03-04T05:06:07.089Z"
LATER = "2026-03-04T05:06:17.089Z"
EMAILS = "info.emails.items"
NO_ADDRESS = "is missing: a contact here is known by its e-mail address, so it needs one"


def said(email: Any = "ada@example.com", **name: Any) -> Json:
    """What a program says of a contact."""
    return {"info": {"name": name, "emails": {"items": [{"tag": "MAIN", "email": email, "primary": True}]}}}


def shown(contact_id: str, email: str, revision: int = 1, updated: str = NOW, **name: str) -> Json:
    """A contact, whole."""
    return {
        "id": contact_id,
        "revision": revision,
        "createdDate": NOW,
        "updatedDate": updated,
        "primaryInfo": {"email": email},
        "info": {
            "name": name,
            "emails": {"items": [{"id": contact_id, "tag": "MAIN", "email": email, "primary": True}]},
        },
    }


def create(client: TestClient, email: str, **name: str) -> str:
    answer = client.post(CONTACTS, json=said(email, **name))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["contact"]["id"])


def test_a_contact_is_made_and_found(client: TestClient) -> None:
    """6.5: create and get; the address is kept in its normal form."""
    answer = client.post(CONTACTS, json=said(" Ada@Example.COM ", first="Ada", last="Lovelace"))
    ada = answer.json()["contact"]["id"]
    contact = shown(ada, "ada@example.com", first="Ada", last="Lovelace")
    assert (answer.status_code, answer.json()) == (200, {"contact": contact})
    for prefix in ("/contacts", "/_api/contacts"):
        assert client.get(f"{prefix}/v4/contacts/{ada}").json() == {"contact": contact}
    bare = create(client, "bob@example.com")
    assert client.get(f"{CONTACTS}/{bare}").json() == {"contact": shown(bare, "bob@example.com")}


def test_two_contacts_never_share_an_address(client: TestClient, clock: Clock) -> None:
    """6.5: 409 for an address that is known, in any spelling; with allowDuplicates its contact takes over the names."""
    ada = create(client, "ada@example.com", first="Ada")
    message = "there is a contact with the e-mail address 'ada@example.com' already"
    answer = client.post(CONTACTS, json=said("ADA@example.com", first="Augusta"))
    assert (answer.status_code, answer.json()) == (409, failed("ALREADY_EXISTS", message))
    clock.advance(10)
    answer = client.post(CONTACTS, json=said("ADA@example.com", last="Lovelace") | {"allowDuplicates": True})
    merged = {"contact": shown(ada, "ada@example.com", 2, LATER, first="Ada", last="Lovelace")}
    assert (answer.status_code, answer.json()) == (200, merged)
    answer = client.post(CONTACTS, json=said() | {"allowDuplicates": True})
    assert answer.json() == merged


def test_a_contact_is_changed_where_something_is_given(client: TestClient, clock: Clock) -> None:
    """6.5: update with the revision that was looked at; what is not given stays, and nothing new stores nothing."""
    ada = create(client, "ada@example.com", first="Ada", last="Byron")
    clock.advance(10)
    body = {"info": {"name": {"last": "Lovelace"}}, "revision": 1}
    changed = {"contact": shown(ada, "ada@example.com", 2, LATER, first="Ada", last="Lovelace")}
    assert client.patch(f"{CONTACTS}/{ada}", json=body).json() == changed
    assert client.patch(f"{CONTACTS}/{ada}", json={"info": {}, "revision": 2}).json() == changed
    answer = client.patch(f"{CONTACTS}/{ada}", json=said("Ada@Lovelace.example", first="") | {"revision": 2})
    assert answer.json() == {"contact": shown(ada, "ada@lovelace.example", 3, LATER, last="Lovelace")}


def test_a_stale_revision_and_a_taken_address_are_conflicts(client: TestClient) -> None:
    """1.6: 409 INVALID_REVISION with the current one; 409 ALREADY_EXISTS for another contact's address."""
    ada, _ = create(client, "ada@example.com"), create(client, "bob@example.com")
    client.patch(f"{CONTACTS}/{ada}", json=said(first="Ada") | {"revision": 1})
    answer = client.patch(f"{CONTACTS}/{ada}", json=said(first="A.") | {"revision": 1})
    message = "entity has already changed since the requested revision"
    assert (answer.status_code, answer.json()) == (409, failed("INVALID_REVISION", message, currentRevision="2"))
    answer = client.patch(f"{CONTACTS}/{ada}", json=said("Bob@example.com") | {"revision": 2})
    message = "there is another contact with the e-mail address 'bob@example.com'"
    assert (answer.status_code, answer.json()) == (409, failed("ALREADY_EXISTS", message))
    assert client.get(f"{CONTACTS}/{ada}").json() == {"contact": shown(ada, "ada@example.com", 2, first="Ada")}


def test_a_contact_goes_unless_it_has_an_account(client: TestClient, story: Story) -> None:
    """6.5: delete; what stands in the ledger stays."""
    ada, bob = create(client, "ada@example.com"), create(client, "bob@example.com")
    story.run(b"Email,Points\r\nada@example.com,5\r\n")
    message = "the contact has a loyalty account, and what stands in the ledger stays; set its balance to 0 instead"
    answer = client.delete(f"{CONTACTS}/{ada}")
    assert (answer.status_code, answer.json()) == (409, failed("CONTACT_HAS_ACCOUNT", message, accountId=ada))
    answer = client.delete(f"{CONTACTS}/{bob}")
    assert (answer.status_code, answer.json()) == (200, {})
    gone = failed("CONTACT_NOT_FOUND", f"there is no contact {bob}")
    for answer in (
        client.delete(f"{CONTACTS}/{bob}"),
        client.get(f"{CONTACTS}/{bob}"),
        client.patch(f"{CONTACTS}/{bob}", json=said() | {"revision": 1}),
    ):
        assert (answer.status_code, answer.json()) == (404, gone)
    assert client.get(f"{CONTACTS}/{ada}").status_code == 200


def test_contacts_can_be_queried(client: TestClient) -> None:
    """1.7 and 6.5: filter and sort by address, names, dates and id; one answer whole."""
    ada, bob, eve = (
        create(client, "ada@example.com", first="Ada", last="Lovelace"),
        create(client, "bob@example.com", first="bob"),
        create(client, "eve@other.example", first="Eve", last="Moneypenny"),
    )
    query = {"filter": {"primaryInfo.email": "ada@example.com"}, "cursorPaging": {"limit": 1}}
    assert client.post(f"{CONTACTS}/query", json={"query": query}).json() == {
        "contacts": [shown(ada, "ada@example.com", first="Ada", last="Lovelace")],
        "pagingMetadata": {"count": 1, "cursors": {}, "hasNext": False},
    }
    cases: list[tuple[Json, list[str]]] = [
        ({"filter": {"info.name.first": {"$gt": "B"}}, "sort": [{"fieldName": "info.name.first"}]}, [eve, bob]),
        ({"filter": {"primaryInfo.email": "EVE@Other.example "}}, [eve]),
        (
            {"filter": {"primaryInfo.email": {"$in": ["Ada@EXAMPLE.com", "mailto:bob@example.com", "nonsense"]}}},
            [bob, ada],
        ),
        ({"filter": {"primaryInfo.email": {"$ne": "ADA@example.com"}}}, [eve, bob]),
        ({"filter": {"primaryInfo.email": "no address"}}, []),
        ({"filter": {"primaryInfo.email": {"$endsWith": "@EXAMPLE.com"}}, "sort": [{"fieldName": "id"}]}, [ada, bob]),
        ({"filter": {"id": {"$in": [eve, str(NOBODY)]}}}, [eve]),
        ({"filter": {"createdDate": {"$lt": NOW}}}, []),
        ({"sort": [{"fieldName": "primaryInfo.email", "order": "DESC"}]}, [eve, bob, ada]),
    ]
    for query, expected in cases:
        found = client.post(f"{CONTACTS}/query", json={"query": query}).json()["contacts"]
        assert [contact["id"] for contact in found] == expected, query


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (None, ["bob"]),
        ({"$exists": False}, ["bob"]),
        ({"$exists": True}, ["ada", "åse"]),
        ({"$ne": None}, ["ada", "åse"]),
        ({"$in": [None, "Lovelace"]}, ["ada", "bob"]),
        ({"$nin": ["Lovelace"]}, ["bob", "åse"]),
        ({"$lt": "M"}, ["ada"]),
        ({"$isEmpty": True}, ["bob"]),
        ("", []),
        ({"$startsWith": "ångström"}, ["åse"]),
        ({"$contains": "LACE"}, ["ada"]),
    ],
)
def test_a_name_that_is_not_shown_is_missing(client: TestClient, condition: Any, expected: list[str]) -> None:
    """1.5, 1.7: whatever leaves a name away in answers takes it for missing in filters; case is nothing in any alphabet."""
    ids = {
        create(client, "ada@example.com", last="Lovelace"): "ada",
        create(client, "bob@example.com", first="Bob"): "bob",
        create(client, "ase@example.com", last="Ångström"): "åse",
    }
    query = {"filter": {"info.name.last": condition}, "sort": [{"fieldName": "createdDate"}]}
    found = client.post(f"{CONTACTS}/query", json={"query": query}).json()["contacts"]
    assert [ids[contact["id"]] for contact in found] == expected


@pytest.mark.parametrize(
    ("body", "violations"),
    [
        ({}, [violation("info", "is missing", "REQUIRED_FIELD")]),
        ({"info": []}, [violation("info", "must be an object", "FORMAT", type="object")]),
        *(
            ({"info": {"name": {"first": "Ada"}} | emails}, [violation("info.emails", NO_ADDRESS, "REQUIRED_FIELD")])
            for emails in ({}, {"emails": None})
        ),
        ({"info": {"emails": {}}}, [violation("info.emails.items", "is missing", "REQUIRED_FIELD")]),
        (
            {"info": {"emails": {"items": []}}},
            [violation(EMAILS, "has fewer items than 1", "MIN_SIZE", threshold=1)],
        ),
        (
            {"info": {"emails": {"items": [{"email": "a@example.com"}, {"email": "b@example.com"}]}}},
            [violation(EMAILS, "has more items than 1", "MAX_SIZE", threshold=1)],
        ),
        (said(None), [violation(f"{EMAILS}[0].email", "is missing", "REQUIRED_FIELD")]),
        (said(7), [violation(f"{EMAILS}[0].email", "must be text", "FORMAT", type="text")]),
        (
            said("ada at example.com"),
            [violation(f"{EMAILS}[0].email", "must be an e-mail address", "FORMAT", type="EMAIL")],
        ),
        (
            said(first="x" * 101),
            [violation("info.name.first", "must have at most 100 characters", "MAX_LENGTH", threshold=100)],
        ),
        (
            said() | {"allowDuplicates": "yes"},
            [violation("allowDuplicates", "must be true or false", "FORMAT", type="boolean")],
        ),
    ],
)
def test_what_breaks_a_rule_makes_no_contact(client: TestClient, body: Any, violations: list[Json]) -> None:
    """1.6: the field is named by its path."""
    answer = client.post(CONTACTS, json=body)
    assert (answer.status_code, answer.json()) == (400, invalid(*violations))
    assert client.post(f"{CONTACTS}/query", json={"query": {}}).json()["contacts"] == []


@pytest.mark.parametrize(
    ("body", "violations"),
    [
        ({"info": {}}, [violation("revision", "is missing", "REQUIRED_FIELD")]),
        ({"info": {}, "revision": 0}, [violation("revision", "must be at least 1", "MIN", threshold=1)]),
        ({"info": {}, "revision": "1"}, [violation("revision", "must be a whole number", "FORMAT", type="integer")]),
        (
            said("nonsense") | {"revision": 1},
            [violation(f"{EMAILS}[0].email", "must be an e-mail address", "FORMAT", type="EMAIL")],
        ),
    ],
)
def test_what_breaks_a_rule_changes_no_contact(client: TestClient, body: Any, violations: list[Json]) -> None:
    """1.6: likewise."""
    ada = create(client, "ada@example.com")
    answer = client.patch(f"{CONTACTS}/{ada}", json=body)
    assert (answer.status_code, answer.json()) == (400, invalid(*violations))
    assert client.get(f"{CONTACTS}/{ada}").json() == {"contact": shown(ada, "ada@example.com")}


def test_an_id_that_is_none_is_named(client: TestClient) -> None:
    """1.5: ids are GUIDs."""
    for answer in (client.get(f"{CONTACTS}/nope"), client.delete(f"{CONTACTS}/nope")):
        told = invalid(violation("contactId", "value 'nope' is not a valid GUID", "FORMAT", type="GUID"))
        assert (answer.status_code, answer.json()) == (400, told)
