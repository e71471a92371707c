"""What every store of files must do (plumbing/objects/store.py), whichever it is: one suite, a line for each store."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest

from pointport.errors import NotFound
from pointport.plumbing.objects.store import Objects, open_objects

MEBIBYTE = 1024 * 1024
PATH = "sites/01a20554-fd7f-7179-92c1-fa1792a45493/01a20554-fdbb-726d-baad-8156c7a54fd3.csv"


class BrokenOffError(Exception):
    """What a client that goes away looks like."""


def on_disk(folder: Path) -> Objects:
    return open_objects(folder, None)


STORES: Mapping[str, Callable[[Path], Objects]] = {"disk": on_disk}
"""Opens an empty store, given an empty folder. Another store has to pass what follows: add it here."""


@pytest.fixture(params=sorted(STORES))
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    """An empty store."""
    name: str = request.param
    return STORES[name](tmp_path)


def content(objects: Objects, path: str) -> bytes:
    return b"".join(objects.get(path))


def put_stream(objects: Objects, path: str, *chunks: bytes | Exception) -> None:
    """Upload chunks as they arrive; an exception among them is what the upload ends with."""

    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            await asyncio.sleep(0)
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    asyncio.run(objects.put_stream(path, arriving()))


def put(objects: Objects, path: str, *chunks: bytes | Exception) -> None:
    """Write chunks as they are made; an exception among them is what the writing ends with."""

    def made() -> Iterator[bytes]:
        for chunk in chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    objects.put(path, made())


PUTS = pytest.mark.parametrize("write", [put, put_stream])


@PUTS
@pytest.mark.parametrize(
    "chunks",
    [(), (b"",), (b"a",), (b"a", b"", b"bc"), (bytes(range(256)),), (b"x" * MEBIBYTE,) * 11, (b"y" * 11 * MEBIBYTE,)],
    ids=["none", "empty", "one", "small", "all bytes", "many", "large"],
)
def test_what_was_put_is_got(objects: Objects, write: Callable[..., None], chunks: tuple[bytes, ...]) -> None:
    write(objects, PATH, *chunks)
    assert content(objects, PATH) == b"".join(chunks)
    assert objects.size(PATH) == sum(map(len, chunks))


@PUTS
def test_a_put_replaces_the_file_whole(objects: Objects, write: Callable[..., None]) -> None:
    write(objects, PATH, b"a longer file than the next one")
    write(objects, PATH, b"short")
    assert content(objects, PATH) == b"short"


@PUTS
@pytest.mark.parametrize("before", [0, 5, 11 * MEBIBYTE], ids=["at once", "early", "late"])
def test_a_put_that_breaks_off_leaves_nothing_and_says_why(
    objects: Objects, write: Callable[..., None], before: int
) -> None:
    with pytest.raises(BrokenOffError):
        write(objects, PATH, b"x" * before, BrokenOffError())
    with pytest.raises(NotFound):
        objects.size(PATH)
    with pytest.raises(NotFound):
        content(objects, PATH)


@PUTS
def test_a_put_that_breaks_off_leaves_the_file_that_was_there(objects: Objects, write: Callable[..., None]) -> None:
    write(objects, PATH, b"as it was")
    with pytest.raises(BrokenOffError):
        write(objects, PATH, b"x" * 11 * MEBIBYTE, BrokenOffError())
    assert content(objects, PATH) == b"as it was"


def test_a_broken_put_leaves_no_draft_on_the_disk(tmp_path: Path) -> None:
    """The disk's own: what is beside the files takes room too."""
    objects = on_disk(tmp_path)
    for write in (put, put_stream):
        with pytest.raises(BrokenOffError):
            write(objects, PATH, b"x" * 11 * MEBIBYTE, BrokenOffError())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def is_there(objects: Objects) -> bool:
    try:
        return content(objects, PATH) is not None
    except NotFound:
        return False


def test_a_file_appears_when_it_is_whole(objects: Objects) -> None:
    """Whoever looks while chunks come in finds no file yet."""
    seen: list[bool] = []

    def made() -> Iterator[bytes]:
        for _ in range(3):
            yield b"x" * 6 * MEBIBYTE
            seen.append(is_there(objects))

    objects.put(PATH, made())
    assert seen == [False] * 3
    assert is_there(objects)


def test_an_upload_appears_when_it_is_whole(objects: Objects) -> None:
    """Likewise while they come in from a client."""
    seen: list[bool] = []

    async def arriving() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 6 * MEBIBYTE
            seen.append(await asyncio.to_thread(is_there, objects))

    asyncio.run(objects.put_stream(PATH, arriving()))
    assert seen == [False] * 3
    assert is_there(objects)


def test_what_is_not_there_is_not_found(objects: Objects) -> None:
    put(objects, PATH, b"x")
    for path in ("nothing", f"{PATH}.bak", PATH.rpartition("/")[0], PATH.upper()):
        with pytest.raises(NotFound) as caught:
            objects.size(path)
        assert caught.value.reason == "FILE_NOT_FOUND"
        with pytest.raises(NotFound):
            content(objects, path)


def test_files_are_deleted_together_and_once_more_is_no_error(objects: Objects) -> None:
    for path in ("a/1", "a/2", "b/1"):
        put(objects, path, path.encode())
    objects.delete("a/1", "never/was", "b/1")
    objects.delete("a/1")
    objects.delete()
    assert content(objects, "a/2") == b"a/2"
    for path in ("a/1", "b/1"):
        with pytest.raises(NotFound):
            objects.size(path)
    put(objects, "a/1", b"again")
    assert content(objects, "a/1") == b"again"


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "deep/" * 20 + "file",
        "with blank/and.dots..csv",
        "percent%2Fsign/%2e%2e/x",
        "ümläut/点.csv",
        "plus+and&and=and?and#hash",
        "quotes'\"and`",
        "x" * 200,
    ],
)
def test_odd_paths_are_paths(objects: Objects, path: str) -> None:
    put(objects, path, b"odd")
    assert content(objects, path) == b"odd"
    assert objects.size(path) == 3
    objects.delete(path)
    with pytest.raises(NotFound):
        objects.size(path)


def test_paths_that_look_alike_are_different(objects: Objects) -> None:
    paths = ["a/b", "a%2Fb", "a%2fb", "a b", "a+b", "a%20b"]
    for path in paths:
        put(objects, path, path.encode())
    assert [content(objects, path) for path in paths] == [path.encode() for path in paths]


@pytest.mark.parametrize("path", ["../x", "a/../../x", "a/../b", "..", "./x", "a/./b", "a//b", "a\0b"])
def test_a_path_that_leads_elsewhere_is_refused(objects: Objects, tmp_path: Path, path: str) -> None:
    for refused in (lambda: put(objects, path, b"x"), lambda: objects.size(path), lambda: content(objects, path)):
        with pytest.raises(ValueError, match="path"):
            refused()
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == []


def test_every_path_begins_in_the_store(objects: Objects) -> None:
    """A slash in front means nothing."""
    put(objects, f"/{PATH}", b"x")
    assert content(objects, PATH) == b"x"


def test_a_file_is_read_while_another_is_written_from_it(objects: Objects) -> None:
    """The error file is made of the uploaded one: chunks of a put come out of a get of the same store."""
    put(objects, "from", b"x" * 3 * MEBIBYTE)
    objects.put("to", (chunk.upper() for chunk in objects.get("from")))
    assert content(objects, "to") == b"X" * 3 * MEBIBYTE


def test_a_large_file_is_read_in_pieces(objects: Objects) -> None:
    put(objects, PATH, b"z" * 11 * MEBIBYTE)
    sizes = [len(chunk) for chunk in objects.get(PATH)]
    assert sum(sizes) == 11 * MEBIBYTE
    assert max(sizes) < 11 * MEBIBYTE


def test_a_store_that_answers_passes_its_check(objects: Objects) -> None:
    objects.check()
    put(objects, PATH, b"x")
    objects.check()
