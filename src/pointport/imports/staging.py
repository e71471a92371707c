"""Stage 3: judged rows into the staging table, by COPY."""

import json
from collections.abc import Iterable
from uuid import UUID

from pointport.imports.shapes import Judged
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)


def stage(connection: Connection, site_id: UUID, import_id: UUID, rows: Iterable[Judged]) -> int:
    """Copy rows into the staging table, emptied first of what an earlier try left; returns how many they were."""
    clear(connection, site_id, import_id)
    count = 0
    site, this = str(site_id), str(import_id)
    with connection.cursor().copy(QUERIES["copy"]) as copy:
        for row in rows:
            count += 1
            detail = None if row.detail is None else json.dumps(row.detail)
            copy.write_row((site, this, row.line, row.email, row.points, row.problem, detail))
    return count


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
