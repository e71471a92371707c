"""Accounts: the points of a contact, and known by its id; the parts of a balance always add up, by CHECK."""

from typing import Any
from uuid import UUID

from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)


def find(connection: Connection, site_id: UUID, contact_id: UUID) -> dict[str, Any] | None:
    """Return a contact's account, or None when it has none yet."""
    return connection.execute(QUERIES["find"], {"site_id": site_id, "contact_id": contact_id}).fetchone()


def totals(connection: Connection, site_id: UUID) -> dict[str, Any]:
    """Return how many accounts a site has, and the sum of their balances: `accounts`, `balance`."""
    return one(connection.execute(QUERIES["totals"], {"site_id": site_id}).fetchone())
