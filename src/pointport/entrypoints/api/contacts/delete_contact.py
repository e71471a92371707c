"""DELETE /v4/contacts/{id}: a contact that has no account goes (contract.md 6.5)."""

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountWriter
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import Conflict, NotFound
from pointport.ledger import customers
from pointport.wire.base import Json, Nothing

router = APIRouter(route_class=Call)


@router.delete("/v4/contacts/{contactId}", response_model=Nothing, responses=can_fail(Conflict, NotFound))
def delete_contact(contact_id: bodies.ContactId, app: TheApp, who: AccountWriter) -> Json:
    """Take a contact away; one with a loyalty account stays, since the ledger does."""
    customers.delete(app.database, who.site_id, contact_id, actor=who.actor, now=app.clock())
    return {}
