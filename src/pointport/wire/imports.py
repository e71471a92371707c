"""The LoyaltyImport: the contract's object, and what it can be asked for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pointport.imports.options import Duplicates, Mode, Options, UnknownContacts
from pointport.imports.problems import CATALOGUE, LATER_IMPORT
from pointport.imports.progress import Progress
from pointport.imports.record import LoyaltyImport
from pointport.imports.runs import RunStatus
from pointport.imports.shapes import Mapping as Columns
from pointport.imports.status import Status
from pointport.plumbing.queries import Field as QueryField
from pointport.plumbing.queries import Kind, PagingMetadata, Resource, Sort
from pointport.wire.base import Guid, Int64, Json, Timestamp, camel, timestamp, without_none
from pointport.wire.readings import number_format

IMPORTS = Resource(
    name="loyalty-imports",
    fields={
        "createdDate": QueryField("loyalty_import.created_date", Kind.TIMESTAMP),
        "updatedDate": QueryField("loyalty_import.updated_date", Kind.TIMESTAMP),
        "status": QueryField("loyalty_import.status", Kind.ENUM, values=frozenset({"UNKNOWN", *Status})),
    },
    id_field=QueryField("loyalty_import.id", Kind.GUID),
    default_sort=(Sort("createdDate", descending=True),),
)

OPTION_NAMES = tuple((camel(name), name) for name in Options.__dataclass_fields__)

# --- The shape of a LoyaltyImport (contract.md 3) ------------------------------------------------------------------------

ColumnName = Annotated[str, Field(json_schema_extra={"enum": ["EMAIL", "POINTS"]})]
PolicyName = Literal["SKIP", "CLAMP"]
"""What an undo does with points that are spent."""
FailureReason = Annotated[
    str,
    Field(
        description="Why it has FAILED: GUARD_RAIL, TOO_MANY_FAILED_ROWS, CANCELLED, FILE_CHANGED, FILE_NOT_FOUND,"
        " INTERNAL_ERROR, or why the file cannot be read, which is its parseErrorReason too",
        examples=["GUARD_RAIL", "TOO_MANY_FAILED_ROWS", "CANCELLED", "FILE_CHANGED", "INTERNAL_ERROR"],
    ),
]
StatusName = Annotated[str, Field(json_schema_extra={"enum": ["UNKNOWN", *Status]})]


class Header(TypedDict):
    """The file's headings."""

    values: Annotated[list[str], Field(max_length=100)]


class SampleRow(TypedDict):
    """The first values of a row, as they stand in the file."""

    values: Annotated[list[str], Field(max_length=20)]


class HeaderMappingShape(TypedDict):
    """What one column means."""

    columnName: ColumnName
    columnIndex: Annotated[int, Field(ge=0, description="From 0")]


class HeaderMappingInfoShape(TypedDict):
    """Which columns were chosen at execute."""

    headerMappings: Annotated[list[HeaderMappingShape], Field(min_length=2, max_length=2)]


class FileMetadata(TypedDict):
    """The file: what was said of it at create, and what parsing found out."""

    size: Annotated[int, Field(description="Bytes")]
    name: str
    url: Annotated[str, Field(description="The file path that the import was made of")]
    header: NotRequired[Header]
    headerMappingInfo: NotRequired[HeaderMappingInfoShape]
    sampleDataRows: Annotated[list[SampleRow], Field(max_length=5)]


class ParseResult(TypedDict):
    """What parsing came to: a number of rows, or the code of why the file cannot be read."""

    parsedRowCount: NotRequired[Annotated[int, Field(description="Rows below the heading")]]
    parseErrorReason: NotRequired[Annotated[str, Field(max_length=1000, examples=["NOT_CSV"])]]


class ImportResult(TypedDict):
    """What became of the rows; the counts are there once the import has ended."""

    errorFileExists: bool
    successCount: NotRequired[int]
    failureCount: NotRequired[int]


class SuggestedMapping(TypedDict):
    """Which columns seem to be meant, from 0, and why."""

    email: int | None
    points: int | None
    why: str


class NumberFormatShape(TypedDict):
    """How the numbers of the points column are written, and what shows it."""

    group: str | None
    decimal: str | None
    evidence: str


class Warned(TypedDict):
    """Something to beware of, and the line that it is about."""

    code: Annotated[str, Field(examples=["NO_POINTS_COLUMN"])]
    line: Annotated[int, Field(description="From 1")]
    message: str


class Detected(TypedDict):
    """What was found out about the file instead of asked."""

    encoding: Annotated[str, Field(examples=["utf-8", "windows-1252", "xlsx"])]
    delimiter: Annotated[str, Field(description="Empty for a workbook")]
    quote: Annotated[str, Field(description="Empty where quotes mean nothing")]
    escape: Annotated[str | None, Field(description="What makes text of a quote; null where it is doubled")]
    lineEnding: Annotated[str, Field(json_schema_extra={"enum": ["LF", "CRLF", "CR"]})]
    headingLine: Annotated[int, Field(description="From 1; 0 when the file has no headings")]
    sheet: Annotated[str | None, Field(description="The sheet of a workbook")]
    system: Annotated[str | None, Field(description="The system whose file it is, when its headings say so")]
    suggestedMapping: SuggestedMapping
    numberFormat: NumberFormatShape
    warnings: list[Warned]


class ProgressShape(TypedDict):
    """How far an import is."""

    rowsDone: int
    rowsTotal: int
    ratePerSecond: NotRequired[float]
    etaSeconds: NotRequired[float]


class Totals(TypedDict):
    """What an import changed."""

    accountsCreated: int
    accountsChanged: int
    pointsAdded: int
    pointsRemoved: int


class OptionsShape(TypedDict):
    """How a value counts, and when better not to go on."""

    mode: Annotated[str, Field(json_schema_extra={"enum": list(Mode)})]
    duplicates: Annotated[str, Field(json_schema_extra={"enum": list(Duplicates)})]
    unknownContacts: Annotated[str, Field(json_schema_extra={"enum": list(UnknownContacts)})]
    atomic: Annotated[bool, Field(description="All good rows in one transaction, or none")]
    failIfMoreThan: NotRequired[Annotated[int, Field(description="Failed rows that are put up with")]]
    maxPointsPerRow: NotRequired[int]
    maxTotalChange: NotRequired[int]
    maxAccountsChangedPercent: NotRequired[int]
    description: NotRequired[Annotated[str, Field(description="What each transaction says")]]
    allowRepeat: bool
    notify: bool


class Previewed(TypedDict):
    """The preview that the import was executed after, and how many rows came out in another way."""

    id: Guid
    differingRows: NotRequired[int]


class ReasonCount(TypedDict):
    """How often something stood in the way."""

    code: str
    title: str
    count: int
    laterImportIds: NotRequired[Annotated[list[Guid], Field(description="The newest ten to undo first: LATER_IMPORT")]]


class Undone(TypedDict):
    """How far an import is, or in a preview would be, taken back; the counts are there once that is done."""

    id: NotRequired[Guid]
    status: NotRequired[Annotated[str, Field(json_schema_extra={"enum": list(RunStatus)})]]
    policy: NotRequired[PolicyName]
    finishedDate: NotRequired[Timestamp]
    reversed: NotRequired[Annotated[int, Field(description="Entries that got their counterpart")]]
    kept: NotRequired[Annotated[int, Field(description="Entries whose points were spent, at least in part")]]
    impossible: NotRequired[Annotated[int, Field(description="Entries that it would be wrong to take back")]]
    pointsAdded: NotRequired[int]
    pointsRemoved: NotRequired[int]
    reasons: NotRequired[list[ReasonCount]]
    message: NotRequired[str]


class Ours(TypedDict):
    """What the contract has no place for; a client of the contract never notices."""

    options: NotRequired[OptionsShape]
    preview: NotRequired[Previewed]
    retryOf: NotRequired[Annotated[Guid, Field(description="The import whose failed rows it tries again")]]
    retries: NotRequired[Annotated[list[Guid], Field(description="Imports that tried failed rows of its family again")]]
    stillFailedCount: NotRequired[Annotated[int, Field(description="Failed rows that no retry has brought through")]]
    undo: NotRequired[Undone]

    detected: NotRequired[Detected]
    progress: NotRequired[ProgressShape]
    totals: NotRequired[Totals]
    failureReason: NotRequired[FailureReason]
    failureMessage: NotRequired[Annotated[str, Field(description="What happened, where, and the way out")]]


class LoyaltyImportShape(TypedDict):
    """One file's whole life, from upload to result."""

    id: Guid
    asyncImportJobId: NotRequired[Guid]
    revision: Int64
    createdDate: Timestamp
    updatedDate: Timestamp
    status: StatusName
    fileMetadata: FileMetadata
    parseResult: NotRequired[ParseResult]
    importResult: NotRequired[ImportResult]
    pointport: Ours


class ImportAnswer(TypedDict):
    """One import."""

    loyaltyImport: LoyaltyImportShape


class ImportsAnswer(TypedDict):
    """A page of imports."""

    loyaltyImports: list[LoyaltyImportShape]
    pagingMetadata: PagingMetadata


class FileUrlAnswer(TypedDict):
    """Where to upload a file, and the path to make an import of."""

    filePath: Annotated[str, Field(examples=["/sites/dbba027b-0f93-4b2a-9c1e-6f0b1a2c3d4e/6099ebc5-4b7a-4f0e.csv"])]
    uploadUrl: Annotated[str, Field(json_schema_extra={"format": "uri"})]


class ErrorFileUrlAnswer(TypedDict):
    """Where the failed rows can be had, without a key."""

    url: Annotated[str, Field(json_schema_extra={"format": "uri"})]


class ProblemCount(TypedDict):
    """How often a problem occurred."""

    code: str
    title: str
    count: int


class TrailEntry(TypedDict):
    """Who asked for what, and when."""

    actor: Annotated[str, Field(examples=["key 5cc0b472-e488-4de3-92ba-bd718a44933a"])]
    action: Annotated[str, Field(examples=["import.execute"])]
    created_date: Timestamp


class FailedRow(TypedDict):
    """A row that did not go through, and the advice."""

    line: int
    outcome: str
    code: str
    message: str


class OutcomeCounts(TypedDict):
    """How many rows came out how."""

    imported: Annotated[int, Field(description="Their balance was changed")]
    unchanged: Annotated[int, Field(description="Their balance was that already")]
    merged: Annotated[int, Field(description="Another row of their customer stands for them")]
    failed: int
    unprocessed: Annotated[int, Field(description="The import ended before it came to them")]


class SummaryAnswer(TypedDict):
    """What became of an import beyond its object."""

    outcomes: NotRequired[
        Annotated[OutcomeCounts, Field(description="Once it has ended, for as long as its rows are kept")]
    ]
    problems: list[ProblemCount]
    accounts: Annotated[int, Field(description="Accounts of the site, now")]
    balance: Annotated[int, Field(description="The sum of their balances")]
    trail: list[TrailEntry]
    firstFailures: list[FailedRow]


# --- How it is made -----------------------------------------------------------------------------------------------------


def loyalty_import(record: LoyaltyImport, now: datetime) -> Json:
    """Return the LoyaltyImport object (contract.md 3): what has no value yet is left out."""
    return without_none(
        {
            "id": str(record.id),
            "asyncImportJobId": str(record.job_id) if record.job_id else None,
            "revision": str(record.revision),
            "createdDate": timestamp(record.created_date),
            "updatedDate": timestamp(record.updated_date),
            "status": str(record.status),
            "fileMetadata": _file_metadata(record),
            "parseResult": _parse_result(record),
            "importResult": _import_result(record),
            "pointport": _pointport(record, now),
        }
    )


def outcome_counts(outcomes: Mapping[str, int]) -> Json:
    """Return how many rows came out how."""
    names = ("IMPORTED", "UNCHANGED", "MERGED", "FAILED", "UNPROCESSED")
    return {name.lower(): outcomes.get(name, 0) for name in names}


def header_mapping_info(columns: Columns) -> Json:
    """Return which columns were chosen."""
    return {
        "headerMappings": [
            {"columnName": "EMAIL", "columnIndex": columns.email},
            {"columnName": "POINTS", "columnIndex": columns.points},
        ]
    }


def _file_metadata(record: LoyaltyImport) -> Json:
    return without_none(
        {
            "size": record.file_bytes,
            "name": record.file_name,
            "url": record.file_url,
            "header": {"values": record.header} if record.header is not None else None,
            "headerMappingInfo": header_mapping_info(record.columns) if record.email_index is not None else None,
            "sampleDataRows": [{"values": cells} for cells in record.sample_rows or ()],
        }
    )


def _parse_result(record: LoyaltyImport) -> Json | None:
    if record.parse_failed:
        return {"parseErrorReason": record.failure_reason}
    return {"parsedRowCount": record.parsed_row_count} if record.parsed_row_count is not None else None


def _import_result(record: LoyaltyImport) -> Json | None:
    if record.email_index is None:
        return None
    return without_none(
        {
            "errorFileExists": record.error_file_path is not None and record.erased_date is None,
            "successCount": record.success_count,
            "failureCount": record.failure_count,
        }
    )


def _pointport(record: LoyaltyImport, now: datetime) -> Json:
    """What the contract has no place for (design.md 8); a client of the contract never notices."""
    return without_none(
        {
            "options": options(record.options) if record.executed_date else None,
            "preview": _previewed(record) if record.preview_id else None,
            "retryOf": str(record.retry_of) if record.retry_of else None,
            "retries": [str(one) for one in record.retries] if record.retries else None,
            # Of a family it is said at its first, which alone knows of all the others.
            "stillFailedCount": record.still_failed_count if record.root_id is None else None,
            "undo": undone(record.undo) if record.undo else None,
            "detected": _detected(record.detected) if record.detected else None,
            "progress": _progress(record, now) if record.executed_date else None,
            "totals": {
                "accountsCreated": record.accounts_created,
                "accountsChanged": record.accounts_changed,
                "pointsAdded": record.points_added,
                "pointsRemoved": record.points_removed,
            }
            if record.success_count is not None
            else None,
            "failureReason": record.failure_reason,
            "failureMessage": record.failure_message,
        }
    )


def options(chosen: Options) -> Json:
    """Return all options, those that were not chosen as by default.

    Words of a list are plain text here: to write them as JSON, an enumeration is looked at for as long as all the rest.
    """
    given = ((name, getattr(chosen, ours)) for name, ours in OPTION_NAMES)
    return {name: str(value) if isinstance(value, str) else value for name, value in given if value is not None}


def undone(told: Mapping[str, Any]) -> Json:
    """Return how far an import is, or would be, taken back."""
    return without_none(
        {
            "id": told.get("id"),
            "status": told.get("status"),
            "policy": told.get("when_negative"),
            "finishedDate": timestamp(datetime.fromisoformat(told["finished_date"]))
            if "finished_date" in told
            else None,
            **{camel(name): told.get(name) for name in ("reversed", "kept", "impossible")},
            **{camel(name): told.get(name) for name in ("points_added", "points_removed", "message")},
            "reasons": [
                {"code": code, "title": CATALOGUE[code].title, "count": count}
                | ({"laterImportIds": told.get("later_ids", [])} if code == LATER_IMPORT.code else {})
                for code, count in told["reasons"].items()
            ]
            if "reasons" in told
            else None,
        }
    )


def _previewed(record: LoyaltyImport) -> Json:
    return without_none({"id": str(record.preview_id), "differingRows": record.differing_rows})


def _progress(record: LoyaltyImport, now: datetime) -> Json:
    total = record.parsed_row_count or 0
    progress = Progress(record.done_rows, total, record.executed_date, record.finished_date or now)
    rate, eta = progress.rate_per_second, progress.eta_seconds
    return without_none(
        {
            "rowsDone": record.done_rows,
            "rowsTotal": total,
            "ratePerSecond": round(rate, 1) if rate is not None else None,
            "etaSeconds": round(eta, 1) if eta is not None and record.unfinished else None,
        }
    )


def _detected(found: Mapping[str, Any]) -> Json:
    return {
        "encoding": found["encoding"],
        "delimiter": found["delimiter"],
        "quote": found["quote"],
        "escape": found.get("escape"),
        "lineEnding": found["line_ending"],
        "headingLine": found["heading_line"],
        "sheet": found.get("sheet"),
        "system": found["suggestion"].get("system"),
        "suggestedMapping": {name: found["suggestion"][name] for name in ("email", "points", "why")},
        "numberFormat": number_format(found["number_format"]),
        "warnings": found.get("notices", []),
    }
