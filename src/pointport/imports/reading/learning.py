"""The first reading of a file: to its end, once, finding out all that the user is shown before the import."""

import itertools
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pointport.errors import FileRejected
from pointport.imports.reading import columns, encoding, heading_row, numbers, refusals, workbook
from pointport.imports.reading import dialect as dialects
from pointport.imports.reading.batch import Batch
from pointport.imports.reading.careful import BLANK
from pointport.imports.reading.corrected import count_ours, unguarded
from pointport.imports.reading.files import data_rows, in_batches
from pointport.imports.reading.rows import batches, records
from pointport.imports.shapes import Dialect, Learned, Notice, Reading, Row
from pointport.settings import Settings

OpenFile = Callable[[], Iterable[bytes]]
"""Gives the bytes of a file from its beginning, as often as it is called."""

FOUND_OUT = Reading()
"""Nothing is told."""
WORKBOOK = "xlsx"
"""What stands for the encoding of a workbook."""
LINES_SHOWN = 5
HEADING_SHOWN = 100
UNSTORABLE = re.compile("[\ud800-\udfff\0]")
HEAD_BYTES = 256 * 1024
"""What the encoding is told by."""
HEAD_CHARACTERS = 128 * 1024
"""What the dialect and the heading are told by."""
HEAD_ROWS = 1_000
HEAD_CELL_CHARACTERS = 256
HEAD_CHARACTERS_FACTOR = 8
"""Rows of which the columns are told: so many, so much of each cell, and so many times what the dialect is told by."""
COLUMNS_MIN = 2
DAMAGED_SHARE_MAX = 0.1
"""A file is no text in its encoding when more of its rows than this hold bytes that are no characters."""
DAMAGED_CHARACTERS_MAX = 64 * 1024
"""Text of damaged rows that is kept to tell another encoding by."""


def learn(
    open_file: OpenFile, settings: Settings, told: Reading = FOUND_OUT, *, columns_min: int = COLUMNS_MIN
) -> Learned:
    """Read a whole file. Raises FileRejected when it cannot be imported: the code, the place, and what to do.

    `columns_min`: addresses and points take two; a file of contacts may have the addresses alone. The file is read once
    more only when its first 256 KiB are UTF-8 and what comes later shows that the rest is not.
    """
    stream = encoding.ByteStream(open_file())
    head = stream.peek(HEAD_BYTES)
    if workbook.is_zip(head):
        return _telling_what_was_for_nothing(_learn_workbook(stream, settings, told, columns_min), told)
    refusals.refuse(head)
    found = told.encoding or encoding.guess(head)
    learned, tally = _learn_text(stream, found, settings, told, columns_min)
    if not told.encoding and found == encoding.UTF_8 and tally.damaged_rows > tally.strange_rows:
        again = encoding.guess_again(tally.damaged_text)
        if again is not None:
            learned, tally = _learn_text(encoding.ByteStream(open_file()), again, settings, told, columns_min)
    _refuse_damaged(tally, learned.dialect.encoding)
    return _telling_what_was_for_nothing(learned, told)


def _telling_what_was_for_nothing(learned: Learned, told: Reading) -> Learned:
    """Add a notice of what was said of a file that does not apply to its kind."""
    if learned.dialect.sheet is None:
        kind, said = "no workbook, so it has no sheets", {"sheet": told.sheet}
    else:
        kind = "a workbook, which says itself how it is written"
        said = {"encoding": told.encoding, "delimiter": told.delimiter, "quote": told.quote}
    named = [name for name, value in said.items() if value is not None]
    if not named:
        return learned
    verb = "was" if len(named) == 1 else "were"
    message = f"The file is {kind}: the {' and the '.join(named)} that you named {verb} not needed."
    notice = Notice("NOT_NEEDED", max(learned.dialect.heading_line, 1), message)
    return replace(learned, notices=(*learned.notices, notice))


def _learn_text(
    stream: encoding.ByteStream, found_encoding: str, settings: Settings, told: Reading, columns_min: int
) -> tuple[Learned, "_Tally"]:
    text = encoding.pieces(stream, found_encoding)
    head_text = "".join(_until(text, HEAD_CHARACTERS))
    more = next(text, None)
    is_cut = more is not None
    longest = settings.cell_characters_max
    guessed = dialects.guess(head_text, found_encoding, told, cell_characters_max=longest, is_cut=is_cut)
    head = records(encoding.in_pieces(head_text), guessed, cell_characters_max=longest, is_cut=is_cut)
    heading = _heading(list(itertools.islice(head, HEAD_ROWS)), guessed, settings, told, columns_min)
    rest = (head_text,) if more is None else itertools.chain((head_text, more), text)
    tally = _Tally(settings, len(heading.header))
    learned = _survey(batches(rest, heading.dialect, cell_characters_max=longest), heading, tally)
    return replace(learned, byte_count=stream.byte_count, sha256=stream.sha256), tally


def _learn_workbook(stream: encoding.ByteStream, settings: Settings, told: Reading, columns_min: int) -> Learned:
    with workbook.opened(stream, sheet=told.sheet, settings=settings) as opened:
        head = list(itertools.islice(opened.rows(), HEAD_ROWS))
        widths = Counter(len(cells) for _, cells, _ in head)
        width = max(widths, key=lambda one: (widths[one], one), default=0)
        guessed = Dialect(WORKBOOK, "", "", columns=width, sheet=opened.sheet)
        heading = _heading(head, guessed, settings, told, columns_min)
        learned = _survey(in_batches(opened.rows()), heading, _Tally(settings, len(heading.header)))
        return replace(learned, byte_count=opened.byte_count, sha256=opened.sha256)


@dataclass(frozen=True)
class _Heading:
    """The headings, and the dialect that knows where they stand and how many there are."""

    dialect: Dialect
    header: list[str]
    skipped_rows: int
    """Rows with something in them above the heading."""


def _heading(head: Sequence[Row], guessed: Dialect, settings: Settings, told: Reading, columns_min: int) -> _Heading:
    """Find the heading among the first rows. Raises FileRejected unless it is within the limits (design.md 12)."""
    head = [row for row in head if not (row[0] == 1 and dialects.is_separator_line(row[1], guessed.delimiter))]
    if not head:
        if told.sheet is not None and guessed.sheet is not None:
            raise FileRejected(f"The sheet “{guessed.sheet}” is empty. Choose another one.", code="EMPTY_FILE")
        raise FileRejected("The file is empty. Export it again and look at its size.", code="EMPTY_FILE")
    width = guessed.columns or max(len(cells) for _, cells, _ in head)
    index = heading_row.find(head, width) if told.heading_line is None else _told_index(head, told.heading_line)
    line, cells = (0, heading_row.made_up(width)) if index is None else head[index][:2]
    header = _fitting([storable(cell) for cell in cells], settings)
    ours = count_ours(header) if index is not None else 0
    dialect = replace(guessed, heading_line=line, columns=len(header), our_columns=ours)
    if ours:
        header = [unguarded(cell) for cell in header[:-ours]]
    _refuse_heading(header, line, settings, columns_min)
    return _Heading(dialect, header, index or 0)


def _told_index(head: Sequence[Row], heading_line: int) -> int | None:
    """Return the index of the row that a person says is the heading; None for 0, which says that there is none."""
    if heading_line == 0:
        return None
    for index, (line, _, _) in enumerate(head):
        if line == heading_line:
            return index
    raise FileRejected(
        f"No row starts at line {heading_line}, which should be the heading; the first rows start at line"
        f" {', '.join(str(line) for line, _, _ in head[:LINES_SHOWN])}.",
        code="HEADING_NOT_FOUND",
    )


def _fitting(header: list[str], settings: Settings) -> list[str]:
    """Take blank headings off the end of too many."""
    while len(header) > settings.columns_max and not header[-1].strip(BLANK):
        del header[-1]
    return header


def _refuse_heading(header: Sequence[str], line: int, settings: Settings, columns_min: int) -> None:
    if len(header) < columns_min:
        raise FileRejected(
            f'The heading at line {line} has only one column, "{header[0][:HEADING_SHOWN] if header else ""}".'
            " A file needs a column of e-mail addresses and one of points, divided by comma, semicolon, tab or |.",
            code="TOO_FEW_COLUMNS",
        )
    if len(header) > settings.columns_max:
        raise FileRejected(
            f"Line {line} has {len(header)} columns; {settings.columns_max} are allowed."
            " Delete those that the import does not need.",
            code="TOO_MANY_COLUMNS",
        )
    for index, heading in enumerate(header):
        if len(heading) > settings.heading_characters_max:
            raise FileRejected(
                f"The heading of column {index + 1} has {len(heading)} characters;"
                f" {settings.heading_characters_max} are allowed. Is line {line} really the heading?",
                code="HEADER_VALUE_TOO_LONG",
            )


class _Tally:
    """Counts rows on their way through, the damaged and the broken ones too, and keeps the first few."""

    def __init__(self, settings: Settings, columns: int) -> None:
        self.rows = self.columns = self.strange_rows = self.damaged_rows = self.broken_rows = 0
        self.first_damaged_line: int | None = None
        self.first_broken_line: int | None = None
        self.wide_rows = 0
        self.first_wide_line: int | None = None
        self.damaged_text = ""
        self.sample: list[tuple[str, ...]] = []
        self._settings = settings
        self._columns = columns

    def count(self, found: Iterable[Batch]) -> Iterator[Sequence[list[str]]]:
        """Return the cells of the rows, batch by batch."""
        for batch in found:
            self.rows += len(batch.cells)
            for cells in batch.cells[: max(0, self._settings.sample_rows_max - len(self.sample))]:
                self.sample.append(_sample(cells, self._settings))
            self._look_at_faults(batch)
            self._look_at_widths(batch)
            if not batch.is_ascii:
                for line, cells in zip(batch.starts, batch.cells, strict=True):
                    self._look_for_damage(line, "".join(cells))
            yield batch.cells

    def _look_at_faults(self, batch: Batch) -> None:
        broken_rows = len(batch.faults) - batch.faults.count(None)
        if broken_rows and self.first_broken_line is None:
            self.first_broken_line = next(line for line, _, fault in batch.rows() if fault is not None)
        self.broken_rows += broken_rows

    def _look_at_widths(self, batch: Batch) -> None:
        widest = max(set(map(len, batch.cells)), default=0)
        self.columns = max(self.columns, widest)
        if widest <= self._columns:
            return
        for line, cells, fault in batch.rows():
            if fault is None and any(cell.strip(BLANK) for cell in cells[self._columns :]):
                self.wide_rows += 1
                self.first_wide_line = self.first_wide_line or line

    def _look_for_damage(self, line: int, joined: str) -> None:
        if joined.isascii():
            return
        if not encoding.is_damaged(joined):
            self.strange_rows += 1
            return
        self.damaged_rows += 1
        self.first_damaged_line = self.first_damaged_line or line
        if len(self.damaged_text) < DAMAGED_CHARACTERS_MAX:
            self.damaged_text += f"{joined[:DAMAGED_CHARACTERS_MAX]}\n"


def _survey(found: Iterable[Batch], heading: _Heading, tally: _Tally) -> Learned:
    """Walk through all rows below the heading."""
    dialect, header = heading.dialect, heading.header
    counted = tally.count(data_rows(found, dialect))
    first = _first(counted)
    suggestion = columns.suggest(header, _told_by(first), heading_line=max(dialect.heading_line, 1))
    points = suggestion.points
    written = (_column(batch, points) for batch in itertools.chain((first,), counted) if points is not None)
    number_format = numbers.settle_runs(written, is_rendered=dialect.sheet is not None)
    return Learned(
        dialect=dialect,
        header=tuple(header),
        sample_rows=tuple(tally.sample),
        row_count=tally.rows,
        columns=max(tally.columns, len(header)),
        damaged_rows=tally.damaged_rows,
        byte_count=0,
        sha256=b"",
        suggestion=suggestion,
        number_format=number_format,
        notices=(*suggestion.notices, *_notices(heading, tally)),
    )


def _column(batch: Sequence[list[str]], index: int) -> list[str]:
    """Return the cells of one column, of the rows that have it; nearly always all do."""
    try:
        return list(map(operator.itemgetter(index), batch))
    except IndexError:
        return [cells[index] for cells in batch if index < len(cells)]


def _first(counted: Iterator[Sequence[list[str]]]) -> list[list[str]]:
    """Return the first batches, at least what the columns are told by, and no more of a cell than that takes."""
    first: list[list[str]] = []
    characters = 0
    for batch in counted:
        cut = [[cell[:HEAD_CELL_CHARACTERS] for cell in cells] for cells in batch]
        first += cut
        characters += sum(map(len, itertools.chain.from_iterable(cut)))
        if len(first) >= HEAD_ROWS or characters > HEAD_CHARACTERS * HEAD_CHARACTERS_FACTOR:
            break
    return first


def _told_by(first: Sequence[list[str]]) -> list[list[str]]:
    """Return as many of the first rows as the columns are told by, wherever a batch of them ends."""
    told_by: list[list[str]] = []
    characters = 0
    for cells in first[:HEAD_ROWS]:
        told_by.append(cells)
        characters += sum(map(len, cells))
        if characters > HEAD_CHARACTERS * HEAD_CHARACTERS_FACTOR:
            break
    return told_by


def _notices(heading: _Heading, tally: _Tally) -> Iterator[Notice]:
    """Say what a person should know of the file before the import, though it can be read."""
    dialect = heading.dialect
    line = max(dialect.heading_line, 1)
    if dialect.heading_line == 0:
        yield Notice(
            "NO_HEADING", line, "The file has no headings: its columns are called Column 1, Column 2 and so on."
        )
    elif heading.skipped_rows:
        yield Notice("LINES_SKIPPED", line, f"What stands above the heading, up to line {line - 1}, is not read.")
    if not tally.rows:
        yield Notice("NO_ROWS", line, "There are no rows below the heading.")
    if tally.broken_rows:
        told = f"{tally.broken_rows:,} rows are broken" if tally.broken_rows > 1 else "One row is broken"
        yield Notice(
            "BROKEN_ROWS", tally.first_broken_line or line, f"{told} by quotes or too long cells, and will fail."
        )
    if tally.wide_rows:
        told = f"{tally.wide_rows:,} rows have" if tally.wide_rows > 1 else "One row has"
        yield Notice(
            "EXTRA_CELLS",
            tally.first_wide_line or line,
            f"{told} more cells than there are headings, and will fail. Give each column a heading, and put quotes around"
            " texts and numbers with the delimiter in them.",
        )
    if tally.damaged_rows:
        told = f"{tally.damaged_rows:,} rows hold" if tally.damaged_rows > 1 else "One row holds"
        yield Notice(
            "ENCODING_ERROR",
            tally.first_damaged_line or line,
            f"{told} bytes that are no characters in {encoding.NAMES[dialect.encoding]}, and will fail.",
        )


def _refuse_damaged(tally: _Tally, found_encoding: str) -> None:
    if tally.damaged_rows > tally.rows * DAMAGED_SHARE_MAX and tally.damaged_rows > 1:
        raise FileRejected(
            f"{tally.damaged_rows} of {tally.rows} rows hold bytes that are no characters in"
            f" {encoding.NAMES[found_encoding]}, first in line {tally.first_damaged_line}."
            " Save the file as “CSV UTF-8”, or say which encoding it has.",
            code="INVALID_ENCODING",
        )


def _sample(cells: Sequence[str], settings: Settings) -> tuple[str, ...]:
    return tuple(storable(cell)[: settings.sample_characters_max] for cell in cells[: settings.sample_columns_max])


def storable(text: str) -> str:
    """Replace what neither PostgreSQL nor JSON can hold as text: lone surrogates and NUL."""
    return UNSTORABLE.sub("\ufffd", text)


def _until(text: Iterator[str], characters: int) -> Iterator[str]:
    while characters > 0 and (piece := next(text, None)) is not None:
        characters -= len(piece)
        yield piece
