"""GET /v1/loyalty-imports/report-download-url: where all rows can be had, with what became of each (design.md 8)."""

from fastapi import APIRouter, Request

from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp, base_url
from pointport.entrypoints.api.imports.get_import import ImportId
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound, PreconditionFailed
from pointport.imports import steps
from pointport.plumbing.objects.tickets import Ticket
from pointport.wire.base import Json
from pointport.wire.rows import ReportUrlAnswer

router = APIRouter(route_class=Call)


@router.get(
    "/v1/loyalty-imports/report-download-url",
    response_model=ReportUrlAnswer,
    responses=can_fail(NotFound, PreconditionFailed),
)
def get_report_url(request: Request, import_id: ImportId, app: TheApp, who: Importer) -> Json:
    """Return a signed URL that needs no key; the report is made when it is fetched."""
    found = steps.find_report(app, who.site_id, import_id)
    name = found.file_name.removesuffix(".csv") + "-report.csv"
    ticket = app.tickets.issue(Ticket("report", who.site_id, str(found.id), file_name=name))
    return {"url": f"{base_url(request, app)}/files/report/{ticket}"}
