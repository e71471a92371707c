"""One record, whatever its quotes are like: what they can mean, and if they mean nothing, the line is a broken row.

Then the next line is the next row. It is asked by `rows.py` for what native code cannot read.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pointport.imports.problems import CELL_TOO_LONG, QUOTE_NOT_CLOSED
from pointport.imports.shapes import Dialect
from pointport.ledger.addresses import INVISIBLE

CELLS_MAX = 1_000
"""A row is taken apart no further: what is behind stays together in its last cell."""

COLUMNS_UNKNOWN = 25
"""The cells of a row that is whole, as long as nobody knows."""

SPANS_UNKNOWN = 10
"""Cells of one record that go on over line ends, likewise; there are hardly ever more than one."""

LINES_OF_ONE_CELL_FACTOR = 4
"""A record that goes on over line ends and has so many times the cells of a row is none: its quotes are broken."""

BLANK = "".join(map(chr, itertools.chain(range(0x21), range(0x7F, 0xA1)))) + (
    "\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000" + INVISIBLE
)
"""What `addresses.trimmed` takes off; a row of nothing else is blank."""

ADDRESS_SHAPE = re.compile(r"[^\s@\"',;]+@[^\s@\"',;]+\.[^\s@\"',;]+")

LINES_LOOKED_AHEAD = 5
"""Lines behind a quote that opens in which the next quote is looked for, to see at once that it closes nothing."""

OPEN, BROKEN = "open", "broken"


Record = tuple[list[str], str | None, int]
"""The cells of a record, the code of what is broken, and the index of the line behind it."""


class _Parsed(NamedTuple):
    """A record that was taken apart with care."""

    cells: list[str]
    is_sloppy: bool
    """A quote stood in a quoted cell as it is."""
    after: int
    """The index of the line behind it."""


class Careful:
    """Takes one record apart, whatever its quotes are like.

    A quote opens a cell at its beginning, blanks aside, and closes it where a delimiter or the line's end follows,
    blanks aside. Doubled, or behind the escape character, it is text; any other quote in a quoted cell is text too, as
    long as the cell closes on the same line and the row then has the cells that a row has.
    """

    def __init__(self, dialect: Dialect, cell_characters_max: int) -> None:
        delimiter, self._quote = dialect.delimiter, dialect.quote
        quote = re.escape(dialect.quote or '"')
        blanks = " \ufeff" if delimiter == "\t" else "\ufeff" if delimiter == " " else " \t\ufeff"
        padding = f"[{blanks}]*" if blanks else ""
        self._delimiter, self._escape, self._columns = delimiter, dialect.escape, dialect.columns
        self._opening = re.compile(padding + quote)
        self._blanks = blanks
        self._may_follow = f"{blanks}{delimiter}{self._quote}\r\n"
        """What may stand behind a quote that closes, or nothing."""
        self._closing = re.compile(rf"{padding}(?={re.escape(delimiter)}|\r?\n?\Z)")
        # A quote that is alone in a cell closes it where that may end, and is text of it elsewhere.
        text = rf"[^{quote}\\\r\n]" if dialect.escape else rf"[^{quote}\r\n]"
        pair = r"\\[^\r\n]" if dialect.escape else quote * 2
        alone = rf"{quote}(?!{self._closing.pattern})"
        self._sound, _ = self._compiled(padding, quote, rf"{text}*+(?:{pair}{text}*+)*+")
        self._closed, self._cells = self._compiled(padding, quote, rf"{text}*+(?:(?:{pair}|{alone}){text}*+)*+")
        self._escaped = re.compile(rf"\\([\\{self._quote}])")
        self._cell_characters_max = cell_characters_max
        self._cells_max = LINES_OF_ONE_CELL_FACTOR * (dialect.columns or COLUMNS_UNKNOWN)
        self._spans_max = dialect.columns or SPANS_UNKNOWN

    def record(self, lines: Sequence[str], index: int, *, is_last: bool) -> Record | None:
        """Return the record that starts at a line.

        None when the lines end before the record does, and more are to come.
        """
        return self.line(lines, index) or self._record(lines, index, is_last=is_last)

    def line(self, lines: Sequence[str], index: int) -> Record | None:
        """Return the record that is a line by itself, if that can be told at once."""
        line = lines[index]
        quotes = line.count(self._quote) if self._quote else 0
        is_large = len(line) > CELLS_MAX and line.count(self._delimiter) >= CELLS_MAX
        if not quotes or (quotes == 1 and not is_large and not self._opens(line)):
            cells = self._raw(line)
        elif quotes == 1 and not is_large and self._never_closes(lines, index):
            return self._raw(line), QUOTE_NOT_CLOSED.code, index + 1
        elif quotes > 1 and not is_large and self._closed.fullmatch(line):
            cells = self._taken_apart(line)
            if self._columns and len(cells) != self._columns and not self._sound.fullmatch(line):
                return cells, QUOTE_NOT_CLOSED.code, index + 1
        else:
            return None
        return cells, self.length_fault(cells) if len(line) > self._cell_characters_max else None, index + 1

    def _record(self, lines: Sequence[str], index: int, *, is_last: bool) -> Record | None:
        """Return the record that starts at a line, mark by mark."""
        found = self._parse(lines, index)
        if found == OPEN and not is_last:
            return None
        if isinstance(found, str) or (
            found.after > index + 1 and not self.is_one_record(lines, index, found.after, found.cells)
        ):
            return self._raw(lines[index]), QUOTE_NOT_CLOSED.code, index + 1
        if found.is_sloppy and self._columns and len(found.cells) != self._columns:
            return found.cells, QUOTE_NOT_CLOSED.code, found.after
        return found.cells, self.length_fault(found.cells), found.after

    def _compiled(self, padding: str, quote: str, inner: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
        """Return what a line is, and what each of its cells is: quoted or not, and what follows it."""
        delimiter = re.escape(self._delimiter)
        plain = rf"[^{delimiter}\r\n]*+"
        quoted = rf"{padding}{quote}({inner}){quote}{padding}"
        bare = rf"(?!{padding}{quote})({plain})"
        cell = rf"(?:{quoted}|{bare})"
        whole = rf"{cell}(?:{delimiter}{cell})*+\r?\n?"
        return re.compile(whole, re.DOTALL), re.compile(rf"{cell}({delimiter}|\r?\n?\Z)", re.DOTALL)

    def _taken_apart(self, line: str) -> list[str]:
        """Return the cells of a line that closes all that it opens."""
        cells: list[str] = []
        for quoted, bare, end in self._cells.findall(line):
            cells.append(self._plain(quoted) if quoted else bare)
            if end != self._delimiter:
                break
        return cells

    def _opens(self, line: str) -> bool:
        """Tell whether the only quote of a line opens a cell."""
        place = line.index(self._quote)
        if not place or line[place - 1] == self._delimiter:
            return True
        return line[place - 1] in self._blanks and (
            self._opening.match(line, line.rfind(self._delimiter, 0, place) + 1) is not None
        )

    def _never_closes(self, lines: Sequence[str], index: int) -> bool:
        """Tell at once of most quotes that open and never close: text stands behind the next quote, a few lines on."""
        if self._escape:
            return False
        for behind in lines[index + 1 : index + 1 + LINES_LOOKED_AHEAD]:
            place = behind.find(self._quote)
            if place >= 0:
                return behind[place + 1 : place + 2] not in self._may_follow
        return False

    def is_one_record(self, lines: Sequence[str], index: int, after: int, cells: Sequence[str]) -> bool:
        """Tell whether lines that their quotes join are one record, and not two whose broken quotes found each other.

        Each of two would be whole by itself, with a customer's address of its own.
        """
        if self.length_fault(cells) or len(cells) > self._cells_max:
            return False
        if not self._columns:
            return True
        first, last = lines[index], lines[after - 1]
        if not (self._is_as_wide(first) and self._is_as_wide(last)):
            return True
        return not (_has_address(self._raw(first)) and _has_address(self._raw(last)))

    def may_span_too_often(self, cells: Sequence[str]) -> bool:
        """Tell whether more cells of a record may go on over line ends than those of a row can."""
        return len(cells) > self._spans_max and sum(map(_has_line_end, cells)) > self._spans_max

    def is_whole(self, line: str) -> bool:
        """Tell whether a line is a row by itself, with all its cells."""
        if not self._quote or self._quote not in line:
            return self._is_as_wide(line)
        found = self._parse([line], 0)
        return isinstance(found, _Parsed) and len(found.cells) == self._columns

    def _is_as_wide(self, line: str) -> bool:
        """Tell whether a line has the cells of a row, as if quotes meant nothing."""
        return min(line.count(self._delimiter), CELLS_MAX) + 1 == self._columns

    def length_fault(self, cells: Sequence[str]) -> str | None:
        """Return the problem of a row with a cell that is too long."""
        return CELL_TOO_LONG.code if max(map(len, cells), default=0) > self._cell_characters_max else None

    def _raw(self, line: str) -> list[str]:
        """Return the cells of a line as if quotes meant nothing."""
        return line.rstrip("\r\n").split(self._delimiter, CELLS_MAX)

    def _parse(self, lines: Sequence[str], index: int) -> "_Parsed | str":
        """Take a record apart; OPEN when its last cell is not closed by the last line, BROKEN when it never can be."""
        text, after = lines[index], index + 1
        cells: list[str] = []
        position, is_sloppy, spans = 0, False, 0
        while True:
            opening = self._opening.match(text, position)
            if opening is None or len(cells) == CELLS_MAX:
                end = text.find(self._delimiter, position) if len(cells) < CELLS_MAX else -1
                if end < 0:
                    cells.append(text[position:].rstrip("\r\n"))
                    return _Parsed(cells, is_sloppy, after)
                cells.append(text[position:end])
                position = end
            else:
                start = opening.end()
                closed = self._close(text, start, start)
                spans += closed == OPEN
                if spans > self._spans_max:
                    return BROKEN
                while isinstance(closed, str):
                    if closed == BROKEN or is_sloppy or len(cells) > self._cells_max:
                        return BROKEN
                    if len(text) - start > self._cell_characters_max:
                        return BROKEN
                    if after == len(lines):
                        return OPEN
                    seen = len(text)
                    text += lines[after]
                    after += 1
                    closed = self._close(text, start, seen)
                end, position, sloppy_here = closed
                is_sloppy = is_sloppy or sloppy_here
                cells.append(self._plain(text[start:end]))
            if not text.startswith(self._delimiter, position):
                return BROKEN if is_sloppy and after > index + 1 else _Parsed(cells, is_sloppy, after)
            position += len(self._delimiter)

    def _close(self, text: str, start: int, position: int) -> tuple[int, int, bool] | str:
        """Find the quote that closes a cell: where it is, what follows it, and whether others stand before it as text.

        The cell starts at `start`, and there is none up to `position`.

        OPEN when there is none yet; BROKEN when there can be none, since others stand before it.
        """
        is_sloppy = False
        while True:
            found = text.find(self._quote, position)
            if found < 0:
                return BROKEN if is_sloppy else OPEN
            if self._escape and self._is_escaped(text, start, found):
                position = found + 1
            elif text.startswith(self._quote, found + 1) and not self._escape:
                position = found + 2
            elif closing := self._closing.match(text, found + 1):
                is_torn = is_sloppy and _has_line_end(text[start:found])
                return BROKEN if is_torn else (found, closing.end(), is_sloppy)
            else:
                position, is_sloppy = found + 1, True

    def _is_escaped(self, text: str, start: int, quote: int) -> bool:
        """Tell whether an odd number of escape characters stands before a quote."""
        before = quote
        while before > start and text[before - 1] == self._escape:
            before -= 1
        return (quote - before) % 2 == 1

    def _plain(self, cell: str) -> str:
        """Return the text that a quoted cell stands for."""
        if not self._escape:
            return cell.replace(self._quote * 2, self._quote)
        if self._escape not in cell:
            return cell
        if self._escape * 2 not in cell:
            return cell.replace(self._escape + self._quote, self._quote)
        return self._escaped.sub(lambda found: found[1], cell)


def _has_line_end(text: str) -> bool:
    return "\n" in text or "\r" in text


def _has_address(cells: Iterable[str]) -> bool:
    return any(ADDRESS_SHAPE.fullmatch(cell.strip(BLANK + "\"'")) for cell in cells)
