"""GET /v1/loyalty-transactions/{loyaltyTransactionId}: one entry of the ledger (contract.md 6.3)."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound
from pointport.ledger import statements
from pointport.wire import transactions as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)

NAME = "loyaltyTransactionId"


@router.get(f"/v1/loyalty-transactions/{{{NAME}}}", response_model=wire.TransactionAnswer, responses=can_fail(NotFound))
def get_transaction(
    entry_id: Annotated[bodies.Guid, Path(alias=NAME)],
    app: TheApp,
    who: AccountReader,
    # The SDK says it twice (contract.md 1.2).
    again: Annotated[bodies.Guid | None, Query(alias=NAME, include_in_schema=False)] = None,
) -> Json:
    """Return an entry of the ledger, with what it is about."""
    bodies.refuse_contradiction(NAME, entry_id, again)
    return {"loyaltyTransaction": wire.transaction(statements.transaction(app.database, who.site_id, entry_id))}
