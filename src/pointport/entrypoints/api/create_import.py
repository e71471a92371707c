"""POST /v1/loyalty-imports: an import of an uploaded file (contract.md 2.3)."""

from typing import Any

from fastapi import APIRouter

from pointport.entrypoints.api import bodies, wire
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.context import TheApp
from pointport.errors import InvalidRequest, Violation
from pointport.imports import steps

router = APIRouter()


@router.post("/v1/loyalty-imports")
def create_import(body: bodies.CreateImport, app: TheApp, who: Importer) -> dict[str, Any]:
    """Make the import and have its file parsed."""
    bytes_max = app.settings.upload_bytes_max
    if body.file_size is not None and body.file_size > bytes_max:
        raise InvalidRequest(
            Violation(
                "fileSize", f"is more than the {bytes_max} bytes that a file may have", "MAX", {"threshold": bytes_max}
            )
        )
    made = steps.create(app, who.site_id, file_url=body.file_url, file_name=body.file_name, actor=who.actor)
    return {"loyaltyImport": wire.loyalty_import(made, app.clock())}
