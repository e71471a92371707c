"""GET /v1/accounts/{id}: one account (contract.md 6.2)."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound
from pointport.ledger import statements
from pointport.wire import accounts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


@router.get("/v1/accounts/{id}", response_model=wire.AccountAnswer, responses=can_fail(NotFound))
def get_account(
    account_id: Annotated[bodies.Guid, Path(alias="id")],
    app: TheApp,
    who: AccountReader,
    # The SDK says it twice (contract.md 1.2).
    again: Annotated[bodies.Guid | None, Query(alias="id", include_in_schema=False)] = None,
) -> Json:
    """Return an account."""
    bodies.refuse_contradiction("id", account_id, again)
    return {"account": wire.account(statements.account(app.database, who.site_id, account_id))}
