"""GET /v1/bulk/programs: the programs of the sites that the key opens (contract.md 6.4)."""

from fastapi import APIRouter

from pointport.entrypoints.api.auth import ProgramReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.ledger import program
from pointport.wire import program as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


@router.get("/v1/bulk/programs", response_model=wire.ProgramsAnswer)
def bulk_get_programs(app: TheApp, who: ProgramReader) -> Json:
    """Return the programs of the sites that the key opens: its own."""
    return {
        "programInSites": [
            {
                "metaSiteId": str(who.site_id),
                "loyaltyProgram": wire.loyalty_program(program.find(app.database, who.site_id)),
            }
        ]
    }
