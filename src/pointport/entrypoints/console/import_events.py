"""What goes on with an import, told while it goes on: server-sent events for a page that is open."""

import asyncio
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pointport.app import App
from pointport.entrypoints.console import import_page, pages, sessions, wording
from pointport.entrypoints.console.pages import SECURITY, Visit
from pointport.errors import PointportError
from pointport.imports import steps
from pointport.imports.record import LoyaltyImport
from pointport.imports.status import Status

LOOK_SECONDS = 0.4
"""How often it is looked what has become of the import."""
STREAM_SECONDS_MAX = 60.0
"""Then the browser asks anew by itself: so nobody is listened for who has gone, nor by whose key was revoked."""
RECONNECT_MILLISECONDS = 1_000


async def events(request: Request) -> Response:
    """Send how far an import is, and when it is something else than the page has seen."""
    app: App = request.app.state.pointport
    try:
        visit = await run_in_threadpool(_visit, app, request)
        if visit is None:
            return pages.to_sign_in(request)
        await run_in_threadpool(_find, visit)
    except PointportError as error:
        return pages.problem(request, error, locale=wording.FALLBACK, session=None)
    return StreamingResponse(
        _told(request, visit), media_type="text/event-stream", headers={**SECURITY, "X-Accel-Buffering": "no"}
    )


async def _told(request: Request, visit: Visit) -> AsyncIterator[str]:
    yield f"retry: {RECONNECT_MILLISECONDS}\n\n"
    known, shown = visit.asked("seen"), ""
    ends = asyncio.get_running_loop().time() + STREAM_SECONDS_MAX

    async def is_over() -> bool:
        late = asyncio.get_running_loop().time() >= ends
        return late or request.app.state.is_leaving() or await request.is_disconnected()

    while not await is_over():
        state, progress = await run_in_threadpool(_look, visit)
        if progress != shown:
            shown = progress
            yield _event("progress", progress)
        if state != known:
            # Who hears it fetches the page anew, and is gone; to hang up first would be an error to the browser.
            known = state
            yield _event("changed", state)
        await asyncio.sleep(LOOK_SECONDS)


def _event(name: str, text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{lines}\n"


def _visit(app: App, request: Request) -> Visit | None:
    session = sessions.find(app, request.cookies.get(sessions.COOKIE))
    if session is None:
        return None
    pages.refuse_stranger(session, frozenset({"imports"}))
    locale = wording.locale_of(request.headers.get("accept-language", ""))
    return Visit(app, session, request, FormData(), locale)


def _find(visit: Visit) -> LoyaltyImport:
    return steps.find(visit.app, visit.site_id, visit.id("id"))


def _look(visit: Visit) -> tuple[str, str]:
    """Return what the import is, and how far, as the page shows it."""
    found = _find(visit)
    state = import_page.seen(visit.app, found)
    if found.status is not Status.IMPORTING:
        return state, ""
    answer = visit.render("_progress.html", one=found, **import_page.progress(visit.app, found))
    return state, bytes(answer.body).decode()
