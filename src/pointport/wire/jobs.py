"""The async job (contract.md 6.2, bulk adjust): how far work in the background is."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pointport.wire.base import Guid, Json, Timestamp, timestamp, without_none

STATUSES = ("UNKNOWN", "INITIALIZED", "PROCESSING", "FINISHED", "FAILED")
ADVICE = {
    "BALANCE_WOULD_BE_NEGATIVE": "the balance would be less than 0",
    "BALANCE_TOO_LARGE": "the balance would be more than an account can hold",
}


class JobFailure(TypedDict):
    """An account that stayed as it was, and why."""

    accountId: Guid
    code: str
    message: str


class JobDetails(TypedDict):
    """What the contract has no place for."""

    failures: Annotated[list[JobFailure], Field(description="The first accounts that stayed as they were")]
    failureMessage: NotRequired[str]


class Job(TypedDict):
    """A change of many accounts."""

    id: Guid
    status: Annotated[str, Field(json_schema_extra={"enum": list(STATUSES)})]
    itemsToProcess: int
    itemsSucceeded: int
    itemsFailed: int
    createdDate: Timestamp
    updatedDate: Timestamp
    finishedDate: NotRequired[Timestamp]
    pointport: JobDetails


class JobAnswer(TypedDict):
    """One job."""

    job: Job


def job(found: Mapping[str, Any], failures: Sequence[Mapping[str, Any]]) -> Json:
    """Return a job."""
    return without_none(
        {
            "id": str(found["id"]),
            "status": found["status"],
            "itemsToProcess": found["items_to_process"] or 0,
            "itemsSucceeded": found["items_succeeded"],
            "itemsFailed": found["items_failed"],
            "createdDate": timestamp(found["created_date"]),
            "updatedDate": timestamp(found["updated_date"]),
            "finishedDate": timestamp(found["finished_date"]) if found["finished_date"] else None,
            "pointport": without_none(
                {
                    "failures": [
                        {"accountId": str(one["account_id"]), "code": one["problem"], "message": ADVICE[one["problem"]]}
                        for one in failures
                    ],
                    "failureMessage": found["failure_message"],
                }
            ),
        }
    )
