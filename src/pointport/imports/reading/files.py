"""The data rows of a file that was learned, text or workbook: the second reading, and every one after it."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from pointport.imports.reading import encoding, rows, workbook
from pointport.imports.reading.batch import Batch
from pointport.imports.reading.corrected import without_our_columns
from pointport.imports.reading.dialect import is_separator_line
from pointport.imports.shapes import Dialect, Row
from pointport.settings import Settings

WORKBOOK_ROWS = 1_000
"""Rows of a workbook that are handed on together."""
PIECE_BYTES = 4 * 1024
"""What is taken of a file to read one row; most are shorter."""


def read(chunks: Iterable[bytes], dialect: Dialect, settings: Settings) -> Iterator[Row]:
    """Return the rows below the heading, in order. Raises FileRejected where the file cannot be read on."""
    found = data_rows(_batches(chunks, dialect, settings), dialect)
    return itertools.chain.from_iterable(map(Batch.rows, found))


def read_at(
    open_file: Callable[[], Iterable[bytes]], dialect: Dialect, settings: Settings, lines: Sequence[int]
) -> Iterator[Row]:
    """Return the rows that start at these lines, in order, and pass the others over without taking them apart.

    So a page of rows deep in a large file costs what looking for line ends does. Where a line cannot be told by those,
    the file is read as `read` does.
    """
    wanted = sorted(set(lines))
    if dialect.sheet is not None or dialect.encoding in (encoding.UTF_16_LE, encoding.UTF_16_BE):
        yield from _only(read(open_file(), dialect, settings), wanted)
        return
    place = _Place(open_file())
    for index, line in enumerate(wanted):
        if not place.go_to(line):
            # What is left is found by reading, if it is there.
            yield from _only(read(open_file(), dialect, settings), wanted[index:])
            return
        text = encoding.pieces(place.ahead(), dialect.encoding, is_beginning=line == 1)
        found = rows.records(text, dialect, cell_characters_max=settings.cell_characters_max)
        row = next(found, None)
        if row is None or row[0] != 1:
            continue
        if dialect.our_columns:
            (row,) = without_our_columns([row], dialect.columns, dialect.our_columns)
        yield (line, *row[1:])


class _Place:
    """A place in a file at the beginning of a line, and the bytes from there as far as they were looked at."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = b""
        self._carried = b""
        self._line = 1
        self._is_plain = True
        """Whether each line so far ended with LF."""

    def go_to(self, line: int) -> bool:
        """Go on to a line; tells whether that could be done."""
        while self._is_plain:
            ends = self._held.count(b"\n")
            if self._line + ends >= line:
                start = 0
                for _ in range(line - self._line):
                    start = self._held.index(b"\n", start) + 1
                self._held, self._line = self._held[start:], line
                return True
            self._held, self._line = self._held[self._held.rfind(b"\n") + 1 :], self._line + ends
            if not self._take():
                break
        return False

    def ahead(self) -> Iterator[bytes]:
        """Return the bytes from here in small pieces; where it stands does not change."""
        start = 0
        while start < len(self._held) or self._take():
            piece = self._held[start : start + PIECE_BYTES]
            start += len(piece)
            yield piece

    def _take(self) -> bool:
        chunk = next(self._chunks, b"")
        taken = self._carried + chunk
        self._carried = b"\r" if chunk and taken.endswith(b"\r") else b""
        taken = taken.removesuffix(self._carried)
        if taken.count(b"\r") != taken.count(b"\r\n"):
            self._is_plain = False
        self._held += taken
        return bool(chunk or taken)


def _only(found: Iterable[Row], lines: Sequence[int]) -> Iterator[Row]:
    """Return the rows that start at these lines."""
    wanted = iter(lines)
    line = next(wanted, None)
    for row in found:
        while line is not None and line < row[0]:
            line = next(wanted, None)
        if line is None:
            return
        if line == row[0]:
            yield row


def _batches(chunks: Iterable[bytes], dialect: Dialect, settings: Settings) -> Iterator[Batch]:
    """Return every row that has something in it, the heading and what stands above it as well."""
    if dialect.sheet is not None:
        with workbook.opened(chunks, sheet=dialect.sheet, settings=settings) as opened:
            yield from in_batches(opened.rows())
        return
    text = encoding.pieces(chunks, dialect.encoding)
    yield from rows.batches(text, dialect, cell_characters_max=settings.cell_characters_max)


def in_batches(found: Iterator[Row]) -> Iterator[Batch]:
    """Put the rows of a workbook together."""
    while batch := list(itertools.islice(found, WORKBOOK_ROWS)):
        yield Batch.of(batch)


def data_rows(found: Iterable[Batch], dialect: Dialect) -> Iterator[Batch]:
    """Return the rows below the heading; without one, all but a first line that only tells the delimiter.

    Of a file of ours they are as they were before it was written.
    """
    is_below = False
    for batch in found:
        below = batch
        if not is_below:
            below = Batch.of([row for row in batch.rows() if _is_data(row, dialect)], is_ascii=batch.is_ascii)
            is_below = bool(below.cells)
        if dialect.our_columns:
            kept = list(without_our_columns(below.rows(), dialect.columns, dialect.our_columns))
            below = Batch.of(kept, is_ascii=below.is_ascii)
        yield below


def _is_data(row: Row, dialect: Dialect) -> bool:
    return row[0] > dialect.heading_line and not (row[0] == 1 and is_separator_line(row[1], dialect.delimiter))
