"""The application: database, files, secret, settings and clock, opened once and handed to each door."""

import logging
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from pointport.errors import SetupError
from pointport.imports.shapes import Workshop
from pointport.plumbing import queue
from pointport.plumbing.database.embedded import open_embedded
from pointport.plumbing.database.migrate import Migration, migrate, read_folder
from pointport.plumbing.database.pool import Database
from pointport.plumbing.objects.store import open_objects
from pointport.plumbing.objects.tickets import TicketOffice
from pointport.settings import Settings

MIGRATIONS_FOLDER = Path(__file__).parent / "migrations"
SECRET_BYTES = 32
ADDRESS = re.compile(r"[^\s@'\"(<=]+@[^\s@'\")>,;:]+\.[^\s@'\")>,;:]+")


@dataclass(frozen=True)
class App(Workshop):
    """What every step works with, and what the doors need besides."""

    secret: bytes
    tickets: TicketOffice


def migrations() -> tuple[Migration, ...]:
    """Return every script that a database needs: the queue's, then ours."""
    return queue.migrations() + read_folder(MIGRATIONS_FOLDER)


@contextmanager
def open_database_server(settings: Settings) -> Iterator[tuple[str, object]]:
    """Open the PostgreSQL that the settings name, or the embedded one, and give its conninfo and how to revive it."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value(), _leave_alone
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open_embedded(settings.data_dir.resolve()) as embedded:
        yield embedded.conninfo, embedded.ensure_running


@contextmanager
def open_app(settings: Settings) -> Iterator[App]:
    """Open everything, bring the database up to date, and close everything at the end of the block.

    Raises SetupError, Unavailable.
    """
    with ExitStack() as opened:
        conninfo, revive = opened.enter_context(open_database_server(settings))
        migrate(conninfo, migrations())
        database = Database(conninfo, connections_max=settings.connections_max, revive=revive)  # type: ignore[arg-type]
        database.open()
        opened.callback(database.close)
        refuse_too_many_connections(database, settings)
        secret = _secret(settings)
        yield App(
            database=database,
            objects=open_objects(settings.data_dir, settings.files_url),
            settings=settings,
            clock=lambda: datetime.now(UTC),
            secret=secret,
            tickets=TicketOffice(secret),
        )


def refuse_too_many_connections(database: Database, settings: Settings) -> None:
    """Raise SetupError when one process may ask for more connections than the server has for all.

    Found out here, since it would come up in the middle of the first large import.
    """
    allowed = database.connections_allowed()
    if settings.connections_max > allowed:
        raise SetupError(
            f"the database server allows {allowed} connections in all, and POINTPORT_CONNECTIONS_MAX is"
            f" {settings.connections_max}: lower it (with POINTPORT_APPLY_SESSIONS or POINTPORT_WORKER_IMPORTS_MAX, whose"
            " product must find room), or raise max_connections of the server."
        )


def configure_logging(settings: Settings) -> None:
    """Send every log line, ours and the libraries', to standard error: time, level, message, then what it is about."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.contextvars.merge_contextvars, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Plain, since the default prints every variable too: keys, and e-mail addresses.
                structlog.dev.ConsoleRenderer(
                    colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
                ),
                without_addresses,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    for name in ("httpx2", "procrastinate", "uvicorn.access", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)


def without_addresses(_: Any, __: str, line: Any) -> str:
    """Take e-mail addresses out of a log line, whoever put them there: the database's own errors quote values."""
    return ADDRESS.sub("<e-mail address>", str(line))


def _leave_alone() -> None:
    """A database that is not ours is not ours to start."""


def _secret(settings: Settings) -> bytes:
    """Return the secret of the settings, or the data folder's, made at first use.

    It is written beside and then linked into place, so that two processes that start at once agree on one.
    """
    if settings.secret is not None:
        return settings.secret.get_secret_value().encode()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.data_dir / "secret"
    if not path.exists():
        draft = path.with_name(f"secret.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    secret = path.read_bytes()
    if len(secret) < SECRET_BYTES:
        raise SetupError(
            f"{path} holds no secret; delete it, and a new one is made (signed URLs end with the old one, and each site's"
            " webhooks need `pointport webhook key rotate`)."
        )
    return secret
