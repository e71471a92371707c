"""PATCH /v4/contacts/{id}: another address or name (contract.md 6.5)."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountWriter
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.contacts.contact_bodies import ContactDetails
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import Conflict, NotFound
from pointport.ledger import customers
from pointport.wire import contacts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class UpdateContact(bodies.Body):
    """What is to change, and the revision of the contact that was looked at."""

    info: ContactDetails
    revision: Annotated[bodies.Integer, Field(ge=1)]


@router.patch("/v4/contacts/{contactId}", response_model=wire.ContactAnswer, responses=can_fail(Conflict, NotFound))
def update_contact(contact_id: bodies.ContactId, body: UpdateContact, app: TheApp, who: AccountWriter) -> Json:
    """Change what is given and leave the rest."""
    changed = customers.update(
        app.database,
        who.site_id,
        contact_id,
        body.info.details(),
        revision=body.revision,
        actor=who.actor,
        now=app.clock(),
    )
    return {"contact": wire.contact(changed)}
