"""An import taken back: its entries lined up once more, with their amounts turned round.

An undo is an import of its own, of points that are added, whose rows come from the ledger instead of a file.
"""

from typing import Any
from uuid import UUID

from pointport.errors import PreconditionFailed
from pointport.imports import record, runs
from pointport.imports.problems import BALANCE_TOO_LARGE, LATER_IMPORT, POINTS_SPENT
from pointport.imports.record import LoyaltyImport
from pointport.imports.runs import Kind
from pointport.imports.status import Status
from pointport.ledger.transactions import LINE_MAX, entry_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)

KEPT = frozenset({POINTS_SPENT.code})
IMPOSSIBLE = frozenset({LATER_IMPORT.code, BALANCE_TOO_LARGE.code})
"""Why points stay where they are: their customer has used them, or to take them away would be wrong."""

LATER_NAMED_MAX = 10


def find_undoable(connection: Connection, site_id: UUID, import_id: UUID, *, locking: bool = False) -> LoyaltyImport:
    """Return an import that can be taken back, held until the transaction ends if `locking`.

    Raises NotFound; PreconditionFailed while it runs, when it is being or has been taken back, when it has changed
    nothing, and for the id of an undo.
    """
    run = runs.find(connection, site_id, import_id)
    if run is not None and run.kind is Kind.UNDO:
        raise PreconditionFailed(
            f"{import_id} is the undo of import {run.import_id}, and an undo cannot be undone: import the file again",
            code="UNDO_OF_UNDO",
        )
    found = (record.lock if locking else record.find)(connection, site_id, import_id)
    if found.status not in (Status.IMPORTED, Status.FAILED):
        raise PreconditionFailed(
            f"only an import that has ended can be undone, and this one is {found.status}",
            code="INVALID_IMPORT_STATUS",
            data={"status": str(found.status)},
        )
    if found.undo is not None and found.undo["status"] != "FAILED":
        raise PreconditionFailed(
            "this import is undone already, or about to be", code="ALREADY_UNDONE", data={"undoId": found.undo["id"]}
        )
    if not found.accounts_changed:
        raise PreconditionFailed("this import has changed no balance: there is nothing to undo", code="NOTHING_TO_UNDO")
    return found


def line_up(connection: Connection, site_id: UUID, import_id: UUID, run_id: UUID, *, done_by: UUID | None) -> int:
    """Line up the entries of an import to be taken back, in the order of their accounts; returns how many.

    Those whose balance was set by a later import that stands get that as their outcome, unless `done_by`, an undo that
    was here before, has taken them back or left them.
    """
    these = _these(site_id, import_id, run_id)
    connection.execute(QUERIES["undo_in_sets"])
    rows = connection.execute(QUERIES["line_up_entries"], these).rowcount
    later_ids = [row["id"] for row in connection.execute(QUERIES["later_setters"], these).fetchall()]
    if later_ids:
        connection.execute(QUERIES["find_later_confirmations"], {**these, "later_ids": later_ids})
    connection.execute(QUERIES["undo_by_key"])
    if done_by is not None:
        connection.execute(QUERIES["settle_undone"], {**these, "done_by": done_by})
    if later_ids:
        connection.execute(QUERIES["find_later_entries"], {**these, "later_ids": later_ids})
        connection.execute(QUERIES["note_later"], these)
    return rows


def count(
    connection: Connection, site_id: UUID, import_id: UUID, run_id: UUID, *, done_by: UUID | None = None
) -> dict[str, Any]:
    """Return what became, or will become, of the entries: `reversed`, `kept`, `impossible`, `points`, `reasons`.

    `kept` counts those of which less than all could be taken back; `points` is what was taken back, `reasons` how often
    each problem is there, and `later_ids` the newest of the imports that stand in the way. With `done_by` what another undo
    has done before is counted too.
    """
    before = done_by or run_id
    these = {
        **_these(site_id, import_id, run_id),
        "first_undone_id": entry_id(before, 0),
        "last_undone_id": entry_id(before, LINE_MAX),
        "run_ids": [run_id, before],
    }
    connection.execute(QUERIES["undo_in_sets"])
    found = one(connection.execute(QUERIES["count_undone"], these).fetchone())
    rows = connection.execute(QUERIES["count_reasons"], {**these, "limit": LATER_NAMED_MAX}).fetchall()
    return {
        **found,
        "reasons": {row["problem"]: row["rows"] for row in rows},
        "later_ids": [later_id for row in rows if row["problem"] == LATER_IMPORT.code for later_id in row["later_ids"]],
    }


def _these(site_id: UUID, import_id: UUID, run_id: UUID) -> dict[str, Any]:
    return {
        "site_id": site_id,
        "import_id": import_id,
        "run_id": run_id,
        "first_id": entry_id(import_id, 0),
        "last_id": entry_id(import_id, LINE_MAX),
    }
