"""PUT to an upload URL: bytes stream into the file store, whatever their number (contract.md 2.2)."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import InvalidRequest, PermissionDenied, PreconditionFailed, TooLarge, Violation
from pointport.imports import intake, steps
from pointport.wire.base import Json, Nothing

router = APIRouter(route_class=Call)

TOLD: dict[str, Any] = {
    "response_model": Nothing,
    "responses": can_fail(PermissionDenied, PreconditionFailed, TooLarge),
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
}
"""What the description says of both methods, beyond what FastAPI sees; any Content-Type is taken."""


@router.put("/files/upload/{ticket}", **TOLD)
@router.post("/files/upload/{ticket}", operation_id="upload_file_by_post", **TOLD)
async def upload_file(ticket: str, request: Request, app: TheApp) -> Json:
    """Store the body as the file that the URL stands for; once more before create replaces it.

    Asynchronous as no other call is, since only so does a body arrive in pieces.
    """
    slot = app.tickets.check(ticket, "upload", app.settings.upload_url_seconds)
    path = await run_in_threadpool(steps.check_slot, app, slot.site_id, slot.path)
    chunks = intake.limited(request.stream(), bytes_max=slot.bytes_max, declared=_declared_bytes(request))
    await app.objects.put_stream(path, chunks)
    return {}


def _declared_bytes(request: Request) -> int | None:
    text = request.headers.get("content-length")
    if text is None:
        return None
    if not text.isdigit():
        raise InvalidRequest(Violation("Content-Length", "must be a number of bytes", "FORMAT"))
    return int(text)
