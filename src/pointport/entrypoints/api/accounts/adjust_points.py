"""POST /v1/accounts/{accountId}/adjust-points: a balance set or changed by hand (contract.md 6.2)."""

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.accounts.account_bodies import AccountId, Again, Change, Description
from pointport.entrypoints.api.auth import AccountWriter
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import Conflict, NotFound, PreconditionFailed
from pointport.ledger import postings
from pointport.ledger.postings import Adjustment
from pointport.wire import accounts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class AdjustPoints(Change, Again):
    """The balance to set, or else the amount to add; with both the balance counts, and the amount is passed over."""

    description: Description | None = None
    revision: bodies.Revision | None = None


@router.post(
    "/v1/accounts/{accountId}/adjust-points",
    response_model=wire.PostingAnswer,
    responses=can_fail(Conflict, NotFound, PreconditionFailed),
)
def adjust_points(account_id: AccountId, body: AdjustPoints, app: TheApp, who: AccountWriter) -> Json:
    """Set or change a balance; one that is that already stays, without an entry."""
    bodies.refuse_contradiction("accountId", account_id, body.account_id)
    adjustment = Adjustment(body.balance, body.amount, body.description or "", body.revision)
    account, entry_id = postings.adjust(
        app.database,
        who.site_id,
        account_id,
        adjustment,
        points_max=app.settings.points_max,
        actor=who.actor,
        now=app.clock(),
    )
    return {"account": wire.account(account)} | ({"transactionId": str(entry_id)} if entry_id else {})
