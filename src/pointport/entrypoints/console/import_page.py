"""The page of one import: what it is now, whatever that is; one partial for each status."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from starlette.responses import Response

from pointport.app import App
from pointport.entrypoints.console import charts, choosing, rows, wording
from pointport.entrypoints.console.choosing import Choices
from pointport.entrypoints.console.pages import Visit, page
from pointport.errors import NotFound, PointportError, PreconditionFailed
from pointport.imports import previews, retries, steps
from pointport.imports.options import DESCRIPTION, DESCRIPTION_CHARACTERS_MAX
from pointport.imports.problems import CATALOGUE
from pointport.imports.progress import Progress
from pointport.imports.record import LoyaltyImport
from pointport.imports.runs import Kind, Run, RunStatus
from pointport.imports.status import Status

FOR_THE_COLUMNS = frozenset({"NO_EMAIL_COLUMN", "NO_POINTS_COLUMN"})
"""Notices that stand beside the columns, since that is where something is to be done."""


@page("imports")
def show(visit: Visit) -> Response:
    """Show an import as it is now."""
    found = steps.find(visit.app, visit.site_id, visit.id("id"))
    return render(visit, found)


def render(
    visit: Visit,
    found: LoyaltyImport,
    *,
    choices: Choices | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    **more: Any,
) -> Response:
    """Return the page of an import; `choices` are those of a form that was sent and is shown again."""
    values = {
        "reading_wrong": {},
        "reading_form": reading_form(found),
        "wrong_retry": "",
        "told": "",
        **VALUES[found.status](visit, found),
        **({"choices": choices} if choices is not None else {}),
        **more,
    }
    return visit.render("import.html", status, one=found, seen=seen(visit.app, found), **values)


def moved_on(visit: Visit, error: PointportError, import_id: UUID) -> Response:
    """Return the page of what can no longer be done with an import, and what it is now: somebody was faster."""
    found = steps.find(visit.app, visit.site_id, import_id)
    return visit.render("moved_on.html", HTTPStatus.CONFLICT, one=found, message=wording.explained(error))


def seen(app: App, found: LoyaltyImport) -> str:
    """Return what tells one state of an import from another, for a page that waits for the next."""
    parts = [found.status, (found.undo or {}).get("status", ""), str(len(found.retries)), str(found.still_failed_count)]
    for kind in (Kind.PREVIEW, Kind.UNDO_PREVIEW):
        run = newest(app, found, kind)
        parts += [str(run.id), run.status] if run else ["", ""]
    return ".".join(map(str, parts))


def newest(app: App, found: LoyaltyImport, kind: Kind) -> Run | None:
    """Return the newest preview of a kind, or None."""
    try:
        return previews.find(app, found.site_id, found.id, kind)
    except NotFound:
        return None


def looked_at(visit: Visit, import_id: UUID, kind: Kind) -> Run:
    """Return the preview that a form speaks of. Raises PreconditionFailed when there is a newer one by now."""
    run = previews.find(visit.app, visit.site_id, import_id, kind)
    if str(run.id) != visit.text("preview") or run.status is not RunStatus.DONE:
        raise PreconditionFailed("there is a newer preview, which may say something else", code="NEWER_PREVIEW")
    return run


def progress(app: App, found: LoyaltyImport) -> dict[str, Any]:
    """Return how far an import is, as its template takes it."""
    total = found.parsed_row_count or 0
    return {
        "progress": Progress(
            min(found.done_rows, total), total, found.executed_date, found.finished_date or app.clock()
        )
    }


def reading_form(found: LoyaltyImport) -> dict[str, str]:
    """Return what was said of how the file is written, as text; what is empty is found out."""
    reading = found.reading
    return {
        "encoding": reading.encoding or "",
        "delimiter": reading.delimiter or "",
        "quote": "none" if reading.quote == "" else reading.quote or "",
        "heading_line": "" if reading.heading_line is None else str(reading.heading_line),
        "sheet": reading.sheet or "",
    }


def _waiting(_: Visit, __: LoyaltyImport) -> Mapping[str, Any]:
    return {}


def _parsed(visit: Visit, found: LoyaltyImport) -> Mapping[str, Any]:
    preview = newest(visit.app, found, Kind.PREVIEW)
    notices = (found.detected or {}).get("notices", [])
    return {
        "choices": choosing.of_run(preview) if preview else choosing.suggested(found),
        "preview": preview,
        "repeats": steps.find_repeats(visit.app, found),
        "column_notices": [notice for notice in notices if notice["code"] in FOR_THE_COLUMNS],
        "notices": [notice for notice in notices if notice["code"] not in FOR_THE_COLUMNS],
        "description": DESCRIPTION,
        "description_max": DESCRIPTION_CHARACTERS_MAX,
    }


def _importing(visit: Visit, found: LoyaltyImport) -> Mapping[str, Any]:
    return {**progress(visit.app, found), "stopping": visit.asked("stopping")}


def _ended(visit: Visit, found: LoyaltyImport) -> Mapping[str, Any]:
    """What an import has come to: counts, charts, and the rows that did not go through."""
    if found.email_index is None:
        return {"counts": {}}
    app = visit.app
    outcomes, counts = steps.count_rows(app, found)
    merged = (outcomes or {}).get("MERGED", 0)
    root, family = retries.family(app, found)
    chosen = visit.asked("problem")
    failed = rows.failures(visit, found, chosen if chosen in CATALOGUE else "") if found.failure_count else None
    unchanged = (found.success_count or 0) - (found.accounts_changed or 0) - merged
    outcome_bars = [
        charts.Bar("Balance changed", found.accounts_changed or 0),
        charts.Bar("Already that balance", unchanged, "soft"),
        *([charts.Bar("Counted with another row of the same customer", merged, "soft")] if merged else []),
        charts.Bar("Not gone through", found.failure_count or 0, "bad"),
    ]
    return {
        "counts": counts,
        "outcome_bars": outcome_bars,
        "outcome_chart": charts.bars("What became of the rows", outcome_bars, visit.locale),
        "problem_bars": rows.problem_bars(counts),
        "problem_chart": rows.problem_chart(counts, visit.locale),
        "unchanged": unchanged,
        "root_import": root,
        "family": [one for one in family if one.id != found.id],
        "failed": failed,
        "problem_chosen": chosen,
        "differing": rows.differing(visit, found) if found.differing_rows else None,
        "can_undo": bool(found.accounts_changed) and (found.undo is None or found.undo["status"] == RunStatus.FAILED),
    }


VALUES = {
    Status.INITIATED: _waiting,
    Status.PARSING: _waiting,
    Status.PARSED: _parsed,
    Status.IMPORTING: _importing,
    Status.IMPORTED: _ended,
    Status.FAILED: _ended,
}
"""What the partial of each status is given."""
