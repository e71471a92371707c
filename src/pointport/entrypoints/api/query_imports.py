"""POST /v1/loyalty-imports/query: a site's imports, filtered, sorted, page by page (contract.md 1.7 and 2.7)."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from fastapi import APIRouter
from psycopg import sql

from pointport.entrypoints.api import bodies, wire
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.context import TheApp
from pointport.imports import steps
from pointport.imports.record import from_row
from pointport.plumbing.database.pool import Connection
from pointport.plumbing.queries import CursorSigner, finish, plan

router = APIRouter()


@router.post("/v1/loyalty-imports/query")
def query_imports(body: bodies.QueryImports, app: TheApp, who: Importer) -> dict[str, Any]:
    """Return a page of imports."""
    page = plan(wire.IMPORTS, body.query, CursorSigner(app.secret, who.site_id))

    def run(connection: Connection, statement: LiteralString) -> Sequence[Mapping[str, Any]]:
        composed = sql.SQL(statement).format(
            keys=page.key_columns, where=page.where, order_by=page.order_by, limit=sql.Placeholder("q_limit")
        )
        return connection.execute(composed, {**page.parameters, "site_id": who.site_id}).fetchall()

    rows, paging = finish(page, steps.query(app, who.site_id, run))
    now = app.clock()
    return {
        "loyaltyImports": [wire.loyalty_import(from_row(row), now) for row in rows],
        "pagingMetadata": paging,
    }
