"""Contacts one at a time: what a program may do with them (contract.md 6.5), each in one transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation

from pointport.errors import Conflict, InvalidRequest, NotFound, Violation
from pointport.ledger import accounts, contacts
from pointport.ledger.addresses import normal_form
from pointport.ledger.contacts import NewContact
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.pool import Database
from pointport.plumbing.queries import Page, PagingMetadata
from pointport.plumbing.sites import sites

EMAIL_FIELD = "info.emails.items[0].email"

Row = dict[str, Any]


@dataclass(frozen=True)
class Details:
    """What is said of a contact; None for what is not said."""

    email: str | None
    first_name: str | None
    last_name: str | None


def find(database: Database, site_id: UUID, contact_id: UUID) -> Row:
    """Return a contact. Raises NotFound."""
    with database.transaction(site_id) as connection:
        return _found(contacts.find_by_id(connection, site_id, contact_id), contact_id)


def query(database: Database, site_id: UUID, page: Page) -> tuple[list[Row], PagingMetadata]:
    """Return a page of contacts."""
    return contacts.read_page_of(database, site_id, page)


def create(
    database: Database, site_id: UUID, details: Details, *, allow_duplicates: bool, actor: str, now: datetime
) -> Row:
    """Add a contact.

    An address that is known is a Conflict; with `allow_duplicates` its contact takes over the names that are given, since
    two contacts never share an address here. Raises InvalidRequest for what is no address.
    """
    email = _normal(details.email)
    named = NewContact(email, details.first_name or "", details.last_name or "")
    with database.transaction(site_id) as connection:
        made = contacts.insert(connection, site_id, new_id(), named, now=now)
        if made is not None:
            sites.note(connection, site_id, actor=actor, action="contact.create", subject_id=made["id"], now=now)
            return made
        if not allow_duplicates:
            raise Conflict(f"there is a contact with the e-mail address {email!r} already")
        if contacts.merge(connection, site_id, [named], now=now).changed:
            known = contacts.find(connection, site_id, email)
            sites.note(connection, site_id, actor=actor, action="contact.update", subject_id=known["id"], now=now)
        return contacts.find(connection, site_id, email)


def update(
    database: Database,
    site_id: UUID,
    contact_id: UUID,
    details: Details,
    *,
    revision: int,
    actor: str,
    now: datetime,
) -> Row:
    """Change what is said of a contact and leave the rest.

    Raises NotFound, InvalidRequest for what is no address, Conflict for an address that another contact has and when the
    contact has changed since `revision`.
    """
    email = _normal(details.email) if details.email is not None else None
    with database.transaction(site_id) as connection:
        known = _found(contacts.lock(connection, site_id, contact_id), contact_id)
        refuse_stale(known["revision"], revision)
        wanted = {
            "email": email if email is not None else known["email"],
            "first_name": details.first_name if details.first_name is not None else known["first_name"],
            "last_name": details.last_name if details.last_name is not None else known["last_name"],
        }
        if all(known[name] == value for name, value in wanted.items()):
            return known
        try:
            with connection.transaction():
                changed = contacts.change(connection, site_id, contact_id, wanted, now=now)
        except UniqueViolation as error:
            raise Conflict(f"there is another contact with the e-mail address {email!r}") from error
        sites.note(connection, site_id, actor=actor, action="contact.update", subject_id=contact_id, now=now)
    return changed


def delete(database: Database, site_id: UUID, contact_id: UUID, *, actor: str, now: datetime) -> None:
    """Take a contact away. Raises NotFound; Conflict while it has an account, whose entries are never taken away."""
    with database.transaction(site_id) as connection:
        # Held first: an import that makes an account locks the contact too, so either it comes first and its account is
        # seen below, or it waits and finds no contact.
        _found(contacts.lock_for_deletion(connection, site_id, contact_id), contact_id)
        if accounts.find(connection, site_id, contact_id) is not None:
            raise Conflict(
                "the contact has a loyalty account, and what stands in the ledger stays; set its balance to 0 instead",
                code="CONTACT_HAS_ACCOUNT",
                data={"accountId": str(contact_id)},
            )
        contacts.delete(connection, site_id, contact_id)
        sites.note(connection, site_id, actor=actor, action="contact.delete", subject_id=contact_id, now=now)


def refuse_stale(current: int, sent: int) -> None:
    """Raise Conflict unless the revision that was sent is the current one."""
    if current != sent:
        raise Conflict(
            "entity has already changed since the requested revision",
            code="INVALID_REVISION",
            data={"currentRevision": str(current)},
        )


def _normal(email: str | None) -> str:
    normal = normal_form(email or "")
    if normal is None:
        raise InvalidRequest(Violation(EMAIL_FIELD, "must be an e-mail address", "FORMAT", {"type": "EMAIL"}))
    return normal


def _found(row: Row | None, contact_id: UUID) -> Row:
    if row is None:
        raise NotFound(f"there is no contact {contact_id}", code="CONTACT_NOT_FOUND")
    return row
