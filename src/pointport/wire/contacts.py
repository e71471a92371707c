"""The contact (contract.md 6.5): what programs need of Wix Contacts v4; and a load of many, as far as it is."""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pointport.imports.contact_file import Plan, State
from pointport.ledger.addresses import normal_form
from pointport.plumbing.queries import Field as QueryField
from pointport.plumbing.queries import Kind, PagingMetadata, Resource, Sort
from pointport.wire.base import Guid, Json, Timestamp, timestamp, without_none

CONTACTS = Resource(
    name="contacts",
    fields={
        "id": QueryField("contact.id", Kind.GUID),
        "createdDate": QueryField("contact.created_date", Kind.TIMESTAMP),
        # What is no address stays as it is, and is nobody's.
        "primaryInfo.email": QueryField("contact.email", Kind.TEXT, normal=lambda text: normal_form(text) or text),
        "info.name.first": QueryField("contact.first_name", Kind.TEXT, blank_is_missing=True),
        "info.name.last": QueryField("contact.last_name", Kind.TEXT, blank_is_missing=True),
    },
    id_field=QueryField("contact.id", Kind.GUID),
    default_sort=(Sort("createdDate", descending=True),),
)


class ContactName(TypedDict):
    """A name, as far as it is known."""

    first: NotRequired[str]
    last: NotRequired[str]


class ContactEmail(TypedDict):
    """An e-mail address."""

    id: Guid
    tag: str
    email: Annotated[str, Field(json_schema_extra={"format": "email"})]
    primary: bool


class ContactEmails(TypedDict):
    """The addresses of a contact: exactly one."""

    items: Annotated[list[ContactEmail], Field(min_length=1, max_length=1)]


class ContactInfo(TypedDict):
    """What is known of a contact."""

    name: ContactName
    emails: ContactEmails


class ContactPrimaryInfo(TypedDict):
    """Where to reach a contact."""

    email: str


class Contact(TypedDict):
    """A customer of the site, known by one e-mail address."""

    id: Guid
    revision: int
    createdDate: Timestamp
    updatedDate: Timestamp
    primaryInfo: ContactPrimaryInfo
    info: ContactInfo


class ContactAnswer(TypedDict):
    """One contact."""

    contact: Contact


class ContactsAnswer(TypedDict):
    """A page of contacts."""

    contacts: list[Contact]
    pagingMetadata: PagingMetadata


class LoadFailure(TypedDict):
    """A row of a file of contacts that is none."""

    line: int
    code: str
    message: str


class LoadColumns(TypedDict):
    """The headings of the columns that a load takes contacts from."""

    email: str
    firstName: NotRequired[str]
    lastName: NotRequired[str]


class ContactLoad(TypedDict):
    """How far a load of contacts is; the last of several has `done`."""

    columns: LoadColumns
    ignoredColumns: Annotated[list[str], Field(description="The headings of all others")]
    rows: Annotated[int, Field(description="Rows of the file so far")]
    rowsTotal: int
    created: int
    changed: int
    unchanged: int
    failed: int
    failures: Annotated[list[LoadFailure], Field(description="The first of the failed")]
    done: bool


def contact(found: Mapping[str, Any]) -> Json:
    """Return a contact."""
    return {
        "id": str(found["id"]),
        "revision": found["revision"],
        "createdDate": timestamp(found["created_date"]),
        "updatedDate": timestamp(found["updated_date"]),
        "primaryInfo": {"email": found["email"]},
        "info": {
            "name": without_none({"first": found["first_name"] or None, "last": found["last_name"] or None}),
            # An address has no id of its own here: there is one for each contact.
            "emails": {"items": [{"id": str(found["id"]), "tag": "MAIN", "email": found["email"], "primary": True}]},
        },
    }


def contact_load(plan: Plan, state: State) -> Json:
    """Return how far a load of contacts is, and from which columns."""
    used = {"email": plan.email, "firstName": plan.first_name, "lastName": plan.last_name}
    header = plan.learned.header
    return {
        "columns": {name: header[index] for name, index in used.items() if index is not None},
        "ignoredColumns": [heading for index, heading in enumerate(header) if index not in used.values()],
        "rows": state.rows,
        "rowsTotal": state.rows_total,
        "created": state.created,
        "changed": state.changed,
        "unchanged": state.rows - state.created - state.changed - state.failed,
        "failed": state.failed,
        "failures": [{"line": line, "code": code, "message": told} for line, code, told in state.failures],
        "done": state.done,
    }
