"""Who may do what (contract.md 1.3).

A key comes raw in `Authorization` (an optional `Bearer ` is passed over) and the site in `wix-site-id`. No key, or one
that nobody was given: 401. A good key without its site, with another site, or without the scope: 403. The operator is
whoever runs the program on this machine: the command line inside this very process, known by a token that never leaves
it.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.rates import Rates
from pointport.errors import PermissionDenied, Unauthenticated
from pointport.plumbing.sites import sites


@dataclass(frozen=True)
class Principal:
    """Who asks, and for which site; `actor` is what the audit trail calls it."""

    site_id: UUID
    actor: str


def allowed(*scopes: str) -> Callable[..., Awaitable[Principal]]:
    """Return the dependency of an endpoint that needs one of these scopes (`admin` opens all).

    Raises Unauthenticated, PermissionDenied, TooManyRequests.
    """

    async def principal(request: Request, app: TheApp) -> Principal:
        text = _key(request)
        if _is_operator(request, text):
            return Principal(_operator_site(request, app), "operator")
        site_id = sites.site_of_key(text)
        key = sites.find_key(app.database, site_id, text) if site_id is not None else None
        if site_id is None or key is None:
            raise Unauthenticated("the API key in the Authorization header is unknown or revoked")
        if _named_site(request) != site_id:
            raise PermissionDenied("the wix-site-id header must name the site that the API key belongs to")
        if not key.scopes & {*scopes, "admin"}:
            raise PermissionDenied(f"the API key lacks the scope {' or '.join(scopes)}", data={"scopes": list(scopes)})
        rates: Rates | None = request.app.state.rates
        if rates is not None:
            rates.count(key.id)
        return Principal(site_id, f"key {key.id}")

    return principal


async def operator(request: Request) -> None:
    """Let the operator of this machine through and nobody else. Raises Unauthenticated, PermissionDenied."""
    if not _is_operator(request, _key(request)):
        raise PermissionDenied("only the operator may do this: use the pointport command on the server's machine")


def _key(request: Request) -> str:
    text = request.headers.get("authorization", "").strip()
    scheme, _, rest = text.partition(" ")
    if scheme.lower() == "bearer":
        text = rest.strip()
    if not text:
        raise Unauthenticated("the Authorization header with an API key is missing")
    return text


def _is_operator(request: Request, text: str) -> bool:
    token: str | None = request.app.state.operator_token
    return token is not None and secrets.compare_digest(token.encode(), text.encode())


def _operator_site(request: Request, app: TheApp) -> UUID:
    """Return the site that the operator names, or else the one that is meant."""
    named = _named_site(request)
    known = sites.list_sites(app.database)
    if named is None and "wix-site-id" not in request.headers:
        return sites.choose_site(known).id
    for site in known:
        if site.id == named:
            return site.id
    raise PermissionDenied(f"there is no site {request.headers['wix-site-id']}; `pointport site list` shows them")


def _named_site(request: Request) -> UUID | None:
    try:
        return UUID(request.headers.get("wix-site-id", ""))
    except ValueError:
        return None


Importer = Annotated[Principal, Depends(allowed("imports"))]
TotalsReader = Annotated[Principal, Depends(allowed("imports", "accounts:read"))]
AccountReader = Annotated[Principal, Depends(allowed("accounts:read"))]
AccountWriter = Annotated[Principal, Depends(allowed("accounts:write"))]
JobReader = Annotated[Principal, Depends(allowed("accounts:read", "accounts:write"))]
"""Whoever may begin a job may see how far it is."""
ProgramReader = AccountReader
Admin = Annotated[Principal, Depends(allowed("admin"))]
