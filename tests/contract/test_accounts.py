"""Accounts, to make and to read (contract.md 6.1, 6.2, and the query language of 1.7)."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from pointport.app import App
from pointport.ledger import contacts
from pointport.ledger.contacts import NewContact
from tests.conftest import Site, Story
from tests.contract.conftest import NOBODY, Clock, Json, failed, invalid, violation

ACCOUNTS = "/loyalty-accounts/v1/accounts"
NOW = "2026-03-04T05:06:07.089Z"
NO_MEMBER = (
    "my-account is for a site member who has signed in, and an API key is none; use GET /v1/accounts/{id}, or"
    " GET /v1/accounts/fetch-by?contactId=…"
)


def add_contact(app: App, site: Site, email: str, first: str = "", last: str = "") -> str:
    with app.database.transaction(site.id) as connection:
        contacts.merge(connection, site.id, [NewContact(email, first, last)], now=app.clock())
        return str(contacts.find(connection, site.id, email)["id"])


def the_account(account_id: str, email: str, name: str = "", balance: int = 0, **changes: Any) -> Json:
    """An account whole, with points that were set by hand or by an import."""
    contact = {"id": account_id, "name": name, "email": email, "displayName": name or email}
    return {
        "id": account_id,
        "contactId": account_id,
        "points": {"balance": balance, "earned": 0, "adjusted": balance, "redeemed": 0, "expired": 0},
        "rewardAvailable": False,
        "createdDate": NOW,
        "updatedDate": NOW,
        "lastActivityDate": NOW,
        "revision": "2" if balance else "1",
        "contact": {key: value for key, value in contact.items() if value},
    } | changes


@pytest.fixture
def three(app: App, site: Site, story: Story) -> tuple[str, str, str]:
    """The ids of three accounts with 5, 20 and 0 points."""
    ids = (
        add_contact(app, site, "ada@example.com", "Ada", "Lovelace"),
        add_contact(app, site, "bob@example.com", "Bob"),
        add_contact(app, site, "eve@other.example"),
    )
    story.run(b"Email,Points\r\nada@example.com,5\r\nbob@example.com,20\r\neve@other.example,0\r\n")
    return ids


def test_an_account_is_made_for_a_contact(client: TestClient, app: App, site: Site) -> None:
    """6.2: create; it starts at 0 with revision "1" (6.1), and its id is the contact's."""
    ada = add_contact(app, site, "ada@example.com", "Ada", "Lovelace")
    answer = client.post(ACCOUNTS, json={"contactId": ada})
    account = {"account": the_account(ada, "ada@example.com", "Ada Lovelace")}
    assert (answer.status_code, answer.json()) == (200, account)
    assert client.get(f"{ACCOUNTS}/{ada}").json() == account
    again = client.post(ACCOUNTS, json={"contactId": ada})
    told = failed("ALREADY_EXISTS", "the contact has a loyalty account already", accountId=ada)
    assert (again.status_code, again.json()) == (409, told)


def test_an_account_needs_a_contact_and_an_active_program(client: TestClient, app: App, site: Site) -> None:
    """6.2: 404 for an unknown contact, 428 while the program is not active."""
    answer = client.post(ACCOUNTS, json={"contactId": str(NOBODY)})
    assert (answer.status_code, answer.json()) == (404, failed("CONTACT_NOT_FOUND", f"there is no contact {NOBODY}"))
    ada = add_contact(app, site, "ada@example.com")
    client.post("/loyalty-programs/v1/program/pause")
    answer = client.post(ACCOUNTS, json={"contactId": ada})
    message = (
        "the loyalty program is PAUSED; to make accounts, activate it (POST /loyalty-programs/v1/program/activate,"
        " or `pointport program activate`)"
    )
    assert (answer.status_code, answer.json()) == (428, failed("PROGRAM_NOT_ACTIVE", message, status="PAUSED"))
    assert client.get(f"{ACCOUNTS}/{ada}").status_code == 404


@pytest.mark.parametrize(
    ("body", "violations"),
    [
        ({}, [violation("contactId", "is missing", "REQUIRED_FIELD")]),
        ({"contactId": None}, [violation("contactId", "is missing", "REQUIRED_FIELD")]),
        ({"contactId": "nope"}, [violation("contactId", "value 'nope' is not a valid GUID", "FORMAT", type="GUID")]),
        ({"contactId": 7}, [violation("contactId", "value '7' is not a valid GUID", "FORMAT", type="GUID")]),
    ],
)
def test_a_contact_is_named_by_its_id(client: TestClient, body: Json, violations: list[Json]) -> None:
    """1.5: ids are GUIDs."""
    answer = client.post(ACCOUNTS, json=body)
    assert (answer.status_code, answer.json()) == (400, invalid(*violations))


def test_an_account_is_had_by_its_id(client: TestClient, three: tuple[str, str, str]) -> None:
    """6.2: get, on each prefix (1.1), and with the id a second time as the SDK sends it (1.2)."""
    ada = the_account(three[0], "ada@example.com", "Ada Lovelace", 5)
    for prefix in ("/loyalty-accounts", "/_api/loyalty-accounts", ""):
        assert client.get(f"{prefix}/v1/accounts/{three[0]}").json() == {"account": ada}
    assert client.get(f"{ACCOUNTS}/{three[0]}", params={"id": three[0]}).json() == {"account": ada}
    answer = client.get(f"{ACCOUNTS}/{three[0]}", params={"id": three[1]})
    told = violation("id", f"is {three[1]}, but the path says {three[0]}", "OTHER")
    assert (answer.status_code, answer.json()) == (400, invalid(told))
    answer = client.get(f"{ACCOUNTS}/{NOBODY}")
    assert (answer.status_code, answer.json()) == (
        404,
        failed("ACCOUNT_NOT_FOUND", f"there is no loyalty account {NOBODY}"),
    )


def test_an_account_is_had_by_its_contact(client: TestClient, three: tuple[str, str, str]) -> None:
    """6.2: fetch-by with exactly one of contactId and memberId; nobody here is a site member."""
    eve = the_account(three[2], "eve@other.example")
    assert client.get(f"{ACCOUNTS}/fetch-by", params={"contactId": three[2]}).json() == {"account": eve}
    answer = client.get(f"{ACCOUNTS}/fetch-by", params={"memberId": three[2]})
    told = failed("ACCOUNT_NOT_FOUND", "contacts here are no site members; name the contact instead")
    assert (answer.status_code, answer.json()) == (404, told)
    answer = client.get(f"{ACCOUNTS}/fetch-by")
    told = invalid(violation("contactId", "is needed, or else memberId", "REQUIRED_FIELD"))
    assert (answer.status_code, answer.json()) == (400, told)
    answer = client.get(f"{ACCOUNTS}/fetch-by", params={"contactId": three[2], "memberId": "x"})
    told = invalid(violation("contactId", "cannot stand beside memberId; name one of them", "OTHER"))
    assert (answer.status_code, answer.json()) == (400, told)
    answer = client.get(f"{ACCOUNTS}/fetch-by", params={"memberId": "x" * 51})
    assert answer.status_code == 400


def test_the_old_list_is_still_there(client: TestClient, three: tuple[str, str, str]) -> None:
    """6.2: list with contactIds repeated, also as `contactIds[]` (1.2), and dotted paging; with its own metadata."""
    ada, bob, eve = three
    answer = client.get(ACCOUNTS, params={"contactIds": [ada, eve], "cursorPaging.limit": 1}).json()
    cursor = answer["pagingMetadata"]["cursors"]["next"]
    assert answer == {
        "accounts": [the_account(eve, "eve@other.example")],
        "pagingMetadata": {"count": 1, "tooManyToCount": False, "cursors": {"next": cursor}},
    }
    answer = client.get(ACCOUNTS, params={"cursorPaging.cursor": cursor}).json()
    assert [account["id"] for account in answer["accounts"]] == [ada]
    answer = client.get(ACCOUNTS, params={"contactIds[]": [bob]}).json()
    assert [account["id"] for account in answer["accounts"]] == [bob]
    assert len(client.get(ACCOUNTS).json()["accounts"]) == 3
    for spelling in ("contactIds", "contactIds[]"):
        answer = client.get(ACCOUNTS, params={spelling: [ada, "zz"]})
        told = violation("contactIds[1]", "value 'zz' is not a valid GUID", "FORMAT", type="GUID")
        assert (answer.status_code, answer.json()) == (400, invalid(told))
    answer = client.get(ACCOUNTS, params={"contactIds": [ada] * 51})
    told = invalid(violation("contactIds", "has more items than 50", "MAX_SIZE", threshold=50))
    assert (answer.status_code, answer.json()) == (400, told)
    answer = client.get(ACCOUNTS, params={"cursorPaging.cursor": f"{cursor}x"})
    told = invalid(
        violation(
            "cursorPaging.cursor",
            "was not given out by this query; start again without a cursor",
            "FORMAT",
            type="cursor",
        )
    )
    assert (answer.status_code, answer.json()) == (400, told)


def test_accounts_can_be_queried(client: TestClient, three: tuple[str, str, str], clock: Clock, story: Story) -> None:
    """6.2: the key is `loyaltyAccounts`; filter and sort by every field of the contract."""
    ada, bob, eve = three
    clock.advance(10)
    story.run(b"Email,Points\r\nbob@example.com,30\r\n")
    answer = client.post(f"{ACCOUNTS}/query", json={"query": {"filter": {"contactId": eve}}})
    assert answer.json() == {
        "loyaltyAccounts": [the_account(eve, "eve@other.example")],
        "pagingMetadata": {"count": 1, "cursors": {}, "hasNext": False},
    }
    cases: list[tuple[Json, list[str]]] = [
        ({}, [eve, bob, ada]),
        ({"filter": {"points.balance": {"$gt": 0}}, "sort": [{"fieldName": "points.balance"}]}, [ada, bob]),
        ({"filter": {"points.adjusted": 30}}, [bob]),
        ({"filter": {"points.earned": {"$ne": 0}}}, []),
        ({"filter": {"points.redeemed": 0, "points.expired": 0}, "sort": [{"fieldName": "id"}]}, [ada, bob, eve]),
        ({"filter": {"lastActivityDate": {"$gt": NOW}}}, [bob]),
        ({"sort": [{"fieldName": "lastActivityDate", "order": "DESC"}, {"fieldName": "id"}]}, [bob, ada, eve]),
        ({"filter": {"createdDate": {"$lte": NOW}}, "sort": [{"fieldName": "contactId"}]}, [ada, bob, eve]),
        ({"filter": {"contact.id": {"$startsWith": ada.upper()}}}, [ada]),
        ({"filter": {"memberId": {"$exists": True}}}, []),
        ({"filter": {"tier.id": None}, "sort": [{"fieldName": "id", "order": "DESC"}]}, [eve, bob, ada]),
        ({"filter": {"pointsExpiration.expirationDate": {"$lt": NOW}}}, []),
        ({"filter": {"pointsExpiration.expiringPointsAmount": {"$in": [1, None]}, "id": bob}}, [bob]),
        ({"sort": [{"fieldName": "memberId"}, {"fieldName": "points.balance", "order": "DESC"}]}, [bob, ada, eve]),
    ]
    for query, expected in cases:
        found = client.post(f"{ACCOUNTS}/query", json={"query": query}).json()
        assert [account["id"] for account in found["loyaltyAccounts"]] == expected, query


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ({"filter": {"contact.email": "ada@example.com"}}, "query.filter.contact.email", "FIELD_NOT_ALLOWED"),
        ({"filter": {"points": 5}}, "query.filter.points", "FIELD_NOT_ALLOWED"),
        ({"filter": {"points.balance": {"$startsWith": "5"}}}, "query.filter.points.balance", "FIELD_NOT_ALLOWED"),
        ({"filter": {"points.balance": "many"}}, "query.filter.points.balance", "FORMAT"),
        ({"filter": {"createdDate": "soon"}}, "query.filter.createdDate", "FORMAT"),
        ({"filter": {"id": "nope"}}, "query.filter.id", "FORMAT"),
        ({"sort": [{"fieldName": "contact.name"}]}, "query.sort[0].fieldName", "FIELD_NOT_ALLOWED"),
        ({"sort": [{"fieldName": "id"}] * 6}, "query.sort", "MAX_SIZE"),
        ({"cursorPaging": {"limit": 101}}, "query.cursorPaging.limit", "MAX"),
        ({"cursorPaging": {"cursor": "x"}}, "query.cursorPaging.cursor", "FORMAT"),
    ],
)
def test_what_cannot_be_asked_is_named(client: TestClient, query: Json, field: str, rule: str) -> None:
    """1.7: 400 on an unknown field or operator, more than 5 sorts, a limit over 100, a bad cursor."""
    answer = client.post(f"{ACCOUNTS}/query", json={"query": query})
    assert answer.status_code == 400
    (found,) = answer.json()["details"]["validationError"]["fieldViolations"]
    assert (found["field"].replace("$startsWith", "").rstrip("."), found["violatedRule"]) == (field, rule)


def test_accounts_are_found_by_name_and_address(client: TestClient, three: tuple[str, str, str]) -> None:
    """6.2: search matches name and e-mail; OR unless AND is asked for; the key is `accounts`."""
    ada, bob, eve = three
    answer = client.post(f"{ACCOUNTS}/search", json={"search": {"search": {"expression": "LOVELACE"}}})
    assert answer.json() == {
        "accounts": [the_account(ada, "ada@example.com", "Ada Lovelace", 5)],
        "pagingMetadata": {"count": 1, "cursors": {}, "hasNext": False},
    }
    order = [{"fieldName": "id"}]
    cases: list[tuple[Json, list[str]]] = [
        ({}, [eve, bob, ada]),
        ({"search": {"expression": "ada bob"}, "sort": order}, [ada, bob]),
        ({"search": {"expression": "ada example", "mode": "AND"}}, [ada]),
        ({"search": {"expression": "example.com", "fields": ["contact.email"]}, "sort": order}, [ada, bob]),
        ({"search": {"expression": "example.com", "fields": ["contact.name"]}}, []),
        ({"search": {"expression": "bob"}, "filter": {"points.balance": 5}}, []),
        ({"search": {"expression": "%"}}, []),
        (
            {"search": {"expression": "  ", "fuzzy": False}, "timeZone": "Europe/Berlin", "aggregations": []},
            [eve, bob, ada],
        ),
    ]
    for search, expected in cases:
        found = client.post(f"{ACCOUNTS}/search", json={"search": search}).json()
        assert [account["id"] for account in found["accounts"]] == expected, search


def test_a_cursor_carries_the_search(client: TestClient, three: tuple[str, str, str]) -> None:
    """1.7: with a cursor nothing else is sent, so it carries filter, sort and free text, forwards and backwards."""
    ada, bob, _ = three
    search: Json = {
        "search": {"expression": "example.com"},
        "sort": [{"fieldName": "id"}],
        "cursorPaging": {"limit": 1},
    }
    first = client.post(f"{ACCOUNTS}/search", json={"search": search}).json()
    following = {"search": {"cursorPaging": {"cursor": first["pagingMetadata"]["cursors"]["next"]}}}
    second = client.post(f"{ACCOUNTS}/search", json=following).json()
    assert [first["accounts"][0]["id"], second["accounts"][0]["id"]] == [ada, bob]
    assert second["pagingMetadata"]["hasNext"] is False
    back = {"search": {"cursorPaging": {"cursor": second["pagingMetadata"]["cursors"]["prev"]}}}
    assert client.post(f"{ACCOUNTS}/search", json=back).json()["accounts"] == first["accounts"]


def test_what_cannot_be_searched_is_named(client: TestClient) -> None:
    """6.2: limits of the search, and what is not offered."""
    cases: list[tuple[Json, Json]] = [
        (
            {"search": {"expression": "x" * 101}},
            violation("search.search.expression", "must have at most 100 characters", "MAX_LENGTH", threshold=100),
        ),
        ({"search": {"expression": 5}}, violation("search.search.expression", "must be text", "FORMAT", type="text")),
        ({"search": {"mode": "NOT"}}, violation("search.search.mode", "must be AND or OR", "INVALID_ENUM_VALUE")),
        (
            {"search": {"fuzzy": True}},
            violation(
                "search.search.fuzzy", "is not offered: words are found as they are written", "FIELD_NOT_ALLOWED"
            ),
        ),
        (
            {"search": {"fields": ["contact.phone"]}},
            violation(
                "search.search.fields[0]",
                '"contact.phone" cannot be searched; these can: contact.email, contact.name',
                "FIELD_NOT_ALLOWED",
            ),
        ),
        ({"aggregations": [{"name": "x"}]}, violation("search.aggregations", "is not offered", "FIELD_NOT_ALLOWED")),
    ]
    for search, told in cases:
        answer = client.post(f"{ACCOUNTS}/search", json={"search": search})
        assert (answer.status_code, answer.json()) == (400, invalid(told)), search


def test_accounts_are_counted(client: TestClient, three: tuple[str, str, str]) -> None:
    """6.2: count with a filter, free text, both, or nothing at all."""
    cases: list[tuple[Json | None, int]] = [
        (None, 3),
        ({}, 3),
        ({"filter": {"points.balance": {"$gte": 5}}}, 2),
        ({"search": {"expression": "other"}}, 1),
        ({"filter": {"points.balance": 5}, "search": {"expression": "bob"}}, 0),
    ]
    for body, expected in cases:
        assert client.post(f"{ACCOUNTS}/count", json=body).json() == {"count": expected}, body
    answer = client.post(f"{ACCOUNTS}/count", json={"filter": {"name": "Ada"}})
    assert answer.json()["details"]["validationError"]["fieldViolations"][0]["field"] == "filter.name"


def test_the_points_of_the_whole_program_are_summed(client: TestClient, three: tuple[str, str, str]) -> None:
    """6.2: program-totals over all accounts; the base tier has no id."""
    assert client.get(f"{ACCOUNTS}/program-totals").json() == {
        "points": {"balance": 25, "earned": 0, "adjusted": 25, "redeemed": 0, "expired": 0},
        "tierTotals": [{"numberOfAccounts": 3}],
    }


def test_an_api_key_has_no_account_of_its_own(client: TestClient) -> None:
    """6.2: my-account is an error that says why and what to do."""
    answer = client.get(f"{ACCOUNTS}/my-account")
    assert (answer.status_code, answer.json()) == (403, failed("NO_MEMBER", NO_MEMBER))
