"""POST /v1/loyalty-transactions/query: a site's entries, filtered, sorted, page by page (contract.md 1.7 and 6.3)."""

from typing import Any

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.ledger import statements
from pointport.plumbing.queries import CursorSigner, plan
from pointport.wire import transactions as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class QueryTransactions(bodies.Body):
    """What to find, in the query language."""

    query: dict[str, Any] = bodies.query_of(wire.TRANSACTIONS)


@router.post("/v1/loyalty-transactions/query", response_model=wire.TransactionsAnswer)
def query_transactions(body: QueryTransactions, app: TheApp, who: AccountReader) -> Json:
    """Return a page of entries."""
    page = plan(wire.TRANSACTIONS, body.query, CursorSigner(app.secret, who.site_id))
    rows, paging = statements.query_transactions(app.database, who.site_id, page)
    return {"loyaltyTransactions": [wire.transaction(row) for row in rows], "pagingMetadata": paging}
