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
from collections.abc import Iterator

BIRTH_SECONDS_MAX = 1.0
"""Clients look whether the lock is held by taking a share of it for a moment; a newborn watcher outlasts that."""

STOP_SECONDS_MAX = 60.0
"""For a fast shutdown: it writes a checkpoint. After that the server is told to stop without one."""

STOP_AT_ONCE_SECONDS_MAX = 15.0
"""For a shutdown without a checkpoint: the server itself kills what has not gone after five seconds."""

POLL_SECONDS = 0.005
ASK_AGAIN_SECONDS = 0.5

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
    only just starting has the lock already and no socket yet: it is asked as soon as it listens.
    """
    if locked_within(server_lock, fcntl.LOCK_EX, 0):
        return True
    begun = time.monotonic()
    stopped = False
    while not stopped:
        seconds = time.monotonic() - begun
        if seconds > STOP_SECONDS_MAX + STOP_AT_ONCE_SECONDS_MAX:
            return False
        postmaster = listener(socket_path)
        if postmaster is None:
            end_orphans(socket_path, title)
        elif postmaster > 0:
            _signal(postmaster, signal.SIGINT if seconds < STOP_SECONDS_MAX else signal.SIGQUIT)
        stopped = locked_within(server_lock, fcntl.LOCK_EX, ASK_AGAIN_SECONDS)
    with contextlib.suppress(OSError):  # A killed server left its socket in it: the next start clears that away.
        os.rmdir(os.path.dirname(socket_path))  # noqa: PTH106, PTH120 (pathlib would make this program start slower)
    return True


def end_orphans(socket_path: str, title: str) -> None:
    """End the processes that outlived their postmaster.

    Most of them go by themselves at once; one that is busy, or waits for something that the dead one held, does not,
    and no new server can start beside it. They are known by the title that the server gives its children, the only
    thing that root may read of them in every container; without /proc they are waited for.

    A postmaster listens from before its first child until after its last. So of those that are found first, while
    nobody listens afterwards, none has a living one; the other way round, they could be of one that has just started.
    """
    children = list(_processes_titled(f"postgres: {title}: "))
    if children and listener(socket_path) is None:
        for child in children:
            _signal(child, signal.SIGKILL)


def _processes_titled(start: str) -> Iterator[int]:
    title = os.fsencode(start)
    try:
        processes = [entry.name for entry in os.scandir("/proc") if entry.name.isdecimal()]
    except OSError:
        return
    for process in processes:
        with contextlib.suppress(OSError):  # It has gone meanwhile.
            command = os.open(f"/proc/{process}/cmdline", os.O_RDONLY)
            try:
                if os.read(command, len(title)) == title:
                    yield int(process)
            finally:
                os.close(command)


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
    # The watcher's lock goes before the lease: who then gets the lease must not take us for a living watcher.
    os.close(watcher_lock)
    os.close(lease)


if __name__ == "__main__":
    keep_watch(*sys.argv[1:])
