"""Examples for the API's description, from the contract; a test holds each to the schema that it illustrates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """What is sent, when there is a body, and what comes back."""

    answer: Json
    request: Json | None = None


IMPORT_ID = "5cc0b472-e488-4de3-92ba-bd718a44933a"
JOB_ID = "0f0b1a62-41f2-4c8e-9f5a-6b1f1d0f4a11"
ACCOUNT_ID = "b04cff2f-d3fd-4ac3-9a0c-ff1d6e8d3e8b"
TRANSACTION_ID = "3c3cd83c-7a4d-4d2b-a1d5-6b9d2c3c0f59"
SITE_ID = "dbba027b-6b2c-4d0f-9c61-1d6a3a1a5b6f"
FILE_URL = f"/sites/{SITE_ID}/6099ebc5-2a7f-4e0b-8b7d-3c1f5d2e9a40.csv"
LOYALTY_APP_ID = "553c79f3-5625-4f38-b14b-ef7c0d1e87df"

MAPPING: Json = {
    "headerMappings": [{"columnName": "EMAIL", "columnIndex": 1}, {"columnName": "POINTS", "columnIndex": 2}]
}
CREATED: Json = {
    "id": IMPORT_ID,
    "revision": "1",
    "createdDate": "2024-09-17T10:58:00.100Z",
    "updatedDate": "2024-09-17T10:58:00.100Z",
    "status": "INITIATED",
    "fileMetadata": {"size": 20_915, "name": "data.csv", "url": FILE_URL, "sampleDataRows": []},
    "pointport": {},
}
DETECTED: Json = {
    "encoding": "utf-8",
    "delimiter": ",",
    "quote": '"',
    "headingLine": 1,
    "system": None,
    "suggestedMapping": {
        "email": 1,
        "points": 2,
        "why": '"Email" and "Points balance" are what such columns are called.',
    },
    "numberFormat": {"group": None, "decimal": None, "evidence": "plain digits"},
}
EXECUTED: Json = {
    **CREATED,
    "asyncImportJobId": JOB_ID,
    "revision": "4",
    "updatedDate": "2024-09-17T11:05:02.022Z",
    "status": "IMPORTING",
    "fileMetadata": {
        **CREATED["fileMetadata"],
        "header": {"values": ["Name", "Email", "Points balance", "Redeemed points", "Last activity"]},
        "headerMappingInfo": MAPPING,
        "sampleDataRows": [{"values": ["Ada Lovelace", "ada@example.com", "15", "0", "2024-09-01"]}],
    },
    "parseResult": {"parsedRowCount": 3},
    "importResult": {"errorFileExists": False},
    "pointport": {"detected": DETECTED, "progress": {"rowsDone": 0, "rowsTotal": 3}},
}
IMPORTED: Json = {
    **EXECUTED,
    "revision": "6",
    "updatedDate": "2024-09-17T11:05:12.714Z",
    "status": "IMPORTED",
    "importResult": {"errorFileExists": True, "successCount": 2, "failureCount": 1},
    "pointport": {
        "detected": DETECTED,
        "progress": {"rowsDone": 3, "rowsTotal": 3},
        "totals": {"accountsCreated": 1, "accountsChanged": 2, "pointsAdded": 35, "pointsRemoved": 0},
    },
}
LAST_PAGE: Json = {"count": 1, "cursors": {}, "hasNext": False}
ACCOUNT: Json = {
    "id": ACCOUNT_ID,
    "contactId": ACCOUNT_ID,
    "points": {"balance": 120, "earned": 20, "adjusted": 100, "redeemed": 0, "expired": 0},
    "rewardAvailable": False,
    "createdDate": "2024-09-17T11:05:12.700Z",
    "updatedDate": "2024-09-18T09:00:00.000Z",
    "lastActivityDate": "2024-09-18T09:00:00.000Z",
    "revision": "3",
    "contact": {"id": ACCOUNT_ID, "name": "Ada Lovelace", "email": "ada@example.com", "displayName": "Ada Lovelace"},
}
TRANSACTION: Json = {
    "id": TRANSACTION_ID,
    "accountId": ACCOUNT_ID,
    "createdDate": "2024-09-18T09:00:00.000Z",
    "amount": 20,
    "transactionType": "EARN",
    "description": "Birthday",
    "idempotencyKey": "9b2f7b0c-5a53-4d0f-9a37-5a1f2f1f8c55",
    "earnInfo": {"appId": LOYALTY_APP_ID, "activityType": ""},
    "pointport": {"amountBefore": 100, "amountAfter": 120},
}
PROGRAM: Json = {
    "name": "Loyalty Program",
    "pointDefinition": {"customName": "Stars"},
    "status": "ACTIVE",
    "createdDate": "2024-09-17T10:00:00.000Z",
    "updatedDate": "2024-09-17T10:00:00.000Z",
    "pointsExpiration": {"status": "DISABLED", "monthsOfInactivity": 12, "expiringPointsPercentage": 100},
    "premiumFeatures": {"loyaltyProgram": True, "tiers": False, "pointsExpiration": True},
}

EXAMPLES: Mapping[str, Example] = {
    "create_file_url": Example(
        {"filePath": FILE_URL, "uploadUrl": "https://loyalty.example.com/files/upload/eyJhbGciOi"}
    ),
    "create_import": Example(
        {"loyaltyImport": CREATED}, {"fileUrl": FILE_URL, "fileName": "data.csv", "fileSize": 20_915}
    ),
    "get_import": Example({"loyaltyImport": IMPORTED}),
    "execute_import": Example(
        {"loyaltyImport": EXECUTED}, {"loyaltyImportId": IMPORT_ID, "headerMappingInfo": MAPPING}
    ),
    "get_error_file_url": Example({"url": "https://loyalty.example.com/files/download/eyJhbGciOi"}),
    "query_imports": Example(
        {"loyaltyImports": [IMPORTED], "pagingMetadata": LAST_PAGE},
        {
            "query": {
                "filter": {"status": "IMPORTED"},
                "sort": [{"fieldName": "createdDate", "order": "DESC"}],
                "cursorPaging": {"limit": 2},
            }
        },
    ),
    "create_account": Example({"account": {**ACCOUNT, "revision": "1"}}, {"contactId": ACCOUNT_ID}),
    "get_account": Example({"account": ACCOUNT}),
    "earn_points": Example(
        {"account": ACCOUNT, "transactionId": TRANSACTION_ID},
        {
            "amount": 20,
            "description": "Birthday",
            "appId": LOYALTY_APP_ID,
            "idempotencyKey": "9b2f7b0c-5a53-4d0f-9a37-5a1f2f1f8c55",
        },
    ),
    "adjust_points": Example(
        {"account": ACCOUNT, "transactionId": TRANSACTION_ID},
        {"balance": 120, "description": "Put right after a call", "revision": "2"},
    ),
    "query_accounts": Example(
        {"loyaltyAccounts": [ACCOUNT], "pagingMetadata": LAST_PAGE},
        {
            "query": {
                "filter": {"points.balance": {"$gte": 100}},
                "sort": [{"fieldName": "points.balance", "order": "DESC"}],
            }
        },
    ),
    "bulk_adjust": Example(
        {"asyncJobId": JOB_ID}, {"amount": 10, "search": {"filter": {"points.balance": {"$lt": 100}}}}
    ),
    "get_transaction": Example({"loyaltyTransaction": TRANSACTION}),
    "query_transactions": Example(
        {"loyaltyTransactions": [TRANSACTION], "pagingMetadata": LAST_PAGE},
        {"query": {"filter": {"accountId": ACCOUNT_ID, "transactionType": {"$in": ["EARN", "ADJUST"]}}}},
    ),
    "get_program": Example({"loyaltyProgram": PROGRAM}),
    "update_program": Example(
        {"loyaltyProgram": PROGRAM},
        {"loyaltyProgram": {"name": "Loyalty Program", "pointDefinition": {"customName": "Stars"}}},
    ),
}
"""By the name of the call."""
