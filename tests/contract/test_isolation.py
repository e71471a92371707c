"""The second lock between sites: row-level security, whatever a statement forgets (design.md 9; contract.md 8 row 28).

Every statement of the program names its site. The statements here do not.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from pointport.app import App
from pointport.plumbing.database.pool import Connection, enter_site
from tests.conftest import Site, Story
from tests.contract.conftest import subscribe

TABLES = (
    "site",
    "api_key",
    "contact",
    "account",
    "transaction",
    "loyalty_import",
    "import_row",
    "import_chunk",
    "event",
    "audit_entry",
    "program",
    "async_job",
    "async_job_item",
    "webhook",
    "signing_key",
    "webhook_delivery",
    "webhook_attempt",
    "import_run",
    "import_cancel",
    "retry_row",
    "idempotency_key",
)
WITHOUT_SECURITY = {"import_stage", "import_ready"}
"""PostgreSQL refuses COPY into a table that has policies; these are reached by statements that name site and import."""

UPDATED = {
    *("api_key", "contact", "account", "loyalty_import", "import_chunk", "program", "async_job", "async_job_item"),
    *("webhook", "signing_key", "webhook_delivery", "import_run", "idempotency_key"),
}
DELETED = {
    *("import_row", "import_chunk", "contact", "event", "webhook", "webhook_delivery", "webhook_attempt"),
    *("import_run", "retry_row", "idempotency_key"),
}
"""What a site's role may change and take away; the ledger, the events and the trail are only added to."""

Rows = dict[str, list[dict[str, Any]]]


def statement(text: LiteralString, table: str) -> sql.Composed:
    return sql.SQL(text).format(sql.Identifier(table))


def fill(app: App, site: Site, balance: int) -> None:
    """Bring a row into every table of a site."""
    subscribe(app, site.id)
    story = Story(app, site.id)
    story.add_contacts("ada@example.com")
    ended = story.run(f"Email,Points\r\nada@example.com,{balance}\r\nnobody@example.com,1\r\n".encode())
    with app.database.transaction(site.id) as connection:
        connection.execute(
            "INSERT INTO async_job (site_id, id, status, amount, filter, search, items_succeeded, items_failed,"
            " created_date, updated_date) VALUES (%s, %s, 'INITIALIZED', 5, '{}', '{}', 0, 0, now(), now())",
            [site.id, site.id],
        )
        connection.execute(
            "INSERT INTO webhook_attempt (site_id, webhook_id, event_id, attempt, attempted_date, duration_milliseconds,"
            " status_code) VALUES (%s, %s, %s, 1, now(), 5, 200)",
            [site.id, site.id, site.id],
        )
        connection.execute(
            "INSERT INTO import_chunk (site_id, import_id, first_position, last_position) VALUES (%s, %s, 1, 5)",
            [site.id, site.id],
        )
        connection.execute(
            "INSERT INTO import_run (site_id, id, import_id, kind, status, options, actor, applied_rows, created_date,"
            " updated_date) VALUES (%s, %s, %s, 'UNDO', 'RUNNING', '{}', 'test', 0, now(), now())",
            [site.id, site.id, ended.id],
        )
        connection.execute(
            "INSERT INTO import_cancel (site_id, import_id, actor, requested_date) VALUES (%s, %s, 'test', now())",
            [site.id, ended.id],
        )
        connection.execute(
            "INSERT INTO retry_row (site_id, import_id, line, root_id, root_line) VALUES (%s, %s, 1, %s, 3)",
            [site.id, site.id, ended.id],
        )
        connection.execute(
            "INSERT INTO idempotency_key (site_id, key, call, body_sha256, answer, created_date)"
            " VALUES (%s, 'a', 'create_import', sha256(''), '{}', now())",
            [site.id],
        )
        connection.execute(
            "INSERT INTO async_job_item (site_id, job_id, account_id) VALUES (%s, %s, %s)", [site.id, site.id, site.id]
        )


def everything(app: App, site_id: UUID) -> Rows:
    """Read a site's rows as the owner, to whom policies do not apply."""
    with app.database.owner_transaction() as connection:
        return {
            table: connection.execute(
                statement("SELECT to_jsonb(one) AS row FROM {} AS one WHERE site_id = %s ORDER BY 1", table), [site_id]
            ).fetchall()
            for table in TABLES
        }


@contextmanager
def site_transaction(app: App, site_id: UUID | None) -> Iterator[Connection]:
    """Open a transaction of a site, or of the sites' role with no site, which is undone at the end."""
    with app.database.owner_transaction() as connection:
        if site_id is None:
            connection.execute("SET LOCAL ROLE pointport_site")
        else:
            enter_site(connection, site_id)
        yield connection
        raise psycopg.Rollback


@pytest.fixture
def other(app: App, site: Site, make_site: Callable[[str], Site]) -> Site:
    """Another site; both have rows in every table."""
    made = make_site("Other Shop")
    fill(app, site, 10)
    fill(app, made, 20)
    assert all(everything(app, one.id)[table] for one in (site, made) for table in TABLES)
    return made


def test_a_site_sees_its_own_rows_alone(app: App, site: Site, other: Site) -> None:
    """A SELECT without a WHERE gives what the site has, and counts no more."""
    with app.database.transaction(site.id) as connection:
        for table in TABLES:
            rows = connection.execute(
                statement("SELECT to_jsonb(one) AS row FROM {} AS one ORDER BY 1", table)
            ).fetchall()
            assert rows == everything(app, site.id)[table], table
            query = statement("SELECT FROM {} WHERE site_id = %s", table)
            assert connection.execute(query, [other.id]).fetchall() == [], table


def test_without_a_site_nothing_is_seen(app: App, other: Site) -> None:
    """A transaction that forgot to say for whom it is sees nothing, also after another one of the same connection."""
    with app.database.transaction(other.id) as connection:
        assert connection.execute("SELECT FROM contact").fetchall() != []
    with app.database.owner_transaction() as connection:
        connection.execute("SET LOCAL ROLE pointport_site")
        for table in TABLES:
            assert connection.execute(statement("SELECT FROM {}", table)).fetchall() == [], table
        connection.execute("SET LOCAL pointport.site_id = ''")
        for table in TABLES:
            assert connection.execute(statement("SELECT FROM {}", table)).fetchall() == [], table


@pytest.mark.parametrize("verb", ["UPDATE {} SET site_id = site_id", "DELETE FROM {}"])
def test_a_change_without_a_where_ends_at_the_site(app: App, site: Site, other: Site, verb: LiteralString) -> None:
    """An UPDATE or DELETE reaches the site's own rows, where its role may at all, and never another's."""
    ours, theirs = everything(app, site.id), everything(app, other.id)
    allowed = UPDATED if verb.startswith("UPDATE") else DELETED
    for table in TABLES:
        if table in allowed:
            with app.database.transaction(site.id) as connection:
                assert connection.execute(statement(verb, table)).rowcount == len(ours[table]), table
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), app.database.transaction(site.id) as connection:
                connection.execute(statement(verb, table))
    assert everything(app, other.id) == theirs


def test_a_row_cannot_be_put_into_another_site(app: App, site: Site, other: Site) -> None:
    """An INSERT of another site's row is refused by the policy, not by a constraint that happens to be in the way."""
    theirs = everything(app, other.id)
    for table in TABLES:
        row = theirs[table][0]["row"] | ({} if table == "site" else {"id": str(UUID(int=7)), "line": 7})
        told = "permission denied" if table == "site" else "row-level security"
        insert = sql.SQL("INSERT INTO {0} SELECT * FROM jsonb_populate_record(NULL::{0}, %s)").format(
            sql.Identifier(table)
        )
        for site_id in (site.id, None):
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege, match=told),
                site_transaction(app, site_id) as connection,
            ):
                connection.execute(insert, [Jsonb(row)])
    assert everything(app, other.id) == theirs


def test_a_row_cannot_be_moved_into_another_site(app: App, site: Site, other: Site) -> None:
    """An UPDATE of `site_id` is refused by the policy."""
    for table in sorted(UPDATED):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"),
            app.database.transaction(site.id) as connection,
        ):
            connection.execute(statement("UPDATE {} SET site_id = %s", table), [other.id])


def test_the_ledger_is_added_to_and_nothing_else(app: App, site: Site, other: Site) -> None:
    """No site changes or takes away an entry or a line of the trail, its own neither (design.md 6)."""
    ours = everything(app, site.id)
    for table in ("transaction", "audit_entry"):
        for text in (
            "UPDATE {} SET created_date = now()",
            "UPDATE {} SET id = id WHERE false",
            "DELETE FROM {}",
            "DELETE FROM {} WHERE false",
            "TRUNCATE {}",
        ):
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"),
                app.database.transaction(site.id) as connection,
            ):
                connection.execute(statement(text, table))
    assert everything(app, site.id) == ours


def test_the_sites_role_has_no_way_around(app: App, site: Site) -> None:
    """It owns nothing, logs in nowhere, bypasses no policy, and may not switch them off."""
    with app.database.owner_transaction() as connection:
        role = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcanlogin, rolcreaterole, rolcreatedb FROM pg_roles"
            " WHERE rolname = 'pointport_site'"
        ).fetchone()
        owned = connection.execute(
            "SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = 'pointport_site'"
        ).fetchall()
    assert role is not None
    assert not any(role.values())
    assert owned == []
    for table in TABLES:
        for text in ("ALTER TABLE {} DISABLE ROW LEVEL SECURITY", "DROP TABLE {} CASCADE"):
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner"),
                app.database.transaction(site.id) as connection,
            ):
                connection.execute(statement(text, table))


def test_every_table_of_sites_has_row_level_security(app: App) -> None:
    """What has a `site_id` has a policy on it for the sites' role; a table that is added without one fails here."""
    with app.database.owner_transaction() as connection:
        found = connection.execute(
            """
            SELECT
                pg_class.relname AS name,
                pg_class.relrowsecurity AS secured,
                array_agg(pg_policies.qual) AS conditions,
                array_agg(pg_policies.cmd) AS commands
            FROM pg_class
            JOIN pg_attribute ON pg_attribute.attrelid = pg_class.oid AND pg_attribute.attname = 'site_id'
            LEFT JOIN pg_policies
                ON pg_policies.tablename = pg_class.relname AND 'pointport_site' = ANY (pg_policies.roles)
            WHERE pg_class.relkind IN ('r', 'p') AND pg_class.relnamespace = 'public'::regnamespace
            GROUP BY pg_class.relname, pg_class.relrowsecurity
            """
        ).fetchall()
    assert {row["name"] for row in found} >= {*TABLES, *WITHOUT_SECURITY}
    assert {row["name"] for row in found if not row["secured"]} == WITHOUT_SECURITY
    for row in found:
        if row["secured"]:
            assert row["commands"] == ["ALL"], row["name"]
            assert "site_id = " in row["conditions"][0], row["name"]
            assert "pointport.site_id" in row["conditions"][0], row["name"]
