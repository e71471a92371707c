"""An error file or a report of ours that comes back: our columns are taken off, and the guards against formulas."""

from collections.abc import Iterable, Iterator, Sequence

from pointport.imports.shapes import Row

CORRECTED_COLUMNS = ("Import line", "Import status", "Error code", "Error reason")
"""Our own columns at the end of an error file."""
REPORT_COLUMNS = (*CORRECTED_COLUMNS, "Points before", "Points after", "Transaction")
"""Those at the end of a report of all rows."""
OUR_COLUMNS = (REPORT_COLUMNS, CORRECTED_COLUMNS)
"""The longer first, since it begins with the other."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def count_ours(header: Sequence[str]) -> int:
    """Return how many columns at the end of a heading are our own: 0 when it is of no file of ours."""
    return next((len(ours) for ours in OUR_COLUMNS if tuple(header[-len(ours) :]) == ours), 0)


def without_our_columns(found: Iterable[Row], width: int, ours: int) -> Iterator[Row]:
    """Return the rows of a file of ours as they were before we added our columns and guarded formulas."""
    kept = width - ours
    for line, cells, fault in found:
        # What stands behind our columns was added by somebody: as in any row that is too long, it is kept.
        yield line, [unguarded(cell) for cell in cells[:kept] + cells[width:]], fault


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
