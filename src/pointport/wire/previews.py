"""A preview: what an import, or its undo, would do."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pointport.imports.options import from_chosen
from pointport.imports.problems import CATALOGUE
from pointport.imports.runs import Kind, Run, RunStatus
from pointport.wire.base import Guid, Json, Timestamp, camel, in_order, timestamp, without_none
from pointport.wire.imports import (
    HeaderMappingInfoShape,
    OptionsShape,
    PolicyName,
    Undone,
    header_mapping_info,
    options,
    undone,
)


class RowCounts(TypedDict):
    """How many rows come out how."""

    imported: int
    unchanged: int
    merged: Annotated[int, Field(description="Another row of their customer stands for them")]
    failed: int


class ProblemShape(TypedDict):
    """A problem, how often it is there, and the first lines that have it."""

    code: str
    title: str
    count: int
    lines: list[int]


class AccountCounts(TypedDict):
    """What happens to accounts, and to contacts."""

    created: int
    changed: int
    unchanged: int
    contactsCreated: int


class PointTotals(TypedDict):
    """The points that come and go, and all that the site's customers have."""

    added: int
    removed: int
    totalBefore: int
    totalAfter: int


class Mover(TypedDict):
    """A row that changes a balance a lot."""

    line: int
    email: str
    balanceBefore: int
    balanceAfter: int


# Named so since `from` is a word of Python's.
Bar = TypedDict("Bar", {"from": "int | None", "to": "int | None", "count": int})
"""How many balances change by so much, both ends included; the first has no beginning, the last no end."""


class SampleShape(TypedDict):
    """One of the first rows, and what becomes of it."""

    line: int
    email: NotRequired[str]
    points: NotRequired[int]
    outcome: str
    code: NotRequired[str]
    balanceBefore: NotRequired[int]
    balanceAfter: NotRequired[int]


class GuardRailShape(TypedDict):
    """An option that would stop the import before its first write."""

    option: Annotated[str, Field(examples=["maxTotalChange"])]
    limit: int
    found: int
    rows: NotRequired[Annotated[int, Field(description="Rows, or accounts, that are over it")]]
    lines: Annotated[list[int], Field(description="The first of them, or those that change the most")]


class SameFile(TypedDict):
    """An import of the very same file that stands."""

    loyaltyImportId: Guid
    executedDate: Timestamp


class PreviewResult(TypedDict):
    """What would happen."""

    rows: RowCounts
    problems: list[ProblemShape]
    accounts: AccountCounts
    points: PointTotals
    movers: Annotated[list[Mover], Field(description="The ten that change a balance the most")]
    histogram: list[Bar]
    sampleRows: Annotated[list[SampleShape], Field(description="The first ten rows")]
    guardRails: NotRequired[Annotated[list[GuardRailShape], Field(description="Those that hold it back")]]
    sameFile: NotRequired[list[SameFile]]
    undo: NotRequired[Undone]


class PreviewShape(TypedDict):
    """A preview, from the moment it is asked for."""

    id: Guid
    loyaltyImportId: Guid
    status: Annotated[str, Field(json_schema_extra={"enum": list(RunStatus)})]
    createdDate: Timestamp
    finishedDate: NotRequired[Timestamp]
    headerMappingInfo: NotRequired[HeaderMappingInfoShape]
    options: NotRequired[OptionsShape]
    policy: NotRequired[PolicyName]
    failureReason: NotRequired[Annotated[str, Field(examples=["FILE_CHANGED", "FILE_NOT_FOUND", "INTERNAL_ERROR"])]]
    failureMessage: NotRequired[str]
    result: NotRequired[PreviewResult]


class PreviewAnswer(TypedDict):
    """One preview."""

    preview: PreviewShape


def preview(run: Run) -> Json:
    """Return a preview; what has no value yet is left out."""
    is_of_import = run.kind is Kind.PREVIEW
    return without_none(
        {
            "id": str(run.id),
            "loyaltyImportId": str(run.import_id),
            "status": str(run.status),
            "createdDate": timestamp(run.created_date),
            "finishedDate": timestamp(run.finished_date) if run.finished_date else None,
            "headerMappingInfo": header_mapping_info(run.columns) if is_of_import else None,
            "options": options(from_chosen(run.options)) if is_of_import else None,
            "policy": None if is_of_import else run.options["when_negative"],
            "failureReason": run.failure_reason,
            "failureMessage": run.failure_message,
            "result": _result(run.summary) if run.summary else None,
        }
    )


def _result(summary: Mapping[str, Any]) -> Json:
    rows, points = summary["rows"], summary["points"]
    return without_none(
        {
            "rows": {name.lower(): rows.get(name, 0) for name in ("IMPORTED", "UNCHANGED", "MERGED", "FAILED")},
            "problems": [
                in_order(ProblemShape, {**problem, "title": CATALOGUE[problem["code"]].title})
                for problem in summary["problems"]
            ],
            "accounts": in_order(AccountCounts, _camel(summary["accounts"])),
            "points": {
                "added": points["added"],
                "removed": points["removed"],
                "totalBefore": points["before"],
                "totalAfter": points["after"],
            },
            "movers": [in_order(Mover, _camel(mover)) for mover in summary["movers"]],
            "histogram": [in_order(Bar, bar) for bar in summary["histogram"]],
            "sampleRows": [_row(row) for row in summary["samples"]],
            "guardRails": [
                without_none(
                    {
                        "option": camel(rail["rule"]),
                        **{name: rail[name] for name in ("limit", "found", "rows", "lines")},
                    }
                )
                for rail in summary["guard_rails"]
            ]
            if "guard_rails" in summary
            else None,
            "sameFile": [
                {
                    "loyaltyImportId": twin["import_id"],
                    "executedDate": timestamp(datetime.fromisoformat(twin["executed_date"])),
                }
                for twin in summary["repeats"]
            ]
            if "repeats" in summary
            else None,
            "undo": undone(summary["undo"]) if "undo" in summary else None,
        }
    )


def _row(row: Mapping[str, Any]) -> Json:
    return in_order(SampleShape, without_none({**_camel(row), "code": row["problem"]}))


def _camel(members: Mapping[str, Any]) -> Json:
    return {camel(name): value for name, value in members.items()}
