"""What became of an import beyond its object: problems by kind, the first failed rows, who asked for it."""

from typing import Annotated

from fastapi import APIRouter, Query

from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.imports.get_import import ImportId
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound
from pointport.imports import steps
from pointport.imports.problems import CATALOGUE
from pointport.wire.base import Json, timestamp
from pointport.wire.imports import SummaryAnswer, outcome_counts

router = APIRouter(prefix="/pointport/v1", route_class=Call)


@router.get("/import-summary", response_model=SummaryAnswer, responses=can_fail(NotFound))
def explain_import(
    import_id: ImportId, app: TheApp, who: Importer, examples: Annotated[int, Query(ge=0, le=100)] = 10
) -> Json:
    """Return the counts of outcomes and problems, the site's totals now, the trail, and the first failed rows."""
    found = steps.summary(app, who.site_id, import_id)
    failures = steps.first_failures(app, who.site_id, import_id, limit=examples)
    outcomes = found["outcomes"]
    return {
        **({} if outcomes is None else {"outcomes": outcome_counts(outcomes)}),
        "problems": [
            {"code": code, "title": CATALOGUE[code].title, "count": count} for code, count in found["problems"].items()
        ],
        "accounts": found["accounts"],
        "balance": found["balance"],
        "trail": [{**entry, "created_date": timestamp(entry["created_date"])} for entry in found["trail"]],
        "firstFailures": [
            {"line": row["line"], "outcome": row["outcome"], "code": row["problem"], "message": row["message"]}
            for row in failures
        ],
    }
