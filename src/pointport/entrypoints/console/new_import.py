"""A new import: a file is chosen or dropped, goes up, and an import is made of it."""

from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from pointport.app import App
from pointport.entrypoints.console import pages, sessions, wording
from pointport.entrypoints.console.pages import FORM_TOKEN, ROOT, SECURITY, Visit, page, redirect
from pointport.entrypoints.console.sessions import Session
from pointport.entrypoints.console.uploads import UploadForm
from pointport.errors import InvalidRequest, PointportError, TooLarge
from pointport.imports import intake, steps
from pointport.plumbing.objects.tickets import Ticket

FORM_BYTES_MAX = 64 * 1024
"""What a form has besides its file, at the most."""
DRAINED_BYTES_MAX = 1024 * 1024 * 1024
"""Of a file that is too large so much is still listened to: a browser shows no answer before it has sent everything."""
FILE_NAME_CHARACTERS_MAX = 1_000
SCOPES = frozenset({"imports"})
NO_FILE = "Choose a file first: a list of e-mail addresses and points, saved as CSV or as an Excel workbook."


@page("imports")
def show(visit: Visit) -> Response:
    """Show where a file is chosen."""
    return visit.render("new_import.html", bytes_max=visit.app.settings.upload_bytes_max, told="")


@page("imports")
def slot(visit: Visit) -> Response:
    """Give the script of the page a place to upload one file to."""
    path = steps.create_slot(visit.site_id)
    ticket = visit.app.tickets.issue(Ticket("upload", visit.site_id, path, visit.app.settings.upload_bytes_max))
    return JSONResponse({"path": path, "url": f"/files/upload/{ticket}"}, headers=dict(SECURITY))


@page("imports")
def create(visit: Visit) -> Response:
    """Make an import of a file that the script has uploaded."""
    name = visit.text("name")[:FILE_NAME_CHARACTERS_MAX]
    made = steps.create(
        visit.app, visit.site_id, file_url=visit.text("path"), file_name=name or None, actor=visit.actor
    )
    return redirect(f"{ROOT}/imports/{made.id}")


async def upload(request: Request) -> Response:
    """Take a file from a form, as it comes without a script, and make an import of it.

    Asynchronous as no other page is, since only so the file streams into the store, whatever its size.
    """
    app: App = request.app.state.pointport
    session = await run_in_threadpool(sessions.find, app, request.cookies.get(sessions.COOKIE))
    if session is None:
        return pages.to_sign_in(request)
    locale = wording.locale_of(request.headers.get("accept-language", ""))
    try:
        pages.refuse_stranger(session, SCOPES)
        return await _taken(app, session, request)
    except (TooLarge, InvalidRequest) as error:
        await _drain(request)
        told = NO_FILE if isinstance(error, InvalidRequest) else _too_large(app, locale_text=str(locale))
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if isinstance(error, TooLarge) else HTTPStatus.BAD_REQUEST
        return pages.render(
            request,
            "new_import.html",
            status,
            locale=locale,
            session=session,
            bytes_max=app.settings.upload_bytes_max,
            told=told,
        )
    except PointportError as error:
        return pages.problem(request, error, locale=locale, session=session)


async def _taken(app: App, session: Session, request: Request) -> Response:
    bytes_max = app.settings.upload_bytes_max
    declared = request.headers.get("content-length", "")
    if declared.isdigit():
        intake.refuse_too_large(int(declared) - FORM_BYTES_MAX, bytes_max)
    form = UploadForm(request.headers.get("content-type", ""), request.stream())
    file_name = await form.find_file()
    pages.refuse_strange_form(session, form.fields.get(FORM_TOKEN, ""))
    if not file_name:
        raise InvalidRequest(message="no file was chosen")
    path = steps.create_slot(session.site_id)
    await app.objects.put_stream(
        path.removeprefix("/"), intake.limited(form.file(), bytes_max=bytes_max, declared=None)
    )
    made = await run_in_threadpool(
        steps.create,
        app,
        session.site_id,
        file_url=path,
        file_name=file_name[:FILE_NAME_CHARACTERS_MAX],
        actor=session.actor,
    )
    return redirect(f"{ROOT}/imports/{made.id}")


async def _drain(request: Request) -> None:
    """Listen to what is left of a body."""
    taken = 0
    stream: AsyncIterator[bytes] = request.stream()
    try:
        async for chunk in stream:
            taken += len(chunk)
            if taken > DRAINED_BYTES_MAX:
                return
    except (ClientDisconnect, RuntimeError):
        return


def _too_large(app: App, *, locale_text: str) -> str:
    limit = wording.size(app.settings.upload_bytes_max, wording.locale_of(locale_text.replace("_", "-")))
    return (
        f"This file is too large: {limit} are the most. Split it into several files, or leave out columns that are not"
        " needed; only e-mail addresses and points are."
    )
