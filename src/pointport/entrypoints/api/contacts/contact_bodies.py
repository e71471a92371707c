"""What is said of a contact, in create and update alike (contract.md 6.5)."""

from typing import Annotated

from pydantic import Field, StrictBool, StrictStr

from pointport.entrypoints.api import bodies
from pointport.ledger.contacts import NAME_CHARACTERS_MAX
from pointport.ledger.customers import Details

ADDRESS_CHARACTERS_MAX = 1_000

NamePart = Annotated[StrictStr, Field(max_length=NAME_CHARACTERS_MAX), bodies.STORABLE]


class NameDetails(bodies.Body):
    """A name, or a part of it."""

    first: NamePart | None = None
    last: NamePart | None = None


class EmailDetails(bodies.Body):
    """An e-mail address; how it is tagged is not kept."""

    email: Annotated[
        StrictStr, Field(max_length=ADDRESS_CHARACTERS_MAX, json_schema_extra={"format": "email"}), bodies.STORABLE
    ]
    tag: StrictStr | None = None
    primary: StrictBool | None = None


class EmailsDetails(bodies.Body):
    """The addresses: a contact here has exactly one."""

    items: Annotated[list[EmailDetails], Field(min_length=1, max_length=1)]


class ContactDetails(bodies.Body):
    """What is said of a contact."""

    name: NameDetails | None = None
    emails: EmailsDetails | None = None

    def details(self) -> Details:
        """Return it as the ledger takes it."""
        name = self.name or NameDetails()
        return Details(
            email=self.emails.items[0].email if self.emails else None, first_name=name.first, last_name=name.last
        )
