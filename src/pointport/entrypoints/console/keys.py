"""API keys: who else may use Pointport, and for what."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from starlette.responses import Response

from pointport.entrypoints.console import sessions
from pointport.entrypoints.console.pages import ROOT, Visit, page, redirect, render
from pointport.errors import Conflict, InvalidRequest, NotFound
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.sites import sites

LIST = f"{ROOT}/settings/keys"

SCOPES: Mapping[str, tuple[str, str]] = {
    "imports": ("Imports", "Bring files in, see what will happen, run imports and take them back."),
    "accounts:read": ("See customers", "See who your customers are and how many points they have."),
    "accounts:write": ("Change customers", "Give and take points one customer at a time, and add customers."),
    "admin": ("Everything", "All of the above, and these settings: keys, webhooks and history."),
}
NOTICES: Mapping[str, str] = {
    "revoked": "The key is revoked. Whatever used it can no longer sign in.",
    "was-revoked": "That key had been revoked already. Nothing was changed.",
}

Row = dict[str, Any]


@page("admin")
def keys(visit: Visit) -> Response:
    """List the keys: those that are good first, each newest first."""
    found = sites.list_keys(visit.app.database, visit.site_id)
    found.reverse()
    found.sort(key=lambda key: key["revoked_date"] is not None)
    return visit.render(
        "keys.html",
        keys=found,
        own_id=visit.session.key_id,
        scopes=SCOPES,
        notice=NOTICES.get(visit.asked("done"), ""),
    )


@page("admin")
def ask(visit: Visit) -> Response:
    """Show the form for a new key."""
    return _form(visit, new_id())


@page("admin")
def create(visit: Visit) -> Response:
    """Make a key and show it, this once; the same form sent again makes no second one."""
    chosen = [scope for scope in SCOPES if scope in visit.form.getlist("scopes")]
    key_id = _new_id_of(visit)
    try:
        _, text = sites.create_key(
            visit.app.database,
            visit.site_id,
            name=visit.text("name"),
            scopes=chosen,
            actor=visit.actor,
            now=visit.app.clock(),
            key_id=key_id,
        )
    except InvalidRequest as error:
        wrong = {violation.field for violation in error.violations}
        name_is_wrong = not 1 <= len(visit.text("name")) <= sites.NAME_CHARACTERS_MAX or "name" in wrong
        told = {
            "name": f"Please give it a name of 1 to {sites.NAME_CHARACTERS_MAX} letters." if name_is_wrong else "",
            "scopes": "Please choose at least one." if not chosen else "",
        }
        return _form(visit, key_id, told, HTTPStatus.BAD_REQUEST)
    except Conflict:
        return visit.render("key_made.html", HTTPStatus.CONFLICT, key=None, name=visit.text("name"))
    return visit.render("key_made.html", key=text, name=visit.text("name"))


@page("admin")
def ask_to_revoke(visit: Visit) -> Response:
    """Ask once before a key is revoked, and say what that means."""
    key, others = _find(visit)
    return visit.render(
        "key_revoke.html",
        key=key,
        is_own=key["id"] == visit.session.key_id,
        is_last="admin" in key["scopes"] and not any("admin" in other["scopes"] for other in others),
    )


@page("admin")
def revoke(visit: Visit) -> Response:
    """Revoke a key; with one's own, one is signed out."""
    key, _ = _find(visit)
    if key["revoked_date"] is not None:
        return redirect(f"{LIST}?done=was-revoked")
    sites.revoke_key(visit.app.database, visit.site_id, key["id"], actor=visit.actor, now=visit.app.clock())
    if key["id"] != visit.session.key_id:
        return redirect(f"{LIST}?done=revoked")
    response = render(visit.request, "key_own_revoked.html", locale=visit.locale, session=None, name=key["name"])
    response.delete_cookie(sessions.COOKIE, path=ROOT)
    return response


def _form(
    visit: Visit,
    key_id: UUID,
    wrong: Mapping[str, str] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    return visit.render(
        "key_new.html",
        status,
        key_id=key_id,
        name=visit.text("name"),
        chosen=visit.form.getlist("scopes"),
        scopes=SCOPES,
        name_characters_max=sites.NAME_CHARACTERS_MAX,
        wrong=wrong or {"name": "", "scopes": ""},
    )


def _new_id_of(visit: Visit) -> UUID:
    """Return the id that the form gave the new key."""
    try:
        return UUID(visit.text("key_id"))
    except ValueError:
        return new_id()


def _find(visit: Visit) -> tuple[Row, list[Row]]:
    """Return the key that is meant, and the others that are good. Raises NotFound."""
    found = sites.list_keys(visit.app.database, visit.site_id)
    wanted = visit.id("id")
    for key in found:
        if key["id"] == wanted:
            return key, [other for other in found if other is not key and other["revoked_date"] is None]
    raise NotFound("there is no such key")
