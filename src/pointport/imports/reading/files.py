"""The data rows of a file that was learned, text or workbook: the second reading, and every one after it."""

import itertools
from collections.abc import Iterable, Iterator

from pointport.imports.reading import encoding, rows, workbook
from pointport.imports.reading.corrected import without_our_columns
from pointport.imports.reading.dialect import is_separator_line
from pointport.imports.reading.rows import Batch
from pointport.imports.shapes import Dialect, Row
from pointport.settings import Settings

WORKBOOK_ROWS = 1_000
"""Rows of a workbook that are handed on together."""


def read(chunks: Iterable[bytes], dialect: Dialect, settings: Settings) -> Iterator[Row]:
    """Return the rows below the heading, in order. Raises FileRejected where the file cannot be read on."""
    found = data_rows(_batches(chunks, dialect, settings), dialect)
    return itertools.chain.from_iterable(batch.rows for batch in found)


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
        yield Batch(batch)


def data_rows(found: Iterable[Batch], dialect: Dialect) -> Iterator[Batch]:
    """Return the rows below the heading; without one, all but a first line that only tells the delimiter.

    Of a file of ours they are as they were before it was written.
    """
    is_below = False
    for batch in found:
        below = batch
        if not is_below:
            below = batch._replace(rows=[row for row in batch.rows if _is_data(row, dialect)])
            is_below = bool(below.rows)
        if dialect.our_columns:
            below = below._replace(rows=list(without_our_columns(below.rows, dialect.columns, dialect.our_columns)))
        yield below


def _is_data(row: Row, dialect: Dialect) -> bool:
    return row[0] > dialect.heading_line and not (row[0] == 1 and is_separator_line(row[1], dialect.delimiter))
