"""The outbox: an event is a row written in the transaction that causes it, so neither happens without the other."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection

QUERIES = load(__file__)


def record(
    connection: Connection,
    site_id: UUID,
    *,
    event_type: str,
    entity_id: UUID,
    payload: Mapping[str, Any],
    now: datetime,
) -> UUID:
    """Write an event with the entity as it is now; returns the event's id."""
    event_id = new_id()
    connection.execute(
        QUERIES["insert_event"],
        {
            "site_id": site_id,
            "id": event_id,
            "event_type": event_type,
            "entity_id": entity_id,
            "payload": Jsonb(dict(payload)),
            "now": now,
        },
    )
    return event_id
