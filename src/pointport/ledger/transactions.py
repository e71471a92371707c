"""Transactions: the append-only entries of the ledger, each with its cause."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, Database
from pointport.plumbing.queries import Page, PagingMetadata, read_page

QUERIES = load(__file__)

LINE_MAX = 2**32 - 1
"""The last line of a file that an entry's id can name."""


EARN, ADJUST = "EARN", "ADJUST"


@dataclass(frozen=True)
class Entry:
    """One entry that a request makes, known by its key; `info` says what it is about, by its type."""

    id: UUID
    account_id: UUID
    revision: int
    transaction_type: str
    amount: int
    amount_before: int
    description: str
    idempotency_key: str
    created_date: datetime
    info: Mapping[str, Any] | None = None


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


def insert(connection: Connection, site_id: UUID, entry: Entry) -> None:
    """Add an entry. Raises psycopg's UniqueViolation when its key is another entry's."""
    values = {**asdict(entry), "site_id": site_id, "amount_after": entry.amount_before + entry.amount}
    values["info"] = Jsonb(dict(entry.info)) if entry.info is not None else None
    connection.execute(QUERIES["insert_entry"], values)


def find(connection: Connection, site_id: UUID, entry_id: UUID) -> dict[str, Any] | None:
    """Return an entry, or None."""
    return connection.execute(QUERIES["find_entry"], {"site_id": site_id, "id": entry_id}).fetchone()


def find_by_key(connection: Connection, site_id: UUID, idempotency_key: str) -> dict[str, Any] | None:
    """Return the entry that a request with this key made, or None."""
    values = {"site_id": site_id, "idempotency_key": idempotency_key}
    return connection.execute(QUERIES["find_entry_by_key"], values).fetchone()


def read_page_of(database: Database, site_id: UUID, page: Page) -> tuple[list[dict[str, Any]], PagingMetadata]:
    """Return a page of entries."""
    return read_page(database, QUERIES["query_transactions"], page, site_id)
