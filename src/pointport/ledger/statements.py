"""What can be read off the ledger about one customer, about many, or about a whole site; each in one transaction."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import sql

from pointport.errors import NotFound
from pointport.ledger import accounts, contacts, transactions
from pointport.plumbing.database.pool import Database
from pointport.plumbing.queries import Page, PagingMetadata

Row = dict[str, Any]


def show(database: Database, site_id: UUID, email: str, *, limit: int) -> tuple[Row, Row | None, list[Row]]:
    """Return the contact of an address, its account if it has one, and the newest entries. Raises NotFound."""
    with database.transaction(site_id) as connection:
        contact = contacts.find(connection, site_id, email)
        account = accounts.find(connection, site_id, contact["id"])
        entries = transactions.statement(connection, site_id, account["id"], limit=limit) if account else []
    return contact, account, entries


def customer(
    database: Database, site_id: UUID, contact_id: UUID, *, limit: int, before_revision: int | None = None
) -> tuple[Row, Row | None, list[Row]]:
    """Return a contact, its account if it has one, and entries, newest first: of all, or of those before a revision.

    Raises NotFound.
    """
    before = {} if before_revision is None else {"before_revision": before_revision}
    with database.transaction(site_id) as connection:
        contact = contacts.find_by_id(connection, site_id, contact_id)
        if contact is None:
            raise NotFound(f"there is no contact {contact_id}", code="CONTACT_NOT_FOUND")
        account = accounts.find(connection, site_id, contact_id)
        entries = transactions.statement(connection, site_id, contact_id, limit=limit, **before)
    return contact, account, entries


def account(database: Database, site_id: UUID, account_id: UUID) -> Row:
    """Return an account with its contact. Raises NotFound."""
    with database.transaction(site_id) as connection:
        found = accounts.find(connection, site_id, account_id)
    if found is None:
        raise NotFound(f"there is no loyalty account {account_id}", code="ACCOUNT_NOT_FOUND")
    return found


def query_accounts(database: Database, site_id: UUID, page: Page) -> tuple[list[Row], PagingMetadata]:
    """Return a page of accounts, each with its contact."""
    return accounts.read_page_of(database, site_id, page)


def query_customers(database: Database, site_id: UUID, page: Page) -> tuple[list[Row], PagingMetadata]:
    """Return a page of contacts, each with the points of its account, which are None for who has none."""
    return accounts.read_page_of_customers(database, site_id, page)


def count_accounts(database: Database, site_id: UUID, where: sql.Composable, parameters: Mapping[str, Any]) -> int:
    """Return how many accounts a condition chooses."""
    with database.transaction(site_id) as connection:
        return accounts.count(connection, site_id, where, parameters)


def transaction(database: Database, site_id: UUID, entry_id: UUID) -> Row:
    """Return an entry of the ledger. Raises NotFound."""
    with database.transaction(site_id) as connection:
        found = transactions.find(connection, site_id, entry_id)
    if found is None:
        raise NotFound(f"there is no loyalty transaction {entry_id}", code="TRANSACTION_NOT_FOUND")
    return found


def query_transactions(database: Database, site_id: UUID, page: Page) -> tuple[list[Row], PagingMetadata]:
    """Return a page of entries."""
    return transactions.read_page_of(database, site_id, page)


def totals(database: Database, site_id: UUID) -> Row:
    """Return how many `accounts` a site has, and the sums of their points."""
    with database.transaction(site_id) as connection:
        return accounts.totals(connection, site_id)
