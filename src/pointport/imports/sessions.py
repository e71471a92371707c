"""Chunks applied in several sessions side by side, and a statement that can be broken off."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from psycopg.errors import QueryCanceled

from pointport.errors import ImportStopped, Unavailable
from pointport.plumbing.database.pool import Connection

LOOK_SECONDS = 0.3
"""How often it is looked whether a statement is still wanted."""

ApplyChunk = Callable[[bool], bool]
"""Applies the next chunk and tells whether there was one; told to wait, it waits for one that another session is at."""


def apply_all(apply_chunk: ApplyChunk, *, sessions: int, is_stopping: Callable[[], bool]) -> None:
    """Apply chunk after chunk until none is left.

    Raises Unavailable between two when `is_stopping` says so; what one of the sessions raises ends the others too.
    """
    broken = threading.Event()

    def apply_some(waiting: bool) -> None:
        try:
            while not is_stopping():
                if broken.is_set() or not apply_chunk(waiting):
                    return
        except BaseException:
            broken.set()
            raise
        raise Unavailable("the worker is stopping; another goes on")

    if sessions > 1:
        with ThreadPoolExecutor(sessions, thread_name_prefix="apply") as beside:
            applying_some = [beside.submit(apply_some, False) for _ in range(sessions)]
        for ended in applying_some:
            ended.result()
    # What is left is a single chunk, or one that a worker has which was taken for dead.
    apply_some(True)


@contextmanager
def breaking_off(connection: Connection, is_wanted: Callable[[], bool]) -> Iterator[None]:
    """Break off what the connection is at as soon as `is_wanted` no longer says so. Raises ImportStopped then."""
    done, broken_off = threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(LOOK_SECONDS):
            if not is_wanted():
                broken_off.set()
                connection.cancel()

    watching = threading.Thread(target=watch, name="cancel")
    watching.start()
    try:
        yield
    except QueryCanceled as error:
        if not broken_off.is_set():
            raise
        raise ImportStopped("it was cancelled while it was applied") from error
    finally:
        done.set()
        watching.join()
