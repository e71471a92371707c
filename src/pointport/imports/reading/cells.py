"""What the first cells of a column show, whatever its heading says (design.md 4).

A sample is a witness, not proof: it can tell that a column of "points" holds money, or that whole numbers are postcodes.
It is asked by `columns.py`, which weighs it against the headings.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pointport.imports.reading import headings, numbers
from pointport.ledger.addresses import normal_form, trimmed

HEADING_CHARACTERS_SHOWN = 60
COLUMNS_SHOWN = 5
NUMBER_CHARACTERS_MAX = 100
"""What is longer is no number, whatever it starts with, and is not looked at further than this."""

MOST = 0.5
"""More than this share of the cells is most of them."""
WHOLE_SHARE_MIN = 0.9
"""The share of filled cells that must be whole numbers in a column that is known by them alone."""

COUNTED_ROWS_MIN = 3
GROWING_ROWS_MIN = 10
"""So many rows that count on by one, or only grow, are numbered or sorted by an id: that is no chance."""
ID_DIGITS_MIN = 9
POSTCODE_DIGITS_MIN = 5
YEARS = range(1900, 2101)

CURRENCY = re.compile(r"[$€£¥\uffe5]|zł|kr\b|円|\b(?:EUR|USD|GBP|CHF|JPY|PLN|BRL)\b", re.IGNORECASE)
CENTS = re.compile(r"[.,](\d\d)\D*$", re.ASCII)


@dataclass(frozen=True)
class Column:
    """A column of the first rows: where it stands, its heading as it is compared and as sentences name it, its cells."""

    index: int
    name: str
    shown: str
    cells: tuple[str, ...]
    """The filled ones, trimmed, as far as a number may go."""
    addresses: tuple[str, ...]
    """The normal forms of the cells that are e-mail addresses."""
    numeric: int
    """How many cells have a digit and no @."""

    @property
    def holds_addresses(self) -> bool:
        """Whether half of its cells or more are e-mail addresses."""
        return bool(self.addresses) and len(self.addresses) >= len(self.cells) * MOST

    @property
    def holds_words(self) -> bool:
        """Whether it has cells, but none that could be a number."""
        return bool(self.cells) and not self.numeric


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Column]:
    """Return the columns of the header with what the rows hold in each; rows may be shorter or longer."""
    return [_column(header, index, (row[index] for row in rows if index < len(row))) for index in range(len(header))]


def _column(header: Sequence[str], index: int, cells: Iterable[str]) -> Column:
    filled = tuple(text for text in map(trimmed, cells) if text)
    return Column(
        index=index,
        name=headings.canonical(header[index]),
        shown=_shown(header, index),
        cells=tuple(text[:NUMBER_CHARACTERS_MAX] for text in filled),
        addresses=tuple(address for text in filled if "@" in text and (address := normal_form(text))),
        numeric=sum(
            any(map(str.isdigit, text)) for text in filled if "@" not in text and len(text) <= NUMBER_CHARACTERS_MAX
        ),
    )


def _shown(header: Sequence[str], index: int) -> str:
    """Name a column in a sentence: by its heading, and by its place where that is not enough."""
    text = trimmed(header[index])
    if not text:
        return f"column {index + 1}"
    quoted = f'"{text if len(text) <= HEADING_CHARACTERS_SHOWN else text[:HEADING_CHARACTERS_SHOWN] + "…"}"'
    alone = sum(trimmed(heading) == text for heading in header) == 1
    return quoted if alone else f"{quoted} (column {index + 1})"


def listed(found: Sequence[Column]) -> str:
    """Name columns in a sentence: `"A", "B" and "C"`; of many the first few."""
    names = [column.shown for column in found[:COLUMNS_SHOWN]]
    if len(found) > COLUMNS_SHOWN:
        names.append(f"{len(found) - COLUMNS_SHOWN} more")
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def is_money(column: Column) -> bool:
    """Tell whether most numbers carry a currency, or have cents under a heading that does not speak of points."""
    currencies = sum(bool(CURRENCY.search(text)) for text in column.cells)
    cents = [match[1] for text in column.cells if (match := CENTS.search(text))]
    in_cents = column.name in headings.MAY_BE_MONEY and len(cents) > column.numeric * MOST and set(cents) != {"00"}
    return currencies > column.numeric * MOST or in_cents


def is_whole(column: Column) -> bool:
    """Tell whether nearly all cells are whole numbers, as the column writes them."""
    written = numbers.settle(column.cells)
    readings = [numbers.read(text, written) for text in column.cells]
    whole = sum(isinstance(reading, int) or reading.problem == numbers.AMBIGUOUS for reading in readings)
    return whole > 0 and whole >= len(readings) * WHOLE_SHARE_MIN


def holds_negative(column: Column) -> bool:
    """Tell whether a number of the column is below zero."""
    written = numbers.settle(column.cells)
    return any(isinstance(found := numbers.read(text, written), int) and found < 0 for text in column.cells)


def other_than_points(column: Column) -> str | None:
    """Say what whole numbers seem to be when not points, by their look; None when they may well be points."""
    plain = [text for text in column.cells if text.isascii() and text.isdigit()]
    if any(text.startswith("+") for text in column.cells) or any(len(text) >= ID_DIGITS_MIN for text in plain):
        return "phone numbers or ids"
    if any(text.startswith("0") and len(text) > 1 for text in plain):
        return "postcodes or ids"
    if not plain or len(plain) < len(column.cells):
        return None
    if len(set(map(len, plain))) == 1 and len(plain[0]) >= POSTCODE_DIGITS_MIN:
        return "postcodes or ids"
    return _series([int(text) for text in plain])


def _series(values: Sequence[int]) -> str | None:
    steps = {after - before for before, after in itertools.pairwise(values)}
    counted = len(values) >= COUNTED_ROWS_MIN and steps == {1}
    growing = len(values) >= GROWING_ROWS_MIN and min(steps) > 0
    if set(values) <= {0, 1}:
        return "yes and no"
    if all(value in YEARS for value in values):
        return "years"
    return "row numbers or ids" if counted or growing else None
