"""POST /v1/loyalty-imports/cancel: stop a running import between two chunks (design.md 8)."""

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound, PreconditionFailed
from pointport.imports import steps
from pointport.wire import imports as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class CancelImport(bodies.Body):
    """Which import."""

    loyalty_import_id: bodies.Guid


@router.post(
    "/v1/loyalty-imports/cancel", response_model=wire.ImportAnswer, responses=can_fail(NotFound, PreconditionFailed)
)
def cancel_import(body: CancelImport, app: TheApp, who: Importer) -> Json:
    """Have the import stop; it is FAILED with the reason CANCELLED a moment later, and what was applied stays."""
    found = steps.cancel(app, who.site_id, body.loyalty_import_id, actor=who.actor)
    return {"loyaltyImport": wire.loyalty_import(found, app.clock())}
