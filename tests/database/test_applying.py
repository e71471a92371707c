"""A chunk into the ledger: what may happen beside it, and what it costs, read off the rows and plans, not the clock."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from pointport.app import App, open_app
from pointport.errors import SetupError, Unavailable
from pointport.imports import lineup, steps, undo
from pointport.imports.applying import WhenNegative
from pointport.imports.record import LoyaltyImport
from pointport.ledger import contacts, customers, postings
from pointport.ledger.postings import Earning
from pointport.settings import Settings
from tests.conftest import Site, Story
from tests.database.conftest import Watched

EMAILS = [f"c{number:03d}@example.com" for number in range(40)]


def sheet(points: int, emails: list[str] = EMAILS) -> bytes:
    return "\n".join(["Email,Points", *(f"{email},{points}" for email in emails), ""]).encode()


def with_settings(app: App, **changed: int) -> App:
    return App(**{**vars(app), "settings": app.settings.model_copy(update=changed)})


def earn(story: Story, email: str, amount: int, key: str) -> None:
    """Give points to a contact, who gets an account by it."""
    with story.app.database.transaction(story.site_id) as connection:
        contact_id = contacts.find(connection, story.site_id, email)["id"]
    postings.create_account(story.app.database, story.site_id, contact_id, actor="test", now=story.app.clock())
    earning = Earning(amount=amount, description="Birthday", idempotency_key=key, info={})
    postings.earn(
        story.app.database,
        story.site_id,
        contact_id,
        earning,
        points_max=999_999_999,
        actor="test",
        now=story.app.clock(),
    )


def staged(story: Story, content: bytes) -> LoyaltyImport:
    begun = story.execute(content)
    return steps.stage(story.app, story.site_id, begun.id)


def finished(story: Story, import_id: UUID) -> LoyaltyImport:
    steps.run(story.app, story.site_id, import_id, lambda: False)
    assert steps.verify(story.app, story.site_id) == []
    return story.find(import_id)


# --- What may happen beside it --------------------------------------------------------------------------------------------


def test_who_got_an_account_since_the_rows_were_lined_up_has_the_balance_set_all_the_same(story: Story) -> None:
    story.add_contacts(*EMAILS)
    begun = staged(story, sheet(10))
    earn(story, EMAILS[3], 25, "first")
    earn(story, EMAILS[30], 10, "second")
    done = finished(story, begun.id)
    assert (done.success_count, done.accounts_created, done.accounts_changed) == (40, 38, 39)
    assert (done.points_added, done.points_removed) == (380, 15)
    assert story.balances() == dict.fromkeys(EMAILS, 10)


def test_who_gets_an_account_in_the_very_moment_is_waited_for(story: Story, database_url: str) -> None:
    story.add_contacts(*EMAILS)
    begun = staged(story, sheet(10))
    with story.app.database.transaction(story.site_id) as connection:
        contact_id = contacts.find(connection, story.site_id, EMAILS[7])["id"]
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as beside:
        other.execute(
            "INSERT INTO account VALUES (%s, %s, 4, 4, 0, 0, 0, 1, now(), now(), now())", [story.site_id, contact_id]
        )
        other.execute(
            "INSERT INTO transaction (site_id, id, account_id, revision, transaction_type, amount,"
            " amount_before, amount_after, description, created_date, idempotency_key)"
            " VALUES (%s, %s, %s, 2, 'EARN', 4, 0, 4, '', now(), 'k')",
            [story.site_id, contact_id, contact_id],
        )
        other.execute("UPDATE account SET revision = 2 WHERE id = %s", [contact_id])
        running = beside.submit(finished, story, begun.id)
        with psycopg.connect(database_url, autocommit=True) as looking:
            while not waits_for_a_lock(looking):
                assert not running.done()
        other.commit()
        done = running.result()
    assert (done.success_count, done.accounts_created, done.points_added) == (40, 39, 396)
    assert story.balances() == dict.fromkeys(EMAILS, 10)


def waits_for_a_lock(connection: psycopg.Connection) -> bool:
    found = connection.execute(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    return found is not None


def test_a_contact_deleted_since_the_rows_were_lined_up_is_an_unknown_one(story: Story) -> None:
    story.add_contacts(*EMAILS)
    earn(story, EMAILS[0], 10, "first")
    begun = staged(story, sheet(10))
    for email in EMAILS[5:8]:
        with story.app.database.transaction(story.site_id) as connection:
            contact_id = contacts.find(connection, story.site_id, email)["id"]
        customers.delete(story.app.database, story.site_id, contact_id, actor="test", now=story.app.clock())
    done = finished(story, begun.id)
    assert (done.success_count, done.failure_count, done.done_rows) == (37, 3, 40)
    assert [row["problem"] for row in steps.first_failures(story.app, story.site_id, done.id, limit=9)] == (
        ["CONTACT_NOT_FOUND"] * 3
    )
    assert story.balances() == dict.fromkeys([*EMAILS[:5], *EMAILS[8:]], 10)


def test_a_chunk_that_another_session_has_taken_is_passed_over_and_in_the_end_waited_for(app: App, site: Site) -> None:
    story = Story(with_settings(app, chunk_rows=10, apply_sessions=2), site.id)
    story.add_contacts(*EMAILS)
    begun = staged(story, sheet(10))
    with ThreadPoolExecutor(1) as beside:
        with app.database.transaction(site.id) as connection:
            taken = lineup.take_chunk(connection, site.id, begun.id, waiting=False)
            assert taken is not None
            assert (taken.first, taken.last) == (1, 10)
            running = beside.submit(finished, story, begun.id)
            while story.find(begun.id).applied_rows < 30:
                assert not running.done()
            assert story.find(begun.id).status == "IMPORTING"
        # Whoever had taken it did nothing, and now lets go.
        assert running.result().status == "IMPORTED"
    assert story.balances() == dict.fromkeys(EMAILS, 10)


@pytest.mark.parametrize("sessions", [1, 2, 4])
def test_two_workers_at_the_same_import_apply_each_row_once(app: App, site: Site, sessions: int) -> None:
    story = Story(with_settings(app, chunk_rows=1, apply_sessions=sessions), site.id)
    story.add_contacts(*EMAILS)
    begun = staged(story, sheet(10))
    with ThreadPoolExecutor(2) as both:
        running = [both.submit(steps.run, story.app, site.id, begun.id, lambda: False) for _ in range(2)]
        for one in running:
            one.result()
    done = finished(story, begun.id)
    assert (done.success_count, done.accounts_created, done.points_added, done.applied_rows) == (40, 40, 400, 40)
    assert story.balances() == dict.fromkeys(EMAILS, 10)


def test_a_stop_comes_between_two_chunks_and_all_sessions_heed_it(app: App, site: Site) -> None:
    story = Story(with_settings(app, chunk_rows=1, apply_sessions=4), site.id)
    story.add_contacts(*EMAILS)
    begun = staged(story, sheet(10))
    asked = threading.Semaphore(20)
    with pytest.raises(Unavailable):
        steps.run(story.app, site.id, begun.id, lambda: not asked.acquire(blocking=False))
    left = story.find(begun.id)
    assert left.status == "IMPORTING"
    assert 0 < left.applied_rows <= 20
    assert finished(story, begun.id).applied_rows == 40


@pytest.mark.parametrize(
    ("ready_rows", "chunk_rows_max", "sessions", "chunks"),
    [
        (0, 10, 2, []),
        (7, 10, 2, [(1, 7)]),
        (25, 10, 1, [(1, 9), (10, 18), (19, 25)]),
        (25, 10, 2, [(1, 7), (8, 14), (15, 21), (22, 25)]),
        (5_000, 10_000, 2, [(1, 2_500), (2_501, 5_000)]),
        (5_000, 10_000, 4, [(1, 1_250), (1_251, 2_500), (2_501, 3_750), (3_751, 5_000)]),
    ],
)
def test_chunks_are_even_and_as_many_for_each_session(
    story: Story, ready_rows: int, chunk_rows_max: int, sessions: int, chunks: list[tuple[int, int]]
) -> None:
    made = story.create(b"Email,Points\n")
    with story.app.database.transaction(story.site_id) as connection:
        lineup.cut(
            connection,
            story.site_id,
            made.id,
            ready_rows=ready_rows,
            chunk_rows_max=chunk_rows_max,
            sessions=sessions,
        )
        found = connection.execute("SELECT * FROM import_chunk ORDER BY first_position").fetchall()
    assert [(row["first_position"], row["last_position"]) for row in found] == chunks


def test_a_server_that_gives_a_query_little_memory_is_as_good(
    settings: Settings, database_url: str, make_site: Callable[[str], Site]
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET work_mem = '64kB'").format(sql.Identifier(connection.info.dbname))
        )
    with open_app(settings) as app:
        story = Story(app, make_site("Corner Shop").id)
        fill(app, story.site_id)
        done = story.run(points_of(CUSTOMERS, 0))
        assert (done.success_count, done.accounts_changed) == (CUSTOMERS, CUSTOMERS)


def test_more_connections_than_the_server_has_are_refused_with_the_numbers_and_what_to_do(
    app: App, settings: Settings
) -> None:
    allowed = app.database.connections_allowed()
    told = rf"allows {allowed} connections in all, .* is {allowed + 1}: lower it"
    greedy = settings.model_copy(update={"connections_max": allowed + 1})
    with pytest.raises(SetupError, match=told), open_app(greedy):
        pytest.fail("it was opened")


# --- What it costs --------------------------------------------------------------------------------------------------------

CUSTOMERS = 20_000
ROWS_READ_PER_ROW_MAX = 30
"""To stage, judge and apply a row: itself a few times, its contact and its account. A chunk that is read again for each
of its accounts would be thousands.
"""
ROWS_READ_PER_ENTRY_MAX = 60
"""To take an entry back: it is looked for in the ledger, and counted, as well."""

FILL: LiteralString = """
    INSERT INTO contact
    SELECT %(site)s, md5(n::text)::uuid, 'c' || n || '@example.com', '', '', 1, '2026-01-01Z', '2026-01-01Z'
    FROM generate_series(1, %(rows)s) AS n ORDER BY 2
"""


def fill(app: App, site_id: UUID, rows: int = CUSTOMERS) -> None:
    with app.database.owner_transaction() as connection:
        connection.execute(FILL, {"site": site_id, "rows": rows})


def points_of(rows: int, add: int) -> bytes:
    return "\n".join(["Email,Points", *(f"c{n}@example.com,{n + add}" for n in range(1, rows + 1)), ""]).encode()


@pytest.mark.parametrize("known", ["nothing", "another site", "a site of ten customers"])
@pytest.mark.parametrize("rows", [CUSTOMERS - 1, CUSTOMERS], ids=["few", "many"])
def test_a_row_costs_the_same_whatever_the_statistics_know(
    app: App, site: Site, make_site: Callable[[str], Site], known: str, rows: int
) -> None:
    """The statistics know nothing of a new import, and may know nothing of its site, or that it was small."""
    if known == "another site":
        other = Story(app, make_site("Old Shop").id)
        fill(app, other.site_id)
        other.run(points_of(CUSTOMERS, 0))
    if known == "a site of ten customers":
        fill(app, site.id, 10)
        Story(app, site.id).run(points_of(10, 0))
    with app.database.owner_transaction() as connection:
        connection.execute("ANALYZE")
        connection.execute("DELETE FROM transaction WHERE site_id = %s", [site.id])
        connection.execute("DELETE FROM account WHERE site_id = %s", [site.id])
        connection.execute("DELETE FROM contact WHERE site_id = %s", [site.id])
    fill(app, site.id)
    watched = Watched(app.database)
    # In many chunks: what belongs to the others is not read either.
    story = Story(App(**{**vars(with_settings(app, chunk_rows=1_000)), "database": watched}), site.id)
    for add, mode in ((0, "SET"), (1, "SET"), (2, "ADD")):
        begun = story.execute(points_of(rows, add), mode=mode)
        watched.rows_read.clear()
        steps.run(story.app, site.id, begun.id, lambda: False)
        done = story.find(begun.id)
        assert (done.success_count, done.accounts_changed) == (rows, rows)
        assert sum(watched.rows_read) <= ROWS_READ_PER_ROW_MAX * rows, watched.rows_read
    watched.rows_read.clear()
    begun = undo.begin(story.app, site.id, done.id, when_negative=WhenNegative.SKIP, actor="test")
    assert begun.undo is not None
    undo.run(story.app, site.id, UUID(begun.undo["id"]), lambda: False)
    assert (story.find(done.id).undo or {})["reversed"] == rows
    assert sum(watched.rows_read) <= ROWS_READ_PER_ENTRY_MAX * rows, watched.rows_read


def test_of_a_site_with_many_others_only_the_customers_of_the_file_are_read(app: App, site: Site) -> None:
    fill(app, site.id)
    watched = Watched(app.database)
    story = Story(App(**{**vars(app), "database": watched}), site.id)
    story.run(points_of(CUSTOMERS, 0))
    few = CUSTOMERS // 100
    for add in (1, 2):
        begun = story.execute(points_of(few, add))
        watched.rows_read.clear()
        steps.run(story.app, site.id, begun.id, lambda: False)
        assert story.find(begun.id).accounts_changed == few
        assert sum(watched.rows_read) <= ROWS_READ_PER_ROW_MAX * few, watched.rows_read


def test_a_chunk_takes_as_many_statements_however_many_rows_are_looked_up_or_read_in_step(
    app: App, make_site: Callable[[str], Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[Any] = []
    execute = psycopg.Connection.execute

    def counted(self: Any, query: Any, *arguments: Any, **named: Any) -> Any:
        executed.append(query)
        return execute(self, query, *arguments, **named)

    def statements(rows: int) -> list[int]:
        """How many it takes when all accounts are new, when all balances change, and when none does."""
        story = Story(with_settings(app, chunk_rows=CUSTOMERS, apply_sessions=1), make_site(f"{rows} rows").id)
        fill(app, story.site_id, rows)
        counts = []
        for add in (0, 1, 1):
            begun = staged(story, points_of(rows, add))
            with monkeypatch.context() as patched:
                patched.setattr(psycopg.Connection, "execute", counted)
                executed.clear()
                assert steps.apply_chunk(story.app, story.site_id, begun.id)
            counts.append(len(executed))
            finished(story, begun.id)
        return counts

    assert statements(1) == statements(lineup.DENSE_ROWS_MIN - 1)
    assert statements(lineup.DENSE_ROWS_MIN) == statements(CUSTOMERS)
