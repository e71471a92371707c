"""The header `Idempotency-Key` (design.md 7): a request that comes again is answered as it was, and done once.

The rules are those of https://docs.stripe.com/api/idempotent_requests, but for failures, which are not kept.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest
from starlette.testclient import TestClient

from pointport.app import App
from pointport.entrypoints.api.server import create_api
from pointport.imports import steps
from pointport.plumbing.idempotency import once
from pointport.plumbing.idempotency.once import KeyedRequest
from tests.conftest import Site, Story
from tests.contract.conftest import IMPORTS, Clock, Json, failed, invalid, subscribe, violation

CONTENT = b"Email,Points\r\nada@example.com,15\r\nnobody@example.com,1\r\n"
HEADER = "Idempotency-Key"
KEY = "9b2f7b0c-5a53-4d0f-9a37-5a1f2f1f8c55"
DAY = 86_400
PATIENCE_SECONDS = 30

Send = Callable[..., httpx2.Response]


@pytest.fixture
def send(client: TestClient) -> Send:
    """Makes a call with a key."""

    def post(url: str, body: Any, key: str | bytes = KEY) -> httpx2.Response:
        # Names and values alike as bytes, so that a value can be what no client would send.
        value = key.encode() if isinstance(key, str) else key
        return client.post(url, json=body, headers={HEADER.encode(): value})

    return post


def create_body(story: Story, **more: Any) -> Json:
    return {"fileUrl": story.upload(CONTENT), "fileName": "points.csv", **more}


def execute_body(import_id: UUID | str, email: int = 0, points: int = 1) -> Json:
    mappings = [{"columnName": "EMAIL", "columnIndex": email}, {"columnName": "POINTS", "columnIndex": points}]
    return {"loyaltyImportId": str(import_id), "headerMappingInfo": {"headerMappings": mappings}}


def rows(app: App, table: str, site_id: UUID) -> int:
    with app.database.owner_transaction() as connection:
        query = f"SELECT count(*) AS rows FROM {table} WHERE site_id = %s".encode()  # noqa: S608
        row = connection.execute(query, [site_id]).fetchone()
    assert row is not None
    return int(row["rows"])


def jobs(app: App, site_id: UUID) -> list[str]:
    with app.database.owner_transaction() as connection:
        found = connection.execute(
            "SELECT task_name FROM procrastinate_jobs WHERE args ->> 'site_id' = %s"
            " AND task_name IN ('parse_import', 'run_import') ORDER BY id",
            [str(site_id)],
        ).fetchall()
    return [row["task_name"] for row in found]


def refused(why: str) -> Json:
    return invalid(violation(HEADER, f"{why}; a new request needs a key of its own", "OTHER"))


OTHER_BODY = refused("was used with another body")


# --- The same again -------------------------------------------------------------------------------------------------------


def test_the_same_request_again_makes_no_second_import(send: Send, story: Story, app: App) -> None:
    subscribe(app, story.site_id)
    body = create_body(story)
    first, second = send(IMPORTS, body), send(IMPORTS, body)
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.content == first.content
    counts = {table: rows(app, table, story.site_id) for table in ("loyalty_import", "event", "idempotency_key")}
    assert counts == {"loyalty_import": 1, "event": 1, "idempotency_key": 1}
    assert jobs(app, story.site_id) == ["parse_import"]
    import_id = UUID(first.json()["loyaltyImport"]["id"])
    trail = steps.summary(app, story.site_id, import_id)["trail"]
    assert [entry["action"] for entry in trail] == ["import.create"]


def test_the_same_request_again_executes_no_second_time(send: Send, story: Story, app: App) -> None:
    """Without a key it is 428: the import is not PARSED any more."""
    made = story.parse(CONTENT)
    first, second = (send(f"{IMPORTS}/execute", execute_body(made.id)) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.content == first.content
    assert jobs(app, story.site_id) == ["parse_import", "run_import"]
    assert story.find(made.id).revision == 4


def test_the_answer_is_the_first_whatever_has_become_of_the_import(
    client: TestClient, send: Send, story: Story, app: App, clock: Clock
) -> None:
    story.add_contacts("ada@example.com")
    creation = create_body(story)
    created = send(IMPORTS, creation, "create")
    import_id = UUID(created.json()["loyaltyImport"]["id"])
    steps.parse(app, story.site_id, import_id, lambda: False)
    clock.advance(60)
    executed = send(f"{IMPORTS}/execute", execute_body(import_id), "execute")
    clock.advance(60)
    steps.run(app, story.site_id, import_id, lambda: False)
    clock.advance(60)
    assert client.get(IMPORTS, params={"loyaltyImportId": str(import_id)}).json()["loyaltyImport"]["status"] == (
        "IMPORTED"
    )
    assert executed.json()["loyaltyImport"]["status"] == "IMPORTING"
    assert executed.json()["loyaltyImport"]["pointport"]["progress"] == {"rowsDone": 0, "rowsTotal": 2}
    assert send(f"{IMPORTS}/execute", execute_body(import_id), "execute").content == executed.content
    assert send(IMPORTS, creation, "create").content == created.content
    assert story.balances() == {"ada@example.com": 15}


def test_the_answer_is_the_first_also_when_the_file_is_gone(send: Send, story: Story, app: App) -> None:
    body = create_body(story)
    first = send(IMPORTS, body)
    app.objects.delete(body["fileUrl"].removeprefix("/"))
    again = send(IMPORTS, body)
    assert (again.status_code, again.content) == (200, first.content)
    assert send(IMPORTS, body, "another").status_code == 404


def test_a_body_is_the_same_that_says_the_same(client: TestClient, send: Send, story: Story) -> None:
    """Members in another order, ignored ones, `null` for absent, defaults spelled out; and under another prefix."""
    body = create_body(story)
    first = send(IMPORTS, body)
    turned = dict(reversed(body.items())) | {"fileSize": None, "more": 1, "pointport": None}
    assert send(IMPORTS, turned).content == first.content
    assert client.post("/v1/loyalty-imports", json=body, headers={HEADER.lower(): KEY}).content == first.content
    made = story.parse(CONTENT)
    begun = send(f"{IMPORTS}/execute", execute_body(made.id), "execute")
    spelled = execute_body(str(made.id).upper())
    del spelled["headerMappingInfo"]["headerMappings"][0]["columnIndex"]
    assert send(f"{IMPORTS}/execute", spelled, "execute").content == begun.content


def test_without_a_key_every_request_is_a_new_one(client: TestClient, story: Story, app: App) -> None:
    """Wix, 8 row 6: one file, two imports: allowed."""
    body = create_body(story)
    first, second = (client.post(IMPORTS, json=body).json()["loyaltyImport"]["id"] for _ in range(2))
    assert first != second
    assert rows(app, "idempotency_key", story.site_id) == 0


def test_another_key_is_another_request(send: Send, story: Story) -> None:
    body = create_body(story)
    answers = [send(IMPORTS, body, key).json()["loyaltyImport"]["id"] for key in ("a", "A", "a a", "a", "a a")]
    first, second, third, *again = answers
    assert len({first, second, third}) == 3
    assert again == [first, third]


# --- The key for something else -------------------------------------------------------------------------------------------


def test_a_key_with_another_body_is_refused(send: Send, story: Story, app: App) -> None:
    body = create_body(story)
    first = send(IMPORTS, body)
    for other in (create_body(story), body | {"fileName": "other.csv"}, body | {"pointport": {"headingLine": 1}}):
        answer = send(IMPORTS, other)
        assert (answer.status_code, answer.json()) == (400, OTHER_BODY)
    assert rows(app, "loyalty_import", story.site_id) == 1
    assert send(IMPORTS, body).content == first.content


def test_a_key_with_another_mapping_or_import_is_refused(send: Send, story: Story) -> None:
    made, other = story.parse(CONTENT), story.parse(CONTENT)
    assert send(f"{IMPORTS}/execute", execute_body(made.id)).status_code == 200
    for body in (execute_body(made.id, 1, 0), execute_body(other.id)):
        answer = send(f"{IMPORTS}/execute", body)
        assert (answer.status_code, answer.json()) == (400, OTHER_BODY)
    assert story.find(other.id).status == "PARSED"


def test_a_key_of_another_call_is_refused(send: Send, story: Story) -> None:
    made = story.parse(CONTENT)
    assert send(IMPORTS, create_body(story), "create").status_code == 200
    answer = send(f"{IMPORTS}/execute", execute_body(made.id), "create")
    assert (answer.status_code, answer.json()) == (400, refused("was used for another call, create_import"))
    assert send(f"{IMPORTS}/execute", execute_body(made.id), "execute").status_code == 200
    answer = send(IMPORTS, create_body(story), "execute")
    assert (answer.status_code, answer.json()) == (400, refused("was used for another call, execute_import"))


def test_a_key_is_a_sites_own(send: Send, client: TestClient, story: Story, make_site: Callable[[str], Site]) -> None:
    """Another site's key is not even noticed."""
    other = make_site("Other Shop")
    theirs = Story(story.app, other.id)
    body = create_body(story)
    first = send(IMPORTS, body)
    answer = client.post(IMPORTS, json=create_body(theirs), headers={**other.headers, HEADER: KEY})
    assert answer.status_code == 200
    assert answer.json()["loyaltyImport"]["id"] != first.json()["loyaltyImport"]["id"]
    assert send(IMPORTS, body).content == first.content


# --- What a key may be ----------------------------------------------------------------------------------------------------

TOO_SHORT = violation(HEADER, "must have at least 1 characters", "MIN_LENGTH", threshold=1)
NOT_VISIBLE = violation(HEADER, "must be of visible ASCII characters, with blanks between them at most", "FORMAT")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        *((key, TOO_SHORT) for key in (b"", b" ", b"\t")),
        (b"x" * 256, violation(HEADER, "must have at most 255 characters", "MAX_LENGTH", threshold=255)),
        *((key, NOT_VISIBLE) for key in (b"a\tb", b"a\0b", b"\x1b", b"a\x7f", b"\x01", b"a\nb", b"\xc3\xa4", b"\xe4")),
    ],
)
def test_a_key_has_1_to_255_visible_characters(send: Send, story: Story, app: App, key: bytes, expected: Json) -> None:
    """An empty key, one that is too long, one with control characters: 400; nothing is done."""
    made = story.parse(CONTENT)
    for url, body in ((IMPORTS, create_body(story)), (f"{IMPORTS}/execute", execute_body(made.id))):
        answer = send(url, body, key)
        assert (answer.status_code, answer.json()) == (400, invalid(expected))
    assert rows(app, "loyalty_import", story.site_id) == 1
    assert story.find(made.id).status == "PARSED"


@pytest.mark.parametrize("key", ["x", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a b", "'; DROP", "%s", "~"])
def test_any_visible_text_is_a_key(send: Send, story: Story, key: str) -> None:
    body = create_body(story)
    first = send(IMPORTS, body, key)
    assert first.status_code == 200
    assert send(IMPORTS, body, key).content == first.content


def test_blanks_around_a_key_are_none_of_it(send: Send, story: Story) -> None:
    """RFC 9110, 5.5: whatever a server hands on of them."""
    body = create_body(story)
    assert len({send(IMPORTS, body, key).content for key in (b"a b", b" a b", b"a b ", b"\t a b \t")}) == 1


# --- What is not kept -----------------------------------------------------------------------------------------------------


def test_what_failed_can_be_sent_again_with_its_key(send: Send, story: Story, app: App) -> None:
    """The same request once its cause is out of the way, or another one: what failed has not used the key."""
    path = steps.create_slot(story.site_id)
    body = {"fileUrl": path}
    absent = failed("FILE_NOT_FOUND", f"no file was uploaded to {path}")
    assert [(one.status_code, one.json()) for one in (send(IMPORTS, body), send(IMPORTS, body))] == [(404, absent)] * 2
    app.objects.put(path.removeprefix("/"), iter([CONTENT]))
    first = send(IMPORTS, body)
    assert first.status_code == 200
    assert send(IMPORTS, body).content == first.content


def test_an_execution_that_failed_can_be_sent_again_with_its_key(
    send: Send, story: Story, client: TestClient, app: App
) -> None:
    made = story.create(CONTENT)
    body = execute_body(made.id)
    assert send(f"{IMPORTS}/execute", body).status_code == 428
    steps.parse(app, story.site_id, made.id, lambda: False)
    assert send(f"{IMPORTS}/execute", execute_body(made.id, 0, 5)).status_code == 400
    assert rows(app, "idempotency_key", story.site_id) == 0
    first = send(f"{IMPORTS}/execute", body)
    assert first.status_code == 200
    assert send(f"{IMPORTS}/execute", body).content == first.content


def test_a_fault_of_ours_leaves_nothing_behind(
    send: Send, story: Story, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is given back with all else, however late in the work it comes to nothing."""
    body = create_body(story)
    with monkeypatch.context() as broken:
        broken.setattr(once, "keep", lambda *_: 1 / 0)
        assert send(IMPORTS, body).status_code == 500
    assert rows(app, "loyalty_import", story.site_id) == rows(app, "idempotency_key", story.site_id) == 0
    assert send(IMPORTS, body).status_code == 200


def test_a_key_is_kept_for_24_hours(send: Send, story: Story, app: App, clock: Clock) -> None:
    """To the last moment; then it is as good as unused, also before it is erased, and for something else."""
    body = create_body(story)
    first = send(IMPORTS, body)
    clock.advance(DAY - 0.001)
    assert send(IMPORTS, body).content == first.content
    clock.advance(0.001)
    second = send(IMPORTS, body)
    assert second.status_code == 200
    assert second.json()["loyaltyImport"]["id"] != first.json()["loyaltyImport"]["id"]
    clock.advance(DAY - 0.001)
    assert send(IMPORTS, body).content == second.content
    made = story.parse(CONTENT)
    assert send(f"{IMPORTS}/execute", execute_body(made.id)).status_code == 400
    clock.advance(0.001)
    assert send(f"{IMPORTS}/execute", execute_body(made.id)).status_code == 200
    assert rows(app, "idempotency_key", story.site_id) == 1


def test_the_hours_are_a_setting(story: Story, site: Site, app: App, clock: Clock) -> None:
    short = replace(app, settings=app.settings.model_copy(update={"idempotency_hours": 1}))
    client = TestClient(create_api(short), headers={**site.headers, HEADER: KEY})
    body = create_body(story)
    first = client.post(IMPORTS, json=body)
    clock.advance(3_599)
    assert client.post(IMPORTS, json=body).content == first.content
    clock.advance(1)
    assert client.post(IMPORTS, json=body).json()["loyaltyImport"]["id"] != first.json()["loyaltyImport"]["id"]


# --- Two at the same time -------------------------------------------------------------------------------------------------


@contextmanager
def held_up(app: App, table: str) -> Iterator[None]:
    """Let nobody write to a table for the length of the block, so that who does stops in the middle."""
    with psycopg.connect(app.database.conninfo) as connection:
        connection.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE".encode())
        yield


def wait_for(app: App, waiting: int) -> None:
    """Return once so many sessions wait for a lock."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with psycopg.connect(app.database.conninfo, autocommit=True) as connection:
        while time.monotonic() < deadline:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone()
            if row == (waiting,):
                return
            time.sleep(0.01)
    raise AssertionError(f"not so many wait: {waiting}")


def all_at_once(app: App, count: int, post: Callable[[], httpx2.Response]) -> list[httpx2.Response]:
    """Make the same request many times; the first stops before its end, until all others wait for it."""
    with ThreadPoolExecutor(count) as threads:
        with held_up(app, "audit_entry"):
            sent: list[Future[httpx2.Response]] = [threads.submit(post) for _ in range(count)]
            wait_for(app, count)
        return [one.result(PATIENCE_SECONDS) for one in sent]


def test_of_many_at_the_same_time_one_makes_the_import_and_all_get_its_answer(
    send: Send, story: Story, app: App
) -> None:
    body = create_body(story)
    answers = all_at_once(app, 5, lambda: send(IMPORTS, body))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.content for answer in answers}) == 1
    assert rows(app, "loyalty_import", story.site_id) == 1
    assert jobs(app, story.site_id) == ["parse_import"]


def test_of_many_at_the_same_time_one_executes_and_all_get_its_answer(send: Send, story: Story, app: App) -> None:
    made = story.parse(CONTENT)
    answers = all_at_once(app, 5, lambda: send(f"{IMPORTS}/execute", execute_body(made.id)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.content for answer in answers}) == 1
    assert jobs(app, story.site_id) == ["parse_import", "run_import"]


def test_many_at_the_same_time_without_holding_anybody_up(send: Send, story: Story, app: App) -> None:
    """The same as they come, key after key: also when a key has just expired."""
    for _ in range(10):
        body, key = create_body(story), steps.create_slot(story.site_id)
        before = rows(app, "loyalty_import", story.site_id)
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _, body=body, key=key: send(IMPORTS, body, key).content, range(8)))
        assert len(set(answers)) == 1
        assert rows(app, "loyalty_import", story.site_id) == before + 1


def test_of_two_at_the_same_time_with_other_bodies_one_is_refused(send: Send, story: Story, app: App) -> None:
    bodies = iter([create_body(story), create_body(story)])
    answers = all_at_once(app, 2, lambda: send(IMPORTS, next(bodies)))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert [answer.json() for answer in answers if answer.status_code == 400] == [OTHER_BODY]
    assert rows(app, "loyalty_import", story.site_id) == 1


def test_who_waited_for_one_that_failed_does_it(send: Send, story: Story, app: App) -> None:
    body = create_body(story)
    first = KeyedRequest(KEY, "create_import", bytes(32))
    with ThreadPoolExecutor(1) as beside:
        with suppress(ZeroDivisionError), app.database.transaction(story.site_id) as connection:
            claimed = once.claim(connection, story.site_id, first, now=app.clock(), life=timedelta(days=1))
            assert claimed is None
            second = beside.submit(send, IMPORTS, body)
            wait_for(app, 1)
            raise ZeroDivisionError
        answer = second.result(PATIENCE_SECONDS)
    assert answer.status_code == 200
    assert rows(app, "loyalty_import", story.site_id) == 1
