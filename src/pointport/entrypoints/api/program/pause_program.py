"""POST /v1/program/pause: let customers earn no more for a while (contract.md 6.4)."""

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Admin
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import PreconditionFailed
from pointport.ledger import program
from pointport.wire import program as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


@router.post(
    "/v1/program/pause",
    response_model=wire.ProgramAnswer,
    responses=can_fail(PreconditionFailed),
    dependencies=[bodies.WITHOUT_MEMBERS],
)
def pause_program(app: TheApp, who: Admin) -> Json:
    """Let customers earn no more, until the program is activated again."""
    return {
        "loyaltyProgram": wire.loyalty_program(
            program.pause(app.database, who.site_id, actor=who.actor, now=app.clock())
        )
    }
