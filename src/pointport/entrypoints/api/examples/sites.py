"""Sites, their keys and proofs: Pointport's own."""

from collections.abc import Mapping

from pointport.entrypoints.api.examples.example import KEY_ID, SITE_ID, Example, Json

SITE: Json = {"siteId": SITE_ID, "name": "Corner Shop", "default": True, "createdDate": "2024-09-17T10:00:00.000Z"}
KEY: Json = {
    "keyId": KEY_ID,
    "name": "Nightly import",
    "scopes": ["imports", "accounts:read"],
    "createdDate": "2024-09-17T10:05:00.000Z",
    "revokedDate": None,
}
FIRST_KEY: Json = {
    "keyId": "18c4f0de-6b2a-4d7e-93f1-0a5b6c7d8e9f",
    "name": "first key",
    "scopes": ["admin"],
    "createdDate": "2024-09-17T10:00:00.000Z",
    "revokedDate": "2024-09-17T10:10:00.000Z",
}
API_KEY = "pp_27oCe2ssTQ-cYR1qOhpbb…"

EXAMPLES: Mapping[str, Example] = {
    "list_sites": Example({"sites": [SITE]}),
    "create_site": Example({**SITE, "apiKey": API_KEY}, {"name": "Corner Shop", "default": True}),
    "list_keys": Example({"keys": [FIRST_KEY, KEY]}),
    "create_key": Example(
        {"keyId": KEY_ID, "siteId": SITE_ID, "apiKey": API_KEY},
        {"name": "Nightly import", "scopes": ["imports", "accounts:read"]},
    ),
    "revoke_key": Example({"keyId": KEY_ID}, parameters={"key_id": KEY_ID}),
    "verify_ledger": Example({"siteId": SITE_ID, "sound": True, "findings": []}),
}
