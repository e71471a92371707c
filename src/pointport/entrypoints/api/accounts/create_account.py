"""POST /v1/accounts: a loyalty account for a contact (contract.md 6.2)."""

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountWriter
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import Conflict, NotFound, PreconditionFailed
from pointport.ledger import postings
from pointport.wire import accounts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class CreateAccount(bodies.Body):
    """Whose account."""

    contact_id: bodies.Guid


@router.post(
    "/v1/accounts", response_model=wire.AccountAnswer, responses=can_fail(Conflict, NotFound, PreconditionFailed)
)
def create_account(body: CreateAccount, app: TheApp, who: AccountWriter) -> Json:
    """Make an account with no points for a contact; its id is the contact's."""
    made = postings.create_account(app.database, who.site_id, body.contact_id, actor=who.actor, now=app.clock())
    return {"account": wire.account(made)}
