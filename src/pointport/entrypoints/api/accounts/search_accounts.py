"""POST /v1/accounts/search: a query with free text in it (contract.md 6.2)."""

from typing import Any

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.accounts.account_bodies import plan_search
from pointport.entrypoints.api.auth import AccountReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.ledger import statements
from pointport.wire import accounts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class SearchAccounts(bodies.Body):
    """What to find: free text, which is looked for in names and addresses, beside a query."""

    search: dict[str, Any] | None = bodies.search_of(wire.ACCOUNTS)


@router.post("/v1/accounts/search", response_model=wire.FoundAccountsAnswer)
def search_accounts(body: SearchAccounts, app: TheApp, who: AccountReader) -> Json:
    """Return a page of the accounts found."""
    page = plan_search(body.search, app, who)
    rows, paging = statements.query_accounts(app.database, who.site_id, page)
    return {"accounts": [wire.account(row) for row in rows], "pagingMetadata": paging}
