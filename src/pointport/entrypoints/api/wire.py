"""The answers' JSON, the contract's and ours; with `bodies.py` the only room that spells a field in camelCase."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pointport.imports.contact_file import State
from pointport.imports.progress import Progress
from pointport.imports.record import LoyaltyImport
from pointport.imports.shapes import Learned
from pointport.imports.status import Status
from pointport.plumbing.queries import Field as QueryField
from pointport.plumbing.queries import Kind, Resource, Sort

# --- Resources that can be queried ---------------------------------------------------------------------------------------

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

# --- Answers ------------------------------------------------------------------------------------------------------------


def timestamp(moment: datetime) -> str:
    """Return a moment as RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def loyalty_import(record: LoyaltyImport, now: datetime) -> dict[str, Any]:
    """Return the LoyaltyImport object (contract.md 3): what has no value yet is left out."""
    return _without_none(
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


def _file_metadata(record: LoyaltyImport) -> dict[str, Any]:
    mapping = None
    if record.email_index is not None:
        mapping = {
            "headerMappings": [
                {"columnName": "EMAIL", "columnIndex": record.email_index},
                {"columnName": "POINTS", "columnIndex": record.points_index},
            ]
        }
    return _without_none(
        {
            "size": record.file_bytes,
            "name": record.file_name,
            "url": record.file_url,
            "header": {"values": record.header} if record.header is not None else None,
            "headerMappingInfo": mapping,
            "sampleDataRows": [{"values": cells} for cells in record.sample_rows or ()],
        }
    )


def _parse_result(record: LoyaltyImport) -> dict[str, Any] | None:
    if record.parse_failed:
        return {"parseErrorReason": record.failure_reason}
    return {"parsedRowCount": record.parsed_row_count} if record.parsed_row_count is not None else None


def _import_result(record: LoyaltyImport) -> dict[str, Any] | None:
    if record.email_index is None:
        return None
    return _without_none(
        {
            "errorFileExists": record.error_file_path is not None and record.erased_date is None,
            "successCount": record.success_count,
            "failureCount": record.failure_count,
        }
    )


def _pointport(record: LoyaltyImport, now: datetime) -> dict[str, Any]:
    """What the contract has no place for (design.md 8); a client of the contract never notices."""
    return _without_none(
        {
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


def _progress(record: LoyaltyImport, now: datetime) -> dict[str, Any]:
    total = record.parsed_row_count or 0
    progress = Progress(record.done_rows, total, record.executed_date, record.finished_date or now)
    rate, eta = progress.rate_per_second, progress.eta_seconds
    return _without_none(
        {
            "rowsDone": record.done_rows,
            "rowsTotal": total,
            "ratePerSecond": round(rate, 1) if rate is not None else None,
            "etaSeconds": round(eta, 1) if eta is not None and record.unfinished else None,
        }
    )


def _detected(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "encoding": found["encoding"],
        "delimiter": found["delimiter"],
        "quote": found["quote"],
        "headingLine": found["heading_line"],
        "system": None,
        "suggestedMapping": found["suggestion"],
        "numberFormat": _number_format(found["number_format"]),
    }


def inspection(learned: Learned) -> dict[str, Any]:
    """Return what one reading of a file found out, as `pointport inspect --json` prints it (design.md 10)."""
    dialect, suggested = learned.dialect, learned.suggestion
    return {
        "encoding": dialect.encoding,
        "delimiter": dialect.delimiter,
        "quote": dialect.quote,
        "escape": None,
        "lineEnding": learned.line_ending,
        "headingLine": dialect.heading_line,
        "header": list(learned.header),
        "rowCount": learned.row_count,
        "sampleRows": [list(cells) for cells in learned.sample_rows],
        "system": None,
        "suggestedMapping": {"email": suggested.email, "points": suggested.points, "why": suggested.why},
        "numberFormat": _number_format(asdict(learned.number_format)),
        "warnings": _warnings(learned),
    }


def _number_format(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the grouping and decimal signs, null for what was not seen, and what in the column showed them."""
    return {
        "group": "".join(sorted(found["group"])) or None,
        "decimal": "".join(sorted(found["decimal"])) or None,
        "evidence": found["evidence"],
    }


def _warnings(learned: Learned) -> list[dict[str, Any]]:
    """What a person should know before the import, though the file can be read."""
    heading_line = learned.dialect.heading_line
    found = [
        (learned.row_count == 0, "NO_ROWS", heading_line, "There are no rows below the heading."),
        (
            learned.damaged_rows > 0,
            "ENCODING_ERROR",
            learned.first_damaged_line,
            f"{learned.damaged_rows} rows hold bytes that are no characters; they will fail.",
        ),
        (learned.suggestion.email is None, "NO_EMAIL_COLUMN", heading_line, "Which column is the e-mail address?"),
        (learned.suggestion.points is None, "NO_POINTS_COLUMN", heading_line, "Which column is the points?"),
    ]
    return [{"code": code, "line": line, "message": message} for holds, code, line, message in found if holds]


def account(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a LoyaltyAccount (contract.md 6.1)."""
    return {
        "id": str(found["id"]),
        "contactId": str(found["id"]),
        "points": {name: found[name] for name in ("balance", "earned", "adjusted", "redeemed", "expired")},
        "createdDate": timestamp(found["created_date"]),
        "updatedDate": timestamp(found["updated_date"]),
        "lastActivityDate": timestamp(found["last_activity_date"]),
        "revision": str(found["revision"]),
    }


def transaction(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a loyalty transaction (contract.md 6.3), with the import and line that caused it."""
    return _without_none(
        {
            "id": str(found["id"]),
            "accountId": str(found["account_id"]),
            "createdDate": timestamp(found["created_date"]),
            "amount": found["amount"],
            "transactionType": found["transaction_type"],
            "description": found["description"],
            "idempotencyKey": found["idempotency_key"] or str(found["id"]),
            "pointport": _without_none(
                {
                    "amountBefore": found["amount_before"],
                    "amountAfter": found["amount_after"],
                    "loyaltyImportId": str(found["import_id"]) if found["import_id"] else None,
                    "line": found["line"],
                }
            ),
        }
    )


def contact_load(state: State) -> dict[str, Any]:
    """Return how far a load of contacts is."""
    return {
        "rows": state.rows,
        "rowsTotal": state.rows_total,
        "created": state.created,
        "changed": state.changed,
        "unchanged": state.rows - state.created - state.changed - state.failed,
        "failed": state.failed,
        "failures": [{"line": line, "code": code, "message": told} for line, code, told in state.failures],
        "done": state.done,
    }


def _without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
