"""POST /v1/loyalty-imports/retry: the failed rows of an import, corrected, once more (design.md 8)."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BeforeValidator, ConfigDict, Field, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.idempotency import IdempotencyKey, keyed
from pointport.entrypoints.api.imports.create_import import FILE_NAME_CHARACTERS_MAX
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import InvalidRequest, NotFound, PreconditionFailed, Violation
from pointport.imports import retries
from pointport.ledger.transactions import LINE_MAX
from pointport.wire import imports as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)

CELL_CHARACTERS_MAX = 320
"""As long as an e-mail address may be (RFC 3696, erratum 1690, and a little more)."""


def _as_text(value: Any) -> Any:
    """Take points as number or as text; which numbers are points is asked of the row."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError("FORMAT", "must be a whole number or text", {"type": "text"})
    return str(value)


CellText = Annotated[StrictStr, Field(max_length=CELL_CHARACTERS_MAX), bodies.STORABLE]
Points = Annotated[CellText, BeforeValidator(_as_text, json_schema_input_type=StrictInt | CellText)]


class CorrectedRow(bodies.Body):
    """What is right instead in a line of the import's file."""

    line: Annotated[bodies.Integer, Field(ge=1, le=LINE_MAX)]
    email: CellText | None = None
    points: Points | None = None

    def correction(self) -> retries.Correction:
        """Return it as the steps take it."""
        return retries.Correction(self.line, self.email, self.points)


class RetryImport(bodies.Body):
    """Which import, and either its error file, corrected and uploaded, or what is right instead, line by line."""

    model_config = ConfigDict(json_schema_extra=bodies.exactly_one_of(file_url="string", corrections="array"))

    loyalty_import_id: bodies.Guid
    file_url: bodies.FilePath | None = None
    file_name: Annotated[StrictStr, Field(max_length=FILE_NAME_CHARACTERS_MAX), bodies.STORABLE] | None = None
    corrections: Annotated[list[CorrectedRow], Field(min_length=1, max_length=retries.CORRECTIONS_MAX)] | None = None


@router.post(
    "/v1/loyalty-imports/retry", response_model=wire.ImportAnswer, responses=can_fail(NotFound, PreconditionFailed)
)
def retry_import(body: RetryImport, app: TheApp, who: Importer, key: IdempotencyKey = None) -> Json:
    """Make an import of the corrected rows, which is executed by itself as the one before it was."""
    once = keyed(key, "retry_import", body)
    if (body.file_url is None) == (body.corrections is None):
        raise InvalidRequest(Violation("fileUrl", "or corrections: one of them must be given, and not both", "OTHER"))
    if body.file_url is not None:
        made = retries.from_file(
            app,
            who.site_id,
            body.loyalty_import_id,
            file_url=body.file_url,
            file_name=body.file_name,
            actor=who.actor,
            keyed=once,
        )
    else:
        corrections = [row.correction() for row in body.corrections or ()]
        made = retries.from_corrections(
            app, who.site_id, body.loyalty_import_id, corrections=corrections, actor=who.actor, keyed=once
        )
    return {"loyaltyImport": wire.loyalty_import(made, made.updated_date)}
