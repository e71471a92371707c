"""The record of an import: an import's whole life in one row, each change of it one named statement."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter
from pydantic_core import from_json as read_json
from pydantic_core import to_jsonable_python

from pointport.errors import NotFound, PreconditionFailed
from pointport.imports.options import DEFAULT, Options, from_chosen
from pointport.imports.shapes import Dialect, Learned, NumberFormat, Reading, Result
from pointport.imports.shapes import Mapping as Columns
from pointport.imports.status import UNFINISHED, Status
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, Database, one
from pointport.plumbing.queries import Page, PagingMetadata, read_page
from pointport.plumbing.queue.at_work import subjects_at_work
from pointport.plumbing.webhooks import outbox
from pointport.plumbing.webhooks.event_types import EventType

QUERIES = load(__file__)

ERROR_FILE_COLUMNS = 4
"""Our own columns in a file of ours that came back before there were reports."""


@dataclass(frozen=True)
class LoyaltyImport:
    """One file's whole life (contract.md 3). What is not known yet is None."""

    site_id: UUID
    id: UUID
    revision: int
    created_date: datetime
    updated_date: datetime
    status: Status
    status_before: Status | None
    file_url: str
    file_name: str
    file_bytes: int
    reading: Reading
    file_sha256: bytes | None
    header: list[str] | None
    sample_rows: list[list[str]] | None
    detected: dict[str, Any] | None
    parsed_row_count: int | None
    email_index: int | None
    points_index: int | None
    job_id: UUID | None
    executed_date: datetime | None
    ready_rows: int | None
    applied_rows: int
    done_rows: int
    success_count: int | None
    failure_count: int | None
    error_file_path: str | None
    accounts_created: int
    accounts_changed: int | None
    points_added: int | None
    points_removed: int | None
    failure_reason: str | None
    failure_message: str | None
    finished_date: datetime | None
    erased_date: datetime | None
    options: Options
    preview_id: UUID | None
    differing_rows: int | None
    """Rows that came out in another way than the preview said; None when there was none, or it is kept no longer."""
    retry_of: UUID | None
    root_id: UUID | None
    retries: list[UUID]
    """Of the first of a family: those that tried its failed rows again."""
    still_failed_count: int | None
    undo: dict[str, Any] | None

    @property
    def parse_failed(self) -> bool:
        """Whether it failed before its rows were known."""
        return self.status is Status.FAILED and self.status_before is Status.PARSING

    @property
    def unfinished(self) -> bool:
        """Whether a job is at work on it, or should be."""
        return self.status in UNFINISHED

    @property
    def stands(self) -> bool:
        """Whether it has changed the ledger, or is about to, and was not taken back."""
        applied = self.status is Status.IMPORTING or bool(self.success_count)
        return applied and (self.undo is None or self.undo["status"] == "FAILED")

    @property
    def own_columns(self) -> int:
        """How many columns the file has of its own.

        An error file has room for the longest row that failed: a cell too many is that still when the row comes back.
        """
        header = list(self.header or ())
        while self.dialect.our_columns and header and not header[-1].strip():
            header.pop()
        return len(header)

    def error_file_columns(self, columns_max: int) -> int:
        """Return how many columns of its own the error file has: those of the longest row, so that ours stand in theirs."""
        return int(min((self.detected or {})["columns"], max(columns_max, len(self.header or []))))

    @property
    def columns(self) -> Columns:
        """Which columns were chosen. Raises RuntimeError before it is executed."""
        if self.email_index is None or self.points_index is None:
            raise RuntimeError(f"import {self.id} has no mapping yet")
        return Columns(self.email_index, self.points_index)

    @property
    def dialect(self) -> Dialect:
        """How its file is written, as parsing found out."""
        found = self.detected or {}
        return Dialect(
            encoding=found["encoding"],
            delimiter=found["delimiter"],
            quote=found["quote"],
            heading_line=found["heading_line"],
            our_columns=found.get("our_columns", ERROR_FILE_COLUMNS if found.get("corrected") else 0),
            line_ending=found["line_ending"],
            # Imports that were parsed before these were found out have none of them.
            escape=found.get("escape"),
            columns=found.get("row_cells", 0),
            sheet=found.get("sheet"),
        )

    @property
    def suggested_points(self) -> int | None:
        """The column that parsing suggested for the points."""
        suggested: int | None = (self.detected or {})["suggestion"]["points"]
        return suggested

    @property
    def number_format(self) -> NumberFormat:
        """How the numbers of that column are written."""
        found = (self.detected or {})["number_format"]
        return NumberFormat(frozenset(found["group"]), frozenset(found["decimal"]), found["evidence"])


RECORD = TypeAdapter(LoyaltyImport)
NOT_KNOWN: Mapping[str, Any] = {
    **dict.fromkeys(LoyaltyImport.__dataclass_fields__),
    "reading": {},
    "options": {},
    "retries": [],
}
"""What a record that was kept by an earlier version of the program has of what came later."""
STATUSES: Mapping[str | None, Status | None] = {None: None, **{str(status): status for status in Status}}
NOTHING: tuple[Any, ...] = ({}, "{}")
"""An empty object, and its text."""


def to_json(record: LoyaltyImport) -> dict[str, Any]:
    """Return the record as JSON can hold it: ids, moments and bytes as text."""
    made: dict[str, Any] = to_jsonable_python(asdict(record), bytes_mode="hex")
    return made


def from_json(kept: Mapping[str, Any]) -> LoyaltyImport:
    """Return the record that `to_json` made this of, or an event's payload was made of."""
    sha256 = kept["file_sha256"]
    return RECORD.validate_python({**NOT_KNOWN, **kept, "file_sha256": bytes.fromhex(sha256) if sha256 else None})


def from_row(row: Mapping[str, Any]) -> LoyaltyImport:
    """Return the record in a row of the table, whose JSON may be text still; other columns are passed over.

    A page has many of them: so the row is taken as it is, instead of each of its values by itself, and what most imports
    were not told is not read.
    """
    made = object.__new__(LoyaltyImport)
    vars(made).update(
        row,
        status=STATUSES[row["status"]],
        status_before=STATUSES[row["status_before"]],
        reading=Reading(**_json(row["reading"])) if row["reading"] not in NOTHING else Reading(),
        options=from_chosen(_json(row["options"])) if row["options"] not in NOTHING else DEFAULT,
        sample_rows=_json(row["sample_rows"]),
        detected=_json(row["detected"]),
        undo=_json(row["undo"]),
    )
    return made


def look_up(database: Database, site_id: UUID, import_id: UUID) -> LoyaltyImport:
    """Return an import as it is now. Raises NotFound, also when it is another site's."""
    values = {"site_id": site_id, "id": import_id}
    for row in database.look_up(site_id, QUERIES["find_import"], values, json_as_text=True):
        return from_row(row)
    raise NotFound(f"loyalty import {import_id} not found")


def query(database: Database, site_id: UUID, page: Page) -> tuple[list[LoyaltyImport], PagingMetadata]:
    """Return a page of imports, and what is said of it."""
    rows, paging = read_page(database, QUERIES["query"], page, site_id, json_as_text=True)
    return [from_row(row) for row in rows], paging


def insert(
    connection: Connection,
    site_id: UUID,
    *,
    reading: Reading | None = None,
    retry_of: UUID | None = None,
    root_id: UUID | None = None,
    file_sha256: bytes | None = None,
    **values: Any,
) -> LoyaltyImport:
    """Add an import. `values`: id, file_url, file_name, file_bytes, now; `reading` is what is said of the file.

    `file_sha256` is there when the file has been looked at already, and must stay as it was.
    """
    told = Jsonb({name: value for name, value in asdict(reading or Reading()).items() if value is not None})
    family = {"retry_of": retry_of, "root_id": root_id, "file_sha256": file_sha256}
    made = connection.execute(QUERIES["insert_import"], {"site_id": site_id, "reading": told, **family, **values})
    return from_row(one(made.fetchone()))


def find(connection: Connection, site_id: UUID, import_id: UUID) -> LoyaltyImport:
    """Return an import. Raises NotFound, also when it is another site's."""
    return _found(connection, "find_import", site_id, import_id)


def file_names(connection: Connection, site_id: UUID, import_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return what the files of some imports are called, by the import's id; of those that there are."""
    values = {"site_id": site_id, "ids": list(import_ids)}
    rows = connection.execute(QUERIES["find_file_names"], values).fetchall()
    return {row["id"]: row["file_name"] for row in rows}


def lock(connection: Connection, site_id: UUID, import_id: UUID) -> LoyaltyImport:
    """Return an import and hold it until the transaction ends. Raises NotFound."""
    return _found(connection, "lock_import", site_id, import_id)


def share(connection: Connection, site_id: UUID, import_id: UUID) -> LoyaltyImport:
    """Return an import that nobody ends until the transaction does; others may share it. Raises NotFound."""
    return _found(connection, "share_import", site_id, import_id)


def lock_alone(connection: Connection, site_id: UUID, import_id: UUID) -> LoyaltyImport:
    """Return an import as `lock` does, once nobody shares it. Raises NotFound."""
    return _found(connection, "lock_import_alone", site_id, import_id)


def lock_with_twins(
    connection: Connection, site_id: UUID, import_id: UUID
) -> tuple[LoyaltyImport, list[LoyaltyImport]]:
    """Return an import and the others of the very same file, all held until the transaction ends. Raises NotFound."""
    rows = connection.execute(QUERIES["lock_twins"], {"site_id": site_id, "id": import_id}).fetchall()
    found = {row["id"]: from_row(row) for row in rows}
    if import_id not in found:
        raise NotFound(f"loyalty import {import_id} not found")
    return found.pop(import_id), list(found.values())


def find_twins(connection: Connection, record: LoyaltyImport) -> list[LoyaltyImport]:
    """Return the other imports of the very same file, newest first."""
    rows = connection.execute(QUERIES["find_twins"], {"site_id": record.site_id, "id": record.id}).fetchall()
    return [from_row(row) for row in rows]


def want_cancelled(connection: Connection, site_id: UUID, import_id: UUID, *, actor: str, now: datetime) -> bool:
    """Write down that an import is to stop; tells whether that is new."""
    values = {"site_id": site_id, "import_id": import_id, "actor": actor, "now": now}
    return connection.execute(QUERIES["want_cancelled"], values).rowcount == 1


def is_cancelled(connection: Connection, site_id: UUID, import_id: UUID) -> bool:
    """Tell whether an import is to stop."""
    found = connection.execute(QUERIES["is_cancelled"], {"site_id": site_id, "import_id": import_id})
    return bool(one(found.fetchone())["cancelled"])


def tell(
    connection: Connection, found: LoyaltyImport, actor: str, event_type: EventType = EventType.IMPORT_UPDATED
) -> None:
    """Tell who listens what an import is now, in the transaction that made it so."""
    outbox.record(
        connection,
        found.site_id,
        event_type,
        entity_id=found.id,
        sequence=found.revision,
        payload=lambda: asdict(found),
        actor=actor,
        now=found.updated_date,
    )


def is_file_used(connection: Connection, site_id: UUID, file_url: str) -> bool:
    """Tell whether an import was made of an uploaded file."""
    found = connection.execute(QUERIES["is_file_used"], {"site_id": site_id, "file_url": file_url})
    return bool(one(found.fetchone())["used"])


def change(connection: Connection, name: str, record: LoyaltyImport, **values: Any) -> LoyaltyImport:
    """Run one of the named changes and return the import after it.

    Raises PreconditionFailed when the import is not in the status that the change leaves: somebody was faster.
    """
    row = connection.execute(QUERIES[name], {"site_id": record.site_id, "id": record.id, **values}).fetchone()
    if row is None:
        raise PreconditionFailed(
            f"the import is {record.status}, or has changed meanwhile",
            code="INVALID_IMPORT_STATUS",
            data={"status": record.status},
        )
    return from_row(row)


def finish_parsing(connection: Connection, record: LoyaltyImport, learned: Learned, *, now: datetime) -> LoyaltyImport:
    """PARSING to PARSED, with all that was found out."""
    return change(
        connection,
        "finish_parsing",
        record,
        now=now,
        file_bytes=learned.byte_count,
        file_sha256=learned.sha256,
        header=list(learned.header),
        sample_rows=Jsonb([list(cells) for cells in learned.sample_rows]),
        detected=Jsonb(_detected(learned)),
        parsed_row_count=learned.row_count,
    )


def finish_importing(connection: Connection, record: LoyaltyImport, result: Result, *, now: datetime) -> LoyaltyImport:
    """IMPORTING to IMPORTED, with the result."""
    return change(connection, "finish_importing", record, now=now, **asdict(result))


def note_still_failed(connection: Connection, site_id: UUID, root_id: UUID, *, now: datetime) -> LoyaltyImport:
    """Write down how many failed rows of the first import of a family have not gone through in any of it."""
    root = lock(connection, site_id, root_id)
    found = connection.execute(QUERIES["count_still_failed"], {"site_id": site_id, "id": root_id}).fetchone()
    return change(connection, "note_still_failed", root, still_failed_count=one(found)["rows"], now=now)


def note_undo(connection: Connection, record: LoyaltyImport, undo: dict[str, Any], *, now: datetime) -> LoyaltyImport:
    """Write down how far it is taken back."""
    return change(connection, "note_undo", record, undo=Jsonb(undo), now=now)


def fail(
    connection: Connection, record: LoyaltyImport, *, reason: str, message: str, result: Result | None, now: datetime
) -> LoyaltyImport:
    """PARSING or IMPORTING to FAILED; `result` is None when no row was looked at."""
    counts = asdict(result) if result else dict.fromkeys(Result.__dataclass_fields__)
    return change(connection, "fail", record, now=now, failure_reason=reason, failure_message=message, **counts)


def find_unfinished(connection: Connection, *, before: datetime) -> list[tuple[UUID, UUID, Status]]:
    """Return site, id and status of imports of all sites that wait for a job and have none, since before a moment."""
    values = {"before": before, "with_job": subjects_at_work(connection)}
    rows = connection.execute(QUERIES["find_unfinished"], values).fetchall()
    return [(row["site_id"], row["id"], Status(row["status"])) for row in rows]


def find_expired(connection: Connection, *, before: datetime) -> list[dict[str, Any]]:
    """Return imports of all sites that ended before a moment and still have files.

    Each with site_id, id, file_url and error_file_path.
    """
    return connection.execute(QUERIES["find_expired"], {"before": before}).fetchall()


def files_in_use(connection: Connection) -> set[str]:
    """Return the files of all sites that a job is at work on."""
    return {row["file_url"] for row in connection.execute(QUERIES["files_in_use"]).fetchall()}


def note_erased(connection: Connection, site_id: UUID, import_id: UUID, *, now: datetime) -> None:
    """Write down that files and row details are gone."""
    connection.execute(QUERIES["note_erased"], {"site_id": site_id, "id": import_id, "now": now})


def _found(connection: Connection, query: str, site_id: UUID, import_id: UUID) -> LoyaltyImport:
    row = connection.execute(QUERIES[query], {"site_id": site_id, "id": import_id}).fetchone()
    if row is None:
        raise NotFound(f"loyalty import {import_id} not found")
    return from_row(row)


def _json(value: Any) -> Any:
    """Read JSON that came as text."""
    return read_json(value) if isinstance(value, str) else value


def _detected(learned: Learned) -> dict[str, Any]:
    return {
        "encoding": learned.dialect.encoding,
        "delimiter": learned.dialect.delimiter,
        "quote": learned.dialect.quote,
        "escape": learned.dialect.escape,
        "row_cells": learned.dialect.columns,
        "sheet": learned.dialect.sheet,
        "heading_line": learned.dialect.heading_line,
        "our_columns": learned.dialect.our_columns,
        "line_ending": learned.dialect.line_ending,
        "damaged_rows": learned.damaged_rows,
        "columns": learned.columns,
        "suggestion": {
            "email": learned.suggestion.email,
            "points": learned.suggestion.points,
            "why": learned.suggestion.why,
            "system": learned.suggestion.system,
        },
        "number_format": {
            "group": sorted(learned.number_format.group),
            "decimal": sorted(learned.number_format.decimal),
            "evidence": learned.number_format.evidence,
        },
        "notices": [asdict(notice) for notice in learned.notices],
    }
