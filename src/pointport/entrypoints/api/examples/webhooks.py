"""Webhooks, the log of what was sent, and the keys that sign: Pointport's own."""

from collections.abc import Mapping

from pointport.entrypoints.api.examples.example import ACCOUNT_ID, EVENT_ID, LAST_PAGE, WEBHOOK_ID, Example, Json
from pointport.plumbing.webhooks.event_types import EventType

TARGET_URL = "https://shop.example.com/hooks/loyalty"
WEBHOOK: Json = {
    "id": WEBHOOK_ID,
    "targetUrl": TARGET_URL,
    "eventTypes": [str(EventType.IMPORT_CREATED), str(EventType.ACCOUNT_POINTS_UPDATED)],
    "enabled": True,
    "revision": "1",
    "createdDate": "2024-09-17T10:20:00.000Z",
    "updatedDate": "2024-09-17T10:20:00.000Z",
}
DISABLED: Json = {**WEBHOOK, "enabled": False, "revision": "2", "updatedDate": "2024-09-18T09:00:00.000Z"}
DELIVERY: Json = {
    "webhookId": WEBHOOK_ID,
    "eventId": EVENT_ID,
    "eventType": str(EventType.ACCOUNT_POINTS_UPDATED),
    "entityId": ACCOUNT_ID,
    "status": "PENDING",
    "createdDate": "2024-09-18T09:00:00.000Z",
    "nextAttemptDate": "2024-09-18T09:11:01.900Z",
    "attempts": [
        {"attempt": 1, "date": "2024-09-18T09:00:00.100Z", "durationMilliseconds": 81, "statusCode": 502},
        {
            "attempt": 2,
            "date": "2024-09-18T09:01:00.650Z",
            "durationMilliseconds": 1_250,
            "error": "no answer within 1.25 seconds",
        },
    ],
}
SIGNING: Json = {
    "id": "40b8e1d7-9c65-4a2f-8e03-7d6b5a4c3f21",
    "status": "SIGNING",
    "publicKey": "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A…\n-----END PUBLIC KEY-----\n",
    "createdDate": "2024-09-17T10:20:00.000Z",
    "updatedDate": "2024-09-17T10:20:00.000Z",
}
WAITING: Json = {
    **SIGNING,
    "id": "f2a1c3e5-d7b9-4806-a2c4-e6f8091b2d3c",
    "status": "WAITING",
    "createdDate": "2024-09-18T09:00:00.000Z",
    "updatedDate": "2024-09-18T09:00:00.000Z",
}
ROTATED = [
    {**WAITING, "status": "SIGNING", "updatedDate": "2024-09-19T09:00:00.000Z"},
    {**SIGNING, "status": "RETIRED", "updatedDate": "2024-09-19T09:00:00.000Z"},
]
THE_WEBHOOK = {"webhookId": WEBHOOK_ID}

EXAMPLES: Mapping[str, Example] = {
    "create_webhook": Example(
        {"webhook": WEBHOOK}, {"targetUrl": TARGET_URL, "eventTypes": [*reversed(WEBHOOK["eventTypes"])]}
    ),
    "list_webhooks": Example({"webhooks": [WEBHOOK]}),
    "get_webhook": Example({"webhook": WEBHOOK}, parameters=THE_WEBHOOK),
    "change_webhook": Example({"webhook": DISABLED}, {"enabled": False}, THE_WEBHOOK),
    "delete_webhook": Example({}, parameters=THE_WEBHOOK),
    "list_deliveries": Example(
        {"deliveries": [DELIVERY], "pagingMetadata": LAST_PAGE}, parameters={**THE_WEBHOOK, "status": "PENDING"}
    ),
    "send_again": Example({}, parameters={**THE_WEBHOOK, "eventId": EVENT_ID}),
    "list_signing_keys": Example({"keys": [SIGNING]}),
    "create_signing_key": Example({"keys": [WAITING, SIGNING]}),
    "rotate_signing_key": Example({"keys": ROTATED}),
}
