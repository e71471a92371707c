"""Stage 5: good rows into the ledger, a chunk at a time.

Chunks share no account, so sessions may apply them side by side.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation

from pointport.imports import lineup
from pointport.imports.shapes import Applied, Chunk
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)


def apply(
    connection: Connection, site_id: UUID, import_id: UUID, chunk: Chunk, *, description: str, now: datetime
) -> Applied:
    """Apply the lined-up rows of a chunk: entries, balances and outcomes, all or none.

    The number of statements does not depend on the number of rows. Raises RuntimeError when the rows and what became of
    them do not add up, which undoes the chunk: better no answer than a wrong one.
    """
    these = {
        "site_id": site_id,
        "import_id": import_id,
        "first": chunk.first,
        "last": chunk.last,
        "description": description,
        "now": now,
    }
    lineup.note_applied(connection, site_id, import_id, chunk, now=now)
    connection.execute(QUERIES["look_up"])
    rows = one(connection.execute(QUERIES["count_rows"], these).fetchone())
    created = lost = made = entries = unchanged = changed = 0
    if rows["without_account"]:
        created, lost, rows = _create_accounts(connection, these, rows)
        made = connection.execute(QUERIES["write_first_entries"], these).rowcount
    if rows["good"] > rows["without_account"]:
        entries = connection.execute(QUERIES["write_entries"], these).rowcount
    # Most chunks change every balance: then there is nothing to look for among the rows.
    if made + entries < rows["good"]:
        unchanged = connection.execute(QUERIES["note_unchanged"], these).rowcount
    if entries:
        changed = connection.execute(QUERIES["set_balances"], these).rowcount
    if changed != entries or created != rows["without_account"] or made + entries + unchanged != rows["good"]:
        raise RuntimeError(
            f"positions {chunk.first}-{chunk.last} of import {import_id} do not add up: {rows['good']} rows,"
            f" {rows['without_account']} without an account, {created} accounts, {made} first entries, {entries} others,"
            f" {changed} balances, {unchanged} unchanged, {lost} lost"
        )
    return Applied(rows=rows["good"] + lost, accounts_created=created)


def note_not_reached(connection: Connection, site_id: UUID, import_id: UUID) -> None:
    """Write down, for the lined-up rows whose chunk was not applied, that the import did not come to them."""
    connection.execute(QUERIES["look_up"])
    connection.execute(QUERIES["note_not_reached"], {"site_id": site_id, "import_id": import_id})


def _create_accounts(
    connection: Connection, these: dict[str, Any], rows: dict[str, Any]
) -> tuple[int, int, dict[str, Any]]:
    """Make the accounts that are missing.

    Returns how many were made, how many rows have lost their contact, and the count of the rows that are left.
    """
    while True:
        try:
            with connection.transaction():
                created = connection.execute(QUERIES["create_accounts"], these).rowcount
            break
        except UniqueViolation:
            # Somebody gave one of them points in the meantime.
            lineup.find_accounts(connection, these["site_id"], these["import_id"], Chunk(these["first"], these["last"]))
            rows = one(connection.execute(QUERIES["count_rows"], these).fetchone())
    if created == rows["without_account"]:
        return created, 0, rows
    lost = connection.execute(QUERIES["find_lost_contacts"], these).rowcount
    connection.execute(QUERIES["note_lost_contacts"], these)
    return created, lost, one(connection.execute(QUERIES["count_rows"], these).fetchone())
