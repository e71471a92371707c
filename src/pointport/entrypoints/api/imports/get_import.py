"""GET /v1/loyalty-imports?loyaltyImportId=: one import (contract.md 2.4)."""

from typing import Annotated

from fastapi import APIRouter, Query

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound
from pointport.imports import steps
from pointport.wire import imports as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)

ImportId = Annotated[bodies.Guid, Query(alias="loyaltyImportId")]


@router.get("/v1/loyalty-imports", response_model=wire.ImportAnswer, responses=can_fail(NotFound))
def get_import(import_id: ImportId, app: TheApp, who: Importer) -> Json:
    """Return the import as it is now."""
    return {"loyaltyImport": wire.loyalty_import(steps.find(app, who.site_id, import_id), app.clock())}
