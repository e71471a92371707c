"""What the tests of the wire contract have in common: a clock that stands still, and the two shapes of an error."""

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from pointport.app import App, open_app
from pointport.entrypoints.api.server import create_api
from pointport.imports import record
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
