"""A connection, for tests of what runs on one; and a database that tells how much each transaction reads."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import DictRow

from pointport.plumbing.database.pool import Connection, Database, one


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a migrated database of the test's own, as the owner."""
    with psycopg.connect(database_url) as opened:
        yield opened


READ: LiteralString = """
    SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint AS read FROM pg_stat_xact_user_tables
"""


class Watched(Database):
    """A database whose transactions tell how many rows each of them has read."""

    def __init__(self, database: Database) -> None:
        self.inner = database
        self.rows_read: list[int] = []

    @contextmanager
    def transaction(self, site_id: UUID) -> Iterator[Connection]:
        """See Database."""
        with self.inner.transaction(site_id) as connection:
            # What a connection has read is counted on until it is told to the server, which may take some transactions.
            before = one(connection.execute(READ).fetchone())["read"]
            yield connection
            self.rows_read.append(one(connection.execute(READ).fetchone())["read"] - before)

    def look_up(
        self, site_id: UUID, statement: Any, parameters: Mapping[str, Any], *settings: Any, json_as_text: bool = False
    ) -> list[DictRow]:
        """See Database; the JSON is not text here, which nobody minds."""
        with self.transaction(site_id) as connection:
            for setting in settings:
                connection.execute(setting)
            return connection.execute(statement, parameters).fetchall()
