"""What every page has in common: who asks and for what, the forms that are ours, and how a page is answered.

A page is a function from a `Visit` to a `Response`; it runs in a thread of its own, and what it raises of our errors
becomes a page that says what happened and what to do.
"""

import functools
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import jinja2
from babel import Locale
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pointport.app import App
from pointport.entrypoints.console import sessions, wording
from pointport.entrypoints.console.sessions import Session
from pointport.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    PointportError,
    PreconditionFailed,
    TooLarge,
    TooManyRequests,
    Unavailable,
)

ROOT = "/console"
FORM_TOKEN = "form_token"  # noqa: S105  (a field's name)
FIELDS_MAX = 2_500
HTMX = "hx-request"

STATUSES: Mapping[type[PointportError], HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    PermissionDenied: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    PreconditionFailed: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

SECURITY: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Visit:
    """Somebody who is signed in, and what they ask for."""

    app: App
    session: Session
    request: Request
    form: FormData
    locale: Locale

    @property
    def site_id(self) -> UUID:
        """The site that they are at."""
        return self.session.site_id

    @property
    def actor(self) -> str:
        """What the audit trail calls them."""
        return self.session.actor

    @property
    def is_partial(self) -> bool:
        """Whether a part of a page is enough, since the script of the page asks."""
        return self.request.headers.get(HTMX) == "true"

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    def id(self, name: str) -> UUID:
        """Return a part of the path that is an id. Raises NotFound for what is none."""
        try:
            return UUID(self.path(name))
        except ValueError:
            raise NotFound("there is no such page") from None

    def asked(self, name: str, default: str = "") -> str:
        """Return what the address says behind its question mark."""
        return self.request.query_params.get(name, default)

    def text(self, name: str, default: str = "") -> str:
        """Return a field of the form, without blanks around it."""
        value = self.form.get(name, default)
        return value.strip() if isinstance(value, str) else default

    def render(self, template: str, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> Response:
        """Return a page."""
        return render(self.request, template, status, locale=self.locale, session=self.session, **values)


Page = Callable[[Visit], Response]


def page(*scopes: str) -> Callable[[Page], Callable[[Request], Awaitable[Response]]]:
    """Make a page of a function; who is not signed in is led there first, and who lacks these scopes is told so."""

    def with_scopes(function: Page) -> Callable[[Request], Awaitable[Response]]:
        @functools.wraps(function)
        async def answer(request: Request) -> Response:
            form = await request.form(max_fields=FIELDS_MAX) if request.method == "POST" else FormData()
            return await run_in_threadpool(_answer, function, frozenset(scopes), request, form)

        return answer

    return with_scopes


def refuse_stranger(session: Session, scopes: frozenset[str]) -> None:
    """Raise PermissionDenied for who lacks these scopes."""
    if scopes and not session.may(*scopes):
        raise PermissionDenied("your API key does not open this page; sign in with one that does")


def refuse_strange_form(session: Session, token: str) -> None:
    """Raise PermissionDenied for a form that was not rendered for this session."""
    if not sessions.is_own_form(session, token):
        raise PermissionDenied("this form is out of date: somebody has signed in anew. Go back, reload and try again")


def _answer(function: Page, scopes: frozenset[str], request: Request, form: FormData) -> Response:
    app: App = request.app.state.pointport
    locale = wording.locale_of(request.headers.get("accept-language", ""))
    session = None
    try:
        session = sessions.find(app, request.cookies.get(sessions.COOKIE))
        if session is None:
            return to_sign_in(request)
        refuse_stranger(session, scopes)
        if request.method == "POST":
            refuse_strange_form(session, str(form.get(FORM_TOKEN, "")))
        return function(Visit(app, session, request, form, locale))
    except PointportError as error:
        return problem(request, error, locale=locale, session=session)


def to_sign_in(request: Request) -> Response:
    """Lead to the page where one signs in, and from there back to where one was."""
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = target if request.method == "GET" else request.headers.get("referer", ROOT)
    place = f"{ROOT}/sign-in?next={quote(own_path(back), safe='')}"
    if request.headers.get(HTMX) == "true" or request.method == "POST":
        # Nothing typed is lost: the page stays as it is, and says what to do.
        return render(
            request, "session_ended.html", HTTPStatus.UNAUTHORIZED, locale=wording.FALLBACK, session=None, place=place
        )
    return redirect(place)


def own_path(target: str) -> str:
    """Return the path of an address of ours, or the first page: nobody is led elsewhere."""
    found = re.match(r"(?:https?://[^/]+)?(/console(?:[/?][^\\]*)?)\Z", target)
    return found[1] if found else ROOT


def redirect(path: str) -> Response:
    """Lead on to another page, after a form was taken."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, SECURITY)


def problem(request: Request, error: PointportError, *, locale: Locale, session: Session | None) -> Response:
    """Return the page of an error of ours: what happened, and what to do."""
    status = STATUSES.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
    return render(request, "problem.html", status, locale=locale, session=session, message=wording.explained(error))


def render(
    request: Request,
    template: str,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    locale: Locale,
    session: Session | None,
    **values: Any,
) -> Response:
    """Return a page made of a template."""
    common = {
        "session": session,
        "form_token": session.form_token if session else "",
        "path": request.url.path,
        "root": ROOT,
        "locale": locale,
    }
    text = _environment(str(locale)).get_template(template).render({**common, **values})
    return HTMLResponse(text, status, {**SECURITY, "Content-Language": "en"})


@functools.lru_cache(maxsize=64)
def _environment(language: str) -> jinja2.Environment:
    """Templates, with the numbers and moments of a language."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pointport.entrypoints.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(wording.filters(Locale.parse(language)))
    environment.globals.update(wording.LISTS)
    return environment
