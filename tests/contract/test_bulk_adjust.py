"""Many accounts adjusted in the background (contract.md 6.2, bulk adjust), and the job that does it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from pointport.app import App
from pointport.errors import Unavailable
from pointport.imports import steps
from pointport.ledger import adjusting
from pointport.plumbing.queries import plan_filter
from pointport.wire.accounts import ACCOUNTS as RESOURCE
from tests.conftest import Site, Story
from tests.contract.conftest import NOBODY, Clock, Json, failed, invalid, violation
from tests.contract.test_accounts import ACCOUNTS, NOW
from tests.contract.test_points import LOYALTY_APP_ID, MAX, TRANSACTIONS, entries
from tests.contract.test_program import make_draft

JOBS = "/async-jobs/v1/async-jobs"
BALANCES = {f"c{number}@example.com": number * 10 for number in range(10)}


@pytest.fixture
def ten(story: Story) -> dict[str, int]:
    """Ten accounts with 0, 10 … 90 points."""
    story.add_contacts(*BALANCES)
    story.run("\r\n".join(["Email,Points", *(f"{email},{points}" for email, points in BALANCES.items())]).encode())
    return BALANCES


def begin(client: TestClient, **body: Any) -> UUID:
    answer = client.post(f"{ACCOUNTS}/bulk-adjust", json=body)
    assert answer.status_code == 200, answer.text
    return UUID(answer.json()["asyncJobId"])


def work(
    app: App, site: Site, job_id: UUID, *, chunk_rows: int = 3, is_stopping: Callable[[], bool] = lambda: False
) -> None:
    """Do what a worker does."""
    adjusting.run(
        app.database,
        site.id,
        job_id,
        is_stopping,
        chosen=partial(plan_filter, RESOURCE),
        chunk_rows=chunk_rows,
        points_max=MAX,
        clock=app.clock,
    )


def the_job(job_id: UUID, status: str, to_process: int = 0, succeeded: int = 0, failed: int = 0, **more: Any) -> Json:
    return {
        "job": {
            "id": str(job_id),
            "status": status,
            "itemsToProcess": to_process,
            "itemsSucceeded": succeeded,
            "itemsFailed": failed,
            "createdDate": NOW,
            "updatedDate": NOW,
            "pointport": {"failures": []},
        }
        | more
    }


def test_a_job_changes_the_accounts_that_are_meant(
    client: TestClient, app: App, site: Site, story: Story, ten: dict[str, int], clock: Clock
) -> None:
    """6.2: an amount for those that the filter chooses; the job can be looked at from its beginning."""
    clock.advance(10)
    job_id = begin(client, amount=5, search={"filter": {"points.balance": {"$gte": 50}}})
    later: Json = {"createdDate": "2026-03-04T05:06:17.089Z", "updatedDate": "2026-03-04T05:06:17.089Z"}
    for prefix in ("/async-jobs", "/_api/async-jobs", ""):
        assert client.get(f"{prefix}/v1/async-jobs/{job_id}").json() == the_job(job_id, "INITIALIZED", **later)
    work(app, site, job_id)
    ended: Json = {"finishedDate": "2026-03-04T05:06:17.089Z", **later}
    assert client.get(f"{JOBS}/{job_id}").json() == the_job(job_id, "FINISHED", 5, 5, **ended)
    assert story.balances() == {email: points + 5 * (points >= 50) for email, points in ten.items()}
    assert steps.verify(app, site.id) == []
    query = {"filter": {"amount": 5, "description": "Bulk adjustment"}, "cursorPaging": {"limit": 1}}
    (entry,) = client.post(f"{TRANSACTIONS}/query", json={"query": query}).json()["loyaltyTransactions"]
    assert entry["idempotencyKey"] == f"{job_id}:{entry['accountId']}"
    assert entry["adjustInfo"]["appId"] == LOYALTY_APP_ID


def test_a_job_sets_the_balance_of_those_found_by_text(
    client: TestClient, app: App, site: Site, story: Story, ten: dict[str, int]
) -> None:
    """6.2: `balance` wins over `amount`; an account that has it already succeeds without an entry."""
    job_id = begin(client, balance=30, amount=7, search={"search": {"expression": "c3@ c4@"}})
    work(app, site, job_id)
    assert story.balances() == ten | {"c4@example.com": 30}
    assert client.get(f"{JOBS}/{job_id}").json()["job"]["itemsSucceeded"] == 2
    account = client.post(f"{ACCOUNTS}/search", json={"search": {"search": {"expression": "c3@"}}}).json()["accounts"][
        0
    ]
    assert len(entries(client, account["id"])) == 1


def test_accounts_that_cannot_be_changed_stay(
    client: TestClient, app: App, site: Site, story: Story, ten: dict[str, int]
) -> None:
    """6.2: the result may not be negative; each such account is named with why."""
    job_id = begin(client, amount=-15)
    work(app, site, job_id)
    assert story.balances() == {email: points - 15 if points >= 15 else points for email, points in ten.items()}
    job = client.get(f"{JOBS}/{job_id}").json()["job"]
    assert (job["itemsToProcess"], job["itemsSucceeded"], job["itemsFailed"]) == (10, 8, 2)
    failures = job["pointport"]["failures"]
    names = {"BALANCE_WOULD_BE_NEGATIVE": "the balance would be less than 0"}
    assert [(one["code"], one["message"]) for one in failures] == list(names.items()) * 2
    assert steps.verify(app, site.id) == []
    too_much = begin(client, amount=9_999_999, search={"filter": {"points.balance": {"$lt": 0}}})
    work(app, site, too_much)
    assert client.get(f"{JOBS}/{too_much}").json()["job"]["status"] == "FINISHED"


def test_a_job_that_stops_goes_on_where_it_was(
    client: TestClient, app: App, site: Site, story: Story, ten: dict[str, int]
) -> None:
    """design.md 7: a worker that ends between two chunks leaves whole chunks, and the next one goes on behind them."""
    job_id = begin(client, amount=1)
    for _ in range(4):
        with pytest.raises(Unavailable):
            work(app, site, job_id, is_stopping=lambda: True)
    assert client.get(f"{JOBS}/{job_id}").json()["job"]["itemsSucceeded"] == 10
    work(app, site, job_id)
    work(app, site, job_id)  # Once more is nothing.
    assert client.get(f"{JOBS}/{job_id}").json()["job"]["status"] == "FINISHED"
    assert story.balances() == {email: points + 1 for email, points in ten.items()}
    assert steps.verify(app, site.id) == []


def test_several_workers_on_one_job_change_each_account_once(
    client: TestClient, app: App, site: Site, story: Story, ten: dict[str, int]
) -> None:
    """design.md 7: as when a worker that was taken for dead comes back."""
    job_id = begin(client, amount=1)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: work(app, site, job_id, chunk_rows=1), range(4)))
    assert story.balances() == {email: points + 1 for email, points in ten.items()}
    assert steps.verify(app, site.id) == []


def test_a_job_that_cannot_go_on_says_so(client: TestClient, app: App, site: Site) -> None:
    """6.2: FAILED, with a message; one that has ended stays as it is."""
    job_id = begin(client, amount=1)
    for _ in range(2):
        adjusting.fail(app.database, site.id, job_id, message="A fault of ours.", now=app.clock())
    failed_job = the_job(
        job_id, "FAILED", finishedDate=NOW, pointport={"failures": [], "failureMessage": "A fault of ours."}
    )
    assert client.get(f"{JOBS}/{job_id}").json() == failed_job
    work(app, site, job_id)
    assert client.get(f"{JOBS}/{job_id}").json() == failed_job


def test_a_job_without_a_worker_gets_one(client: TestClient, app: App, site: Site, clock: Clock) -> None:
    """design.md 7: the sweep finds it when its job was lost."""
    job_id = begin(client, amount=1)
    with app.database.owner_transaction() as connection:
        connection.execute("DELETE FROM procrastinate_jobs WHERE args ->> 'site_id' = %s", [str(site.id)])
    clock.advance(60)
    adjusting.enqueue_lost(app.database, before=clock())
    with app.database.owner_transaction() as connection:
        found = connection.execute(
            "SELECT task_name FROM procrastinate_jobs WHERE args ->> 'subject_id' = %s", [str(job_id)]
        ).fetchall()
    assert found == [{"task_name": "adjust_accounts"}]


def test_a_draft_adjusts_nothing(client: TestClient, app: App, site: Site) -> None:
    """8, row 15."""
    make_draft(app, site)
    assert client.post(f"{ACCOUNTS}/bulk-adjust", json={"amount": 1}).status_code == 428


NO_OBJECTS: list[Any] = [[], "", 0, False, "x"]
"""What is false to Python, but is not absent."""


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, violation("balance", "is missing, or else amount", "REQUIRED_FIELD")),
        ({"amount": 0}, violation("amount", "must not be 0", "OTHER")),
        ({"balance": MAX + 1}, violation("balance", f"must be at most {MAX}", "MAX", threshold=MAX)),
        ({"balance": "5", "amount": 5}, violation("balance", "must be a whole number", "FORMAT", type="integer")),
        *(
            ({"amount": 1, "search": wrong}, violation("search", "must be an object", "FORMAT", type="object"))
            for wrong in NO_OBJECTS
        ),
        *(
            (
                {"amount": 1, "search": {name: wrong}},
                violation(f"search.{name}", "must be an object", "FORMAT", type="object"),
            )
            for name in ("filter", "search", "cursorPaging")
            for wrong in NO_OBJECTS
        ),
        (
            {"amount": 1, "search": {"sort": {}}},
            violation("search.sort", "must be an array", "FORMAT", type="array"),
        ),
        (
            {"amount": 1, "search": {"cursorPaging": {"limit": 101}}},
            violation("search.cursorPaging.limit", "must be at most 100", "MAX", threshold=100),
        ),
        *(
            (
                {"amount": 1, "search": {"aggregations": wrong}},
                violation("search.aggregations", "is not offered", "FIELD_NOT_ALLOWED"),
            )
            for wrong in [[{}], {}, *NO_OBJECTS[1:]]
        ),
        (
            {"amount": 1, "search": {"filter": {"id": "nope"}}},
            violation("search.filter.id", "value 'nope' is not a valid GUID", "FORMAT", type="GUID"),
        ),
        (
            {"amount": 1, "search": {"search": {"fuzzy": True}}},
            violation(
                "search.search.fuzzy", "is not offered: words are found as they are written", "FIELD_NOT_ALLOWED"
            ),
        ),
    ],
)
def test_what_breaks_a_rule_begins_no_job(client: TestClient, app: App, site: Site, body: Json, told: Json) -> None:
    """6.2: what is wrong is said at once, not by the job."""
    answer = client.post(f"{ACCOUNTS}/bulk-adjust", json=body)
    assert (answer.status_code, answer.json()) == (400, invalid(told))
    with app.database.transaction(site.id) as connection:
        assert connection.execute("SELECT FROM async_job").fetchall() == []


@pytest.mark.parametrize(
    "search",
    [
        {"filter": []},
        {"search": 0},
        {"sort": [{"fieldName": "nope"}]},
        {"sort": [{"fieldName": "id", "order": "UP"}]},
        {"cursorPaging": {"limit": "5"}},
        {"cursorPaging": {"cursor": "nope"}},
        {"aggregations": [{"name": "x"}]},
        {"paging": {"limit": 1}},
    ],
)
def test_a_search_is_held_to_the_same_rules_as_when_it_only_looks(client: TestClient, search: Json) -> None:
    """6.2: the search of a bulk adjustment is the search of Search Accounts."""
    looked = client.post(f"{ACCOUNTS}/search", json={"search": search})
    answer = client.post(f"{ACCOUNTS}/bulk-adjust", json={"amount": 1, "search": search})
    assert (answer.status_code, answer.json()) == (looked.status_code, looked.json())
    assert answer.status_code == 400


@pytest.mark.parametrize("raw", ['"\\u0000"', "NaN", '"\\ud800"', '{"\\ud800": [1e400]}'])
def test_what_a_search_holds_beyond_itself_does_not_matter(
    client: TestClient, app: App, site: Site, story: Story, ten: dict[str, int], raw: str
) -> None:
    """1.5: unknown members are ignored, whatever they hold, at each depth."""
    known = '"expression": "c3@", "mode": "AND", "fields": ["contact.email"], "fuzzy": false'
    body = f'{{"amount": 1, "search": {{"x": {raw}, "search": {{{known}, "x": {raw}, "\\u0000": {raw}}}}}}}'
    answer = client.post(f"{ACCOUNTS}/bulk-adjust", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    work(app, site, UUID(answer.json()["asyncJobId"]))
    assert story.balances() == ten | {"c3@example.com": 31}


@pytest.mark.parametrize("amount", [0, -7, 99_999_999, 1.5, "x", [], {}, True, None])
def test_beside_a_balance_the_amount_is_nothing(
    client: TestClient, app: App, site: Site, story: Story, ten: dict[str, int], amount: Any
) -> None:
    """6.2: if both are sent, `balance` wins and `amount` is ignored."""
    work(app, site, begin(client, balance=5, amount=amount))
    assert story.balances() == dict.fromkeys(ten, 5)


def test_a_search_that_goes_on_means_all_that_it_finds(
    client: TestClient, app: App, site: Site, story: Story, ten: dict[str, int]
) -> None:
    """8, row 26: a cursor carries filter and free text, and the SDK drops them beside it; they are not nothing then."""
    search = {
        "filter": {"points.balance": {"$gte": 50}},
        "search": {"expression": "c5 c7 c9"},
        "cursorPaging": {"limit": 1},
    }
    cursor = client.post(f"{ACCOUNTS}/search", json={"search": search}).json()["pagingMetadata"]["cursors"]["next"]
    work(app, site, begin(client, amount=1, search={"cursorPaging": {"cursor": cursor}}))
    assert story.balances() == ten | {f"c{number}@example.com": number * 10 + 1 for number in (5, 7, 9)}


def test_a_job_that_is_none_is_not_found(client: TestClient) -> None:
    """1.6: 404."""
    answer = client.get(f"{JOBS}/{NOBODY}")
    assert (answer.status_code, answer.json()) == (404, failed("JOB_NOT_FOUND", f"there is no job {NOBODY}"))
