"""Runs over an import's rows beside its execution: a preview, an undo, the preview of an undo.

What a run stages, writes down and enters in the ledger is under its own id, as if it were an import.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from pointport.errors import NotFound
from pointport.imports.options import Options, from_chosen
from pointport.imports.shapes import Mapping as Columns
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one
from pointport.plumbing.queue.at_work import subjects_at_work

QUERIES = load(__file__)

LOST_AFTER = timedelta(seconds=10)
"""A run without a job that nobody has touched for so long has lost it."""


class Kind(StrEnum):
    """What a run is for."""

    PREVIEW = "PREVIEW"
    UNDO = "UNDO"
    UNDO_PREVIEW = "UNDO_PREVIEW"


class RunStatus(StrEnum):
    """Where a run is in its life."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Run:
    """A run; what is not known yet is None."""

    site_id: UUID
    id: UUID
    import_id: UUID
    kind: Kind
    status: RunStatus
    email_index: int | None
    points_index: int | None
    options: dict[str, Any]
    actor: str
    ready_rows: int | None
    applied_rows: int
    summary: dict[str, Any] | None
    failure_reason: str | None
    failure_message: str | None
    created_date: datetime
    updated_date: datetime
    finished_date: datetime | None

    @property
    def columns(self) -> Columns:
        """Which columns a preview is of."""
        if self.email_index is None or self.points_index is None:
            raise RuntimeError(f"run {self.id} has no mapping")
        return Columns(self.email_index, self.points_index)

    def is_of(self, columns: Columns, options: Options) -> bool:
        """Tell whether a preview says what these columns and options do with the rows."""
        return self.columns == columns and from_chosen(self.options).judging == options.judging


def insert(
    connection: Connection,
    site_id: UUID,
    import_id: UUID,
    kind: Kind,
    *,
    columns: Columns | None = None,
    options: Mapping[str, Any],
    actor: str,
    now: datetime,
) -> Run:
    """Add a run, RUNNING."""
    values = {
        "site_id": site_id,
        "id": new_id(),
        "import_id": import_id,
        "kind": kind,
        "email_index": columns.email if columns else None,
        "points_index": columns.points if columns else None,
        "options": Jsonb(dict(options)),
        "actor": actor,
        "now": now,
    }
    return _run(one(connection.execute(QUERIES["insert_run"], values).fetchone()))


def find(connection: Connection, site_id: UUID, run_id: UUID) -> Run | None:
    """Return a run, or None: a preview gives way to a newer one."""
    row = connection.execute(QUERIES["find_run"], {"site_id": site_id, "id": run_id}).fetchone()
    return None if row is None else _run(row)


def share(connection: Connection, site_id: UUID, run_id: UUID) -> Run:
    """Return a run that nobody ends until the transaction does; others may share it. Raises NotFound."""
    return _found(connection, "share_run", site_id, run_id)


def lock(connection: Connection, site_id: UUID, run_id: UUID) -> Run:
    """Return a run, once nobody shares it, and hold it until the transaction ends. Raises NotFound."""
    return _found(connection, "lock_run", site_id, run_id)


def newest(
    connection: Connection, site_id: UUID, import_id: UUID, kind: Kind, *, status: RunStatus | None = None
) -> Run | None:
    """Return an import's newest run of a kind, in a status if one is named; None if there is none."""
    values = {"site_id": site_id, "import_id": import_id, "kind": kind, "status": status}
    row = connection.execute(QUERIES["newest_run"], values).fetchone()
    return None if row is None else _run(row)


def change(connection: Connection, name: str, run: Run, **values: Any) -> Run | None:
    """Run one of the named changes and return the run after it; None when it no longer is in the status it leaves."""
    row = connection.execute(QUERIES[name], {"site_id": run.site_id, "id": run.id, **values}).fetchone()
    return None if row is None else _run(row)


def finish(connection: Connection, run: Run, summary: Mapping[str, Any], *, now: datetime) -> Run | None:
    """RUNNING to DONE, with what it came to; None when it is gone."""
    return change(connection, "finish_run", run, summary=Jsonb(dict(summary)), now=now)


def delete_before(connection: Connection, run: Run) -> list[UUID]:
    """Take away the import's older runs of this kind but the one it was executed after; returns which."""
    values = {"site_id": run.site_id, "import_id": run.import_id, "kind": run.kind, "id": run.id}
    return [row["id"] for row in connection.execute(QUERIES["delete_older_runs"], values).fetchall()]


def find_lost(connection: Connection, kinds: Sequence[Kind], *, before: datetime) -> list[Run]:
    """Return the runs of some kinds, of all sites, that have no job, since before a moment."""
    values = {"before": before, "with_job": subjects_at_work(connection), "kinds": list(kinds)}
    return [_run(row) for row in connection.execute(QUERIES["find_lost_runs"], values).fetchall()]


def find_old_previews(connection: Connection, *, before: datetime) -> list[tuple[UUID, UUID]]:
    """Return site and id of previews of all sites that ended before a moment."""
    rows = connection.execute(QUERIES["find_old_previews"], {"before": before}).fetchall()
    return [(row["site_id"], row["id"]) for row in rows]


def list_of(connection: Connection, site_id: UUID, import_id: UUID) -> list[Run]:
    """Return all runs of an import."""
    rows = connection.execute(QUERIES["list_runs"], {"site_id": site_id, "import_id": import_id}).fetchall()
    return [_run(row) for row in rows]


def delete(connection: Connection, site_id: UUID, run_id: UUID) -> None:
    """Take a run away."""
    connection.execute(QUERIES["delete_run"], {"site_id": site_id, "id": run_id})


def _found(connection: Connection, query: str, site_id: UUID, run_id: UUID) -> Run:
    row = connection.execute(QUERIES[query], {"site_id": site_id, "id": run_id}).fetchone()
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    return _run(row)


def _run(row: Mapping[str, Any]) -> Run:
    values = {name: row[name] for name in Run.__dataclass_fields__}
    return Run(**{**values, "kind": Kind(row["kind"]), "status": RunStatus(row["status"])})
