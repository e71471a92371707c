"""Contacts from an uploaded CSV file, with the progress sent line by line as JSON while they are loaded."""

import json
from collections.abc import Iterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountWriter
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.imports.create_file_url import upload_slot
from pointport.entrypoints.api.problems import answer, can_fail
from pointport.errors import NotFound, PointportError
from pointport.imports import contact_file
from pointport.wire.base import Json
from pointport.wire.contacts import contact_load
from pointport.wire.imports import FileUrlAnswer

router = APIRouter(prefix="/pointport/v1", route_class=Call)


class LoadContacts(bodies.Body):
    """Load contacts from an uploaded file; the columns by heading or by number from 1, else they are found out."""

    file_url: bodies.FilePath
    email: bodies.Text | None = None
    first_name: bodies.Text | None = None
    last_name: bodies.Text | None = None


@router.post("/contacts/upload-url", response_model=FileUrlAnswer, dependencies=[bodies.WITHOUT_MEMBERS])
def create_contacts_url(request: Request, app: TheApp, who: AccountWriter) -> Json:
    """Return a file path and the signed URL to PUT a file of contacts to; it may be larger than one to import."""
    return upload_slot(request, app, who.site_id, app.settings.contacts_bytes_max)


@router.post(
    "/contacts/load",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"application/x-ndjson": {"schema": {"$ref": "#/components/schemas/ContactLoad"}}},
            "description": "A line for each state",
        },
        **can_fail(NotFound),
    },
)
def load_contacts(body: LoadContacts, app: TheApp, who: AccountWriter) -> StreamingResponse:
    """Load the file: one JSON object a line, each with the columns and the rows so far, the last with `done` true."""
    wanted = contact_file.Headings(body.email, body.first_name, body.last_name)
    plan = contact_file.open_file(app, who.site_id, body.file_url, wanted)

    def lines() -> Iterator[bytes]:
        try:
            for state in contact_file.load(app, who.site_id, plan):
                yield json.dumps(contact_load(plan, state)).encode() + b"\n"
        except PointportError as error:
            yield bytes(answer(error).body) + b"\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")
