"""Real `pointport` processes: started, watched, stopped, frozen and killed, and none outlives its test."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self, TypeVar
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row

from pointport.errors import Unavailable
from tests.conftest import ADVISORY_LOCK

PATIENCE_SECONDS = 60.0
"""Only a test that fails waits so long."""

POLL_SECONDS = 0.003

QUICK = {
    "POINTPORT_HEARTBEAT_SECONDS": "0.2",
    "POINTPORT_STALLED_SECONDS": "1.0",
    "POINTPORT_SWEEP_SECONDS": "0.2",
}
"""Somebody who died is missed soon."""

Answer = TypeVar("Answer")

MISLEADING = ("POINTPORT_", "DATABASE_URL")


def until(condition: Callable[[], bool], what: str, seconds_max: float = PATIENCE_SECONDS) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(POLL_SECONDS)


class Program:
    """One process of the command `pointport`."""

    def __init__(self, command: str, folder: Path, environment: dict[str, str]) -> None:
        self._log = folder / f"{command}-{secrets.token_hex(4)}.log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(MISLEADING)}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pointport", command],
                env={**inherited, "PYTHONUNBUFFERED": "1", "COLUMNS": "200", **environment},
                cwd=folder,  # Not where a developer's .env may lie.
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        """All that it has printed and logged."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait_for(self, words: str) -> Self:
        """Wait until it has said something."""
        until(lambda: words in self.said or not self.lives, f"a process said {words!r}")
        assert words in self.said, f"it ended before it said {words!r}:\n{self.said}"
        return self

    def wait_until_ready(self) -> Self:
        """Wait until a server serves or a worker works."""
        return self.wait_for("(Ctrl-C stops)")

    @property
    def url(self) -> str:
        """Where a server serves."""
        return self.wait_until_ready().said.partition("Serving on ")[2].split()[0]

    def kill(self) -> None:
        """End it as a power failure would: signal 9."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> tuple[int, float]:
        """End it as a service manager would; returns its exit status and how many seconds it took."""
        begun = time.monotonic()
        self._process.terminate()
        return self._process.wait(PATIENCE_SECONDS), time.monotonic() - begun

    def freeze(self) -> None:
        """Have it stand still as a machine does that swaps or is moved, and wait until it does."""
        os.kill(self._process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self._process.pid, signal.SIGCONT)


class Programs:
    """Starts processes in one environment, and has an end with all of them."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._folder = folder
        self._environment = {"POINTPORT_DATA_DIR": str(folder), "POINTPORT_PORT": "0", **QUICK, **environment}
        self._started: list[Program] = []

    def worker(self, **environment: str) -> Program:
        """Start `pointport worker`."""
        return self._start("worker", environment)

    def server(self, **environment: str) -> Program:
        """Start `pointport serve`: the API and a worker in one process."""
        return self._start("serve", environment)

    def living_worker(self) -> Program:
        """Return a worker that was started before and still lives, or else start one."""
        living = [program for program in self._started if program.lives]
        return living[0] if living else self.worker()

    def _start(self, command: str, environment: dict[str, str]) -> Program:
        program = Program(command, self._folder, {**self._environment, **environment})
        self._started.append(program)
        return program

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for program in self._started:
            program.kill()  # A frozen one, too; one that has ended does not mind.
        for program in self._started:
            sys.stdout.write(program.said)  # Shown when the test has failed.


class Watch:
    """Looks at an import from outside, through a connection that nothing else uses; sees nothing while there is none."""

    def __init__(self, conninfo: str, import_id: UUID) -> None:
        self._conninfo = conninfo
        self._import_id = import_id
        self._connection: psycopg.Connection[DictRow] | None = None

    def ask(self, query: sql.SQL) -> DictRow | None:
        """Return the first row that a query gives of `import_id`."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._conninfo, autocommit=True, row_factory=dict_row)
            return self._connection.execute(query, {"import_id": self._import_id}).fetchone()
        except psycopg.OperationalError:
            self.close()
            return None

    @property
    def status(self) -> str:
        """Its status; empty while the database does not answer."""
        found = self.ask(sql.SQL("SELECT status FROM loyalty_import WHERE id = %(import_id)s"))
        return found["status"] if found else ""

    @property
    def has_ended(self) -> bool:
        """Whether it is IMPORTED or FAILED."""
        return self.status in {"IMPORTED", "FAILED"}

    @property
    def applied_rows(self) -> int:
        """How many rows are in the ledger, or were lined up for it and judged bad."""
        found = self.ask(sql.SQL("SELECT applied_rows FROM loyalty_import WHERE id = %(import_id)s"))
        return found["applied_rows"] if found else 0

    @property
    def is_applied(self) -> bool:
        """Whether every row is in the ledger, and only the result is not there yet."""
        found = self.ask(
            sql.SQL(
                "SELECT FROM loyalty_import"
                " WHERE id = %(import_id)s AND applied_rows = ready_rows AND status = 'IMPORTING'"
            )
        )
        return found is not None

    @property
    def copied_rows(self) -> int:
        """How many rows the COPY that runs now has taken; 0 when none runs."""
        found = self.ask(
            sql.SQL("SELECT tuples_processed FROM pg_stat_progress_copy WHERE datname = current_database()")
        )
        return found["tuples_processed"] if found else 0

    @property
    def is_judged(self) -> bool:
        """Whether the staged rows are being lined up just now."""
        found = self.ask(
            sql.SQL(
                "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND state = 'active' AND strpos(query, 'INTO import_ready') > 0"
            )
        )
        return found is not None

    @property
    def has_been_put_back(self) -> bool:
        """Whether its job was given to somebody else, who has begun."""
        found = self.ask(
            sql.SQL(
                "SELECT FROM procrastinate_jobs WHERE args ->> 'subject_id' = %(import_id)s::text"
                " AND attempts > 0 AND status = 'doing'"
            )
        )
        return found is not None

    @property
    def has_open_work(self) -> bool:
        """Whether a transaction of a step is open, of whatever import."""
        found = self.ask(
            sql.SQL(
                "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pointport'"
                " AND xact_start IS NOT NULL"
            )
        )
        return found is not None

    @property
    def has_job(self) -> bool:
        """Whether somebody is, or will be, at work on it."""
        found = self.ask(
            sql.SQL(
                "SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
                " AND args ->> 'subject_id' = %(import_id)s::text"
            )
        )
        return found is not None

    def close(self) -> None:
        """Close the connection; it is opened again when it is needed."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def patiently(call: Callable[[], Answer]) -> Answer:
    """Ask again as long as the answer is to ask again."""
    answers: list[Answer] = []

    def answered() -> bool:
        with suppress(Unavailable):
            answers.append(call())
        return bool(answers)

    until(answered, "there is an answer")
    return answers[0]


def kill_database(folder: Path, watch: Watch) -> None:
    """Kill the embedded server of a folder with all that it had in memory, and wait until its processes have gone."""
    cluster = folder.resolve() / "postgres"
    postmaster = int((cluster / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    command = Path(f"/proc/{postmaster}/cmdline").read_bytes().split(b"\0")
    assert os.fsencode(cluster) in command, "this is another process"
    assert is_there(watch)
    os.kill(postmaster, signal.SIGKILL)
    until(lambda: not is_there(watch), "the database has gone")


def is_there(watch: Watch) -> bool:
    """Whether the database answers. After it has gone, the first look always says no."""
    return watch.status != ""


class RunWatch(Watch):
    """Looks at a preview or an undo in the same way."""

    @property
    def status(self) -> str:
        """Its status; empty while the database does not answer."""
        found = self.ask(sql.SQL("SELECT status FROM import_run WHERE id = %(import_id)s"))
        return found["status"] if found else ""

    @property
    def has_ended(self) -> bool:
        """Whether it is DONE or FAILED."""
        return self.status in {"DONE", "FAILED"}

    @property
    def applied_rows(self) -> int:
        """How many entries are taken back, or judged impossible to take back."""
        found = self.ask(sql.SQL("SELECT applied_rows FROM import_run WHERE id = %(import_id)s"))
        return found["applied_rows"] if found else 0


@contextmanager
def cloned_database(server: str, template: str) -> Iterator[str]:
    """Make a database that many tests share, give its conninfo, and drop it."""
    name = f"pointport_test_{secrets.token_hex(8)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    try:
        yield make_conninfo(server, dbname=name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
