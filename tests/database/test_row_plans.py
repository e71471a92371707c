"""A page of an import's rows costs what it shows (design.md 8): the plans, read at 240,000 rows.

Nobody waits for statistics: a page is asked for the moment that an import ends, when the database knows nothing of its
rows yet. So each plan is read before and after they are gathered, and with a preview of as many rows beside.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

import pytest
from psycopg import sql

from pointport.imports import outcomes, record
from pointport.imports.outcomes import Rows, Whose
from pointport.ledger.transactions import entry_id
from pointport.plumbing.database.pool import Connection, enter_site
from pointport.plumbing.queries import CursorSigner, Page
from pointport.plumbing.queries.pages import compose
from pointport.wire.rows import ROWS, plan_rows
from tests.database.conftest import shared_database
from tests.database.test_plans import nodes, pages_read

SITE, OTHER = UUID(int=1), UUID(int=2)
IMPORT, PREVIEW = UUID("01900000-0000-7000-8000-000000000000"), UUID("018f0000-0000-7000-8000-000000000000")
ENTRIES = OTHERS = 120_000
LAST = 1 + ENTRIES + OTHERS
PAGES_MAX = 1_200
"""A page of 51 rows with a contact and a foretold row for each; all rows fill many thousands."""

FILL: LiteralString = """
    INSERT INTO site VALUES (%(site)s, 'shop', false, '2026-01-01');
    INSERT INTO contact SELECT %(site)s, lpad(to_hex(n), 32, '0')::uuid, 'c' || n || '@example.com', '', '', 1,
        timestamptz '2026-01-01Z', timestamptz '2026-01-01Z' FROM generate_series(1, %(entries)s) AS n;
    INSERT INTO account SELECT %(site)s, lpad(to_hex(n), 32, '0')::uuid, n, 0, n, 0, 0, 2, timestamptz '2026-01-01Z',
        timestamptz '2026-01-01Z', timestamptz '2026-01-01Z' FROM generate_series(1, %(entries)s) AS n;
    INSERT INTO transaction (site_id, id, account_id, revision, transaction_type, amount, amount_before, amount_after,
        description, created_date, import_id, line)
    SELECT %(site)s, (left(%(import)s::text, 28) || lpad(to_hex(2 * n), 8, '0'))::uuid, lpad(to_hex(n), 32, '0')::uuid, 2,
        'ADJUST', n, 0, n, 'Imported balance', timestamptz '2026-01-01Z', %(import)s, 2 * n
    FROM generate_series(1, %(entries)s) AS n;
    INSERT INTO import_row (site_id, import_id, line, outcome, problem, email, points)
    SELECT %(site)s, %(import)s, 2 * n + 1, CASE WHEN n %% 10 = 0 THEN 'FAILED' ELSE 'UNCHANGED' END,
        CASE WHEN n %% 10 = 0 THEN 'CONTACT_NOT_FOUND' END, 'd' || n || '@example.com', n
    FROM generate_series(1, %(others)s) AS n;
    INSERT INTO import_row (site_id, import_id, line, outcome, problem, email, points, balance_before, balance_after)
    SELECT %(site)s, %(preview)s, n, CASE WHEN n %% 100 = 0 THEN 'FAILED' WHEN n %% 2 = 0 THEN 'IMPORTED'
        WHEN n %% 20 = 1 THEN 'FAILED' ELSE 'UNCHANGED' END,
        CASE WHEN n %% 100 = 0 OR (n %% 2 = 1 AND n %% 20 = 1) THEN 'CONTACT_NOT_FOUND' END, NULL, n, NULL, NULL
    FROM generate_series(2, 2 * %(entries)s::int) AS n;
"""


@pytest.fixture(scope="module", params=["before statistics", "after"])
def filled(request: pytest.FixtureRequest, server: str, template: str) -> Iterator[Connection]:
    """A database with an import of two sites in it, as one of them sees it."""
    with shared_database(server, template) as connection:
        for site, scale in ((SITE, 1), (OTHER, 4)):
            values = {"site": site, "import": IMPORT, "preview": PREVIEW}
            for statement in FILL.split(";")[:-1]:
                connection.execute(statement, {**values, "entries": ENTRIES // scale, "others": OTHERS // scale})
        if request.param == "after":
            connection.execute("VACUUM ANALYZE")
        yield connection


@pytest.fixture
def rows(filled: Connection) -> Rows:
    """The import's rows, which were executed after the preview."""
    made = filled.execute(
        "INSERT INTO loyalty_import (site_id, id, revision, created_date, updated_date, status, file_url, file_name,"
        " file_bytes, reading, applied_rows, done_rows, accounts_created, preview_id)"
        " VALUES (%s, %s, 1, %s, %s, 'INITIATED', '/sites/x', 'x', 1, '{}', 0, 0, 0, %s)"
        " ON CONFLICT (site_id, id) DO UPDATE SET revision = 1 RETURNING *",
        [SITE, IMPORT, *[datetime.now(UTC)] * 2, PREVIEW],
    ).fetchone()
    assert made is not None
    return Rows(record.from_row(made), Whose.IMPORT, IMPORT, None)


def explain(connection: Connection, rows: Rows, query: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a page's statements as they are run for it and return what the database did for each."""
    pages = plan_rows(rows, query, CursorSigner(b"x" * 32, SITE))
    parts: list[tuple[LiteralString, Page]] = [
        (outcomes.QUERIES["query_entries"], pages.entries),
        (outcomes.QUERIES["query_outcomes"], pages.outcomes),
    ]
    found = []
    with connection.transaction():
        enter_site(connection, SITE)
        connection.execute(outcomes.QUERIES["look_rows_up"])
        for statement, page in parts:
            composed = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {}").format(compose(statement, page))
            row = connection.execute(composed, {**page.parameters, **rows.places}).fetchone()
            assert row is not None
            found.append(row["QUERY PLAN"][0]["Plan"])
    return found


def cursor(rows: Rows, line: int, *, backwards: bool = False, **asked: Any) -> dict[str, Any]:
    """A query that goes on at a line."""
    signer = CursorSigner(b"x" * 32, SITE)
    first = plan_rows(rows, asked, signer).outcomes
    place = type(first.cursor)(first.cursor.filter, first.cursor.sort, 50, [line], backwards=backwards)
    return {"cursorPaging": {"cursor": signer.sign(first.resource.name, place)}}


def reads_little(found: list[dict[str, Any]]) -> None:
    for one in found:
        kinds = {node["Node Type"] for node in nodes(one)}
        assert not kinds & {"Seq Scan", "Hash Join", "Merge Join", "Bitmap Heap Scan"}, one
        sorted_rows = [node["Actual Rows"] for node in nodes(one) if "Sort" in node["Node Type"]]
        assert sum(sorted_rows) <= 51, one
        assert pages_read(one) <= PAGES_MAX, one


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"sort": [{"fieldName": "line", "order": "DESC"}]},
        {"filter": {"line": 200_000}},
        {"filter": {"line": {"$in": [2, 3, 120_000, LAST]}}},
        {"filter": {"line": {"$gte": 200_000}}},
        {"filter": {"line": {"$gt": 100_000, "$lte": 100_020}}},
        {"filter": {"line": {"$lte": 5}}, "sort": [{"fieldName": "line", "order": "DESC"}]},
        {"filter": {"outcome": "IMPORTED", "line": {"$gt": 100_000}}},
        {"filter": {"outcome": "FAILED"}},
        {"filter": {"code": "CONTACT_NOT_FOUND"}},
        {"filter": {"email": {"$startsWith": "C1"}, "outcome": "IMPORTED"}},
    ],
    ids=str,
)
def test_a_page_is_answered_by_its_rows_keys(filled: Connection, rows: Rows, query: dict[str, Any]) -> None:
    """Whatever is asked for by line, and what is often met, costs a page; each row is looked up from there."""
    if "outcome" in query.get("filter", {}) or "code" in query.get("filter", {}):
        # One of the two places has none of them: it is left alone, or walked no further than a page of the other.
        reads_little([min(explain(filled, rows, query), key=pages_read)])
        return
    reads_little(explain(filled, rows, query))


@pytest.mark.parametrize("line", [2, 100_000, LAST])
@pytest.mark.parametrize("backwards", [False, True])
def test_every_page_costs_the_same(filled: Connection, rows: Rows, line: int, backwards: bool) -> None:
    """A cursor is a line, and a line is a place in both keys."""
    reads_little(explain(filled, rows, cursor(rows, line, backwards=backwards)))


def test_a_place_that_cannot_hold_what_is_asked_for_is_not_looked_at(filled: Connection, rows: Rows) -> None:
    """No entry has failed, and nothing has to be read to know it."""
    for asked in ({"outcome": "FAILED"}, {"code": "CONTACT_NOT_FOUND"}):
        entries, _ = explain(filled, rows, {"filter": asked})
        assert pages_read(entries) == 0, entries


def test_what_is_rare_is_found_by_one_walk_along_the_key(filled: Connection, rows: Rows) -> None:
    """Rows that differ from the preview, in order; nothing is sorted or written aside, and it ends with the page."""
    found = explain(filled, rows, {"filter": {"differsFromPreview": True}})
    for one in found:
        assert not [node for node in nodes(one) if node["Node Type"] in {"Sort", "Seq Scan", "Hash Join"}], one
        assert sum(node.get("Temp Written Blocks", 0) for node in nodes(one)) == 0, one
    entries, _ = found
    (walked,) = [node for node in nodes(entries) if node.get("Relation Name") == "transaction"]
    assert walked["Actual Rows"] <= 51 * 50 + 50


@pytest.mark.parametrize("filled", ["after"], indirect=True)
def test_a_customers_row_is_found_from_the_customer(filled: Connection, rows: Rows) -> None:
    """By the address to the account, and by that to its entries."""
    entries, _ = explain(filled, rows, {"filter": {"email": "c77@example.com"}})
    reads_little([entries])
    assert entries["Actual Rows"] == 1


def test_a_report_goes_on_where_it_was(filled: Connection, rows: Rows) -> None:
    """Its next rows are read from the key, however far it has come."""
    for line in (0, 100_000, LAST):
        values = {**rows.places, "after": line, "after_id": entry_id(IMPORT, line), "limit": 1_000}
        for name in ("next_entries", "next_outcomes"):
            with filled.transaction():
                enter_site(filled, SITE)
                filled.execute(outcomes.QUERIES["look_rows_up"])
                row = filled.execute(
                    f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {outcomes.QUERIES[name]}", values
                ).fetchone()
            assert row is not None
            reading = row["QUERY PLAN"][0]["Plan"]
            assert not [node for node in nodes(reading) if node["Node Type"] in {"Sort", "Seq Scan"}], reading
            assert pages_read(reading) <= PAGES_MAX, reading


def test_what_is_planned_here_is_what_may_be_asked(rows: Rows) -> None:
    """Every field has its case above."""
    assert set(ROWS.fields) == {"line", "outcome", "code", "email", "differsFromPreview"}
