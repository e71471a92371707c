"""GET of a report's URL: all rows of a file with what became of them, made on their way to whoever holds the URL."""

from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound, PermissionDenied, PreconditionFailed
from pointport.imports import steps

router = APIRouter(route_class=Call)


@router.get(
    "/files/report/{ticket}",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
        **can_fail(NotFound, PermissionDenied, PreconditionFailed),
    },
)
def download_report(ticket: str, app: TheApp) -> StreamingResponse:
    """Send the report, to be saved under its name. How long it is shows when it ends."""
    slot = app.tickets.check(ticket, "report", app.settings.download_url_seconds)
    return StreamingResponse(
        steps.report(app, slot.site_id, UUID(slot.path)),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(slot.file_name, safe='')}",
            "X-Content-Type-Options": "nosniff",
        },
    )
