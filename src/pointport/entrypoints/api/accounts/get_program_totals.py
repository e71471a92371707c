"""GET /v1/accounts/program-totals: the points of the whole program (contract.md 6.2)."""

from fastapi import APIRouter

from pointport.entrypoints.api.auth import AccountReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.ledger import statements
from pointport.wire import accounts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


@router.get("/v1/accounts/program-totals", response_model=wire.ProgramTotalsAnswer)
def get_program_totals(app: TheApp, who: AccountReader) -> Json:
    """Return the sums over all accounts; there is one tier, the base tier."""
    return wire.program_totals(statements.totals(app.database, who.site_id))
