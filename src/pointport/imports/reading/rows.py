"""Text to rows: RFC 4180, with the line where each row starts; what is broken costs its own row and no other.

Sound text, which is nearly all there is, goes through native code in pieces: `str.split` where there is no quote, and
the strict reader of the standard library where there are (`quoted.py`). Where that would be wrong, `careful.py` takes over
for a single record. Both say the same of what is sound; a property test holds them to it.
"""

import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from pointport.errors import FileRejected
from pointport.imports.reading.batch import Batch
from pointport.imports.reading.careful import BLANK, CELLS_MAX, Careful
from pointport.imports.reading.quoted import Quoted
from pointport.imports.shapes import Dialect, Row

LINE_CHARACTERS_MAX = 4 * 1024 * 1024
"""More than a hundred of the longest cells hold; a longer line would only fill the memory."""

LINE_MAX = 2**32 - 1
"""Lines that can be numbered; the id of a ledger entry has 32 bits for them."""

LINE_ENDS = ("\n", "\r\n", "\r")

csv.field_size_limit(LINE_CHARACTERS_MAX)


def records(text: Iterable[str], dialect: Dialect, *, cell_characters_max: int, is_cut: bool = False) -> Iterator[Row]:
    """Return every row that has something in it: the line where it starts, its cells, the code of what is broken.

    With `is_cut` the text is the beginning of one, and its last record, which may not be whole, is left out. Raises
    FileRejected for a line that is endless, or too many lines.
    """
    found = batches(text, dialect, cell_characters_max=cell_characters_max, is_cut=is_cut)
    return itertools.chain.from_iterable(map(Batch.rows, found))


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
        batch, unfinished = reader.read("".join(parts), is_last=False)
        yield batch
        parts = [unfinished, piece[end:]]
        held = len(unfinished) + len(piece) - end
    if not is_cut:
        yield reader.read("".join(parts), is_last=True)[0]


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
        edge, quote = re.escape(self._blank), re.escape(self._quote)
        self._blank_start = re.compile(rf"\n(?:{quote})?+[{edge}{quote}]")
        self._quoted = Quoted(dialect, self._careful, cell_characters_max)

    def whole_lines(self, piece: str) -> int:
        """Return how far the whole lines of a piece go. A CR may be half of a CRLF, or stray: see `_split`."""
        line_feed = piece.rfind("\n")
        if self._dialect.line_ending != "CR" and self._dialect.columns:
            return line_feed + 1
        return max(line_feed, piece.rfind("\r", line_feed + 1, len(piece) - 1)) + 1

    def read(self, text: str, *, is_last: bool) -> tuple[Batch, str]:
        """Return the rows of whole lines, and the text from where a record goes on behind them."""
        if self.line > LINE_MAX:
            raise FileRejected(f"The file has more than {LINE_MAX} lines. Split it.", code="TOO_MANY_LINES")
        if not text:
            return Batch.of(()), ""
        has_quotes = bool(self._quote) and self._quote in text
        lines = text.splitlines(keepends=has_quotes)
        numbers: Sequence[int] = range(self.line, self.line + len(lines) + 1)
        # A CR may have strayed into a line, a line may end where only Python thinks so, or the last one may not end.
        is_stray = len(lines) != self._line_ends(text)
        if is_stray:
            lines = self._split(text)
            numbers = self._numbers(lines)
            if not has_quotes:
                lines = [line.rstrip("\r\n") for line in lines]
        may_have_blank_rows = is_stray or self._may_have_blank_rows(text)
        if not has_quotes:
            self.line = numbers[-1]
            if may_have_blank_rows:
                lines, numbers = self._filled_lines(lines, numbers)
            return self._read_plain(lines, numbers)._replace(is_ascii=text.isascii()), ""
        batch, index = self._quoted.read(lines, numbers, text, is_stray=is_stray, is_last=is_last)
        self.line = numbers[index]
        if may_have_blank_rows:
            batch = self._filled(batch)
        return batch._replace(is_ascii=text.isascii()), "".join(lines[index:])

    def _line_ends(self, text: str) -> int:
        """Return how often a line ends in a text, as long as no CR strayed into it."""
        ends = text.count("\n")
        if self._dialect.line_ending == "CR":
            ends += text.count("\r") - text.count("\r\n")
        return ends

    def _numbers(self, lines: list[str]) -> list[int]:
        """Return the number of each line as an editor shows it, and of the one behind them: a stray CR ends one, too."""
        counts = [1] * len(lines)
        # What has no CR before its end is one line, and need not be counted.
        for index in [index for index, line in enumerate(lines) if line.find("\r", 0, -2) >= 0]:
            counts[index] = _count_line_ends(lines[index])
        return list(itertools.accumulate(counts, initial=self.line))

    def _read_plain(self, lines: list[str], numbers: Sequence[int]) -> Batch:
        """Read lines without quotes and line ends: each is a row, and each delimiter divides."""
        delimiter = self._delimiter
        cells = [line.split(delimiter, CELLS_MAX) for line in lines]
        faults: list[str | None] = [None] * len(cells)
        if max(map(len, lines), default=0) > self._cell_characters_max:
            faults = list(map(self._careful.length_fault, cells))
        return Batch(numbers[: len(cells)], cells, faults)

    def _may_have_blank_rows(self, text: str) -> bool:
        """Tell whether a line begins as those of blank rows do, which hardly any other does."""
        if self._dialect.line_ending == "CR":
            return True
        return any(self._blank_start.search(part) for part in (f"\n{text[:2]}", text))

    def _filled_lines(self, lines: list[str], numbers: Sequence[int]) -> tuple[list[str], Sequence[int]]:
        """Return the lines that have something in them."""
        edge, blank = self._edge, self._blank
        kept = [bool(line) and (line[0] not in edge or bool(line.strip(blank))) for line in lines]
        return list(itertools.compress(lines, kept)), list(itertools.compress(numbers, kept))

    def _filled(self, batch: Batch) -> Batch:
        """Return the rows that have something in them, or something broken."""
        edge, (starts, cells, faults, _) = self._edge, batch
        kept = [
            bool(fault) or bool(row and row[0] and row[0][0] not in edge) or not self._is_blank(row)
            for row, fault in zip(cells, faults, strict=True)
        ]
        if all(kept):
            return batch
        compress = itertools.compress
        return Batch(list(compress(starts, kept)), list(compress(cells, kept)), list(compress(faults, kept)))

    def _is_blank(self, cells: list[str]) -> bool:
        # In the last cell of a row that is taken apart no further, delimiters still divide.
        return not ("".join(cells[:CELLS_MAX]).strip(BLANK) or "".join(cells[CELLS_MAX:]).strip(self._blank))

    def _split(self, text: str) -> list[str]:
        """Split where lines end. A CR in a file of LF or CRLF ends a line, unless it strayed into the middle of a row."""
        parts = io.StringIO(text, newline="").readlines()
        if self._dialect.line_ending == "CR" or not self._dialect.columns:
            return parts
        lines: list[str] = []
        taken = passed = 0
        for index in [index for index, part in enumerate(parts) if part[-1] == "\r"]:
            # Blank lines may stand before a row.
            if index < passed or parts[index] == "\r":
                continue
            passed = index + 1
            while passed < len(parts) and parts[passed - 1][-1] == "\r":
                passed += 1
            line = "".join(parts[index:passed])
            # CR CR LF ends a line, and a blank one behind it.
            is_doubled = parts[passed - 1] in LINE_ENDS
            if passed > index + 1 and not is_doubled and self._careful.is_whole(line):
                lines += parts[taken:index]
                lines.append(line)
                taken = passed
        return lines + parts[taken:]


def _count_line_ends(line: str) -> int:
    return max(1, line.count("\n") + line.count("\r") - line.count("\r\n"))
