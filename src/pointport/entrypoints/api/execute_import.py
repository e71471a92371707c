"""POST /v1/loyalty-imports/execute: apply a parsed file to the ledger (contract.md 2.5)."""

from typing import Any

from fastapi import APIRouter

from pointport.entrypoints.api import bodies, wire
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.context import TheApp
from pointport.imports import steps

router = APIRouter()


@router.post("/v1/loyalty-imports/execute")
def execute_import(body: bodies.ExecuteImport, app: TheApp, who: Importer) -> dict[str, Any]:
    """Set the import going with the chosen columns."""
    columns = bodies.columns(body.header_mapping_info)
    found = steps.find(app, who.site_id, body.loyalty_import_id)
    if found.header is not None:
        bodies.refuse_unknown_columns(body.header_mapping_info, found.header)
    begun = steps.execute(app, who.site_id, found.id, columns=columns, actor=who.actor)
    return {"loyaltyImport": wire.loyalty_import(begun, app.clock())}
