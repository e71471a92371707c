"""POST /v1/loyalty-imports/query: a site's imports, filtered, sorted, page by page (contract.md 1.7 and 2.7)."""

from typing import Any

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.imports import steps
from pointport.plumbing.queries import CursorSigner, plan
from pointport.wire import imports as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class QueryImports(bodies.Body):
    """What to find, in the query language."""

    query: dict[str, Any] = bodies.query_of(wire.IMPORTS)


@router.post("/v1/loyalty-imports/query", response_model=wire.ImportsAnswer)
def query_imports(body: QueryImports, app: TheApp, who: Importer) -> Json:
    """Return a page of imports."""
    page = plan(wire.IMPORTS, body.query, CursorSigner(app.secret, who.site_id))
    found, paging = steps.query(app, who.site_id, page)
    now = app.clock()
    return {
        "loyaltyImports": [wire.loyalty_import(one, now) for one in found],
        "pagingMetadata": paging,
    }
