"""Tells of many accounts that one statement has changed: a chunk of an import, or of a bulk adjustment."""

from datetime import datetime
from uuid import UUID

from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection
from pointport.plumbing.webhooks import outbox
from pointport.plumbing.webhooks.event_types import EventType

QUERIES = load(__file__)

CREATED = frozenset({EventType.ACCOUNT_CREATED})
CHANGED = frozenset({EventType.ACCOUNT_UPDATED, EventType.ACCOUNT_POINTS_UPDATED})


def record_changes(
    connection: Connection,
    site_id: UUID,
    *,
    cause_id: UUID,
    actor: str,
    now: datetime,
    of: frozenset[EventType] = CREATED | CHANGED,
) -> None:
    """Write the events of the accounts that were made, or got an entry, at this moment by an import or a job.

    `now` is the moment of the caller's own chunk, and `of` says what can have happened in it. When nobody wants to hear
    of accounts this is one cheap query.
    """
    wanted = outbox.wanted(connection, site_id) & of
    if not wanted:
        return
    first_id, last_id = outbox.new_batch()
    connection.execute(
        QUERIES["insert_account_events"],
        {
            "site_id": site_id,
            "first_id": first_id,
            "cause_id": cause_id,
            "changed_types": [str(event_type) for event_type in sorted(wanted & CHANGED)],
            "created_types": [str(event_type) for event_type in sorted(wanted & CREATED)],
            "actor": actor,
            "now": now,
        },
    )
    outbox.address(connection, site_id, wanted, first_id=first_id, last_id=last_id, now=now)
