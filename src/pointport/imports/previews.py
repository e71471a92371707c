"""The story of looking before: what an import would do, found out by what does it, and applied nowhere.

::

    begin ─▶ (a worker) run: line up ─▶ judge balances ─▶ write down every row ─▶ sum up

A preview stages, judges and writes its rows down under its own id, all in one transaction that touches no account. It holds
until the next one of the same import; an import that is executed with the same columns and options keeps it, and says
afterwards which rows came out in another way.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from pointport.errors import FileRejected, NotFound, PreconditionFailed
from pointport.imports import applying, foreseeing, judging, preparing, record, runs, staging, undoing
from pointport.imports.applying import Terms, WhenNegative
from pointport.imports.options import Options, from_chosen, refuse_contradictions
from pointport.imports.record import LoyaltyImport
from pointport.imports.runs import Kind, Run, RunStatus
from pointport.imports.shapes import Chunk, Workshop
from pointport.imports.shapes import Mapping as Columns
from pointport.imports.status import Status
from pointport.plumbing import queue
from pointport.plumbing.database.pool import Connection

TASK = "preview_import"


def begin(workshop: Workshop, site_id: UUID, import_id: UUID, *, columns: Columns, options: Options, actor: str) -> Run:
    """Have an import previewed; the preview before it gives way once this one is done.

    Raises NotFound; InvalidRequest for options that contradict each other; PreconditionFailed unless it is PARSED.
    """
    refuse_contradictions(options)
    with workshop.database.transaction(site_id) as connection:
        found = record.find(connection, site_id, import_id)
        if found.status is not Status.PARSED:
            raise PreconditionFailed(
                f"only an import that is PARSED can be previewed, and this one is {found.status}",
                code="INVALID_IMPORT_STATUS",
                data={"status": str(found.status)},
            )
        run = runs.insert(
            connection,
            site_id,
            import_id,
            Kind.PREVIEW,
            columns=columns,
            options=options.chosen(),
            actor=actor,
            now=workshop.clock(),
        )
        enqueue(connection, run)
    return run


def begin_of_undo(
    workshop: Workshop, site_id: UUID, import_id: UUID, *, when_negative: WhenNegative, actor: str
) -> Run:
    """Have the undo of an import previewed. Raises NotFound; PreconditionFailed for what cannot be undone."""
    with workshop.database.transaction(site_id) as connection:
        found = undoing.find_undoable(connection, site_id, import_id)
        run = runs.insert(
            connection,
            site_id,
            found.id,
            Kind.UNDO_PREVIEW,
            options={"when_negative": when_negative},
            actor=actor,
            now=workshop.clock(),
        )
        enqueue(connection, run)
    return run


def find(workshop: Workshop, site_id: UUID, import_id: UUID, kind: Kind) -> Run:
    """Return an import's newest preview of a kind, whatever has become of it. Raises NotFound."""
    with workshop.database.transaction(site_id) as connection:
        record.find(connection, site_id, import_id)
        found = runs.newest(connection, site_id, import_id, kind)
    if found is None:
        raise NotFound(f"import {import_id} has no preview; ask for one", code="PREVIEW_NOT_FOUND")
    return found


def enqueue(connection: Connection, run: Run) -> None:
    """Give a preview to a worker; those of one import run one after the other."""
    queue.enqueue(connection, TASK, site_id=run.site_id, subject_id=run.id, lock=f"preview:{run.import_id}")


def enqueue_lost(workshop: Workshop) -> int:
    """Give a job to each preview that waits for one and has none; returns how many there were."""
    with workshop.database.owner_transaction() as connection:
        lost = runs.find_lost(connection, [Kind.PREVIEW, Kind.UNDO_PREVIEW], before=workshop.clock() - runs.LOST_AFTER)
        for one in lost:
            enqueue(connection, one)
    return len(lost)


def run(workshop: Workshop, site_id: UUID, run_id: UUID, _: Callable[[], bool]) -> None:
    """Find out what an import, or its undo, would do. A preview that a newer one has replaced is left."""
    try:
        with workshop.database.transaction(site_id) as connection:
            asked = runs.find(connection, site_id, run_id)
            if asked is None or asked.status is not RunStatus.RUNNING:
                return
            found = record.find(connection, site_id, asked.import_id)
            if asked.kind is Kind.PREVIEW:
                summary = _preview(workshop, connection, found, asked)
            else:
                summary = _preview_undo(workshop, connection, found, asked)
            staging.clear(connection, site_id, run_id)
            for older in runs.delete_before(connection, asked):
                foreseeing.erase(connection, site_id, older)
            runs.finish(connection, asked, summary, now=workshop.clock())
    except (FileRejected, NotFound) as error:
        fail(workshop, site_id, run_id, reason=error.reason, message=error.message)


def fail(workshop: Workshop, site_id: UUID, run_id: UUID, *, reason: str, message: str) -> None:
    """End a preview as FAILED; one that has ended stays as it is."""
    with workshop.database.transaction(site_id) as connection:
        asked = runs.find(connection, site_id, run_id)
        if asked is not None:
            told = {"failure_reason": reason, "failure_message": message}
            runs.change(connection, "fail_run", asked, **told, now=workshop.clock())


def erase_old(workshop: Workshop) -> int:
    """Erase the previews that are kept no longer; returns how many."""
    before = workshop.clock() - timedelta(days=workshop.settings.retention_days)
    with workshop.database.owner_transaction() as connection:
        old = runs.find_old_previews(connection, before=before)
    for site_id, run_id in old:
        with workshop.database.transaction(site_id) as connection:
            foreseeing.erase(connection, site_id, run_id)
            runs.delete(connection, site_id, run_id)
    return len(old)


def _preview(workshop: Workshop, connection: Connection, found: LoyaltyImport, asked: Run) -> dict[str, Any]:
    """Line the rows up as the import would, and see what becomes of each."""
    site_id, options = found.site_id, from_chosen(asked.options)
    lined = preparing.line_up(workshop, connection, found, columns=asked.columns, options=options, under=asked.id)
    breaches = judging.find_breaches(connection, site_id, asked.id, options)
    terms = Terms(description="", points_max=workshop.settings.points_max, adds=options.adds)
    summary = _foresee(connection, asked, lined.ready_rows, terms)
    failed_rows = summary["rows"].get("FAILED", 0)
    limit = options.fail_if_more_than
    return {
        **summary,
        "guard_rails": [
            {
                "rule": breach.rule,
                "limit": breach.limit,
                "found": breach.found,
                "rows": breach.rows,
                "lines": list(breach.lines),
            }
            for breach in breaches
        ]
        + (
            [{"rule": "fail_if_more_than", "limit": limit, "found": failed_rows, "rows": failed_rows, "lines": []}]
            if limit is not None and failed_rows > limit
            else []
        ),
        "repeats": [
            {"import_id": str(twin.id), "executed_date": twin.executed_date.isoformat()}
            for twin in record.find_twins(connection, found)
            if twin.stands and twin.executed_date is not None
        ],
    }


def _preview_undo(workshop: Workshop, connection: Connection, found: LoyaltyImport, asked: Run) -> dict[str, Any]:
    """Line the entries up as the undo would, and see what becomes of each."""
    # One that has stopped half way goes on where it was.
    before = runs.newest(connection, found.site_id, found.id, Kind.UNDO)
    done_by = None if before is None else before.id
    rows = undoing.line_up(connection, found.site_id, found.id, asked.id, done_by=done_by)
    terms = Terms(
        description="",
        points_max=workshop.settings.points_max,
        adds=True,
        when_negative=WhenNegative(asked.options["when_negative"]),
    )
    summary = _foresee(connection, asked, rows, terms)
    return {**summary, "undo": undoing.count(connection, found.site_id, found.id, asked.id, done_by=done_by)}


def _foresee(connection: Connection, asked: Run, last: int, terms: Terms) -> dict[str, Any]:
    """Judge the balances as they are, and write down and sum up what becomes of the rows that are lined up."""
    site_id = asked.site_id
    if last:
        judging.work_in_sets(connection)
        applying.foresee_refusals(connection, site_id, asked.id, Chunk(1, last), terms=terms)
    judging.work_in_sets(connection)
    foreseen = foreseeing.note(connection, site_id, asked.id, adds=terms.adds)
    judging.note_merged(connection, site_id, asked.id)
    return foreseeing.summarize(connection, site_id, asked.id, foreseen)
