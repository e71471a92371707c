"""Points earned and adjusted, one account at a time (contract.md 6.2), and the entries they leave (6.3)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from pointport.app import App
from pointport.imports import steps
from tests.conftest import Site, Story
from tests.contract.conftest import NOBODY, Clock, Json, failed, invalid, violation
from tests.contract.test_accounts import ACCOUNTS, NOW, add_contact, the_account
from tests.contract.test_program import make_draft

TRANSACTIONS = "/loyalty-transactions/v1/loyalty-transactions"
LATER = "2026-03-04T05:06:17.089Z"
LOYALTY_APP_ID = "553c79f3-5625-4f38-b14b-ef7c0d1e87df"
MAX = 999_999_999


@pytest.fixture
def ada(client: TestClient, app: App, site: Site, clock: Clock) -> str:
    """The id of an account at 0; time has passed since it was made."""
    account_id = add_contact(app, site, "ada@example.com", "Ada")
    assert client.post(ACCOUNTS, json={"contactId": account_id}).status_code == 200
    clock.advance(10)
    return account_id


def earning(**changes: Any) -> Json:
    """A request to earn."""
    return {"amount": 20, "description": "Birthday", "appId": "app", "idempotencyKey": "key-1"} | changes


def earn(client: TestClient, account_id: str, **changes: Any) -> Any:
    return client.post(f"{ACCOUNTS}/{account_id}/earn-points", json=earning(**changes))


def adjust(client: TestClient, account_id: str, **body: Any) -> Any:
    return client.post(f"{ACCOUNTS}/{account_id}/adjust-points", json=body)


def entries(client: TestClient, account_id: str) -> list[Json]:
    query = {"filter": {"accountId": account_id}, "sort": [{"fieldName": "createdDate"}, {"fieldName": "id"}]}
    found: list[Json] = client.post(f"{TRANSACTIONS}/query", json={"query": query}).json()["loyaltyTransactions"]
    return found


def test_points_are_earned(client: TestClient, ada: str) -> None:
    """6.2: `earned` and `balance` grow, and an EARN entry says what for (6.3)."""
    about = {"activityType": "birthday", "orderId": "o-1", "followedSocialMedia": {"channel": "INSTAGRAM"}}
    answer = earn(client, ada, accountId=ada, **about)
    entry_id = answer.json()["transactionId"]
    points = {"balance": 20, "earned": 20, "adjusted": 0, "redeemed": 0, "expired": 0}
    account = the_account(
        ada, "ada@example.com", "Ada", points=points, revision="2", updatedDate=LATER, lastActivityDate=LATER
    )
    assert (answer.status_code, answer.json()) == (200, {"account": account, "transactionId": entry_id})
    assert client.get(f"{TRANSACTIONS}/{entry_id}").json() == {
        "loyaltyTransaction": {
            "id": entry_id,
            "accountId": ada,
            "createdDate": LATER,
            "amount": 20,
            "transactionType": "EARN",
            "description": "Birthday",
            "idempotencyKey": "key-1",
            "earnInfo": {"appId": "app", **about},
            "pointport": {"amountBefore": 0, "amountAfter": 20},
        }
    }


def test_the_same_request_earns_once(client: TestClient, ada: str, app: App, site: Site, clock: Clock) -> None:
    """6.2: the same key again has the same result, also after the program was paused, and no second effect."""
    first = earn(client, ada).json()
    clock.advance(10)
    adjust(client, ada, amount=5, description="More")
    client.post("/loyalty-programs/v1/program/pause")
    again = earn(client, ada)
    assert (again.status_code, again.json()["transactionId"]) == (200, first["transactionId"])
    assert again.json()["account"]["points"]["balance"] == 25
    assert len(entries(client, ada)) == 2
    assert steps.verify(app, site.id) == []


@pytest.mark.parametrize(
    "change", [{"amount": 21}, {"description": "Other"}, {"appId": "other"}, {"orderId": "o-2"}, {"account": "bob"}]
)
def test_a_key_is_for_one_request(client: TestClient, ada: str, app: App, site: Site, change: Json) -> None:
    """6.2: a key that comes back with another request is a conflict."""
    bob = add_contact(app, site, "bob@example.com")
    client.post(ACCOUNTS, json={"contactId": bob})
    earn(client, ada)
    whose = bob if change.pop("account", None) else ada
    answer = earn(client, whose, **change)
    message = "the idempotency key 'key-1' was used for another request; a new request needs a key of its own"
    assert (answer.status_code, answer.json()) == (409, failed("IDEMPOTENCY_KEY_REUSED", message))
    assert client.get(f"{ACCOUNTS}/program-totals").json()["points"]["balance"] == 20


def test_the_key_of_another_kind_of_entry_is_taken(client: TestClient, ada: str) -> None:
    """6.3: an adjustment's key is its own id, and cannot be earned with."""
    entry_id = adjust(client, ada, amount=5, description="x").json()["transactionId"]
    assert earn(client, ada, idempotencyKey=entry_id).status_code == 409


def test_requests_at_once_with_one_key_earn_once(client: TestClient, ada: str, app: App, site: Site) -> None:
    """6.2: "to recognise retries", also while the first is still on its way."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: earn(client, ada), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["transactionId"] for answer in answers}) == 1
    assert client.get(f"{ACCOUNTS}/{ada}").json()["account"]["points"]["balance"] == 20
    assert steps.verify(app, site.id) == []


def test_points_are_added_up_whoever_comes_at_once(client: TestClient, ada: str, app: App, site: Site) -> None:
    """6.2: sixteen requests with keys of their own, and as many adjustments between them."""

    def change(number: int) -> int:
        if number % 2:
            return int(earn(client, ada, amount=number, idempotencyKey=f"key-{number}").status_code)
        return int(adjust(client, ada, amount=1, description="x").status_code)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(change, range(1, 33))) == {200}
    expected = sum(range(1, 33, 2)) + 16
    assert client.get(f"{ACCOUNTS}/{ada}").json()["account"]["points"]["balance"] == expected
    assert steps.verify(app, site.id) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"amount": 0}, violation("amount", "must be at least 1", "MIN", threshold=1)),
        ({"amount": 10_000_000}, violation("amount", "must be at most 9999999", "MAX", threshold=9_999_999)),
        ({"amount": "20"}, violation("amount", "must be a whole number", "FORMAT", type="integer")),
        ({"amount": 1.5}, violation("amount", "must be a whole number", "FORMAT", type="integer")),
        ({"amount": True}, violation("amount", "must be a whole number", "FORMAT", type="integer")),
        ({"amount": None}, violation("amount", "is missing", "REQUIRED_FIELD")),
        ({"description": ""}, violation("description", "must have at least 1 characters", "MIN_LENGTH", threshold=1)),
        (
            {"description": "x" * 101},
            violation("description", "must have at most 100 characters", "MAX_LENGTH", threshold=100),
        ),
        ({"appId": None}, violation("appId", "is missing", "REQUIRED_FIELD")),
        ({"appId": "x" * 101}, violation("appId", "must have at most 100 characters", "MAX_LENGTH", threshold=100)),
        ({"idempotencyKey": None}, violation("idempotencyKey", "is missing", "REQUIRED_FIELD")),
        (
            {"idempotencyKey": "x" * 257},
            violation("idempotencyKey", "must have at most 256 characters", "MAX_LENGTH", threshold=256),
        ),
        (
            {"activityType": "x" * 101},
            violation("activityType", "must have at most 100 characters", "MAX_LENGTH", threshold=100),
        ),
        ({"orderId": "x" * 513}, violation("orderId", "must have at most 512 characters", "MAX_LENGTH", threshold=512)),
        (
            {"followedSocialMedia": {"channel": "x" * 33}},
            violation("followedSocialMedia.channel", "must have at most 32 characters", "MAX_LENGTH", threshold=32),
        ),
        ({"accountId": str(NOBODY)}, None),
    ],
)
def test_what_breaks_a_rule_earns_nothing(client: TestClient, ada: str, changes: Json, told: Json | None) -> None:
    """6.2: each limit is named with the field that breaks it; the path's id wins over another in the body (1.2)."""
    answer = earn(client, ada, **changes)
    told = told or violation("accountId", f"is {NOBODY}, but the path says {ada}", "OTHER")
    assert (answer.status_code, answer.json()) == (400, invalid(told))
    assert entries(client, ada) == []


def test_a_balance_is_set_or_changed(client: TestClient, ada: str, clock: Clock) -> None:
    """6.2: the difference goes to `adjusted`; with balance and amount the balance counts; ADJUST for both (8, row 34)."""
    first = adjust(client, ada, amount=1, description="Sorry").json()
    assert first["account"]["points"] == {"balance": 1, "earned": 0, "adjusted": 1, "redeemed": 0, "expired": 0}
    clock.advance(10)
    second = adjust(client, ada, balance=30, amount=-5, revision="2").json()
    assert second["account"]["points"] == {"balance": 30, "earned": 0, "adjusted": 30, "redeemed": 0, "expired": 0}
    assert second["account"]["revision"] == "3"
    one, two = first["transactionId"], second["transactionId"]
    assert entries(client, ada) == [
        {
            "id": one,
            "accountId": ada,
            "createdDate": LATER,
            "amount": 1,
            "transactionType": "ADJUST",
            "description": "Sorry",
            "idempotencyKey": one,
            "adjustInfo": {"appId": LOYALTY_APP_ID, "amountBefore": 0, "amountAfter": 1},
            "pointport": {"amountBefore": 0, "amountAfter": 1},
        },
        {
            "id": two,
            "accountId": ada,
            "createdDate": "2026-03-04T05:06:27.089Z",
            "amount": 29,
            "transactionType": "ADJUST",
            "description": "",
            "idempotencyKey": two,
            "adjustInfo": {"appId": LOYALTY_APP_ID, "amountBefore": 1, "amountAfter": 30},
            "pointport": {"amountBefore": 1, "amountAfter": 30},
        },
    ]


@pytest.mark.parametrize("amount", [0, 99_999_999, 1.5, "x", [], {}, True, None])
def test_beside_a_balance_the_amount_is_nothing(client: TestClient, ada: str, amount: Any) -> None:
    """6.2: if both are sent, `balance` wins and `amount` is ignored."""
    answer = client.post(f"{ACCOUNTS}/{ada}/adjust-points", json={"balance": 101, "amount": amount})
    assert (answer.status_code, answer.json()["account"]["points"]["balance"]) == (200, 101)


def test_a_balance_that_is_right_already_stays(client: TestClient, ada: str) -> None:
    """5.3: no difference, no entry; the account as it was, and no transactionId."""
    answer = adjust(client, ada, balance=0, description="x")
    assert (answer.status_code, answer.json()) == (200, {"account": the_account(ada, "ada@example.com", "Ada")})
    assert entries(client, ada) == []


def test_a_stale_revision_is_a_conflict(client: TestClient, ada: str) -> None:
    """1.6, worked example: 409 INVALID_REVISION with the current one; as text or as a number (1.5)."""
    adjust(client, ada, amount=1, description="x", revision=1)
    for stale in (1, "1", "7"):
        answer = adjust(client, ada, amount=1, description="x", revision=stale)
        message = "entity has already changed since the requested revision"
        assert (answer.status_code, answer.json()) == (409, failed("INVALID_REVISION", message, currentRevision="2"))
    assert adjust(client, ada, amount=1, description="x", revision="2").status_code == 200


def test_a_balance_has_two_ends(client: TestClient, ada: str) -> None:
    """6.2: the result may not be negative, nor more than an account holds; also not by earning."""
    answer = adjust(client, ada, amount=-1, description="x")
    message = "the balance would be -1; it cannot be less than 0"
    assert (answer.status_code, answer.json()) == (428, failed("BALANCE_WOULD_BE_NEGATIVE", message, balance=-1))
    assert adjust(client, ada, balance=MAX, description="x").status_code == 200
    message = f"the balance would be {MAX + 1}; it cannot be more than {MAX}"
    told = failed("BALANCE_TOO_LARGE", message, balance=MAX + 1, maxBalance=MAX)
    for answer in (adjust(client, ada, amount=1, description="x"), earn(client, ada, amount=1)):
        assert (answer.status_code, answer.json()) == (428, told)


def test_the_program_says_who_may(client: TestClient, ada: str, app: App, site: Site) -> None:
    """8, row 15: PAUSED refuses earning and allows adjusting; DRAFT refuses both."""
    client.post("/loyalty-programs/v1/program/pause")
    assert earn(client, ada).json()["details"]["applicationError"]["code"] == "PROGRAM_NOT_ACTIVE"
    assert adjust(client, ada, amount=1, description="x").status_code == 200
    make_draft(app, site)
    assert (earn(client, ada).status_code, adjust(client, ada, amount=1, description="x").status_code) == (428, 428)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, violation("balance", "is missing, or else amount", "REQUIRED_FIELD")),
        ({"balance": None, "amount": "x"}, violation("amount", "must be a whole number", "FORMAT", type="integer")),
        ({"balance": -1, "amount": 5}, violation("balance", "must be at least 0", "MIN", threshold=0)),
        ({"balance": None, "amount": None}, violation("balance", "is missing, or else amount", "REQUIRED_FIELD")),
        ({"amount": 0}, violation("amount", "must not be 0", "OTHER")),
        ({"amount": -10_000_000}, violation("amount", "must be at least -9999999", "MIN", threshold=-9_999_999)),
        ({"balance": -1}, violation("balance", "must be at least 0", "MIN", threshold=0)),
        ({"balance": MAX + 1}, violation("balance", f"must be at most {MAX}", "MAX", threshold=MAX)),
        ({"balance": "5"}, violation("balance", "must be a whole number", "FORMAT", type="integer")),
        ({"amount": 1, "revision": 0}, violation("revision", "must be at least 1", "MIN", threshold=1)),
        ({"amount": 1, "revision": "x"}, violation("revision", "must be a whole number", "FORMAT", type="integer")),
    ],
)
def test_what_breaks_a_rule_adjusts_nothing(client: TestClient, ada: str, body: Json, told: Json) -> None:
    """6.2: each limit is named with the field that breaks it."""
    answer = client.post(f"{ACCOUNTS}/{ada}/adjust-points", json=body)
    assert (answer.status_code, answer.json()) == (400, invalid(told))
    assert entries(client, ada) == []


def test_an_account_that_is_none_gets_nothing(client: TestClient) -> None:
    """6.2: 404; an id that is none is a 400 (1.5)."""
    for answer in (earn(client, str(NOBODY)), adjust(client, str(NOBODY), amount=1, description="x")):
        told = failed("ACCOUNT_NOT_FOUND", f"there is no loyalty account {NOBODY}")
        assert (answer.status_code, answer.json()) == (404, told)
    told = invalid(violation("accountId", "value 'nope' is not a valid GUID", "FORMAT", type="GUID"))
    assert earn(client, "nope").json() == told


def test_an_import_needs_a_program_that_has_begun(client: TestClient, app: App, site: Site, story: Story) -> None:
    """8, row 15: an import in DRAFT is refused, in PAUSED it is not."""
    story.add_contacts("ada@example.com")
    parsed = story.parse(b"Email,Points\r\nada@example.com,5\r\n")
    mappings = [{"columnName": "EMAIL", "columnIndex": 0}, {"columnName": "POINTS", "columnIndex": 1}]
    body = {"loyaltyImportId": str(parsed.id), "headerMappingInfo": {"headerMappings": mappings}}
    make_draft(app, site)
    path = "/_api/loyalty-imports/v1/loyalty-imports/execute"
    refused = client.post(path, json=body)
    assert (refused.status_code, refused.json()["details"]["applicationError"]["code"]) == (428, "PROGRAM_NOT_ACTIVE")
    client.post("/loyalty-programs/v1/program/activate")
    client.post("/loyalty-programs/v1/program/pause")
    assert client.post(path, json=body).json()["loyaltyImport"]["status"] == "IMPORTING"


def test_an_imports_entries_name_their_import_and_line(client: TestClient, story: Story) -> None:
    """6.3: and their key is `<import id>:<line>` (8, row 25), by which they are found."""
    story.add_contacts("ada@example.com", "bob@example.com")
    done = story.run(b"Email,Points\r\nada@example.com,5\r\nbob@example.com,6\r\n")
    query = {"filter": {"idempotencyKey": f"{done.id}:3"}}
    found = client.post(f"{TRANSACTIONS}/query", json={"query": query}).json()
    (entry,) = found["loyaltyTransactions"]
    assert found == {
        "loyaltyTransactions": [
            {
                "id": entry["id"],
                "accountId": entry["accountId"],
                "createdDate": NOW,
                "amount": 6,
                "transactionType": "ADJUST",
                "description": "Imported balance",
                "idempotencyKey": f"{done.id}:3",
                "adjustInfo": {"appId": LOYALTY_APP_ID, "amountBefore": 0, "amountAfter": 6},
                "pointport": {"amountBefore": 0, "amountAfter": 6, "loyaltyImportId": str(done.id), "line": 3},
            }
        ],
        "pagingMetadata": {"count": 1, "cursors": {}, "hasNext": False},
    }


@pytest.mark.parametrize(
    ("kind", "info", "block"),
    [
        ("EARN", None, {"earnInfo": {"appId": LOYALTY_APP_ID}}),
        (
            "REDEEM",
            '{"reward_id": "r", "reward_type": "discount", "reference_entity_id": "e"}',
            {"redeemInfo": {"rewardId": "r", "rewardType": "discount", "referenceEntityId": "e"}},
        ),
        ("ADJUST", '{"app_id": "a"}', {"adjustInfo": {"appId": "a", "amountBefore": 50, "amountAfter": 40}}),
        (
            "REFUND",
            '{"app_id": "a", "refunded_transaction_id": "t"}',
            {"refundInfo": {"appId": "a", "refundedTransactionId": "t"}},
        ),
        ("EXPIRE", None, {"expireInfo": {"amountBefore": 50, "amountAfter": 40}}),
    ],
)
def test_each_type_says_what_it_is_about(
    client: TestClient, app: App, site: Site, kind: str, info: str | None, block: Json
) -> None:
    """6.3: exactly one block, by the type."""
    with app.database.transaction(site.id) as connection:
        connection.execute(
            "INSERT INTO transaction (site_id, id, account_id, revision, transaction_type, amount, amount_before,"
            " amount_after, description, info, created_date, idempotency_key)"
            " VALUES (%s, %s, %s, 2, %s, -10, 50, 40, '', %s, %s, 'key')",
            [site.id, NOBODY, NOBODY, kind, info, app.clock()],
        )
    assert client.get(f"{TRANSACTIONS}/{NOBODY}").json() == {
        "loyaltyTransaction": {
            "id": str(NOBODY),
            "accountId": str(NOBODY),
            "createdDate": NOW,
            "amount": -10,
            "transactionType": kind,
            "description": "",
            "idempotencyKey": "key",
            "pointport": {"amountBefore": 50, "amountAfter": 40},
        }
        | block
    }


def test_entries_are_had_by_their_id_and_by_query(client: TestClient, ada: str) -> None:
    """6.3: get on each prefix, with the id twice (1.2); filter and sort by every field."""
    one = earn(client, ada).json()["transactionId"]
    two = adjust(client, ada, amount=-5, description="Less").json()["transactionId"]
    for prefix in ("/loyalty-transactions", "/_api/loyalty-transactions", ""):
        path = f"{prefix}/v1/loyalty-transactions/{one}"
        answer = client.get(path, params={"loyaltyTransactionId": one})
        assert answer.json()["loyaltyTransaction"]["id"] == one
    answer = client.get(f"{TRANSACTIONS}/{one}", params={"loyaltyTransactionId": two})
    assert answer.status_code == 400
    answer = client.get(f"{TRANSACTIONS}/{NOBODY}")
    told = failed("TRANSACTION_NOT_FOUND", f"there is no loyalty transaction {NOBODY}")
    assert (answer.status_code, answer.json()) == (404, told)
    cases: list[tuple[Json, list[str]]] = [
        ({"sort": [{"fieldName": "id"}]}, [one, two]),
        ({}, [two, one]),
        ({"filter": {"transactionType": {"$in": ["EARN", "UNKNOWN"]}}}, [one]),
        ({"filter": {"amount": {"$lt": 0}}}, [two]),
        ({"filter": {"description": {"$contains": "LESS"}}}, [two]),
        ({"filter": {"idempotencyKey": {"$in": ["key-1", f"{NOBODY}:2"]}}}, [one]),
        ({"filter": {"idempotencyKey": two}}, [two]),
        ({"filter": {"$not": {"idempotencyKey": "key-1"}}}, [two]),
        ({"filter": {"createdDate": {"$gte": LATER}}, "sort": [{"fieldName": "amount"}]}, [two, one]),
        ({"filter": {"accountId": str(NOBODY)}}, []),
        ({"sort": [{"fieldName": "transactionType", "order": "DESC"}]}, [one, two]),
        ({"sort": [{"fieldName": "description", "order": "DESC"}, {"fieldName": "idempotencyKey"}]}, [two, one]),
    ]
    for query, expected in cases:
        found = client.post(f"{TRANSACTIONS}/query", json={"query": query}).json()["loyaltyTransactions"]
        assert [entry["id"] for entry in found] == expected, query
    answer = client.post(f"{TRANSACTIONS}/query", json={"query": {"filter": {"transactionType": "GIVE"}}})
    assert answer.json()["details"]["validationError"]["fieldViolations"][0]["violatedRule"] == "INVALID_ENUM_VALUE"
