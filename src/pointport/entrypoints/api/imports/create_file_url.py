"""POST /v1/loyalty-imports/wixmp-upload-url: a place to upload one file to (contract.md 2.1)."""

from uuid import UUID

from fastapi import APIRouter, Request

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp, base_url
from pointport.imports import steps
from pointport.plumbing.objects.tickets import Ticket
from pointport.wire.base import Json
from pointport.wire.imports import FileUrlAnswer

router = APIRouter(route_class=Call)


@router.post(
    "/v1/loyalty-imports/wixmp-upload-url", response_model=FileUrlAnswer, dependencies=[bodies.WITHOUT_MEMBERS]
)
def create_file_url(request: Request, app: TheApp, who: Importer) -> Json:
    """Return a file path and the signed URL to PUT its bytes to."""
    return upload_slot(request, app, who.site_id, app.settings.upload_bytes_max)


def upload_slot(request: Request, app: TheApp, site_id: UUID, bytes_max: int) -> Json:
    """Return the path and the upload URL of a new slot for a file of so many bytes at the most."""
    path = steps.create_slot(site_id)
    ticket = app.tickets.issue(Ticket("upload", site_id, path, bytes_max))
    return {"filePath": path, "uploadUrl": f"{base_url(request, app)}/files/upload/{ticket}"}
