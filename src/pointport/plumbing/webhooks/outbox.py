"""The outbox: an event is a row written in the transaction that causes it, so neither happens without the other."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection
from pointport.plumbing.webhooks.event_types import EventType

QUERIES = load(__file__)


def record(
    connection: Connection,
    site_id: UUID,
    event_type: EventType,
    *,
    entity_id: UUID,
    sequence: int,
    payload: Mapping[str, Any],
    actor: str,
    now: datetime,
) -> None:
    """Write down that something happened, with the entity as it is now.

    `sequence` is the entity's revision, which puts its events in order; `payload` is the entity's row, whose ids and
    moments become text; `actor` is who caused it.
    """
    connection.execute(
        QUERIES["insert_event"],
        {
            "site_id": site_id,
            "id": new_id(),
            "event_type": event_type,
            "entity_id": entity_id,
            "payload": Jsonb({name: _plain(value) for name, value in payload.items()}),
            "now": now,
        },
    )


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else value
