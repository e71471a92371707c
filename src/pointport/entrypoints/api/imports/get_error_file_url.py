"""GET /v1/loyalty-imports/error-file-download-url: where the failed rows can be had (contract.md 2.6)."""

from fastapi import APIRouter, Request

from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp, base_url
from pointport.entrypoints.api.imports.get_import import ImportId
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound
from pointport.imports import steps
from pointport.plumbing.objects.tickets import Ticket
from pointport.wire.base import Json
from pointport.wire.imports import ErrorFileUrlAnswer

router = APIRouter(route_class=Call)


@router.get(
    "/v1/loyalty-imports/error-file-download-url", response_model=ErrorFileUrlAnswer, responses=can_fail(NotFound)
)
def get_error_file_url(request: Request, import_id: ImportId, app: TheApp, who: Importer) -> Json:
    """Return a signed URL that needs no key."""
    found = steps.find(app, who.site_id, import_id)
    if found.error_file_path is None:
        raise NotFound(f"import {import_id} has no error file", code="ERROR_FILE_NOT_FOUND")
    if found.erased_date is not None:
        raise NotFound(f"the error file of import {import_id} is kept no longer", code="ERROR_FILE_NOT_FOUND")
    name = found.file_name.removesuffix(".csv") + "-errors.csv"
    ticket = app.tickets.issue(Ticket("download", who.site_id, found.error_file_path, file_name=name))
    return {"url": f"{base_url(request, app)}/files/download/{ticket}"}
