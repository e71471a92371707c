"""GET /v1/accounts/fetch-by: the account of a contact or member (contract.md 6.2)."""

from typing import Annotated

from fastapi import APIRouter, Query

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import InvalidRequest, NotFound, Violation
from pointport.ledger import statements
from pointport.wire import accounts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)

MEMBER_ID_CHARACTERS_MAX = 50


@router.get("/v1/accounts/fetch-by", response_model=wire.AccountAnswer, responses=can_fail(NotFound))
def fetch_account(
    app: TheApp,
    who: AccountReader,
    contact_id: Annotated[bodies.Guid | None, Query(alias="contactId")] = None,
    member_id: Annotated[str | None, Query(alias="memberId", max_length=MEMBER_ID_CHARACTERS_MAX)] = None,
) -> Json:
    """Return the account of a contact, or of a member, of whom there are none here; exactly one of them is named."""
    if (contact_id is None) == (member_id is None):
        told = "is needed, or else memberId" if contact_id is None else "cannot stand beside memberId; name one of them"
        raise InvalidRequest(Violation("contactId", told, "REQUIRED_FIELD" if contact_id is None else "OTHER"))
    if contact_id is None:
        raise NotFound("contacts here are no site members; name the contact instead", code="ACCOUNT_NOT_FOUND")
    return {"account": wire.account(statements.account(app.database, who.site_id, contact_id))}
