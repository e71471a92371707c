"""Webhooks when something goes wrong (contract.md 7.1; design.md 7): at the receiver, on the way, or with us."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from pointport.app import App
from pointport.entrypoints import worker
from pointport.imports import steps
from pointport.plumbing import queue
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.pool import Connection
from pointport.plumbing.webhooks import delivering, outbox, sending
from pointport.plumbing.webhooks.delivering import Sent
from pointport.plumbing.webhooks.event_types import EventType
from tests.conftest import Site
from tests.contract.conftest import Clock, Json, failed, subscribe
from tests.contract.test_accounts import ACCOUNTS, add_contact
from tests.contract.test_webhooks import KEYS, OK, WEBHOOKS, Receiver, deliver, log, make_event

UPDATED, POINTS = EventType.ACCOUNT_UPDATED, EventType.ACCOUNT_POINTS_UPDATED


@pytest.fixture
def app(app: App) -> App:
    """An application that may send to this machine."""
    object.__setattr__(app, "settings", app.settings.model_copy(update={"webhook_private_targets": True}))
    return app


def tell(connection: Connection, app: App, site: Site, event_type: EventType) -> None:
    outbox.record(
        connection, site.id, event_type, entity_id=site.id, sequence=1, payload=dict, actor="test", now=app.clock()
    )


# --- Side by side -------------------------------------------------------------------------------------------------------


def test_nobody_waits_for_another_who_tells_the_same_subscriber(client: TestClient, app: App, site: Site) -> None:
    """Two transactions that are both open tell two subscribers in different order: neither waits, and both are heard."""
    first, second = subscribe(app, site.id, UPDATED), subscribe(app, site.id, POINTS)
    with app.database.transaction(site.id) as one, app.database.transaction(site.id) as other:
        for connection in (one, other):
            connection.execute("SET LOCAL lock_timeout = '2s'")
        tell(one, app, site, UPDATED)
        tell(other, app, site, POINTS)
        tell(one, app, site, POINTS)
        tell(other, app, site, UPDATED)
    for webhook_id in (first, second):
        deliver(app, site, webhook_id, lambda _: OK)
        assert [one["status"] for one in log(client, webhook_id)] == ["DELIVERED"] * 2


def test_who_left_the_job_to_one_that_came_to_nothing_is_found(app: App, site: Site, clock: Clock) -> None:
    """The sweep finds what is due and has no job."""
    webhook_id = subscribe(app, site.id, UPDATED)

    def jobs() -> int:
        with app.database.owner_transaction() as connection:
            query = "SELECT FROM procrastinate_jobs WHERE args ->> 'subject_id' = %s"
            return len(connection.execute(query, [str(webhook_id)]).fetchall())

    def tell_beside_one_that_fails() -> None:
        with app.database.transaction(site.id) as failing:
            tell(failing, app, site, UPDATED)
            with app.database.transaction(site.id) as connection:
                connection.execute("SET LOCAL lock_timeout = '2s'")
                tell(connection, app, site, UPDATED)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        tell_beside_one_that_fails()
    assert jobs() == 0
    delivering.enqueue_due(app.database, before=clock() + timedelta(seconds=1))
    assert jobs() == 1


def test_slow_receivers_keep_no_thread_from_an_import(app: App, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """7.1: as many imports as a worker may run begin beside as many subscribers as it serves, on however few cores."""
    at_once = app.settings.worker_imports_max + worker.WEBHOOKS_AT_ONCE_MAX
    together = threading.Barrier(at_once + 1)

    def meet(*_: object) -> None:
        together.wait(30)

    def give_up(*_: object) -> None:
        together.abort()

    monkeypatch.setattr(worker, "STEPS", dict.fromkeys((steps.RUN_TASK, outbox.TASK), (meet, give_up)))
    with app.database.transaction(site.id) as connection:
        for number in range(at_once):
            slow = number < worker.WEBHOOKS_AT_ONCE_MAX
            subject_id = new_id()
            queue.enqueue(
                connection,
                outbox.TASK if slow else steps.RUN_TASK,
                site_id=site.id,
                subject_id=subject_id,
                lock=str(subject_id),
                queue=queue.WEBHOOKS if slow else queue.WORK,
            )
    with worker.running(app):
        together.wait(30)


def test_a_subscriber_is_served_for_a_turn(client: TestClient, app: App, site: Site) -> None:
    """Who has much to hear, and is slow, gets the rest behind the others that wait."""
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED)
    for number in range(delivering.BATCH + 1):
        client.post(ACCOUNTS, json={"contactId": add_contact(app, site, f"{number}@example.com")})

    def jobs() -> int:
        with app.database.owner_transaction() as connection:
            query = "DELETE FROM procrastinate_jobs WHERE args ->> 'subject_id' = %s RETURNING id"
            return len(connection.execute(query, [str(webhook_id)]).fetchall())

    def serve() -> None:
        delivering.run(
            app.database, site.id, webhook_id, lambda: False, tell=lambda _: OK, clock=app.clock, turn_seconds=0
        )

    jobs()
    serve()
    assert (len(log(client, webhook_id, status="PENDING")), jobs()) == (1, 1)
    serve()
    assert log(client, webhook_id, status="PENDING") == []


# --- With us ------------------------------------------------------------------------------------------------------------


def test_an_event_that_cannot_be_told_costs_no_other(
    client: TestClient, app: App, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours is a try that failed, of that event alone: those beside it are sent once."""
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED)
    ids = [add_contact(app, site, f"{name}@example.com") for name in ("ada", "bob", "eve")]
    for contact_id in ids:
        client.post(ACCOUNTS, json={"contactId": contact_id})
    sent: list[str] = []

    def stumble(event: Json) -> Sent:
        if str(event["entity_id"]) == ids[1]:
            raise KeyError
        sent.append(str(event["entity_id"]))
        return OK

    deliver(app, site, webhook_id, stumble)
    deliver(app, site, webhook_id, stumble)
    assert sorted(sent) == sorted([ids[0], ids[2]])
    (delivery,) = log(client, webhook_id, status="PENDING")
    assert delivery["entityId"] == ids[1]
    assert [attempt["error"] for attempt in delivery["attempts"]] == [
        "not sent: a fault of ours; the server's log says more under the event's id"
    ]
    assert "example.com" not in caplog.text


def test_a_lost_secret_is_told_in_the_log_of_deliveries(client: TestClient, app: App, site: Site) -> None:
    """7.2: what cannot be signed is not sent, says why, and is tried again when the key is rotated."""
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED)
    make_event(client, app, site)
    object.__setattr__(app, "secret", b"x" * 32)
    deliver(app, site, webhook_id)
    (attempt,) = log(client, webhook_id)[0]["attempts"]
    assert attempt["error"].startswith(
        "not sent: the key that signs webhooks and certificates was made with another POINTPORT_SECRET"
    )


def test_rotating_cures_a_lost_secret_though_a_key_waits(
    client: TestClient, app: App, site: Site, clock: Clock
) -> None:
    """7.2: the key that waits was made with the lost secret too, so it will never sign: a new one takes its place."""
    with Receiver() as receiver:
        webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED, url=receiver.url)
        waiting = client.post(KEYS).json()["keys"]
        object.__setattr__(app, "secret", b"x" * 32)
        make_event(client, app, site)
        deliver(app, site, webhook_id)
        assert receiver.got == []
        signing, *retired = client.post(f"{KEYS}/rotate").json()["keys"]
        assert signing["status"] == "SIGNING"
        assert [(key["id"], key["status"]) for key in retired] == [(key["id"], "RETIRED") for key in waiting]
        clock.advance(61)
        deliver(app, site, webhook_id)
        ((_, body),) = receiver.got
    jwt.decode(body, RSAKey.import_key(signing["publicKey"]), algorithms=["RS256"])


def test_a_next_key_that_will_never_sign_is_made_anew(client: TestClient, app: App, site: Site) -> None:
    """7.2: nobody is handed the public half of a key that cannot be read; one that can be stays."""
    subscribe(app, site.id)
    lost, signing = client.post(KEYS).json()["keys"]
    object.__setattr__(app, "secret", b"x" * 32)
    made = client.post(KEYS).json()["keys"]
    assert [(key["id"], key["status"]) for key in made[1:]] == [(lost["id"], "RETIRED"), (signing["id"], "SIGNING")]
    assert made[0]["status"] == "WAITING"
    assert client.post(KEYS).json()["keys"] == made
    assert client.post(f"{KEYS}/rotate").json()["keys"][0] == {**made[0], "status": "SIGNING"}


# --- At the receiver, and on the way -------------------------------------------------------------------------------------


def answered(app: App, receiver: Receiver, handle: Callable[[threading.Event], Iterator[bytes]]) -> Sent:
    """Send to a receiver that answers piece by piece."""
    handler = receiver.server.RequestHandlerClass

    def do_POST(self: Json) -> None:  # noqa: N802
        for piece in handle(receiver.stalled):
            self.wfile.write(piece)  # type: ignore[attr-defined]

    handler.do_POST = do_POST  # type: ignore[attr-defined]
    return sending.send(receiver.url, "body", timeout_seconds=0.3, private_allowed=True)


def test_a_receiver_that_hangs_up_did_not_get_it(app: App) -> None:
    """7.1: a connection that is closed without a word is no 200."""
    with Receiver() as receiver:
        sent = answered(app, receiver, lambda _: iter(()))
    assert (sent.arrived, sent.status_code) == (False, None)
    assert sent.error is not None
    assert sent.error.startswith("no answer: ")


def test_a_receiver_that_never_ends_its_heading_is_out_of_time(app: App) -> None:
    """7.1: the time is for the whole answer, not for each piece of it."""

    def drip(stopped: threading.Event) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        while not stopped.wait(0.05):
            yield b"X-More: 1\r\n"

    with Receiver() as receiver:
        sent = answered(app, receiver, drip)
    assert (sent.status_code, sent.error) == (None, "no answer within 0.3 seconds")
    assert sent.duration_milliseconds < 3_000


def test_a_body_without_an_end_does_no_harm(app: App) -> None:
    """7.1: 200 has been said; what follows is of no interest."""

    def pour(stopped: threading.Event) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
        stopped.wait(10)

    with Receiver() as receiver:
        sent = answered(app, receiver, pour)
    assert (sent.arrived, sent.error) == (True, None)


def test_a_name_server_that_is_slow_takes_no_longer_than_a_receiver() -> None:
    """7.1: looking up the host is part of the time."""
    answer = threading.Event()

    def resolve(*_: object) -> list[str]:
        answer.wait(10)
        return ["127.0.0.1"]

    sent = sending.send("http://shop.example.com/", "body", timeout_seconds=0.2, private_allowed=True, resolve=resolve)
    answer.set()
    assert (sent.status_code, sent.error) == (None, "no answer within 0.2 seconds")
    assert sent.duration_milliseconds < 3_000


# --- Kept, and kept apart -------------------------------------------------------------------------------------------------


def test_what_is_still_on_its_way_is_not_erased(client: TestClient, app: App, site: Site, clock: Clock) -> None:
    """7.1: the tries go on for two days; with a retention of one, no event is lost. Of who is disabled it is."""
    trying, disabled = (subscribe(app, site.id, EventType.ACCOUNT_CREATED) for _ in range(2))
    make_event(client, app, site)
    deliver(app, site, trying, lambda _: Sent(503, None, 5))
    client.patch(f"{WEBHOOKS}/{disabled}", json={"enabled": False})
    later = clock() + timedelta(seconds=1)
    delivering.erase(app.database, before=later)
    assert [one["status"] for one in log(client, trying)] == ["PENDING"]
    client.patch(f"{WEBHOOKS}/{trying}", json={"enabled": False})
    delivering.erase(app.database, before=later)
    assert log(client, trying) == log(client, disabled) == []


def test_a_site_hears_of_itself_alone(
    client: TestClient, app: App, site: Site, make_site: Callable[[str], Site]
) -> None:
    """design.md 9: another site's subscriber hears nothing, and its subscription, log and keys are not to be found."""
    other = make_site("Other Shop")
    theirs = subscribe(app, other.id, EventType.ACCOUNT_CREATED)
    ours = subscribe(app, site.id, EventType.ACCOUNT_CREATED)
    make_event(client, app, site)
    (delivery,) = log(client, ours)
    told = failed("WEBHOOK_NOT_FOUND", f"there is no webhook {theirs}")
    for answer in (
        client.get(f"{WEBHOOKS}/{theirs}"),
        client.patch(f"{WEBHOOKS}/{theirs}", json={"enabled": False}),
        client.delete(f"{WEBHOOKS}/{theirs}"),
        client.get(f"{WEBHOOKS}/{theirs}/deliveries"),
    ):
        assert (answer.status_code, answer.json()) == (404, told)
    assert [one["id"] for one in client.get(WEBHOOKS).json()["webhooks"]] == [str(ours)]
    our_keys = client.get(KEYS).json()["keys"]
    client.headers.update(other.headers)
    assert log(client, theirs) == []
    assert client.get(f"{WEBHOOKS}/{theirs}").json()["webhook"]["enabled"] is True
    assert client.post(f"{WEBHOOKS}/{ours}/deliveries/{delivery['eventId']}/send-again").status_code == 404
    assert {key["id"] for key in client.get(KEYS).json()["keys"]}.isdisjoint(key["id"] for key in our_keys)
