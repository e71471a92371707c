"""A site's loyalty program: its name, what its points are called, and whether customers can earn (contract.md 6.4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from pointport.errors import PreconditionFailed
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, Database, one
from pointport.plumbing.sites import sites
from pointport.plumbing.webhooks import outbox
from pointport.plumbing.webhooks.event_types import EventType

QUERIES = load(__file__)

DRAFT, ACTIVE, PAUSED = "DRAFT", "ACTIVE", "PAUSED"

Row = dict[str, Any]

CHANGEABLE = (
    "name",
    "status",
    "custom_name",
    "icon",
    "expiration_status",
    "months_of_inactivity",
    "expiring_points_percentage",
)


def find(database: Database, site_id: UUID) -> Row:
    """Return a site's program; every site has one."""
    with database.transaction(site_id) as connection:
        return _find(connection, "find_program", site_id)


def change(
    database: Database, site_id: UUID, wanted: Mapping[str, Any], *, action: str, actor: str, now: datetime
) -> Row:
    """Change what is wanted (names of columns) and return the program.

    A change that changes nothing is not stored and told to nobody.
    """
    with database.transaction(site_id) as connection:
        return _change(connection, _find(connection, "lock_program", site_id), wanted, action, actor, now)


def activate(database: Database, site_id: UUID, *, actor: str, now: datetime) -> Row:
    """Let customers earn."""
    return change(database, site_id, {"status": ACTIVE}, action="program.activate", actor=actor, now=now)


def pause(database: Database, site_id: UUID, *, actor: str, now: datetime) -> Row:
    """Let customers earn no more, until it is activated again. Raises PreconditionFailed for a draft."""
    with database.transaction(site_id) as connection:
        found = _find(connection, "lock_program", site_id)
        if found["status"] == DRAFT:
            raise PreconditionFailed(
                "the program is a draft: nobody earns yet, so there is nothing to pause",
                code="PROGRAM_NOT_ACTIVE",
                data={"status": DRAFT},
            )
        return _change(connection, found, {"status": PAUSED}, "program.pause", actor, now)


def require(connection: Connection, site_id: UUID, *statuses: str, to: str) -> None:
    """Raise PreconditionFailed unless the program has one of these statuses; `to` says what for."""
    status = _find(connection, "find_program", site_id)["status"]
    if status not in statuses:
        raise PreconditionFailed(
            f"the loyalty program is {status}; to {to}, activate it (POST /loyalty-programs/v1/program/activate,"
            " or `pointport program activate`)",
            code="PROGRAM_NOT_ACTIVE",
            data={"status": status},
        )


def _find(connection: Connection, query: str, site_id: UUID) -> Row:
    return one(connection.execute(QUERIES[query], {"site_id": site_id}).fetchone())


def _change(
    connection: Connection, found: Row, wanted: Mapping[str, Any], action: str, actor: str, now: datetime
) -> Row:
    values = {name: found[name] for name in CHANGEABLE} | dict(wanted)
    if all(values[name] == found[name] for name in CHANGEABLE):
        return found
    site_id = found["site_id"]
    values["icon"] = Jsonb(values["icon"]) if values["icon"] is not None else None
    changed = one(connection.execute(QUERIES["change_program"], {**values, "site_id": site_id, "now": now}).fetchone())
    sites.note(connection, site_id, actor=actor, action=action, subject_id=site_id, now=now)
    outbox.record(
        connection,
        site_id,
        EventType.PROGRAM_UPDATED,
        entity_id=site_id,
        sequence=changed["revision"],
        payload=lambda: changed,
        actor=actor,
        now=now,
    )
    return changed
