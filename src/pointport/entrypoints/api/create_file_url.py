"""POST /v1/loyalty-imports/wixmp-upload-url: a place to upload one file to (contract.md 2.1)."""

from typing import Any

from fastapi import APIRouter, Request

from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.context import TheApp, base_url
from pointport.imports import steps
from pointport.plumbing.objects.tickets import Ticket

router = APIRouter()


@router.post("/v1/loyalty-imports/wixmp-upload-url")
def create_file_url(request: Request, app: TheApp, who: Importer) -> dict[str, Any]:
    """Return a file path and the signed URL to PUT its bytes to."""
    path = steps.create_slot(who.site_id)
    ticket = app.tickets.issue(Ticket("upload", who.site_id, path))
    return {"filePath": path, "uploadUrl": f"{base_url(request, app)}/files/upload/{ticket}"}
