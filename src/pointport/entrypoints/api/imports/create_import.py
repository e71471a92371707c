"""POST /v1/loyalty-imports: an import of an uploaded file (contract.md 2.3)."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StrictStr

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import InvalidRequest, NotFound, Violation
from pointport.imports import steps
from pointport.wire import imports as wire
from pointport.wire.base import Json

router = APIRouter()

FILE_NAME_CHARACTERS_MAX = 1_000


class CreateImport(bodies.Body):
    """The path of an uploaded file, and what its owner calls it."""

    file_url: bodies.FilePath
    file_name: Annotated[StrictStr, Field(max_length=FILE_NAME_CHARACTERS_MAX), bodies.STORABLE] | None = None
    file_size: Annotated[bodies.Integer, Field(ge=0), bodies.at_most("upload_bytes_max")] | None = None


@router.post("/v1/loyalty-imports", response_model=wire.ImportAnswer, responses=can_fail(NotFound))
def create_import(body: CreateImport, app: TheApp, who: Importer) -> Json:
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
