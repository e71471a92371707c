"""POST /v1/loyalty-imports: an import of an uploaded file (contract.md 2.3)."""

from collections.abc import Callable, Collection
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, Field, StrictStr
from pydantic_core import PydanticCustomError

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.idempotency import IdempotencyKey, keyed
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import InvalidRequest, NotFound, Violation
from pointport.imports import steps
from pointport.imports.reading.encoding import NAMES, known
from pointport.imports.reading.overrides import DELIMITERS, QUOTES, SHEET_CHARACTERS_MAX
from pointport.imports.shapes import Reading
from pointport.wire import imports as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)

FILE_NAME_CHARACTERS_MAX = 1_000
HEADING_LINE_MAX = 1_000
"""A heading further down would be looked for in vain: only the beginning of a file is."""


def _known_encoding(name: str) -> str:
    found = known(name)
    if found is None:
        raise PydanticCustomError("INVALID_ENUM_VALUE", "must be one of {known}", {"known": ", ".join(NAMES)})
    return found


def _among(allowed: Collection[str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in tuple(allowed):
            raise PydanticCustomError("INVALID_ENUM_VALUE", "must be one of {known}", {"known": " ".join(allowed)})
        return text

    return check


EncodingName = Annotated[StrictStr, Field(json_schema_extra={"enum": list(NAMES)}), AfterValidator(_known_encoding)]
Delimiter = Annotated[
    StrictStr, Field(json_schema_extra={"enum": list(DELIMITERS)}), AfterValidator(_among(DELIMITERS))
]
Quote = Annotated[StrictStr, Field(json_schema_extra={"enum": list(QUOTES)}), AfterValidator(_among(QUOTES))]
SheetName = Annotated[StrictStr, Field(min_length=1, max_length=SHEET_CHARACTERS_MAX), bodies.STORABLE]


class HowItIsRead(bodies.Body):
    """How the file is written, where its owner knows better than what would be found out."""

    encoding: EncodingName | None = None
    delimiter: Delimiter | None = None
    quote: Quote | None = None
    heading_line: Annotated[bodies.Integer, Field(ge=0, le=HEADING_LINE_MAX)] | None = None
    sheet: SheetName | None = None

    def reading(self) -> Reading:
        """Return it as the reader takes it."""
        return Reading(self.encoding, self.delimiter, self.quote, self.heading_line, self.sheet)


class CreateImport(bodies.Body):
    """The path of an uploaded file, and what its owner calls it."""

    file_url: bodies.FilePath
    file_name: Annotated[StrictStr, Field(max_length=FILE_NAME_CHARACTERS_MAX), bodies.STORABLE] | None = None
    file_size: Annotated[bodies.Integer, Field(ge=0), bodies.at_most("upload_bytes_max")] | None = None
    pointport: HowItIsRead | None = None


@router.post("/v1/loyalty-imports", response_model=wire.ImportAnswer, responses=can_fail(NotFound))
def create_import(body: CreateImport, app: TheApp, who: Importer, key: IdempotencyKey = None) -> Json:
    """Make the import and have its file parsed."""
    bytes_max = app.settings.upload_bytes_max
    if body.file_size is not None and body.file_size > bytes_max:
        raise InvalidRequest(
            Violation(
                "fileSize", f"is more than the {bytes_max} bytes that a file may have", "MAX", {"threshold": bytes_max}
            )
        )
    made = steps.create(
        app,
        who.site_id,
        file_url=body.file_url,
        file_name=body.file_name,
        actor=who.actor,
        reading=(body.pointport or HowItIsRead()).reading(),
        keyed=keyed(key, "create_import", body),
    )
    return {"loyaltyImport": wire.loyalty_import(made, made.updated_date)}
