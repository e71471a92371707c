"""Many accounts changed at once, in the background (contract.md 6.2, bulk adjust).

A worker may die at any instant: each chunk's entries, balances and progress commit together, and another worker goes on
behind the last account that is done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from pointport.errors import NotFound, Unavailable
from pointport.ledger import account_events, program
from pointport.plumbing import queue
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, Database, one
from pointport.plumbing.queue.at_work import subjects_at_work
from pointport.plumbing.sites import sites

QUERIES = load(__file__)

TASK = "adjust_accounts"
DESCRIPTION = "Bulk adjustment"
FAILURES_SHOWN_MAX = 20
CHUNK_ACCOUNTS_MAX = 5_000
"""Whoever earns at a till waits while a chunk holds the account, so it is one that is done in well under a second."""
LOOK_UP = (
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off;"
    " SET LOCAL enable_bitmapscan = off"
)

Row = dict[str, Any]
Chosen = Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[sql.Composable, Mapping[str, Any]]]
"""Gives the condition, and its parameters, that a filter and a free-text search stand for."""


@dataclass(frozen=True)
class Wish:
    """The balance to set, or else the amount to add, and for which accounts: the caller's filter and search."""

    balance: int | None
    amount: int | None
    filter: Mapping[str, Any]
    search: Mapping[str, Any]


def begin(database: Database, site_id: UUID, wish: Wish, *, actor: str, now: datetime) -> UUID:
    """Write the job down and have it done. Raises PreconditionFailed while the program is a draft."""
    job_id = new_id()
    with database.transaction(site_id) as connection:
        program.require(connection, site_id, program.ACTIVE, program.PAUSED, to="adjust points")
        connection.execute(
            QUERIES["insert_job"],
            {
                "site_id": site_id,
                "id": job_id,
                "balance": wish.balance,
                "amount": wish.amount if wish.balance is None else None,
                "filter": Jsonb(dict(wish.filter)),
                "search": Jsonb(dict(wish.search)),
                "now": now,
            },
        )
        _enqueue(connection, site_id, job_id)
        sites.note(connection, site_id, actor=actor, action="accounts.adjust", subject_id=job_id, now=now)
    return job_id


def find(database: Database, site_id: UUID, job_id: UUID) -> tuple[Row, Sequence[Row]]:
    """Return a job, and the first accounts that stayed as they were with their problem. Raises NotFound."""
    job = {"site_id": site_id, "id": job_id}
    with database.transaction(site_id) as connection:
        found = connection.execute(QUERIES["find_job"], job).fetchone()
        if found is None:
            raise NotFound(f"there is no job {job_id}", code="JOB_NOT_FOUND")
        limit = {"limit": FAILURES_SHOWN_MAX}
        return found, connection.execute(QUERIES["first_job_failures"], {**job, **limit}).fetchall()


def run(
    database: Database,
    site_id: UUID,
    job_id: UUID,
    is_stopping: Callable[[], bool],
    *,
    chosen: Chosen,
    chunk_rows: int,
    points_max: int,
    clock: Callable[[], datetime],
) -> None:
    """Bring a job to its end, from wherever it is. Raises Unavailable between two chunks when `is_stopping` says so.

    A chunk has `chunk_rows` accounts, though never more than CHUNK_ACCOUNTS_MAX.
    """
    _settle(database, site_id, job_id, chosen, clock())
    rows = min(chunk_rows, CHUNK_ACCOUNTS_MAX)
    while _chunk(database, site_id, job_id, chunk_rows=rows, points_max=points_max, now=clock()):
        if is_stopping():
            raise Unavailable("the worker is stopping; another goes on")


def fail(database: Database, site_id: UUID, job_id: UUID, *, message: str, now: datetime) -> None:
    """End a job as FAILED; what was changed before stays. One that has ended stays as it is."""
    with database.transaction(site_id) as connection:
        connection.execute(QUERIES["fail_job"], {"site_id": site_id, "id": job_id, "message": message, "now": now})


def enqueue_lost(database: Database, *, before: datetime) -> int:
    """Give each job that nobody is at work on to a worker again; returns how many there were."""
    with database.owner_transaction() as connection:
        at_work = subjects_at_work(connection)
        lost = connection.execute(QUERIES["find_lost_jobs"], {"before": before, "at_work": at_work}).fetchall()
        for row in lost:
            _enqueue(connection, row["site_id"], row["id"])
    return len(lost)


def _enqueue(connection: Connection, site_id: UUID, job_id: UUID) -> None:
    # Under the lock of the site's imports: two that change the same accounts would only wait for each other.
    queue.enqueue(connection, TASK, site_id=site_id, subject_id=job_id, lock=queue.ledger_lock(site_id))


def _settle(database: Database, site_id: UUID, job_id: UUID, chosen: Chosen, now: datetime) -> None:
    """Write down which accounts are meant, once."""
    job = {"site_id": site_id, "id": job_id}
    with database.transaction(site_id) as connection:
        found = connection.execute(QUERIES["lock_job"], job).fetchone()
        if found is None or found["status"] != "INITIALIZED":
            return
        where, parameters = chosen(found["filter"], found["search"])
        statement = sql.SQL(QUERIES["settle_items"]).format(where=where)
        items = connection.execute(statement, {**parameters, **job}).rowcount
        connection.execute(QUERIES["begin_job"], {**job, "items": items, "now": now})


def _chunk(database: Database, site_id: UUID, job_id: UUID, *, chunk_rows: int, points_max: int, now: datetime) -> bool:
    """Change the next accounts, or finish; tells whether there may be more to do."""
    job: Row = {"site_id": site_id, "id": job_id, "now": now}
    with database.transaction(site_id) as connection:
        found = connection.execute(QUERIES["lock_job"], job).fetchone()
        if found is None or found["status"] != "PROCESSING":
            return False
        connection.execute(LOOK_UP)
        after = {"after": found["done_through"], "chunk_rows": chunk_rows}
        last = connection.execute(QUERIES["find_chunk"], {**job, **after}).fetchone()
        if last is None:
            connection.execute(QUERIES["finish_job"], job)
            return False
        chunk = {
            **job,
            **after,
            "upto": last["upto"],
            "balance": found["balance"],
            "amount": found["amount"],
            "points_max": points_max,
            "description": DESCRIPTION,
        }
        failed = connection.execute(QUERIES["note_impossible"], chunk).rowcount
        entries = connection.execute(QUERIES["write_job_entries"], chunk).rowcount
        changed = connection.execute(QUERIES["set_job_balances"], chunk).rowcount
        if entries != changed:
            raise RuntimeError(
                f"a chunk of job {job_id} does not add up: {entries} entries, {changed} balances changed"
            )
        account_events.record_changes(
            connection, site_id, cause_id=job_id, actor="worker", now=now, of=account_events.CHANGED
        )
        progress = {"succeeded": last["items"] - failed, "failed": failed}
        one(connection.execute(QUERIES["note_job_chunk"], {**chunk, **progress}).fetchone())
    return True
