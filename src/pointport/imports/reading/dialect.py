"""Which delimiter a file uses, from its first lines."""

import csv
from collections.abc import Sequence
from contextlib import suppress

DELIMITERS = (",", ";", "\t")


def guess_delimiter(head_lines: Sequence[str]) -> str:
    """Return the delimiter that splits the first lines most evenly into most cells; a comma when none splits them."""
    return max(DELIMITERS, key=lambda delimiter: _fitness(head_lines, delimiter))


def _fitness(head_lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    """The share of rows that are as wide as the first, and how wide that is; a first row of one cell fits nothing."""
    widths: list[int] = []
    # A cell over the limit ends the look at this delimiter; reading the rows will say so with its line.
    with suppress(csv.Error):
        widths.extend(len(row) for row in csv.reader(head_lines, delimiter=delimiter) if any(row))
    if not widths or widths[0] == 1:
        return 0.0, 0
    return sum(width == widths[0] for width in widths) / len(widths), widths[0]
