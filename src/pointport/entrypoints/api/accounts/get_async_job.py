"""GET /v1/async-jobs/{jobId}: how far work in the background is (contract.md 6.2, bulk adjust)."""

from typing import Annotated

from fastapi import APIRouter, Path

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import JobReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound
from pointport.ledger import adjusting
from pointport.wire import jobs as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


@router.get("/v1/async-jobs/{jobId}", response_model=wire.JobAnswer, responses=can_fail(NotFound))
def get_async_job(job_id: Annotated[bodies.Guid, Path(alias="jobId")], app: TheApp, who: JobReader) -> Json:
    """Return a job, with the first accounts that stayed as they were."""
    found, failures = adjusting.find(app.database, who.site_id, job_id)
    return {"job": wire.job(found, failures)}
