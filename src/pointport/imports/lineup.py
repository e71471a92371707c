"""The rows that are lined up to be applied, in the order of their contacts, and the chunks that they are cut into."""

from datetime import datetime
from uuid import UUID

from pointport.imports.shapes import Chunk
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)

CHUNK_ROWS_MIN = 2_000
"""Smaller chunks are not worth a second session."""
DENSE_ROWS_MIN = 100
"""For fewer rows it is not worth asking how many customers the site has."""
DENSE_CUSTOMERS_MAX = 4
"""Of how many customers one must be in the file, so that they are read in step with its rows. With twice as many, looking
up each by its key takes no longer.
"""


def cut(
    connection: Connection, site_id: UUID, import_id: UUID, *, ready_rows: int, chunk_rows_max: int, sessions: int
) -> None:
    """Cut the rows into chunks of even size, as many for each session."""
    chunks = max(-(-ready_rows // chunk_rows_max), min(sessions, ready_rows // CHUNK_ROWS_MIN), 1)
    if chunks > 1:
        chunks = -(-chunks // sessions) * sessions
    chunk_rows = max(-(-ready_rows // chunks), 1)
    these = {"site_id": site_id, "import_id": import_id, "ready_rows": ready_rows, "chunk_rows": chunk_rows}
    connection.execute(QUERIES["cut"], {**these, "are_dense": _are_dense(connection, site_id, ready_rows)})


def _are_dense(connection: Connection, site_id: UUID, ready_rows: int) -> bool:
    """Tell whether the site has few customers beside those that are lined up."""
    if ready_rows < DENSE_ROWS_MIN:
        return False
    these = {"site_id": site_id, "customers_max": DENSE_CUSTOMERS_MAX * ready_rows}
    return bool(one(connection.execute(QUERIES["has_few_customers"], these).fetchone())["few"])


def count_left(connection: Connection, site_id: UUID, import_id: UUID) -> int:
    """Return how many chunks are not applied yet."""
    found = connection.execute(QUERIES["count_left"], {"site_id": site_id, "import_id": import_id}).fetchone()
    return int(one(found)["chunks"])


def take_chunk(connection: Connection, site_id: UUID, import_id: UUID, *, waiting: bool) -> Chunk | None:
    """Take the next chunk until the transaction ends; None when none is left.

    One that another session has taken is passed over, or with `waiting` waited for: whoever has it may die with it.
    """
    name = "wait_for_chunk" if waiting else "take_chunk"
    row = connection.execute(QUERIES[name], {"site_id": site_id, "import_id": import_id}).fetchone()
    return None if row is None else Chunk(row["first_position"], row["last_position"], row["is_dense"])


def note_applied(connection: Connection, site_id: UUID, import_id: UUID, chunk: Chunk, *, now: datetime) -> None:
    """Write down that a chunk is applied, at a moment that no other chunk of the import has."""
    these = {"site_id": site_id, "import_id": import_id, "first": chunk.first, "now": now}
    connection.execute(QUERIES["note_applied"], these)
