"""What a webhook says (contract.md 7.2, 7.3): an event in the shape in which the official client reads it."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pointport.imports.record import from_row
from pointport.plumbing.webhooks.event_types import EventType
from pointport.wire.accounts import account
from pointport.wire.base import Json, timestamp
from pointport.wire.imports import loyalty_import
from pointport.wire.program import loyalty_program
from pointport.wire.transactions import LOYALTY_APP_ID

LIFE = timedelta(hours=1)
"""How long a signature is good; each try is signed anew."""

KEY = re.compile(r"key ([0-9a-f-]{36})")


def claims(event: Mapping[str, Any], now: datetime) -> Json:
    """Return the JWT's claims for an event's row: JSON in text in JSON in text, as the client unwraps it."""
    site_id = str(event["site_id"])
    told = {
        "eventType": event["event_type"],
        "instanceId": site_id,
        "data": json.dumps(body(event)),
        "identity": json.dumps({"identityType": "APP", "appId": _app_id(event["actor"])}),
        "accountInfo": {"accountId": site_id, "siteId": site_id},
    }
    return {"data": json.dumps(told), "iat": int(now.timestamp()), "exp": int((now + LIFE).timestamp())}


def body(event: Mapping[str, Any]) -> Json:
    """Return the event itself, with the entity as it was when it happened."""
    event_type = EventType(event["event_type"])
    member, entity = _ENTITIES[event_type](_revived(event["payload"]), event["created_date"])
    return {
        "id": str(event["id"]),
        "entityFqdn": event_type.entity,
        "slug": event_type.slug,
        "entityId": str(event["entity_id"]),
        member: entity,
        "eventTime": timestamp(event["created_date"]),
        "triggeredByAnonymizeRequest": False,
        "originatedFrom": None,
        "entityEventSequence": str(event["sequence"]),
    }


def _app_id(actor: str) -> str:
    """Return the API key that caused it, or Loyalty itself."""
    match = KEY.fullmatch(actor)
    return match[1] if match else LOYALTY_APP_ID


def _revived(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the moments of a row that was kept as JSON back into moments."""
    return {
        name: datetime.fromisoformat(value) if name.endswith("_date") and value is not None else value
        for name, value in payload.items()
    }


def _import(row: dict[str, Any], moment: datetime) -> Json:
    return loyalty_import(
        from_row(
            {
                **row,
                "id": UUID(row["id"]),
                "file_sha256": bytes.fromhex(row["file_sha256"]) if row["file_sha256"] else None,
            }
        ),
        moment,
    )


_ENTITIES: Mapping[EventType, Callable[[dict[str, Any], datetime], tuple[str, Json]]] = {
    EventType.IMPORT_CREATED: lambda row, moment: ("createdEvent", {"entity": _import(row, moment)}),
    EventType.IMPORT_UPDATED: lambda row, moment: ("updatedEvent", {"currentEntity": _import(row, moment)}),
    EventType.IMPORT_FINISHED: lambda row, moment: (
        "actionEvent",
        {"body": {"loyaltyImport": _import(row, moment)}},
    ),
    EventType.ACCOUNT_CREATED: lambda row, _: ("createdEvent", {"entity": account(row)}),
    EventType.ACCOUNT_UPDATED: lambda row, _: ("updatedEvent", {"currentEntity": account(row)}),
    EventType.ACCOUNT_POINTS_UPDATED: lambda row, _: ("actionEvent", {"body": {"account": account(row)}}),
    EventType.PROGRAM_UPDATED: lambda row, _: ("updatedEvent", {"currentEntity": loyalty_program(row)}),
}
"""The member that holds the entity, and the entity (contract.md 7.3)."""
