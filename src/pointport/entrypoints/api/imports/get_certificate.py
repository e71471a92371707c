"""GET /v1/loyalty-imports/certificate: what an ended import did, proven from the ledger and signed."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request

from pointport.app import App
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp, base_url
from pointport.entrypoints.api.imports.get_import import ImportId
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound, PreconditionFailed
from pointport.imports import steps
from pointport.plumbing.objects.tickets import Ticket
from pointport.plumbing.sites import signing
from pointport.wire import certificates as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


@router.get(
    "/v1/loyalty-imports/certificate",
    response_model=wire.CertificateAnswer,
    responses=can_fail(NotFound, PreconditionFailed),
)
def get_certificate(request: Request, import_id: ImportId, app: TheApp, who: Importer) -> Json:
    """Certify an ended import: every row has one outcome, points before + changes = points after, as the ledger says."""
    issued = app.clock()
    answer = certified(app, who.site_id, import_id, issued_date=issued, actor=who.actor)
    # The page is of this very certificate: it is issued at the same moment.
    ticket = app.tickets.issue(Ticket("certificate", who.site_id, f"{import_id}/{issued.isoformat()}"))
    return {**answer, "pageUrl": f"{base_url(request, app)}/files/certificate/{ticket}"}


def certified(app: App, site_id: UUID, import_id: UUID, *, issued_date: datetime, actor: str) -> Json:
    """Return an import's certificate with its signature, as it is at a moment."""
    certificate = wire.certificate(steps.certify(app, site_id, import_id), issued_date)
    signature = signing.sign_document(
        app.database,
        site_id,
        wire.canonical(certificate),
        kind=wire.KIND,
        secret=app.secret,
        actor=actor,
        now=app.clock(),
    )
    return {"certificate": certificate, "signature": signature}
