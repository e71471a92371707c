"""POST /v1/accounts/bulk-adjust: many balances set or changed, in the background (contract.md 6.2)."""

from typing import Any

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.accounts.account_bodies import Change, plan_search
from pointport.entrypoints.api.auth import AccountWriter
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import PreconditionFailed
from pointport.ledger import adjusting
from pointport.ledger.adjusting import Wish
from pointport.wire import accounts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class BulkAdjust(Change):
    """The balance to set, or else the amount to add, and for which accounts; sort and paging have no meaning here."""

    search: dict[str, Any] | None = bodies.search_of(wire.ACCOUNTS)


@router.post("/v1/accounts/bulk-adjust", response_model=wire.AsyncJobAnswer, responses=can_fail(PreconditionFailed))
def bulk_adjust(body: BulkAdjust, app: TheApp, who: AccountWriter) -> Json:
    """Have a worker set or change the balances of the accounts that filter and free text choose; without any, of all."""
    # What is wrong with the search is said now, not by the job. One that goes on behind a cursor means all that the
    # cursor's own search finds, as it stands in the cursor.
    found = plan_search(body.search, app, who).cursor
    wish = Wish(body.balance, body.amount, found.filter, found.search or {})
    job_id = adjusting.begin(app.database, who.site_id, wish, actor=who.actor, now=app.clock())
    return {"asyncJobId": str(job_id)}
