"""GET /v4/contacts/{id}: one contact (contract.md 6.5)."""

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound
from pointport.ledger import customers
from pointport.wire import contacts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


@router.get("/v4/contacts/{contactId}", response_model=wire.ContactAnswer, responses=can_fail(NotFound))
def get_contact(contact_id: bodies.ContactId, app: TheApp, who: AccountReader) -> Json:
    """Return a contact."""
    return {"contact": wire.contact(customers.find(app.database, who.site_id, contact_id))}
