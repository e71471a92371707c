"""The `pointport` command: wires the doors to the app.

What a command does not need is not imported: the command line speaks HTTP, and each function below loads what lies behind
it when it is called.
"""

import ctypes
import gc
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from pointport.entrypoints.cli import commands
from pointport.entrypoints.cli.wiring import Wiring
from pointport.errors import SetupError

if TYPE_CHECKING:
    import httpx2
    import uvicorn
    from starlette.types import ASGIApp

    from pointport.app import App
    from pointport.entrypoints.console.sessions import OneTimeLinks
    from pointport.settings import Settings

READ_BYTES = 256 * 1024
YOUNG_OBJECTS_MAX = 20_000
"""New objects after which garbage is searched for."""
M_ARENA_MAX = -8
"""The number of glibc's setting (malloc.h)."""


def main() -> None:
    """Run the command line."""
    commands.run(
        Wiring(
            serve=_serve,
            work=_work,
            open_inside=_open_inside,
            open_outside=_open_outside,
            inspect=_inspect,
            convert=_convert,
            reading=_reading,
            migrate=_migrate,
            database_state=_database_state,
            settings=_settings_with_source,
        )
    )


@contextmanager
def _loading() -> Iterator[None]:
    """Load much, without looking for garbage meanwhile, and keep it out of every later search.

    What is loaded stays. Searching it is a seventh of the time that loading takes, and later holds up every request for a
    tenth of a second now and then. A page of an answer is some thousand objects, none of which is garbage of the kind
    that is searched for: with Python's own threshold, a twelfth of its time went into looking at them.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS_MAX)
        gc.enable()


def _share_one_heap() -> None:
    """Have all threads take memory from one heap, where the C library is glibc: mallopt(3), M_ARENA_MAX.

    Left alone it gives each of them one, and keeps in each what was needed there once: 6 MB in a server that imports. Since
    one thread at a time runs Python, hardly ever does one wait for another by that.
    """
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def _settings() -> "Settings":
    """Read the settings. Raises SetupError that names each variable that is wrong."""
    from pydantic import ValidationError

    from pointport.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        # What is wrong with several of them together names them itself.
        told = (
            f"POINTPORT_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}"
            if one["loc"]
            else one["msg"].removeprefix("Value error, ")
            for one in error.errors()
        )
        raise SetupError(f"a setting is wrong: {'; '.join(told)}") from error


def _serve(host: str | None, port: int | None, tell: Callable[[str, str], None]) -> None:
    _share_one_heap()
    with _loading():
        from pointport.app import configure_logging, open_app

    settings = _settings()
    configure_logging(settings)
    # The API is loaded while the database server starts, for which there is nothing to do but wait.
    loading = threading.Thread(target=_load_api, name="loading")
    loading.start()
    with open_app(settings) as app:
        loading.join()
        from pointport.entrypoints import worker
        from pointport.entrypoints.api import server
        from pointport.entrypoints.console.sessions import OneTimeLinks

        links = OneTimeLinks(app.clock)

        def is_leaving() -> bool:
            return serving.should_exit

        serving = server.configure(
            server.create_api(app, beside=("/console", partial(_load_console, app, links, is_leaving))),
            host=host or settings.host,
            port=settings.port if port is None else port,
        )
        with worker.running(app), server.running(serving):
            address = _address(serving)
            tell(address, f"{settings.public_url or address}/console/link/{links.issue()}")
            _wait_for_signal()


def _load_console(app: "App", links: "OneTimeLinks", is_leaving: Callable[[], bool]) -> "ASGIApp":
    """Load the console when first somebody comes to it: who only calls the API waits for none of it."""
    from pointport.entrypoints.console.server import create_console

    return create_console(app, links, is_leaving)


def _load_api() -> None:
    with _loading():
        from pointport.entrypoints.api import server  # noqa: F401


def _work(tell: Callable[[], None]) -> None:
    _share_one_heap()
    with _loading():
        from pointport.app import configure_logging, open_app
        from pointport.entrypoints import worker

    settings = _settings()
    configure_logging(settings)
    with open_app(settings) as app, worker.running(app):
        tell()
        _wait_for_signal()


@contextmanager
def _open_inside(working: bool) -> Iterator["httpx2.Client"]:
    """Open the app in this process, served on a socket file that only this user can reach, and a client of it."""
    with _loading():
        import secrets
        import tempfile

        from pointport.app import configure_logging, open_app
        from pointport.entrypoints import worker
        from pointport.entrypoints.api import server
        from pointport.entrypoints.cli import transport

    settings = _settings().model_copy(update={"log_level": "ERROR"})
    configure_logging(settings)
    token = secrets.token_urlsafe()
    with ExitStack() as opened:
        app = opened.enter_context(open_app(settings))
        if working:
            opened.enter_context(worker.running(app))
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="pointport-")))
        socket = folder / "api"
        opened.enter_context(server.running(server.configure(server.create_api(app, token), socket=socket)))
        yield opened.enter_context(transport.over_socket(socket, {"Authorization": token}))


def _open_outside(url: str, headers: Mapping[str, str]) -> AbstractContextManager["httpx2.Client"]:
    from pointport.entrypoints.cli import transport

    return transport.over_network(url, headers)


def _inspect(file: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    from pointport.imports.reading import learning, overrides
    from pointport.wire.readings import inspection

    return inspection(learning.learn(partial(_blocks, file), _settings(), overrides.reading(**told)))


def _reading(told: Mapping[str, Any]) -> dict[str, Any]:
    from pointport.imports.reading import overrides
    from pointport.wire.readings import how_it_is_read

    return how_it_is_read(overrides.reading(**told))


def _convert(file: Path, told: Mapping[str, Any]) -> Iterator[bytes]:
    from pointport.imports.reading import converting, overrides

    return converting.convert(partial(_blocks, file), _settings(), overrides.reading(**told))


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as raw:
        yield from iter(lambda: raw.read(READ_BYTES), b"")


def _migrate() -> list[str]:
    from pointport.app import migrations, open_database_server
    from pointport.plumbing.database.migrate import migrate

    with open_database_server(_settings()) as (conninfo, _):
        return list(migrate(conninfo, migrations()))


def _database_state() -> dict[str, Any]:
    from pointport.app import migrations, open_database_server
    from pointport.plumbing.database.migrate import state

    with open_database_server(_settings()) as (conninfo, _):
        found = state(conninfo, migrations())
    return {"applied": list(found.applied), "pending": [migration.name for migration in found.pending]}


def _settings_with_source() -> list[dict[str, Any]]:
    from pydantic import SecretStr

    from pointport.settings import Settings, sources

    return [
        {
            "name": name,
            "value": str(value) if isinstance(value, Path | SecretStr) else value,
            "source": source,
            "description": Settings.model_fields[name].description,
        }
        for name, (value, source) in sources(_settings()).items()
    ]


def _address(serving: "uvicorn.Server") -> str:
    host, port = serving.servers[0].sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _wait_for_signal() -> None:
    """Sleep until SIGINT or SIGTERM; a second one ends the process at once.

    It is waited for a byte that the signal leaves behind. A thread that waits for another one, however that is done, misses
    a signal that comes in the last moment before it waits, and would sleep on.
    """
    stopping = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        if stopping.is_set():
            raise SystemExit(128 + number)
        stopping.set()

    heard, bell = socket.socketpair()
    bell.setblocking(False)
    signal.set_wakeup_fd(bell.fileno())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    while not stopping.is_set():
        heard.recv(1)
    signal.set_wakeup_fd(-1)
    heard.close()
    bell.close()


if __name__ == "__main__":
    main()
