"""Lines with quotes to rows: natively as many as are sound, and with care what is not.

The strict reader of the standard library takes whole runs of lines at once. Lines that it would take otherwise than they
are meant are kept from it; they, and those that it refuses, are read by `careful.py`, each in its place among the others.
"""

import bisect
import contextlib
import csv
import itertools
import re
from collections import deque
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from pointport.imports.reading.batch import Batch
from pointport.imports.reading.careful import BLANK, CELLS_MAX, Careful, Record
from pointport.imports.shapes import Dialect

if TYPE_CHECKING:
    from _csv import Dialect as NativeDialect

LINES_AT_A_TIME = 512
"""Lines that are read natively before a broken one among them can stop it; a new start costs no more than these."""

MISSES_MAX = 3
"""Records that were not sound one after the other; then the next is read with care at once, until one is."""

LINES_SAMPLED = 50
"""Lines by which it is told how many quotes a line has where rows are broken."""

SETTLED_LINE = "\n"
"""What native code is given for a line that was read before: a row of its own, whatever stands around it."""


class Quoted:
    """Takes lines with quotes apart."""

    def __init__(self, dialect: Dialect, careful: Careful, cell_characters_max: int) -> None:
        self.careful = careful
        self.spans = self.breaks = False
        """Whether rows of the last lines went on over line ends, or were broken; then some of the next may be, too."""
        self.quote = dialect.quote
        self._delimiter, self._escape = dialect.delimiter, dialect.escape
        self._cell_characters_max = cell_characters_max
        self._edge = frozenset(BLANK + self._delimiter)
        self._blanks = " \ufeff" if self._delimiter == "\t" else " \t\ufeff"
        edge, quote = re.escape(self._delimiter), re.escape(self.quote)
        self._paddings = {
            f"{blank}{self.quote}": re.compile(rf"{blank}{quote}(?<![^{edge}\r\n{self._blanks}]{blank}{quote})")
            for blank in self._blanks
        }
        """Each blank before a quote, and how that is found where a cell may begin: few things stand before it there."""
        self._padded = re.compile(rf"(?:\A|{edge})[{self._blanks}]+{quote}")
        text = rf"[^{quote}\\\r\n]*+" if self._escape else rf"[^{quote}\r\n]*+"
        pair = rf"\\{quote}" if self._escape else quote * 2
        cell = rf"(?:{quote}{text}(?:{pair}{text})*+{quote}|[^{edge}{quote}\r\n]*+)" if quote else ""
        self.strict = re.compile(rf"{cell}(?:{edge}{cell})*+\r?\n?")
        """A row in one line, of which each cell is quoted from end to end or has no quote."""
        self._native, self._native_padded = (
            csv.reader(
                (), delimiter=self._delimiter, quotechar=self.quote or '"', strict=True, skipinitialspace=is_padded
            ).dialect
            for is_padded in (False, True)
        )

    def read(
        self, lines: list[str], numbers: Sequence[int], text: str, *, is_stray: bool, is_last: bool
    ) -> tuple[Batch, int]:
        """Return the rows of lines, which are all of a text, and the index of the line from where a record goes on."""
        paddings = [padding for padding, padded in self._paddings.items() if padding[0] in text and padded.search(text)]
        is_padded_alike = paddings == [f" {self.quote}"] and self._is_padded_alike(text)
        doubtful = set() if is_padded_alike else self._padded_lines(lines, paddings)
        source = lines
        if self._escape:
            # Native code is given them doubled. Where one stands outside of a quoted cell, that is something else.
            escaped, doubled = f"\\{self.quote}", self.quote * 2
            doubtful.update(index for index, line in enumerate(lines) if "\\" in line or doubled in line)
            source = lines.copy()
            for index in doubtful:
                source[index] = lines[index].replace(escaped, doubled)
        tame = {index for index in doubtful if self.strict.fullmatch(lines[index])}
        stops = sorted(doubtful - tame | self._strange(lines, text, is_stray=is_stray))
        native = self._native_padded if is_padded_alike else self._native
        return _Block(self, lines, source, is_last=is_last).read(numbers, native, stops, tame)

    def _padded_lines(self, lines: list[str], paddings: Iterable[str]) -> set[int]:
        """Return the indices of lines in which blanks may stand before a quote that opens a cell."""
        return {
            index
            for padding in paddings
            for index in [index for index, line in enumerate(lines) if padding in line]
            if self._padded.search(lines[index])
        }

    def _strange(self, lines: list[str], text: str, *, is_stray: bool) -> set[int]:
        """Return the indices of lines that are nothing for native code, whatever their quotes are like."""
        strange: set[int] = set()
        if _has_longer_line(text, min(self._cell_characters_max, CELLS_MAX)):
            strange.update(index for index, line in enumerate(lines) if self._is_large(line))
        if is_stray:
            strange.update(index for index, line in enumerate(lines) if "\r" in line.rstrip("\r\n"))
        return strange

    def _is_large(self, line: str) -> bool:
        return len(line) > self._cell_characters_max or line.count(self._delimiter) >= CELLS_MAX

    def _is_padded_alike(self, text: str) -> bool:
        """Tell whether all blanks behind delimiters stand before quotes, where the standard library can skip them."""
        padding = f"{self._delimiter} {self.quote}"
        return (
            self._delimiter != " "
            and text[0] not in self._edge
            and 0 < text.count(padding) == text.count(padding[:-1])
            and not any(holds(text, end + blank) for blank in self._blanks for end in "\n\r")
            and not any(blank in text and self._delimiter + blank in text for blank in self._blanks[1:])
        )


class _Block:
    """Lines that are read together, and the rows that were read of them so far."""

    def __init__(self, quoted: Quoted, lines: list[str], source: list[str], *, is_last: bool) -> None:
        self._quoted, self._careful = quoted, quoted.careful
        self._lines = lines
        self._is_last = is_last
        self._source = source
        """The lines as native code is given them."""
        self._cells: list[list[str]] = []
        self._faults: list[str | None] = []
        self._joined: list[tuple[int, int]] = []
        """Records of more than a line: the index of their first line, and of the one behind them."""
        self._settled: dict[int, Record] = {}
        """What was read with care of a line before the lines above it were read."""
        self._settled_lines: list[int] = []
        self._spans, self._is_settled = quoted.spans, False

    def read(
        self, numbers: Sequence[int], native: "NativeDialect", stops: Iterable[int], tame: AbstractSet[int]
    ) -> tuple[Batch, int]:
        """Return the rows, and the index of the line from where a record goes on behind them.

        Native code stops at some lines. Tame ones it takes as they are meant, unless a record goes on in them.
        """
        self._native, self._tame, self._stops = native, tame, deque(stops)
        if self._quoted.breaks and not self._spans:
            self._settle(0)
        index = misses = 0
        count = len(self._lines)
        while index < count:
            while self._stops and self._stops[0] < index:
                self._stops.popleft()
            stop = self._stops[0] if self._stops else count
            is_refused = False
            if index < stop and misses < MISSES_MAX:
                begun, end = index, min(stop, index + LINES_AT_A_TIME)
                index = self._read_sound(begun, end)
                if index == end:
                    misses = 0
                    continue
                is_refused = True
                misses = 0 if index > begun else misses + 1
            record = self._careful.record(self._lines, index, is_last=self._is_last)
            if record is None:
                break
            cells, fault, after = record
            self._cells.append(cells)
            self._faults.append(fault)
            misses = misses if fault else 0
            if after > index + 1:
                self._joined.append((index, after))
            elif is_refused and not self._is_settled and not self._spans:
                self._settle(after)
            index = after
        self._quoted.spans, self._quoted.breaks = bool(self._joined), bool(self._settled)
        return Batch(self._starts(numbers, index), self._cells, self._faults), index

    def _starts(self, numbers: Sequence[int], end: int) -> Sequence[int]:
        """Return the numbers of the lines that no record goes on in: of those where one starts."""
        if not self._joined:
            return numbers[:end]
        starts: list[int] = []
        begun = 0
        for index, after in self._joined:
            starts += numbers[begun : index + 1]
            begun = after
        return starts + list(numbers[begun:end])

    def _settle(self, begun: int) -> None:
        """Read lines with care whose quotes are no pairs, or unlike most lines', before native code meets them.

        Where that makes a row of the line, native code passes it over; at the others it stops.
        """
        self._is_settled = True
        lines, source = self._lines, self._source[begun:]
        stops = set(self._stops)
        counts = list(map(str.count, source, itertools.repeat(self._quoted.quote)))
        sample = counts[:LINES_SAMPLED]
        usual = max(set(sample), key=sample.count, default=0)
        if usual % 2:
            usual = 0
        for offset in [offset for offset, count in enumerate(counts) if count and count != usual]:
            index, is_odd = begun + offset, counts[offset] % 2
            if index in stops or (not is_odd and self._quoted.strict.fullmatch(lines[index])):
                continue
            record = self._careful.line(lines, index)
            if record is None:
                stops.add(index)
            else:
                self._settled[index] = record
                source[offset] = SETTLED_LINE
        self._settled_lines = list(self._settled)
        self._stops = deque(sorted(stops))
        self._source = self._source[:begun] + source

    def _read_sound(self, begun: int, end: int) -> int:
        """Read records as far as they are sound; returns the index of the line behind them."""
        if self._spans:
            return self._read_records(begun, end)
        cells, faults, settled = self._cells, self._faults, self._settled_lines
        before = len(cells)
        # All at once in native code; an error leaves what came before.
        reader = csv.reader(self._source[begun:end], self._native)
        broken_lines = 0
        try:
            cells.extend(reader)
        except csv.Error:
            broken_lines = 1
        count = len(cells) - before
        if count + broken_lines == reader.line_num:
            # Each line is a row.
            faults.extend([None] * count)
            offset, index = before - begun, begun + count
            for at in settled[bisect.bisect_left(settled, begun) : bisect.bisect_left(settled, index)]:
                cells[offset + at], faults[offset + at], _ = self._settled[at]
            return index
        del cells[before:]
        if self._is_settled:
            # What native code would join may be broken, or be read already: each line is looked at by itself.
            self._stops = deque(range(begun, len(self._lines)))
            return begun
        return self._read_records(begun, end)

    def _read_records(self, begun: int, end: int) -> int:
        """Read records as far as they are sound, though they may go on over line ends; returns where they end."""
        reader = csv.reader(self._source[begun:end], self._native)
        append, joined = self._cells.append, self._joined
        before, index = len(self._cells), begun
        with contextlib.suppress(csv.Error):
            for row in reader:
                after = begun + reader.line_num
                if after - index > 1:
                    if not self._is_one_record(index, after, row):
                        break
                    joined.append((index, after))
                append(row)
                index = after
        count = len(self._cells) - before
        self._faults.extend([None] * count)
        self._spans = self._spans or count < index - begun
        return index

    def _is_one_record(self, index: int, after: int, cells: list[str]) -> bool:
        """Tell whether lines that their quotes join are surely one record."""
        return (
            (not self._tame or self._tame.isdisjoint(range(index + 1, after)))
            and not self._careful.may_span_too_often(cells)
            and self._careful.is_one_record(self._lines, index, after, cells)
        )


def _has_longer_line(text: str, length: int) -> bool:
    """Tell whether a line of a text is longer than this. In leaps, since nearly none is."""
    place = 0
    while len(text) - place > length:
        end = text.rfind("\n", place, place + length)
        if end < 0:
            return True
        place = end + 1
    return False


def holds(text: str, few: str) -> bool:
    """Tell whether a few characters stand in a text. Backwards, for which Python takes half as long."""
    return few[0] in text and text.rfind(few) >= 0
