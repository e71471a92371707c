"""Accounts: the points of a contact, and known by its id; the parts of a balance always add up, by CHECK."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql

from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, Database, one
from pointport.plumbing.queries import Page, PagingMetadata, read_page

QUERIES = load(__file__)

Row = dict[str, Any]


def find(connection: Connection, site_id: UUID, account_id: UUID) -> Row | None:
    """Return a contact's account with the contact's address and names, or None when it has none yet."""
    return connection.execute(QUERIES["find_account"], {"site_id": site_id, "id": account_id}).fetchone()


def lock(connection: Connection, site_id: UUID, account_id: UUID) -> Row | None:
    """Return an account and hold it until the transaction ends, or None."""
    return connection.execute(QUERIES["lock_account"], {"site_id": site_id, "id": account_id}).fetchone()


def lock_owner(connection: Connection, site_id: UUID, contact_id: UUID) -> bool:
    """Hold a contact against being deleted; tells whether there is one."""
    found = connection.execute(QUERIES["lock_owner"], {"site_id": site_id, "id": contact_id})
    return found.fetchone() is not None


def insert(connection: Connection, site_id: UUID, contact_id: UUID, *, now: datetime) -> bool:
    """Add an account at 0; tells whether the contact had none."""
    values = {"site_id": site_id, "id": contact_id, "now": now}
    return connection.execute(QUERIES["insert_account"], values).rowcount == 1


def change_points(
    connection: Connection, site_id: UUID, account_id: UUID, *, earned: int, adjusted: int, now: datetime
) -> Row:
    """Add to the parts of a balance and return the account, without its contact."""
    values = {"site_id": site_id, "id": account_id, "earned": earned, "adjusted": adjusted, "now": now}
    return one(connection.execute(QUERIES["change_points"], values).fetchone())


def count(connection: Connection, site_id: UUID, where: sql.Composable, parameters: Mapping[str, Any]) -> int:
    """Return how many accounts a condition chooses."""
    statement = sql.SQL(QUERIES["count_accounts"]).format(where=where)
    return int(one(connection.execute(statement, {**parameters, "site_id": site_id}).fetchone())["accounts"])


def totals(connection: Connection, site_id: UUID) -> Row:
    """Return how many `accounts` a site has, and the sums of each part of their points."""
    return one(connection.execute(QUERIES["totals"], {"site_id": site_id}).fetchone())


def read_page_of(database: Database, site_id: UUID, page: Page) -> tuple[list[dict[str, Any]], PagingMetadata]:
    """Return a page of accounts, each with its contact."""
    return read_page(database, QUERIES["query_accounts"], page, site_id)


def read_page_of_customers(
    database: Database, site_id: UUID, page: Page
) -> tuple[list[dict[str, Any]], PagingMetadata]:
    """Return a page of contacts, each with the points of its account, which are None for who has none."""
    return read_page(database, QUERIES["query_customers"], page, site_id)
