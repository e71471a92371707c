"""Whether the process lives, and whether it can work."""

from typing import Any

from fastapi import APIRouter

from pointport.app import migrations
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.errors import Unavailable
from pointport.plumbing.database.migrate import state

router = APIRouter(include_in_schema=False, route_class=Call)


@router.get("/healthz")
def alive() -> dict[str, Any]:
    """Answer."""
    return {"alive": True}


@router.get("/readyz")
def ready(app: TheApp) -> dict[str, Any]:
    """Answer when the database and the file store do, and every migration is done. Raises Unavailable."""
    pending = state(app.database.conninfo, migrations()).pending
    if pending:
        raise Unavailable(f"the database lacks {len(pending)} migrations; run `pointport db migrate`")
    app.objects.check()
    return {"ready": True}
