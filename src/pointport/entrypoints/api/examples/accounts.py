"""The Accounts API (contract.md 6.1, 6.2), its jobs, and what Pointport says of a customer besides."""

from collections.abc import Mapping

from pointport.entrypoints.api.examples.example import (
    ACCOUNT_ID,
    JOB_ID,
    LAST_PAGE,
    OTHER_ACCOUNT_ID,
    TRANSACTION_ID,
    Example,
    Json,
)
from pointport.entrypoints.api.examples.transactions import EARNED, IDEMPOTENCY_KEY
from pointport.wire.transactions import LOYALTY_APP_ID

POINTS: Json = {"balance": 120, "earned": 20, "adjusted": 100, "redeemed": 0, "expired": 0}
CREATED: Json = {
    "id": ACCOUNT_ID,
    "contactId": ACCOUNT_ID,
    "points": dict.fromkeys(POINTS, 0),
    "rewardAvailable": False,
    "createdDate": "2024-09-17T11:05:12.700Z",
    "updatedDate": "2024-09-17T11:05:12.700Z",
    "lastActivityDate": "2024-09-17T11:05:12.700Z",
    "revision": "1",
    "contact": {"id": ACCOUNT_ID, "name": "Ada Lovelace", "email": "ada@example.com", "displayName": "Ada Lovelace"},
}
ACCOUNT: Json = {
    **CREATED,
    "points": POINTS,
    "updatedDate": "2024-09-18T09:00:00.000Z",
    "lastActivityDate": "2024-09-18T09:00:00.000Z",
    "revision": "3",
}
JOB: Json = {
    "id": JOB_ID,
    "status": "FINISHED",
    "itemsToProcess": 2,
    "itemsSucceeded": 1,
    "itemsFailed": 1,
    "createdDate": "2024-09-18T09:00:00.000Z",
    "updatedDate": "2024-09-18T09:00:00.480Z",
    "finishedDate": "2024-09-18T09:00:00.480Z",
    "pointport": {
        "failures": [
            {
                "accountId": OTHER_ACCOUNT_ID,
                "code": "BALANCE_WOULD_BE_NEGATIVE",
                "message": "the balance would be less than 0",
            }
        ]
    },
}

EXAMPLES: Mapping[str, Example] = {
    "create_account": Example({"account": CREATED}, {"contactId": ACCOUNT_ID}),
    "list_accounts": Example(
        {"accounts": [ACCOUNT], "pagingMetadata": {"count": 1, "tooManyToCount": False, "cursors": {}}},
        parameters={"contactIds": [ACCOUNT_ID], "cursorPaging.limit": 10},
    ),
    "fetch_account": Example({"account": ACCOUNT}, parameters={"contactId": ACCOUNT_ID}),
    "get_account": Example({"account": ACCOUNT}, parameters={"id": ACCOUNT_ID}),
    "query_accounts": Example(
        {"loyaltyAccounts": [ACCOUNT], "pagingMetadata": LAST_PAGE},
        {
            "query": {
                "filter": {"points.balance": {"$gte": 100}},
                "sort": [{"fieldName": "points.balance", "order": "DESC"}],
            }
        },
    ),
    "search_accounts": Example(
        {"accounts": [ACCOUNT], "pagingMetadata": LAST_PAGE},
        {
            "search": {
                "search": {"expression": "ada lovelace", "mode": "AND", "fields": ["contact.name"]},
                "filter": {"points.balance": {"$gt": 0}},
                "cursorPaging": {"limit": 10},
            }
        },
    ),
    "count_accounts": Example(
        {"count": 1}, {"filter": {"points.balance": {"$gte": 100}}, "search": {"expression": "example.com"}}
    ),
    "earn_points": Example(
        {"account": ACCOUNT, "transactionId": TRANSACTION_ID},
        {
            "amount": 20,
            "description": "Birthday",
            "appId": LOYALTY_APP_ID,
            "idempotencyKey": IDEMPOTENCY_KEY,
        },
        {"accountId": ACCOUNT_ID},
    ),
    "adjust_points": Example(
        {"account": ACCOUNT, "transactionId": TRANSACTION_ID},
        {"balance": 120, "description": "Put right after a call", "revision": "2"},
        {"accountId": ACCOUNT_ID},
    ),
    "bulk_adjust": Example(
        {"asyncJobId": JOB_ID}, {"amount": 10, "search": {"filter": {"points.balance": {"$lt": 100}}}}
    ),
    "get_async_job": Example({"job": JOB}, parameters={"jobId": JOB_ID}),
    "get_program_totals": Example({"points": POINTS, "tierTotals": [{"numberOfAccounts": 1}]}),
    "show_account": Example(
        {
            "contact": {
                "id": ACCOUNT_ID,
                "email": "ada@example.com",
                "firstName": "Ada",
                "lastName": "Lovelace",
            },
            "account": ACCOUNT,
            "transactions": [EARNED],
        },
        {"email": "Ada@Example.com", "limit": 1},
    ),
    "show_totals": Example({"accounts": 1, "balance": 120}),
}
