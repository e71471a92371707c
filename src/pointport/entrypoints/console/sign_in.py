"""Signing in, by the one-time link that `serve` prints or with an API key, and out again."""

from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pointport.app import App
from pointport.entrypoints.console import sessions, wording
from pointport.entrypoints.console.pages import ROOT, SECURITY, Visit, own_path, page, problem, render
from pointport.errors import PointportError

UNKNOWN_KEY = (
    "This key is unknown or was revoked. Copy it whole, from pp_ to its end; `pointport key create` makes a new one."
)
USED_LINK = (
    "This link was used before, or is older than half an hour. Sign in with an API key, or start `pointport serve` again:"
    " it prints a new link."
)


async def ask(request: Request) -> Response:
    """Show the form for an API key."""
    return _form(request, request.query_params.get("next", ROOT))


async def sign_in(request: Request) -> Response:
    """Take an API key."""
    form = await request.form()
    target, key = str(form.get("next", ROOT)), str(form.get("key", "")).strip()
    app: App = request.app.state.pointport
    try:
        cookie = await run_in_threadpool(sessions.sign_in_with_key, app, key)
    except PointportError as error:
        return problem(request, error, locale=wording.FALLBACK, session=None)
    if cookie is None:
        return _form(request, target, told=UNKNOWN_KEY, status=HTTPStatus.UNAUTHORIZED)
    return _signed_in(request, cookie, own_path(target))


async def follow_link(request: Request) -> Response:
    """Ask before a one-time link is used up: programs that look at links must not sign in with them."""
    return render(request, "link.html", locale=wording.FALLBACK, session=None, token=request.path_params["token"])


async def sign_in_by_link(request: Request) -> Response:
    """Use a one-time link."""
    app: App = request.app.state.pointport
    links: sessions.OneTimeLinks = request.app.state.links
    if not links.use(request.path_params["token"]):
        return _form(request, ROOT, told=USED_LINK, status=HTTPStatus.FORBIDDEN)
    try:
        cookie = await run_in_threadpool(sessions.sign_in_as_operator, app)
    except PointportError as error:
        return problem(request, error, locale=wording.FALLBACK, session=None)
    return _signed_in(request, cookie, f"{ROOT}/")


@page()
def sign_out(visit: Visit) -> Response:
    """End the session."""
    response = RedirectResponse(f"{ROOT}/sign-in", HTTPStatus.SEE_OTHER, SECURITY)
    response.delete_cookie(sessions.COOKIE, path=ROOT)
    return response


def _form(request: Request, target: str, *, told: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
    return render(
        request, "sign_in.html", status, locale=wording.FALLBACK, session=None, next=own_path(target), told=told
    )


def _signed_in(request: Request, cookie: str, target: str) -> Response:
    response = RedirectResponse(target, HTTPStatus.SEE_OTHER, SECURITY)
    response.set_cookie(
        sessions.COOKIE,
        cookie,
        max_age=sessions.SESSION_SECONDS_MAX,
        path=ROOT,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response
