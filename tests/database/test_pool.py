"""Transactions: whose they are, and what becomes of them when a connection or the server is gone."""

from uuid import UUID

import psycopg
import pytest

from pointport.app import App
from pointport.errors import Unavailable
from pointport.plumbing.database.pool import Database
from tests.conftest import Site

SEEN = "SELECT site_id FROM site ORDER BY site_id"


def break_connections(app: App) -> int:
    """End every connection of the pool, as the server does when it goes."""
    with psycopg.connect(app.database.conninfo, autocommit=True) as owner:
        ended = owner.execute(
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert ended is not None
    return int(ended[0])


def test_a_look_up_sees_its_site_alone_and_leaves_nothing_of_it_behind(app: App, site: Site) -> None:
    with app.database.owner_transaction() as connection:
        connection.execute("INSERT INTO site VALUES (%s, 'Other', FALSE, now())", [UUID(int=7)])
    assert app.database.look_up(site.id, SEEN, {}) == [{"site_id": site.id}]
    assert app.database.look_up(UUID(int=7), SEEN, {}) == [{"site_id": UUID(int=7)}]
    with app.database.owner_transaction() as connection:
        assert len(connection.execute(SEEN).fetchall()) == 2


def test_a_look_up_binds_what_it_is_given_as_values(app: App, site: Site) -> None:
    words = "it's; ROLLBACK; -- %s \\ \u00e9"
    found = app.database.look_up(
        site.id, "SELECT %(words)s AS words, %(number)s AS number", {"words": words, "number": 3}
    )
    assert found == [{"words": words, "number": 3}]


def test_a_look_up_changes_nothing(app: App, site: Site) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        app.database.look_up(site.id, "DELETE FROM contact RETURNING id", {})
    assert app.database.look_up(site.id, SEEN, {}) == [{"site_id": site.id}]


def test_a_connection_that_died_meanwhile_is_replaced_before_anything_is_done(app: App, site: Site) -> None:
    assert app.database.look_up(site.id, SEEN, {}) == [{"site_id": site.id}]
    assert break_connections(app) > 0
    assert app.database.look_up(site.id, SEEN, {}) == [{"site_id": site.id}]
    assert break_connections(app) > 0
    with app.database.transaction(site.id) as connection:
        assert connection.execute(SEEN).fetchall() == [{"site_id": site.id}]


def test_all_of_many_dead_connections_are_replaced(app: App, site: Site) -> None:
    database = Database(app.database.conninfo, connections_max=4)
    database.open()
    try:
        with (
            database.transaction(site.id),
            database.transaction(site.id),
            database.transaction(site.id),
            database.transaction(site.id),
        ):
            pass
        assert break_connections(app) >= 4
        with database.transaction(site.id) as connection:
            assert connection.execute(SEEN).fetchall() == [{"site_id": site.id}]
    finally:
        database.close()


def test_a_connection_that_dies_within_a_transaction_undoes_it(app: App, site: Site) -> None:
    def lose() -> None:
        with app.database.transaction(site.id) as connection:
            connection.execute("UPDATE program SET name = 'Lost' WHERE site_id = %s", [site.id])
            break_connections(app)
            connection.execute("SELECT 1")

    with pytest.raises(Unavailable):
        lose()
    with app.database.transaction(site.id) as connection:
        row = connection.execute("SELECT name FROM program WHERE site_id = %s", [site.id]).fetchone()
    assert row == {"name": "Loyalty Program"}


def test_a_fault_within_a_transaction_undoes_it_and_leaves_the_connection_good(app: App, site: Site) -> None:
    def lose() -> None:
        with app.database.transaction(site.id) as connection:
            connection.execute("UPDATE program SET name = 'Lost' WHERE site_id = %s", [site.id])
            raise LookupError

    with pytest.raises(LookupError):
        lose()
    found = app.database.look_up(site.id, "SELECT name, current_user AS role FROM program", {})
    assert found == [{"name": "Loyalty Program", "role": "pointport_site"}]
    with app.database.owner_transaction() as connection:
        row = connection.execute("SELECT current_user AS role").fetchone()
    assert row is not None
    assert row["role"] != "pointport_site"
