"""Sites, their keys, and whether their ledgers add up: for the operator and a site's own administrators."""

from typing import Any

from fastapi import APIRouter, Depends

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Admin, operator
from pointport.entrypoints.api.context import TheApp
from pointport.imports import steps
from pointport.plumbing.sites import sites
from pointport.wire.base import timestamp

router = APIRouter(prefix="/pointport/v1")


class CreateSite(bodies.Body):
    """Create a site: its name, and whether it is meant when no site is named."""

    name: bodies.Text
    default: bool = False


class CreateKey(bodies.Body):
    """Create an API key for the site."""

    name: bodies.Text
    scopes: list[bodies.Text]


@router.get("/sites", dependencies=[Depends(operator)])
def list_sites(app: TheApp) -> dict[str, Any]:
    """Return all sites."""
    return {"sites": [_site(site) for site in sites.list_sites(app.database)]}


@router.post("/sites", dependencies=[Depends(operator)])
def create_site(body: CreateSite, app: TheApp) -> dict[str, Any]:
    """Make a site and its first key, which is shown this once."""
    made, text = sites.create_site(app.database, body.name, default=body.default, actor="operator", now=app.clock())
    return {**_site(made), "apiKey": text}


@router.get("/keys")
def list_keys(app: TheApp, who: Admin) -> dict[str, Any]:
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


@router.post("/keys")
def create_key(body: CreateKey, app: TheApp, who: Admin) -> dict[str, Any]:
    """Make a key, shown this once."""
    key_id, text = sites.create_key(
        app.database, who.site_id, name=body.name, scopes=body.scopes, actor=who.actor, now=app.clock()
    )
    return {"keyId": str(key_id), "siteId": str(who.site_id), "apiKey": text}


@router.delete("/keys/{key_id}")
def revoke_key(key_id: bodies.Guid, app: TheApp, who: Admin) -> dict[str, Any]:
    """Make a key open nothing any more."""
    sites.revoke_key(app.database, who.site_id, key_id, actor=who.actor, now=app.clock())
    return {"keyId": str(key_id)}


@router.get("/ledger/verify")
def verify_ledger(app: TheApp, who: Admin) -> dict[str, Any]:
    """Prove that the site's ledger adds up, and say what does not."""
    findings = steps.verify(app, who.site_id)
    return {
        "siteId": str(who.site_id),
        "sound": not findings,
        "findings": [{"proof": f.proof, "count": f.count, "examples": list(f.examples)} for f in findings],
    }


def _site(site: sites.Site) -> dict[str, Any]:
    return {
        "siteId": str(site.id),
        "name": site.name,
        "default": site.is_default,
        "createdDate": timestamp(site.created_date),
    }
