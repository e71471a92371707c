"""What an import does with each row (contract.md 5.1 to 5.3), through the API's own eyes."""

import csv
import io
from typing import Any

from starlette.testclient import TestClient

from pointport.imports.record import LoyaltyImport
from tests.conftest import Story
from tests.contract.conftest import IMPORTS, Clock, Json

LOYALTY_APP_ID = "553c79f3-5625-4f38-b14b-ef7c0d1e87df"
ACCOUNTS = "/loyalty-accounts/v1/accounts"
TRANSACTIONS = "/loyalty-transactions/v1/loyalty-transactions"


def account(client: TestClient, email: str) -> Json | None:
    """The account of a customer, as clients see it."""
    found: list[Json] = client.post(f"{ACCOUNTS}/search", json={"search": {"search": {"expression": email}}}).json()[
        "accounts"
    ]
    return found[0] if found else None


def entries(client: TestClient, account_id: str) -> list[Json]:
    """An account's transactions, oldest first."""
    query = {"filter": {"accountId": account_id}, "sort": [{"fieldName": "createdDate", "order": "ASC"}]}
    found: list[Json] = client.post(f"{TRANSACTIONS}/query", json={"query": query}).json()["loyaltyTransactions"]
    return found


def outcomes(story: Story, done: LoyaltyImport) -> list[tuple[str, str]]:
    """The failed rows: line and code."""
    failed = csv.DictReader(io.StringIO(story.error_file(done), newline=""))
    return [(row["Import line"], row["Error code"]) for row in failed]


def test_a_file_needs_two_columns_and_may_have_more(client: TestClient, story: Story) -> None:
    """5.1: needs at least a customer-email column and a points-balance column; extra columns do not affect the import."""
    story.add_contacts("ada@example.com")
    content = (
        b"Name,Email,Points balance,Redeemed points,Last activity\r\n"
        b"Ada,ada@example.com,15,999,2024-09-01T00:00:00.000Z\r\n"
    )
    done = story.run(content, email=1, points=2)
    found = account(client, "ada@example.com")
    assert found is not None
    assert (done.success_count, found["points"]["balance"], found["points"]["redeemed"]) == (1, 15, 0)


def test_columns_are_chosen_by_index_not_by_name(client: TestClient, story: Story) -> None:
    """5.1: columns are chosen by index at execute time, not by header name."""
    story.add_contacts("ada@example.com")
    story.run(b"Points,Email\r\nada@example.com,15\r\n", email=0, points=1)
    found = account(client, "ada@example.com")
    assert found is not None
    assert found["points"]["balance"] == 15


def test_encoding_and_quoting_are_found_out(client: TestClient, story: Story) -> None:
    """5.1: UTF-8 with its BOM stripped, RFC 4180 quoting, CRLF and LF, blank lines skipped and not counted."""
    story.add_contacts("zoë@example.com")
    content = '\ufeff"Email","Points"\r\n\r\n"zoë@example.com","15"\n\n'.encode()
    made = story.parse(content)
    assert (made.parsed_row_count, made.header) == (1, ["Email", "Points"])


def test_each_row_has_its_outcome_and_the_run_goes_on(client: TestClient, story: Story, clock: Clock) -> None:
    """5.2: the table of row outcomes; the run continues, and successCount + failureCount = parsedRowCount.

    An account is updated or made; who is unknown is skipped and logged, and not created; bad points, bad addresses and
    too few cells fail.
    """
    story.add_contacts("has@example.com", "new@example.com", "dup@example.com")
    story.run(b"Email,Points\r\nhas@example.com,7\r\n")
    clock.advance(60)
    content = (
        b"Email,Points,Note\r\n"
        b"has@example.com,20,\r\n"
        b"new@example.com,30,\r\n"
        b"nobody@example.com,40,\r\n"
        b"has+tag@example.com,many,\r\n"
        b"has+tag@example.com,-5,\r\n"
        b"has+tag@example.com,,\r\n"
        b"no address,5,\r\n"
        b",5,\r\n"
        b"has+tag@example.com\r\n"
        b"dup@example.com,1,\r\n"
        b" DUP@example.com ,2,\r\n"
    )
    done = story.run(content)
    answer = client.get(IMPORTS, params={"loyaltyImportId": str(done.id)}).json()["loyaltyImport"]
    assert (answer["status"], answer["parseResult"], answer["importResult"]) == (
        "IMPORTED",
        {"parsedRowCount": 11},
        {"errorFileExists": True, "successCount": 2, "failureCount": 9},
    )
    assert story.balances() == {"has@example.com": 20, "new@example.com": 30}
    assert account(client, "nobody@example.com") is None
    assert outcomes(story, done) == [
        ("4", "CONTACT_NOT_FOUND"),
        ("5", "POINTS_NOT_A_NUMBER"),
        ("6", "POINTS_NEGATIVE"),
        ("7", "POINTS_MISSING"),
        ("8", "EMAIL_INVALID"),
        ("9", "EMAIL_MISSING"),
        ("10", "CELL_MISSING"),
        # 5.2 and 8 row 14 say that the last of two wins; design.md 5 decides otherwise: no order is right.
        ("11", "DUPLICATE_EMAIL"),
        ("12", "DUPLICATE_EMAIL"),
    ]


def test_a_file_of_failures_is_imported_all_the_same(client: TestClient, story: Story) -> None:
    """4, 5.2: IMPORTED does not promise that every row succeeded, nor that one did."""
    done = story.run(b"Email,Points\r\nnobody@example.com,1\r\n")
    answer = client.get(IMPORTS, params={"loyaltyImportId": str(done.id)}).json()["loyaltyImport"]
    assert answer["status"] == "IMPORTED"
    assert answer["importResult"] == {"errorFileExists": True, "successCount": 0, "failureCount": 1}


def test_setting_a_balance_adjusts_by_the_difference(client: TestClient, story: Story, clock: Clock) -> None:
    """5.3: `adjusted += B-A`, `balance = B`, the rest unchanged, `revision += 1`, one ADJUST entry from A to B.

    A new account starts with zeros at revision 1; an equal balance is a success without an entry.
    """
    story.add_contacts("ada@example.com")
    seen: list[tuple[str, Json]] = []
    for points in (20, 15, 15):
        clock.advance(60)
        story.run(b"Email,Points\r\nada@example.com,%d\r\n" % points)
        found = account(client, "ada@example.com")
        assert found is not None
        seen.append((found["revision"], found["points"]))
    zeros = {"earned": 0, "redeemed": 0, "expired": 0}
    assert seen == [
        ("2", {"balance": 20, "adjusted": 20, **zeros}),
        ("3", {"balance": 15, "adjusted": 15, **zeros}),
        ("3", {"balance": 15, "adjusted": 15, **zeros}),
    ]
    assert found is not None
    assert found["updatedDate"] == found["lastActivityDate"] == "2026-03-04T05:08:07.089Z"
    told: list[dict[str, Any]] = [
        {name: entry[name] for name in ("amount", "transactionType", "adjustInfo", "description")}
        for entry in entries(client, found["id"])
    ]
    assert told == [
        {
            "amount": amount,
            "transactionType": "ADJUST",
            "adjustInfo": {"appId": LOYALTY_APP_ID, "amountBefore": before, "amountAfter": before + amount},
            "description": "Imported balance",
        }
        for amount, before in ((20, 0), (-5, 20))
    ]
