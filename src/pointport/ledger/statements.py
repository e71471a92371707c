"""What can be read off the ledger about one customer, or about a whole site; each in one transaction."""

from typing import Any
from uuid import UUID

from pointport.ledger import accounts, contacts, transactions
from pointport.plumbing.database.pool import Database


def show(
    database: Database, site_id: UUID, email: str, *, limit: int
) -> tuple[dict[str, Any], dict[str, Any] | None, list[dict[str, Any]]]:
    """Return the contact of an address, its account if it has one, and the newest entries. Raises NotFound."""
    with database.transaction(site_id) as connection:
        contact = contacts.find(connection, site_id, email)
        account = accounts.find(connection, site_id, contact["id"])
        entries = transactions.statement(connection, site_id, account["id"], limit=limit) if account else []
    return contact, account, entries


def totals(database: Database, site_id: UUID) -> dict[str, Any]:
    """Return how many accounts a site has, and the sum of their balances: `accounts`, `balance`."""
    with database.transaction(site_id) as connection:
        return accounts.totals(connection, site_id)
