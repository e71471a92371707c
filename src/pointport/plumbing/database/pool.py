"""The pool, and the two kinds of transaction there are: a site's own, and the owner's.

A site's transaction runs as the role `pointport_site`, to which row-level security shows one site and no other: the
second lock behind the `site_id` that every statement names. The owner's sees all sites; it is for what has no site yet
(looking for imports that lost their job, creating a site) and for migrations.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader
from psycopg_pool import ConnectionPool, PoolTimeout
from pydantic_core import from_json

from pointport.errors import Unavailable

logger = logging.getLogger(__name__)

Connection = psycopg.Connection[DictRow]

SITE_ROLE = "pointport_site"
CONNECTION_WAIT_SECONDS = 10.0

PASSING: tuple[type[psycopg.Error], ...] = (
    psycopg.OperationalError,  # gone, shutting down, out of disk, memory or connections, deadlock, lock timeout
    psycopg.InterfaceError,  # the connection was closed under us
)
"""Errors of the database that say nothing about the request: the same work may succeed later."""


class Database:
    """A pool of connections to one PostgreSQL; every transaction that the program makes begins here.

    `revive` is called when no connection can be had: for the embedded server it starts the server again.
    """

    def __init__(self, conninfo: str, *, connections_max: int, revive: Callable[[], None] = lambda: None) -> None:
        self.conninfo = conninfo
        self.revive = revive
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            conninfo,
            min_size=1,
            max_size=connections_max,
            timeout=CONNECTION_WAIT_SECONDS,
            open=False,
            # One thread that connects will do: each keeps memory of its own.
            num_workers=1,
            configure=_read_json_fast,
            reconnect_timeout=CONNECTION_WAIT_SECONDS,
            kwargs={
                "row_factory": dict_row,
                # A transaction begins with words of ours, which say at once whose it is.
                "autocommit": True,
                # No prepared statements, so that a transaction-mode pooler may stand between.
                "prepare_threshold": None,
                "application_name": "pointport",
            },
        )

    def open(self) -> None:
        """Connect. Raises Unavailable when the database does not answer."""
        try:
            self._pool.open(wait=True, timeout=CONNECTION_WAIT_SECONDS)
        except PoolTimeout as error:
            self._pool.close()
            raise Unavailable("the database does not answer; is DATABASE_URL right, and is the server up?") from error

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    @contextmanager
    def transaction(self, site_id: UUID) -> Iterator[Connection]:
        """Open a transaction that can see and change this site alone; commits at the end of the block.

        Raises Unavailable when the database is gone or full: then nothing was changed.
        """
        with self._begin("; ".join(("BEGIN", *_entering(site_id)))) as connection:
            yield connection

    @contextmanager
    def owner_transaction(self) -> Iterator[Connection]:
        """Open a transaction over all sites. Raises Unavailable as `transaction` does."""
        with self._begin("BEGIN") as connection:
            yield connection

    def connections_allowed(self) -> int:
        """Return how many connections the server allows to all of its users that are no superusers."""
        with self.owner_transaction() as connection:
            row = connection.execute(
                "SELECT current_setting('max_connections')::int"
                " - current_setting('superuser_reserved_connections')::int AS allowed"
            ).fetchone()
        return int(one(row)["allowed"])

    def look_up(
        self,
        site_id: UUID,
        statement: LiteralString | sql.Composed,
        parameters: Mapping[str, Any],
        *settings: LiteralString,
        json_as_text: bool = False,
    ) -> list[DictRow]:
        """Return the rows of one statement that only reads: a transaction of the site's in a single round trip.

        `settings` are statements that go before it. With `json_as_text` what is JSON comes as its text.

        Raises Unavailable as `transaction` does.
        """
        before = ("BEGIN READ ONLY", *_entering(site_id), *settings)
        words = statement if isinstance(statement, str) else statement.as_string()
        with _telling():
            cursor = self._first("; ".join((*before, words, "COMMIT")), parameters)
            if json_as_text:
                cursor.adapters.register_loader("jsonb", TextLoader)
            try:
                for _ in before:
                    cursor.nextset()
                return cursor.fetchall()
            finally:
                self._pool.putconn(cursor.connection)

    @contextmanager
    def _begin(self, begin: str) -> Iterator[Connection]:
        with _telling():
            connection = self._first(begin).connection
            try:
                yield connection
                connection.commit()
            except BaseException:
                _roll_back(connection)
                raise
            finally:
                self._pool.putconn(connection)

    def _first(self, words: str, parameters: Mapping[str, Any] | None = None) -> psycopg.Cursor[DictRow]:
        """Take a connection and say the first words on it, which may be several statements.

        A connection may have died with the server since it was last used. That shows here, before anything was done, so
        another is taken.
        """
        deadline = time.monotonic() + CONNECTION_WAIT_SECONDS
        while True:
            connection = self._taken()
            cursor = psycopg.ClientCursor(connection)
            try:
                return cursor.execute(words.encode(), parameters)
            except BaseException as error:
                self._pool.putconn(connection)
                died = isinstance(error, PASSING) and connection.closed
                if not died or time.monotonic() > deadline:
                    raise

    def _taken(self) -> Connection:
        try:
            return self._pool.getconn(timeout=1.0)
        except PoolTimeout:
            # Either all are busy, or the server is gone. Reviving a server that lives costs nothing.
            self.revive()
            return self._pool.getconn()


def enter_site(connection: Connection, site_id: UUID) -> None:
    """Narrow the running transaction to one site, by role and setting, until it ends."""
    connection.execute("; ".join(_entering(site_id)).encode())


def _entering(site_id: UUID) -> tuple[str, str]:
    """Return the statements that narrow a transaction to one site.

    `SET LOCAL` with the value in its text, since Citus hands on neither `set_config()` nor bind parameters (citus.md 2.5).
    """
    return f"SET LOCAL ROLE {SITE_ROLE}", f"SET LOCAL pointport.site_id = '{site_id}'"


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except PASSING as error:
        logger.warning("database unavailable: %s", error)
        raise Unavailable("the database is not available just now; try again in a moment") from error


def _read_json_fast(connection: Connection) -> None:
    """Have JSON read by pydantic's reader: Python's own takes thrice as long."""
    set_json_loads(from_json, connection)


def _roll_back(connection: Connection) -> None:
    """Undo what was done; on a connection that is gone the server does so itself."""
    try:
        connection.rollback()
    except psycopg.Error as error:
        logger.warning("rolled back by the server: %s", error)


def one(row: DictRow | None) -> dict[str, Any]:
    """Return the row of a statement that always gives one."""
    if row is None:
        raise LookupError("the statement gave no row")
    return row
