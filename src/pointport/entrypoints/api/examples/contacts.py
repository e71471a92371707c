"""Contacts (contract.md 6.5), and loading many from a file."""

import json
from collections.abc import Mapping

from pointport.entrypoints.api.examples.example import ACCOUNT_ID, FILE_URL, LAST_PAGE, SERVER, Example, Json

CONTACT: Json = {
    "id": ACCOUNT_ID,
    "revision": 1,
    "createdDate": "2024-09-17T10:30:00.000Z",
    "updatedDate": "2024-09-17T10:30:00.000Z",
    "primaryInfo": {"email": "ada@example.com"},
    "info": {
        "name": {"first": "Ada", "last": "Lovelace"},
        "emails": {"items": [{"id": ACCOUNT_ID, "tag": "MAIN", "email": "ada@example.com", "primary": True}]},
    },
}
RENAMED: Json = {
    **CONTACT,
    "revision": 2,
    "updatedDate": "2024-09-18T09:00:00.000Z",
    "info": {**CONTACT["info"], "name": {"first": "Ada", "last": "King"}},
}
LOADING: Json = {
    "rows": 2_000,
    "rowsTotal": 2_500,
    "created": 1_990,
    "changed": 4,
    "unchanged": 5,
    "failed": 1,
    "failures": [
        {
            "line": 17,
            "code": "EMAIL_INVALID",
            "message": '"ada" in column "Email" is not an e-mail address. Write it like name@example.com.',
        }
    ],
    "columns": {"email": "Email", "firstName": "Name"},
    "ignoredColumns": ["Phone"],
    "done": False,
}
LOADED: Json = {**LOADING, "rows": 2_500, "created": 2_490, "done": True}

EXAMPLES: Mapping[str, Example] = {
    "create_contact": Example(
        {"contact": CONTACT},
        {
            "info": {
                "name": {"first": "Ada", "last": "Lovelace"},
                "emails": {"items": [{"email": "ada@example.com", "tag": "MAIN"}]},
            }
        },
    ),
    "get_contact": Example({"contact": CONTACT}, parameters={"contactId": ACCOUNT_ID}),
    "update_contact": Example(
        {"contact": RENAMED}, {"info": {"name": {"last": "King"}}, "revision": 1}, {"contactId": ACCOUNT_ID}
    ),
    "query_contacts": Example(
        {"contacts": [CONTACT], "pagingMetadata": LAST_PAGE},
        {"query": {"filter": {"primaryInfo.email": {"$endsWith": "@example.com"}}}},
    ),
    "delete_contact": Example({}, parameters={"contactId": ACCOUNT_ID}),
    "create_contacts_url": Example({"filePath": FILE_URL, "uploadUrl": f"{SERVER}/files/upload/eyJhbGciOi"}),
    "load_contacts": Example(
        "".join(f"{json.dumps(state)}\n" for state in (LOADING, LOADED)),
        {"fileUrl": FILE_URL, "email": "Email", "firstName": "1"},
    ),
}
