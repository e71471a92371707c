"""Text to rows: RFC 4180, with the line where each row starts; what is broken costs its own row and no other.

Sound text, which is nearly all there is, goes through native code in pieces: `str.split` where there is no quote, and
the strict reader of the standard library where there are. Lines that it would take otherwise than they are meant are
kept from it, and where it refuses one, `careful.py` takes over for that record. Both say the same of what is sound; a
property test holds them to it.
"""

import contextlib
import csv
import io
import itertools
import operator
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pointport.errors import FileRejected
from pointport.imports.reading.careful import BLANK, CELLS_MAX, Careful
from pointport.imports.shapes import Dialect, Row

if TYPE_CHECKING:
    from _csv import Reader

LINE_CHARACTERS_MAX = 4 * 1024 * 1024
"""More than a hundred of the longest cells hold; a longer line would only fill the memory."""

LINE_MAX = 2**32 - 1
"""Lines that can be numbered; the id of a ledger entry has 32 bits for them."""

LINES_AT_A_TIME = 128
"""Lines that are read natively before a broken one among them can stop it; a new start costs no more than these."""

MISSES_MAX = 3
"""Records that were not sound one after the other; then the next is read with care at once, until one is."""

LINE_ENDS = ("", "\n", "\r\n", "\r")

LINES_READ = operator.attrgetter("line_num")
"""How many lines a reader of the standard library has read."""

csv.field_size_limit(LINE_CHARACTERS_MAX)


class Batch(NamedTuple):
    """Rows that were read together."""

    rows: list[Row]
    is_ascii: bool = False
    """Whether the text that they were read from surely is."""


def records(text: Iterable[str], dialect: Dialect, *, cell_characters_max: int, is_cut: bool = False) -> Iterator[Row]:
    """Return every row that has something in it: the line where it starts, its cells, the code of what is broken.

    With `is_cut` the text is the beginning of one, and its last record, which may not be whole, is left out. Raises
    FileRejected for a line that is endless, or too many lines.
    """
    found = batches(text, dialect, cell_characters_max=cell_characters_max, is_cut=is_cut)
    return itertools.chain.from_iterable(batch.rows for batch in found)


def batches(
    text: Iterable[str], dialect: Dialect, *, cell_characters_max: int, is_cut: bool = False
) -> Iterator[Batch]:
    """Return the same rows as `records`, as many at a time as are read together."""
    reader = _Reader(dialect, cell_characters_max)
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
        whole = "".join(parts)
        rows, unfinished = reader.read(whole, is_last=False)
        yield Batch(rows, whole.isascii())
        parts = [unfinished, piece[end:]]
        held = len(unfinished) + len(piece) - end
    if not is_cut:
        yield Batch(reader.read("".join(parts), is_last=True)[0])


class _Reader:
    """Takes whole lines apart, one batch after the other, and counts them: natively, and with care what is not sound."""

    def __init__(self, dialect: Dialect, cell_characters_max: int) -> None:
        self.line = 1
        self._dialect = dialect
        self._delimiter, self._quote = dialect.delimiter, dialect.quote
        self._careful = Careful(dialect, cell_characters_max)
        self._cell_characters_max = cell_characters_max
        self._blank = BLANK + self._delimiter
        self._edge = frozenset(self._blank)
        blanks = " \ufeff" if self._delimiter == "\t" else " \t\ufeff"
        edge, quote = re.escape(self._delimiter), re.escape(self._quote)
        self._paddings = [f"{blank}{self._quote}" for blank in blanks]
        self._padded = re.compile(rf"(?:\A|{edge})[{blanks}]+{quote}")
        self._paddings_not_skipped = [f"{end}{blank}" for end in "\n\r" for blank in blanks] + self._paddings[1:]
        self._escaped = f"\\{self._quote}"
        self._escaped_unquoted = re.compile(rf"(?:\A|{edge})[{blanks}]*+(?!{quote})[^{edge}\\]*\\")
        self._native, self._native_padded = (
            csv.reader(
                (), delimiter=self._delimiter, quotechar=self._quote or '"', strict=True, skipinitialspace=is_padded
            ).dialect
            for is_padded in (False, True)
        )

    def whole_lines(self, piece: str) -> int:
        """Return how far the whole lines of a piece go. A CR may be half of a CRLF, or stray: see `_split`."""
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
        has_quotes = bool(self._quote) and self._quote in text
        is_stray = "\r" in text and text.count("\r") != text.count("\r\n")
        if not has_quotes and not (is_stray and self._dialect.line_ending != "CR"):
            lines = (text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text).split("\n")
            if not lines[-1]:
                del lines[-1]
            return self._read_plain(lines, range(self.line, self.line + len(lines) + 1)), ""
        lines = self._split(text) if is_stray else _split_lines(text)
        numbers = self._numbers(lines, is_stray=is_stray)
        if not has_quotes:
            return self._read_plain([line.rstrip("\r\n") for line in lines], numbers), ""
        return self._read_quoted(lines, numbers, text, is_stray=is_stray, is_last=is_last)

    def _numbers(self, lines: list[str], *, is_stray: bool) -> Sequence[int]:
        """Return the number of each line as an editor shows it, and of the one behind them: a stray CR ends one, too."""
        if not is_stray:
            return range(self.line, self.line + len(lines) + 1)
        # What has no CR before its end is one line, and need not be counted.
        counts = (1 if line.find("\r", 0, -2) < 0 else _count_line_ends(line) for line in lines)
        return list(itertools.accumulate(counts, initial=self.line))

    def _read_plain(self, lines: list[str], numbers: Sequence[int]) -> list[Row]:
        """Read lines without quotes and line ends: each is a row, and each delimiter divides."""
        delimiter, blank, edge = self._delimiter, self._blank, self._edge
        self.line = numbers[-1]
        rows: list[Row] = [
            (number, line.split(delimiter, CELLS_MAX), None)
            for number, line in zip(numbers, lines, strict=False)
            if line and (line[0] not in edge or line.strip(blank))
        ]
        if max(map(len, lines), default=0) > self._cell_characters_max:
            return [(number, cells, self._careful.length_fault(cells)) for number, cells, _ in rows]
        return rows

    def _read_quoted(
        self, lines: list[str], numbers: Sequence[int], text: str, *, is_stray: bool, is_last: bool
    ) -> tuple[list[Row], str]:
        """Read lines with quotes: natively as many as are sound, and with care the record that is not."""
        is_padded_alike = self._is_padded_alike(text)
        native = self._native_padded if is_padded_alike else self._native
        strange = iter(self._strange(lines, text, is_stray=is_stray, may_be_padded=not is_padded_alike))
        doubled = [line.replace(self._escaped, self._quote * 2) for line in lines] if self._dialect.escape else lines
        rows: list[Row] = []
        index = misses = 0
        count = len(lines)
        stop = next(strange, count)
        while index < count:
            while stop < index:
                stop = next(strange, count)
            if index < stop and misses < MISSES_MAX:
                begun, end = index, min(stop, index + LINES_AT_A_TIME)
                index = self._read_sound(csv.reader(doubled[begun:end], native), lines, numbers, begun, rows)
                misses = 0 if index > begun else misses + 1
                if index == end:
                    continue
            record = self._careful.record(lines, index, is_last=is_last)
            if record is None:
                break
            cells, fault, after = record
            self._add(rows, numbers[index], cells, fault)
            index, misses = after, misses if fault else 0
        self.line = numbers[index]
        return rows, "".join(lines[index:])

    def _strange(self, lines: list[str], text: str, *, is_stray: bool, may_be_padded: bool) -> list[int]:
        """Return the indices of lines that the standard library takes otherwise than they are meant."""
        strange: set[int] = set()
        if max(map(len, lines)) > min(self._cell_characters_max, CELLS_MAX):
            strange.update(index for index, line in enumerate(lines) if self._is_large(line))
        if is_stray:
            strange.update(index for index, line in enumerate(lines) if "\r" in line.rstrip("\r\n"))
        if self._dialect.escape:
            strange.update(index for index, line in enumerate(lines) if self._is_escaped_otherwise(line))
        for padding in self._paddings if may_be_padded else ():
            if padding in text:
                may_be = ((index, line) for index, line in enumerate(lines) if padding in line)
                strange.update(index for index, line in may_be if self._padded.search(line))
        return sorted(strange)

    def _is_large(self, line: str) -> bool:
        return len(line) > self._cell_characters_max or line.count(self._delimiter) >= CELLS_MAX

    def _is_escaped_otherwise(self, line: str) -> bool:
        """Tell whether a line differs from one with doubled quotes by more than that they are escaped."""
        if "\\" not in line:
            return self._quote * 2 in line
        rest = line.replace(self._escaped, "")
        is_beside_another = self._quote * 2 in rest or self._quote + self._escaped in line
        return is_beside_another or "\\" in rest or self._escaped_unquoted.search(line) is not None

    def _is_padded_alike(self, text: str) -> bool:
        """Tell whether all blanks behind delimiters stand before quotes, where the standard library can skip them."""
        padding = self._delimiter + self._paddings[0]
        return (
            self._delimiter != " "
            and padding in text
            and text.count(padding) == text.count(padding[:-1])
            and text[0] not in self._edge
            and not any(other in text for other in self._paddings_not_skipped)
        )

    def _read_sound(
        self, reader: "Reader", lines: list[str], numbers: Sequence[int], begun: int, rows: list[Row]
    ) -> int:
        """Read records as far as they are sound by RFC 4180; returns the index of the first line not read."""
        taken: list[tuple[list[str], int]] = []
        with contextlib.suppress(csv.Error):
            # All at once in native code, each row with the line where it ends; an error leaves what came before.
            taken.extend(zip(reader, map(LINES_READ, itertools.repeat(reader)), strict=False))
        read = taken[-1][1] if taken else 0
        starts: Iterable[int] = numbers[begun : begun + len(taken)]
        if read != len(taken):
            read, count = 0, 0
            for cells, after in taken:
                if after - read > 1 and not self._careful.is_one_record(lines, begun + read, begun + after, cells):
                    break
                read, count = after, count + 1
            ends = [after for _, after in taken[:count]]
            starts = [numbers[begun + start] for start in (0, *ends[:-1])] if ends else []
        edge = self._edge
        rows += [
            (number, cells, None)
            for number, (cells, _) in zip(starts, taken, strict=False)
            if cells and ((cells[0] and cells[0][0] not in edge) or "".join(cells).strip(BLANK))
        ]
        return begun + read

    def _add(self, rows: list[Row], number: int, cells: list[str], fault: str | None) -> None:
        # In the last cell of a row that is taken apart no further, delimiters still divide.
        if cells and cells[0] and cells[0][0] not in self._edge:
            rows.append((number, cells, fault))
            return
        last = cells[CELLS_MAX].strip(self._blank) if len(cells) > CELLS_MAX else ""
        if fault or last or "".join(cells[:CELLS_MAX]).strip(BLANK):
            rows.append((number, cells, fault))

    def _split(self, text: str) -> list[str]:
        """Split where lines end. A CR in a file of LF or CRLF ends a line, unless it strayed into the middle of a row."""
        if self._dialect.line_ending == "CR" or not self._dialect.columns:
            return io.StringIO(text, newline="").readlines()
        lines: list[str] = []
        for found in _split_lines(text):
            place = found.find("\r")
            if place < 0 or (place == len(found) - 2 and found[-1] == "\n"):
                lines.append(found)
                continue
            line = found.lstrip("\r") if found.strip("\r\n") else found
            lines.extend("\r" * (len(found) - len(line)))  # Blank lines that stand before the row.
            content = line.rstrip("\r\n")
            is_doubled = line[len(content) :] not in LINE_ENDS  # CR CR LF ends a line, and a blank one behind it.
            if is_doubled or ("\r" in content and not self._careful.is_whole(line)):
                lines.extend(io.StringIO(line, newline="").readlines())
            else:
                lines.append(line)
        return lines


def _split_lines(text: str) -> list[str]:
    """Split behind each LF."""
    return io.StringIO(text, newline="\n").readlines()


def _count_line_ends(line: str) -> int:
    return max(1, line.count("\n") + line.count("\r") - line.count("\r\n"))
