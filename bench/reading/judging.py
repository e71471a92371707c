"""Whether what a reader made of a file is the table that is in it.

The rules are told in docs/reading.md. They are the same for all readers, and lenient in what is a matter of taste.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.reading.pollution import Cells, Damaged, Expected

BLANK = "".join(map(chr, range(0x21))) + (
    "\x7f\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\u200b\u200c\u200d\u2060\ufeff\ufffd"
)
"""What does not count around a value: blanks and what cannot be seen. U+FFFD is what a reader may write for NUL."""

MADE_UP = re.compile(r"|column ?\d+|unnamed: \d+|\d+", re.IGNORECASE)
"""How readers call columns that have no heading."""


@dataclass(frozen=True)
class Outcome:
    """What a reader made of a file."""

    rows: Sequence[Sequence[str]]
    """Everything in order, the heading too."""
    reported: int = 0
    """Records that it left out and told of."""


def fault(outcome: Outcome, expected: Expected) -> str | None:
    """Say what is wrong with what was read; None when it is right."""
    rows = [row for row in map(_trimmed, outcome.rows) if row]
    if not expected.headings:
        body = rows[1:] if rows and _is_made_up(rows[0]) else rows
        return _records_fault(body, expected.records, outcome.reported)
    faults = []
    for above in range(min(expected.above_max, len(rows)) + 1):
        if above < len(rows) and any(_is_heading(rows[above], one) for one in expected.headings):
            others = (Damaged(0, 1),) * (len(expected.headings) - 1)
            found = _records_fault(rows[above + 1 :], (*others, *expected.records), outcome.reported)
            if found is None:
                return None
            faults.append(found)
    return faults[0] if faults else f"no heading; the first row is {_shown(rows[0]) if rows else 'none'}"


def _records_fault(rows: Sequence[Cells], records: Sequence[Cells | Damaged], reported: int) -> str | None:
    """Walk through rows and records side by side; a damaged record may be any rows, or one of those that were reported."""
    wanted = [_trimmed(one) if not isinstance(one, Damaged) else one for one in records]
    places = {0: 0}
    for number, record in enumerate(wanted, start=1):
        after: dict[int, int] = {}
        for place, missing in places.items():
            if not isinstance(record, Damaged):
                if place < len(rows) and rows[place] == record:
                    _keep_least(after, place + 1, missing)
                continue
            if record.rows_min and missing < reported:
                _keep_least(after, place, missing + 1)
            for count in range(record.rows_min, min(record.rows_max, len(rows) - place) + 1):
                _keep_least(after, place + count, missing)
        if not after:
            place = min(max(places), len(rows))
            found = _shown(rows[place]) if place < len(rows) else "nothing"
            return f"record {number} should be {_shown(record)} and is {found}"
        places = after
    return None if len(rows) in places else f"{len(rows) - max(places)} rows too many"


def _keep_least(places: dict[int, int], place: int, missing: int) -> None:
    places[place] = min(missing, places.get(place, missing))


def _trimmed(cells: Sequence[str]) -> Cells:
    """Return cells as they are compared; blank ones at the end do not count, nor how lines end inside."""
    texts = [cell.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").strip(BLANK) for cell in cells]
    while texts and not texts[-1]:
        del texts[-1]
    return tuple(texts)


def _is_heading(row: Cells, heading: Cells) -> bool:
    wanted = _trimmed(heading)
    return row[: len(wanted)] == wanted and _is_made_up(row[len(wanted) :])


def _is_made_up(row: Cells) -> bool:
    return all(MADE_UP.fullmatch(cell) for cell in row)


def _shown(row: Cells | Damaged) -> str:
    return "damaged" if isinstance(row, Damaged) else "|".join(row).replace("\n", "\\n")[:120]
