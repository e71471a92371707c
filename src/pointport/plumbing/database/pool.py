"""The pool, and the two kinds of transaction there are: a site's own, and the owner's.

A site's transaction runs as the role `pointport_site`, to which row-level security shows one site and no other: the
second lock behind the `site_id` that every statement names. The owner's sees all sites; it is for what has no site yet
(looking for imports that lost their job, creating a site) and for migrations.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

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
            # A connection may have died with the server since it was last used: one cheap round trip tells.
            check=ConnectionPool.check_connection,
            reconnect_timeout=CONNECTION_WAIT_SECONDS,
            kwargs={
                "row_factory": dict_row,
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
        with self._begin() as connection:
            enter_site(connection, site_id)
            yield connection

    @contextmanager
    def owner_transaction(self) -> Iterator[Connection]:
        """Open a transaction over all sites. Raises Unavailable as `transaction` does."""
        with self._begin() as connection:
            yield connection

    def connections_allowed(self) -> int:
        """Return how many connections the server allows to all of its users that are no superusers."""
        with self.owner_transaction() as connection:
            row = connection.execute(
                "SELECT current_setting('max_connections')::int"
                " - current_setting('superuser_reserved_connections')::int AS allowed"
            ).fetchone()
        return int(one(row)["allowed"])

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        try:
            with self._connection() as connection, connection.transaction():
                yield connection
        except PASSING as error:
            logger.warning("database unavailable: %s", error)
            raise Unavailable("the database is not available just now; try again in a moment") from error

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            connection = self._pool.getconn(timeout=1.0)
        except PoolTimeout:
            # Either all are busy, or the server is gone. Reviving a server that lives costs nothing.
            self.revive()
            connection = self._pool.getconn()
        try:
            yield connection
        finally:
            self._pool.putconn(connection)


def enter_site(connection: Connection, site_id: UUID) -> None:
    """Narrow the running transaction to one site, by role and setting, until it ends.

    `SET LOCAL` with the value in its text, since Citus hands on neither `set_config()` nor bind parameters (citus.md 2.5).
    """
    connection.execute(
        sql.SQL("SET LOCAL ROLE {}; SET LOCAL pointport.site_id = {}").format(
            sql.Identifier(SITE_ROLE), sql.Literal(str(site_id))
        )
    )


def one(row: DictRow | None) -> dict[str, Any]:
    """Return the row of a statement that always gives one."""
    if row is None:
        raise LookupError("the statement gave no row")
    return row
