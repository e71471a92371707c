"""POST /v1/accounts/count: how many accounts a filter and free text choose (contract.md 6.2)."""

from typing import Any

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.ledger import statements
from pointport.plumbing.queries import plan_filter
from pointport.wire import accounts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class CountAccounts(bodies.Body):
    """Which accounts; without anything, all."""

    filter: dict[str, Any] | None = bodies.filter_of(wire.ACCOUNTS)
    search: dict[str, Any] | None = bodies.text_of(wire.ACCOUNTS)


@router.post("/v1/accounts/count", response_model=wire.CountAnswer)
def count_accounts(app: TheApp, who: AccountReader, body: CountAccounts | None = None) -> Json:
    """Return how many accounts there are."""
    asked = body or CountAccounts()
    where, parameters = plan_filter(wire.ACCOUNTS, asked.filter, asked.search)
    return {"count": statements.count_accounts(app.database, who.site_id, where, parameters)}
