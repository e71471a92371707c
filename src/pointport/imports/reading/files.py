"""The data rows of a file that was learned, text or workbook: the second reading, and every one after it."""

from collections.abc import Iterable, Iterator

from pointport.imports.reading import encoding, workbook
from pointport.imports.reading.corrected import without_our_columns
from pointport.imports.reading.dialect import is_separator_line
from pointport.imports.reading.rows import records
from pointport.imports.shapes import Dialect, Row
from pointport.settings import Settings


def read(chunks: Iterable[bytes], dialect: Dialect, settings: Settings) -> Iterator[Row]:
    """Return the rows below the heading, in order. Raises FileRejected where the file cannot be read on."""
    found = data_rows(all_rows(chunks, dialect, settings), dialect)
    return without_our_columns(found, dialect.columns) if dialect.corrected else found


def all_rows(chunks: Iterable[bytes], dialect: Dialect, settings: Settings) -> Iterator[Row]:
    """Return every row that has something in it, the heading and what stands above it as well."""
    if dialect.sheet is not None:
        with workbook.opened(chunks, sheet=dialect.sheet, settings=settings) as opened:
            yield from opened.rows()
        return
    text = encoding.pieces(chunks, dialect.encoding)
    yield from records(text, dialect, cell_characters_max=settings.cell_characters_max)


def data_rows(found: Iterator[Row], dialect: Dialect) -> Iterator[Row]:
    """Return the rows below the heading; without one, all but a first line that only tells the delimiter."""
    for row in found:
        if row[0] > dialect.heading_line and not (row[0] == 1 and is_separator_line(row[1], dialect.delimiter)):
            yield row
            break
    yield from found
