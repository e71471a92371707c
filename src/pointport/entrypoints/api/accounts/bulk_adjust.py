"""POST /v1/accounts/bulk-adjust: many balances set or changed, in the background (contract.md 6.2)."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import ConfigDict, Field, model_validator

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountWriter
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import PreconditionFailed
from pointport.ledger import adjusting
from pointport.ledger.adjusting import Wish
from pointport.plumbing.queries import plan_filter
from pointport.wire import accounts as wire
from pointport.wire.base import Json

router = APIRouter()


class BulkAdjust(bodies.Body):
    """The balance to set, or else the amount to add, and for which accounts; sort and paging have no meaning here."""

    model_config = ConfigDict(json_schema_extra=bodies.one_of("balance", "amount"))

    balance: Annotated[bodies.Integer, Field(ge=0, le=999_999_999)] | None = None
    amount: (
        Annotated[
            bodies.Integer, Field(ge=-9_999_999, le=9_999_999, json_schema_extra={"not": {"const": 0}}), bodies.NOT_ZERO
        ]
        | None
    ) = None
    search: dict[str, Any] | None = bodies.search_of(wire.ACCOUNTS)

    @model_validator(mode="after")
    def _says_what(self) -> "BulkAdjust":
        bodies.require_one(self, "balance", "amount")
        return self


@router.post("/v1/accounts/bulk-adjust", response_model=wire.AsyncJobAnswer, responses=can_fail(PreconditionFailed))
def bulk_adjust(body: BulkAdjust, app: TheApp, who: AccountWriter) -> Json:
    """Have a worker set or change the balances of the accounts that filter and free text choose; without any, of all."""
    search = body.search or {}
    chosen, text = search.get("filter") or {}, search.get("search") or {}
    plan_filter(wire.ACCOUNTS, chosen, text, path="search.")  # What is wrong with them is said now, not by the job.
    wish = Wish(body.balance, body.amount, chosen, text)
    job_id = adjusting.begin(app.database, who.site_id, wish, actor=who.actor, now=app.clock())
    return {"asyncJobId": str(job_id)}
