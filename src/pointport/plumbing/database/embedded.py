"""The embedded PostgreSQL of a self-hosted service: one server for each data folder, shared by all its processes.

It starts with the first process that opens the folder and stops when the last one has left, or died. All that is known
about who lives is known from the kernel, by four locks (flock) on files in the data folder; process ids are never
believed, for they come back, and a connection is the only proof that the server serves:

================  =======================  ==========================================================================
postgres.lease    shared: every client     Exclusively held, it means that there is no client and that none can come:
                  exclusive: who stops     only then is a server stopped.
postgres.start    exclusive: who starts    Starting, and finding out whether one was the last, are done by one process
                  or leaves                at a time.
postgres.watcher  exclusive: the watcher   Held as long as a watcher lives (watcher.py), which waits for the lease.
postgres.server   exclusive: initdb, the   Handed down to every process of the server: free, it means that not one is
                  server, its children     left, and that what it left behind can be cleared away.
================  =======================  ==========================================================================

The order is lease, start, server; only a leaver takes the start lock first, and then never waits for the lease, so no
two can wait for each other. Except for the server's own, no lock is inherited by a child: the server would hold its
own lease for ever.
"""

import contextlib
import fcntl
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import DEVNULL, run
from types import MappingProxyType, TracebackType
from typing import Self

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from pointport.errors import SetupError, Unavailable
from pointport.plumbing.database import watcher
from pointport.plumbing.database.server_files import (
    PORT,
    SERVER_SETTINGS,
    Place,
    claim_socket_folder,
    clear_away_traces,
    launch,
    log_end,
    log_size,
    make_cluster,
    opened_log,
    system_identifier,
)
from pointport.plumbing.database.server_program import find_server_program, find_server_user
from pointport.plumbing.database.watcher import end_orphans, locked_within, open_lock, stop_server

DATABASE = "pointport"
MAINTENANCE_DATABASE = "postgres"
START_SECONDS_MAX = 120.0
"""For a server that lives but does not answer yet: it may be recovering from a crash."""

LEASE_SECONDS_MAX = 120.0
"""For a server that is being stopped; its watcher gives up before."""

TURN_SECONDS_MAX = 150.0
LEAVE_TURN_SECONDS_MAX = 10.0
LEAVE_SECONDS_MAX = 30.0
CONNECT_SECONDS_MAX = 10
POLL_SECONDS_MIN, POLL_SECONDS_MAX = 0.01, 0.1

UNRULY_VARIABLES = ("PGSERVICE", "PGTZ", "PGDATESTYLE", "PGGEQO")
"""What libpq takes from the environment whatever a conninfo says."""

UNTOLD_DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "connect_timeout": "0",
        "max_protocol_version": "latest",
        "min_protocol_version": "3.0",
        "sslcertmode": "disable",
    }
)
"""Of libpq's options, those for which nothing is no value, and whose default it does not tell."""


class EmbeddedPostgres:
    """This process's share in the PostgreSQL server of a data folder.

    The server stays at least until `close`, or until this process ends. Threads may share it. A child made by fork
    shares the share; each thing opened anew is one of its own.
    """

    conninfo: str
    """For psycopg."""

    def __init__(self, data_dir: Path, settings: Mapping[str, str]) -> None:
        self._place = Place.of(data_dir)
        self._settings = {**SERVER_SETTINGS, **settings}
        self._mutex = threading.Lock()
        self._lease: int | None = None
        self._left = False
        self._refusal = "it refuses nothing, but serves another folder"
        self.conninfo = _conninfo(self._place)

    def ensure_running(self) -> None:
        """See that the server answers: start it, or bring it back, when it does not; likewise its watcher.

        A few milliseconds when all is well. Raises Unavailable when the server lives but does not answer in time, or
        after `close`; SetupError when it cannot start on this machine, with what its log says.
        """
        with self._mutex:
            if self._left:
                raise Unavailable("This process has left its database already: open it anew.")
            try:
                # The lease comes first. From here on no watcher stops the server, and one that is at it is waited for.
                if self._lease is None:
                    self._lease = _take_lease(self._place)
                claim_socket_folder(self._place.socket_folder, find_server_user(self._place.cluster))
                if not (_is_watched(self._place) and self._answers()):
                    self._bring_up()
            except OSError as error:
                raise SetupError(
                    f"The database in {self._place.data_dir} cannot be run: {error}. Make the folder one that this "
                    "user may write to, or name another with POINTPORT_DATA_DIR."
                ) from error

    def close(self) -> None:
        """Leave. The server stops when nobody is left, which the last one to leave waits for. Twice does no harm."""
        with self._mutex:
            self._left = True
            lease, self._lease = self._lease, None
            if lease is not None:
                _leave(self._place, lease)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _bring_up(self) -> None:
        with _turn_to_start(self._place):
            # The watcher first: were we killed between the two, it would stop the server that nobody else knows of.
            _see_to_watcher(self._place)
            if self._answers():
                return
            if not self._answers(MAINTENANCE_DATABASE):
                self._start()
            _create_database(self.conninfo)

    def _start(self) -> None:
        place = self._place
        with _opened(place.lock("server")) as lock:
            if self._answers_before_it_is_free(lock):
                return  # It was starting already, by one that was killed meanwhile, or recovering.
            program = find_server_program(place.data_dir, find_server_user(place.cluster))
            make_cluster(place, program, lock)
            clear_away_traces(place)
            log_start = log_size(place)
            launch(place, program, self._settings, lock)
        # The server has the lock now, by inheritance, and we have not: if it is free again, the server is dead.
        with _opened(place.lock("server")) as lock:
            if not self._answers_before_it_is_free(lock):
                raise SetupError(f"The database server did not start: {log_end(place, log_start)}")

    def _answers_before_it_is_free(self, server_lock: int) -> bool:
        """Wait until the server answers (True), or not one process of it is left, and its lock is ours (False)."""
        deadline = time.monotonic() + START_SECONDS_MAX
        wait_seconds = POLL_SECONDS_MIN
        while not locked_within(server_lock, fcntl.LOCK_EX, 0):
            if self._answers(MAINTENANCE_DATABASE):
                return True
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"The database server of {self._place.data_dir} is running, but does not answer: "
                    f"{self._refusal}. The end of its log: {log_end(self._place)}"
                )
            end_orphans(self._place.title)
            time.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 1.5, POLL_SECONDS_MAX)
        return False

    def _answers(self, database: str = DATABASE) -> bool:
        expected = system_identifier(self._place)
        if expected is None:
            return False
        try:
            with psycopg.connect(
                self.conninfo, dbname=database, autocommit=True, connect_timeout=CONNECT_SECONDS_MAX
            ) as connection:
                row = connection.execute("select system_identifier from pg_control_system()").fetchone()
        except psycopg.Error as error:
            self._refusal = str(error)
            return "too many clients" in self._refusal  # A full house answers, too.
        # Another one than ours can answer here: that of a folder which was removed under it, or of one at the same path
        # in another container that shares /tmp.
        return row == (expected,)


def open_embedded(data_dir: Path, *, settings: Mapping[str, str] = MappingProxyType({})) -> EmbeddedPostgres:
    """Open the server of a data folder; the first to do so makes and starts it.

    `settings` are settings of the server, used when it is this call that starts it. Raises what `ensure_running` does.
    """
    for name in UNRULY_VARIABLES:
        os.environ.pop(name, None)
    embedded = EmbeddedPostgres(data_dir, settings)
    try:
        embedded.ensure_running()
    except BaseException:
        embedded.close()
        raise
    return embedded


def _conninfo(place: Place) -> str:
    # An option that a PG* variable gives would be taken wherever we say nothing, so we say its default.
    stray = {
        option.keyword.decode(): UNTOLD_DEFAULTS.get(option.keyword.decode(), (option.compiled or b"").decode())
        for option in pq.Conninfo.get_defaults()
        if option.envvar and option.envvar.decode() in os.environ and option.envvar.decode() not in UNRULY_VARIABLES
    }
    ours = {"host": str(place.socket_folder), "port": PORT, "user": "postgres", "dbname": DATABASE}
    return make_conninfo("", **{**stray, **ours})


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    lock = open_lock(path)
    try:
        yield lock
    finally:
        os.close(lock)


@contextlib.contextmanager
def _turn_to_start(place: Place) -> Iterator[None]:
    with _opened(place.lock("start")) as lock:
        if not locked_within(lock, fcntl.LOCK_EX, TURN_SECONDS_MAX):
            raise Unavailable("Another process has been starting the database for too long.")
        yield


def _take_lease(place: Place) -> int:
    # Root's folder has to let the server's user through; it shows nothing.
    place.data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    lease = open_lock(place.lock("lease"))
    if not locked_within(lease, fcntl.LOCK_SH, LEASE_SECONDS_MAX):
        os.close(lease)
        raise Unavailable("The database has been stopping for too long.")
    return lease


def _is_watched(place: Place) -> bool:
    # One that has stopped a server is never taken for alive: it let go of its lock before the lease, and we have a
    # lease. (One killed between the two might be for a moment. The next `ensure_running`, or the last leaver, sees.)
    with _opened(place.lock("watcher")) as lock:
        return not locked_within(lock, fcntl.LOCK_SH, 0)


def _see_to_watcher(place: Place) -> None:
    if _is_watched(place):
        return
    paths = [place.lock(name) for name in ("watcher", "lease", "server")]
    with opened_log(place) as log:
        started = run(  # noqa: S603 (our own file; paths are single arguments)
            [sys.executable, "-I", "-S", watcher.__file__, *paths, str(place.socket), place.title],
            cwd="/",
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=False,
        )
    if started.returncode != 0:
        raise Unavailable(f"The database's watcher did not start: {log_end(place)}")


def _leave(place: Place, lease: int) -> None:
    with contextlib.ExitStack() as leaving:
        leaving.callback(os.close, lease)
        # When the data folder has been removed, there is no more to it than to let go.
        with contextlib.suppress(OSError), _opened(place.lock("start")) as turn:
            # Two who left at once, unseen by a watcher, could each take the other's look at the lease for a client
            # that stays. So leaving is done in turn; who does not get its turn sees others at work, and just goes.
            if locked_within(turn, fcntl.LOCK_EX, LEAVE_TURN_SECONDS_MAX):
                leaving.close()
                _see_server_off(place)


def _see_server_off(place: Place) -> None:
    """Once the lease is given back, in our turn: if nobody is left, see to it that the server stops."""
    deadline = time.monotonic() + LEAVE_SECONDS_MAX
    with _opened(place.lock("lease")) as lease, _opened(place.lock("server")) as server:
        while time.monotonic() < deadline:
            if locked_within(lease, fcntl.LOCK_EX, 0):
                if not _is_watched(place):
                    # The watcher is done, or was killed. Then it is on us; done twice, it is nothing.
                    stop_server(server, str(place.socket), place.title)
                    return
                fcntl.flock(lease, fcntl.LOCK_UN)  # The watcher is blocked on it, and must have it.
            elif locked_within(lease, fcntl.LOCK_SH, 0):
                return  # Others are there. Had the watcher the lease, it would not be shared.
            time.sleep(POLL_SECONDS_MIN)


def _create_database(conninfo: str) -> None:
    try:
        with psycopg.connect(conninfo, dbname=MAINTENANCE_DATABASE, autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(f"create database {DATABASE}")
    except psycopg.Error as error:
        raise Unavailable(f"The database server has started, but went away again: {error}") from error
