"""Stage 5: good rows into the ledger, a chunk at a time."""

from datetime import datetime
from uuid import UUID

from pointport.imports.shapes import Applied
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)


def apply(
    connection: Connection, site_id: UUID, import_id: UUID, *, after: int, upto: int, description: str, now: datetime
) -> Applied:
    """Apply the lined-up rows at positions `after` < p <= `upto`: entries, balances and outcomes, all or none.

    The number of statements does not depend on the number of rows. Raises RuntimeError when the rows and what became of
    them do not add up, which undoes the chunk: better no answer than a wrong one.
    """
    chunk = {
        "site_id": site_id,
        "import_id": import_id,
        "after": after,
        "upto": upto,
        "description": description,
        "now": now,
    }
    connection.execute(QUERIES["look_up"])
    good = one(connection.execute(QUERIES["count_good"], chunk).fetchone())["good"]
    created = connection.execute(QUERIES["create_accounts"], chunk).rowcount
    entries = connection.execute(QUERIES["write_entries"], chunk).rowcount
    # Most chunks change every balance, or make every account: then there is nothing to look for among the rows.
    unchanged = connection.execute(QUERIES["note_unchanged"], chunk).rowcount if entries < good else 0
    lost = connection.execute(QUERIES["note_lost_contacts"], chunk).rowcount if entries + unchanged < good else 0
    if created == good:
        made, changed = entries, 0
    else:
        made = one(connection.execute(QUERIES["count_made"], chunk).fetchone())["made"] if created else 0
        changed = connection.execute(QUERIES["set_balances"], chunk).rowcount
    if entries != made + changed or entries + unchanged + lost != good:
        raise RuntimeError(
            f"chunk {after}-{upto} of import {import_id} does not add up: {good} rows, {entries} entries,"
            f" {made} balances made, {changed} changed, {unchanged} unchanged, {lost} lost"
        )
    return Applied(rows=good, accounts_created=created)


def note_not_reached(connection: Connection, site_id: UUID, import_id: UUID, *, after: int) -> None:
    """Write down, for the lined-up rows behind a position, that the import did not come to them."""
    connection.execute(QUERIES["note_not_reached"], {"site_id": site_id, "import_id": import_id, "after": after})
