"""The files that an import leaves behind, each by a signed address that is good for a while."""

from starlette.responses import Response

from pointport.entrypoints.console.pages import Visit, page, redirect
from pointport.errors import NotFound
from pointport.imports import steps
from pointport.plumbing.objects.tickets import Ticket


@page("imports")
def error_file(visit: Visit) -> Response:
    """Lead to the file of the rows that did not go through."""
    found = steps.find(visit.app, visit.site_id, visit.id("id"))
    if found.error_file_path is None or found.erased_date is not None:
        raise NotFound("there is no file of failed rows", code="ERROR_FILE_NOT_FOUND")
    name = f"{found.file_name.removesuffix('.csv')}-errors.csv"
    ticket = visit.app.tickets.issue(Ticket("download", visit.site_id, found.error_file_path, file_name=name))
    return redirect(f"/files/download/{ticket}")


@page("imports")
def report(visit: Visit) -> Response:
    """Lead to the report of all rows."""
    found = steps.find_report(visit.app, visit.site_id, visit.id("id"))
    name = f"{found.file_name.removesuffix('.csv')}-report.csv"
    ticket = visit.app.tickets.issue(Ticket("report", visit.site_id, str(found.id), file_name=name))
    return redirect(f"/files/report/{ticket}")


@page("imports")
def certificate(visit: Visit) -> Response:
    """Lead to the certificate, issued now."""
    found = steps.find(visit.app, visit.site_id, visit.id("id"))
    issued = visit.app.clock()
    ticket = visit.app.tickets.issue(Ticket("certificate", visit.site_id, f"{found.id}/{issued.isoformat()}"))
    return redirect(f"/files/certificate/{ticket}")
