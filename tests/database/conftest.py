"""A connection, for tests of what runs on one; and a database that tells how much each transaction reads."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row

from pointport.plumbing.database.pool import Connection, Database, one
from tests.conftest import ADVISORY_LOCK


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a migrated database of the test's own, as the owner."""
    with psycopg.connect(database_url) as opened:
        yield opened


@contextmanager
def shared_database(server: str, template: str) -> Iterator[Connection]:
    """A migrated database for all tests of a module, as the owner; statistics come only when they are asked for."""
    name = sql.Identifier(f"pointport_shared_{secrets.token_hex(8)}")
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        owner.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template)))
        owner.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
        conninfo = make_conninfo(server, dbname=name.as_string().strip('"'))
        with psycopg.connect(conninfo, autocommit=True, row_factory=dict_row, prepare_threshold=None) as connection:
            tables = connection.execute(
                "SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'"
            ).fetchall()
            for table in tables:
                this = sql.Identifier(table["relname"])
                connection.execute(sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = off)").format(this))
            connection.execute("SET jit = off")
            yield connection
        owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


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
