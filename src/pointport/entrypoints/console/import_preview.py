"""Looking before: the choices go in, what would happen comes out, and exactly that is set going."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from pointport.entrypoints.console import charts, choosing, import_page, rows
from pointport.entrypoints.console.choosing import Chosen
from pointport.entrypoints.console.pages import ROOT, Visit, page, redirect
from pointport.errors import PreconditionFailed
from pointport.imports import previews, steps
from pointport.imports.options import Options, from_chosen
from pointport.imports.outcomes import Whose
from pointport.imports.problems import CATALOGUE
from pointport.imports.record import LoyaltyImport
from pointport.imports.runs import Kind, Run, RunStatus
from pointport.imports.status import Status

LINE_DIGITS_MAX = 10


@page("imports")
def ask(visit: Visit) -> Response:
    """Take the choices and have the import previewed; or show the form again, with what is wrong."""
    found = steps.find(visit.app, visit.site_id, visit.id("id"))
    if found.status is not Status.PARSED:
        return _moved_on(visit, found)
    chosen = choosing.read(visit.form, found)
    if not isinstance(chosen, Chosen):
        return import_page.render(visit, found, choices=chosen, status=HTTPStatus.BAD_REQUEST)
    try:
        previews.begin(
            visit.app, visit.site_id, found.id, columns=chosen.columns, options=chosen.options, actor=visit.actor
        )
    except PreconditionFailed as error:
        return import_page.moved_on(visit, error, found.id)
    return redirect(f"{ROOT}/imports/{found.id}/preview")


@page("imports")
def show(visit: Visit) -> Response:
    """Show what would happen; of an import that was set going, what was said before."""
    found = steps.find(visit.app, visit.site_id, visit.id("id"))
    run = import_page.newest(visit.app, found, Kind.PREVIEW)
    if run is None:
        return redirect(f"{ROOT}/imports/{found.id}")
    values = _values(visit, found, run) if run.status is RunStatus.DONE else {}
    return visit.render("preview.html", one=found, run=run, seen=import_page.seen(visit.app, found), **values)


@page("imports")
def execute(visit: Visit) -> Response:
    """Set going what was previewed, with the columns and options that the preview was of."""
    import_id = visit.id("id")
    try:
        run = import_page.looked_at(visit, import_id, Kind.PREVIEW)
        steps.execute(
            visit.app,
            visit.site_id,
            import_id,
            columns=run.columns,
            options=from_chosen(run.options),
            actor=visit.actor,
        )
    except PreconditionFailed as error:
        return import_page.moved_on(visit, error, import_id)
    return redirect(f"{ROOT}/imports/{import_id}")


def _moved_on(visit: Visit, found: LoyaltyImport) -> Response:
    error = PreconditionFailed("the import has gone on", code="INVALID_IMPORT_STATUS")
    return import_page.moved_on(visit, error, found.id)


def _values(visit: Visit, found: LoyaltyImport, run: Run) -> Mapping[str, Any]:
    """What a finished preview has to say, as its template takes it."""
    summary, options = run.summary or {}, from_chosen(run.options)
    counts = {problem["code"]: problem["count"] for problem in summary["problems"]}
    accounts = summary["accounts"]
    histogram = charts.changes(summary["histogram"], visit.locale)
    chosen = visit.asked("problem")
    line = visit.asked("line").strip()
    changing = summary["rows"].get("IMPORTED", 0)
    # The newest finished preview's rows are this one's: no other finished since.
    failed = rows.failed_of(visit, found, Whose.PREVIEW, chosen if chosen in CATALOGUE else "") if counts else None
    return {
        "summary": summary,
        "options": options,
        "header": found.header or [],
        "columns": run.columns,
        "counts": counts,
        "failed_count": summary["rows"].get("FAILED", 0),
        "changing": changing,
        "does_something": bool(changing or accounts["created"]),
        "histogram": histogram,
        "histogram_chart": charts.bars("How much the balances change", histogram, visit.locale),
        "problem_bars": rows.problem_bars(counts),
        "problem_chart": rows.problem_chart(counts, visit.locale),
        "failed": failed,
        "problem_chosen": chosen,
        "line": line,
        "line_row": _line(visit, found, line),
        "rails": summary["guard_rails"],
        "repeats": summary["repeats"],
        "is_refused_repeat": bool(summary["repeats"]) and options.adds and not options.allow_repeat,
        "is_open": found.status is Status.PARSED,
        "deed": _deed(options, summary, changing),
    }


def _line(visit: Visit, found: LoyaltyImport, line: str) -> dict[str, Any] | None:
    """Return the row that starts at a line somebody asks for, or None."""
    if not (line.isascii() and line.isdigit() and len(line) <= LINE_DIGITS_MAX):
        return None
    asked = rows.find(visit, found, Whose.PREVIEW, {"line": int(line)}, limit=1)
    return asked.rows[0] if asked.rows else None


def _deed(options: Options, summary: Mapping[str, Any], changing: int) -> dict[str, Any]:
    """Return the parts of what the button says."""
    points = summary["points"]
    return {
        "adds": options.adds,
        "balances": changing,
        "created": summary["accounts"]["created"],
        "added": points["added"],
        "removed": points["removed"],
    }
