"""POST /v1/accounts/query: a site's accounts, filtered, sorted, page by page (contract.md 1.7 and 6.2)."""

from typing import Any

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.ledger import statements
from pointport.plumbing.queries import CursorSigner, plan
from pointport.wire import accounts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class QueryAccounts(bodies.Body):
    """What to find, in the query language."""

    query: dict[str, Any] = bodies.query_of(wire.ACCOUNTS)


@router.post("/v1/accounts/query", response_model=wire.QueriedAccountsAnswer)
def query_accounts(body: QueryAccounts, app: TheApp, who: AccountReader) -> Json:
    """Return a page of accounts."""
    page = plan(wire.ACCOUNTS, body.query, CursorSigner(app.secret, who.site_id))
    rows, paging = statements.query_accounts(app.database, who.site_id, page)
    return {"loyaltyAccounts": [wire.account(row) for row in rows], "pagingMetadata": paging}
