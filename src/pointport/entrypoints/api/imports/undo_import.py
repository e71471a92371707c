"""POST /v1/loyalty-imports/undo and undo-preview: take back what an import did (design.md 8)."""

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.imports.get_import import ImportId
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound, PreconditionFailed
from pointport.imports import previews, undo
from pointport.imports.applying import WhenNegative
from pointport.imports.runs import Kind
from pointport.wire import imports
from pointport.wire import previews as wire
from pointport.wire.base import Json
from pointport.wire.imports import PolicyName

router = APIRouter(route_class=Call)


class UndoImport(bodies.Body):
    """Which import, and what becomes of points that are spent: left as they are, or taken back as far as there are any."""

    loyalty_import_id: bodies.Guid
    policy: PolicyName = "SKIP"


@router.post(
    "/v1/loyalty-imports/undo", response_model=imports.ImportAnswer, responses=can_fail(NotFound, PreconditionFailed)
)
def undo_import(body: UndoImport, app: TheApp, who: Importer) -> Json:
    """Have the import taken back: every entry gets its counterpart, as far as that is right."""
    begun = undo.begin(
        app, who.site_id, body.loyalty_import_id, when_negative=WhenNegative(body.policy), actor=who.actor
    )
    return {"loyaltyImport": imports.loyalty_import(begun, app.clock())}


@router.post(
    "/v1/loyalty-imports/undo-preview",
    response_model=wire.PreviewAnswer,
    responses=can_fail(NotFound, PreconditionFailed),
)
def preview_undo(body: UndoImport, app: TheApp, who: Importer) -> Json:
    """Have the undo previewed; ask for the result with GET."""
    begun = previews.begin_of_undo(
        app, who.site_id, body.loyalty_import_id, when_negative=WhenNegative(body.policy), actor=who.actor
    )
    return {"preview": wire.preview(begun)}


@router.get("/v1/loyalty-imports/undo-preview", response_model=wire.PreviewAnswer, responses=can_fail(NotFound))
def get_undo_preview(import_id: ImportId, app: TheApp, who: Importer) -> Json:
    """Return the newest preview of the import's undo, with its result once it is DONE."""
    return {"preview": wire.preview(previews.find(app, who.site_id, import_id, Kind.UNDO_PREVIEW))}
