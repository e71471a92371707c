"""Stage 3: judged rows into the staging table, by COPY."""

import itertools
import json
from collections.abc import Iterable
from uuid import UUID

from pointport.imports.shapes import Judged
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)

BLOCK_ROWS = 1_000
NULL = "\\N"


def stage(connection: Connection, site_id: UUID, import_id: UUID, rows: Iterable[Judged]) -> int:
    """Copy rows into the staging table, emptied first of what an earlier try left; returns how many they were."""
    clear(connection, site_id, import_id)
    count, prefix = 0, f"{site_id}\t{import_id}"
    with connection.cursor().copy(QUERIES["copy"]) as copy:
        lines = (_copied(prefix, row) for row in rows)
        while block := list(itertools.islice(lines, BLOCK_ROWS)):
            count += len(block)
            copy.write("".join(block))
    return count


def _copied(prefix: str, row: Judged) -> str:
    """Return a row as COPY reads it.

    Written here, since it is once for each row and half as long as with the driver's own: there is nothing to escape in
    an address in normal form, nor in numbers and codes. Backslashes of the detail are doubled; JSON has no line ends.
    """
    line, email, points, problem, detail = row
    if problem is None:
        return f"{prefix}\t{line}\t{email}\t{points}\t{NULL}\t{NULL}\n"
    told = NULL if detail is None else json.dumps(detail).replace("\\", "\\\\")
    return f"{prefix}\t{line}\t{email or NULL}\t{NULL if points is None else points}\t{problem}\t{told}\n"


def clear(connection: Connection, site_id: UUID, import_id: UUID) -> None:
    """Leave nothing of an import in the staging tables."""
    connection.execute(QUERIES["own_rows_only"])
    for name in ("empty_stage", "empty_ready", "empty_chunks"):
        connection.execute(QUERIES[name], {"site_id": site_id, "import_id": import_id})


def is_whole(connection: Connection, site_id: UUID, import_id: UUID, ready_rows: int) -> bool:
    """Tell whether the rows that were lined up are still there."""
    found = connection.execute(
        QUERIES["is_whole"], {"site_id": site_id, "import_id": import_id, "ready_rows": ready_rows}
    ).fetchone()
    return ready_rows == 0 or bool(one(found)["whole"])
