"""The routes, and a server for them that runs in a thread."""

import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import ModuleType

import structlog
import uvicorn
from anyio import to_thread
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pointport import __version__
from pointport.app import App
from pointport.entrypoints.api import docs_pages, health, problems
from pointport.entrypoints.api.accounts import (
    adjust_points,
    bulk_adjust,
    count_accounts,
    create_account,
    earn_points,
    fetch_account,
    get_account,
    get_async_job,
    get_my_account,
    get_program_totals,
    list_accounts,
    query_accounts,
    search_accounts,
    show_account,
)
from pointport.entrypoints.api.calls import Call, Calls
from pointport.entrypoints.api.contacts import (
    create_contact,
    delete_contact,
    get_contact,
    load_contacts,
    query_contacts,
    update_contact,
)
from pointport.entrypoints.api.files import download_file, download_report, show_certificate, upload_file
from pointport.entrypoints.api.imports import (
    cancel_import,
    create_file_url,
    create_import,
    execute_import,
    explain_import,
    get_certificate,
    get_error_file_url,
    get_import,
    get_report_url,
    preview_import,
    query_imports,
    query_rows,
    retry_import,
    undo_import,
    verify_certificate,
)
from pointport.entrypoints.api.program import (
    activate_program,
    bulk_get_programs,
    get_premium_features,
    get_program,
    pause_program,
    set_points_expiration,
    update_program,
)
from pointport.entrypoints.api.rates import Rates
from pointport.entrypoints.api.sites import manage_sites
from pointport.entrypoints.api.threads import Threads
from pointport.entrypoints.api.transactions import get_transaction, query_transactions
from pointport.entrypoints.api.webhooks import manage_signing_keys, manage_webhooks, read_deliveries
from pointport.plumbing.database.ids import new_id
from pointport.wire.accounts import ACCOUNTS
from pointport.wire.base import Json
from pointport.wire.contacts import CONTACTS
from pointport.wire.imports import IMPORTS
from pointport.wire.rows import ROWS
from pointport.wire.transactions import TRANSACTIONS

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Service:
    """Calls that belong together, and where they are: at the prefix, and at each of its aliases."""

    name: str
    calls: tuple[ModuleType, ...]
    prefix: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def routes(self) -> list[Call]:
        """Its calls' routes."""
        return [route for call in self.calls for route in call.router.routes]


# In each, fixed paths stand before those with an id in them. The SDK asks for the prefix; on another host than its own it
# adds /_api, and the newest reference pages print none at all (contract.md 1.1).
SERVICES = (
    Service(
        "imports",
        (
            create_file_url,
            create_import,
            get_import,
            execute_import,
            get_error_file_url,
            get_certificate,
            query_imports,
            query_rows,
            get_report_url,
            preview_import,
            cancel_import,
            undo_import,
            retry_import,
        ),
        "/_api/loyalty-imports",
        ("", "/loyalty-imports"),
    ),
    Service(
        "accounts",
        (
            create_account,
            list_accounts,
            fetch_account,
            query_accounts,
            search_accounts,
            count_accounts,
            bulk_adjust,
            get_program_totals,
            get_my_account,
            get_account,
            earn_points,
            adjust_points,
        ),
        "/loyalty-accounts",
        ("/_api/loyalty-accounts", ""),
    ),
    Service("jobs", (get_async_job,), "/async-jobs", ("/_api/async-jobs", "")),
    Service(
        "transactions",
        (get_transaction, query_transactions),
        "/loyalty-transactions",
        ("/_api/loyalty-transactions", ""),
    ),
    Service(
        "program",
        (
            get_program,
            update_program,
            activate_program,
            pause_program,
            set_points_expiration,
            get_premium_features,
            bulk_get_programs,
        ),
        "/loyalty-programs",
        ("/_api/loyalty-programs", ""),
    ),
    Service(
        "contacts",
        (create_contact, query_contacts, get_contact, update_contact, delete_contact),
        "/contacts",
        ("/_api/contacts",),
    ),
    Service("files", (upload_file, download_file, download_report, show_certificate)),
    Service("webhooks", (manage_webhooks, read_deliveries, manage_signing_keys)),
    Service("ours", (explain_import, show_account, load_contacts, manage_sites, verify_certificate, health)),
)

RESOURCES = (ACCOUNTS, CONTACTS, IMPORTS, ROWS, TRANSACTIONS)
"""All that can be queried."""

START_SECONDS_MAX = 10.0


Beside = tuple[str, Callable[[], ASGIApp]]
"""Where the paths of another door begin, and what makes it when somebody first comes to it."""


def create_api(app: App, operator_token: str | None = None, *, beside: Beside | None = None) -> FastAPI:
    """Return the ASGI application. Who sends `operator_token` as its key is the operator; None lets nobody be.

    `beside` is another door in the same house.
    """
    api = FastAPI(
        title="Pointport",
        version=__version__,
        summary="Moves loyalty points in bulk, safely.",
        redirect_slashes=False,
        # Our own pages (docs_pages.py): FastAPI's fetch theirs from elsewhere.
        docs_url=None,
        redoc_url=None,
        lifespan=_with_threads(app.settings.connections_max),
    )
    api.state.pointport = app
    api.state.operator_token = operator_token
    limit = app.settings.requests_per_minute_max
    api.state.rates = Rates(limit) if limit else None
    api.state.threads = Threads(app.settings.connections_max)
    api.router.routes.append(
        Calls(
            (prefix, route)
            for service in (*SERVICES, Service("pages", (docs_pages,)))
            for route in service.routes
            for prefix in (service.prefix, *service.aliases)
        )
    )
    api.openapi = functools.cache(functools.partial(_describe, api))  # type: ignore[method-assign]
    problems.install(api)
    if beside is not None:
        api.add_middleware(_Beside, *beside)
    api.add_middleware(_Named)  # around the other, so that its answers have a name too
    return api


def _describe(api: FastAPI) -> Json:
    """Return the description, which with its examples is a tenth of all that there is to load."""
    from pointport.entrypoints.api import openapi  # noqa: PLC0415  (most servers are never asked for it)

    app: App = api.state.pointport
    routes = [
        route.described(service.prefix, tags=[service.name], generate_unique_id_function=lambda route: route.name)
        for service in SERVICES
        for route in service.routes
    ]
    return openapi.describe(api, routes, RESOURCES, app.settings)


def _with_threads(connections_max: int) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Let as many calls run at once as there are connections: more would only wait for those, and for each other."""

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = connections_max
        yield
        api.state.threads.close()

    return lifespan


class _Named:
    """Names every answer, logs a fault of ours under that name, and tells the client no more than the name."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        request_id = str(new_id())
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        begun = False

        async def named(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                name = (b"x-wix-request-id", request_id.encode())
                message = {**message, "headers": [*message.get("headers", ()), name]}
            await send(message)

        try:
            await self._inner(scope, receive, named)
        except ClientDisconnect:
            if not begun:  # An answer for nobody: the client broke off, which is no fault.
                await Response(status_code=HTTPStatus.BAD_REQUEST)(scope, receive, named)
        except Exception:
            if begun:
                raise
            path = scope["path"].partition("/files/")[0] or "/files"
            logger.exception("request failed", method=scope["method"], path=path)
            await JSONResponse({}, HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, named)


class _Beside:
    """Hands what comes under a path to another application, which is made when first somebody comes to it."""

    def __init__(self, inner: ASGIApp, root: str, make: Callable[[], ASGIApp]) -> None:
        self._inner = inner
        self._root = root
        self._make = functools.cache(make)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        is_there = scope["type"] == "http" and (path == self._root or path.startswith(f"{self._root}/"))
        await (self._make() if is_there else self._inner)(scope, receive, send)


def configure(
    api: FastAPI, *, host: str | None = None, port: int | None = None, socket: Path | None = None
) -> uvicorn.Server:
    """Return a server that listens on an address, or on a socket file."""
    address = {"uds": str(socket)} if socket else {"host": host or "127.0.0.1", "port": port or 0}
    return uvicorn.Server(
        uvicorn.Config(
            api,
            **address,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    )


@contextmanager
def running(server: uvicorn.Server) -> Iterator[uvicorn.Server]:
    """Run a server in a thread for the length of the block."""
    thread = threading.Thread(target=server.run, name="api", daemon=True)
    thread.start()
    waited = threading.Event()
    try:
        for _ in range(int(START_SECONDS_MAX / 0.005)):
            if server.started or not thread.is_alive():
                break
            waited.wait(0.005)
        yield server
    finally:
        server.should_exit = True
        thread.join()
