"""POST /v4/contacts: a new contact (contract.md 6.5)."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BeforeValidator, ConfigDict, Field, StrictBool
from pydantic_core import PydanticCustomError

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountWriter
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.contacts.contact_bodies import ContactDetails, EmailsDetails
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import Conflict
from pointport.ledger import customers
from pointport.wire import contacts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


def _not_absent(emails: Any) -> Any:
    if emails is None:
        told = "is missing: a contact here is known by its e-mail address, so it needs one"
        raise PydanticCustomError("REQUIRED_FIELD", told)
    return emails


class NewContactDetails(ContactDetails):
    """What is said of a new contact: its address at least."""

    model_config = ConfigDict(json_schema_extra={"required": ["emails"]})

    # Not required as far as pydantic knows, which would only say that it is missing: elsewhere a name is enough.
    emails: Annotated[EmailsDetails, BeforeValidator(_not_absent)] = Field(
        default_factory=lambda: None, validate_default=True
    )


class CreateContact(bodies.Body):
    """A contact; with `allowDuplicates` one whose address is known is brought up to date instead."""

    info: NewContactDetails
    allow_duplicates: StrictBool = False


@router.post("/v4/contacts", response_model=wire.ContactAnswer, responses=can_fail(Conflict))
def create_contact(body: CreateContact, app: TheApp, who: AccountWriter) -> Json:
    """Add a contact, known by its one e-mail address."""
    made = customers.create(
        app.database,
        who.site_id,
        body.info.details(),
        allow_duplicates=body.allow_duplicates,
        actor=who.actor,
        now=app.clock(),
    )
    return {"contact": wire.contact(made)}
