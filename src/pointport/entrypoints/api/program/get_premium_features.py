"""GET /v1/program/premium-features: what a program here has (contract.md 6.4)."""

from fastapi import APIRouter

from pointport.entrypoints.api.auth import ProgramReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.wire import program as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


@router.get("/v1/program/premium-features", response_model=wire.PremiumFeatures)
def get_premium_features(app: TheApp, who: ProgramReader) -> Json:
    """Return what the program has: no tiers."""
    return dict(wire.PREMIUM_FEATURES)
