"""GET of a download URL: a file streams out to whoever holds the signed URL."""

from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound, PermissionDenied

router = APIRouter(route_class=Call)


@router.get(
    "/files/download/{ticket}",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **can_fail(NotFound, PermissionDenied)},
)
def download_file(ticket: str, app: TheApp) -> StreamingResponse:
    """Send the file, to be saved under its name."""
    slot = app.tickets.check(ticket, "download", app.settings.download_url_seconds)
    size = app.objects.size(slot.path)
    return StreamingResponse(
        app.objects.get(slot.path),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Length": str(size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(slot.file_name, safe='')}",
            "X-Content-Type-Options": "nosniff",
        },
    )
