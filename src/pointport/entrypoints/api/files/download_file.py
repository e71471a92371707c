"""GET of a download URL: a file streams out to whoever holds the signed URL."""

from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from pointport.entrypoints.api.context import TheApp

router = APIRouter()


@router.get("/files/download/{ticket}")
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
