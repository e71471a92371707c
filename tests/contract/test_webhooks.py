"""Webhooks (contract.md 7): who is told of what, in which words, how often, and where never."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from pointport.app import App
from pointport.entrypoints import worker
from pointport.errors import SetupError
from pointport.ledger import postings
from pointport.ledger.postings import Adjustment
from pointport.plumbing.sites import signing
from pointport.plumbing.webhooks import delivering, outbox, sending
from pointport.plumbing.webhooks.delivering import Sent
from pointport.plumbing.webhooks.event_types import EventType
from tests.conftest import Site, Story
from tests.contract.conftest import NOBODY, Clock, Json, failed, invalid, subscribe, violation
from tests.contract.test_accounts import ACCOUNTS, NOW, add_contact, the_account
from tests.contract.test_program import PROGRAM, the_program

WEBHOOKS = "/pointport/v1/webhooks"
KEYS = "/pointport/v1/webhook-keys"
LOYALTY_APP_ID = "553c79f3-5625-4f38-b14b-ef7c0d1e87df"
OK = Sent(200, None, 5)
ALL = [str(event_type) for event_type in EventType]


class Receiver:
    """A real server that answers as it is told and keeps what it got."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[tuple[str, str]] = []
        self.stalled = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.got.append((self.headers["Content-Type"], body))
                status = outer.answers.pop(0) if outer.answers else 200
                if status == 0:
                    outer.stalled.wait(10)
                    return
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stalled.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on this machine."""
    with Receiver() as started:
        yield started


@pytest.fixture
def app(app: App) -> App:
    """An application that may send to this machine."""
    object.__setattr__(app, "settings", app.settings.model_copy(update={"webhook_private_targets": True}))
    return app


def deliver(app: App, site: Site, webhook_id: UUID, tell: Callable[[Json], Sent] | None = None) -> None:
    """Do what a worker does."""
    if tell is None:
        worker.STEPS[outbox.TASK][0](app, site.id, webhook_id, lambda: False)
    else:
        delivering.run(app.database, site.id, webhook_id, lambda: False, tell=tell, clock=app.clock)


def log(client: TestClient, webhook_id: UUID, **params: Any) -> list[Json]:
    answer = client.get(f"{WEBHOOKS}/{webhook_id}/deliveries", params=params)
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["deliveries"]
    return found


def public_key(client: TestClient) -> RSAKey:
    (key,) = [key for key in client.get(KEYS).json()["keys"] if key["status"] == "SIGNING"]
    return RSAKey.import_key(key["publicKey"])


def unwrapped(client: TestClient, body: str) -> tuple[Json, Json]:
    """Verify a JWT as the client does, and give what is inside, and the event inside that."""
    token = jwt.decode(body, public_key(client), algorithms=["RS256"])
    assert token.header == {"alg": "RS256"}
    assert set(token.claims) == {"data", "iat", "exp"}
    inner = json.loads(token.claims["data"])
    return inner, json.loads(inner["data"])


def the_event(event: Json, event_type: EventType, slug: str, entity_id: str, sequence: str, **payload: Any) -> Json:
    return {
        "id": event["id"],
        "entityFqdn": event_type.removesuffix(f"_{slug}"),
        "slug": slug,
        "entityId": entity_id,
        "eventTime": NOW,
        "triggeredByAnonymizeRequest": False,
        "originatedFrom": None,
        "entityEventSequence": sequence,
        **payload,
    }


# --- 7.2, 7.3: what is said ---------------------------------------------------------------------------------------------


def test_the_body_is_a_signed_token_as_the_client_reads_it(
    client: TestClient, app: App, site: Site, receiver: Receiver
) -> None:
    """7.2: JSON in text in JSON in text, RS256, nothing else in the header; `text/plain` (7.1); compared whole."""
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED, url=receiver.url)
    ada = add_contact(app, site, "ada@example.com", "Ada")
    client.post(ACCOUNTS, json={"contactId": ada})
    deliver(app, site, webhook_id)
    ((content_type, body),) = receiver.got
    assert content_type.startswith("text/plain")
    inner, event = unwrapped(client, body)
    (key_id,) = [key["keyId"] for key in client.get("/pointport/v1/keys").json()["keys"]]
    assert {**inner, "data": None, "identity": json.loads(inner["identity"])} == {
        "eventType": "wix.loyalty.v1.account_created",
        "instanceId": str(site.id),
        "data": None,
        "identity": {"identityType": "APP", "appId": key_id},
        "accountInfo": {"accountId": str(site.id), "siteId": str(site.id)},
    }
    account = the_account(ada, "ada@example.com", "Ada")
    assert event == the_event(event, EventType.ACCOUNT_CREATED, "created", ada, "1", createdEvent={"entity": account})
    (delivery,) = log(client, webhook_id)
    assert delivery == {
        "webhookId": str(webhook_id),
        "eventId": event["id"],
        "eventType": "wix.loyalty.v1.account_created",
        "entityId": ada,
        "status": "DELIVERED",
        "createdDate": NOW,
        "attempts": [
            {
                "attempt": 1,
                "date": NOW,
                "durationMilliseconds": delivery["attempts"][0]["durationMilliseconds"],
                "statusCode": 200,
            }
        ],
    }


def heard(client: TestClient, app: App, site: Site, webhook_id: UUID, receiver: Receiver) -> list[tuple[Json, Json]]:
    receiver.got.clear()
    deliver(app, site, webhook_id)
    return [unwrapped(client, body) for _, body in receiver.got]


def test_points_that_change_are_told_twice(client: TestClient, app: App, site: Site, receiver: Receiver) -> None:
    """7.3: account_updated with `currentEntity`, account_points_updated with `actionEvent.body.account`."""
    types = (EventType.ACCOUNT_UPDATED, EventType.ACCOUNT_POINTS_UPDATED)
    webhook_id = subscribe(app, site.id, *types, url=receiver.url)
    ada = add_contact(app, site, "ada@example.com")
    client.post(ACCOUNTS, json={"contactId": ada})
    client.post(f"{ACCOUNTS}/{ada}/adjust-points", json={"balance": 5, "description": "x"})
    told = {inner["eventType"]: event for inner, event in heard(client, app, site, webhook_id, receiver)}
    account = the_account(ada, "ada@example.com", balance=5)
    assert told == {
        str(types[0]): the_event(
            told[types[0]], types[0], "updated", ada, "2", updatedEvent={"currentEntity": account}
        ),
        str(types[1]): the_event(
            told[types[1]], types[1], "points_updated", ada, "2", actionEvent={"body": {"account": account}}
        ),
    }


def test_a_contact_that_is_renamed_is_no_change_of_its_account(
    client: TestClient, app: App, site: Site, receiver: Receiver
) -> None:
    """7.3: of an account its own changes are told, those that its revision counts; docs/webhooks.md says so."""
    webhook_id = subscribe(app, site.id, url=receiver.url)
    ada = add_contact(app, site, "ada@example.com", "Ada")
    account = client.post(ACCOUNTS, json={"contactId": ada}).json()["account"]
    assert len(heard(client, app, site, webhook_id, receiver)) == 1
    body = {"info": {"name": {"first": "Augusta"}}, "revision": 1}
    assert client.patch(f"/contacts/v4/contacts/{ada}", json=body).status_code == 200
    assert heard(client, app, site, webhook_id, receiver) == []
    shown = client.get(f"{ACCOUNTS}/{ada}").json()["account"]
    named = {**account["contact"], "name": "Augusta", "displayName": "Augusta"}
    assert shown == {**account, "contact": named}


def test_the_programs_changes_are_told(client: TestClient, app: App, site: Site, receiver: Receiver) -> None:
    """7.3: program_updated with `currentEntity`; a change that changes nothing is none."""
    webhook_id = subscribe(app, site.id, EventType.PROGRAM_UPDATED, url=receiver.url)
    client.post(f"{PROGRAM}/activate")
    client.post(f"{PROGRAM}/pause")
    ((_, event),) = heard(client, app, site, webhook_id, receiver)
    paused = the_program(status="PAUSED")["loyaltyProgram"]
    assert event == the_event(
        event, EventType.PROGRAM_UPDATED, "updated", str(site.id), "2", updatedEvent={"currentEntity": paused}
    )


def test_an_import_is_told_from_its_creation_to_its_end(
    client: TestClient, app: App, site: Site, story: Story, receiver: Receiver
) -> None:
    """7.3: created is official; updated (each stored change) and finished come to those alone who name them."""
    imports = (EventType.IMPORT_CREATED, EventType.IMPORT_UPDATED, EventType.IMPORT_FINISHED)
    webhook_id = subscribe(app, site.id, *imports, url=receiver.url)
    official = subscribe(app, site.id, EventType.IMPORT_CREATED, url=receiver.url)
    story.add_contacts("ada@example.com")
    done = story.run(b"Email,Points\r\nada@example.com,5\r\n")
    told = [(inner["eventType"], event) for inner, event in heard(client, app, site, webhook_id, receiver)]
    told.sort(key=lambda one: (int(one[1]["entityEventSequence"]), one[0] == imports[2]))
    assert [(name, event["entityEventSequence"]) for name, event in told] == [
        (imports[0], "1"),
        *[(imports[1], str(number)) for number in range(2, done.revision + 1)],
        (imports[2], str(done.revision)),
    ]
    created, finished = told[0][1], told[-1][1]
    assert created["createdEvent"]["entity"]["status"] == "INITIATED"
    assert [event["updatedEvent"]["currentEntity"]["status"] for _, event in told[1:-1]] == [
        "PARSING",
        "PARSED",
        *["IMPORTING"] * 3,
        "IMPORTED",
    ]
    shown = client.get("/_api/loyalty-imports/v1/loyalty-imports", params={"loyaltyImportId": str(done.id)}).json()[
        "loyaltyImport"
    ]
    assert finished["actionEvent"] == {"body": {"loyaltyImport": shown}}
    assert len(heard(client, app, site, official, receiver)) == 1


def test_an_import_tells_of_every_account(
    client: TestClient, app: App, site: Site, story: Story, receiver: Receiver
) -> None:
    """7.3: as many accounts as a chunk has, each as it is then: made, and changed."""
    accounts = (EventType.ACCOUNT_CREATED, EventType.ACCOUNT_UPDATED, EventType.ACCOUNT_POINTS_UPDATED)
    webhook_id = subscribe(app, site.id, *accounts, url=receiver.url)
    ada, bob = add_contact(app, site, "ada@example.com", "Ada"), add_contact(app, site, "bob@example.com")
    story.run(b"Email,Points\r\nada@example.com,5\r\nbob@example.com,0\r\nnobody@example.com,1\r\n")
    told = [(inner["eventType"], event) for inner, event in heard(client, app, site, webhook_id, receiver)]
    assert sorted((name, event["entityId"]) for name, event in told) == sorted(
        [(accounts[0], ada), (accounts[0], bob), (accounts[1], ada), (accounts[2], ada)]
    )
    (points,) = [event for name, event in told if name == accounts[2]]
    account = the_account(ada, "ada@example.com", "Ada", 5)
    assert points == the_event(
        points, accounts[2], "points_updated", ada, "2", actionEvent={"body": {"account": account}}
    )
    created = {event["entityId"]: event for name, event in told if name == accounts[0]}
    for contact_id, email, first in ((ada, "ada@example.com", "Ada"), (bob, "bob@example.com", "")):
        # 5.3: made with zeros, then adjusted, so the sequence puts the account's events in order.
        entity = the_account(contact_id, email, first)
        assert created[contact_id] == the_event(
            created[contact_id], accounts[0], "created", contact_id, "1", createdEvent={"entity": entity}
        )
    (inner, _) = heard(client, app, site, subscribe(app, site.id, url=receiver.url), receiver) or (None, None)
    assert inner is None  # What happened before somebody subscribed is not told.


# --- 7.1: how it is sent ------------------------------------------------------------------------------------------------


def record_and_fail(app: App, site: Site, account_id: UUID) -> None:
    """Write an event in a transaction that comes to nothing."""
    with app.database.transaction(site.id) as connection:
        outbox.record(
            connection,
            site.id,
            EventType.ACCOUNT_UPDATED,
            entity_id=account_id,
            sequence=2,
            payload=dict,
            actor="test",
            now=app.clock(),
        )
        raise RuntimeError


def test_an_event_is_there_when_its_cause_is(client: TestClient, app: App, site: Site) -> None:
    """design.md 7: written in the transaction that causes it: undone with it, and not at all when nobody listens."""
    ada = add_contact(app, site, "ada@example.com")
    client.post(ACCOUNTS, json={"contactId": ada})
    with app.database.transaction(site.id) as connection:
        assert connection.execute("SELECT FROM event").fetchall() == []
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_UPDATED)
    change = partial(postings.adjust, app.database, site.id, UUID(ada), points_max=9, actor="test", now=app.clock())
    with pytest.raises(RuntimeError):
        record_and_fail(app, site, UUID(ada))
    assert log(client, webhook_id) == []
    change(Adjustment(5, None, "x", None))
    (delivery,) = log(client, webhook_id)
    assert (delivery["status"], delivery["nextAttemptDate"], delivery["attempts"]) == ("PENDING", NOW, [])
    with app.database.owner_transaction() as connection:
        jobs = connection.execute(
            "SELECT queue_name FROM procrastinate_jobs WHERE args ->> 'subject_id' = %s", [str(webhook_id)]
        ).fetchall()
    assert jobs == [{"queue_name": "webhooks"}]


def make_event(client: TestClient, app: App, site: Site) -> None:
    ada = add_contact(app, site, "ada@example.com")
    client.post(ACCOUNTS, json={"contactId": ada})


def test_what_fails_is_tried_twelve_times_more(client: TestClient, app: App, site: Site, clock: Clock) -> None:
    """7.1: after 1 min, 10 min, 1 h, 2 h x3, 4 h x3, 8 h x2, 12 h, each since the failure before; then it has failed."""
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED)
    make_event(client, app, site)
    tried: list[timedelta] = []
    last = clock.now

    def refuse(_: Json) -> Sent:
        tried.append(clock.now - last)
        return Sent(503, None, 5)

    deliver(app, site, webhook_id, refuse)
    while (delivery := log(client, webhook_id)[0])["status"] == "PENDING":
        last = clock.now
        clock.advance(30)
        deliver(app, site, webhook_id, refuse)
        while len(tried) == len(delivery["attempts"]):
            clock.advance(30)
            deliver(app, site, webhook_id, refuse)
    hours = [2, 2, 2, 4, 4, 4, 8, 8, 12]
    assert tried == [
        timedelta(),
        timedelta(minutes=1),
        timedelta(minutes=10),
        timedelta(hours=1),
        *[timedelta(hours=number) for number in hours],
    ]
    assert (delivery["status"], len(delivery["attempts"]), "nextAttemptDate" in delivery) == ("FAILED", 13, False)


def test_what_has_come_due_is_found(client: TestClient, app: App, site: Site, clock: Clock) -> None:
    """7.1: a retry needs nobody to remember it but the table."""
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED)
    make_event(client, app, site)
    deliver(app, site, webhook_id, lambda _: Sent(None, "no answer", 5))

    def jobs() -> int:
        delivering.enqueue_due(app.database, before=clock())
        with app.database.owner_transaction() as connection:
            found = connection.execute(
                "DELETE FROM procrastinate_jobs WHERE args ->> 'subject_id' = %s RETURNING id", [str(webhook_id)]
            ).fetchall()
        return len(found)

    assert jobs() == 1  # the first, which was queued with the event
    assert jobs() == 0
    clock.advance(61)
    assert jobs() == 1


def test_an_event_is_sent_again_on_demand(
    client: TestClient, app: App, site: Site, receiver: Receiver, clock: Clock
) -> None:
    """7.1: duplicates are possible and carry the original data; also one that had arrived, or failed for good."""
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED, url=receiver.url)
    make_event(client, app, site)
    deliver(app, site, webhook_id)
    clock.advance(10)
    (delivery,) = log(client, webhook_id)
    answer = client.post(f"{WEBHOOKS}/{webhook_id}/deliveries/{delivery['eventId']}/send-again")
    assert (answer.status_code, answer.json()) == (200, {})
    assert [one["status"] for one in log(client, webhook_id, status="PENDING")] == ["PENDING"]
    deliver(app, site, webhook_id)
    one, two = (unwrapped(client, body)[1] for _, body in receiver.got)
    assert one == two
    assert [attempt["attempt"] for attempt in log(client, webhook_id)[0]["attempts"]] == [1, 2]
    answer = client.post(f"{WEBHOOKS}/{webhook_id}/deliveries/{NOBODY}/send-again")
    told = failed("DELIVERY_NOT_FOUND", f"webhook {webhook_id} has no delivery of the event {NOBODY}")
    assert (answer.status_code, answer.json()) == (404, told)


def test_nothing_is_sent_again_to_who_is_disabled(client: TestClient, app: App, site: Site) -> None:
    """1.6: 428, not in this state; the delivery stays as it is, and goes once the subscriber is enabled."""
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED)
    make_event(client, app, site)
    deliver(app, site, webhook_id, lambda _: OK)
    client.patch(f"{WEBHOOKS}/{webhook_id}", json={"enabled": False})
    (before,) = log(client, webhook_id)
    path = f"{WEBHOOKS}/{webhook_id}/deliveries/{before['eventId']}/send-again"
    answer = client.post(path)
    told = failed("WEBHOOK_DISABLED", f"webhook {webhook_id} is disabled, so nothing is sent to it; enable it first")
    assert (answer.status_code, answer.json()) == (428, told)
    assert log(client, webhook_id) == [before]
    client.patch(f"{WEBHOOKS}/{webhook_id}", json={"enabled": True})
    assert client.post(path).status_code == 200
    assert log(client, webhook_id)[0]["status"] == "PENDING"
    told = failed("WEBHOOK_NOT_FOUND", f"there is no webhook {NOBODY}")
    assert client.post(path.replace(str(webhook_id), str(NOBODY))).json() == told


def test_a_sender_that_dies_sends_once_more(client: TestClient, app: App, site: Site) -> None:
    """design.md 7: after sending and before writing it down: twice is allowed, never is not."""
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED)
    make_event(client, app, site)
    sent = []

    def die(event: Json) -> Sent:
        sent.append(event["id"])
        raise SystemExit

    with pytest.raises(SystemExit):
        deliver(app, site, webhook_id, die)
    assert log(client, webhook_id)[0]["attempts"] == []

    def arrive(event: Json) -> Sent:
        sent.append(event["id"])
        return OK

    deliver(app, site, webhook_id, arrive)
    assert (len(sent), len(set(sent))) == (2, 1)
    assert log(client, webhook_id)[0]["status"] == "DELIVERED"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (500, {"statusCode": 500}),
        (201, {"statusCode": 201}),
        (302, {"statusCode": 302}),
        (307, {"statusCode": 307}),
        (0, {"error": "no answer within 0.2 seconds"}),
    ],
)
def test_only_200_in_time_has_arrived(
    client: TestClient, app: App, site: Site, receiver: Receiver, status: int, outcome: Json
) -> None:
    """7.1: anything else is tried again; a redirect is not followed."""
    settings = app.settings.model_copy(update={"webhook_timeout_seconds": 0.2})
    object.__setattr__(app, "settings", settings)
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED, url=receiver.url)
    make_event(client, app, site)
    receiver.answers.append(status)
    deliver(app, site, webhook_id)
    (delivery,) = log(client, webhook_id)
    (attempt,) = delivery["attempts"]
    assert (delivery["status"], delivery["nextAttemptDate"]) == ("PENDING", "2026-03-04T05:07:07.089Z")
    assert attempt == {
        "attempt": 1,
        "date": NOW,
        "durationMilliseconds": attempt["durationMilliseconds"],
        **outcome,
    }
    assert len(receiver.got) == 1


def test_nobody_there_is_a_try_too(client: TestClient, app: App, site: Site) -> None:
    """7.1: refused connections are written down with why."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Bound and not listening: nobody answers there.
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED, url=url)
        make_event(client, app, site)
        deliver(app, site, webhook_id)
    assert log(client, webhook_id)[0]["attempts"][0]["error"].startswith("no answer: ")


def test_the_log_has_pages(client: TestClient, app: App, site: Site) -> None:
    """Newest first, forwards and backwards, and by what became of each."""
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED)
    for name in ("ada", "bob", "eve"):
        client.post(ACCOUNTS, json={"contactId": add_contact(app, site, f"{name}@example.com")})
    deliver(app, site, webhook_id, lambda _: OK)
    path = f"{WEBHOOKS}/{webhook_id}/deliveries"
    first = client.get(path, params={"cursorPaging.limit": 2, "status": "DELIVERED"}).json()
    cursor = first["pagingMetadata"]["cursors"]["next"]
    second = client.get(path, params={"cursorPaging.cursor": cursor}).json()
    assert [len(first["deliveries"]), len(second["deliveries"])] == [2, 1]
    back = client.get(path, params={"cursorPaging.cursor": second["pagingMetadata"]["cursors"]["prev"]}).json()
    assert back["deliveries"] == first["deliveries"]
    assert client.get(path, params={"status": "FAILED"}).json()["deliveries"] == []
    answer = client.get(path, params={"status": "LOST"})
    assert answer.json()["details"]["validationError"]["fieldViolations"][0]["violatedRule"] == "INVALID_ENUM_VALUE"


# --- Subscriptions and keys -----------------------------------------------------------------------------------------------


def test_a_subscription_is_made_changed_and_taken_back(client: TestClient, app: App, clock: Clock) -> None:
    """Ours: its whole life, and what waits while it is disabled."""
    body = {"targetUrl": "http://127.0.0.1:9/a", "eventTypes": [ALL[3], ALL[0], ALL[3]]}
    made = client.post(WEBHOOKS, json=body).json()
    webhook_id = made["webhook"]["id"]
    assert made == {
        "webhook": {
            "id": webhook_id,
            "targetUrl": "http://127.0.0.1:9/a",
            "eventTypes": [ALL[0], ALL[3]],
            "enabled": True,
            "revision": "1",
            "createdDate": NOW,
            "updatedDate": NOW,
        }
    }
    assert client.get(WEBHOOKS).json() == {"webhooks": [made["webhook"]]}
    clock.advance(10)
    changed = client.patch(f"{WEBHOOKS}/{webhook_id}", json={"enabled": False}).json()
    assert changed["webhook"] == made["webhook"] | {
        "enabled": False,
        "revision": "2",
        "updatedDate": "2026-03-04T05:06:17.089Z",
    }
    assert client.patch(f"{WEBHOOKS}/{webhook_id}", json={"enabled": False}).json() == changed
    assert client.get(f"{WEBHOOKS}/{webhook_id}").json() == changed
    assert client.delete(f"{WEBHOOKS}/{webhook_id}").json() == {}
    told = failed("WEBHOOK_NOT_FOUND", f"there is no webhook {webhook_id}")
    for answer in (
        client.get(f"{WEBHOOKS}/{webhook_id}"),
        client.delete(f"{WEBHOOKS}/{webhook_id}"),
        client.patch(f"{WEBHOOKS}/{webhook_id}", json={"enabled": True}),
        client.get(f"{WEBHOOKS}/{webhook_id}/deliveries"),
    ):
        assert (answer.status_code, answer.json()) == (404, told)


def test_a_disabled_subscriber_is_told_of_nothing_new(client: TestClient, app: App, site: Site) -> None:
    """What was on its way waits; what happens meanwhile is not for it."""
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED)
    make_event(client, app, site)
    client.patch(f"{WEBHOOKS}/{webhook_id}", json={"enabled": False})
    client.post(ACCOUNTS, json={"contactId": add_contact(app, site, "bob@example.com")})
    deliver(app, site, webhook_id, lambda _: OK)
    assert [one["status"] for one in log(client, webhook_id)] == ["PENDING"]
    client.patch(f"{WEBHOOKS}/{webhook_id}", json={"enabled": True})
    deliver(app, site, webhook_id, lambda _: OK)
    assert [one["status"] for one in log(client, webhook_id)] == ["DELIVERED"]


def test_keys_are_made_ahead_and_rotated(
    client: TestClient, app: App, site: Site, receiver: Receiver, clock: Clock
) -> None:
    """7.2: SPKI PEM of RSA ≥ 2048 bits; the next key's public half is there before it signs."""
    assert client.get(KEYS).json() == {"keys": []}
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED, url=receiver.url)
    (first,) = client.get(KEYS).json()["keys"]
    assert first["status"] == "SIGNING"
    assert first["publicKey"].startswith("-----BEGIN PUBLIC KEY-----\n")
    assert RSAKey.import_key(first["publicKey"]).raw_value.key_size >= 2048
    clock.advance(10)
    waiting = client.post(KEYS).json()["keys"]
    assert [key["status"] for key in waiting] == ["WAITING", "SIGNING"]
    assert client.post(KEYS).json()["keys"] == waiting
    make_event(client, app, site)
    deliver(app, site, webhook_id)
    jwt.decode(receiver.got[-1][1], RSAKey.import_key(first["publicKey"]), algorithms=["RS256"])
    rotated = client.post(f"{KEYS}/rotate").json()["keys"]
    assert [(key["id"], key["status"]) for key in rotated] == [
        (waiting[0]["id"], "SIGNING"),
        (first["id"], "RETIRED"),
    ]
    client.post(ACCOUNTS, json={"contactId": add_contact(app, site, "bob@example.com")})
    deliver(app, site, webhook_id)
    jwt.decode(receiver.got[-1][1], RSAKey.import_key(rotated[0]["publicKey"]), algorithms=["RS256"])
    statuses = [key["status"] for key in client.post(f"{KEYS}/rotate").json()["keys"]]
    assert statuses == ["SIGNING", "RETIRED", "RETIRED"]


def test_private_keys_are_of_no_use_without_the_servers_secret(app: App, site: Site) -> None:
    """A copy of the database signs nothing."""
    subscribe(app, site.id)
    with app.database.transaction(site.id) as connection:
        row = connection.execute("SELECT private_key FROM signing_key").fetchone()
    assert row is not None
    assert row["private_key"].startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    with pytest.raises(SetupError, match="another POINTPORT_SECRET"):
        signing.sign(app.database, site.id, {}, secret=b"x" * 32)


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({"eventTypes": ALL}, "targetUrl", "REQUIRED_FIELD"),
        ({"targetUrl": "http://127.0.0.1/"}, "eventTypes", "REQUIRED_FIELD"),
        ({"targetUrl": "http://127.0.0.1/", "eventTypes": []}, "eventTypes", "MIN_SIZE"),
        ({"targetUrl": "http://127.0.0.1/", "eventTypes": ["all"]}, "eventTypes[0]", "INVALID_ENUM_VALUE"),
        ({"targetUrl": "ftp://127.0.0.1/", "eventTypes": ALL}, "targetUrl", "FORMAT"),
        ({"targetUrl": "http://me:secret@127.0.0.1/", "eventTypes": ALL}, "targetUrl", "FORMAT"),
        ({"targetUrl": "http://nowhere.invalid/", "eventTypes": ALL}, "targetUrl", "FORMAT"),
        ({"targetUrl": "http://127.0.0.1/" + "x" * 2_000, "eventTypes": ALL}, "targetUrl", "MAX_LENGTH"),
    ],
)
def test_a_subscription_that_cannot_work_is_not_made(client: TestClient, body: Json, field: str, rule: str) -> None:
    """1.6: the field is named."""
    answer = client.post(WEBHOOKS, json=body)
    assert answer.status_code == 400
    (found,) = answer.json()["details"]["validationError"]["fieldViolations"]
    assert (found["field"], found["violatedRule"]) == (field, rule)
    assert client.get(WEBHOOKS).json() == {"webhooks": []}


def test_targets_behind_our_walls_are_refused(client: TestClient, app: App, site: Site) -> None:
    """Unless a setting allows them: at creation, at change, and again at each try."""
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED, url="http://127.0.0.1:9/")
    settings = app.settings.model_copy(update={"webhook_private_targets": False})
    object.__setattr__(app, "settings", settings)
    make_event(client, app, site)
    deliver(app, site, webhook_id)
    error = log(client, webhook_id)[0]["attempts"][0]["error"]
    plain = "must be a URL that begins with https://; POINTPORT_WEBHOOK_PRIVATE_TARGETS allows http:// too"
    assert error == f"not sent: the target {plain}"
    told = "leads to 127.0.0.1, which is not on the public internet; POINTPORT_WEBHOOK_PRIVATE_TARGETS allows it"
    for answer in (
        client.post(WEBHOOKS, json={"targetUrl": "https://127.0.0.1/", "eventTypes": ALL}),
        client.patch(f"{WEBHOOKS}/{webhook_id}", json={"targetUrl": "https://127.0.0.1/"}),
    ):
        expected = invalid(violation("targetUrl", told, "FORMAT", type="URL"))
        assert (answer.status_code, answer.json()) == (400, expected)


def test_a_name_that_changes_its_mind_gains_nothing(receiver: Receiver) -> None:
    """The address that was looked at is the one that is connected to; whoever resolves to us inside is not reached."""
    for addresses in (["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]):
        sent = sending.send(
            "https://shop.example.com/hook",
            "body",
            timeout_seconds=1,
            private_allowed=False,
            resolve=lambda _, __, addresses=addresses: addresses,  # type: ignore[misc]
        )
        assert sent.error is not None
        assert "which is not on the public internet" in sent.error
    assert receiver.got == []


@pytest.fixture
def certified(receiver: Receiver, tmp_path: Path) -> ssl.SSLContext:
    """The receiver speaks TLS as shop.example.com; gives the context that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example.com")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example.com")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "both.pem").write_bytes(private + pem)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tmp_path / "both.pem")
    receiver.server.socket = serving.wrap_socket(receiver.server.socket, server_side=True)
    return ssl.create_default_context(cadata=pem.decode())


def test_the_name_is_verified_whatever_the_address(receiver: Receiver, certified: ssl.SSLContext) -> None:
    """7.1: HTTPS; the certificate is the name's, though the connection goes to the address that was looked at."""

    def send(host: str, context: ssl.SSLContext | None, scheme: str = "https") -> Sent:
        url = f"{scheme}://{host}:{receiver.server.server_port}/hook"
        return sending.send(
            url,
            "body",
            timeout_seconds=5,
            private_allowed=True,
            resolve=lambda *_: ["127.0.0.1"],
            ssl_context=context,
        )

    assert send("shop.example.com", certified).status_code == 200
    assert send("Shop.Example.COM", certified, "HTTPS").status_code == 200
    for refused in (send("other.example.com", certified), send("shop.example.com", None)):
        assert "certificate verify failed" in str(refused.error)
    assert len(receiver.got) == 2


def test_events_are_kept_no_longer_than_files(client: TestClient, app: App, site: Site, clock: Clock) -> None:
    """design.md 12: erased with what became of them."""
    webhook_id = subscribe(app, site.id, EventType.ACCOUNT_CREATED)
    make_event(client, app, site)
    deliver(app, site, webhook_id, lambda _: OK)
    delivering.erase(app.database, before=clock())
    assert len(log(client, webhook_id)) == 1
    delivering.erase(app.database, before=clock() + timedelta(seconds=1))
    assert log(client, webhook_id) == []
    with app.database.transaction(site.id) as connection:
        for query in ("SELECT FROM event", "SELECT FROM webhook_delivery", "SELECT FROM webhook_attempt"):
            assert connection.execute(query).fetchall() == []
