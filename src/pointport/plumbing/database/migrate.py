"""Brings a database to the state that this program expects, by plain SQL scripts in order, each run once.

What was run is kept in the table `migration`. A database that names a script this program does not have was migrated
by a newer program, and is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.rows import DictRow, dict_row

from pointport.errors import SetupError, Unavailable

VERSION_MIN = 15
NUMBERED = re.compile(r"\d{4}_[a-z0-9_]+\.sql")

ADVISORY_LOCK = 7_640_891_576_956_012_809
"""Any constant: who migrates a database holds this lock in it, so two programs that start at once do not collide."""


@dataclass(frozen=True)
class Migration:
    """One script. Its name is its identity and says its place in the order.

    `covers` names the scripts whose work this one does too on a fresh database: a library's whole schema covers the
    upgrades that led there.
    """

    name: str
    script: str
    covers: tuple[str, ...] = ()


@dataclass(frozen=True)
class State:
    """Which scripts a database has had, and which it still lacks."""

    applied: tuple[str, ...]
    pending: tuple[Migration, ...]


def read_folder(folder: Path) -> tuple[Migration, ...]:
    """Return the scripts `0001_….sql` of a folder in order; other files in it are no migrations."""
    return tuple(
        Migration(path.name, path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.sql"))
        if NUMBERED.fullmatch(path.name)
    )


def state(conninfo: str, migrations: Sequence[Migration]) -> State:
    """Look, changing nothing.

    Raises SetupError for a server that is too old, or for a database that is newer than this program.
    """
    with _connect(conninfo) as connection:
        return _state(connection, migrations)


def migrate(conninfo: str, migrations: Sequence[Migration]) -> tuple[str, ...]:
    """Run what is pending, all of it in one transaction, and return the names; run by two at once, one of them waits.

    Raises SetupError as `state` does, and when the database's user may not do what a script needs.
    """
    with _connect(conninfo) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        pending = _state(connection, migrations).pending
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, applied_date timestamptz NOT NULL)"
        )
        done: list[str] = []
        for migration in pending:
            try:
                connection.execute(migration.script.encode())
            except psycopg.errors.InsufficientPrivilege as error:
                raise SetupError(
                    f"the database's user may not run {migration.name}: {str(error).strip()}. Let a user with CREATEROLE"
                    " run `pointport db migrate` once, or create the role pointport_site and grant it to this user."
                ) from error
            done += [migration.name, *migration.covers]
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO migration VALUES (%s, clock_timestamp())", [(name,) for name in done])
        return tuple(done)


def _connect(conninfo: str) -> psycopg.Connection[DictRow]:
    try:
        connection = psycopg.connect(conninfo, row_factory=dict_row, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise Unavailable(f"the database does not answer: {str(error).strip()}") from error
    version = connection.info.server_version // 10_000
    if version < VERSION_MIN:
        connection.close()
        raise SetupError(f"PostgreSQL {version} is too old; pointport needs {VERSION_MIN} or newer.")
    return connection


def _state(connection: psycopg.Connection[DictRow], migrations: Sequence[Migration]) -> State:
    found = connection.execute("SELECT to_regclass('migration') IS NOT NULL AS there").fetchone()
    applied: tuple[str, ...] = ()
    if found and found["there"]:
        rows = connection.execute("SELECT name FROM migration ORDER BY applied_date, name").fetchall()
        applied = tuple(row["name"] for row in rows)
    unknown = sorted(set(applied) - {migration.name for migration in migrations})
    if unknown:
        raise SetupError(
            f"this database is newer than this program: it has had {', '.join(unknown)}."
            " Upgrade pointport, or give it another database."
        )
    lacking = [migration for migration in migrations if migration.name not in set(applied)]
    covered = {name for migration in lacking for name in migration.covers}
    return State(applied, tuple(migration for migration in lacking if migration.name not in covered))
