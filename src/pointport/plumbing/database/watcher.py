"""The watcher stops the server of a data folder when its last client has gone, however that client went.

One runs beside every server, as `python -I -S watcher.py ...`, detached. It holds the watcher's lock from birth and
blocks on the exclusive lock of the lease, of which every client holds a share. The kernel lets go of a dead process's
locks, so the watcher gets the lease exactly when no client lives; nothing is polled and no process id is believed.

The few things here that the clients need too (locks, stopping) are here because this file is run by its path, with the
standard library only and as little of it as will do: it is on the way of every start of a server.
"""

import contextlib
import fcntl
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator

BIRTH_SECONDS_MAX = 1.0
"""Clients look whether the lock is held by taking a share of it for a moment; a newborn watcher outlasts that."""

STOP_SECONDS_MAX = 60.0
"""For a fast shutdown: it writes a checkpoint. After that the server is told to stop without one."""

STOP_AT_ONCE_SECONDS_MAX = 15.0
"""For a shutdown without a checkpoint: the server itself kills what has not gone after five seconds."""

POLL_SECONDS = 0.005
ASK_AGAIN_SECONDS = 0.5

COMMAND_BYTES_MAX = 65536

MACOS_SOL_LOCAL, MACOS_LOCAL_PEERPID = 0, 2


def open_lock(path: str) -> int:
    """Open the file of a lock, which no child inherits unless it is handed down by name.

    Raises OSError when the file cannot be made or opened.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def locked_within(lock: int, kind: int, seconds_max: float) -> bool:
    """Take a lock (LOCK_EX or LOCK_SH) within a time; 0 tries once."""
    deadline = time.monotonic() + seconds_max
    while True:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        else:
            return True


def listener(socket_path: str) -> int | None:
    """Whoever listens at a socket: its process id by the kernel's word, 0 when that is hidden, None when nobody does.

    Only the postmaster listens (its children close the socket first thing), so an answer means that it lives; a file
    with its process id would not, as process ids come back.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(socket_path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError:
            return 0  # Somebody is there, but has its hands full.
        linux_option = getattr(socket, "SO_PEERCRED", None)
        if linux_option is None:
            return connection.getsockopt(MACOS_SOL_LOCAL, MACOS_LOCAL_PEERPID)
        process, _, _ = struct.unpack(
            "3i", connection.getsockopt(socket.SOL_SOCKET, linux_option, struct.calcsize("3i"))
        )
        return int(process)


def stop_server(server_lock: int, socket_path: str, title: str) -> bool:
    """Stop the server, if there is one, and wait until its last process has gone; False when it would not.

    Every process of the server inherited `server_lock`, so getting it is the proof that none is left. A server that is
    only just starting has the lock already and no socket yet: it is asked again and again.
    """
    if locked_within(server_lock, fcntl.LOCK_EX, 0):
        return True
    begun = time.monotonic()
    stopped = False
    while not stopped:
        seconds = time.monotonic() - begun
        if seconds > STOP_SECONDS_MAX + STOP_AT_ONCE_SECONDS_MAX:
            return False
        found = listener(socket_path)
        for postmaster in [found] if found else _postmasters(title):
            _signal(postmaster, signal.SIGINT if seconds < STOP_SECONDS_MAX else signal.SIGQUIT)
        end_orphans(title)
        stopped = locked_within(server_lock, fcntl.LOCK_EX, ASK_AGAIN_SECONDS)
    with contextlib.suppress(OSError):  # A killed server left its socket in it: the next start clears that away.
        os.rmdir(os.path.dirname(socket_path))  # noqa: PTH106, PTH120 (pathlib would make this program start slower)
    return True


def end_orphans(title: str) -> None:
    """End the processes of the server that outlived their postmaster.

    Most of them go by themselves at once; one that is busy, or waits for something that the dead one held, does not,
    and no new server can start beside it. They are known by the title that the server gives its children. That nobody
    answers at the socket would not do as a sign: it may have been removed, or lie in a /tmp that is not ours.

    The children are looked for before the postmaster: in the other order they could be of one that has just started.
    """
    children = list(_processes(lambda command: command.startswith(os.fsencode(f"postgres: {title}: "))))
    if children and not any(_postmasters(title)):
        for child in children:
            _signal(child, signal.SIGKILL)


def _postmasters(title: str) -> Iterator[int]:
    argument = os.fsencode(f"cluster_name={title}")
    return _processes(lambda command: argument in command.split(b"\0"))


def _processes(are_meant: Callable[[bytes], bool]) -> Iterator[int]:
    """Find processes by their command lines: the only thing that root may read of everybody in every container.

    None are found where there is no /proc.
    """
    try:
        with os.scandir("/proc") as entries:
            processes = [entry.name for entry in entries if entry.name.isdecimal()]
    except FileNotFoundError:
        return
    for process in processes:
        with contextlib.suppress(OSError):  # It has gone meanwhile.
            file = os.open(f"/proc/{process}/cmdline", os.O_RDONLY)
            try:
                command = os.read(file, COMMAND_BYTES_MAX)
            finally:
                os.close(file)
            if are_meant(command):
                yield int(process)


def _signal(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # Gone meanwhile, or not ours after all.
        os.kill(process, number)


def keep_watch(watcher_path: str, lease_path: str, server_path: str, socket_path: str, title: str) -> None:
    """Be the watcher: return when the last client has gone and the server has stopped.

    Raises OSError when the files of the locks cannot be opened: then the client that started us hears of it.
    """
    # Everything is opened at once: the locks hold even when somebody removes the data folder under a running server.
    watcher_lock = open_lock(watcher_path)
    lease = open_lock(lease_path)
    server_lock = open_lock(server_path)
    if not locked_within(watcher_lock, fcntl.LOCK_EX, BIRTH_SECONDS_MAX):
        return  # Another one keeps watch.
    # The lock goes to the child with the open file; the parent's exit tells the client that it is held. The child
    # belongs to init from here on, so that no client has to reap it.
    if os.fork() > 0:
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A service manager that stops a service signals all its processes. The clients must be first to go.
        signal.signal(number, signal.SIG_IGN)
    fcntl.flock(lease, fcntl.LOCK_EX)
    # Who comes now waits for the lease, and finds the server stopped rather than stopping.
    stop_server(server_lock, socket_path, title)
    # The lease goes last: whoever gets it next must neither take us for a server nor for a living watcher.
    for lock in (server_lock, watcher_lock, lease):
        os.close(lock)


if __name__ == "__main__":
    keep_watch(*sys.argv[1:])
