"""The hot statements of an import go by the keys that they are meant to, at 250,000 rows.

Nobody waits for statistics: so each plan is read before and after they are gathered, with the rows of another site and of
another import in the same tables.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

import pytest
from psycopg import sql

from pointport.imports import applying, in_step, judging, staging
from pointport.plumbing.database.pool import Connection, enter_site
from tests.database.conftest import shared_database
from tests.database.test_plans import nodes

SITE, OTHER = UUID(int=1), UUID(int=2)
CHANGING, CREATING = UUID("01900000-0000-7000-8000-000000000000"), UUID("01910000-0000-7000-8000-000000000000")
CONTACTS, ACCOUNTS, OTHER_CONTACTS = 250_000, 200_000, 60_000
FIRST, LAST = 10_001, 35_000
CHUNK_ROWS = LAST - FIRST + 1

FILL: LiteralString = """
    INSERT INTO site VALUES (%(site)s, 'shop', false, '2026-01-01');
    INSERT INTO contact SELECT %(site)s, lpad(to_hex(n), 32, '0')::uuid, 'c' || n || '@example.com', '', '', 1,
        timestamptz '2026-01-01Z', timestamptz '2026-01-01Z' FROM generate_series(1, %(contacts)s) AS n;
    INSERT INTO account SELECT %(site)s, lpad(to_hex(n), 32, '0')::uuid, n, 0, n, 0, 0, 2, timestamptz '2026-01-01Z',
        timestamptz '2026-01-01Z', timestamptz '2026-01-01Z' FROM generate_series(1, %(accounts)s) AS n;
"""
LINE_UP: LiteralString = """
    INSERT INTO import_ready (
        site_id, import_id, position, line, contact_id, email, points, problem, doubled, has_account, is_new
    )
    SELECT %(site)s, %(import)s, n, n * 7919 %% 250007 + 1, lpad(to_hex(n + %(after)s), 32, '0')::uuid,
        'c' || n || '@example.com', n + 1, NULL, FALSE, %(have_accounts)s, FALSE
    FROM generate_series(1, %(rows)s::bigint) AS n
"""
STAGE: LiteralString = """
    INSERT INTO import_stage SELECT %(site)s, %(import)s, n, 'c' || n || '@example.com', n, NULL, NULL
    FROM generate_series(1, %(rows)s::bigint) AS n
"""


@pytest.fixture(scope="module", params=["before statistics", "after"])
def filled(request: pytest.FixtureRequest, server: str, template: str) -> Iterator[Connection]:
    """A database with two sites and two imports of one of them lined up: one changes accounts, one makes them."""
    with shared_database(server, template) as connection:
        for site, contacts, accounts in ((SITE, CONTACTS, ACCOUNTS), (OTHER, OTHER_CONTACTS, OTHER_CONTACTS)):
            for statement in FILL.split(";")[:-1]:
                connection.execute(statement, {"site": site, "contacts": contacts, "accounts": accounts})
        changing = {"site": SITE, "import": CHANGING, "rows": ACCOUNTS, "after": 0, "have_accounts": True}
        creating = {
            "site": SITE,
            "import": CREATING,
            "rows": CONTACTS - ACCOUNTS,
            "after": ACCOUNTS,
            "have_accounts": False,
        }
        connection.execute(LINE_UP, changing)
        connection.execute(LINE_UP, creating)
        connection.execute(STAGE, {"site": SITE, "import": UUID(int=9), "rows": CONTACTS})
        if request.param == "after":
            connection.execute("VACUUM ANALYZE")
        yield connection


def explain(connection: Connection, statement: LiteralString, before: list[LiteralString], **these: Any) -> Any:
    """Run a statement as an import does and return what the database did; nothing of it stays."""
    with connection.transaction(force_rollback=True):
        enter_site(connection, SITE)
        for words in before:
            connection.execute(words)
        composed = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {}").format(sql.SQL(statement))
        row = connection.execute(composed, {"site_id": SITE, "now": datetime.now(UTC), **these}).fetchone()
    assert row is not None
    return row["QUERY PLAN"][0]["Plan"]


def scans(found: Any) -> dict[str, set[str]]:
    """How each table was read: the indexes, or the kind of scan where there was none."""
    read: dict[str, set[str]] = {}
    for node in nodes(found):
        if "Relation Name" in node and "Scan" in node["Node Type"]:
            read.setdefault(node["Relation Name"], set()).add(node.get("Index Name", node["Node Type"]))
    return read


def rows_read(found: Any, table: str) -> int:
    return sum(
        int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in nodes(found)
        if node.get("Relation Name") == table and "Scan" in node["Node Type"]
    )


LOOKED_UP = {"import_ready": {"import_ready_pkey"}, "account": {"account_pkey"}}
OF_ACCOUNTS = {
    "write_entries": (CHANGING, LOOKED_UP),
    "find_missing_accounts": (CHANGING, LOOKED_UP),
    "set_balances": (CHANGING, LOOKED_UP),
    "add_balances": (CHANGING, LOOKED_UP),
    "note_unchanged": (CHANGING, LOOKED_UP),
    "create_accounts": (CREATING, {"import_ready": {"import_ready_pkey"}, "contact": {"contact_pkey"}}),
}


@pytest.mark.parametrize("name", OF_ACCOUNTS)
def test_accounts_of_a_dense_chunk_are_read_once_between_its_first_and_its_last(filled: Connection, name: str) -> None:
    import_id, ways = OF_ACCOUNTS[name]
    offset = 0 if import_id == CHANGING else ACCOUNTS
    found = explain(
        filled,
        in_step.FORMS[name],
        [applying.QUERIES["look_up"], in_step.QUERIES["walk"]],
        **chunk_of(import_id),
        first_contact_id=UUID(int=FIRST + offset),
        last_contact_id=UUID(int=LAST + offset),
    )
    assert scans(found) == ways
    assert "Merge Join" in {node["Node Type"] for node in nodes(found)}
    assert {rows_read(found, table) for table in ways} == {CHUNK_ROWS}


@pytest.mark.parametrize("name", ["write_entries", "find_missing_accounts", "set_balances", "create_accounts"])
def test_accounts_of_another_chunk_are_each_looked_up_by_their_key(filled: Connection, name: str) -> None:
    import_id, ways = OF_ACCOUNTS[name]
    found = explain(filled, applying.QUERIES[name], [applying.QUERIES["look_up"]], **chunk_of(import_id))
    assert scans(found) == (
        # Whoever inserts finds what is there already by the same key, without a scan.
        {"import_ready": {"import_ready_pkey"}} if name == "set_balances" else ways
    )
    assert {rows_read(found, table) for table in scans(found)} == {CHUNK_ROWS}


def test_first_entries_are_written_without_looking_at_an_account(filled: Connection) -> None:
    found = explain(
        filled, applying.QUERIES["write_first_entries"], [applying.QUERIES["look_up"]], **chunk_of(CREATING)
    )
    assert scans(found) == {"import_ready": {"import_ready_pkey"}}
    assert rows_read(found, "import_ready") == CHUNK_ROWS


def test_a_file_is_lined_up_by_one_sort_and_contacts_are_read_once(filled: Connection) -> None:
    found = explain(
        filled,
        judging.QUERIES["rank"],
        [staging.QUERIES["own_rows_only"], judging.QUERIES["take_memory"], judging.QUERIES["read_once"]],
        import_id=UUID(int=9),
        many=True,
        creates=False,
        duplicates="REJECT",
    )
    kinds = [node["Node Type"] for node in nodes(found)]
    assert "Nested Loop" not in kinds
    assert kinds.count("WindowAgg") == 1
    assert rows_read(found, "contact") == CONTACTS
    assert rows_read(found, "import_stage") == CONTACTS
    assert "import_stage_pkey" in {node.get("Index Name") for node in nodes(found)}


def chunk_of(import_id: UUID) -> dict[str, Any]:
    return {"import_id": import_id, "first": FIRST, "last": LAST, "adds": False, "description": "Imported balance"}
