"""POST /v1/loyalty-imports/execute: apply a parsed file to the ledger (contract.md 2.5)."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, LiteralString

from fastapi import APIRouter
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.idempotency import IdempotencyKey, keyed
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import InvalidRequest, NotFound, PreconditionFailed, Violation
from pointport.imports import steps
from pointport.imports.shapes import Mapping as Columns
from pointport.wire import imports as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)

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


class ExecuteImport(bodies.Body):
    """Execute import (contract.md 2.5)."""

    loyalty_import_id: bodies.Guid
    header_mapping_info: HeaderMappingInfo


@router.post(
    "/v1/loyalty-imports/execute", response_model=wire.ImportAnswer, responses=can_fail(NotFound, PreconditionFailed)
)
def execute_import(body: ExecuteImport, app: TheApp, who: Importer, key: IdempotencyKey = None) -> Json:
    """Set the import going with the chosen columns."""
    columns = _columns(body.header_mapping_info)
    found = steps.find(app, who.site_id, body.loyalty_import_id)
    if found.header is not None:
        _refuse_unknown_columns(body.header_mapping_info, found.header)
    begun = steps.execute(
        app,
        who.site_id,
        found.id,
        columns=columns,
        actor=who.actor,
        keyed=keyed(key, "execute_import", body),
    )
    return {"loyaltyImport": wire.loyalty_import(begun, begun.updated_date)}


def _columns(info: HeaderMappingInfo) -> Columns:
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


def _refuse_unknown_columns(info: HeaderMappingInfo, header: Sequence[str]) -> None:
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
