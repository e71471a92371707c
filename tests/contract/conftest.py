"""What the tests of the wire contract have in common: a clock that stands still, and the two shapes of an error."""

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest
from httpx2 import Response
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response as Made
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from pointport.app import App, open_app
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.server import create_api
from pointport.entrypoints.worker import STEPS
from pointport.imports import record, steps
from pointport.imports.record import LoyaltyImport
from pointport.plumbing.webhooks import subscriptions
from pointport.plumbing.webhooks.event_types import EventType
from pointport.settings import Settings
from tests.conftest import ADVISORY_LOCK, Story

Json = dict[str, Any]

IMPORTS = "/_api/loyalty-imports/v1/loyalty-imports"
"""The path of the imports, with its doubled name (contract.md 1.1)."""

NOBODY = UUID("5cc0b472-e488-4de3-92ba-bd718a44933a")
"""An id that nothing has."""


DEFAULT_OPTIONS = {
    "mode": "SET",
    "duplicates": "REJECT",
    "unknownContacts": "REJECT",
    "atomic": False,
    "allowRepeat": False,
    "notify": True,
}
"""What `pointport.options` says of an import whose user chose nothing (design.md 8)."""


class Clock:
    """Stands still until it is moved, so that answers can be compared whole."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 4, 5, 6, 7, 89_000, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture(scope="session")
def common_database(server: str, template: str) -> Iterator[str]:
    """One database for the tests of a process: each has a site of its own in it, and no site sees another."""
    name = sql.Identifier(f"pointport_contract_{secrets.token_hex(8)}")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template)))
        connection.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
        yield make_conninfo(server, dbname=name.as_string().strip('"'))
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def own_database() -> None:
    """Asked for by a test that looks beyond its site: how many sites there are, or what has expired in all of them."""


@pytest.fixture
def database_url(
    request: pytest.FixtureRequest, make_database: Callable[[str], str], template: str, common_database: str
) -> str:
    """The conninfo of the common database, or of a test's own."""
    return make_database(template) if "own_database" in request.fixturenames else common_database


@pytest.fixture
def clock() -> Clock:
    """The application's clock, at 2026-03-04T05:06:07.089Z."""
    return Clock()


@pytest.fixture
def app(settings: Settings, clock: Clock) -> Iterator[App]:
    """The application with that clock."""
    with open_app(settings) as opened:
        yield replace(opened, clock=clock)


MODELS: dict[Callable[..., Any], TypeAdapter[Any] | None] = {}
"""What the description has of each call's answer."""


def model_of(call: Call) -> TypeAdapter[Any] | None:
    if call.endpoint not in MODELS:
        described = call.described("").response_model
        MODELS[call.endpoint] = TypeAdapter(described) if described else None
    return MODELS[call.endpoint]


@pytest.fixture(autouse=True)
def answers_are_as_described(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a call answers is what its model makes of it, to the byte: it has no other members, in no other order."""
    run, others = Call._answer, []

    def compare(call: Call, request: Request, body: bytes) -> Made:
        made, model = run(call, request, body), model_of(call)
        if model is not None and made.media_type == "application/json":
            expected = model.dump_json(model.validate_json(bytes(made.body)))
            if made.body != expected:
                others.append((call.path, made.body, expected))
        return made

    monkeypatch.setattr(Call, "_answer", compare)
    yield
    assert others == []


@pytest.fixture
def stranger(api: TestClient) -> TestClient:
    """A client without a key, beside the one that has it."""
    return TestClient(api.app, raise_server_exceptions=False)


def begin_parsing(story: Story, content: bytes) -> LoyaltyImport:
    """Make an import that a worker has just taken up: PARSING."""
    made = story.create(content)
    with story.app.database.transaction(story.site_id) as connection:
        return record.change(connection, "begin_parsing", made, now=story.app.clock())


def send_in_pieces(
    app: App, method: str, url: str, pieces: Iterable[bytes], headers: Mapping[str, str], *, breaks_off: bool = False
) -> tuple[int, Json]:
    """Make a request whose body arrives in pieces, or does not arrive to its end, and return status and body.

    The test client hands over each body whole, whatever it is given, so this speaks ASGI to the application.
    """
    said: Iterator[Message] = ({"type": "http.request", "body": piece, "more_body": True} for piece in pieces)
    end: Message = {"type": "http.disconnect"} if breaks_off else {"type": "http.request", "body": b""}
    answered: list[Message] = []

    async def receive() -> Message:
        return next(said, end)

    async def send(message: Message) -> None:
        answered.append(message)

    request: Scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": urlsplit(url).path,
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "server": ("testserver", 80),
    }
    asyncio.run(create_api(app)(request, receive, send))
    body = b"".join(message.get("body", b"") for message in answered)
    return answered[0]["status"], json.loads(body or b"null")


def subscribe(app: App, site_id: UUID, *event_types: EventType, url: str = "http://127.0.0.1:9/hook") -> UUID:
    """Have somebody who may be on this machine told of events."""
    made = subscriptions.create(
        app.database,
        site_id,
        url,
        event_types or tuple(EventType),
        private_allowed=True,
        secret=app.secret,
        actor="test",
        now=app.clock(),
    )
    return UUID(str(made["id"]))


def kept_files(app: App) -> list[Path]:
    """Return every file in the folder of the file store, finished or not."""
    return [path for path in (app.settings.data_dir / "files").rglob("*") if path.is_file()]


def whole_site(story: Story) -> Json:
    """Return all that there is of a site: its rows in every table, its jobs that wait, and the files."""
    with story.app.database.owner_transaction() as connection:
        tables = connection.execute(
            "SELECT DISTINCT table_name AS name FROM information_schema.columns"
            " WHERE column_name = 'site_id' AND table_schema = 'public' ORDER BY 1"
        ).fetchall()
        rows = {
            table["name"]: connection.execute(
                sql.SQL("SELECT to_jsonb(one) AS row FROM {} AS one WHERE site_id = %s ORDER BY 1").format(
                    sql.Identifier(table["name"])
                ),
                [story.site_id],
            ).fetchall()
            for table in tables
        }
    return {**rows, "jobs": waiting_jobs(story), "files": sorted(kept_files(story.app))}


@contextmanager
def nothing_changed(story: Story) -> Iterator[None]:
    """Hold a site to being as it was, whatever is done in between."""
    before = whole_site(story)
    yield
    assert whole_site(story) == before


def waiting_jobs(story: Story) -> list[Json]:
    """Return the jobs of a site that wait, in their order: id, name, subject and lock."""
    with story.app.database.owner_transaction() as connection:
        return connection.execute(
            "SELECT id, task_name AS name, args ->> 'subject_id' AS subject, lock FROM procrastinate_jobs"
            " WHERE args ->> 'site_id' = %s AND status = 'todo' ORDER BY id",
            [str(story.site_id)],
        ).fetchall()


def work(story: Story) -> list[str]:
    """Do the jobs that wait, in their order and as a worker does, prove the ledger sound, and return their names."""
    done = []
    while jobs := waiting_jobs(story):
        step, _ = STEPS[jobs[0]["name"]]
        step(story.app, story.site_id, UUID(jobs[0]["subject"]), lambda: False)
        drop_job(story, jobs[0]["id"])
        done.append(jobs[0]["name"])
    assert steps.verify(story.app, story.site_id) == []
    return done


def drop_job(story: Story, job_id: int) -> None:
    """Take a job away, as one that is done."""
    with story.app.database.owner_transaction() as connection:
        connection.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [job_id])


def mapped(email: int = 0, points: int = 1) -> Json:
    """Which columns are which, as execute and preview are told."""
    mappings = [{"columnName": "EMAIL", "columnIndex": email}, {"columnName": "POINTS", "columnIndex": points}]
    return {"headerMappingInfo": {"headerMappings": mappings}}


class Door:
    """The calls about imports by the site's key, and the jobs behind them done at once by `work`."""

    def __init__(self, client: TestClient, story: Story) -> None:
        self.client = client
        self.story = story

    def post(self, call: str, import_id: UUID | str, *, key: str | None = None, **body: Any) -> Response:
        """Make a call about an import, with whatever members."""
        headers = {} if key is None else {"Idempotency-Key": key}
        # In ASCII, so that a lone surrogate can be sent too.
        content = json.dumps({"loyaltyImportId": str(import_id), **body})
        return self.client.post(f"{IMPORTS}/{call}", content=content, headers=headers)

    def done(self, call: str, import_id: UUID | str, **body: Any) -> Json:
        """Make a call that succeeds and have its jobs done; returns what is then to be had of the import."""
        answer = self.post(call, import_id, **body)
        assert answer.status_code == 200, answer.text
        work(self.story)
        return self.show(answer.json()["loyaltyImport"]["id"])

    def show(self, import_id: UUID | str) -> Json:
        """Return an import, which is as the description says of it."""
        answer = self.client.get(IMPORTS, params={"loyaltyImportId": str(import_id)})
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()["loyaltyImport"]
        return found

    def parse(self, content: bytes) -> str:
        """Make an import of a file and have it parsed; returns its id."""
        answer = self.client.post(IMPORTS, json={"fileUrl": self.story.upload(content), "fileName": "file.csv"})
        assert answer.status_code == 200, answer.text
        work(self.story)
        return str(answer.json()["loyaltyImport"]["id"])

    def run(self, content: bytes, email: int = 0, points: int = 1, **options: Any) -> Json:
        """Bring a file to its end with options, and return the import."""
        return self.done("execute", self.parse(content), **mapped(email, points), options=options)

    def errors(self, import_id: UUID | str) -> str:
        """Return an import's error file as it is downloaded, without its BOM."""
        url = self.client.get(f"{IMPORTS}/error-file-download-url", params={"loyaltyImportId": str(import_id)}).json()
        return self.client.get(url["url"]).content.decode("utf-8-sig")

    def preview(self, call: str, import_id: UUID | str) -> Json:
        """Return the newest preview of an import, or of its undo."""
        answer = self.client.get(f"{IMPORTS}/{call}", params={"loyaltyImportId": str(import_id)})
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()["preview"]
        return found

    def transactions(self) -> list[Json]:
        """Return the site's entries, the oldest first."""
        query = {"sort": [{"fieldName": "createdDate", "order": "ASC"}], "cursorPaging": {"limit": 100}}
        answer = self.client.post("/loyalty-transactions/v1/loyalty-transactions/query", json={"query": query})
        assert answer.status_code == 200, answer.text
        found: list[Json] = answer.json()["loyaltyTransactions"]
        return found


@pytest.fixture
def door(client: TestClient, story: Story) -> Door:
    """The calls about imports of the site."""
    return Door(client, story)


def violation(field: str, description: str, rule: str, **data: Any) -> Json:
    """One field violation."""
    return {"field": field, "description": description, "violatedRule": rule} | ({"data": data} if data else {})


def invalid(*violations: Json) -> Json:
    """The whole body of a 400."""
    told = "; ".join(f'"{one["field"]}" {one["description"]}' for one in violations)
    return {
        "message": f"INVALID_ARGUMENT: {told}",
        "details": {"validationError": {"fieldViolations": list(violations)}},
    }


def failed(code: str, message: str, **data: Any) -> Json:
    """The whole body of any other error that the client can be told."""
    error = {"code": code, "description": message} | ({"data": data} if data else {})
    return {"message": message, "details": {"applicationError": error}}
