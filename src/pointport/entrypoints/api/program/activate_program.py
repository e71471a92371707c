"""POST /v1/program/activate: let customers earn (contract.md 6.4)."""

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Admin
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.ledger import program
from pointport.wire import program as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


@router.post("/v1/program/activate", response_model=wire.ProgramAnswer, dependencies=[bodies.WITHOUT_MEMBERS])
def activate_program(app: TheApp, who: Admin) -> Json:
    """Let customers earn; an active program stays as it is."""
    return {
        "loyaltyProgram": wire.loyalty_program(
            program.activate(app.database, who.site_id, actor=who.actor, now=app.clock())
        )
    }
