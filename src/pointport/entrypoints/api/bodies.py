"""What the bodies of requests hold: the contract's, and ours (contract.md 1.5, 2)."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, LiteralString
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    model_validator,
)
from pydantic_core import PydanticCustomError

from pointport.errors import InvalidRequest, Violation
from pointport.imports.shapes import Mapping as Columns
from pointport.plumbing.queries.values import shown


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class Request(BaseModel):
    """A request body. Unknown members are ignored, and `null` is the same as absent (contract.md 1.2, 1.5)."""

    model_config = ConfigDict(alias_generator=_camel, populate_by_name=False, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, body: Any) -> Any:
        if isinstance(body, Mapping):
            return {name: value for name, value in body.items() if value is not None}
        return body


def _guid(value: Any) -> UUID:
    """Read a GUID in the one form that ids have (contract.md 1.5), whatever its case."""
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not GUID.fullmatch(value):
        # The value last: what braces it has are then no longer filled in.
        told = {"type": "GUID", "value": shown(str(value))}
        raise PydanticCustomError("FORMAT", "value '{value}' is not a valid GUID", told)
    return UUID(value)


def _storable(text: str) -> str:
    """Pass on what PostgreSQL can hold as text; Python's JSON reads more."""
    if UNSTORABLE.search(text):
        raise PydanticCustomError("FORMAT", "must not hold NUL characters or lone surrogates", {"type": "text"})
    return text


def _two(items: Any) -> Any:
    if isinstance(items, list) and len(items) != MAPPINGS:
        rule: LiteralString = "MIN_SIZE" if len(items) < MAPPINGS else "MAX_SIZE"
        raise PydanticCustomError(rule, "must contain exactly {threshold} items", {"threshold": MAPPINGS})
    return items


GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
MAPPINGS = 2
FILE_NAME_CHARACTERS_MAX = 1_000

Guid = Annotated[UUID, BeforeValidator(_guid)]
Text = Annotated[StrictStr, AfterValidator(_storable)]
FileName = Annotated[StrictStr, Field(max_length=FILE_NAME_CHARACTERS_MAX), AfterValidator(_storable)]


class CreateImport(Request):
    """Create import (contract.md 2.3)."""

    file_url: Text
    file_name: FileName | None = None
    file_size: Annotated[StrictInt, Field(ge=0)] | None = None


class ColumnName(StrEnum):
    """What a column may be mapped to."""

    EMAIL = "EMAIL"
    POINTS = "POINTS"


class HeaderMapping(Request):
    """One column's meaning."""

    column_name: ColumnName
    column_index: Annotated[StrictInt, Field(ge=0)] = 0


class HeaderMappingInfo(Request):
    """Which columns are which: exactly one EMAIL and one POINTS, in any order."""

    header_mappings: Annotated[list[HeaderMapping], BeforeValidator(_two)]


class ExecuteImport(Request):
    """Execute import (contract.md 2.5)."""

    loyalty_import_id: Guid
    header_mapping_info: HeaderMappingInfo


class QueryImports(Request):
    """Query imports (contract.md 2.7); what is in the query is read by `plumbing/queries`."""

    query: dict[str, Any]


class CreateSite(Request):
    """Create a site: its name, and whether it is meant when no site is named."""

    name: Text
    default: bool = False


class CreateKey(Request):
    """Create an API key for the site."""

    name: Text
    scopes: list[Text]


class ShowAccount(Request):
    """Show a customer's account: an address in any spelling, and how many entries."""

    email: StrictStr
    limit: Annotated[StrictInt, Field(ge=1, le=1_000)] = 50


class LoadContacts(Request):
    """Load contacts from an uploaded file; the columns by heading or by number from 1, else they are found out."""

    file_url: Text
    email: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None


def columns(info: HeaderMappingInfo) -> Columns:
    """Return the chosen columns. Raises InvalidRequest unless they are one EMAIL and one POINTS, and two columns."""
    path = "headerMappingInfo.headerMappings"
    first, second = info.header_mappings
    if first.column_name == second.column_name:
        raise InvalidRequest(
            Violation(
                f"{path}[1].columnName", f"{first.column_name} is mapped twice; map one EMAIL and one POINTS", "OTHER"
            )
        )
    if first.column_index == second.column_index:
        raise InvalidRequest(
            Violation(
                f"{path}[1].columnIndex", f"column {first.column_index} is mapped twice; choose two columns", "OTHER"
            )
        )
    chosen = {mapping.column_name: mapping.column_index for mapping in info.header_mappings}
    return Columns(email=chosen[ColumnName.EMAIL], points=chosen[ColumnName.POINTS])


def refuse_unknown_columns(info: HeaderMappingInfo, header: Sequence[str]) -> None:
    """Raise InvalidRequest for a column that the file does not have."""
    for place, mapping in enumerate(info.header_mappings):
        if mapping.column_index >= len(header):
            raise InvalidRequest(
                Violation(
                    f"headerMappingInfo.headerMappings[{place}].columnIndex",
                    f"is {mapping.column_index}, but the file's {len(header)} columns are 0 to {len(header) - 1}",
                    "MAX",
                    {"threshold": len(header) - 1},
                )
            )
