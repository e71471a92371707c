"""The Imports API (contract.md 2, 3), and what Pointport says of an import besides."""

from collections.abc import Mapping

from pointport.entrypoints.api.examples.example import (
    FILE_URL,
    IMPORT_ID,
    JOB_ID,
    KEY_ID,
    LAST_PAGE,
    PREVIEW_ID,
    RETRY_FILE_URL,
    RETRY_ID,
    SERVER,
    SITE_ID,
    TRANSACTION_ID,
    UNDO_ID,
    Example,
    Json,
)
from pointport.plumbing.idempotency.once import HEADER

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
    "escape": None,
    "lineEnding": "CRLF",
    "headingLine": 1,
    "sheet": None,
    "system": "Wix Loyalty",
    "suggestedMapping": {
        "email": 1,
        "points": 2,
        "why": 'The headings are those of the import sample of Wix Loyalty: "Email" names the e-mail address, and'
        ' "Points balance" names the points.',
    },
    "numberFormat": {"group": None, "decimal": None, "evidence": "plain digits"},
    "warnings": [],
}
PARSED: Json = {
    **CREATED,
    "revision": "3",
    "updatedDate": "2024-09-17T10:58:00.902Z",
    "status": "PARSED",
    "fileMetadata": {
        **CREATED["fileMetadata"],
        "header": {"values": ["Name", "Email", "Points balance", "Redeemed points", "Last activity"]},
        "sampleDataRows": [{"values": ["Ada Lovelace", "ada@example.com", "15", "0", "2024-09-01"]}],
    },
    "parseResult": {"parsedRowCount": 3},
    "pointport": {"detected": DETECTED},
}
CHOSEN: Json = {"maxPointsPerRow": 10_000, "description": "Moved from the old shop"}
OPTIONS: Json = {
    "mode": "SET",
    "duplicates": "REJECT",
    "unknownContacts": "REJECT",
    "atomic": False,
    "allowRepeat": False,
    "notify": True,
    **CHOSEN,
}
EXECUTED: Json = {
    **PARSED,
    "asyncImportJobId": JOB_ID,
    "revision": "4",
    "updatedDate": "2024-09-17T11:05:02.022Z",
    "status": "IMPORTING",
    "fileMetadata": {**PARSED["fileMetadata"], "headerMappingInfo": MAPPING},
    "importResult": {"errorFileExists": False},
    "pointport": {
        "detected": DETECTED,
        "options": OPTIONS,
        "preview": {"id": PREVIEW_ID},
        "progress": {"rowsDone": 0, "rowsTotal": 3},
    },
}
IMPORTED: Json = {
    **EXECUTED,
    "revision": "6",
    "updatedDate": "2024-09-17T11:05:12.714Z",
    "status": "IMPORTED",
    "importResult": {"errorFileExists": True, "successCount": 2, "failureCount": 1},
    "pointport": {
        "detected": DETECTED,
        "options": OPTIONS,
        "preview": {"id": PREVIEW_ID, "differingRows": 0},
        "progress": {"rowsDone": 3, "rowsTotal": 3},
        "totals": {"accountsCreated": 1, "accountsChanged": 2, "pointsAdded": 35, "pointsRemoved": 0},
        "stillFailedCount": 1,
    },
}
UNDOING: Json = {
    **IMPORTED,
    "revision": "7",
    "updatedDate": "2024-09-17T11:31:40.250Z",
    "pointport": {**IMPORTED["pointport"], "undo": {"id": UNDO_ID, "status": "RUNNING", "policy": "SKIP"}},
}
RETRIED: Json = {
    **CREATED,
    "id": RETRY_ID,
    "createdDate": "2024-09-17T11:20:31.007Z",
    "updatedDate": "2024-09-17T11:20:31.007Z",
    "fileMetadata": {"size": 312, "name": "data-errors.csv", "url": RETRY_FILE_URL, "sampleDataRows": []},
    "pointport": {"retryOf": IMPORT_ID},
}
SUMMARY: Json = {
    "outcomes": {"imported": 2, "unchanged": 0, "merged": 0, "failed": 1, "unprocessed": 0},
    "problems": [{"code": "CONTACT_NOT_FOUND", "title": "Unknown customer", "count": 1}],
    "accounts": 2,
    "balance": 35,
    "trail": [
        {
            "actor": "key 7f1d2c3b-4a5e-4f60-8b7a-9c8d7e6f5a4b",
            "action": "import.create",
            "created_date": "2024-09-17T10:58:00.100Z",
        },
        {
            "actor": "key 7f1d2c3b-4a5e-4f60-8b7a-9c8d7e6f5a4b",
            "action": "import.execute",
            "created_date": "2024-09-17T11:05:02.022Z",
        },
    ],
    "firstFailures": [
        {
            "line": 4,
            "outcome": "FAILED",
            "code": "CONTACT_NOT_FOUND",
            "message": (
                'No contact of this site has the e-mail address "dan@example.com".'
                " Check the spelling, or add the contact first."
            ),
        }
    ],
}
CERTIFICATE: Json = {
    "version": 1,
    "siteId": SITE_ID,
    "loyaltyImportId": IMPORT_ID,
    "issuedDate": "2024-09-17T12:00:00.000Z",
    "fileName": "data.csv",
    "fileSha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "fileBytes": 20_915,
    "mapping": {
        "email": {"columnName": "Email", "columnIndex": 1},
        "points": {"columnName": "Points balance", "columnIndex": 2},
    },
    "options": {
        "mode": "SET",
        "duplicates": "REJECT",
        "unknownContacts": "REJECT",
        "atomic": False,
        "failIfMoreThan": None,
        "maxPointsPerRow": None,
        "maxTotalChange": None,
        "maxAccountsChangedPercent": None,
        "description": None,
        "allowRepeat": False,
        "notify": True,
    },
    "createdDate": "2024-09-17T10:58:00.100Z",
    "executedDate": "2024-09-17T11:05:02.022Z",
    "finishedDate": "2024-09-17T11:05:12.714Z",
    "status": "IMPORTED",
    "rows": {"inFile": 3, "imported": 2, "unchanged": 0, "merged": 0, "failed": 1, "unprocessed": 0},
    "accounts": {"created": 1, "changed": 2},
    "points": {"sumBefore": 10, "sumOfChanges": 35, "sumAfter": 45, "added": 35, "removed": 0},
    "ledgerDigest": "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
}
SIGNATURE = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjdmMWQ…"
ALTERED: Json = {**CERTIFICATE, "points": {**CERTIFICATE["points"], "sumAfter": 54}}

ROWS: list[Json] = [
    {
        "line": 3,
        "email": "bob@example.com",
        "points": 20,
        "outcome": "IMPORTED",
        "balanceBefore": 5,
        "balanceAfter": 20,
        "transactionId": TRANSACTION_ID,
        "preview": {"outcome": "IMPORTED", "balanceBefore": 0, "balanceAfter": 20},
    },
    {
        "line": 4,
        "email": "dan@example.com",
        "points": 7,
        "outcome": "FAILED",
        "code": "CONTACT_NOT_FOUND",
        "message": SUMMARY["firstFailures"][0]["message"],
        "preview": {"outcome": "IMPORTED", "balanceBefore": 0, "balanceAfter": 7},
    },
]

EXAMPLES: Mapping[str, Example] = {
    "create_file_url": Example({"filePath": FILE_URL, "uploadUrl": f"{SERVER}/files/upload/eyJhbGciOi"}),
    "create_import": Example(
        {"loyaltyImport": CREATED},
        {"fileUrl": FILE_URL, "fileName": "data.csv", "fileSize": 20_915},
        {HEADER: "2024-09-17 data.csv create"},
    ),
    "get_import": Example({"loyaltyImport": IMPORTED}, parameters={"loyaltyImportId": IMPORT_ID}),
    "execute_import": Example(
        {"loyaltyImport": EXECUTED},
        {"loyaltyImportId": IMPORT_ID, "headerMappingInfo": MAPPING, "options": CHOSEN},
        {HEADER: "2024-09-17 data.csv execute"},
    ),
    "cancel_import": Example({"loyaltyImport": EXECUTED}, {"loyaltyImportId": IMPORT_ID}),
    "undo_import": Example({"loyaltyImport": UNDOING}, {"loyaltyImportId": IMPORT_ID, "policy": "SKIP"}),
    "retry_import": Example(
        {"loyaltyImport": RETRIED},
        {"loyaltyImportId": IMPORT_ID, "fileUrl": RETRY_FILE_URL, "fileName": "data-errors.csv"},
        {HEADER: "2024-09-17 data.csv retry"},
    ),
    "get_error_file_url": Example(
        {"url": f"{SERVER}/files/download/eyJhbGciOi"}, parameters={"loyaltyImportId": IMPORT_ID}
    ),
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
    "get_certificate": Example(
        {
            "certificate": CERTIFICATE,
            "signature": SIGNATURE,
            "pageUrl": f"{SERVER}/files/certificate/eyJhbGciOi",
        },
        parameters={"loyaltyImportId": IMPORT_ID},
    ),
    "verify_certificate": Example(
        {
            "siteId": SITE_ID,
            "loyaltyImportId": IMPORT_ID,
            "sound": False,
            "keyId": KEY_ID,
            "problems": [
                {
                    "code": "CERTIFICATE_ALTERED",
                    "message": "This site signed a certificate, but it was altered since: not this one.",
                }
            ],
            "differences": [{"name": "points.sumAfter", "certificate": 54, "ledger": 45}],
            "remarks": [],
        },
        {"certificate": ALTERED, "signature": SIGNATURE},
    ),
    "query_rows": Example(
        {"rows": ROWS, "pagingMetadata": {"count": 2, "cursors": {}, "hasNext": False}},
        {
            "loyaltyImportId": IMPORT_ID,
            "of": "IMPORT",
            "query": {"filter": {"differsFromPreview": True}, "cursorPaging": {"limit": 50}},
        },
    ),
    "get_report_url": Example({"url": f"{SERVER}/files/report/eyJhbGciOi"}, parameters={"loyaltyImportId": IMPORT_ID}),
    "explain_import": Example(SUMMARY, parameters={"loyaltyImportId": IMPORT_ID, "examples": 1}),
}
