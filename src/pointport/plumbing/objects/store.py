"""Four verbs on files by path: put, get, size and delete; streams all the way, whatever the size.

A file appears whole or not at all: a put that fails or is broken off leaves nothing, and what was there before stays.
"""

import errno
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from pointport.errors import NotFound, PointportError, Unavailable

NO_SPACE = os.strerror(errno.ENOSPC)
READ_BYTES_MIN = 64 * 1024
"""Bytes taken from the store at a time, at least. Each thread that reads keeps room for some of them."""

PART_BYTES = 5 * 1024 * 1024
"""How a file is cut on its way into the store; S3 takes no smaller parts."""
PART_BYTES_ON_DISK = 256 * 1024
"""A disk does, and is no slower for it."""
PARTS_AT_ONCE_MAX = 2
"""Parts that are on their way into the store, while it is slower than what they come from: they wait in memory."""


class Objects:
    """A folder or bucket of files, known by paths like `sites/<site>/<guid>.csv`."""

    def __init__(self, store: ObjectStore, *, part_bytes: int = PART_BYTES) -> None:
        self._store = store
        self._part_bytes = part_bytes

    async def put_stream(self, path: str, chunks: AsyncIterator[bytes]) -> None:
        """Write a file from chunks as they arrive; what `chunks` raises comes through, and nothing is kept.

        Raises Unavailable when the store is full or gone.
        """
        with _telling(path):
            await obstore.put_async(
                self._store, path, chunks, chunk_size=self._part_bytes, max_concurrency=PARTS_AT_ONCE_MAX
            )

    def put(self, path: str, chunks: Iterator[bytes]) -> None:
        """Write a file from chunks, which may come out of the store. Raises Unavailable when it is full or gone."""
        with _telling(path), ThreadPoolExecutor(1) as outside:
            obstore.put(
                self._store,
                path,
                _made_by(outside, chunks),
                chunk_size=self._part_bytes,
                max_concurrency=PARTS_AT_ONCE_MAX,
            )

    def get(self, path: str) -> Iterator[bytes]:
        """Read a file in chunks. Raises NotFound, Unavailable."""
        with _telling(path):
            stream = obstore.get(self._store, path).stream(min_chunk_size=READ_BYTES_MIN)
            for chunk in stream:
                yield bytes(chunk)

    def size(self, path: str) -> int:
        """Return a file's size in bytes. Raises NotFound, Unavailable."""
        with _telling(path):
            return int(obstore.head(self._store, path)["size"])

    def delete(self, *paths: str) -> None:
        """Delete files; one that is not there is no error. Raises Unavailable."""
        for path in paths:
            try:
                with _telling(path):
                    obstore.delete(self._store, path)
            except NotFound:
                continue

    def paths_before(self, moment: datetime) -> Iterator[str]:
        """Return the files that were written before a moment. Raises Unavailable."""
        with _telling(""):
            for listed in obstore.list(self._store):
                yield from (str(found["path"]) for found in listed if found["last_modified"] < moment)

    def check(self) -> None:
        """Ask the store for its first file, to see that it answers. Raises Unavailable."""
        with _telling(""):
            next(iter(obstore.list(self._store, chunk_size=1)), None)


def open_objects(data_dir: Path, files_url: str | None) -> Objects:
    """Open the files of a data folder, or those at a URL that obstore knows (s3, gs, az)."""
    if files_url is not None:
        return Objects(from_url(files_url))
    folder = data_dir / "files"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Objects(LocalStore(folder), part_bytes=PART_BYTES_ON_DISK)


def _made_by(outside: ThreadPoolExecutor, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Have chunks made in another thread: obstore asks for them where nothing else of obstore can run."""
    while (chunk := outside.submit(next, chunks, None).result()) is not None:
        yield chunk


@contextmanager
def _telling(path: str) -> Iterator[None]:
    try:
        yield
    except PointportError:
        raise
    except FileNotFoundError as error:
        raise NotFound(f"no file at {path}", code="FILE_NOT_FOUND") from error
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise Unavailable("the file store is full" if full else "the file store is not available") from error
    except BaseError as error:
        # obstore keeps the system's words, but not its number.
        if NO_SPACE in str(error):
            raise Unavailable("the file store is full") from error
        raise Unavailable("the file store is not available just now; try again in a moment") from error
