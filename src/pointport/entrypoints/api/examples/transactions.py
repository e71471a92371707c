"""The Transactions API (contract.md 6.3)."""

from collections.abc import Mapping

from pointport.entrypoints.api.examples.example import (
    ACCOUNT_ID,
    IMPORT_ID,
    LAST_PAGE,
    TRANSACTION_ID,
    Example,
    Json,
)
from pointport.wire.transactions import LOYALTY_APP_ID

IDEMPOTENCY_KEY = "9b2f7b0c-5a53-4d0f-9a37-5a1f2f1f8c55"
EARNED: Json = {
    "id": TRANSACTION_ID,
    "accountId": ACCOUNT_ID,
    "createdDate": "2024-09-18T09:00:00.000Z",
    "amount": 20,
    "transactionType": "EARN",
    "description": "Birthday",
    "idempotencyKey": IDEMPOTENCY_KEY,
    "earnInfo": {"appId": LOYALTY_APP_ID},
    "pointport": {"amountBefore": 100, "amountAfter": 120},
}
IMPORTED: Json = {
    "id": "6d2f9a1e-0c7b-4e35-b8d4-1a2c3e4f5061",
    "accountId": ACCOUNT_ID,
    "createdDate": "2024-09-17T11:05:12.700Z",
    "amount": 100,
    "transactionType": "ADJUST",
    "description": "Imported balance",
    "idempotencyKey": f"{IMPORT_ID}:2",
    "adjustInfo": {"appId": LOYALTY_APP_ID, "amountBefore": 0, "amountAfter": 100},
    "pointport": {"amountBefore": 0, "amountAfter": 100, "loyaltyImportId": IMPORT_ID, "line": 2},
}

EXAMPLES: Mapping[str, Example] = {
    "get_transaction": Example({"loyaltyTransaction": EARNED}, parameters={"loyaltyTransactionId": TRANSACTION_ID}),
    "query_transactions": Example(
        {"loyaltyTransactions": [EARNED, IMPORTED], "pagingMetadata": {**LAST_PAGE, "count": 2}},
        {"query": {"filter": {"accountId": ACCOUNT_ID, "transactionType": {"$in": ["EARN", "ADJUST"]}}}},
    ),
}
