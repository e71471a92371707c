"""POST /v1/loyalty-imports/rows/query: what became of each row, filtered, page by page (design.md 8)."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound
from pointport.imports import steps
from pointport.imports.outcomes import Whose
from pointport.plumbing.queries import CursorSigner
from pointport.wire import rows as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class QueryRows(bodies.Body):
    """Whose rows to find, and which, in the query language."""

    loyalty_import_id: bodies.Guid
    of: Annotated[
        Whose,
        Field(
            description="The import's own rows, those of its newest preview, of its undo, or of the newest preview of that"
        ),
    ] = Whose.IMPORT
    query: dict[str, Any] = bodies.query_of(wire.ROWS)


@router.post("/v1/loyalty-imports/rows/query", response_model=wire.RowsAnswer, responses=can_fail(NotFound))
def query_rows(body: QueryRows, app: TheApp, who: Importer) -> Json:
    """Return a page of rows, in the order of the file."""
    rows = steps.find_rows(app, who.site_id, body.loyalty_import_id, body.of)
    pages = wire.plan_rows(rows, body.query, CursorSigner(app.secret, who.site_id))
    found, paging = steps.query_rows(app, rows, pages)
    return {"rows": [wire.row(one) for one in found], "pagingMetadata": paging}
