"""POST and GET /v1/loyalty-imports/preview: what an import would do, applied nowhere (design.md 8)."""

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.imports.chosen import ChosenOptions, HeaderMappingInfo, columns, refuse_unknown_columns
from pointport.entrypoints.api.imports.get_import import ImportId
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound, PreconditionFailed
from pointport.imports import previews, steps
from pointport.imports.runs import Kind
from pointport.wire import previews as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class PreviewImport(bodies.Body):
    """What execute would be told."""

    loyalty_import_id: bodies.Guid
    header_mapping_info: HeaderMappingInfo
    options: ChosenOptions | None = None


@router.post(
    "/v1/loyalty-imports/preview", response_model=wire.PreviewAnswer, responses=can_fail(NotFound, PreconditionFailed)
)
def preview_import(body: PreviewImport, app: TheApp, who: Importer) -> Json:
    """Have the import previewed with the chosen columns and options; ask for the result with GET."""
    chosen = columns(body.header_mapping_info)
    found = steps.find(app, who.site_id, body.loyalty_import_id)
    if found.header is not None:
        refuse_unknown_columns(body.header_mapping_info, found.header)
    options = (body.options or ChosenOptions()).options()
    begun = previews.begin(app, who.site_id, found.id, columns=chosen, options=options, actor=who.actor)
    return {"preview": wire.preview(begun)}


@router.get("/v1/loyalty-imports/preview", response_model=wire.PreviewAnswer, responses=can_fail(NotFound))
def get_preview(import_id: ImportId, app: TheApp, who: Importer) -> Json:
    """Return the import's newest preview, with its result once it is DONE."""
    return {"preview": wire.preview(previews.find(app, who.site_id, import_id, Kind.PREVIEW))}
