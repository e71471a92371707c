"""How a file is written, found out from its first lines: the delimiter, the quotes, the line ends.

Each way in which the lines could be meant is tried with the very reader that will read them, and judged by what comes
out: rows that are all as wide, cells that look like something, e-mail addresses that are whole, no broken quotes.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

from pointport.imports.reading import encoding
from pointport.imports.reading.careful import ADDRESS_SHAPE, BLANK
from pointport.imports.reading.corrected import OUR_COLUMNS
from pointport.imports.reading.rows import records
from pointport.imports.shapes import Dialect, Reading, Row

DELIMITERS = (",", ";", "\t", "|")
"""What divides cells, by how often it is met."""

RARE_DELIMITERS = (":", " ")
"""Met in running text at every turn: only what is strong evidence counts for them."""

RARE_ROWS_MIN = 3
RECORDS_MAX = 300
"""Records by which a way of reading is judged."""
PREAMBLE_RECORDS_MAX = 50
FIRST_LINE_CHARACTERS_MAX = 1_000
QUOTED_CHARACTERS_MAX = 32 * 1024
"""Text in which apostrophes are looked at."""
BROKEN_ROWS_MIN = 3
"""Where so many rows are broken, and most of those with quotes, the quotes may mean nothing."""

ADDRESSES, WIDTHS, LOOKS = 2.0, 1.5, 1.0
"""What it counts for that addresses are whole, rows equally wide, and cells look like something."""
BROKEN, PREAMBLE = 2.0, 0.3
"""What counts against a way of reading: rows that it breaks, and rows that it takes for titles."""
APOSTROPHES_QUOTE = BACKSLASHES_ESCAPE = 0.05
"""What is only tried where there is evidence for it needs no more of that."""
STRONG = 3.0
"""Rows all as wide, and a whole address in each."""

SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""A first line by which Excel is told the delimiter."""

NUMBER = re.compile(r"[+-]?\d[\d.,'\u00a0 ]*%?|[+-]?[.,]\d+")
DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
UNLIKELY = re.compile(r"[;|\t\"]|,(?=\S)|@.*@")
"""What a cell that was cut out rightly seldom holds unless it is quoted."""


@dataclass(frozen=True)
class _Reading:
    """What came out of one way to read the first lines."""

    dialect: Dialect
    score: float
    broken_rows: int = 0


def guess(head: str, encoding_name: str, told: Reading, *, cell_characters_max: int, is_cut: bool) -> Dialect:
    """Return how a text that begins like this is written; what was told is not guessed.

    With `is_cut`, `head` ends anywhere, and its last record is left out. The heading is not looked for here.
    """
    ours = _of_an_error_file(head, encoding_name, told)
    if ours is not None:
        return ours
    line_ending = told_line_ending(head)
    first = re.split(r"\r\n|\n|\r", head[:FIRST_LINE_CHARACTERS_MAX], maxsplit=1)[0]
    told_by_file = SEPARATOR_LINE.fullmatch(first.strip(BLANK.replace("\t", "")))
    delimiter = told.delimiter or (told_by_file[1] if told_by_file else None)
    base = Dialect(
        encoding_name, delimiter or ",", told.quote if told.quote is not None else '"', line_ending=line_ending
    )
    ways = [
        replace(base, delimiter=one, quote=quote, escape=escape)
        for one in ((delimiter,) if delimiter else DELIMITERS)
        if one in head or delimiter
        for quote in ((told.quote,) if told.quote is not None else _quotes(head, one))
        for escape in _escapes(head, quote, one)
    ]

    def tried(ways: Iterable[Dialect]) -> list[_Reading]:
        return [_try(way, head, cell_characters_max, is_cut=is_cut) for way in ways]

    best = max(tried(ways), key=lambda one: one.score, default=None)
    if best is None or best.score <= 0:
        rare = tried(replace(base, delimiter=one) for one in RARE_DELIMITERS if not delimiter)
        strong = max(rare, key=lambda one: one.score, default=None)
        return strong.dialect if strong and strong.score >= STRONG else best.dialect if best and delimiter else base
    if told.quote is None and best.broken_rows >= BROKEN_ROWS_MIN:
        with_quotes = sum(best.dialect.quote in line for line in head.split("\n"))
        if 2 * best.broken_rows > with_quotes:
            (plain,) = tried([replace(best.dialect, quote="", escape=None, columns=0)])
            return max(best, plain, key=lambda one: one.score).dialect
    return best.dialect


def _of_an_error_file(head: str, encoding_name: str, told: Reading) -> Dialect | None:
    """Return how a file of ours is written, also one that a spreadsheet has saved with another delimiter."""
    for columns, delimiter in product(OUR_COLUMNS, DELIMITERS):
        ours = delimiter + delimiter.join(columns)
        place = head.find(ours)
        if place >= 0 and told.delimiter in (None, delimiter) and told.quote in (None, '"'):
            end = head[place + len(ours) :]
            return Dialect(
                encoding_name, delimiter, line_ending="CRLF" if end.startswith("\r\n") else told_line_ending(head)
            )
    return None


def told_line_ending(head: str) -> str:
    """Return what most lines end with."""
    pairs = head.count("\r\n")
    counts = {"LF": head.count("\n") - pairs, "CRLF": pairs, "CR": head.count("\r") - pairs}
    return max(counts, key=lambda name: counts[name])


def is_separator_line(cells: Sequence[str], delimiter: str) -> bool:
    """Tell whether a row is that first line for Excel, which the delimiter itself has taken apart."""
    return SEPARATOR_LINE.fullmatch(delimiter.join(cells).strip(BLANK.replace("\t", ""))) is not None


def _quotes(head: str, delimiter: str) -> Iterator[str]:
    """Return the quotes that the text may have: the usual ones, apostrophes that do what quotes do."""
    yield '"'
    if "'" in head and _are_quotes(head, delimiter, "'"):
        yield "'"


def _are_quotes(head: str, delimiter: str, quote: str) -> bool:
    """Tell whether cells stand between these characters since they have to, or most of them do.

    A value that begins and ends with an apostrophe may be just that; one with a delimiter, a line end or a doubled
    apostrophe inside is quoted.
    """
    edge = re.escape(delimiter)
    wrapped = re.compile(
        rf"(?:\A|(?<=[\r\n{edge}]))[ \t]*{quote}((?:[^{quote}]|{quote}{quote})*){quote}[ \t]*(?=[\r\n{edge}]|\Z)"
    )
    found = [match[1] for match in wrapped.finditer(head[:QUOTED_CHARACTERS_MAX])]
    if any(delimiter in text or "\n" in text or "\r" in text or quote * 2 in text for text in found):
        return True
    cells = sum(map(head[:QUOTED_CHARACTERS_MAX].count, (delimiter, "\n", "\r")))
    return len(found) * 2 > cells


def _escapes(head: str, quote: str, delimiter: str) -> tuple[str | None, ...]:
    """Return what may make text of a quote: a backslash where more have one before them than are doubled in a text."""
    escaped = head.count(f"\\{quote}") if quote else 0
    if not escaped:
        return (None,)
    edges = re.escape(delimiter + "\r\n")
    doubled = len(re.findall(rf"(?<=[^{edges}]){quote}{quote}|{quote}{quote}(?=[^{edges}])", head))
    return (None, "\\") if escaped > doubled else (None,)


def _try(dialect: Dialect, head: str, cell_characters_max: int, *, is_cut: bool) -> _Reading:
    """Read the text in one way, and judge what comes out."""
    read = records(encoding.in_pieces(head), dialect, cell_characters_max=cell_characters_max, is_cut=is_cut)
    found = list(islice(read, RECORDS_MAX))
    widths = Counter(len(cells) for _, cells, fault in found if not fault)
    width = max(widths, key=lambda one: (widths[one] * (one > 1), one), default=0)
    if width <= 1:
        return _Reading(dialect, 0.0)
    begun = next(index for index, (_, cells, _) in enumerate(found) if len(cells) == width)
    preamble = min(begun, PREAMBLE_RECORDS_MAX)
    rows = found[preamble:]
    known = replace(dialect, columns=width)
    broken_rows = sum(fault is not None for _, _, fault in found)
    score = (
        # Of all rows, those taken for titles too: one whole row at the end must not outdo the rows above it.
        ADDRESSES * _addresses_whole(found)
        + WIDTHS * sum(len(cells) == width for _, cells, _ in found) / len(found)
        + LOOKS * _look(rows, dialect)
        - BROKEN * broken_rows / len(found)
        - PREAMBLE * preamble / len(found)
        + APOSTROPHES_QUOTE * (dialect.quote == "'")
        + BACKSLASHES_ESCAPE * (dialect.escape is not None)
    )
    is_strong = len(widths) == 1 and len(rows) >= RARE_ROWS_MIN and _addresses_whole(rows) == 1
    return _Reading(known, score if is_strong or dialect.delimiter not in RARE_DELIMITERS else 0.0, broken_rows)


def _addresses_whole(rows: Sequence[Row]) -> float:
    """Return the share of rows in which an address is a cell by itself, of those that have one at all; 0.5 for none."""
    with_address = [cells for _, cells, _ in rows if any("@" in cell for cell in cells)]
    if not with_address:
        return 0.5
    whole = sum(any(ADDRESS_SHAPE.fullmatch(cell.strip(BLANK)) for cell in cells) for cells in with_address)
    return whole / len(with_address)


def _look(rows: Sequence[Row], dialect: Dialect) -> float:
    """Return the share of cells that look like something by themselves: blank, a number, a date, a word or sentence."""
    cells = [cell.strip(BLANK) for _, row, _ in rows for cell in row]
    return sum(_is_likely(cell, dialect) for cell in cells) / len(cells) if cells else 0.0


def _is_likely(cell: str, dialect: Dialect) -> bool:
    if NUMBER.fullmatch(cell) or DATE.fullmatch(cell) or not UNLIKELY.search(cell):
        return True
    # What a quote protected is text, whatever it holds.
    return bool(dialect.quote) and dialect.delimiter in cell
