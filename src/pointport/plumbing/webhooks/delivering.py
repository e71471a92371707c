"""Sends what is due to one subscriber, and writes down what came of it (contract.md 7.1).

Whoever dies after sending and before writing that down sends it once more: an event may arrive twice, and none is lost.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pointport.errors import Unavailable
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Database
from pointport.plumbing.webhooks import outbox
from pointport.plumbing.webhooks.sending import Sent

QUERIES = load(__file__)

PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    *[timedelta(hours=2)] * 3,
    *[timedelta(hours=4)] * 3,
    *[timedelta(hours=8)] * 2,
    timedelta(hours=12),
)
"""From one try that failed to the next (contract.md 7.1); when all are over, the delivery has failed."""

AT_ONCE_MAX = 4
BATCH = 20

Row = dict[str, Any]


def run(
    database: Database,
    site_id: UUID,
    webhook_id: UUID,
    is_stopping: Callable[[], bool],
    *,
    tell: Callable[[Row], Sent],
    clock: Callable[[], datetime],
) -> None:
    """Send all that is due; `tell` sends one event (its row, with `target_url`) and never raises for the receiver's faults.

    Raises Unavailable when `is_stopping` says so.
    """
    with ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="webhook") as threads:
        while due := _list_due(database, site_id, webhook_id, clock()):
            moment = clock()
            outcomes = list(threads.map(tell, due))
            for event, sent in zip(due, outcomes, strict=True):
                _note(database, event, sent, moment, clock())
            if not any(sent.arrived for sent in outcomes):
                return  # Nobody is there: others have their turn before the sweep comes back to this one.
            if is_stopping():
                raise Unavailable("the worker is stopping; another goes on")


def enqueue_due(database: Database, *, before: datetime) -> int:
    """Have a worker serve each subscriber to whom something came due before a moment; returns how many there are."""
    with database.owner_transaction() as connection:
        rows = connection.execute(QUERIES["find_due"], {"before": before}).fetchall()
        for row in rows:
            outbox.enqueue_delivery(connection, row["site_id"], row["webhook_id"])
    return len(rows)


def erase(database: Database, *, before: datetime) -> None:
    """Erase events from before a moment, with what became of them."""
    with database.owner_transaction() as connection:
        rows = connection.execute(QUERIES["find_sites_with_old_events"], {"before": before}).fetchall()
    for row in rows:
        with database.transaction(row["site_id"]) as connection:
            for query in ("delete_old_attempts", "delete_old_deliveries", "delete_old_events"):
                connection.execute(QUERIES[query], {"site_id": row["site_id"], "before": before})


def _list_due(database: Database, site_id: UUID, webhook_id: UUID, now: datetime) -> list[Row]:
    values = {"site_id": site_id, "webhook_id": webhook_id, "now": now, "limit": BATCH}
    with database.transaction(site_id) as connection:
        return connection.execute(QUERIES["list_due"], values).fetchall()


def _note(database: Database, event: Row, sent: Sent, attempted_date: datetime, now: datetime) -> None:
    """Write down a try and what follows from it."""
    if sent.arrived:
        status, following = "DELIVERED", None
    elif event["retries"] < len(PAUSES):
        status, following = "PENDING", now + PAUSES[event["retries"]]
    else:
        status, following = "FAILED", None
    delivery = {"site_id": event["site_id"], "webhook_id": event["webhook_id"], "event_id": event["id"]}
    outcome = {**delivery, "attempts": event["attempts"], "status": status, "next_attempt_date": following, "now": now}
    with database.transaction(event["site_id"]) as connection:
        if connection.execute(QUERIES["note_outcome"], outcome).rowcount:
            attempt = {
                **delivery,
                "attempt": event["attempts"] + 1,
                "attempted_date": attempted_date,
                "duration_milliseconds": sent.duration_milliseconds,
                "status_code": sent.status_code,
                "error": sent.error,
            }
            connection.execute(QUERIES["insert_attempt"], attempt)
