"""Rows of an import on a page: those that failed, with what can be put right in place, and any others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babel import Locale
from markupsafe import Markup

from pointport.entrypoints.console import charts
from pointport.entrypoints.console.pages import Visit
from pointport.imports import retries, steps
from pointport.imports.outcomes import Whose
from pointport.imports.problems import CATALOGUE, POINTS_AMBIGUOUS
from pointport.imports.record import LoyaltyImport
from pointport.plumbing.queries import CursorSigner
from pointport.wire.rows import plan_rows

PAGE_ROWS = 25
DIFFERING_ROWS = 10
OTHER_LINES_SHOWN = 10
NOT_GONE_THROUGH = ["FAILED", "UNPROCESSED"]


@dataclass(frozen=True)
class Rows:
    """A page of rows, and where the pages beside it are."""

    rows: list[dict[str, Any]]
    cursors: Mapping[str, Any]


def find(
    visit: Visit, found: LoyaltyImport, whose: Whose, wanted: Mapping[str, Any], *, limit: int, cursor: str = ""
) -> Rows:
    """Return a page of an import's rows, or those of a preview of it. Raises NotFound when there is no such run."""
    rows = steps.find_rows(visit.app, found.site_id, found.id, whose)
    query = {"filter": dict(wanted), "cursorPaging": {"limit": limit, **({"cursor": cursor} if cursor else {})}}
    if cursor:
        del query["filter"]
    pages = plan_rows(rows, query, CursorSigner(visit.app.secret, visit.site_id))
    told, paging = steps.query_rows(visit.app, rows, pages)
    return Rows(told, {**paging["cursors"]})


def failed_of(visit: Visit, found: LoyaltyImport, whose: Whose, problem: str = "") -> Rows:
    """Return a page of the rows that do not go through, of one problem or of all."""
    wanted: dict[str, Any] = {"outcome": {"$in": NOT_GONE_THROUGH}}
    if problem:
        wanted["code"] = problem
    return find(visit, found, whose, wanted, limit=PAGE_ROWS, cursor=visit.asked("page"))


def failures(visit: Visit, found: LoyaltyImport, problem: str = "") -> Rows:
    """Return a page of the rows that did not go through, each with what stands in the fields that put it right."""
    page = failed_of(visit, found, Whose.IMPORT, problem)
    elsewhere = retries.taken_up(visit.app, found, [row["line"] for row in page.rows])
    return Rows([{**row, **_fields(row), "elsewhere": elsewhere.get(row["line"])} for row in page.rows], page.cursors)


def differing(visit: Visit, found: LoyaltyImport) -> Rows:
    """Return the first rows that came out in another way than the preview said."""
    return find(visit, found, Whose.IMPORT, {"differsFromPreview": True}, limit=DIFFERING_ROWS)


def problem_chart(counts: Mapping[str, int], locale: Locale) -> Markup:
    """Return the chart of how often each problem is there."""
    return charts.bars("Problems", problem_bars(counts), locale)


def problem_bars(counts: Mapping[str, int]) -> list[charts.Bar]:
    """Return the problems, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda one: -one[1])
    return [charts.Bar(CATALOGUE[code].title, count, "bad") for code, count in ordered]


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands in the fields of a row: the cells of the file, and a number that can be read in one way."""
    email, points = row["cells"] or (row["email"] or "", "" if row["points"] is None else str(row["points"]))
    suggested = ""
    if row["problem"] == POINTS_AMBIGUOUS.code and row["cells"]:
        suggested = (row["detail"] or {}).get("grouped", "")
    return {
        "email_field": email.strip(),
        "points_field": suggested or points.strip(),
        "suggested": suggested,
        "cell": points.strip(),
    }
