"""From an entry of the ledger back to the line of the file, also when an undo made it (contract.md 6.3, design.md 8)."""

from starlette.testclient import TestClient

from pointport.entrypoints.cli import account
from tests.conftest import Story
from tests.contract.conftest import Json
from tests.contract.runs import add_run, take_back

TRANSACTIONS = "/loyalty-transactions/v1/loyalty-transactions"
CONTENT = b"Email,Points\r\nada@example.com,15\r\nbob@example.com,20\r\n"


def test_an_undos_entry_names_the_import_that_it_undoes(client: TestClient, story: Story) -> None:
    """One entry, a page of entries and the customer's statement say the same."""
    story.add_contacts("ada@example.com", "bob@example.com")
    done = story.run(CONTENT)
    undo_id = add_run(story, done, "UNDO")
    entry_id = take_back(story, undo_id, done, line=3)
    forth = {"loyaltyImportId": str(done.id), "line": 3}
    expected = [
        {"amountBefore": 20, "amountAfter": 0, **forth, "undo": True},
        {"amountBefore": 0, "amountAfter": 20, **forth},
    ]
    statement = client.post("/pointport/v1/account", json={"email": "bob@example.com"}).json()["transactions"]
    assert [entry["pointport"] for entry in statement] == expected
    one = client.get(f"{TRANSACTIONS}/{entry_id}").json()["loyaltyTransaction"]
    assert one == statement[0]
    assert one["idempotencyKey"] == f"{undo_id}:3"
    for asked, count in ({"idempotencyKey": f"{undo_id}:3"}, 1), ({"accountId": one["accountId"]}, 2):
        found = client.post(f"{TRANSACTIONS}/query", json={"query": {"filter": asked}}).json()["loyaltyTransactions"]
        assert found == statement[:count]


def test_the_command_line_says_what_an_entry_undoes() -> None:
    """`pointport account show`: cause and line stand in their columns."""

    def shown(ours: Json) -> tuple[object, ...]:
        entry = {"createdDate": "2026-03-04T05:06:07.089Z", "transactionType": "ADJUST", "amount": -20}
        more = {"description": "x", "idempotencyKey": "key", "pointport": {"amountAfter": 0, **ours}}
        return tuple(account._entry({**entry, **more})[5:])

    assert shown({"loyaltyImportId": "5cc0b472", "line": 3, "undo": True}) == ("undo of 5cc0b472", 3)
    assert shown({"loyaltyImportId": "5cc0b472", "line": 3}) == ("5cc0b472", 3)
    assert shown({}) == ("key", "")
