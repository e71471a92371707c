"""Taking an import back: what that would do, and doing it."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from pointport.entrypoints.console import charts, import_page, rows
from pointport.entrypoints.console.pages import ROOT, Visit, page, redirect
from pointport.errors import PreconditionFailed
from pointport.imports import previews, steps, undo
from pointport.imports.applying import WhenNegative
from pointport.imports.outcomes import Whose
from pointport.imports.runs import Kind, Run, RunStatus


@page("imports")
def show(visit: Visit) -> Response:
    """Ask what becomes of points that are spent, and show what taking it back would do."""
    found = steps.find(visit.app, visit.site_id, visit.id("id"))
    if found.undo is not None and found.undo["status"] != RunStatus.FAILED:
        return redirect(f"{ROOT}/imports/{found.id}")
    run = import_page.newest(visit.app, found, Kind.UNDO_PREVIEW)
    values = _values(visit, run) if run is not None and run.status is RunStatus.DONE else {}
    kept = (
        rows.find(
            visit, found, Whose.UNDO_PREVIEW, {"outcome": "FAILED"}, limit=rows.PAGE_ROWS, cursor=visit.asked("page")
        )
        if values
        else None
    )
    return visit.render(
        "undo.html",
        one=found,
        run=run,
        policy=run.options["when_negative"] if run is not None else str(WhenNegative.SKIP),
        seen=import_page.seen(visit.app, found),
        kept=kept,
        **values,
    )


@page("imports")
def preview(visit: Visit) -> Response:
    """Have it found out what taking the import back would do."""
    import_id = visit.id("id")
    policy = WhenNegative.CLAMP if visit.text("policy") == WhenNegative.CLAMP else WhenNegative.SKIP
    try:
        previews.begin_of_undo(visit.app, visit.site_id, import_id, when_negative=policy, actor=visit.actor)
    except PreconditionFailed as error:
        return import_page.moved_on(visit, error, import_id)
    return redirect(f"{ROOT}/imports/{import_id}/undo")


@page("imports")
def begin(visit: Visit) -> Response:
    """Take the import back, as the preview that was looked at said."""
    import_id = visit.id("id")
    try:
        run = import_page.looked_at(visit, import_id, Kind.UNDO_PREVIEW)
        undo.begin(
            visit.app,
            visit.site_id,
            import_id,
            when_negative=WhenNegative(run.options["when_negative"]),
            actor=visit.actor,
        )
    except PreconditionFailed as error:
        return import_page.moved_on(visit, error, import_id)
    return redirect(f"{ROOT}/imports/{import_id}")


def _values(visit: Visit, run: Run) -> Mapping[str, Any]:
    summary = run.summary or {}
    told = summary["undo"]
    bars = [
        charts.Bar("Taken back", told["reversed"]),
        charts.Bar("Kept, at least in part", told["kept"], "soft"),
        charts.Bar("Not possible", told["impossible"], "bad"),
    ]
    return {
        "told": told,
        "points": summary["points"],
        "bars": bars,
        "chart_drawing": charts.bars("What would be taken back", bars, visit.locale),
    }
