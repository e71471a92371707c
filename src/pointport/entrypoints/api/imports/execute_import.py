"""POST /v1/loyalty-imports/execute: apply a parsed file to the ledger (contract.md 2.5)."""

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.idempotency import IdempotencyKey, keyed
from pointport.entrypoints.api.imports.chosen import ChosenOptions, HeaderMappingInfo, columns, refuse_unknown_columns
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound, PreconditionFailed
from pointport.imports import steps
from pointport.wire import imports as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class ExecuteImport(bodies.Body):
    """Execute import (contract.md 2.5), with options of ours."""

    loyalty_import_id: bodies.Guid
    header_mapping_info: HeaderMappingInfo
    options: ChosenOptions | None = None


@router.post(
    "/v1/loyalty-imports/execute", response_model=wire.ImportAnswer, responses=can_fail(NotFound, PreconditionFailed)
)
def execute_import(body: ExecuteImport, app: TheApp, who: Importer, key: IdempotencyKey = None) -> Json:
    """Set the import going with the chosen columns and options."""
    chosen = columns(body.header_mapping_info)
    found = steps.find(app, who.site_id, body.loyalty_import_id)
    if found.header is not None:
        refuse_unknown_columns(body.header_mapping_info, found.header)
    begun = steps.execute(
        app,
        who.site_id,
        found.id,
        columns=chosen,
        options=(body.options or ChosenOptions()).options(),
        actor=who.actor,
        keyed=keyed(key, "execute_import", body),
    )
    return {"loyaltyImport": wire.loyalty_import(begun, begun.updated_date)}
