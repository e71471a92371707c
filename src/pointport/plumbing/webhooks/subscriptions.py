"""Subscriptions: who is told of what, and the log of what was sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pointport.errors import InvalidRequest, NotFound, PreconditionFailed, Violation
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, Database, one
from pointport.plumbing.queries import Page, PagingMetadata, read_page
from pointport.plumbing.sites import signing, sites
from pointport.plumbing.webhooks import outbox, targets
from pointport.plumbing.webhooks.event_types import EventType

QUERIES = load(__file__)

Row = dict[str, Any]


def create(
    database: Database,
    site_id: UUID,
    target_url: str,
    event_types: Sequence[EventType],
    *,
    private_allowed: bool,
    secret: bytes,
    actor: str,
    now: datetime,
) -> Row:
    """Subscribe a target to some types of events; the site's first key is made if there is none.

    Raises InvalidRequest for a target that nothing may be sent to.
    """
    _refuse_target(target_url, private_allowed)
    webhook_id = new_id()
    with database.transaction(site_id) as connection:
        signing.ensure(connection, site_id, secret=secret, actor=actor, now=now)
        values = {"id": webhook_id, "target_url": target_url, "event_types": _names(event_types)}
        made = one(connection.execute(QUERIES["insert_webhook"], {**values, "site_id": site_id, "now": now}).fetchone())
        sites.note(connection, site_id, actor=actor, action="webhook.create", subject_id=webhook_id, now=now)
    return made


def list_all(database: Database, site_id: UUID) -> list[Row]:
    """Return a site's subscriptions, oldest first."""
    with database.transaction(site_id) as connection:
        return connection.execute(QUERIES["list_webhooks"], {"site_id": site_id}).fetchall()


def find(database: Database, site_id: UUID, webhook_id: UUID) -> Row:
    """Return a subscription. Raises NotFound."""
    with database.transaction(site_id) as connection:
        return _found(connection, "find_webhook", site_id, webhook_id)


def change(
    database: Database,
    site_id: UUID,
    webhook_id: UUID,
    wanted: Mapping[str, Any],
    *,
    private_allowed: bool,
    actor: str,
    now: datetime,
) -> Row:
    """Change `target_url`, `event_types` or `is_enabled`, leave the rest, and return the subscription.

    What waits for a subscriber while it is disabled is sent when it is enabled. Raises NotFound, InvalidRequest.
    """
    if "target_url" in wanted:
        _refuse_target(wanted["target_url"], private_allowed)
    with database.transaction(site_id) as connection:
        found = _found(connection, "lock_webhook", site_id, webhook_id)
        values = {name: found[name] for name in ("target_url", "event_types", "is_enabled")} | dict(wanted)
        values["event_types"] = _names(values["event_types"])
        if all(found[name] == value for name, value in values.items()):
            return found
        changed = one(
            connection.execute(
                QUERIES["change_webhook"], {**values, "site_id": site_id, "id": webhook_id, "now": now}
            ).fetchone()
        )
        if changed["is_enabled"]:
            outbox.enqueue_delivery(connection, site_id, webhook_id)
        sites.note(connection, site_id, actor=actor, action="webhook.change", subject_id=webhook_id, now=now)
    return changed


def delete(database: Database, site_id: UUID, webhook_id: UUID, *, actor: str, now: datetime) -> None:
    """Tell a target no more, and forget what it was sent. Raises NotFound."""
    webhook = {"site_id": site_id, "id": webhook_id}
    with database.transaction(site_id) as connection:
        _found(connection, "lock_webhook", site_id, webhook_id)
        for query in ("delete_webhook_attempts", "delete_webhook_deliveries", "delete_webhook"):
            connection.execute(QUERIES[query], webhook)
        sites.note(connection, site_id, actor=actor, action="webhook.delete", subject_id=webhook_id, now=now)


def query_deliveries(
    database: Database, site_id: UUID, webhook_id: UUID, page: Page
) -> tuple[list[Row], PagingMetadata]:
    """Return a page of deliveries, each with `event_type`, `entity_id` and its `tries`. Raises NotFound."""
    rows, paging = read_page(database, QUERIES["query_deliveries"], page, site_id)
    with database.transaction(site_id) as connection:
        _found(connection, "find_webhook", site_id, webhook_id)
        return _with_tries(connection, site_id, webhook_id, rows), paging


def send_again(
    database: Database, site_id: UUID, webhook_id: UUID, event_id: UUID, *, actor: str, now: datetime
) -> None:
    """Have an event sent once more, now, whatever became of it.

    Raises NotFound, and PreconditionFailed for a subscription that is disabled, to which it would not go.
    """
    with database.transaction(site_id) as connection:
        if not _found(connection, "lock_webhook", site_id, webhook_id)["is_enabled"]:
            raise PreconditionFailed(
                f"webhook {webhook_id} is disabled, so nothing is sent to it; enable it first", code="WEBHOOK_DISABLED"
            )
        values = {"site_id": site_id, "webhook_id": webhook_id, "event_id": event_id, "now": now}
        if connection.execute(QUERIES["send_again"], values).fetchone() is None:
            raise NotFound(f"webhook {webhook_id} has no delivery of the event {event_id}", code="DELIVERY_NOT_FOUND")
        outbox.enqueue_delivery(connection, site_id, webhook_id)
        sites.note(connection, site_id, actor=actor, action="webhook.send-again", subject_id=event_id, now=now)


def _with_tries(connection: Connection, site_id: UUID, webhook_id: UUID, rows: Sequence[Row]) -> list[Row]:
    event_ids = [row["event_id"] for row in rows]
    values = {"site_id": site_id, "webhook_id": webhook_id, "event_ids": event_ids}
    tries: dict[UUID, list[Row]] = {event_id: [] for event_id in event_ids}
    for found in connection.execute(QUERIES["list_attempts"], values).fetchall():
        tries[found["event_id"]].append(found)
    return [{**row, "tries": tries[row["event_id"]]} for row in rows]


def _found(connection: Connection, query: str, site_id: UUID, webhook_id: UUID) -> Row:
    row = connection.execute(QUERIES[query], {"site_id": site_id, "id": webhook_id}).fetchone()
    if row is None:
        raise NotFound(f"there is no webhook {webhook_id}", code="WEBHOOK_NOT_FOUND")
    return row


def _refuse_target(target_url: str, private_allowed: bool) -> None:
    try:
        target = targets.read_target(target_url, private_allowed=private_allowed)
        targets.look_up(target.host, target.port, private_allowed=private_allowed)
    except targets.Refused as error:
        raise InvalidRequest(Violation("target_url", str(error), "FORMAT", {"type": "URL"})) from error


def _names(event_types: Sequence[str]) -> list[str]:
    return sorted({str(event_type) for event_type in event_types})
