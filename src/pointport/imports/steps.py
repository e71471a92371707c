"""The story: what happens to one file, from the upload slot to the result.

::

    create_slot ─▶ (PUT) ─▶ create ─▶ parse ─▶ execute ─▶ run: stage ─▶ apply a chunk … ─▶ finish

The doors call `create_slot`, `check_slot`, `create`, `execute` and the readings; a worker calls `parse` and `run`, which
may be called again at any time, by any number of workers, after any death: each goes on where the last commit left it.
This is the only room that opens transactions, and all that commits together is in one `with` below.
"""

import functools
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import asdict, replace
from datetime import timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from pointport.errors import FileRejected, NotFound, PreconditionFailed, Unavailable
from pointport.imports import applying, intake, judging, lineup, outcomes, record, reporting, staging
from pointport.imports.options import DEFAULT, DESCRIPTION, Options
from pointport.imports.reading import corrected, encoding, files, learning, numbers
from pointport.imports.record import LoyaltyImport
from pointport.imports.shapes import ErrorFile, NumberFormat, Reading, Result, Row, Workshop
from pointport.imports.shapes import Mapping as Columns
from pointport.imports.status import Status
from pointport.ledger import account_events, accounts, audit, program
from pointport.plumbing import queue
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.pool import Connection
from pointport.plumbing.queries import Page, PagingMetadata, read_page
from pointport.plumbing.sites import sites
from pointport.plumbing.webhooks import outbox
from pointport.plumbing.webhooks.event_types import EventType

logger = logging.getLogger(__name__)

PARSE_TASK = "parse_import"
RUN_TASK = "run_import"
WORKER = "worker"
"""Who causes what a worker does by itself, as the events have it."""
LOST_AFTER = timedelta(seconds=10)
"""An import without a job that nobody has touched for so long has lost it."""


# --- What the doors call ------------------------------------------------------------------------------------------------


def create_slot(site_id: UUID) -> str:
    """Return the path of a new upload slot."""
    return intake.new_path(site_id)


def check_slot(workshop: Workshop, site_id: UUID, path: str) -> str:
    """Return where in the file store an upload to this path goes. Raises PreconditionFailed once an import uses it."""
    with workshop.database.transaction(site_id) as connection:
        if record.is_file_used(connection, site_id, path):
            raise PreconditionFailed(
                "this upload URL is used up: an import was made of its file; ask for a new one", code="UPLOAD_URL_USED"
            )
    return path.removeprefix("/")


def create(
    workshop: Workshop,
    site_id: UUID,
    *,
    file_url: str,
    file_name: str | None,
    actor: str,
    reading: Reading = learning.FOUND_OUT,
) -> LoyaltyImport:
    """Make an import of an uploaded file and have it parsed; `reading` is what its owner says of how it is written.

    Raises InvalidRequest for what is no path of ours, NotFound when nothing was uploaded there, or by another site,
    TooLarge for a file that was uploaded as something else and is over the limit of an import.
    """
    path = intake.object_path(file_url, site_id)
    absent = NotFound(f"no file was uploaded to {file_url}", code="FILE_NOT_FOUND")
    if path is None:
        raise absent
    try:
        file_bytes = workshop.objects.size(path)
    except NotFound:
        raise absent from None
    intake.refuse_too_large(file_bytes, workshop.settings.upload_bytes_max)
    import_id, now = new_id(), workshop.clock()
    with workshop.database.transaction(site_id) as connection:
        made = record.insert(
            connection,
            site_id,
            id=import_id,
            file_url=file_url,
            file_name=file_name or file_url.rpartition("/")[2],
            file_bytes=file_bytes,
            reading=reading,
            now=now,
        )
        queue.enqueue(connection, PARSE_TASK, site_id=site_id, subject_id=import_id, lock=f"parse:{import_id}")
        _tell(connection, made, actor, EventType.IMPORT_CREATED)
        sites.note(connection, site_id, actor=actor, action="import.create", subject_id=import_id, now=now)
    return made


def execute(
    workshop: Workshop,
    site_id: UUID,
    import_id: UUID,
    *,
    columns: Columns,
    actor: str,
    options: Options = DEFAULT,
) -> LoyaltyImport:
    """Set the import going with the chosen columns. Raises NotFound; PreconditionFailed unless it is PARSED."""
    now = workshop.clock()
    with workshop.database.transaction(site_id) as connection:
        found = record.lock(connection, site_id, import_id)
        if found.status is not Status.PARSED:
            raise PreconditionFailed(
                "import must be PARSED to execute",
                code="INVALID_IMPORT_STATUS",
                data={"status": str(found.status)},
            )
        program.require(connection, site_id, program.ACTIVE, program.PAUSED, to="execute an import")
        begun = record.change(
            connection,
            "begin_importing",
            found,
            email_index=columns.email,
            points_index=columns.points,
            options=Jsonb(options.chosen()),
            preview_id=None,
            job_id=new_id(),
            now=now,
        )
        _tell(connection, begun, actor)
        queue.enqueue(connection, RUN_TASK, site_id=site_id, subject_id=import_id, lock=queue.ledger_lock(site_id))
        sites.note(connection, site_id, actor=actor, action="import.execute", subject_id=import_id, now=now)
    return begun


def find(workshop: Workshop, site_id: UUID, import_id: UUID) -> LoyaltyImport:
    """Return an import. Raises NotFound."""
    with workshop.database.transaction(site_id) as connection:
        return record.find(connection, site_id, import_id)


def query(workshop: Workshop, site_id: UUID, page: Page) -> tuple[list[dict[str, Any]], PagingMetadata]:
    """Return a page of imports, as rows, and what is said of it."""
    with workshop.database.transaction(site_id) as connection:
        return read_page(connection, record.QUERIES["query"], page, site_id)


def summary(workshop: Workshop, site_id: UUID, import_id: UUID) -> dict[str, Any]:
    """Return what became of an import beyond its record.

    `problems` (how often each occurred), `accounts` and `balance` of the site now, `trail` (who asked for what).
    """
    with workshop.database.transaction(site_id) as connection:
        record.find(connection, site_id, import_id)
        return {
            "problems": reporting.count_problems(connection, site_id, import_id),
            "trail": sites.trail(connection, site_id, import_id),
            **accounts.totals(connection, site_id),
        }


def first_failures(workshop: Workshop, site_id: UUID, import_id: UUID, *, limit: int) -> list[dict[str, Any]]:
    """Return the first rows that did not go through: line, outcome, problem, message. Raises NotFound."""
    found = find(workshop, site_id, import_id)
    if found.email_index is None or found.erased_date is not None:
        return []
    columns, header = _columns(found), found.header or []
    with (
        workshop.database.transaction(site_id) as connection,
        closing(reporting.failures(connection, site_id, import_id)) as failed,
    ):
        return [
            {**failure, "message": learning.storable(reporting.message(failure, cells, header, columns))}
            for failure, cells in reporting.with_cells(_limited(failed, limit), _rows(workshop, found))
        ]


def find_rows(workshop: Workshop, site_id: UUID, import_id: UUID, whose: outcomes.Whose) -> outcomes.Rows:
    """Return whose rows of an import are meant. Raises NotFound, also when there was no such run."""
    with workshop.database.transaction(site_id) as connection:
        return outcomes.find_rows(connection, record.find(connection, site_id, import_id), whose)


def query_rows(
    workshop: Workshop, rows: outcomes.Rows, pages: outcomes.Pages
) -> tuple[list[dict[str, Any]], PagingMetadata]:
    """Return a page of rows, each with the `message` of its problem, and what is said of the page."""
    with workshop.database.transaction(rows.record.site_id) as connection:
        found, paging = outcomes.read_rows(connection, rows, pages)
    told = _messages(workshop, rows, [row for row in found if row["problem"] is not None])
    return [{**row, "message": told.get(row["line"])} for row in found], paging


def find_report(workshop: Workshop, site_id: UUID, import_id: UUID) -> LoyaltyImport:
    """Return an import of which a report of all rows can be had.

    Raises NotFound when it was not executed or its file is kept no longer, PreconditionFailed before its end.
    """
    found = find(workshop, site_id, import_id)
    if found.executed_date is None:
        raise NotFound(f"import {import_id} was not executed, so there is nothing to report", code="REPORT_NOT_FOUND")
    if found.unfinished:
        raise PreconditionFailed(
            f"import {import_id} has not ended yet; its report can be had when it has",
            code="INVALID_IMPORT_STATUS",
            data={"status": str(found.status)},
        )
    gone = NotFound(f"the file of import {import_id} is kept no longer", code="REPORT_NOT_FOUND")
    if found.erased_date is not None:
        raise gone
    try:
        workshop.objects.size(found.file_url.removeprefix("/"))
    except NotFound:
        raise gone from None
    return found


def report(workshop: Workshop, site_id: UUID, import_id: UUID) -> Iterator[bytes]:
    """Return the report of all rows, made as it is read: however slowly that is, no transaction waits for it.

    Raises NotFound and PreconditionFailed as `find_report` does.
    """
    found = find_report(workshop, site_id, import_id)
    rows = outcomes.Rows(found, outcomes.Whose.IMPORT, found.id, _columns(found))

    def in_short(read: Callable[..., list[dict[str, Any]]]) -> Callable[[int], list[dict[str, Any]]]:
        def read_on(after: int) -> list[dict[str, Any]]:
            with workshop.database.transaction(site_id) as connection:
                return read(connection, rows, after)

        return read_on

    return reporting.report_file(
        _rows(workshop, found),
        outcomes.by_line(in_short(outcomes.next_entries), in_short(outcomes.next_outcomes)),
        found.header or [],
        _width(workshop, found),
        _columns(found),
        corrected.REPORT_COLUMNS,
        corrected.guarded,
    )


def verify(workshop: Workshop, site_id: UUID) -> list[audit.Finding]:
    """Prove that a site's ledger adds up and that its imports' counts equal their rows; returns what does not."""
    with workshop.database.transaction(site_id) as connection:
        return audit.verify(connection, site_id) + audit.verify(connection, site_id, reporting.PROOFS)


# --- What a worker calls ------------------------------------------------------------------------------------------------


def parse(workshop: Workshop, site_id: UUID, import_id: UUID, _: Callable[[], bool]) -> None:
    """Read the file to its end: PARSED with what was found out, or FAILED with why it cannot be read."""
    with workshop.database.transaction(site_id) as connection:
        found = record.lock(connection, site_id, import_id)
        if found.status is Status.INITIATED:
            found = record.change(connection, "begin_parsing", found, now=workshop.clock())
            _tell(connection, found, WORKER)
    if found.status is not Status.PARSING:
        return
    try:
        path = found.file_url.removeprefix("/")
        learned = learning.learn(lambda: workshop.objects.get(path), workshop.settings, found.reading)
    except (FileRejected, NotFound) as error:
        fail(workshop, site_id, import_id, reason=error.reason, message=error.message)
        return
    with workshop.database.transaction(site_id) as connection:
        if record.lock(connection, site_id, import_id).status is Status.PARSING:
            parsed = record.finish_parsing(connection, found, learned, now=workshop.clock())
            _tell(connection, parsed, WORKER)


def run(workshop: Workshop, site_id: UUID, import_id: UUID, is_stopping: Callable[[], bool]) -> None:
    """Bring an executed import to its end, from wherever it is.

    Raises Unavailable between two chunks when `is_stopping` says so: the job is put back, and goes on there.
    """
    if find(workshop, site_id, import_id).status is not Status.IMPORTING:
        return
    try:
        stage(workshop, site_id, import_id)
        # Nearly always all that fail are known by now, and their file is written while the database is at work.
        with ThreadPoolExecutor(1, thread_name_prefix="errors") as beside:
            writing = beside.submit(write_error_file, workshop, site_id, import_id)
            apply_chunks(workshop, site_id, import_id, is_stopping)
        finish(workshop, site_id, import_id, written=writing.result())
    except (FileRejected, NotFound) as error:
        fail(workshop, site_id, import_id, reason=error.reason, message=error.message)


def stage(workshop: Workshop, site_id: UUID, import_id: UUID) -> LoyaltyImport:
    """Read the rows, judge them and line the good ones up, all in one transaction; nothing if that is done and stands.

    Raises FileRejected when the file is not the one that was parsed.
    """
    with workshop.database.transaction(site_id) as connection:
        found = record.lock(connection, site_id, import_id)
        if found.status is not Status.IMPORTING:
            return found
        again = found.ready_rows is not None
        if found.ready_rows is not None and staging.is_whole(connection, site_id, import_id, found.ready_rows):
            return found
        stream = encoding.ByteStream(workshop.objects.get(found.file_url.removeprefix("/")))
        damaged_rows = (found.detected or {})["damaged_rows"]
        rules = judging.Rules(
            mapping=_columns(found),
            columns=len(found.header or ()),
            encoding_name=encoding.NAMES.get(found.dialect.encoding, found.dialect.encoding),
            points_max=workshop.settings.points_max,
            read_points=_points_reader(workshop, found),
            damaged=(lambda cells: encoding.is_damaged("".join(cells))) if damaged_rows else None,
        )
        judged = judging.judge_cells(files.read(stream, found.dialect, workshop.settings), rules)
        staged_rows = staging.stage(connection, site_id, import_id, judged)
        if stream.sha256 != found.file_sha256 or staged_rows != found.parsed_row_count:
            raise FileRejected(
                "The uploaded file is not the one that was parsed. Upload it again and start a new import.",
                code="FILE_CHANGED",
            )
        ready_rows, failed_rows = judging.judge_rows(
            connection, site_id, import_id, staged_rows=staged_rows, again=again
        )
        lineup.cut(
            connection,
            site_id,
            import_id,
            ready_rows=ready_rows,
            chunk_rows_max=workshop.settings.chunk_rows,
            sessions=workshop.settings.apply_sessions,
        )
        staged = record.change(
            connection, "note_staged", found, ready_rows=ready_rows, done_rows=failed_rows, now=workshop.clock()
        )
        _tell(connection, staged, WORKER)
        return staged


def apply_chunks(workshop: Workshop, site_id: UUID, import_id: UUID, is_stopping: Callable[[], bool]) -> None:
    """Apply all chunks, in several sessions side by side. Raises Unavailable between two when `is_stopping` says so."""

    def apply_some(*, waiting: bool = False) -> None:
        while not is_stopping():
            if not apply_chunk(workshop, site_id, import_id, waiting=waiting):
                return
        raise Unavailable("the worker is stopping; another goes on")

    with workshop.database.transaction(site_id) as connection:
        left = lineup.count_left(connection, site_id, import_id)
    sessions = min(workshop.settings.apply_sessions, left)
    if sessions > 1:
        with ThreadPoolExecutor(sessions, thread_name_prefix="apply") as beside:
            applying_some = [beside.submit(apply_some) for _ in range(sessions)]
        for ended in applying_some:
            ended.result()
    # What is left is a single chunk, or one that a worker has which was taken for dead.
    apply_some(waiting=True)


def apply_chunk(workshop: Workshop, site_id: UUID, import_id: UUID, *, waiting: bool = False) -> bool:
    """Apply the next rows: entries, balances, outcomes and progress commit together. Tells whether there were any.

    A chunk that another session is at is left to it, or waited for.
    """
    with workshop.database.transaction(site_id) as connection:
        found = record.share(connection, site_id, import_id)
        if found.status is not Status.IMPORTING:
            return False
        chunk = lineup.take_chunk(connection, site_id, import_id, waiting=waiting)
        if chunk is None:
            return False
        now = workshop.clock()
        applied = applying.apply(
            connection, site_id, import_id, chunk, description=found.options.description or DESCRIPTION, now=now
        )
        account_events.record_changes(connection, site_id, cause_id=import_id, actor=WORKER, now=now)
        advanced = record.change(
            connection,
            "note_chunk",
            found,
            applied_rows=chunk.last - chunk.first + 1,
            done_rows=applied.rows,
            accounts_created=applied.accounts_created,
            now=now,
        )
        _tell(connection, advanced, WORKER)
        return True


def write_error_file(workshop: Workshop, site_id: UUID, import_id: UUID) -> ErrorFile | None:
    """Write the error file of the rows that have failed by now; None when there are none."""
    with workshop.database.transaction(site_id) as connection:
        return _write_error_file(workshop, connection, record.find(connection, site_id, import_id))


def finish(workshop: Workshop, site_id: UUID, import_id: UUID, *, written: ErrorFile | None = None) -> None:
    """Write the result, and the error file unless it is written with all its rows, and clear the staging tables."""
    with workshop.database.transaction(site_id) as connection:
        found = record.lock(connection, site_id, import_id)
        if found.status is not Status.IMPORTING:
            return
        result = _conclude(workshop, connection, found, written)
        staging.clear(connection, site_id, import_id)
        finished = record.finish_importing(connection, found, result, now=workshop.clock())
        _tell(connection, finished, WORKER)
        _tell(connection, finished, WORKER, EventType.IMPORT_FINISHED)


def fail(workshop: Workshop, site_id: UUID, import_id: UUID, *, reason: str, message: str) -> None:
    """End an import as FAILED; rows that were not reached are listed as such. An import that has ended stays as it is."""
    with workshop.database.transaction(site_id) as connection:
        found = record.lock_alone(connection, site_id, import_id)
        if found.status is Status.INITIATED:
            found = record.change(connection, "begin_parsing", found, now=workshop.clock())
            _tell(connection, found, WORKER)
        if not found.unfinished:
            return
        result = None
        if found.ready_rows is not None:
            applying.note_not_reached(connection, site_id, import_id)
            try:
                result = _conclude(workshop, connection, found)
            except (FileRejected, NotFound):
                # Without the file there is no error file, but what was applied was, and is counted.
                result = reporting.count(connection, site_id, import_id)
        staging.clear(connection, site_id, import_id)
        failed = record.fail(connection, found, reason=reason, message=message, result=result, now=workshop.clock())
        _tell(connection, failed, WORKER)
        _tell(connection, failed, WORKER, EventType.IMPORT_FINISHED)


def enqueue_lost(workshop: Workshop) -> int:
    """Give a job to each import that waits for one and has none; returns how many there were."""
    with workshop.database.owner_transaction() as connection:
        lost = record.find_unfinished(connection, before=workshop.clock() - LOST_AFTER)
        for site_id, import_id, status in lost:
            if status is Status.IMPORTING:
                queue.enqueue(
                    connection, RUN_TASK, site_id=site_id, subject_id=import_id, lock=queue.ledger_lock(site_id)
                )
            else:
                queue.enqueue(connection, PARSE_TASK, site_id=site_id, subject_id=import_id, lock=f"parse:{import_id}")
    return len(lost)


def erase_expired(workshop: Workshop) -> int:
    """Erase the files and row details of imports that ended long ago; returns how many. Counts and entries stay."""
    before = workshop.clock() - timedelta(days=workshop.settings.retention_days)
    with workshop.database.owner_transaction() as connection:
        expired = record.find_expired(connection, before=before)
        in_use = record.files_in_use(connection)
    for one in expired:
        paths = [one["file_url"].removeprefix("/"), one["error_file_path"]]
        workshop.objects.delete(*(path for path in paths if path))
        with workshop.database.transaction(one["site_id"]) as connection:
            reporting.erase_rows(connection, one["site_id"], one["id"])
            record.note_erased(connection, one["site_id"], one["id"], now=workshop.clock())
    # What nobody made an import of, or nobody executed, goes by its own age.
    workshop.objects.delete(*(path for path in workshop.objects.paths_before(before) if f"/{path}" not in in_use))
    return len(expired)


# --- Leaves -------------------------------------------------------------------------------------------------------------


def _conclude(
    workshop: Workshop, connection: Connection, found: LoyaltyImport, written: ErrorFile | None = None
) -> Result:
    """Count what became of the rows, and write the error file unless it has as many as did not go through.

    Rows that have failed stay so: as many are the same.
    """
    result = reporting.count(connection, found.site_id, found.id)
    if written is None or written.rows != result.failure_count:
        written = _write_error_file(workshop, connection, found)
    return result if written is None else replace(result, error_file_path=written.path)


def _write_error_file(workshop: Workshop, connection: Connection, found: LoyaltyImport) -> ErrorFile | None:
    """Write the rows that did not go through to a new file, which nobody else writes; None when there are none."""
    path = f"sites/{found.site_id}/imports/{found.id}/errors-{new_id()}.csv"
    header = found.header or []
    width = _width(workshop, found)
    count = 0

    def counted(failures: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        nonlocal count
        for failure in failures:
            count += 1
            yield failure

    with closing(reporting.failures(connection, found.site_id, found.id)) as failed:
        first = list(itertools.islice(failed, 1))
        if not first:
            return None
        failures = reporting.with_cells(counted(itertools.chain(first, failed)), _rows(workshop, found))
        workshop.objects.put(
            path,
            reporting.error_file(
                failures, header, width, _columns(found), corrected.CORRECTED_COLUMNS, corrected.guarded
            ),
        )
    return ErrorFile(path, count)


def _messages(workshop: Workshop, rows: outcomes.Rows, failed: list[dict[str, Any]]) -> dict[int, str]:
    """Say what is wrong with rows of a page, by line; nothing of those whose cells are needed for it and are gone.

    The file is read once, up to the last of them, and not at all when no message has a cell in it. An undo fails of
    what happened since, not of a cell.
    """
    found, header, columns = rows.record, rows.record.header or [], rows.columns
    if columns is None:
        return {}
    quoting = sorted((row for row in failed if reporting.quotes_cell(row)), key=itemgetter("line"))
    told = {row["line"]: reporting.message(row, [], header, columns) for row in failed if row not in quoting}
    if not rows.whose.has_cells:
        return told | {row["line"]: reporting.title(row) for row in quoting}
    if quoting and found.erased_date is None:
        with suppress(FileRejected, NotFound):
            for failure, cells in reporting.with_cells(quoting, _rows(workshop, found)):
                told[failure["line"]] = learning.storable(reporting.message(failure, cells, header, columns))
    return told


def _width(workshop: Workshop, found: LoyaltyImport) -> int:
    """Return how many cells a row of the file has at the most, so that what we put behind them stands in columns."""
    columns: int = (found.detected or {})["columns"]
    return min(columns, max(workshop.settings.columns_max, len(found.header or ())))


def _points_reader(workshop: Workshop, found: LoyaltyImport) -> judging.CellReader:
    """Return how cells of the points column are read.

    Parsing settled how the numbers of the column are written that it suggested; for another, the file is read once more
    when first it matters.
    """
    columns = _columns(found)

    @functools.cache
    def written() -> NumberFormat:
        if columns.points == found.suggested_points:
            return found.number_format
        return numbers.settle(
            (cells[columns.points] for _, cells, _ in _rows(workshop, found) if columns.points < len(cells)),
            is_rendered=found.dialect.sheet is not None,
        )

    def read_points(text: str) -> int | tuple[str, dict[str, Any]]:
        number = numbers.read(text, written())
        if isinstance(number, int):
            return number
        detail = {"grouped": number.grouped, "fraction": number.fraction} if number.grouped else {}
        return number.problem, detail

    return read_points


def _rows(workshop: Workshop, found: LoyaltyImport) -> Iterator[Row]:
    return files.read(workshop.objects.get(found.file_url.removeprefix("/")), found.dialect, workshop.settings)


def _columns(found: LoyaltyImport) -> Columns:
    if found.email_index is None or found.points_index is None:
        raise RuntimeError(f"import {found.id} has no mapping yet")
    return Columns(found.email_index, found.points_index)


def _tell(
    connection: Connection, found: LoyaltyImport, actor: str, event_type: EventType = EventType.IMPORT_UPDATED
) -> None:
    """Tell who listens, in the transaction that made it so."""
    outbox.record(
        connection,
        found.site_id,
        event_type,
        entity_id=found.id,
        sequence=found.revision,
        payload=asdict(found),
        actor=actor,
        now=found.updated_date,
    )


def _limited(items: Iterator[dict[str, Any]], limit: int) -> Iterator[dict[str, Any]]:
    return (item for _, item in zip(range(limit), items, strict=False))
