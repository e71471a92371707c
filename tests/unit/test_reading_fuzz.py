"""Any bytes at all end in rows or in a named refusal, in little memory, with work that grows as the file does.

The ordinary run tries a few files. `make fuzz` sets POINTPORT_FUZZ_SECONDS: new files are made up for so long, and all
the files that are hard to read are tried, at a larger size.
"""

import csv
import io
import itertools
import os
import random
import sys
import time
import tracemalloc
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import FrameType
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from pointport.errors import FileRejected
from pointport.imports import problems
from pointport.imports.reading import converting, encoding, files, learning, overrides
from pointport.imports.shapes import Learned, Reading
from pointport.settings import Settings

SECONDS = float(os.environ.get("POINTPORT_FUZZ_SECONDS", "0"))
"""How long to make up files; 0 makes up a few."""
IS_LONG = SECONDS > 0
EXAMPLES = 300 if IS_LONG else 20
STRATEGIES = 3
"""Ways to make up files, which share the seconds."""

KIBIBYTE, MEBIBYTE = 1024, 1024 * 1024
MEMORY_BYTES_MAX = 64 * MEBIBYTE
HELD_BYTES = MEBIBYTE if IS_LONG else 4 * KIBIBYTE
HELD_BYTES_OF_SIMPLE = 10 * MEBIBYTE if IS_LONG else 4 * KIBIBYTE
"""Sizes of the files at which the memory is looked at."""
COUNTED_BYTES = 16 * KIBIBYTE
"""Size of the smaller file of two whose calls are counted."""
GROWTH = 4
GROWTH_OF_CALLS_MAX = 5
"""Four times the bytes may take this many times the calls: four, and a little by chance."""
CALLS_PER_BYTE_MAX = 100
CALLS_ONCE_MAX = 4_000_000
"""Twice what the hardest of the files takes that is read well: for each byte, and to find out what a file is."""

SETTINGS = Settings(_env_file=None)


# --- What must hold for any file ------------------------------------------------------------------------------------------


def check(content: bytes, told: Reading, chunk_bytes: int) -> None:
    """Read a file in chunks, twice, and once more in one piece; then convert it."""
    chunks = [content[start : start + chunk_bytes] for start in range(0, len(content), chunk_bytes)]
    learned = learned_or_refused(chunks, told)
    if isinstance(learned, Learned):
        rows = list(files.read(chunks, learned.dialect, SETTINGS))
        assert len(rows) == learned.row_count
        assert learned.row_count == 0 or rows[0][0] > learned.dialect.heading_line
        assert all(before[0] < after[0] for before, after in itertools.pairwise(rows))
        assert {fault for _, _, fault in rows} <= {None, *problems.CATALOGUE}
        assert list(files.read([content], learned.dialect, SETTINGS)) == rows
    else:
        assert learned.message
        assert learned.reason
    check_converted(chunks, told)


def learned_or_refused(chunks: Sequence[bytes], told: Reading) -> Learned | FileRejected:
    try:
        return learning.learn(lambda: chunks, SETTINGS, told)
    except FileRejected as refused:
        return refused


def check_converted(chunks: Sequence[bytes], told: Reading) -> None:
    """Converting ends in clean CSV of the same rows, or in a refusal."""
    try:
        converted = b"".join(converting.convert(lambda: chunks, SETTINGS, told)).decode()
    except FileRejected:
        return
    learned = learning.learn(lambda: chunks, SETTINGS, told, columns_min=1)
    rows = list(csv.reader(io.StringIO(converted, newline=""), strict=True))
    assert {len(row) for row in rows} == {learned.columns}
    assert len(rows) == learned.row_count + 1


# --- Made-up files --------------------------------------------------------------------------------------------------------

TOKENS = (
    *(mark.encode() for mark in ",;\t|:'\"\\ \r\n\0"),
    *(b"\r\n", b"\n\n", b"\r\r\n", b'""', b'"\n', b'\n"', b'","', b'"\r"', b"\x1a", b"\x0b", b"\xff", b"\x80", b"\xc3"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0\0", b"a\0", b"\0a", b"\xe2\x80\x8b", b"\xc2\xa0"),
    *("\U0001f600".encode(), "\U0001f600".encode("utf-16-le")),
    *(b"a", b"7", b"1.234,5", b"Ann", b"ann@example.com", b"Email", b"Points", b"\x83\x7c\x83\x43", b"M\xfcller"),
    *(b"sep=;", b"sep=\n", b"Import line,Import status,Error code,Error reason", b"'=1"),
    *(b"<html>", b'{"a":', b"%PDF-1.7\n"),
    *(b"PK\x03\x04", b"PK\x05\x06", b"PK\x01\x02", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"<row>", b'<c t="s"><v>9</v></c>'),
    *(mark * count for mark in (b'"', b",", b"\n", b"a") for count in (70, 1_001)),
)  # fmt: skip


def workbook_of(rows: Sequence[Sequence[str | int]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


TABLE = (
    ("Name", "Email", "Points", "Note"),
    ("Ann Smith", "ann@example.com", 1_200, ""),
    ("José Müller", "jose@example.com", 7, 'says "hi", often'),
    ("Zoë", "zoe@example.com", 52_620, "two\nlines"),
    ("O'Neill", "o.neill@example.com", 0, "it's; fine"),
)


def text_of(delimiter: str, quote: str, line_end: str) -> str:
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=delimiter, quotechar=quote, lineterminator=line_end)
    writer.writerows(TABLE)
    return target.getvalue()


GOOD = (
    *(
        text_of(delimiter, quote, line_end).encode(name)
        for delimiter, quote, line_end, name in zip(
            ",;\t|,;", "\"\"\"'\"'", ("\n", "\r\n", "\n", "\r", "\r\n", "\n"),
            ("utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-be", "utf-8"), strict=True,
        )
    ),
    text_of(",", '"', "\r\n").replace('""', '\\"').encode(),
    "氏名,メールアドレス,ポイント\r\n山田,yamada@example.jp,5\r\n佐藤,sato@example.jp,7\r\n".encode("cp932"),
    workbook_of(TABLE),
)  # fmt: skip
"""What is made worse: text in many dialects and encodings, and a workbook."""

Change = Callable[[bytes, int, int, bytes], bytes]
CHANGES: tuple[Change, ...] = (
    lambda content, start, length, token: content[:start] + token + content[start:],
    lambda content, start, length, token: content[:start] + token + content[start + len(token) :],
    lambda content, start, length, token: content[:start] + content[start + length :],
    lambda content, start, length, token: content[:start],
    lambda content, start, length, token: content[: start + length] * 2 + content[start:],
    lambda content, start, length, token: content[:start] + content[start : start + 1] * length + content[start:],
    lambda content, start, length, token: content.replace(content[start : start + 1], token, length),
    lambda content, start, length, token: (
        content[:start] + bytes(byte ^ (1 << length % 8) for byte in content[start : start + 1]) + content[start + 1 :]
    ),
)
"""Put in, written over, cut out, cut off, doubled, repeated, replaced, a bit turned."""


@st.composite
def worsened(draw: st.DrawFn) -> bytes:
    """A good file, or two together, to which a few things happened."""
    content = b"".join(draw(st.lists(st.sampled_from(GOOD), min_size=1, max_size=2)))
    for _ in range(draw(st.integers(1, 8))):
        start, length = draw(st.integers(0, len(content))), draw(st.integers(1, 60))
        content = draw(st.sampled_from(CHANGES))(content, start, length, draw(st.sampled_from(TOKENS)))
    return content


TOLD = st.just(Reading()) | st.builds(
    Reading,
    encoding=st.none() | st.sampled_from(sorted(encoding.NAMES)),
    delimiter=st.none() | st.sampled_from(overrides.DELIMITERS),
    quote=st.none() | st.sampled_from(overrides.QUOTES),
    heading_line=st.none() | st.integers(0, 5),
    sheet=st.none() | st.sampled_from(["1", "Sheet", "9"]),
)
CONTENTS = {
    "bytes": st.binary(max_size=3_000),
    "tokens": st.lists(st.sampled_from(TOKENS), max_size=120).map(b"".join),
    "worsened": worsened(),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_any_bytes_end_in_rows_or_a_named_refusal(kind: str) -> None:
    phases = [phase for phase in Phase if phase is not Phase.explain]

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), phases=phases)
    @given(CONTENTS[kind], TOLD, st.sampled_from([1, 7, 64, 65_536]))
    def any_file(content: bytes, told: Reading, chunk_bytes: int) -> None:
        note(f"check({content!r}, {told!r}, {chunk_bytes})")
        check(content, told, chunk_bytes)

    end = time.monotonic() + SECONDS / STRATEGIES
    any_file()
    while time.monotonic() < end:
        any_file()


READ_IN_TWO_WAYS = {
    "a doubled carriage return, and a quote later": (b'Name,Email,Points\na,b\r\r\nc,d\n"x",y\n', 1),
    "a row of 1,002 cells, and a quote later": (b"Name,Email,Points\n" + b"a," * 1_001 + b'7\n"a,b\n', 1),
    "a blank row of 1,002 cells behind a quote": (b',;""\r' + b"," * 1_001, 1),
    "a blank row of 1,002 cells, and a quote before it": (b';\r""' + b"," * 1_001 + b"\r" + b"," * 1_001, 1),
}
"""What was found: files of which the rows depended on how the bytes arrived."""


@pytest.mark.parametrize("name", READ_IN_TWO_WAYS)
def test_rows_do_not_depend_on_how_the_bytes_arrive(name: str) -> None:
    content, chunk_bytes = READ_IN_TWO_WAYS[name]
    check(content, Reading(), chunk_bytes)


# --- Files that are hard to read ------------------------------------------------------------------------------------------

CHUNK_BYTES = 64 * 1024
HEAD = b"Name,Email,Points\r\nAnn,ann@example.com,1200\r\n"
PATTERNS: Mapping[str, bytes] = {
    "an endless line": b"a",
    "an endless quote": b'"' + b"a" * 60 + b"\n" + b"a\n" * 99_999,
    "a quote that opens, and good rows": b'"Ann,ann@example.com,5\n' + b"Bob,bob@example.com,7\n" * 99_999,
    "only quotes": b'"',
    "only apostrophes and commas": b"',",
    "only delimiters": b",",
    "only line feeds": b"\n",
    "only carriage returns": b"\r",
    "carriage returns doubled": b"\r\r\n",
    "only NULs": b"\0",
    "only byte order marks": b"\xef\xbb\xbf",
    "only bytes that are no characters": b"\xff",
    "only blanks": b" \t",
    "quotes divided by commas over lines": b'x","y\n',
    "quotes around line feeds": b'"\n"',
    "quoted texts over lines": b'"a\n"',
    "commas and quotes in turn": b'",a;\n\\',
    "a quote in each line": b'"\n',
    "a quote opens in each row": b'Ann,"ann@example.com,5\n',
    "a quote closes in each row": b'Ann,ann@example.com",5\n',
    "a quote inside each row": b'An"n,ann@example.com,5\n',
    "quotes not doubled": b'"Ann "A" Smith","ann@example.com","5"\n',
    "quotes of three": b'"""\n',
    "quotes that open and close in turn": b'Ann,"a@example.com\n",5\n',
    "quoted cells of very many lines": b'"' + b"a\n" * 15_000 + b'",b@example.com,7\n',
    "backslashes and quotes": b'\\"',
    "backslashes and quotes in rows": b'"A\\"nn\\",ann@example.com,5\n',
    "blanks before quotes": b'Ann ,   "ann@example.com"   , "5 \n',
    "carriage returns inside rows": b"An\rn,ann@example.com,5\n",
    "carriage returns and quotes": b'"\r",\r\n',
    "rows of very many cells": b"a," * 5_000 + b"\n",
    "rows without an address": b"a,b,c\n",
    "delimiters in turn": b"a;b,c\td|e:f g\n",
    "apostrophes around cells": b"'Ann','o'neill@example.com',5\n",
    "at signs": b"@,",
    "digits and commas": b"1,234,567.\n",
    "half of a character": b"\xe3\x81,\n",
}
"""What is repeated behind a good heading and a good row."""


def repeated(pattern: bytes, byte_count: int, head: bytes = HEAD) -> Iterator[bytes]:
    """Make a file of a pattern as a stream, so that it takes no memory itself."""
    yield head
    chunk = pattern * (1 + min(byte_count, CHUNK_BYTES) // len(pattern))
    for _ in range(-(-byte_count // len(chunk))):
        yield chunk


def shuffled(alphabet: str, byte_count: int) -> Iterator[bytes]:
    """Make a file of characters by chance, the same every time."""
    chance = random.Random(alphabet)  # noqa: S311
    yield HEAD
    for _ in range(-(-byte_count // CHUNK_BYTES)):
        yield "".join(chance.choices(alphabet, k=min(byte_count, CHUNK_BYTES))).encode()


def growing(byte_count: int) -> Iterator[bytes]:
    """Make rows of which each is wider than the one before."""
    yield HEAD
    width, held = 1, 0
    while held < byte_count:
        row = b"a," * width + b"\n"
        yield row
        held, width = held + len(row), width + 1


def in_utf_16(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield b"\xff\xfe"
    for chunk in chunks:
        yield chunk.decode().encode("utf-16-le")


Adversary = Callable[[int], Iterator[bytes]]
ADVERSARIES: Mapping[str, Adversary] = {
    **{name: partial(repeated, pattern) for name, pattern in PATTERNS.items()},
    **{
        f"{name}, and nothing else": partial(repeated, PATTERNS[name], head=b"")
        for name in ("an endless line", "only quotes", "only delimiters", "only line feeds", "a quote in each line")
    },
    "rows that widen": growing,
    "quotes, commas and line feeds by chance": partial(shuffled, '",\na'),
    "all marks by chance": partial(shuffled, "\"',;\t|\\\r\n @a1"),
    "a quote in each line of UTF-16": lambda byte_count: in_utf_16(repeated(b'"\n', byte_count // 2)),
}


FEW = {
    "an endless line",
    "only quotes",
    "only line feeds",
    "quotes divided by commas over lines",
    "quotes around line feeds",
    "a quote in each line",
    "a quote opens in each row",
    "quotes, commas and line feeds by chance",
}
"""Those of the ordinary run."""
SIMPLE = {"an endless line", "only quotes", "only delimiters", "only line feeds", "only NULs", "only blanks"}
"""Those that are quick, and are looked at with as many bytes as an upload may have."""


def read_to_the_end(open_file: Callable[[], Iterable[bytes]]) -> None:
    """Read a file twice, and keep nothing."""
    try:
        learned = learning.learn(open_file, SETTINGS)
        deque(files.read(open_file(), learned.dialect, SETTINGS), maxlen=0)
    except FileRejected:
        pass


def memory_of(run: Callable[[], None]) -> int:
    """Return how much more memory than before is held at most while something runs."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def calls_of(run: Callable[[], None], calls_max: int) -> int:
    """Count the calls of functions, those of the interpreter's own too, while something runs, and stop it at too many."""
    count = 0

    def profile(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}
        if count > calls_max:
            pytest.fail(f"more than {calls_max:,} calls")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


def check_work(open_file: Callable[[int], Iterable[bytes]]) -> None:
    """Read a file of a size and one of four times the size, and compare the calls."""
    small, large = (
        calls_of(
            partial(read_to_the_end, partial(open_file, byte_count)), CALLS_ONCE_MAX + CALLS_PER_BYTE_MAX * byte_count
        )
        for byte_count in (COUNTED_BYTES, GROWTH * COUNTED_BYTES)
    )
    assert large < GROWTH_OF_CALLS_MAX * small


@pytest.mark.parametrize("name", ADVERSARIES if IS_LONG else sorted(FEW))
def test_memory_is_bounded_and_work_grows_as_the_file_does(name: str) -> None:
    # What takes too many calls for a small file would take for ever for a large one, so they are counted first.
    check_work(ADVERSARIES[name])
    byte_count = HELD_BYTES_OF_SIMPLE if name in SIMPLE else HELD_BYTES
    assert memory_of(partial(read_to_the_end, partial(ADVERSARIES[name], byte_count))) < MEMORY_BYTES_MAX


# --- Archives that are hard to read ---------------------------------------------------------------------------------------


def packed(members: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def replaced(part: str, content: bytes) -> bytes:
    """Make a workbook of which one part is another."""
    with zipfile.ZipFile(io.BytesIO(workbook_of(TABLE))) as archive:
        return packed({**{name: archive.read(name) for name in archive.namelist()}, part: content})


def sheet_of(rows: str) -> bytes:
    namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<worksheet xmlns="{namespace}"><sheetData>{rows}</sheetData></worksheet>'.encode()


def large_workbook(row_count: int) -> bytes:
    return workbook_of(
        [("Email", "Points"), *((f"customer{number}@example.com", number) for number in range(row_count))]
    )


def archives(size: int) -> Iterator[tuple[str, bytes]]:
    """Make archives of about a size: zips in each other, and workbooks with something endless in them."""
    nested = b"Name,Email,Points\n"
    for _ in range(size // KIBIBYTE):
        nested = packed({"list.zip": nested})
    sheet = "xl/worksheets/sheet1.xml"
    yield "zips in each other", nested
    yield "a bomb", replaced("xl/media/image.png", bytes(size * 1_000))
    yield "many parts", packed({f"xl/{number}": b"" for number in range(size // 16)})
    yield "a large workbook", large_workbook(size // 16)
    yield "elements in each other", replaced(sheet, sheet_of("<row>" * size))
    yield "an element without end", replaced(sheet, sheet_of("<row " + "a" * size * 16))
    yield (
        "cells far from each other",
        replaced(
            sheet,
            sheet_of('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'),
        ),
    )
    yield "rows of many cells", replaced(sheet, sheet_of(("<row>" + "<c><v>1</v></c>" * 99 + "</row>") * (size // 128)))


def test_no_archive_fills_the_memory() -> None:
    for name, content in archives(64 * KIBIBYTE if IS_LONG else KIBIBYTE):
        assert memory_of(lambda content=content: read_to_the_end(lambda: [content])) < MEMORY_BYTES_MAX, name  # type: ignore[misc]


def test_work_grows_as_a_workbook_does() -> None:
    books = {size: large_workbook(size // 16) for size in (COUNTED_BYTES, GROWTH * COUNTED_BYTES)}
    check_work(lambda size: [books[size]])
