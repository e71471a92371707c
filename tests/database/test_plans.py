"""Queries are answered by indexes: the plans of every filter and every sort that a program may ask for (contract.md 1.7).

Read at 200,000 rows of a site, beside another site's. A field that has an index of its own costs a handful of pages,
whatever the number of rows. A few have none, by decision (migrations/0003_contract.sql): they are changed by every row
of an import, or stand in every entry. Those walk the site's own rows, along an index that begins with the site, and keep
no more than a page of them.
"""

import itertools
from collections.abc import Iterator
from typing import Any, LiteralString
from uuid import UUID

import pytest
from psycopg import sql

from pointport.imports import record
from pointport.ledger import accounts, contacts, transactions
from pointport.plumbing.database.pool import Connection, enter_site
from pointport.plumbing.queries import CursorSigner, Kind, Resource, plan
from pointport.plumbing.queries.pages import BY_INDEX
from pointport.wire.accounts import ACCOUNTS
from pointport.wire.contacts import CONTACTS
from pointport.wire.imports import IMPORTS
from pointport.wire.transactions import TRANSACTIONS
from tests.database.conftest import shared_database

SITE, OTHER = UUID(int=1), UUID(int=2)
ROWS, OTHER_ROWS = 200_000, 50_000
PAGES_MAX = 1_500
"""Pages that a query with an index of its own may touch; the site's rows fill many thousands."""

STATEMENTS: dict[str, tuple[Resource, LiteralString]] = {
    "accounts": (ACCOUNTS, accounts.QUERIES["query_accounts"]),
    "contacts": (CONTACTS, contacts.QUERIES["query_contacts"]),
    "imports": (IMPORTS, record.QUERIES["query"]),
    "transactions": (TRANSACTIONS, transactions.QUERIES["query_transactions"]),
}
WALKED = {
    "accounts": {"points.balance", "points.adjusted", "lastActivityDate"},
    "contacts": set[str](),
    "imports": set[str](),
    "transactions": {"amount", "transactionType", "description"},
}
"""Fields without an index of their own; the sort by idempotencyKey is one more."""

RARE: dict[str, Any] = {
    "id": "00000000-0000-0000-0000-000000000007",
    "createdDate": "2026-01-01T00:00:07Z",
    "updatedDate": "2026-01-01T00:00:07Z",
    "lastActivityDate": "2026-01-01T00:00:07Z",
    "status": "FAILED",
    "transactionType": "EARN",
    "primaryInfo.email": "c7@example.com",
    "info.name.first": "First 7",
    "info.name.last": "Last 7",
    "description": "Birthday",
    "idempotencyKey": "key 7",
}

FILL: LiteralString = """
    INSERT INTO site VALUES (%(site)s, 'shop', false, '2026-01-01');
    INSERT INTO contact
    SELECT %(site)s, lpad(to_hex(n), 32, '0')::uuid, 'c' || n || '@example.com',
        CASE WHEN n %% 50000 <> 8 THEN 'First ' || n ELSE '' END,
        CASE WHEN n %% 50000 <> 8 THEN 'Last ' || n ELSE '' END, 1,
        timestamptz '2026-01-01Z' + make_interval(secs => n), timestamptz '2026-01-01Z' + make_interval(secs => n)
    FROM generate_series(1, %(rows)s) AS n ORDER BY md5(n::text);
    INSERT INTO account
    SELECT %(site)s, lpad(to_hex(n), 32, '0')::uuid, n, (n %% 5000) + 1, n - 3 * ((n %% 5000) + 1) + 2 * ((n %% 5000) + 1),
        0, 0, 2, timestamptz '2026-01-01Z' + make_interval(secs => n), timestamptz '2026-01-01Z',
        timestamptz '2026-01-01Z' + make_interval(secs => n)
    FROM generate_series(1, %(rows)s) AS n ORDER BY n;
    INSERT INTO transaction (site_id, id, account_id, revision, transaction_type, amount, amount_before, amount_after,
        description, created_date, import_id, line, idempotency_key)
    SELECT %(site)s, lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, 2,
        CASE WHEN n %% 50000 = 7 THEN 'EARN' ELSE 'ADJUST' END, n, 0, n,
        CASE WHEN n %% 50000 = 7 THEN 'Birthday' ELSE 'Imported balance' END,
        timestamptz '2026-01-01Z' + make_interval(secs => n), CASE WHEN n > 100000 THEN %(site)s END,
        CASE WHEN n > 100000 THEN n END, CASE WHEN n <= 100000 THEN 'key ' || n END
    FROM generate_series(1, %(rows)s) AS n ORDER BY n;
    INSERT INTO loyalty_import (site_id, id, revision, created_date, updated_date, status, status_before, file_url,
        file_name, file_bytes, applied_rows, done_rows, accounts_created, failure_reason, failure_message, finished_date)
    SELECT %(site)s, lpad(to_hex(n), 32, '0')::uuid, 1, timestamptz '2026-01-01Z' + make_interval(secs => n),
        timestamptz '2026-01-01Z' + make_interval(secs => n), CASE WHEN n %% 50000 = 7 THEN 'FAILED' ELSE 'INITIATED' END,
        CASE WHEN n %% 50000 = 7 THEN 'PARSING' END, '/sites/x', 'file.csv', 1, 0, 0, 0,
        CASE WHEN n %% 50000 = 7 THEN 'NOT_CSV' END, CASE WHEN n %% 50000 = 7 THEN 'x' END,
        CASE WHEN n %% 50000 = 7 THEN timestamptz '2026-01-01Z' END
    FROM generate_series(1, %(rows)s) AS n;
"""


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[Connection]:
    """A database with two sites in it, as one of them sees it."""
    with shared_database(server, template) as connection:
        for site, rows in ((SITE, ROWS), (OTHER, OTHER_ROWS)):
            for statement in FILL.split(";")[:-1]:
                connection.execute(statement, {"site": site, "rows": rows})
        connection.execute("VACUUM ANALYZE")
        yield connection


def explain(connection: Connection, name: str, query: dict[str, Any]) -> dict[str, Any]:
    """Run a query as the API does and return what the database did."""
    resource, statement = STATEMENTS[name]
    page = plan(resource, query, CursorSigner(b"x" * 32, SITE))
    composed = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {}").format(
        sql.SQL(statement).format(
            keys=page.key_columns,
            where=page.where,
            order_by=page.order_by,
            page_order=page.page_order,
            limit=sql.Placeholder("q_limit"),
        )
    )
    with connection.transaction():
        enter_site(connection, SITE)
        connection.execute(BY_INDEX)
        row = connection.execute(composed, {**page.parameters, "site_id": SITE}).fetchone()
    assert row is not None
    found: dict[str, Any] = row["QUERY PLAN"][0]["Plan"]
    return found


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", []):
        yield from nodes(inner)


def pages_read(found: dict[str, Any]) -> int:
    return int(found["Shared Hit Blocks"] + found["Shared Read Blocks"])


def rare_value(resource: Resource, name: str) -> Any:
    by_kind = {Kind.GUID: RARE["id"], Kind.TIMESTAMP: RARE["createdDate"], Kind.INTEGER: 7}
    return RARE.get(name) or by_kind[resource.fields[name].kind]


CASES = [
    (name, field, order)
    for name, (resource, _) in STATEMENTS.items()
    for field, order in itertools.product(resource.fields, ("=", ">", "ASC", "DESC"))
    if order != ">" or resource.fields[field].kind in {Kind.INTEGER, Kind.TIMESTAMP}
]


@pytest.mark.parametrize(("name", "field", "way"), CASES)
def test_a_field_is_answered_by_an_index(filled: Connection, name: str, field: str, way: str) -> None:
    """Equality with a rare value, a range from it, and a sort both ways."""
    resource, _ = STATEMENTS[name]
    value = rare_value(resource, field)
    queries: dict[str, dict[str, Any]] = {
        "=": {"filter": {field: value}},
        ">": {"filter": {field: {"$gt": value}}, "sort": [{"fieldName": field}]},
    }
    query = queries.get(way, {"sort": [{"fieldName": field, "order": way}]})
    found = explain(filled, name, query)
    read = list(nodes(found))
    assert not [node for node in read if node["Node Type"] == "Seq Scan"], found
    walked = field in WALKED[name] or (field == "idempotencyKey" and way in {"ASC", "DESC"})
    if not walked:
        assert pages_read(found) <= PAGES_MAX, found
        return
    # It reads the rows of its site and of no other, along an index, and keeps the best of them.
    scanned = [node for node in read if node.get("Relation Name") in {"account", "transaction"}]
    assert sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in scanned) <= ROWS, found
    assert sum(node.get("Temp Written Blocks", 0) for node in read) == 0, found
    sorts = {node["Sort Method"] for node in read if node["Node Type"] == "Sort"}
    assert sorts <= {"top-N heapsort", "quicksort"}, found


@pytest.mark.parametrize("field", ["info.name.first", "info.name.last"])
@pytest.mark.parametrize(
    ("condition", "expected"), [(None, 4), ({"$exists": False}, 4), ({"$in": [None, "x"]}, 4), ({"$lt": "A"}, 0)]
)
def test_names_that_are_missing_are_found_by_index(
    filled: Connection, field: str, condition: Any, expected: int
) -> None:
    """1.7: '' stands for them, and is looked up, or passed over, like any other name."""
    found = explain(filled, "contacts", {"filter": {field: condition}, "sort": [{"fieldName": field}]})
    assert pages_read(found) <= PAGES_MAX, found
    assert found["Actual Rows"] == expected


@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_the_next_page_by_name_costs_no_more_than_the_first(filled: Connection, order: str) -> None:
    """1.7: which is why a missing name is '' in its column: a place among NULLs is no place in an index."""
    signer = CursorSigner(b"x" * 32, SITE)
    page = plan(CONTACTS, {"sort": [{"fieldName": "info.name.first", "order": order}]}, signer)
    place = ["First 5", "00000000-0000-0000-0000-000000000005"]
    cursor = signer.sign(CONTACTS.name, type(page.cursor)({}, page.cursor.sort, 50, place))
    found = explain(filled, "contacts", {"cursorPaging": {"cursor": cursor}})
    assert pages_read(found) <= PAGES_MAX, found


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_next_page_costs_no_more_than_the_first(filled: Connection, name: str) -> None:
    """1.7: a cursor is a place in an index, however far into the rows it lies."""
    resource, _ = STATEMENTS[name]
    signer = CursorSigner(b"x" * 32, SITE)
    place = ["2026-01-02T00:00:00+00:00", "00000000-0000-0000-0000-000000015180"]
    page = plan(resource, {}, signer)
    cursor = signer.sign(resource.name, type(page.cursor)(page.cursor.filter, page.cursor.sort, 50, place))
    found = explain(filled, name, {"cursorPaging": {"cursor": cursor}})
    assert pages_read(found) <= PAGES_MAX, found
