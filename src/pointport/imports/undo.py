"""The story of taking back: every entry of an import gets its counterpart, as far as that is right.

::

    begin ─▶ (a worker) run: line the entries up ─▶ apply a chunk … ─▶ finish

It is crash-safe as an import is, by the same means: a chunk's entries, balances, outcomes and progress commit together,
and an entry of the undo has an id made of the undo and the line, so that none can be written twice.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from pointport.errors import Unavailable
from pointport.imports import applying, lineup, record, runs, sessions, staging, undoing
from pointport.imports.applying import Terms, WhenNegative
from pointport.imports.record import LoyaltyImport
from pointport.imports.runs import Kind, Run, RunStatus
from pointport.imports.shapes import Workshop
from pointport.ledger import account_events
from pointport.plumbing import queue
from pointport.plumbing.database.pool import Connection
from pointport.plumbing.sites import sites

TASK = "undo_import"
DESCRIPTION = "Import undone"
WORKER = "worker"


def begin(
    workshop: Workshop, site_id: UUID, import_id: UUID, *, when_negative: WhenNegative, actor: str
) -> LoyaltyImport:
    """Have an import taken back; an undo that a fault of ours has ended goes on where it was.

    Raises NotFound; PreconditionFailed for what has changed nothing, still runs, is taken back already, or is an undo.
    """
    now = workshop.clock()
    with workshop.database.transaction(site_id) as connection:
        found = undoing.find_undoable(connection, site_id, import_id, locking=True)
        options = {"when_negative": when_negative}
        begun = runs.newest(connection, site_id, import_id, Kind.UNDO)
        if begun is None:
            begun = runs.insert(connection, site_id, import_id, Kind.UNDO, options=options, actor=actor, now=now)
        else:
            runs.change(connection, "begin_run_again", begun, options=Jsonb(options), now=now)
        told = {"id": str(begun.id), "status": str(RunStatus.RUNNING), "when_negative": when_negative}
        changed = record.note_undo(connection, found, told, now=now)
        record.tell(connection, changed, actor)
        enqueue(connection, begun)
        sites.note(connection, site_id, actor=actor, action="import.undo", subject_id=import_id, now=now)
    return changed


def enqueue(connection: Connection, undo: Run) -> None:
    """Give an undo to a worker, in line with the other jobs that change the site's ledger."""
    queue.enqueue(connection, TASK, site_id=undo.site_id, subject_id=undo.id, lock=queue.ledger_lock(undo.site_id))


def enqueue_lost(workshop: Workshop) -> int:
    """Give a job to each undo that waits for one and has none; returns how many there were."""
    with workshop.database.owner_transaction() as connection:
        lost = runs.find_lost(connection, [Kind.UNDO], before=workshop.clock() - runs.LOST_AFTER)
        for one in lost:
            enqueue(connection, one)
    return len(lost)


def run(workshop: Workshop, site_id: UUID, run_id: UUID, is_stopping: Callable[[], bool]) -> None:
    """Bring an undo to its end, from wherever it is. Raises Unavailable between two chunks when `is_stopping` says so."""
    if not stage(workshop, site_id, run_id):
        return
    with workshop.database.transaction(site_id) as connection:
        left = lineup.count_left(connection, site_id, run_id)
    sessions.apply_all(
        lambda waiting: apply_chunk(workshop, site_id, run_id, waiting=waiting),
        sessions=min(workshop.settings.apply_sessions, left),
        is_stopping=is_stopping,
    )
    finish(workshop, site_id, run_id)


def stage(workshop: Workshop, site_id: UUID, run_id: UUID) -> bool:
    """Line the entries up, in one transaction; nothing if that is done and stands. Tells whether it is RUNNING."""
    with workshop.database.transaction(site_id) as connection:
        undo = runs.lock(connection, site_id, run_id)
        if undo.status is not RunStatus.RUNNING:
            return False
        again = undo.ready_rows is not None
        if undo.ready_rows is not None and staging.is_whole(connection, site_id, run_id, undo.ready_rows):
            return True
        staging.clear(connection, site_id, run_id)
        rows = undoing.line_up(connection, site_id, undo.import_id, run_id, done_by=run_id if again else None)
        lineup.cut(
            connection,
            site_id,
            run_id,
            ready_rows=rows,
            chunk_rows_max=workshop.settings.chunk_rows,
            sessions=workshop.settings.apply_sessions,
        )
        runs.change(connection, "note_run_staged", undo, ready_rows=rows, now=workshop.clock())
        return True


def apply_chunk(workshop: Workshop, site_id: UUID, run_id: UUID, *, waiting: bool = False) -> bool:
    """Take the next entries back: counterparts, balances, outcomes and progress commit together."""
    with workshop.database.transaction(site_id) as connection:
        undo = runs.share(connection, site_id, run_id)
        if undo.status is not RunStatus.RUNNING:
            return False
        chunk = lineup.take_chunk(connection, site_id, run_id, waiting=waiting)
        if chunk is None:
            return False
        now = workshop.clock()
        terms = Terms(
            description=DESCRIPTION,
            points_max=workshop.settings.points_max,
            adds=True,
            when_negative=WhenNegative(undo.options["when_negative"]),
        )
        applying.apply(connection, site_id, run_id, chunk, terms=terms, now=now)
        account_events.record_changes(connection, site_id, cause_id=run_id, actor=WORKER, now=now)
        runs.change(connection, "note_run_chunk", undo, applied_rows=chunk.last - chunk.first + 1, now=now)
        return True


def finish(workshop: Workshop, site_id: UUID, run_id: UUID) -> None:
    """Write the result, at the undo and at the import. Raises Unavailable when the entries have to be lined up again."""
    now = workshop.clock()
    with workshop.database.transaction(site_id) as connection:
        undo = runs.lock(connection, site_id, run_id)
        if undo.status is not RunStatus.RUNNING:
            return
        if undo.ready_rows is not None and not staging.is_whole(connection, site_id, run_id, undo.ready_rows):
            # The server has come back from a crash: without its rows it looks as if no chunk were left.
            raise Unavailable("the entries that were lined up are gone; they are lined up again")
        if lineup.count_left(connection, site_id, run_id):
            raise RuntimeError(f"undo {run_id} has chunks left")
        summary = undoing.count(connection, site_id, undo.import_id, run_id)
        if summary["reversed"] + summary["kept"] + summary["impossible"] != summary["entries"]:
            raise RuntimeError(f"undo {run_id} does not account for every entry: {summary}")
        staging.clear(connection, site_id, run_id)
        runs.finish(connection, undo, summary, now=now)
        found = record.lock(connection, site_id, undo.import_id)
        told = {**_told(undo, RunStatus.DONE), "finished_date": now.isoformat(), **summary}
        record.tell(connection, record.note_undo(connection, found, told, now=now), WORKER)


def fail(workshop: Workshop, site_id: UUID, run_id: UUID, *, message: str) -> None:
    """End an undo as FAILED. What was taken back stays so, and asked for once more it goes on from there."""
    now = workshop.clock()
    with workshop.database.transaction(site_id) as connection:
        undo = runs.lock(connection, site_id, run_id)
        if undo.status is not RunStatus.RUNNING:
            return
        # Before it goes on a later import may have set balances: then it is lined up anew.
        staging.clear(connection, site_id, run_id)
        runs.change(connection, "fail_run", undo, failure_reason="INTERNAL_ERROR", failure_message=message, now=now)
        found = record.lock(connection, site_id, undo.import_id)
        told = {**_told(undo, RunStatus.FAILED), "message": message}
        record.tell(connection, record.note_undo(connection, found, told, now=now), WORKER)


def _told(undo: Run, status: RunStatus) -> dict[str, Any]:
    return {"id": str(undo.id), "status": str(status), "when_negative": undo.options["when_negative"]}
