"""POST /v1/program/points-expiration/enable and /disable: whether points are meant to expire (contract.md 6.4)."""

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Admin, Principal
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.ledger import program
from pointport.wire import program as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


@router.post(
    "/v1/program/points-expiration/enable", response_model=wire.ProgramAnswer, dependencies=[bodies.WITHOUT_MEMBERS]
)
def enable_points_expiration(app: TheApp, who: Admin) -> Json:
    """Say that points of inactive customers are meant to expire.

    It is kept for the programs that read it: Pointport takes no points away by itself.
    """
    return _set(app, who, "ENABLED")


@router.post(
    "/v1/program/points-expiration/disable", response_model=wire.ProgramAnswer, dependencies=[bodies.WITHOUT_MEMBERS]
)
def disable_points_expiration(app: TheApp, who: Admin) -> Json:
    """Say that points do not expire."""
    return _set(app, who, "DISABLED")


def _set(app: TheApp, who: Principal, status: str) -> Json:
    changed = program.change(
        app.database,
        who.site_id,
        {"expiration_status": status},
        action="program.expiration",
        actor=who.actor,
        now=app.clock(),
    )
    return {"loyaltyProgram": wire.loyalty_program(changed)}
