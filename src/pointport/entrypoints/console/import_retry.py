"""Trying failed rows again, as they were put right in their table."""

import re
from http import HTTPStatus

from starlette.responses import Response

from pointport.entrypoints.console import import_page, wording
from pointport.entrypoints.console.pages import ROOT, Visit, page, redirect
from pointport.errors import InvalidRequest, PreconditionFailed
from pointport.imports import retries, steps
from pointport.imports.retries import Correction

LINE = re.compile(r"[1-9]\d{0,9}")
CELL_CHARACTERS_MAX = 320
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
NONE_CHOSEN = "Tick at least one row that is to be tried again."


@page("imports")
def retry(visit: Visit) -> Response:
    """Make an import of the rows that are ticked, with what stands in their fields."""
    found = steps.find(visit.app, visit.site_id, visit.id("id"))
    lines = [text for text in visit.form.getlist("line") if isinstance(text, str) and LINE.fullmatch(text)]
    corrections = [
        Correction(int(line), _cell(visit, f"email-{line}"), _cell(visit, f"points-{line}"))
        for line in dict.fromkeys(lines)
    ]
    if not corrections:
        return import_page.render(visit, found, status=HTTPStatus.BAD_REQUEST, wrong_retry=NONE_CHOSEN)
    try:
        made = retries.from_corrections(visit.app, visit.site_id, found.id, corrections=corrections, actor=visit.actor)
    except PreconditionFailed as error:
        return import_page.moved_on(visit, error, found.id)
    except InvalidRequest as error:
        told = " ".join(f"Of these rows, {violation.description}." for violation in error.violations)
        return import_page.render(visit, found, status=HTTPStatus.CONFLICT, wrong_retry=wording.plain(told))
    return redirect(f"{ROOT}/imports/{made.id}")


def _cell(visit: Visit, name: str) -> str | None:
    """Return what stands in a field; None when the row has none, so that its cell stays as it is."""
    value = visit.form.get(name)
    return UNSTORABLE.sub("", value)[:CELL_CHARACTERS_MAX] if isinstance(value, str) else None
