"""Contacts: the customers of a site, each known by one e-mail address in normal form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pointport.errors import NotFound
from pointport.ledger.addresses import normal_form
from pointport.plumbing.database.ids import new_ids
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, Database, one
from pointport.plumbing.queries import Page, PagingMetadata, read_page

QUERIES = load(__file__)

NAME_CHARACTERS_MAX = 100


class NewContact(NamedTuple):
    """A contact to add or bring up to date; `email` is in normal form, an empty name leaves a known one as it is.

    A tuple, since there is one for every row of a file.
    """

    email: str
    first_name: str = ""
    last_name: str = ""


@dataclass(frozen=True)
class Merged:
    """What became of a batch."""

    created: int
    changed: int


def merge(connection: Connection, site_id: UUID, contacts: Sequence[NewContact], *, now: datetime) -> Merged:
    """Add contacts or bring the known ones up to date, in one statement.

    Of two with one address the last counts, but a name that it lacks is the other's.
    """
    unique: dict[str, NewContact] = {}
    for contact in contacts:
        known = unique.get(contact.email)
        unique[contact.email] = contact if known is None else _over(contact, known)
    rows = connection.execute(
        QUERIES["merge_contacts"],
        {
            "site_ids": [str(site_id)] * len(unique),
            "ids": new_ids(len(unique)),
            "emails": list(unique),
            "first_names": [contact.first_name for contact in unique.values()],
            "last_names": [contact.last_name for contact in unique.values()],
            "now": now,
        },
    ).fetchall()
    created = sum(row["created"] for row in rows)
    return Merged(created, len(rows) - created)


def _over(contact: NewContact, known: NewContact) -> NewContact:
    return NewContact(contact.email, contact.first_name or known.first_name, contact.last_name or known.last_name)


def find(connection: Connection, site_id: UUID, email: str) -> dict[str, Any]:
    """Return the contact of an address in any spelling. Raises NotFound."""
    row = connection.execute(QUERIES["find_by_email"], {"site_id": site_id, "email": normal_form(email)}).fetchone()
    if row is None:
        raise NotFound(f"no contact has the e-mail address {email!r}", code="CONTACT_NOT_FOUND")
    return row


def find_by_id(connection: Connection, site_id: UUID, contact_id: UUID) -> dict[str, Any] | None:
    """Return a contact, or None."""
    return connection.execute(QUERIES["find_contact"], {"site_id": site_id, "id": contact_id}).fetchone()


def lock(connection: Connection, site_id: UUID, contact_id: UUID) -> dict[str, Any] | None:
    """Return a contact and hold it until the transaction ends, or None."""
    return connection.execute(QUERIES["lock_contact"], {"site_id": site_id, "id": contact_id}).fetchone()


def lock_for_deletion(connection: Connection, site_id: UUID, contact_id: UUID) -> dict[str, Any] | None:
    """Return a contact and hold it also against those who make accounts, or None."""
    return connection.execute(QUERIES["lock_contact_for_deletion"], {"site_id": site_id, "id": contact_id}).fetchone()


def insert(
    connection: Connection, site_id: UUID, contact_id: UUID, contact: NewContact, *, now: datetime
) -> dict[str, Any] | None:
    """Add a contact and return it, or None when its address is known."""
    values = {"site_id": site_id, "id": contact_id, **contact._asdict(), "now": now}
    return connection.execute(QUERIES["insert_contact"], values).fetchone()


def change(
    connection: Connection, site_id: UUID, contact_id: UUID, wanted: Mapping[str, str], *, now: datetime
) -> dict[str, Any]:
    """Set address and names and return the contact."""
    values = {**wanted, "site_id": site_id, "id": contact_id, "now": now}
    return one(connection.execute(QUERIES["change_contact"], values).fetchone())


def delete(connection: Connection, site_id: UUID, contact_id: UUID) -> None:
    """Take a contact away."""
    connection.execute(QUERIES["delete_contact"], {"site_id": site_id, "id": contact_id})


def read_page_of(database: Database, site_id: UUID, page: Page) -> tuple[list[dict[str, Any]], PagingMetadata]:
    """Return a page of contacts."""
    return read_page(database, QUERIES["query_contacts"], page, site_id)
