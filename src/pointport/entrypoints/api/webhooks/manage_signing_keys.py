"""The keys that sign webhooks (contract.md 7.2)."""

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Admin
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.plumbing.sites import signing
from pointport.wire import webhooks as wire
from pointport.wire.base import Json

router = APIRouter(prefix="/pointport/v1", route_class=Call)


@router.get("/webhook-keys", response_model=wire.SigningKeysAnswer)
def list_signing_keys(app: TheApp, who: Admin) -> Json:
    """Return the public halves of the site's keys, newest first."""
    return {"keys": [wire.signing_key(key) for key in signing.list_keys(app.database, who.site_id)]}


@router.post("/webhook-keys", response_model=wire.SigningKeysAnswer, dependencies=[bodies.WITHOUT_MEMBERS])
def create_signing_key(app: TheApp, who: Admin) -> Json:
    """Make the first key, or the next one, which does not sign before `rotate`; nothing if one waits already."""
    keys = signing.create(app.database, who.site_id, secret=app.secret, actor=who.actor, now=app.clock())
    return {"keys": [wire.signing_key(key) for key in keys]}


@router.post("/webhook-keys/rotate", response_model=wire.SigningKeysAnswer, dependencies=[bodies.WITHOUT_MEMBERS])
def rotate_signing_key(app: TheApp, who: Admin) -> Json:
    """Let the next key sign from now on and retire the one that did; without a next one that can be read, make one."""
    keys = signing.rotate(app.database, who.site_id, secret=app.secret, actor=who.actor, now=app.clock())
    return {"keys": [wire.signing_key(key) for key in keys]}
