"""Stage 3: judged rows into the staging table, by COPY."""

import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from pointport.imports.shapes import JudgedFields
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)

BLOCK_ROWS = 1_000
NULL = "\\N"


def stage(connection: Connection, site_id: UUID, import_id: UUID, rows: Iterable[JudgedFields]) -> int:
    """Copy rows into the staging table, emptied first of what an earlier try left; returns how many they were."""
    clear(connection, site_id, import_id)
    rest, count, prefix = iter(rows), 0, f"{site_id}\t{import_id}"
    with connection.cursor().copy(QUERIES["copy"]) as copy:
        while block := list(itertools.islice(rest, BLOCK_ROWS)):
            count += len(block)
            copy.write(_copied(prefix, block))
    return count


def _copied(prefix: str, rows: Iterable[JudgedFields]) -> str:
    """Return rows as COPY reads them.

    Written here, since it is once for each row and half as long as with the driver's own: there is nothing to escape in
    an address in normal form, nor in numbers and codes. Backslashes of the detail are doubled; JSON has no line ends.
    """
    return "".join(
        [
            f"{prefix}\t{line}\t{email or NULL}\t{NULL if points is None else points}\t{problem or NULL}\t"
            f"{NULL if detail is None else _escaped(detail)}\n"
            for line, email, points, problem, detail in rows
        ]
    )


def _escaped(detail: Mapping[str, Any]) -> str:
    return json.dumps(detail).replace("\\", "\\\\")


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
