"""The first reading of a file: to its end, once, finding out all that the user is shown before the import."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from pointport.errors import FileRejected
from pointport.imports.reading import encoding, headings, numbers
from pointport.imports.reading.dialect import guess_delimiter
from pointport.imports.reading.rows import CORRECTED_COLUMNS, is_corrected, records, unguarded, without_our_columns
from pointport.imports.shapes import Dialect, Learned, Row
from pointport.settings import Settings

UNSTORABLE = re.compile("[\ud800-\udfff\0]")
HEAD_BYTES = 64 * 1024
HEAD_LINES = 200
HEAD_CHARACTERS = 1024 * 1024
"""Enough to tell the delimiter by; lines may be long, and the head is held in memory."""
COLUMNS_MIN = 2
DAMAGED_SHARE_MAX = 0.1
"""A file is no text in its encoding when more of its rows than this hold bytes that are no characters."""


def learn(chunks: Iterable[bytes], settings: Settings, *, columns_min: int = COLUMNS_MIN) -> Learned:
    """Read a whole file. Raises FileRejected when it cannot be imported: the code, the place, and what to do.

    `columns_min`: addresses and points take two; a file of contacts may have the addresses alone.
    """
    chunks = iter(chunks)
    head = b"".join(_until(chunks, HEAD_BYTES))
    stream = encoding.ByteStream(itertools.chain((head,), chunks))
    found_encoding = encoding.guess(head[:HEAD_BYTES])
    text = encoding.lines(stream, found_encoding)
    head_lines = _head(text)
    delimiter = guess_delimiter(head_lines)
    rows = records(itertools.chain(head_lines, text), delimiter, cell_characters_max=settings.cell_characters_max)
    heading_line, first = _heading(rows, settings)
    corrected = is_corrected(first)
    found_header = [unguarded(cell) for cell in first[: -len(CORRECTED_COLUMNS)]] if corrected else first
    header = [_storable(cell) for cell in found_header]
    if len(header) < columns_min:
        raise FileRejected(
            f'The heading at line {heading_line} has only one column, "{header[0] if header else ""}".'
            " A file needs a column of e-mail addresses and one of points, divided by comma, semicolon or tab.",
            code="TOO_FEW_COLUMNS",
        )
    suggestion = headings.suggest(header)
    counted = _Count(without_our_columns(rows, len(first)) if corrected else rows, settings.sample_rows_max)
    number_format = numbers.settle(
        cells[suggestion.points]
        for _, cells in counted
        if suggestion.points is not None and suggestion.points < len(cells)
    )
    _refuse_damaged(counted, found_encoding)
    ending = next((line for line in head_lines), "")
    return Learned(
        dialect=Dialect(found_encoding, delimiter, heading_line=heading_line, corrected=corrected),
        header=tuple(header),
        sample_rows=tuple(_sample(cells, settings) for _, cells in counted.sample),
        row_count=counted.rows,
        columns=max(counted.columns, len(header)),
        damaged_rows=counted.damaged,
        first_damaged_line=counted.first_damaged_line,
        line_ending="CRLF" if ending.endswith("\r\n") else "CR" if ending.endswith("\r") else "LF",
        byte_count=stream.byte_count,
        sha256=stream.sha256,
        suggestion=suggestion,
        number_format=number_format,
    )


class _Count:
    """Rows on their way through, counted, the damaged ones too, and the first few kept."""

    def __init__(self, found: Iterator[Row], sample_rows_max: int) -> None:
        self.rows = self.columns = self.damaged = 0
        self.first_damaged_line: int | None = None
        self.sample: list[Row] = []
        self._found = found
        self._sample_rows_max = sample_rows_max

    def __iter__(self) -> Iterator[Row]:
        for row in self._found:
            self.rows += 1
            self.columns = max(self.columns, len(row[1]))
            if len(self.sample) < self._sample_rows_max:
                self.sample.append(row)
            joined = "".join(row[1])
            if not joined.isascii() and encoding.is_damaged(joined):
                self.damaged += 1
                self.first_damaged_line = self.first_damaged_line or row[0]
            yield row


def _heading(rows: Iterator[Row], settings: Settings) -> Row:
    """Return the first row, which must be a heading within the limits (design.md 12)."""
    row: Row | None = None
    with suppress(StopIteration):
        row = next(rows)
    if row is None:
        raise FileRejected("The file is empty. Export it again and look at its size.", code="EMPTY_FILE")
    line, header = row
    if headings.holds_address(header):
        raise FileRejected(
            f"Line {line} has no headings but an e-mail address already."
            " Put a line above it that names the columns, like “Email,Points”.",
            code="NO_HEADER",
        )
    if len(header) > settings.columns_max + (len(CORRECTED_COLUMNS) if is_corrected(header) else 0):
        raise FileRejected(
            f"Line {line} has {len(header)} columns; {settings.columns_max} are allowed."
            " Delete those that the import does not need.",
            code="TOO_MANY_COLUMNS",
        )
    for index, heading in enumerate(header):
        if len(heading) > settings.heading_characters_max:
            raise FileRejected(
                f"The heading of column {index + 1} has {len(heading)} characters;"
                f" {settings.heading_characters_max} are allowed. Is line {line} really the heading?",
                code="HEADER_VALUE_TOO_LONG",
            )
    return row


def _refuse_damaged(counted: _Count, found_encoding: str) -> None:
    if counted.damaged > counted.rows * DAMAGED_SHARE_MAX and counted.damaged > 1:
        raise FileRejected(
            f"{counted.damaged} of {counted.rows} rows hold bytes that are no characters in"
            f" {found_encoding.upper()}, first in line {counted.first_damaged_line}. Save the file as “CSV UTF-8”.",
            code="INVALID_ENCODING",
        )


def _sample(cells: Sequence[str], settings: Settings) -> tuple[str, ...]:
    return tuple(_storable(cell)[: settings.sample_characters_max] for cell in cells[: settings.sample_columns_max])


def _storable(text: str) -> str:
    """Replace what PostgreSQL cannot store as text: lone surrogates and NUL."""
    return UNSTORABLE.sub("\ufffd", text)


def _head(text: Iterator[str]) -> list[str]:
    """Take the first lines: all of a small file, a few of long ones."""
    head: list[str] = []
    characters = 0
    for line in itertools.islice(text, HEAD_LINES):
        head.append(line)
        characters += len(line)
        if characters > HEAD_CHARACTERS:
            break
    return head


def _until(chunks: Iterator[bytes], byte_count: int) -> Iterator[bytes]:
    while byte_count > 0 and (chunk := next(chunks, None)) is not None:
        byte_count -= len(chunk)
        yield chunk
