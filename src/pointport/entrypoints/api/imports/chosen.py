"""What the user chooses: which columns are which, and the options (contract.md 2.5, design.md 8)."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, LiteralString

from pydantic import BeforeValidator, Field, StrictBool, StrictStr
from pydantic_core import PydanticCustomError

from pointport.entrypoints.api import bodies
from pointport.errors import InvalidRequest, Violation
from pointport.imports.options import DEFAULT, DESCRIPTION_CHARACTERS_MAX, Duplicates, Mode, Options, UnknownContacts
from pointport.imports.shapes import Mapping as Columns

MAPPINGS = 2
ONE_OF_EACH: dict[str, Any] = {
    "minItems": MAPPINGS,
    "maxItems": MAPPINGS,
    "allOf": [
        {"contains": {"type": "object", "properties": {"columnName": {"const": name}}}} for name in ("EMAIL", "POINTS")
    ],
}
"""How the description says that both columns are mapped."""


def _two(items: Any) -> Any:
    if isinstance(items, list) and len(items) != MAPPINGS:
        rule: LiteralString = "MIN_SIZE" if len(items) < MAPPINGS else "MAX_SIZE"
        raise PydanticCustomError(rule, "must contain exactly {threshold} items", {"threshold": MAPPINGS})
    return items


class ColumnName(StrEnum):
    """What a column may be mapped to."""

    EMAIL = "EMAIL"
    POINTS = "POINTS"


class HeaderMapping(bodies.Body):
    """One column's meaning."""

    column_name: ColumnName
    column_index: Annotated[bodies.Integer, Field(ge=0)] = 0


class HeaderMappingInfo(bodies.Body):
    """Which columns are which: exactly one EMAIL and one POINTS, in any order."""

    header_mappings: Annotated[list[HeaderMapping], BeforeValidator(_two), Field(json_schema_extra=ONE_OF_EACH)]


POINTS_IN_ALL_MAX = 2**53 - 1
"""Beyond it JSON's numbers are no longer whole everywhere (RFC 8259, 6)."""
GuardRail = Annotated[bodies.Integer, Field(ge=1, le=POINTS_IN_ALL_MAX)]


class ChosenOptions(bodies.Body):
    """How a value counts, and when better not to go on; what is not there is as by default."""

    mode: Mode = DEFAULT.mode
    duplicates: Duplicates = DEFAULT.duplicates
    unknown_contacts: UnknownContacts = DEFAULT.unknown_contacts
    atomic: StrictBool = DEFAULT.atomic
    fail_if_more_than: Annotated[bodies.Integer, Field(ge=0, le=POINTS_IN_ALL_MAX)] | None = None
    max_points_per_row: GuardRail | None = None
    max_total_change: GuardRail | None = None
    max_accounts_changed_percent: Annotated[bodies.Integer, Field(ge=1, le=100)] | None = None
    description: (
        Annotated[StrictStr, Field(min_length=1, max_length=DESCRIPTION_CHARACTERS_MAX), bodies.STORABLE] | None
    ) = None
    allow_repeat: StrictBool = DEFAULT.allow_repeat
    notify: StrictBool = DEFAULT.notify

    def options(self) -> Options:
        """Return them as the steps take them."""
        return Options(**{name: getattr(self, name) for name in Options.__dataclass_fields__})


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
