"""Which row of a file is the heading: title lines above it are passed over, and there may be none at all."""

from collections.abc import Sequence

from pointport.imports.reading import headings, systems
from pointport.imports.reading.careful import BLANK
from pointport.imports.reading.corrected import count_ours
from pointport.imports.shapes import Row

ROWS_MAX = 50
"""A heading further down is not looked for."""

COLUMNS_MIN = 2
"""Fewer filled cells make a title, or a note."""


def find(rows: Sequence[Row], width: int) -> int | None:
    """Return the index of the heading among the first rows; None when the first that is as wide holds an address already.

    `width`: the cells that most rows have. A row with the names of columns in it is the heading wherever it stands;
    else it is the first that fills more than half of the columns. Without any such row it is the first. In a file with
    addresses, a row with a bare number in it is a customer's, also when its address is missing.
    """
    candidates = [cells for _, cells, _ in rows[:ROWS_MAX]]
    is_data = [_is_wide(cells, width) and headings.holds_address(cells) for cells in candidates]
    for index, cells in enumerate(candidates):
        if is_data[index]:
            break
        if _names_columns(cells, width):
            return index
    for index, cells in enumerate(candidates):
        if is_data[index] or (_is_wide(cells, width) and any(is_data) and _holds_number(cells)):
            return None
        if _is_wide(cells, width):
            return index
    return 0


def made_up(columns: int) -> list[str]:
    """Return headings for a file that has none."""
    return [f"Column {number}" for number in range(1, columns + 1)]


def _names_columns(cells: Sequence[str], width: int) -> bool:
    if width >= COLUMNS_MIN and _filled(cells) < COLUMNS_MIN:
        return False
    if count_ours(cells) or headings.columns_named(cells, headings.EMAIL_ALIASES) or systems.recognise(cells):
        return True
    return _is_wide(cells, width) and bool(headings.columns_named(cells, headings.POINTS_ALIASES))


def _is_wide(cells: Sequence[str], width: int) -> bool:
    return _filled(cells) >= min(COLUMNS_MIN, width) and 2 * _filled(cells) > width


def _holds_number(cells: Sequence[str]) -> bool:
    return any(cell.strip(BLANK).isdecimal() for cell in cells)


def _filled(cells: Sequence[str]) -> int:
    return sum(bool(cell.strip(BLANK)) for cell in cells)
