"""A running `pointport serve`, and what a client says to it, for everything that is measured over HTTP."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

IMPORTS = "/_api/loyalty-imports/v1/loyalty-imports"
BLOCK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Server:
    """A running server, and the site that it is asked about."""

    url: str
    process_id: int
    data_dir: Path
    site_id: str = ""
    key: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What a client of the site sends."""
        return {"Authorization": self.key, "wix-site-id": self.site_id, "Content-Type": "application/json"}


@dataclass(frozen=True)
class Line:
    """A target, what was measured, and whether it holds."""

    target: str
    figure: str
    holds: bool


@contextmanager
def serving(data_dir: Path, **settings: str) -> Iterator[tuple[Server, float]]:
    """Run a server on a folder and a free port, and give it and the seconds until its first answer."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "pointport", "serve", "--port", "0", "--json"],
        env=environment(POINTPORT_DATA_DIR=str(data_dir), POINTPORT_LOG_LEVEL="WARNING", **settings),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        told = ""
        while "}" not in told:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                give_up("the server ended before it served", 1)
            told += line
        server = Server(json.loads(told)["url"], process.pid, data_dir)
        call(server, "GET", "/healthz")
        yield server, time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait()


@contextmanager
def working(data_dir: Path, **settings: str) -> Iterator[int]:
    """Run a worker on a folder, and give its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pointport", "worker"],
        env=environment(POINTPORT_DATA_DIR=str(data_dir), POINTPORT_LOG_LEVEL="WARNING", **settings),
        stdout=subprocess.PIPE,
    )
    try:
        if process.stdout:
            process.stdout.readline()
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def environment(**added: str) -> dict[str, str]:
    """Return an environment without settings, in which modules are compiled once, as they are where one installs them."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("POINTPORT_", "DATABASE_URL"))}
    mine.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**mine, **added}


def call(server: Server, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """Ask the server for something, and return its answer; anything but a success ends the program."""
    with closing(connect(server)) as connection:
        return ask(connection, server, method, path, body)


def ask(
    connection: http.client.HTTPConnection,
    server: Server,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
) -> Any:
    """Do the same over a connection that is there already, and stays."""
    connection.request(method, path, None if body is None else json.dumps(body), server.headers if server.key else {})
    return answer(connection)


def uploaded(server: Server, upload_url: str, path: Path) -> None:
    """Send a file to its upload URL, a block at a time."""
    headers = {"Content-Length": str(path.stat().st_size)}
    with path.open("rb") as file, closing(connect(server)) as connection:
        blocks = iter(lambda: file.read(BLOCK_BYTES), b"")
        connection.request("PUT", urlsplit(upload_url).path, blocks, headers, encode_chunked=False)
        answer(connection)


def connect(server: Server) -> http.client.HTTPConnection:
    """Return a new connection to the server."""
    address = urlsplit(server.url)
    return http.client.HTTPConnection(address.hostname or "", address.port)


def answer(connection: http.client.HTTPConnection) -> Any:
    """Return what the server answers; anything but a success ends the program."""
    got = connection.getresponse()
    content = got.read()
    if got.status != HTTPStatus.OK:
        give_up(f"the server answered {got.status}: {content.decode()}", 1)
    return json.loads(content)


def resident_bytes(process_id: int, name: str) -> int:
    """Return a figure of a process's memory: VmRSS is what is resident, VmHWM the most that was."""
    lines = Path(f"/proc/{process_id}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def forget_peak(process_id: int) -> None:
    """From here on, the most that is resident is counted anew."""
    Path(f"/proc/{process_id}/clear_refs").write_text("5", encoding="ascii")


def give_up(why: str, code: int) -> NoReturn:
    """End the program."""
    sys.stderr.write(f"{why}\n")
    sys.exit(code)
