"""Sites, their keys, and whether their ledgers add up: for the operator and a site's own administrators."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field, StrictBool, StrictStr

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Admin, operator
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound
from pointport.imports import steps
from pointport.plumbing.sites import sites
from pointport.wire import sites as wire
from pointport.wire.base import Json, timestamp

router = APIRouter(prefix="/pointport/v1", route_class=Call)

Scope = Annotated[StrictStr, bodies.Storable(enum=list(sites.SCOPES))]


class CreateSite(bodies.Body):
    """A site's name, and whether it is meant when no site is named."""

    name: Annotated[StrictStr, bodies.NAMED]
    default: StrictBool = False


class CreateKey(bodies.Body):
    """A key's name, and what it may do."""

    name: Annotated[StrictStr, bodies.NAMED]
    scopes: Annotated[list[Scope], Field(json_schema_extra={"minItems": 1})]


@router.get("/sites", dependencies=[Depends(operator)], response_model=wire.SitesAnswer)
def list_sites(app: TheApp) -> Json:
    """Return all sites."""
    return {"sites": [wire.site(site) for site in sites.list_sites(app.database)]}


@router.post("/sites", dependencies=[Depends(operator)], response_model=wire.NewSiteAnswer)
def create_site(body: CreateSite, app: TheApp) -> Json:
    """Make a site and its first key, which is shown this once."""
    made, text = sites.create_site(app.database, body.name, default=body.default, actor="operator", now=app.clock())
    return {**wire.site(made), "apiKey": text}


@router.get("/keys", response_model=wire.KeysAnswer)
def list_keys(app: TheApp, who: Admin) -> Json:
    """Return the site's keys, without their secrets."""
    return {
        "keys": [
            {
                "keyId": str(key["id"]),
                "name": key["name"],
                "scopes": key["scopes"],
                "createdDate": timestamp(key["created_date"]),
                "revokedDate": timestamp(key["revoked_date"]) if key["revoked_date"] else None,
            }
            for key in sites.list_keys(app.database, who.site_id)
        ]
    }


@router.post("/keys", response_model=wire.NewKeyAnswer)
def create_key(body: CreateKey, app: TheApp, who: Admin) -> Json:
    """Make a key, shown this once."""
    key_id, text = sites.create_key(
        app.database, who.site_id, name=body.name, scopes=body.scopes, actor=who.actor, now=app.clock()
    )
    return {"keyId": str(key_id), "siteId": str(who.site_id), "apiKey": text}


@router.delete("/keys/{key_id}", response_model=wire.RevokedKeyAnswer, responses=can_fail(NotFound))
def revoke_key(key_id: bodies.Guid, app: TheApp, who: Admin) -> Json:
    """Make a key open nothing any more."""
    sites.revoke_key(app.database, who.site_id, key_id, actor=who.actor, now=app.clock())
    return {"keyId": str(key_id)}


@router.get("/ledger/verify", response_model=wire.LedgerAnswer)
def verify_ledger(app: TheApp, who: Admin) -> Json:
    """Prove that the site's ledger adds up, and say what does not."""
    findings = steps.verify(app, who.site_id)
    return {
        "siteId": str(who.site_id),
        "sound": not findings,
        "findings": [wire.finding(found) for found in findings],
    }
