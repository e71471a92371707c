"""Background jobs: procrastinate, enqueued on the caller's own connection.

A job is a step about one subject; what the step does is none of the queue's business. The worker's side of it (claiming,
running, sweeping up after the dead) is in `entrypoints/worker.py`.
"""

from pathlib import Path
from uuid import UUID

import procrastinate
from procrastinate import exceptions, schema

from pointport.plumbing.database.migrate import Migration
from pointport.plumbing.database.pool import Connection

CONNECTION_WAIT_SECONDS = 5.0

WORK, WEBHOOKS = "work", "webhooks"
"""Two lines to stand in: a receiver that is slow to listen holds up no import."""

_deferrer = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
"""Never opened: it only words the INSERT, which runs on the connection that the caller hands in."""


def enqueue(
    connection: Connection, task: str, *, site_id: UUID, subject_id: UUID, lock: str, queue: str = WORK
) -> None:
    """Add a job to the queue within the caller's transaction; it exists when that commits, or never did.

    Jobs with the same `lock` run one after the other. A job of the same task for the same subject that still waits is
    enough: a second is not added.
    """
    queueing_lock = f"{task}:{subject_id}"
    try:
        with connection.transaction():
            _deferrer.configure_task(
                task, lock=lock, queueing_lock=queueing_lock, queue=queue, connection=connection
            ).defer(site_id=str(site_id), subject_id=str(subject_id))
    except (exceptions.AlreadyEnqueued, exceptions.UniqueViolation):
        # On Citus the index has another name, and procrastinate tells it apart no more (citus.md 2.1): catch both.
        return


def ledger_lock(site_id: UUID) -> str:
    """Return the lock of jobs that change a site's ledger: they run one after the other."""
    return f"site:{site_id}"


def worker_app(conninfo: str, connections_max: int) -> procrastinate.App:
    """Return procrastinate's application for a worker, to be opened in its event loop."""
    return procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=conninfo,
            min_size=1,
            max_size=connections_max,
            # A worker that cannot reach its queue gives up soon, and begins anew.
            timeout=CONNECTION_WAIT_SECONDS,
            kwargs={"application_name": "pointport-worker"},
        )
    )


def migrations() -> tuple[Migration, ...]:
    """Procrastinate's own schema as migrations: the whole for a fresh database, its upgrade scripts for an older one.

    The `0000_` puts them before ours; among themselves they sort by procrastinate's versions.
    """
    upgrades = tuple(
        Migration(f"0000_queue_{path.name}", path.read_text(encoding="utf-8"))
        for path in sorted(Path(schema.migrations_path).glob("*.sql"))
    )
    whole = Migration("0000_queue.sql", schema.SchemaManager.get_schema(), covers=tuple(one.name for one in upgrades))
    return (whole, *upgrades)
