"""A change of many accounts costs the same for each of them, however many there are: read off the rows, not the clock."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import LiteralString
from uuid import UUID

import pytest

from pointport.app import App
from pointport.ledger import adjusting
from pointport.ledger.adjusting import CHUNK_ACCOUNTS_MAX, Wish
from pointport.plumbing.queries import plan_filter
from pointport.plumbing.webhooks import subscriptions
from pointport.plumbing.webhooks.event_types import EventType
from pointport.wire.accounts import ACCOUNTS
from tests.conftest import Site
from tests.database.conftest import Watched

ACCOUNTS_MADE = 20_000
READ_PER_ACCOUNT_MAX = 20
"""An account is chosen, locked, changed and told of in two events. A chunk read again for each of its accounts would
be thousands of rows for each, and a site read again for each chunk a few more than these.
"""

FILL: LiteralString = """
    INSERT INTO contact
    SELECT %(site)s, md5(n::text)::uuid, 'c' || n || '@example.com', 'First', 'Last', 1, '2026-01-01Z', '2026-01-01Z'
    FROM generate_series(1, %(rows)s) AS n ORDER BY 2;
    INSERT INTO account
    SELECT %(site)s, id, 100 * (id > '80000000-0000-0000-0000-000000000000')::int, 0,
        100 * (id > '80000000-0000-0000-0000-000000000000')::int, 0, 0, 2, '2026-01-01Z', '2026-01-01Z', '2026-01-01Z'
    FROM contact WHERE site_id = %(site)s ORDER BY id;
"""
"""Accounts in a random order of their making; half of them have nothing to take away."""


def fill(app: App, site: Site) -> None:
    with app.database.owner_transaction() as connection:
        for statement in FILL.split(";")[:-1]:
            connection.execute(statement, {"site": site.id, "rows": ACCOUNTS_MADE})


def adjust(app: App, site: Site, wish: Wish) -> tuple[Watched, UUID]:
    """Have a job done from its beginning to its end."""
    watched = Watched(app.database)
    job_id = adjusting.begin(app.database, site.id, wish, actor="test", now=app.clock())
    adjusting.run(
        watched,
        site.id,
        job_id,
        lambda: False,
        chosen=partial(plan_filter, ACCOUNTS),
        chunk_rows=app.settings.chunk_rows,
        points_max=app.settings.points_max,
        clock=app.clock,
    )
    return watched, job_id


@pytest.mark.parametrize("known", ["nothing", "another site"])
@pytest.mark.parametrize("wish", [Wish(None, -1, {}, {}), Wish(7, None, {}, {})], ids=["amount", "balance"])
def test_a_job_reads_as_many_rows_for_each_account_however_many_there_are(
    app: App, site: Site, make_site: Callable[[str], Site], known: str, wish: Wish
) -> None:
    """The statistics know nothing of a new job, and may know nothing of its site: no plan may depend on them."""
    if known == "another site":
        fill(app, make_site("Old Shop"))
        with app.database.owner_transaction() as connection:
            connection.execute("ANALYZE")
    subscriptions.create(
        app.database,
        site.id,
        "http://127.0.0.1:9/hook",
        tuple(EventType),
        private_allowed=True,
        secret=app.secret,
        actor="test",
        now=app.clock(),
    )
    fill(app, site)
    watched, job_id = adjust(app, site, wish)
    job, failures = adjusting.find(app.database, site.id, job_id)
    poor = 0 if wish.amount is None else job["items_failed"]
    assert (job["status"], job["items_succeeded"] + job["items_failed"]) == ("FINISHED", ACCOUNTS_MADE)
    assert Counter(failure["problem"] for failure in failures) == ({"BALANCE_WOULD_BE_NEGATIVE": 20} if poor else {})
    assert sum(watched.rows_read) <= READ_PER_ACCOUNT_MAX * ACCOUNTS_MADE, watched.rows_read


def test_a_chunk_is_small_whatever_is_set(app: App, site: Site) -> None:
    """Who earns waits for a chunk that has the account: one of a job is shorter than one of an import may be."""
    fill(app, site)
    assert app.settings.chunk_rows > CHUNK_ACCOUNTS_MAX
    watched, _ = adjust(app, site, Wish(7, None, {}, {}))
    # One transaction that settles which accounts, the chunks, and one that finds that there is no more.
    assert len(watched.rows_read) == 2 + ACCOUNTS_MADE / CHUNK_ACCOUNTS_MAX
