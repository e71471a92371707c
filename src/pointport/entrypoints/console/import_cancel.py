"""Stopping an import that runs: asked once, then done."""

from starlette.responses import Response

from pointport.entrypoints.console import import_page
from pointport.entrypoints.console.pages import ROOT, Visit, page, redirect
from pointport.errors import PreconditionFailed
from pointport.imports import steps
from pointport.imports.status import Status


@page("imports")
def ask(visit: Visit) -> Response:
    """Ask whether that is meant."""
    found = steps.find(visit.app, visit.site_id, visit.id("id"))
    if found.status is not Status.IMPORTING:
        return redirect(f"{ROOT}/imports/{found.id}")
    return visit.render("cancel.html", one=found, **import_page.progress(visit.app, found))


@page("imports")
def cancel(visit: Visit) -> Response:
    """Have the import stop."""
    import_id = visit.id("id")
    try:
        steps.cancel(visit.app, visit.site_id, import_id, actor=visit.actor)
    except PreconditionFailed as error:
        return import_page.moved_on(visit, error, import_id)
    return redirect(f"{ROOT}/imports/{import_id}?stopping=1")
