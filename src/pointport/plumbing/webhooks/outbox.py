"""The outbox: an event is a row written in the transaction that causes it, so neither happens without the other.

What nobody has subscribed to is not written at all.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from pointport.plumbing import queue
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one
from pointport.plumbing.webhooks.event_types import EventType

QUERIES = load(__file__)

TASK = "deliver_webhooks"
EVENTS_MAX = 2**32


def wanted(connection: Connection, site_id: UUID) -> frozenset[EventType]:
    """Return the types of events that somebody wants to hear of."""
    rows = connection.execute(QUERIES["wanted_types"], {"site_id": site_id}).fetchall()
    return frozenset(EventType(row["event_type"]) for row in rows)


def record(
    connection: Connection,
    site_id: UUID,
    event_type: EventType,
    *,
    entity_id: UUID,
    sequence: int,
    payload: Callable[[], Mapping[str, Any]],
    actor: str,
    now: datetime,
) -> None:
    """Write down that something happened, with the entity as it is now, if anybody wants to hear of it.

    `sequence` is the entity's revision, which puts its events in order; `payload` gives the entity's row, whose
    ids and moments become text, and is asked only then; `actor` is who caused it.
    """
    if event_type not in wanted(connection, site_id):
        return
    event_id = new_id()
    connection.execute(
        QUERIES["insert_event"],
        {
            "site_id": site_id,
            "id": event_id,
            "event_type": event_type,
            "entity_id": entity_id,
            "sequence": sequence,
            "payload": Jsonb({name: _plain(value) for name, value in payload().items()}),
            "actor": actor,
            "now": now,
        },
    )
    address(connection, site_id, frozenset({event_type}), first_id=event_id, last_id=event_id, now=now)


def new_batch() -> tuple[UUID, UUID]:
    """Return the first and the last id of a batch of events whose ids are made where they are written.

    They share the 96 bits of a new id that no other has; the rest counts, up to EVENTS_MAX.
    """
    first = new_id().int >> 32 << 32
    return UUID(int=first), UUID(int=first + EVENTS_MAX - 1)


def address(
    connection: Connection,
    site_id: UUID,
    event_types: frozenset[EventType],
    *,
    first_id: UUID,
    last_id: UUID,
    now: datetime,
) -> None:
    """Send the events of a range of ids on their way to all who want them."""
    events = {"site_id": site_id, "first_id": first_id, "last_id": last_id, "now": now}
    connection.execute(QUERIES["address_events"], events)
    names = [str(event_type) for event_type in event_types]
    rows = connection.execute(QUERIES["interested"], {"site_id": site_id, "event_types": names}).fetchall()
    for row in rows:
        enqueue_delivery(connection, site_id, row["id"])


def enqueue_delivery(connection: Connection, site_id: UUID, webhook_id: UUID) -> None:
    """Have a worker send what is due to a subscriber; one worker at a time serves one subscriber.

    Nobody waits for this: who meets another transaction that is just adding that job leaves it to that one, and should
    that come to nothing, or too early, to the worker's sweep. Else everyone who changes a site's points would wait for
    everyone else's commit, and two that tell two subscribers in different order would wait for each other.
    """
    lock = f"{TASK}:{webhook_id}"
    if one(connection.execute(QUERIES["try_to_enqueue"], {"lock": lock}).fetchone())["alone"]:
        queue.enqueue(connection, TASK, site_id=site_id, subject_id=webhook_id, lock=lock, queue=queue.WEBHOOKS)


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.hex() if isinstance(value, bytes) else value
