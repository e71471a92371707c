"""Text to rows: RFC 4180, with the line where each row starts; what is broken costs its own row and no other.

Sound text, which is nearly all there is, goes through native code in pieces: `str.split` where there is no quote, and
the strict reader of the standard library where there are. From the first record that it refuses, `_Careful` takes over
for that record: it says what the quotes there can mean, and if they mean nothing, the line is a broken row, and the next
line is the next row. Both say the same of what is sound; a property test holds them to it.
"""

import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pointport.errors import FileRejected
from pointport.imports.problems import CELL_TOO_LONG, QUOTE_NOT_CLOSED
from pointport.imports.reading import encoding
from pointport.imports.shapes import Dialect, Row
from pointport.ledger.addresses import INVISIBLE

LINE_CHARACTERS_MAX = 4 * 1024 * 1024
"""More than a hundred of the longest cells hold; a longer line would only fill the memory."""

LINE_MAX = 2**32 - 1
"""Lines that can be numbered; the id of a ledger entry has 32 bits for them."""

LINES_AT_A_TIME = 64
"""Lines that are read natively before a broken one among them can stop it; a new start costs no more than these."""

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

csv.field_size_limit(LINE_CHARACTERS_MAX)


def read(stream: Iterable[bytes], dialect: Dialect, *, cell_characters_max: int) -> Iterator[Row]:
    """Return the data rows of a text file whose dialect is known, in order. Raises FileRejected as `records` does."""
    text = encoding.pieces(stream, dialect.encoding)
    found = records(text, dialect, cell_characters_max=cell_characters_max)
    return itertools.dropwhile(lambda row: row[0] <= dialect.heading_line, found)


def records(text: Iterable[str], dialect: Dialect, *, cell_characters_max: int, is_cut: bool = False) -> Iterator[Row]:
    """Return every row that has something in it: the line where it starts, its cells, the code of what is broken.

    With `is_cut` the text is the beginning of one, and its last record, which may not be whole, is left out. Raises
    FileRejected for a line that is endless, or too many lines.
    """
    reader = _Reader(dialect, cell_characters_max)
    return itertools.chain.from_iterable(_batches(reader, text, is_cut=is_cut))


def _batches(reader: "_Reader", text: Iterable[str], *, is_cut: bool) -> Iterator[list[Row]]:
    """Hand the reader whole lines, and what it could not finish once more with the lines behind it."""
    parts: list[str] = []
    held = 0
    for piece in text:
        end = reader.whole_lines(piece)
        if not end:
            parts.append(piece)
            held += len(piece)
            if held > LINE_CHARACTERS_MAX:
                raise FileRejected(
                    f"Line {reader.line} has more than {LINE_CHARACTERS_MAX} characters; is this a CSV file?",
                    code="LINE_TOO_LONG",
                )
            continue
        parts.append(piece[:end])
        rows, unfinished = reader.read("".join(parts), is_last=False)
        yield rows
        parts = [unfinished, piece[end:]]
        held = len(unfinished) + len(piece) - end
    if not is_cut:
        yield reader.read("".join(parts), is_last=True)[0]


class _Reader:
    """Takes whole lines apart, one batch after the other, and counts them."""

    def __init__(self, dialect: Dialect, cell_characters_max: int) -> None:
        self.line = 1
        self._dialect = dialect
        self._delimiter, self._quote = dialect.delimiter, dialect.quote
        self._careful = _Careful(dialect, cell_characters_max)
        self._cell_characters_max = cell_characters_max
        self._blank = BLANK + self._delimiter
        self._edge = frozenset(self._blank)
        blanks = " \ufeff" if self._delimiter == "\t" else " \t\ufeff"
        edge = re.escape(self._delimiter)
        self._padded = re.compile(rf"(?:^|\r|{edge})[{blanks}]+{re.escape(self._quote)}", re.MULTILINE)

    def whole_lines(self, piece: str) -> int:
        """Return how far the whole lines of a piece go. A CR may be half of a CRLF, or stray: see `_lines`."""
        line_feed = piece.rfind("\n")
        if self._dialect.line_ending != "CR" and self._dialect.columns:
            return line_feed + 1
        return max(line_feed, piece.rfind("\r", line_feed + 1, len(piece) - 1)) + 1

    def read(self, text: str, *, is_last: bool) -> tuple[list[Row], str]:
        """Return the rows of whole lines, and the text from where a record goes on behind them."""
        if self.line > LINE_MAX:
            raise FileRejected(f"The file has more than {LINE_MAX} lines. Split it.", code="TOO_MANY_LINES")
        if not text:
            return [], ""
        with_quotes = bool(self._quote) and self._quote in text
        is_stray = "\r" in text and text.count("\r") != text.count("\r\n")
        if not with_quotes and not (is_stray and self._dialect.line_ending != "CR"):
            return self._read_plain(text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text), ""
        lines = self._lines(text) if is_stray else _split_lines(text)
        is_native = with_quotes and not self._dialect.escape and not self._is_padded(text)
        rows = self._read_all_sound(lines) if is_native and not is_stray else None
        is_native = is_native and not is_stray
        return (rows, "") if rows is not None else self._read_lines(lines, is_native=is_native, is_last=is_last)

    def _read_plain(self, text: str) -> list[Row]:
        """Read lines without quotes and stray line ends: each is a row, and each delimiter divides."""
        lines = text.split("\n")
        if not lines[-1]:
            del lines[-1]
        start, delimiter, blank, edge = self.line, self._delimiter, self._blank, self._edge
        self.line += len(lines)
        rows: list[Row] = [
            (number, line.split(delimiter, CELLS_MAX), None)
            for number, line in enumerate(lines, start)
            if line and (line[0] not in edge or line.strip(blank))
        ]
        if max(map(len, lines), default=0) > self._cell_characters_max:
            return [(number, cells, self._careful.length_fault(cells)) for number, cells, _ in rows]
        return rows

    def _read_lines(self, lines: list[str], *, is_native: bool, is_last: bool) -> tuple[list[Row], str]:
        """Read lines with quotes: as many records as are sound at a time, and with care the one that is not."""
        rows: list[Row] = []
        index = 0
        while index < len(lines):
            if is_native:
                begun, index = index, self._read_sound(lines, index, rows)
                if index == len(lines) or index - begun == LINES_AT_A_TIME:
                    continue
            found = self._careful.record(lines, index, is_last=is_last)
            if found is None:
                break
            cells, fault, after = found
            self._add(rows, cells, fault)
            self._count(lines, index, after)
            index = after
        return rows, "".join(lines[index:])

    def _is_padded(self, text: str) -> bool:
        """Tell whether blanks stand before a quote that opens a cell, which the standard library takes for text."""
        may_be = any(f"{blank}{self._quote}" in text for blank in " \t\ufeff")
        return may_be and bool(self._padded.search(text))

    def _read_all_sound(self, lines: list[str]) -> list[Row] | None:
        """Read lines of which each is a sound record by itself; None when one is not."""
        if max(map(len, lines)) > self._cell_characters_max:
            return None
        reader = csv.reader(lines, delimiter=self._delimiter, quotechar=self._quote, strict=True)
        try:
            found = list(reader)
        except csv.Error:
            return None
        if len(found) != len(lines) or max(map(len, found)) > CELLS_MAX:
            return None
        start, edge = self.line, self._edge
        self.line += len(lines)
        return [
            (number, cells, None)
            for number, cells in enumerate(found, start)
            if cells and ((cells[0] and cells[0][0] not in edge) or "".join(cells).strip(BLANK))
        ]

    def _read_sound(self, lines: list[str], index: int, rows: list[Row]) -> int:
        """Read records that are sound by RFC 4180, some at a time; returns the index of the first line not read."""
        begun, number, edge, longest = index, self.line, self._edge, self._cell_characters_max
        reader = csv.reader(
            lines[index : index + LINES_AT_A_TIME], delimiter=self._delimiter, quotechar=self._quote, strict=True
        )
        try:
            for cells in reader:
                after = begun + reader.line_num
                if after - index > 1:
                    if not self._careful.is_one_record(lines, index, after, cells):
                        break
                elif len(lines[index]) > longest or len(cells) > CELLS_MAX:
                    break
                if cells and ((cells[0] and cells[0][0] not in edge) or "".join(cells).strip(BLANK)):
                    rows.append((number, cells, None))
                number += 1 if after - index == 1 else sum(map(_count_line_ends, lines[index:after]))
                index = after
        except csv.Error:
            pass
        self.line = number
        return index

    def _add(self, rows: list[Row], cells: list[str], fault: str | None) -> None:
        # In the last cell of a row that is taken apart no further, delimiters still divide.
        last = cells[CELLS_MAX].strip(self._blank) if len(cells) > CELLS_MAX else ""
        if fault or last or "".join(cells[:CELLS_MAX]).strip(BLANK):
            rows.append((self.line, cells, fault))

    def _count(self, lines: list[str], index: int, after: int) -> None:
        """Count the lines of a record as an editor does: a CR that strayed into one ends a line there, too."""
        if after == index + 1 and "\r" not in lines[index]:
            self.line += 1
        else:
            self.line += sum(_count_line_ends(line) for line in lines[index:after])

    def _lines(self, text: str) -> list[str]:
        """Split where lines end. A CR in a file of LF or CRLF ends a line, unless it strayed into the middle of a row."""
        if self._dialect.line_ending == "CR" or not self._dialect.columns:
            return io.StringIO(text, newline="").readlines()
        lines: list[str] = []
        for found in _split_lines(text):
            line = found.lstrip("\r") if found.strip("\r\n") else found
            lines.extend("\r" * (len(found) - len(line)))  # Blank lines that stand before the row.
            content = line.rstrip("\r\n")
            is_doubled = len(line) - len(content) > len("\r\n")  # CR CR LF ends a line, and a blank one behind it.
            if is_doubled or ("\r" in content and not self._careful.is_whole(line)):
                lines.extend(io.StringIO(line, newline="").readlines())
            else:
                lines.append(line)
        return lines


OPEN, BROKEN = "open", "broken"


class _Parsed(NamedTuple):
    """A record that was taken apart with care."""

    cells: list[str]
    is_sloppy: bool
    """A quote stood in a quoted cell as it is."""
    after: int
    """The index of the line behind it."""


class _Careful:
    """Takes one record apart, whatever its quotes are like.

    A quote opens a cell at its beginning, blanks aside, and closes it where a delimiter or the line's end follows,
    blanks aside. Doubled, or behind the escape character, it is text; any other quote in a quoted cell is text too, as
    long as the cell closes on the same line and the row then has the cells that a row has.
    """

    def __init__(self, dialect: Dialect, cell_characters_max: int) -> None:
        delimiter, self._quote = dialect.delimiter, dialect.quote
        blanks = " \ufeff" if delimiter == "\t" else "\ufeff" if delimiter == " " else " \t\ufeff"
        padding = f"[{blanks}]*" if blanks else ""
        self._delimiter, self._escape, self._columns = delimiter, dialect.escape, dialect.columns
        self._opening = re.compile(f"{padding}{re.escape(self._quote)}") if self._quote else None
        self._closing = re.compile(rf"{padding}(?={re.escape(delimiter)}|\r?\n?\Z)")
        self._sound, self._cells = self._compiled(padding)
        self._escaped = re.compile(rf"\\([\\{self._quote}])")
        self._cell_characters_max = cell_characters_max
        self._cells_max = LINES_OF_ONE_CELL_FACTOR * (dialect.columns or COLUMNS_UNKNOWN)
        self._spans_max = dialect.columns or SPANS_UNKNOWN

    def record(self, lines: Sequence[str], index: int, *, is_last: bool) -> tuple[list[str], str | None, int] | None:
        """Return the cells of the record that starts at a line, what is broken, and the index of the line behind it.

        None when the lines end before the record does, and more are to come.
        """
        line = lines[index]
        if line.count(self._delimiter) < CELLS_MAX and self._sound.fullmatch(line):
            cells = self._taken_apart(line)
            return cells, self.length_fault(cells), index + 1
        found = self._parse(lines, index)
        if found == OPEN and not is_last:
            return None
        if isinstance(found, str):
            return self._raw(line), QUOTE_NOT_CLOSED.code, index + 1
        if found.after > index + 1 and not self.is_one_record(lines, index, found.after, found.cells):
            return self._raw(line), QUOTE_NOT_CLOSED.code, index + 1
        if found.is_sloppy and self._columns and len(found.cells) != self._columns:
            return found.cells, QUOTE_NOT_CLOSED.code, found.after
        return found.cells, self.length_fault(found.cells), found.after

    def _compiled(self, padding: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
        """Return what a sound line is, and what each of its cells is: quoted or not, and what follows it."""
        quote, delimiter = re.escape(self._quote), re.escape(self._delimiter)
        plain = rf"[^{delimiter}\r\n]*+"
        if not self._quote:
            return re.compile(r"[^\r\n]*+\r?\n?"), re.compile(rf"()({plain})({delimiter}|\r?\n?\Z)")
        inner = rf"(?:[^{quote}\\]|\\.)*+" if self._escape else rf"(?:[^{quote}]|{quote}{quote})*+"
        quoted = rf"{padding}{quote}({inner}){quote}{padding}"
        bare = rf"(?!{padding}{quote})({plain})"
        cell = rf"(?:{quoted}|{bare})"
        whole = rf"{cell}(?:{delimiter}{cell})*+\r?\n?"
        return re.compile(whole, re.DOTALL), re.compile(rf"{cell}({delimiter}|\r?\n?\Z)", re.DOTALL)

    def _taken_apart(self, line: str) -> list[str]:
        """Return the cells of a sound line."""
        cells: list[str] = []
        for quoted, bare, end in self._cells.findall(line):
            cells.append(self._plain(quoted) if quoted else bare)
            if end != self._delimiter:
                break
        return cells

    def is_one_record(self, lines: Sequence[str], index: int, after: int, cells: Sequence[str]) -> bool:
        """Tell whether lines that their quotes join are one record, and not two whose broken quotes found each other.

        Each of two would be whole by itself, with a customer's address of its own.
        """
        if self.length_fault(cells) or len(cells) > self._cells_max:
            return False
        if not self._columns:
            return True
        first, last = self._raw(lines[index]), self._raw(lines[after - 1])
        return not (len(first) == len(last) == self._columns and _has_address(first) and _has_address(last))

    def is_whole(self, line: str) -> bool:
        """Tell whether a line is a row by itself, with all its cells."""
        found = self._parse([line], 0)
        return isinstance(found, _Parsed) and len(found.cells) == self._columns

    def length_fault(self, cells: Sequence[str]) -> str | None:
        """Return the problem of a row with a cell that is too long."""
        return CELL_TOO_LONG.code if len(max(cells, key=len, default="")) > self._cell_characters_max else None

    def _raw(self, line: str) -> list[str]:
        """Return the cells of a line as if quotes meant nothing."""
        return line.rstrip("\r\n").split(self._delimiter, CELLS_MAX)

    def _parse(self, lines: Sequence[str], index: int) -> "_Parsed | str":
        """Take a record apart; OPEN when its last cell is not closed by the last line, BROKEN when it never can be."""
        text, after = lines[index], index + 1
        cells: list[str] = []
        position, is_sloppy, spans = 0, False, 0
        while True:
            opening = self._opening.match(text, position) if self._opening else None
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


def _split_lines(text: str) -> list[str]:
    """Split behind each LF."""
    return io.StringIO(text, newline="\n").readlines()


def _has_line_end(text: str) -> bool:
    return "\n" in text or "\r" in text


def _count_line_ends(line: str) -> int:
    return max(1, line.count("\n") + line.count("\r") - line.count("\r\n"))


def _has_address(cells: Iterable[str]) -> bool:
    return any(ADDRESS_SHAPE.fullmatch(cell.strip(BLANK + "\"'")) for cell in cells)
