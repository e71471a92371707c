"""Lines to rows: RFC 4180, with the line where each row starts."""

import csv
from collections.abc import Iterable, Iterator

from pointport.errors import FileRejected
from pointport.imports.reading.encoding import LINE_CHARACTERS_MAX, ByteStream, lines
from pointport.imports.shapes import Dialect, Row

END = "\0"
"""A line of our own behind the last: when it is not a row by itself, a quote before it never closed."""

LINE_MAX = 2**32 - 1
"""Lines that can be numbered; the id of a ledger entry has 32 bits for them."""

CORRECTED_COLUMNS = ("Import line", "Import status", "Error code", "Error reason")
"""Our own columns at the end of an error file."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def records(text: Iterable[str], delimiter: str, *, cell_characters_max: int) -> Iterator[Row]:
    """Return every row that has something in it, with the line where it starts.

    Raises FileRejected for a quote that never closes, a cell or a row that is too long, or too many lines.
    """
    csv.field_size_limit(cell_characters_max)
    start, taken, ended = 1, 0, False

    def source() -> Iterator[str]:
        """The lines, then END; no more of them for one row than the longest line may have."""
        nonlocal taken, ended
        for line in text:
            taken += len(line)
            if taken > LINE_CHARACTERS_MAX:
                raise FileRejected(
                    f"The row at line {start} has more than {LINE_CHARACTERS_MAX} characters."
                    " Most often a quote there never closes.",
                    code="LINE_TOO_LONG",
                )
            yield line
        ended = True
        yield END

    reader = csv.reader(source(), delimiter=delimiter)
    try:
        for cells in reader:
            line, start, taken = start, reader.line_num + 1, 0
            if ended:
                if line == reader.line_num:
                    return
                raise FileRejected(
                    f"The quote that opens in the row at line {line} never closes."
                    " Close it, or double the quotes that are part of a text.",
                    code="QUOTE_NOT_CLOSED",
                )
            if not cells or (not cells[0].strip() and not "".join(cells).strip()):
                continue
            if line > LINE_MAX:
                raise FileRejected(f"The file has more than {LINE_MAX} lines. Split it.", code="TOO_MANY_LINES")
            yield line, cells
    except csv.Error as error:
        raise FileRejected(
            f"The row at line {start} has a cell of more than {cell_characters_max} characters."
            " Most often a quote there never closes; close it, or shorten the cell.",
            code="CELL_TOO_LONG",
        ) from error


def read(stream: ByteStream, dialect: Dialect, *, cell_characters_max: int) -> Iterator[Row]:
    """Return the data rows of a file whose dialect is known, in order. Raises FileRejected as `records` does."""
    text = lines(stream, dialect.encoding)
    found = records(text, dialect.delimiter, cell_characters_max=cell_characters_max)
    _, header = next(found, (0, []))
    return without_our_columns(found, len(header)) if dialect.corrected else found


def is_corrected(header: list[str]) -> bool:
    """Tell whether a heading is that of an error file of ours."""
    return tuple(header[-len(CORRECTED_COLUMNS) :]) == CORRECTED_COLUMNS


def without_our_columns(found: Iterable[Row], width: int) -> Iterator[Row]:
    """Return an error file's rows as they were before we added our columns and guarded formulas."""
    kept = width - len(CORRECTED_COLUMNS)
    for line, cells in found:
        # What stands behind our columns was added by somebody: as in any row that is too long, it is kept.
        yield line, [unguarded(cell) for cell in cells[:kept] + cells[width:]]


def guarded(cell: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet would run as a formula, unless it is a number.

    A cell that already looks guarded gets one more, so that `unguarded` gives back exactly what was there.
    """
    if cell.startswith(FORMULA_STARTS):
        return cell if _is_number(cell) else f"'{cell}"
    return f"'{cell}" if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA_STARTS) else cell


def unguarded(cell: str) -> str:
    """Take away the apostrophe that `guarded` puts before a cell."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA_STARTS) else cell


def _is_number(cell: str) -> bool:
    digits = cell[1:].replace(".", "").replace(",", "")
    return cell[0] in "+-" and digits.isascii() and digits.isdigit()
