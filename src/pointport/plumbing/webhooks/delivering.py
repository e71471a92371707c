"""Sends what is due to one subscriber, and writes down what came of it (contract.md 7.1).

Whoever dies after sending and before writing that down sends it once more: an event may arrive twice, and none is lost.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from pointport.errors import PointportError, Unavailable
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Database
from pointport.plumbing.queue.at_work import subjects_at_work
from pointport.plumbing.webhooks import outbox

QUERIES = load(__file__)

logger = logging.getLogger(__name__)

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
TURN_SECONDS = 10.0
"""How long a subscriber is served before others have their turn: one that does not answer must not keep them waiting."""

ERASED_AT_ONCE = 5_000
ERROR_CHARACTERS_MAX = 500

Row = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """What came of one try: the HTTP status, or why there is none, and how long it took."""

    status_code: int | None
    error: str | None
    duration_milliseconds: int

    @property
    def arrived(self) -> bool:
        """Only 200 says so (contract.md 7.1); a redirect, which is not followed, does not."""
        return self.status_code == 200  # noqa: PLR2004


def run(
    database: Database,
    site_id: UUID,
    webhook_id: UUID,
    is_stopping: Callable[[], bool],
    *,
    tell: Callable[[Row], Sent],
    clock: Callable[[], datetime],
    turn_seconds: float = TURN_SECONDS,
) -> None:
    """Send what is due, for the length of a turn; what is left then gets a job of its own, behind those that wait.

    `tell` sends one event (its row, with `target_url`); that it fails, for whatever cause, is a try that failed.
    Raises Unavailable when `is_stopping` says so, or when the database is gone.
    """
    end = time.monotonic() + turn_seconds
    with ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="webhook") as threads:
        while due := _list_due(database, site_id, webhook_id, clock()):
            arrived = False
            for event, (moment, sent) in zip(due, threads.map(partial(_try, tell, clock), due), strict=True):
                _note(database, event, sent, moment, clock())
                arrived = arrived or sent.arrived
            if not arrived:
                return  # Nobody is there: others have their turn before the sweep comes back to this one.
            if is_stopping():
                raise Unavailable("the worker is stopping; another goes on")
            if time.monotonic() >= end:
                with database.transaction(site_id) as connection:
                    outbox.enqueue_delivery(connection, site_id, webhook_id)
                return


def enqueue_due(database: Database, *, before: datetime) -> int:
    """Have a worker serve each subscriber to whom something came due before a moment; returns how many there are."""
    with database.owner_transaction() as connection:
        at_work = subjects_at_work(connection)
        rows = connection.execute(QUERIES["find_due"], {"before": before, "at_work": at_work}).fetchall()
        for row in rows:
            outbox.enqueue_delivery(connection, row["site_id"], row["webhook_id"])
    return len(rows)


def erase(database: Database, *, before: datetime) -> None:
    """Erase events from before a moment, with what became of them; those that are still on their way stay."""
    with database.owner_transaction() as connection:
        rows = connection.execute(QUERIES["find_sites_with_old_events"], {"before": before}).fetchall()
    for row in rows:
        while _erase_some(database, row["site_id"], before) == ERASED_AT_ONCE:
            pass


def _erase_some(database: Database, site_id: UUID, before: datetime) -> int:
    """Erase some of a site's old events; returns how many."""
    chosen = {"site_id": site_id, "before": before, "limit": ERASED_AT_ONCE}
    with database.transaction(site_id) as connection:
        event_ids = [row["id"] for row in connection.execute(QUERIES["find_old_events"], chosen).fetchall()]
        for query in ("delete_old_deliveries", "delete_old_attempts", "delete_old_events"):
            connection.execute(QUERIES[query], {"site_id": site_id, "event_ids": event_ids})
    return len(event_ids)


def _try(tell: Callable[[Row], Sent], clock: Callable[[], datetime], event: Row) -> tuple[datetime, Sent]:
    """Send one event, and return when and what came of it. Raises Unavailable.

    A fault of ours is one event's alone, and is tried again as the receiver's are: else it would be met again and again,
    and those beside it sent each time.
    """
    moment, begun = clock(), time.monotonic()
    try:
        return moment, tell(event)
    except Unavailable:
        raise
    except PointportError as error:
        told = f"not sent: {error.message}"
        logger.warning("event %s was not sent: %s", event["id"], error.message)
    except Exception:
        told = "not sent: a fault of ours; the server's log says more under the event's id"
        logger.exception("event %s was not sent", event["id"])
    return moment, Sent(None, told[:ERROR_CHARACTERS_MAX], round((time.monotonic() - begun) * 1_000))


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
