"""Transactions: the append-only entries of the ledger, each with its cause."""

from typing import Any
from uuid import UUID

from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection

QUERIES = load(__file__)

LINE_MAX = 2**32 - 1
"""The last line of a file that an entry's id can name."""


def entry_id(import_id: UUID, line: int) -> UUID:
    """Return the id of the entry that a line of an import makes: the import's first 96 bits, then the line in 32.

    The first 96 bits of our UUIDv7 hold its time and counter, which no other import of the site has. So an import's
    entries stand together and in order, each can be found by its line, and none can be written twice. The SQL that
    writes them says the same (`imports/applying.sql`).
    """
    return UUID(int=import_id.int >> 32 << 32 | line)


def statement(
    connection: Connection, site_id: UUID, account_id: UUID, *, limit: int, before_revision: int = 2**62
) -> list[dict[str, Any]]:
    """Return an account's entries, newest first, those before a revision when one is given."""
    return connection.execute(
        QUERIES["statement"],
        {"site_id": site_id, "account_id": account_id, "before_revision": before_revision, "limit": limit},
    ).fetchall()
