"""What an ended import did, proven from the ledger itself: every row has one outcome, and every point is accounted for.

Nothing here is taken from what the import says of itself but what no entry can tell: its file, what was chosen, when, and
how many accounts it made. When the row details are erased, what they told is no longer proven, and is not made up.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pointport.errors import PreconditionFailed
from pointport.imports.record import LoyaltyImport
from pointport.imports.status import Status
from pointport.ledger.transactions import LINE_MAX, entry_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)


@dataclass(frozen=True)
class Rows:
    """How many rows had which outcome. What was erased is None, and only how many rows that were is known: `unproven`."""

    imported: int
    unchanged: int | None = None
    merged: int | None = None
    failed: int | None = None
    unprocessed: int | None = None
    unproven: int | None = None

    @property
    def in_file(self) -> int:
        """The sum of all."""
        others = (self.unchanged, self.merged, self.failed, self.unprocessed, self.unproven)
        return self.imported + sum(rows or 0 for rows in others)


@dataclass(frozen=True)
class Points:
    """The points of the accounts that entries changed: `before` + `changes` = `after`."""

    before: int
    changes: int
    after: int
    added: int
    removed: int


@dataclass(frozen=True)
class Undo:
    """How an import was taken back, as far as that has come."""

    id: UUID
    status: str
    created_date: datetime
    finished_date: datetime | None
    entries: int
    changes: int


@dataclass(frozen=True)
class Proof:
    """What the ledger says of an import, and the import."""

    of: LoyaltyImport
    rows: Rows
    accounts_changed: int
    points: Points
    ledger_sha256: str
    undo: Undo | None


def prove(connection: Connection, found: LoyaltyImport) -> Proof:
    """Count an import anew. Raises PreconditionFailed unless it was executed and has ended."""
    if found.status not in {Status.IMPORTED, Status.FAILED} or found.executed_date is None:
        raise PreconditionFailed(
            "an import must have been executed and have ended to be certified",
            code="INVALID_IMPORT_STATUS",
            data={"status": str(found.status)},
        )
    entries = _sums(connection, found.site_id, found.id)
    return Proof(
        of=found,
        rows=_rows(connection, found, entries["entries"]),
        accounts_changed=entries["accounts"],
        points=Points(
            before=entries["sum_before"],
            changes=entries["sum_of_changes"],
            after=entries["sum_after"],
            added=entries["added"],
            removed=entries["removed"],
        ),
        ledger_sha256=_digest(connection, found.site_id, found.id),
        undo=_undo(connection, found),
    )


def refuse_unsound(proof: Proof) -> None:
    """Raise PreconditionFailed when the ledger says something else than the import did: that is not certified."""
    found, rows, points = proof.of, proof.rows, proof.points
    said_and_found = {
        "rows.inFile": (found.parsed_row_count, rows.in_file),
        "accounts.changed": (found.accounts_changed or 0, proof.accounts_changed),
        "points.added": (found.points_added or 0, points.added),
        "points.removed": (found.points_removed or 0, points.removed),
        "points.sumAfter": (points.before + points.changes, points.after),
    }
    for name, (said, counted) in said_and_found.items():
        if said != counted:
            raise PreconditionFailed(
                f"the ledger is not sound, so nothing is certified: {name} must be {said}, and is {counted};"
                " `pointport ledger verify` says more",
                code="LEDGER_NOT_SOUND",
                data={"name": name, "expected": said, "found": counted},
            )


def _rows(connection: Connection, found: LoyaltyImport, imported: int) -> Rows:
    if found.erased_date is not None:
        return Rows(imported, unproven=max((found.parsed_row_count or 0) - imported, 0))
    values = {"site_id": found.site_id, "import_id": found.id}
    counted = {row["outcome"]: row["rows"] for row in connection.execute(QUERIES["count_other_rows"], values)}
    unprocessed = counted.get("UNPROCESSED", 0)
    if found.ready_rows is None:
        # It failed before any row was looked at, so none has an outcome.
        unprocessed = (found.parsed_row_count or 0) - imported
    return Rows(
        imported=imported,
        unchanged=counted.get("UNCHANGED", 0),
        merged=counted.get("MERGED", 0),
        failed=counted.get("FAILED", 0),
        unprocessed=unprocessed,
    )


def _sums(connection: Connection, site_id: UUID, cause_id: UUID) -> dict[str, int]:
    """Return what the entries of an import, or of a run, come to."""
    return one(connection.execute(QUERIES["sum_entries"], _entries_of(site_id, cause_id)).fetchone())


def _digest(connection: Connection, site_id: UUID, import_id: UUID) -> str:
    """Return the SHA-256 of the entries as lines `account,line,before,amount,after`, in the order of the file's lines."""
    digest = hashlib.sha256()
    with connection.cursor().copy(QUERIES["list_entries"], _entries_of(site_id, import_id)) as entries:
        for block in entries:
            digest.update(block)
    return digest.hexdigest()


def _undo(connection: Connection, found: LoyaltyImport) -> Undo | None:
    values = {"site_id": found.site_id, "import_id": found.id}
    run = connection.execute(QUERIES["find_undo"], values).fetchone()
    if run is None:
        return None
    entries = _sums(connection, found.site_id, run["id"])
    return Undo(**run, entries=entries["entries"], changes=entries["sum_of_changes"])


def _entries_of(site_id: UUID, cause_id: UUID) -> dict[str, UUID]:
    return {
        "site_id": site_id,
        "import_id": cause_id,
        "first_id": entry_id(cause_id, 0),
        "last_id": entry_id(cause_id, LINE_MAX),
    }
