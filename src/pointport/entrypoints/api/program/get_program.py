"""GET /v1/program: the site's program (contract.md 6.4)."""

from fastapi import APIRouter

from pointport.entrypoints.api.auth import ProgramReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.ledger import program
from pointport.wire import program as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


@router.get("/v1/program", response_model=wire.ProgramAnswer)
def get_program(app: TheApp, who: ProgramReader) -> Json:
    """Return the program."""
    return {"loyaltyProgram": wire.loyalty_program(program.find(app.database, who.site_id))}
