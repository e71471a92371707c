"""The story: what happens to one file, from the upload slot to the result.

::

    create_slot ─▶ (PUT) ─▶ create ─▶ parse ─▶ execute ─▶ run: stage ─▶ apply a chunk … ─▶ finish

The doors call `create_slot`, `check_slot`, `create`, `execute`, `cancel` and the readings; a worker calls `parse`, `run`
and `stop`, which may be called again at any time, by any number of workers, after any death: each goes on where the last
commit left it. All that commits together is in one `with` below.

What else can be done with an import is told beside this: looking before in `previews.py`, taking back in `undo.py`, trying
again in `retries.py`.
"""

import itertools
import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID

from psycopg import DatabaseError
from psycopg.types.json import Jsonb

from pointport.errors import FileRejected, ImportStopped, NotFound, PreconditionFailed, Unavailable
from pointport.imports import (
    answers,
    applying,
    certifying,
    foreseeing,
    intake,
    judging,
    lineup,
    outcomes,
    preparing,
    problems,
    record,
    reporting,
    runs,
    sessions,
    staging,
)
from pointport.imports.options import DEFAULT, DESCRIPTION, Duplicates, Options, refuse_contradictions
from pointport.imports.problems import Problem
from pointport.imports.reading import corrected, learning
from pointport.imports.record import LoyaltyImport
from pointport.imports.runs import Kind, RunStatus
from pointport.imports.shapes import Breach, ErrorFile, Learned, Reading, Result, Workshop
from pointport.imports.shapes import Mapping as Columns
from pointport.imports.status import Status
from pointport.ledger import account_events, accounts, audit, program
from pointport.plumbing import queue
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.pool import Connection
from pointport.plumbing.idempotency.once import KeyedRequest
from pointport.plumbing.queries import Page, PagingMetadata
from pointport.plumbing.sites import sites
from pointport.plumbing.webhooks.event_types import EventType

logger = logging.getLogger(__name__)

PARSE_TASK = "parse_import"
RUN_TASK = "run_import"
STOP_TASK = "stop_import"
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
    keyed: KeyedRequest | None = None,
) -> LoyaltyImport:
    """Make an import of an uploaded file and have it parsed; `reading` is what its owner says of how it is written.

    `keyed` is the request when it may come again: then the import is returned as it was made the first time.

    Raises InvalidRequest for what is no path of ours, NotFound when nothing was uploaded there, or by another site,
    TooLarge for a file that was uploaded as something else and is over the limit of an import; InvalidRequest for a key
    that was used for something else.
    """
    before = answers.find(workshop, site_id, keyed)
    if before is not None:
        return before
    file_bytes = intake.size_of_upload(workshop, site_id, file_url)
    import_id, now = new_id(), workshop.clock()
    with workshop.database.transaction(site_id) as connection:
        before = answers.claim(workshop, connection, site_id, keyed)
        if before is not None:
            return before
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
        record.tell(connection, made, actor, EventType.IMPORT_CREATED)
        sites.note(connection, site_id, actor=actor, action="import.create", subject_id=import_id, now=now)
        answers.keep(connection, made, keyed)
    return made


def execute(
    workshop: Workshop,
    site_id: UUID,
    import_id: UUID,
    *,
    columns: Columns,
    actor: str,
    options: Options = DEFAULT,
    keyed: KeyedRequest | None = None,
) -> LoyaltyImport:
    """Set the import going with the chosen columns and options.

    `keyed` is the request when it may come again: then the import is returned as it was set going the first time.

    Raises NotFound; InvalidRequest for options that contradict each other and for a key that was used for something else;
    PreconditionFailed unless it is PARSED, while the program is a draft, and when the points of the very same file were
    added before and `allow_repeat` does not say so.
    """
    refuse_contradictions(options)
    with workshop.database.transaction(site_id) as connection:
        before = answers.claim(workshop, connection, site_id, keyed)
        if before is not None:
            return before
        found, twins = record.lock_with_twins(connection, site_id, import_id)
        if found.status is not Status.PARSED:
            raise PreconditionFailed(
                "import must be PARSED to execute",
                code="INVALID_IMPORT_STATUS",
                data={"status": str(found.status)},
            )
        if options.adds and not options.allow_repeat:
            _refuse_repeat(twins)
        begun = _begin(workshop, connection, found, columns=columns, options=options, actor=actor)
        answers.keep(connection, begun, keyed)
    return begun


def cancel(workshop: Workshop, site_id: UUID, import_id: UUID, *, actor: str) -> LoyaltyImport:
    """Have a running import stop between two chunks; once more is no error.

    What was applied stays. Raises NotFound; PreconditionFailed unless it is IMPORTING. Should it come to its end all the
    same before it is stopped, it is IMPORTED.
    """
    now = workshop.clock()
    with workshop.database.transaction(site_id) as connection:
        # Not locked: the import's row is held for as long as its file is read.
        found = record.find(connection, site_id, import_id)
        if found.status is not Status.IMPORTING:
            raise PreconditionFailed(
                f"only an import that is IMPORTING can be cancelled, and this one is {found.status}",
                code="INVALID_IMPORT_STATUS",
                data={"status": str(found.status)},
            )
        if record.want_cancelled(connection, site_id, import_id, actor=actor, now=now):
            # It may stand in line behind another import: so its end does not wait for its turn.
            queue.enqueue(connection, STOP_TASK, site_id=site_id, subject_id=import_id, lock=f"stop:{import_id}")
            sites.note(connection, site_id, actor=actor, action="import.cancel", subject_id=import_id, now=now)
    return found


def find(workshop: Workshop, site_id: UUID, import_id: UUID) -> LoyaltyImport:
    """Return an import. Raises NotFound."""
    return record.look_up(workshop.database, site_id, import_id)


def file_names(workshop: Workshop, site_id: UUID, import_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return what the files of some imports are called, by the import's id; of those that there are."""
    with workshop.database.transaction(site_id) as connection:
        return record.file_names(connection, site_id, import_ids)


def find_repeats(workshop: Workshop, found: LoyaltyImport) -> list[LoyaltyImport]:
    """Return the imports of the very same file that have changed the ledger and stand, newest first."""
    with workshop.database.transaction(found.site_id) as connection:
        return [twin for twin in record.find_twins(connection, found) if twin.stands and twin.executed_date is not None]


def count_rows(workshop: Workshop, found: LoyaltyImport) -> tuple[dict[str, int] | None, dict[str, int]]:
    """Return how many rows of an import came out how, as `summary` does, and how often each problem occurred."""
    with workshop.database.transaction(found.site_id) as connection:
        return _count_outcomes(connection, found), reporting.count_problems(connection, found.site_id, found.id)


def query(workshop: Workshop, site_id: UUID, page: Page) -> tuple[list[LoyaltyImport], PagingMetadata]:
    """Return a page of imports, and what is said of it."""
    return record.query(workshop.database, site_id, page)


def summary(workshop: Workshop, site_id: UUID, import_id: UUID) -> dict[str, Any]:
    """Return what became of an import beyond its record.

    `outcomes` (how many rows came out how, once it has ended and while its rows are kept; None otherwise), `problems` (how
    often each occurred), `accounts` and `balance` of the site now, `trail` (who asked for what).
    """
    with workshop.database.transaction(site_id) as connection:
        found = record.find(connection, site_id, import_id)
        return {
            "outcomes": _count_outcomes(connection, found),
            "problems": reporting.count_problems(connection, site_id, import_id),
            "trail": sites.trail(connection, site_id, import_id),
            **accounts.totals(connection, site_id),
        }


def first_failures(workshop: Workshop, site_id: UUID, import_id: UUID, *, limit: int) -> list[dict[str, Any]]:
    """Return the first rows that did not go through: line, outcome, problem, message. Raises NotFound."""
    found = find(workshop, site_id, import_id)
    if found.email_index is None or found.erased_date is not None:
        return []
    columns, header = found.columns, found.header or []
    with (
        workshop.database.transaction(site_id) as connection,
        closing(reporting.failures(connection, site_id, import_id)) as failed,
    ):
        return [
            {**failure, "message": learning.storable(reporting.message(failure, cells, header, columns))}
            for failure, cells in reporting.with_cells(_limited(failed, limit), preparing.rows(workshop, found))
        ]


def find_rows(workshop: Workshop, site_id: UUID, import_id: UUID, whose: outcomes.Whose) -> outcomes.Rows:
    """Return whose rows of an import are meant. Raises NotFound, also when there was no such run."""
    with workshop.database.transaction(site_id) as connection:
        return outcomes.find_rows(connection, record.find(connection, site_id, import_id), whose)


def query_rows(
    workshop: Workshop, rows: outcomes.Rows, pages: outcomes.Pages
) -> tuple[list[dict[str, Any]], PagingMetadata]:
    """Return a page of rows, and what is said of the page.

    Each row that has a problem has its `message`, and the `cells` of address and points as they stand in the file, where
    the file was looked into for it.
    """
    with workshop.database.transaction(rows.record.site_id) as connection:
        found, paging = outcomes.read_rows(connection, rows, pages)
    told = _messages(workshop, rows, [row for row in found if row["problem"] is not None])
    nothing: dict[str, Any] = {"message": None, "cells": None}
    return [{**row, **told.get(row["line"], nothing)} for row in found], paging


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
    rows = outcomes.Rows(found, outcomes.Whose.IMPORT, found.id, found.columns)

    def in_short(read: Callable[..., list[dict[str, Any]]]) -> Callable[[int], list[dict[str, Any]]]:
        def read_on(after: int) -> list[dict[str, Any]]:
            with workshop.database.transaction(site_id) as connection:
                return read(connection, rows, after)

        return read_on

    return reporting.report_file(
        preparing.rows(workshop, found),
        outcomes.by_line(in_short(outcomes.next_entries), in_short(outcomes.next_outcomes)),
        found.header or [],
        found.error_file_columns(workshop.settings.columns_max),
        found.columns,
        corrected.REPORT_COLUMNS,
        corrected.guarded,
    )


def verify(workshop: Workshop, site_id: UUID) -> list[audit.Finding]:
    """Prove that a site's ledger adds up and that its imports' counts equal their rows; returns what does not."""
    with workshop.database.transaction(site_id) as connection:
        return audit.verify(connection, site_id) + audit.verify(connection, site_id, reporting.PROOFS)


def certify(workshop: Workshop, site_id: UUID, import_id: UUID) -> certifying.Proof:
    """Prove what an ended import did. Raises NotFound; PreconditionFailed before its end, and when it does not add up."""
    proof = prove(workshop, site_id, import_id)
    certifying.refuse_unsound(proof)
    return proof


def prove(workshop: Workshop, site_id: UUID, import_id: UUID) -> certifying.Proof:
    """Return what the ledger says of an ended import, be it sound or not. Raises NotFound, PreconditionFailed."""
    with workshop.database.transaction(site_id) as connection:
        return certifying.prove(connection, record.find(connection, site_id, import_id))


# --- What a worker calls ------------------------------------------------------------------------------------------------


def parse(workshop: Workshop, site_id: UUID, import_id: UUID, _: Callable[[], bool]) -> None:
    """Read the file to its end: PARSED with what was found out, or FAILED with why it cannot be read."""
    with workshop.database.transaction(site_id) as connection:
        found = record.lock(connection, site_id, import_id)
        if found.status is Status.INITIATED:
            found = record.change(connection, "begin_parsing", found, now=workshop.clock())
            record.tell(connection, found, WORKER)
    if found.status is not Status.PARSING:
        return
    try:
        path = found.file_url.removeprefix("/")
        learned = learning.learn(lambda: workshop.objects.get(path), workshop.settings, found.reading)
        _refuse_replaced(found, learned)
    except (FileRejected, NotFound) as error:
        fail(workshop, site_id, import_id, reason=error.reason, message=error.message)
        return
    with workshop.database.transaction(site_id) as connection:
        if record.lock(connection, site_id, import_id).status is Status.PARSING:
            _finish_parsing(workshop, connection, found, learned)


def run(workshop: Workshop, site_id: UUID, import_id: UUID, is_stopping: Callable[[], bool]) -> None:
    """Bring an executed import to its end, from wherever it is.

    Raises Unavailable between two chunks when `is_stopping` says so: the job is put back, and goes on there.
    """
    if find(workshop, site_id, import_id).status is not Status.IMPORTING:
        return
    try:
        if stage(workshop, site_id, import_id).status is not Status.IMPORTING:
            return
        # Nearly always all that fail are known by now, and their file is written while the database is at work.
        with ThreadPoolExecutor(1, thread_name_prefix="errors") as beside:
            writing = beside.submit(write_error_file, workshop, site_id, import_id)
            apply_chunks(workshop, site_id, import_id, is_stopping)
        finish(workshop, site_id, import_id, written=writing.result())
    except ImportStopped as error:
        _end_stopped(workshop, site_id, import_id, error)
    except (FileRejected, NotFound) as error:
        fail(workshop, site_id, import_id, reason=error.reason, message=error.message)


def stop(workshop: Workshop, site_id: UUID, import_id: UUID, _: Callable[[], bool]) -> None:
    """Bring a cancelled import to its end: all its rows are known, and those that are not applied are listed."""
    try:
        if stage(workshop, site_id, import_id).status is Status.IMPORTING:
            end_cancelled(workshop, site_id, import_id)
    except (FileRejected, NotFound) as error:
        fail(workshop, site_id, import_id, reason=error.reason, message=error.message)


def stage(workshop: Workshop, site_id: UUID, import_id: UUID) -> LoyaltyImport:
    """Read the rows, judge them and line the good ones up, all in one transaction; nothing if that is done and stands.

    An import that its guard rails hold back ends here, before its first write. Raises FileRejected when the file is not
    the one that was parsed.
    """
    with workshop.database.transaction(site_id) as connection:
        found = record.lock(connection, site_id, import_id)
        if found.status is not Status.IMPORTING:
            return found
        again = found.ready_rows is not None
        if found.ready_rows is not None and staging.is_whole(connection, site_id, import_id, found.ready_rows):
            return found
        staged, failed_rows = _line_up(workshop, connection, found)
        record.tell(connection, staged, WORKER)
        # What was let through once is not stopped half way because balances have changed since.
        return staged if again else _hold_back(workshop, connection, staged, failed_rows)


def apply_chunks(workshop: Workshop, site_id: UUID, import_id: UUID, is_stopping: Callable[[], bool]) -> None:
    """Apply all chunks, in several sessions side by side. Raises Unavailable between two when `is_stopping` says so."""
    with workshop.database.transaction(site_id) as connection:
        left = lineup.count_left(connection, site_id, import_id)
    sessions.apply_all(
        lambda waiting: apply_chunk(workshop, site_id, import_id, waiting=waiting),
        sessions=min(workshop.settings.apply_sessions, left),
        is_stopping=is_stopping,
    )


def apply_chunk(workshop: Workshop, site_id: UUID, import_id: UUID, *, waiting: bool = False) -> bool:
    """Apply the next rows: entries, balances, outcomes and progress commit together. Tells whether there were any.

    A chunk that another session is at is left to it, or waited for. Raises ImportStopped, and undoes the chunk, when more
    rows fail than is put up with, or when a chunk that is all there is was cancelled.
    """

    def is_wanted() -> bool:
        with workshop.database.transaction(site_id) as beside:
            return not record.is_cancelled(beside, site_id, import_id)

    with workshop.database.transaction(site_id) as connection:
        found = record.share(connection, site_id, import_id)
        if found.status is not Status.IMPORTING or record.is_cancelled(connection, site_id, import_id):
            return False
        chunk = lineup.take_chunk(connection, site_id, import_id, waiting=waiting)
        if chunk is None:
            return False
        now = workshop.clock()
        # Other chunks are done in a moment.
        with sessions.breaking_off(connection, is_wanted) if found.options.atomic else nullcontext():
            applied = applying.apply(connection, site_id, import_id, chunk, terms=_terms(workshop, found), now=now)
            if found.options.notify:
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
        # Not before now: whoever notes a chunk waits for the others, so that each counts what failed in theirs.
        if applied.failed_rows and found.options.fail_if_more_than is not None:
            _refuse_too_many_failed(_count_failed(connection, found), found.options.fail_if_more_than)
        record.tell(connection, advanced, WORKER)
        return True


def write_error_file(workshop: Workshop, site_id: UUID, import_id: UUID) -> ErrorFile | None:
    """Write the error file of the rows that have failed by now; None when there are none."""
    with workshop.database.transaction(site_id) as connection:
        return _write_error_file(workshop, connection, record.find(connection, site_id, import_id))


def finish(workshop: Workshop, site_id: UUID, import_id: UUID, *, written: ErrorFile | None = None) -> None:
    """Write the result, and the error file unless it is written with all its rows, and clear the staging tables.

    An import that was cancelled before its last chunk ends as FAILED. Raises Unavailable when the rows have to be lined up
    again first.
    """
    with workshop.database.transaction(site_id) as connection:
        found = record.lock(connection, site_id, import_id)
        if found.status is not Status.IMPORTING:
            return
        _require_lined_up(connection, found)
        is_cancelled = lineup.count_left(connection, site_id, import_id) > 0
        if not is_cancelled:
            result = _conclude(workshop, connection, found, written)
            staging.clear(connection, site_id, import_id)
            finished = record.finish_importing(connection, found, result, now=workshop.clock())
            _tell_end(workshop, connection, finished)
    if is_cancelled:
        end_cancelled(workshop, site_id, import_id)


def end_cancelled(workshop: Workshop, site_id: UUID, import_id: UUID) -> None:
    """End a cancelled import of which chunks are left, once nobody is at one of them any more."""
    with workshop.database.transaction(site_id) as connection:
        found = record.lock_alone(connection, site_id, import_id)
        if found.status is not Status.IMPORTING:
            return
        _require_lined_up(connection, found)
        if lineup.count_left(connection, site_id, import_id):
            _end_cancelled(workshop, connection, found)


def fail(workshop: Workshop, site_id: UUID, import_id: UUID, *, reason: str, message: str) -> None:
    """End an import as FAILED; rows that were not reached are listed as such. An import that has ended stays as it is."""
    with workshop.database.transaction(site_id) as connection:
        found = record.lock_alone(connection, site_id, import_id)
        if found.status is Status.INITIATED:
            found = record.change(connection, "begin_parsing", found, now=workshop.clock())
            record.tell(connection, found, WORKER)
        if found.unfinished:
            _end(workshop, connection, found, reason=reason, message=message)


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
    """Erase the files and row details of imports that ended long ago; returns how many. Counts and entries stay.

    Raises Unavailable when a file could not be deleted, after all the others are.
    """
    before = workshop.clock() - timedelta(days=workshop.settings.retention_days)
    with workshop.database.owner_transaction() as connection:
        expired = record.find_expired(connection, before=before)
        in_use = record.files_in_use(connection)
    refused: Unavailable | None = None
    for one in expired:
        paths = [one["file_url"].removeprefix("/"), one["error_file_path"]]
        try:
            workshop.objects.delete(*(path for path in paths if path))
        except Unavailable as error:
            refused = error
            continue
        with workshop.database.transaction(one["site_id"]) as connection:
            reporting.erase_rows(connection, one["site_id"], one["id"])
            for beside in runs.list_of(connection, one["site_id"], one["id"]):
                foreseeing.erase(connection, one["site_id"], beside.id)
            record.note_erased(connection, one["site_id"], one["id"], now=workshop.clock())
    # What nobody made an import of, or nobody executed, goes by its own age.
    workshop.objects.delete(*(path for path in workshop.objects.paths_before(before) if f"/{path}" not in in_use))
    if refused:
        raise refused
    return len(expired)


# --- Leaves -------------------------------------------------------------------------------------------------------------


def _count_outcomes(connection: Connection, found: LoyaltyImport) -> dict[str, int] | None:
    if found.accounts_changed is None or found.erased_date is not None:
        return None
    return {"IMPORTED": found.accounts_changed, **reporting.count_outcomes(connection, found.site_id, found.id)}


def _refuse_replaced(found: LoyaltyImport, learned: Learned) -> None:
    """Raise FileRejected for another file than was looked at when the import was made.

    The lines of a retry were; an upload that was slow may have come after that.
    """
    if found.file_sha256 not in (None, learned.sha256):
        raise FileRejected(
            "The uploaded file was replaced while it was looked at. Upload it again and try again.", code="FILE_CHANGED"
        )


def _refuse_repeat(twins: Iterable[LoyaltyImport]) -> None:
    """Raise PreconditionFailed when an import of the very same file has changed the ledger."""
    for twin in twins:
        if twin.stands and twin.executed_date is not None:
            raise PreconditionFailed(
                f"this very file was imported before, on {twin.executed_date:%Y-%m-%d} by import {twin.id}: its points"
                " would be added a second time. If that is meant, say so with allowRepeat.",
                code="FILE_REPEATED",
                data={"loyaltyImportId": str(twin.id), "executedDate": twin.executed_date},
            )


def _begin(
    workshop: Workshop,
    connection: Connection,
    found: LoyaltyImport,
    *,
    columns: Columns,
    options: Options,
    actor: str,
) -> LoyaltyImport:
    """PARSED to IMPORTING, with a job that does it."""
    now = workshop.clock()
    program.require(connection, found.site_id, program.ACTIVE, program.PAUSED, to="execute an import")
    preview = runs.newest(connection, found.site_id, found.id, Kind.PREVIEW, status=RunStatus.DONE)
    begun = record.change(
        connection,
        "begin_importing",
        found,
        email_index=columns.email,
        points_index=columns.points,
        options=Jsonb(options.chosen()),
        preview_id=preview.id if preview and preview.is_of(columns, options) else None,
        job_id=new_id(),
        now=now,
    )
    record.tell(connection, begun, actor)
    queue.enqueue(
        connection, RUN_TASK, site_id=found.site_id, subject_id=found.id, lock=queue.ledger_lock(found.site_id)
    )
    sites.note(connection, found.site_id, actor=actor, action="import.execute", subject_id=found.id, now=now)
    return begun


def _finish_parsing(workshop: Workshop, connection: Connection, found: LoyaltyImport, learned: Learned) -> None:
    """PARSING to PARSED; an import that tries failed rows again goes on by itself, as the one before it was executed.

    Its numbers are read as those of the file that they come from: the few that failed show less of how they are written.
    """
    before = None if found.retry_of is None else record.find(connection, found.site_id, found.retry_of)
    if before is not None:
        suggestion = replace(learned.suggestion, email=before.email_index, points=before.points_index)
        written = preparing.number_format(workshop, before, before.columns)
        learned = replace(learned, suggestion=suggestion, number_format=written)
    parsed = record.finish_parsing(connection, found, learned, now=workshop.clock())
    record.tell(connection, parsed, WORKER)
    if before is not None:
        _begin(workshop, connection, parsed, columns=before.columns, options=before.options, actor=WORKER)


def _line_up(workshop: Workshop, connection: Connection, found: LoyaltyImport) -> tuple[LoyaltyImport, int]:
    """Line the rows up and cut them into chunks; returns the import, and how many rows failed by that.

    Not for the first time if the import knows how many there are. Raises FileRejected, NotFound.
    """
    options = found.options
    lined = preparing.line_up(
        workshop,
        connection,
        found,
        columns=found.columns,
        options=options,
        under=found.id,
        again=found.ready_rows is not None,
    )
    lineup.cut(
        connection,
        found.site_id,
        found.id,
        ready_rows=lined.ready_rows,
        chunk_rows_max=max(lined.ready_rows, 1) if options.atomic else workshop.settings.chunk_rows,
        sessions=1 if options.atomic else workshop.settings.apply_sessions,
    )
    told = {"ready_rows": lined.ready_rows, "done_rows": lined.failed_rows}
    return record.change(connection, "note_staged", found, **told, now=workshop.clock()), lined.failed_rows


def _hold_back(workshop: Workshop, connection: Connection, staged: LoyaltyImport, failed_rows: int) -> LoyaltyImport:
    """End an import before its first write when that would change, or lose, more than its owner wants."""
    options = staged.options
    try:
        _refuse_too_many_failed(failed_rows, options.fail_if_more_than)
        _refuse_breaches(connection, staged)
    except ImportStopped as error:
        return _end(workshop, connection, staged, reason=error.reason, message=error.message)
    return staged


def _refuse_too_many_failed(failed_rows: int, limit: int | None) -> None:
    """Raise ImportStopped for more failed rows than are put up with."""
    if limit is not None and failed_rows > limit:
        raise ImportStopped(
            f"{failed_rows:,} rows fail, more than the {limit:,} that failIfMoreThan puts up with. Nothing more is applied:"
            " correct the rows, or allow for more.",
            code="TOO_MANY_FAILED_ROWS",
        )


def _count_failed(connection: Connection, found: LoyaltyImport) -> int:
    """Count the rows that have failed by now, and those that will because they share their fate."""
    failed_rows = reporting.count_failed(connection, found.site_id, found.id)
    if found.options.duplicates is not Duplicates.REJECT:
        failed_rows += judging.count_failing_merged(connection, found.site_id, found.id)
    return failed_rows


def _refuse_breaches(connection: Connection, staged: LoyaltyImport) -> None:
    """Raise ImportStopped for changes that a guard rail holds back; rows that have too many points get that as theirs."""
    options = staged.options
    if not options.has_guard_rails:
        return
    breaches = judging.find_breaches(connection, staged.site_id, staged.id, options)
    if options.max_points_per_row is not None:
        judging.note_over(connection, staged.site_id, staged.id, options.max_points_per_row)
    if breaches:
        raise ImportStopped(" ".join(_told(breach) for breach in breaches), code="GUARD_RAIL")


def _told(breach: Breach) -> str:
    """Say what a guard rail held back, and where to look."""
    lines = ", ".join(map(str, breach.lines))
    match breach.rule:
        case "max_points_per_row":
            told = (
                f"{breach.rows:,} rows have more than {breach.limit:,} points (maxPointsPerRow), up to {breach.found:,}:"
                f" first in the lines {lines}."
            )
        case "max_total_change":
            told = (
                f"All rows together would change balances by {breach.found:,} points, more than the {breach.limit:,} of"
                f" maxTotalChange; the largest changes are in the lines {lines}."
            )
        case _:
            told = (
                f"{breach.rows:,} accounts would change, {breach.found} % of all, more than the {breach.limit} % of"
                f" maxAccountsChangedPercent; the largest changes are in the lines {lines}."
            )
    return f"{told} Nothing was applied."


def _require_lined_up(connection: Connection, found: LoyaltyImport) -> None:
    """Raise Unavailable when the server has come back from a crash meanwhile, without the rows that were lined up.

    Without them it looks as if no chunk were left. The next try lines them up again.
    """
    if found.ready_rows is not None and not staging.is_whole(connection, found.site_id, found.id, found.ready_rows):
        raise Unavailable("the rows that were lined up are gone; they are lined up again")


def _end_stopped(workshop: Workshop, site_id: UUID, import_id: UUID, stopped: ImportStopped) -> None:
    """End an import that was stopped while a chunk was applied; the rows of that one and of those behind it are listed."""
    with workshop.database.transaction(site_id) as connection:
        found = record.lock_alone(connection, site_id, import_id)
        if found.status is not Status.IMPORTING:
            return
        _require_lined_up(connection, found)
        if stopped.reason == ImportStopped.code:
            _end_cancelled(workshop, connection, found)
        else:
            _end(workshop, connection, found, reason=stopped.reason, message=stopped.message)


def _end_cancelled(workshop: Workshop, connection: Connection, found: LoyaltyImport) -> LoyaltyImport:
    """End an import whose chunks are not all applied, and that somebody wanted to stop."""
    if not record.is_cancelled(connection, found.site_id, found.id):
        raise RuntimeError(f"import {found.id} has chunks left, and nobody has cancelled it")
    return _end(
        workshop,
        connection,
        found,
        reason=problems.CANCELLED.code,
        message="It was cancelled. What was applied before stays, and the other rows are listed in the error file.",
        problem=problems.CANCELLED,
    )


def _end(
    workshop: Workshop,
    connection: Connection,
    found: LoyaltyImport,
    *,
    reason: str,
    message: str,
    problem: Problem = problems.NOT_REACHED,
) -> LoyaltyImport:
    """End an import as FAILED; the rows that were not reached have `problem`."""
    result = None
    if found.ready_rows is not None:
        try:
            found = _line_up_lost(workshop, connection, found)
            applying.note_not_reached(connection, found.site_id, found.id, problem)
            result = _conclude(workshop, connection, found)
        except (FileRejected, NotFound):
            # Without the file there is no error file, but what was applied was, and is counted.
            result = reporting.count(connection, found.site_id, found.id)
    staging.clear(connection, found.site_id, found.id)
    failed = record.fail(connection, found, reason=reason, message=message, result=result, now=workshop.clock())
    return _tell_end(workshop, connection, failed)


def _line_up_lost(workshop: Workshop, connection: Connection, found: LoyaltyImport) -> LoyaltyImport:
    """Line the rows up again if the server has lost them, so that those which were not reached can be listed."""
    if found.ready_rows is None or staging.is_whole(connection, found.site_id, found.id, found.ready_rows):
        return found
    try:
        with connection.transaction():
            return _line_up(workshop, connection, found)[0]
    except DatabaseError:
        # What cannot be lined up, and that may be why the import ends, must not keep it from its end.
        logger.exception("the rows of import %s cannot be listed", found.id)
        return found


def _tell_end(workshop: Workshop, connection: Connection, ended: LoyaltyImport) -> LoyaltyImport:
    """Tell that an import has ended, and write down at the first of its family how many rows are still to be mended."""
    record.tell(connection, ended, WORKER)
    record.tell(connection, ended, WORKER, EventType.IMPORT_FINISHED)
    if ended.root_id is not None:
        root = record.note_still_failed(connection, ended.site_id, ended.root_id, now=workshop.clock())
        record.tell(connection, root, WORKER)
    return ended


def _terms(workshop: Workshop, found: LoyaltyImport) -> applying.Terms:
    options = found.options
    return applying.Terms(
        description=options.description or DESCRIPTION, points_max=workshop.settings.points_max, adds=options.adds
    )


def _conclude(
    workshop: Workshop, connection: Connection, found: LoyaltyImport, written: ErrorFile | None = None
) -> Result:
    """Count what became of the rows, and write the error file unless it has as many as did not go through.

    Rows that have failed stay so: as many are the same.
    """
    merged_rows = 0
    if found.options.duplicates is not Duplicates.REJECT:
        merged_rows = judging.note_merged(connection, found.site_id, found.id)
    differing_rows = None
    if found.preview_id is not None and runs.find(connection, found.site_id, found.preview_id):
        judging.work_in_sets(connection)
        differing_rows = foreseeing.count_differences(connection, found.site_id, found.id, found.preview_id)
    result = reporting.count(connection, found.site_id, found.id)
    if written is None or written.rows != result.failure_count:
        written = _write_error_file(workshop, connection, found)
    path = None if written is None else written.path
    return replace(result, error_file_path=path, merged_rows=merged_rows, differing_rows=differing_rows)


def _write_error_file(workshop: Workshop, connection: Connection, found: LoyaltyImport) -> ErrorFile | None:
    """Write the rows that did not go through to a new file, which nobody else writes; None when there are none."""
    path = f"sites/{found.site_id}/imports/{found.id}/errors-{new_id()}.csv"
    header = found.header or []
    width = found.error_file_columns(workshop.settings.columns_max)
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
        failures = reporting.with_cells(counted(itertools.chain(first, failed)), preparing.rows(workshop, found))
        workshop.objects.put(
            path,
            reporting.error_file(
                failures, header, width, found.columns, corrected.CORRECTED_COLUMNS, corrected.guarded
            ),
        )
    return ErrorFile(path, count)


def _messages(workshop: Workshop, rows: outcomes.Rows, failed: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Say what is wrong with rows of a page, by line; nothing of those whose cells are needed for it and are gone.

    The file is looked into up to the last of them. An undo fails of what happened since, not of a cell.
    """
    found, header, columns = rows.record, rows.record.header or [], rows.columns
    if columns is None:
        return {}
    told: dict[int, dict[str, Any]] = {}
    for row in failed:
        if not reporting.quotes_cell(row):
            told[row["line"]] = {"message": reporting.message(row, [], header, columns), "cells": None}
        elif not rows.whose.has_cells:
            told[row["line"]] = {"message": reporting.title(row), "cells": None}
    if failed and rows.whose.has_cells and found.erased_date is None:
        in_order = sorted(failed, key=itemgetter("line"))
        with suppress(FileRejected, NotFound):
            lines = preparing.rows_at(workshop, found, [row["line"] for row in in_order])
            for failure, cells in reporting.with_cells(in_order, lines):
                message = reporting.message(failure, cells, header, columns)
                told[failure["line"]] = {
                    "message": learning.storable(message),
                    "cells": [
                        learning.storable(cells[index]) if index < len(cells) else ""
                        for index in (columns.email, columns.points)
                    ],
                }
    return told


def _limited(items: Iterator[dict[str, Any]], limit: int) -> Iterator[dict[str, Any]]:
    return (item for _, item in zip(range(limit), items, strict=False))
