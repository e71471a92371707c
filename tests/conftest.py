"""A real PostgreSQL for every test that touches data: a clone of one migrated template, made in milliseconds.

The server is the embedded one, shared by all test processes and stopped when the last has ended; or the one that
`DATABASE_URL` names, whose user must be allowed to create databases.
"""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr
from starlette.testclient import TestClient

from pointport.app import App, migrations, open_app
from pointport.entrypoints.api.server import create_api
from pointport.imports import previews, retries, steps, undo
from pointport.imports.applying import WhenNegative
from pointport.imports.options import from_chosen
from pointport.imports.record import LoyaltyImport
from pointport.imports.runs import Run
from pointport.imports.shapes import Mapping
from pointport.ledger import contacts
from pointport.ledger.contacts import NewContact
from pointport.plumbing.database.embedded import open_embedded
from pointport.plumbing.database.migrate import migrate
from pointport.plumbing.sites import sites
from pointport.settings import Settings

ADVISORY_LOCK = 815_2026
NO_SYNC = {"fsync": "off", "full_page_writes": "off"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the journeys, which take longest: at the end no process waits for another's last one."""
    items.sort(key=lambda item: "journeys" not in item.nodeid)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """The conninfo of a server on which databases can be made."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    with open_embedded(shared / "server", settings=NO_SYNC) as embedded:
        yield embedded.conninfo


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """The name of a migrated database to clone: made once for these migrations, then kept."""
    scripts = "".join(migration.name + migration.script for migration in migrations())
    name = f"pointport_template_{hashlib.sha256(scripts.encode()).hexdigest()[:16]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            draft = f"{name}_draft"
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(draft)))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(draft)))
            migrate(make_conninfo(server, dbname=draft), migrations())
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(name))
            )
    return name


@pytest.fixture
def make_database(server: str) -> Iterator[Callable[[str], str]]:
    """Makes databases from a template, gives their conninfo, and drops them after the test."""
    made: list[str] = []

    def make(template: str) -> str:
        name = f"pointport_test_{secrets.token_hex(8)}"
        with psycopg.connect(server, autocommit=True) as connection:
            # Cloning locks the template for a moment; two at once wait for each other here instead of failing.
            connection.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        made.append(name)
        return make_conninfo(server, dbname=name)

    yield make
    with psycopg.connect(server, autocommit=True) as connection:
        for name in made:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(make_database: Callable[[str], str], template: str) -> str:
    """The conninfo of a migrated database of the test's own."""
    return make_database(template)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder of the test's own, with a short path."""
    with tempfile.TemporaryDirectory(prefix="pointport-test-") as folder:
        yield Path(folder)


@pytest.fixture
def settings(database_url: str, data_dir: Path) -> Settings:
    """Settings with the test's own database and folder."""
    return Settings(DATABASE_URL=SecretStr(database_url), data_dir=data_dir, log_level="WARNING")


@pytest.fixture
def app(settings: Settings) -> Iterator[App]:
    """The application, opened."""
    with open_app(settings) as opened:
        yield opened


@dataclass(frozen=True)
class Site:
    """A site and its first key, which may do everything."""

    id: UUID
    key: str

    @property
    def headers(self) -> dict[str, str]:
        """What a client of the contract sends."""
        return {"Authorization": self.key, "wix-site-id": str(self.id)}


@pytest.fixture
def make_site(app: App) -> Callable[[str], Site]:
    """Makes sites."""

    def make(name: str) -> Site:
        made, key = sites.create_site(app.database, name, default=False, actor="test", now=app.clock())
        return Site(made.id, key)

    return make


@pytest.fixture
def site(make_site: Callable[[str], Site]) -> Site:
    """A site."""
    return make_site("Corner Shop")


@pytest.fixture
def api(app: App) -> Iterator[TestClient]:
    """A client of the API without any headers; faults of ours come back as 500, as they would to anyone."""
    with TestClient(create_api(app), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(api: TestClient, site: Site) -> TestClient:
    """A client of the API with the site's key."""
    api.headers.update(site.headers)
    return api


class Story:
    """The steps of one site's imports, done here and now without a queue."""

    def __init__(self, app: App, site_id: UUID) -> None:
        self.app = app
        self.site_id = site_id

    def add_contacts(self, *emails: str) -> None:
        """Make contacts of addresses in normal form."""
        with self.app.database.transaction(self.site_id) as connection:
            contacts.merge(connection, self.site_id, [NewContact(email) for email in emails], now=self.app.clock())

    def upload(self, content: bytes) -> str:
        """Store a file as an upload does, and return its path."""
        path = steps.create_slot(self.site_id)
        self.app.objects.put(path.removeprefix("/"), iter([content]))
        return path

    def create(self, content: bytes) -> LoyaltyImport:
        """Make an import, INITIATED."""
        return steps.create(self.app, self.site_id, file_url=self.upload(content), file_name="file.csv", actor="test")

    def parse(self, content: bytes) -> LoyaltyImport:
        """Make an import and parse it."""
        made = self.create(content)
        steps.parse(self.app, self.site_id, made.id, lambda: False)
        return self.find(made.id)

    def execute(self, content: bytes, email: int = 0, points: int = 1, **options: Any) -> LoyaltyImport:
        """Make an import, parse it and execute it: IMPORTING."""
        return self.begin(self.parse(content), email, points, **options)

    def begin(self, parsed: LoyaltyImport, email: int = 0, points: int = 1, **options: Any) -> LoyaltyImport:
        """Execute a parsed import: IMPORTING."""
        columns, chosen = Mapping(email, points), from_chosen(options)
        return steps.execute(self.app, self.site_id, parsed.id, columns=columns, options=chosen, actor="test")

    def run(self, content: bytes, email: int = 0, points: int = 1, **options: Any) -> LoyaltyImport:
        """Bring a file from upload to its end, and prove the ledger sound."""
        return self.finish(self.execute(content, email, points, **options))

    def finish(self, begun: LoyaltyImport) -> LoyaltyImport:
        """Bring an import that is executed to its end, and prove the ledger sound."""
        steps.run(self.app, self.site_id, begun.id, lambda: False)
        assert steps.verify(self.app, self.site_id) == []
        return self.find(begun.id)

    def preview(self, parsed: LoyaltyImport, email: int = 0, points: int = 1, **options: Any) -> dict[str, Any]:
        """Preview a parsed import, and return what it says."""
        columns, chosen = Mapping(email, points), from_chosen(options)
        begun = previews.begin(self.app, self.site_id, parsed.id, columns=columns, options=chosen, actor="test")
        return self._previewed(begun)

    def preview_undo(self, ended: LoyaltyImport, policy: WhenNegative = WhenNegative.SKIP) -> dict[str, Any]:
        """Preview the undo of an import, and return what it says."""
        return self._previewed(
            previews.begin_of_undo(self.app, self.site_id, ended.id, when_negative=policy, actor="test")
        )

    def _previewed(self, begun: Run) -> dict[str, Any]:
        previews.run(self.app, self.site_id, begun.id, lambda: False)
        found = previews.find(self.app, self.site_id, begun.import_id, begun.kind)
        assert found.summary is not None, found.failure_message
        return found.summary

    def undo(self, ended: LoyaltyImport, policy: WhenNegative = WhenNegative.SKIP) -> dict[str, Any]:
        """Take an import back, prove the ledger sound, and return what is said of it."""
        begun = undo.begin(self.app, self.site_id, ended.id, when_negative=policy, actor="test")
        assert begun.undo is not None
        undo.run(self.app, self.site_id, UUID(begun.undo["id"]), lambda: False)
        assert steps.verify(self.app, self.site_id) == []
        told = self.find(ended.id).undo
        assert told is not None
        return told

    def retry(self, ended: LoyaltyImport, content: bytes) -> LoyaltyImport:
        """Try failed rows again with a corrected error file, to the end."""
        made = retries.from_file(
            self.app, self.site_id, ended.id, file_url=self.upload(content), file_name="again.csv", actor="test"
        )
        return self.finish_retry(made)

    def correct(self, ended: LoyaltyImport, *corrections: retries.Correction) -> LoyaltyImport:
        """Try failed rows again with what is right instead, to the end."""
        made = retries.from_corrections(self.app, self.site_id, ended.id, corrections=corrections, actor="test")
        return self.finish_retry(made)

    def finish_retry(self, made: LoyaltyImport) -> LoyaltyImport:
        """Bring a retry to its end."""
        steps.parse(self.app, self.site_id, made.id, lambda: False)
        return self.finish(made)

    def outcomes(self, ended: LoyaltyImport) -> dict[int, str]:
        """Return what became of each line: the outcome, or the problem of those that have one."""
        with self.app.database.transaction(self.site_id) as connection:
            rows = connection.execute(
                "SELECT line, coalesce(problem, outcome) AS outcome FROM import_row"
                " WHERE site_id = %(site_id)s AND import_id = %(id)s"
                " UNION ALL SELECT line, 'IMPORTED' FROM transaction WHERE site_id = %(site_id)s AND import_id = %(id)s"
                " ORDER BY line",
                {"site_id": self.site_id, "id": ended.id},
            ).fetchall()
        return {row["line"]: row["outcome"] for row in rows}

    def find(self, import_id: UUID) -> LoyaltyImport:
        """Return an import."""
        return steps.find(self.app, self.site_id, import_id)

    def error_file(self, record: LoyaltyImport) -> str:
        """Return an import's error file, without its BOM."""
        assert record.error_file_path is not None
        return b"".join(self.app.objects.get(record.error_file_path)).decode("utf-8-sig")

    def balances(self) -> dict[str, int]:
        """Return the balance of each contact that has an account."""
        with self.app.database.transaction(self.site_id) as connection:
            rows = connection.execute(
                "SELECT contact.email, account.balance FROM contact"
                " JOIN account ON account.site_id = contact.site_id AND account.id = contact.id"
                " WHERE contact.site_id = %s",
                [self.site_id],
            ).fetchall()
        return {row["email"]: row["balance"] for row in rows}


@pytest.fixture
def story(app: App, site: Site) -> Story:
    """The steps of the site's imports."""
    return Story(app, site.id)
