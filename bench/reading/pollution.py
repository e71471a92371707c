"""Files as people have them: clean tables of customers, each damaged in one way, with what should still be read.

Everything is invented, and the same files are made every time. A file is text written line by line; a pollution changes
lines, and says of each what it must come out as: its cells as they were, or, when it was damaged itself, anything that
costs no other line.
"""

# ruff: noqa: S311 (chance without secrets)

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

Cells = tuple[str, ...]


@dataclass(frozen=True)
class Damaged:
    """A record that cannot come out as it was: in how many rows, of any cells, it may."""

    rows_min: int = 1
    """0 for what is no record at all, like a comment: a row, or nothing."""
    rows_max: int = 1


@dataclass(frozen=True)
class Expected:
    """What should be read from a file."""

    headings: tuple[Cells, ...]
    """The headings, any one of them where several rows of them stand above each other; empty when there are none."""
    above_max: int
    """Rows that may come out above the heading: the title lines there, in any form."""
    records: tuple[Cells | Damaged, ...]


@dataclass(frozen=True)
class Dialect:
    """How a file is written; a reader may be told."""

    encoding: str
    delimiter: str
    line_end: str
    quote: str = '"'
    escape: str | None = None
    always_quoted: bool = False


@dataclass(frozen=True)
class Polluted:
    """A file, what should be read, and what a reader that cannot find it out may be told."""

    name: str
    content: bytes
    expected: Expected
    dialect: Dialect | None
    """None where nobody may be told."""
    heading_index: int | None
    """How many lines stand above the heading; None when there is none."""


@dataclass
class Line:
    """A record in the making: its cells, its text, and what should come out."""

    cells: Cells
    text: str
    end: str
    expected: Cells | Damaged


@dataclass
class Draft:
    """A file in the making."""

    dialect: Dialect
    chance: random.Random
    heading: Line
    records: list[Line]
    above: list[str] = field(default_factory=list)
    other_headings: list[Line] = field(default_factory=list)
    """Below the heading, where several rows of headings stand above each other."""
    has_heading: bool = True
    tail: bytes = b""

    def line(self, cells: Sequence[str], **changed: object) -> Line:
        """Write a record in the dialect of the file, or in one that is changed."""
        dialect = replace(self.dialect, **changed)  # type: ignore[arg-type]
        return Line(tuple(cells), written(cells, dialect), self.dialect.line_end, tuple(cells))

    def some(self, count: int = 1) -> list[Line]:
        """Choose sound records, whichever."""
        sound = [line for line in self.records if not isinstance(line.expected, Damaged)]
        return self.chance.sample(sound, min(count, len(sound)))

    def insert(self, *lines: Line) -> None:
        """Put lines behind a record, whichever, but the last."""
        place = self.chance.randrange(1, len(self.records))
        self.records[place:place] = lines

    def foreign(self, text: str) -> Line:
        """Make a line that is no record; a blank one is no row at all."""
        is_blank = not text.strip(f" {self.dialect.delimiter}{self.dialect.quote}")
        return Line((), text, self.dialect.line_end, Damaged(0, 0 if is_blank else 1))


Pollution = Callable[[Draft], None]


def written(cells: Sequence[str], dialect: Dialect) -> str:
    """Write a record by the rules: what holds a delimiter, a quote or a line end stands between quotes."""
    quote = dialect.quote
    special = (dialect.delimiter, quote, "\n", "\r", *filter(None, [dialect.escape]))

    def cell(text: str) -> str:
        if not dialect.always_quoted and not any(character in text for character in special):
            return text
        if dialect.escape:
            text = text.replace(dialect.escape, dialect.escape * 2).replace(quote, dialect.escape + quote)
        else:
            text = text.replace(quote, quote * 2)
        return f"{quote}{text}{quote}"

    return dialect.delimiter.join(map(cell, cells))


# --- Clean tables -----------------------------------------------------------------------------------------------------

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252", "cp932")
DELIMITERS = (",", ";", "\t", "|")
LINE_ENDS = ("\r\n", "\n", "\r\n", "\n", "\r")
ROWS = (5, 50, 300)

HEADINGS: tuple[Cells, ...] = (
    ("Name", "Email", "Points", "Note"),
    ("Customer", "E-mail address", "City", "Points balance", "Comment"),
    ("Vorname", "Nachname", "E-Mail", "Punkte", "Bemerkung"),
    ("First name", "Last name", "Email", "Phone", "Points", "Last order", "Note"),
)
JAPANESE_HEADING = ("氏名", "メールアドレス", "ポイント", "備考")

WESTERN_NAMES = (
    "José", "Müller", "Zoë", "Ana", "Søren", "Ines", "Jürgen", "Paul", "Chloé", "Åsa", "Tom", "Núñez", "Lefèvre", "Smith",
    "Weiß", "Rossi", "O'Neill",
)  # fmt: skip
JAPANESE_NAMES = ("山田", "佐藤", "鈴木", "高橋", "田中", "渡辺", "太郎", "花子", "一郎", "美咲", "さくら")
ANY_NAMES = (*WESTERN_NAMES, *JAPANESE_NAMES, "Łukasz", "Дмитрий", "שרה")
CITIES = ("Paris", "Berlin", "São Paulo", "Oslo", "New York")
WESTERN_NOTES = ("", "", "", "VIP", "regular since 2019", "prefers tea, not coffee", "called; no answer", 'says "hi" often',
                 "don't call", "café | bar", "5% off", "see ticket #1204")  # fmt: skip
JAPANESE_NOTES = ("", "", "常連", "紅茶, コーヒー", "会員様", "電話 不可")


def clean(dialect: Dialect, row_count: int, chance: random.Random) -> Draft:
    """Write a clean table of customers."""
    is_japanese = dialect.encoding == "cp932"
    heading = JAPANESE_HEADING if is_japanese else chance.choice(HEADINGS)
    names = {"cp932": JAPANESE_NAMES, "cp1252": WESTERN_NAMES}.get(dialect.encoding, ANY_NAMES)
    notes = JAPANESE_NOTES if is_japanese else WESTERN_NOTES
    draft = Draft(dialect, chance, Line((), "", "", ()), [])
    draft.heading = draft.line(heading)
    for number in range(row_count):
        record = [_value(what, number, names, notes, chance) for what in heading]
        draft.records.append(draft.line(record))
    return draft


def _value(heading: str, number: int, names: Sequence[str], notes: Sequence[str], chance: random.Random) -> str:
    match heading:
        case "Email" | "E-mail address" | "E-Mail" | "メールアドレス":
            value = f"customer{number}@example.{chance.choice(('com', 'org', 'co.jp'))}"
        case "Points" | "Points balance" | "Punkte" | "ポイント":
            value = str(chance.randrange(100_000))
        case "Phone":
            value = f"+{chance.randrange(10**10, 10**11)}"
        case "Last order":
            value = f"2025-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
        case "City":
            value = chance.choice(CITIES)
        case "Note" | "Comment" | "Bemerkung" | "備考":
            value = chance.choice(notes)
        case "Vorname" | "Nachname" | "First name" | "Last name":
            value = chance.choice(names)
        case _:
            value = f"{chance.choice(names)} {chance.choice(names)}"
    return value


def files(pollution: str, round_number: int = 0) -> Iterator[Polluted]:
    """Make the files of a pollution: 4 delimiters, 5 encodings, and with them all sizes, line ends and ways to quote.

    Each round makes other ones.
    """
    pollute, kind = POLLUTIONS[pollution], list(POLLUTIONS).index(pollution)
    for index, (delimiter, encoding) in enumerate((one, other) for one in DELIMITERS for other in ENCODINGS):
        chance = random.Random(f"{pollution} {round_number} {index}")
        dialect = Dialect(
            encoding,
            delimiter,
            LINE_ENDS[(index + index // len(ENCODINGS) + round_number) % len(LINE_ENDS)],
            always_quoted=(index + round_number) % 3 == 0,
        )
        draft = clean(dialect, ROWS[(index + index // 3 + round_number // 3) % len(ROWS)], chance)
        pollute(draft)
        yield _finished(f"{kind:02}-{round_number:02}-{index:02}.csv", draft)


def _finished(name: str, draft: Draft) -> Polluted:
    headings = [draft.heading, *draft.other_headings] if draft.has_heading else []
    lines = [*headings, *draft.records]
    text = "".join(f"{line}{draft.dialect.line_end}" for line in draft.above)
    text += "".join(line.text + line.end for line in lines)
    expected = Expected(
        tuple(line.cells for line in headings),
        sum(bool(line.strip()) for line in draft.above),
        tuple(line.expected for line in draft.records),
    )
    errors = "surrogatepass" if draft.dialect.encoding == "utf-16" else "surrogateescape"
    content = text.encode(draft.dialect.encoding, errors) + draft.tail
    return Polluted(name, content, expected, draft.dialect, len(draft.above) if draft.has_heading else None)


# --- Records ----------------------------------------------------------------------------------------------------------


def _nothing(draft: Draft) -> None:
    """Leave a file as it is."""


def _delimiter_missing(draft: Draft) -> None:
    (line,) = draft.some()
    place = draft.chance.randrange(len(line.cells) - 1)
    _damage(line, _joined(draft, line.cells, without=place))


def _delimiter_extra(draft: Draft) -> None:
    (line,) = draft.some()
    place = draft.chance.randrange(len(line.cells))
    parts = _parts(draft, line.cells)
    parts[place] += draft.dialect.delimiter
    _damage(line, draft.dialect.delimiter.join(parts))


def _cells_missing(draft: Draft) -> None:
    for line in draft.some(3):
        kept = draft.chance.randrange(1, len(line.cells))
        _damage(line, draft.dialect.delimiter.join(_parts(draft, line.cells)[:kept]))


def _delimiter_changed(draft: Draft) -> None:
    other = draft.chance.choice([one for one in DELIMITERS if one != draft.dialect.delimiter])
    for line in draft.some(max(1, len(draft.records) // 5)):
        _damage(line, draft.line(line.cells, delimiter=other).text)


def _delimiter_behind_records(draft: Draft) -> None:
    for line in draft.records:
        line.text += draft.dialect.delimiter


def _delimiter_behind_all(draft: Draft) -> None:
    for line in [draft.heading, *draft.records]:
        line.text += draft.dialect.delimiter


def _blank_rows(draft: Draft) -> None:
    width = len(draft.heading.cells)
    blanks = ("", "", "   ", draft.dialect.delimiter * (width - 1), draft.line(("",) * width, always_quoted=True).text)
    for text in draft.chance.sample(blanks, 3):
        draft.insert(draft.foreign(text))


def _damage(line: Line, text: str, rows_max: int = 1) -> None:
    line.text, line.expected = text, Damaged(1, rows_max)


def _parts(draft: Draft, cells: Sequence[str]) -> list[str]:
    return [written([cell], draft.dialect) for cell in cells]


def _joined(draft: Draft, cells: Sequence[str], without: int) -> str:
    parts = _parts(draft, cells)
    parts[without : without + 2] = [parts[without] + parts[without + 1]]
    return draft.dialect.delimiter.join(parts)


# --- Quotes -----------------------------------------------------------------------------------------------------------


def _quote_at(where: str) -> Pollution:
    """Put a quote into a cell: at its start, inside, or at its end."""

    def pollute(draft: Draft) -> None:
        (line,) = draft.some()
        place = draft.chance.choice([index for index, cell in enumerate(line.cells) if len(cell) > 1])
        parts = _parts(draft, line.cells)
        text, quote = parts[place], draft.dialect.quote
        at = {"start": 0, "inside": draft.chance.randrange(1, len(text)), "end": len(text)}[where]
        parts[place] = text[:at] + quote + text[at:]
        _damage(line, draft.dialect.delimiter.join(parts))

    return pollute


def _quote_never_closed(draft: Draft) -> None:
    """Take the closing quote off a quoted cell."""
    (line,) = draft.some()
    place = draft.chance.randrange(len(line.cells))
    parts = _parts(draft, line.cells)
    parts[place] = written([line.cells[place]], replace(draft.dialect, always_quoted=True)).removesuffix('"')
    _damage(line, draft.dialect.delimiter.join(parts))


def _quotes_not_doubled(draft: Draft) -> None:
    """Write quotes inside quoted cells as they are, as some programs do throughout."""
    for line in draft.some(3):
        parts = [f'"{cell}"' for cell in line.cells]
        parts[-1] = f'"says "{draft.chance.choice(WESTERN_NOTES[3:5])}" often"'
        _damage(line, draft.dialect.delimiter.join(parts))


def _row_quoted_as_a_whole(draft: Draft) -> None:
    (line,) = draft.some()
    doubled = line.text.replace('"', '""')
    _damage(line, f'"{doubled}"')


def _quotes_padded(draft: Draft) -> None:
    for line in [draft.heading, *draft.records]:
        parts = _parts_always_quoted(draft, line.cells)
        line.text = f" {draft.dialect.delimiter} ".join(parts)


def _parts_always_quoted(draft: Draft, cells: Sequence[str]) -> list[str]:
    return [written([cell], replace(draft.dialect, always_quoted=True)) for cell in cells]


def _rewritten(**changed: object) -> Pollution:
    """Write the file in another dialect, with a text in it that needs what is changed."""

    def pollute(draft: Draft) -> None:
        draft.dialect = replace(draft.dialect, **changed)  # type: ignore[arg-type]
        for line in draft.some(max(2, len(draft.records) // 4)):
            quote, delimiter = draft.dialect.quote, draft.dialect.delimiter
            line.cells = (*line.cells[:-1], f"says {quote}hi{quote}{delimiter} often")
        draft.heading = draft.line(draft.heading.cells)
        draft.records = [draft.line(line.cells) for line in draft.records]

    return pollute


def _line_ends_in_cells(draft: Draft) -> None:
    for line in draft.some(max(2, len(draft.records) // 4)):
        text = draft.dialect.line_end.join(("first floor", f'by the "{line.cells[0]}" door', "", "ring twice"))
        changed = draft.line((*line.cells[:-1], text))
        line.cells, line.text, line.expected = changed.cells, changed.text, changed.expected


# --- Headings and tables ----------------------------------------------------------------------------------------------


def _headings_several(draft: Draft) -> None:
    """Put groups above the headings, or what a column holds below them."""
    width = len(draft.heading.cells)
    groups = draft.line([("Customer", "Loyalty")[index > width // 2] for index in range(width)])
    kinds = draft.line(["text" if index else "required" for index in range(width)])
    way = draft.chance.randrange(3)
    if way != 1:
        draft.heading, draft.other_headings = groups, [draft.heading]
    if way != 0:
        draft.other_headings.append(kinds)


def _heading_missing(draft: Draft) -> None:
    draft.has_heading = False


def _heading_again(draft: Draft) -> None:
    """Join two exports into one file, so that the heading comes again."""
    draft.insert(draft.line(draft.heading.cells))


def _byte_order_mark_again(draft: Draft) -> None:
    """Join two exports into one file with their byte order marks, where the encoding has one."""
    again = draft.line(draft.heading.cells)
    again.text = ("\ufeff" if draft.dialect.encoding.startswith("utf") else "") + again.text
    draft.insert(again)


def _table_below(draft: Draft) -> None:
    """Put another table below, behind a blank line: narrower, as wide, or wider."""
    width = max(2, len(draft.heading.cells) + draft.chance.choice((-1, 0, 1)))
    draft.records.append(draft.foreign(""))
    for number in range(4):
        cells = [f"Shop {column}" if number == 0 else f"{number}{column}" for column in range(1, width + 1)]
        draft.records.append(draft.line(cells))


def _table_above(draft: Draft) -> None:
    """Put a small table of something else above, behind which a blank line stands."""
    rows = (("Shop", "Customers"), ("Main street", str(len(draft.records))), ("Harbour", "0"))
    draft.above = [*(draft.line(row).text for row in rows), ""]


def _titles(draft: Draft) -> None:
    draft.above = draft.chance.choice((["Customer export"], ["Loyalty report 2025", "Shop: Main street"]))


def _titles_and_blank_lines(draft: Draft) -> None:
    draft.above = ["", "Customer export", "", "All customers with points", ""]


def _titles_with_values(draft: Draft) -> None:
    draft.above = [draft.line(row).text for row in (("Exported", "2025-03-01"), ("Shop", "Main street"), ("", ""))]


def _separator_line(draft: Draft) -> None:
    draft.above = [f"sep={draft.dialect.delimiter}"]


def _comments(draft: Draft) -> None:
    draft.above = ["# exported 2025-03-01 by the shop"]
    draft.insert(draft.foreign("# second page"))


def _total_below(draft: Draft) -> None:
    cells = ["Total", *[""] * (len(draft.heading.cells) - 2), "123456"]
    draft.records += [draft.foreign(""), draft.foreign(draft.line(cells).text), draft.foreign("End of report")]


# --- Line ends --------------------------------------------------------------------------------------------------------


def _line_end_other(draft: Draft) -> None:
    """Let a few rows end as the others do not."""
    other = [end for end in ("\r", "\n", "\r\n") if end != draft.dialect.line_end]
    for line in draft.some(2):
        line.end = draft.chance.choice(other)


def _line_ends_half(draft: Draft) -> None:
    """Write the second half on another system."""
    other = "\n" if draft.dialect.line_end != "\n" else "\r\n"
    for line in draft.records[len(draft.records) // 2 :]:
        line.end = other


def _line_end_strayed(draft: Draft) -> None:
    (line,) = draft.some()
    place = draft.chance.randrange(1, len(line.text) - 1)
    stray = draft.chance.choice(("\r", "\n"))
    _damage(line, line.text[:place] + stray + line.text[place:], rows_max=2)


def _line_end_missing(draft: Draft) -> None:
    draft.records[-1].end = ""


def _line_ends_behind(draft: Draft) -> None:
    draft.records[-1].end *= 4


# --- Bytes ------------------------------------------------------------------------------------------------------------


def _nuls_in_a_row(draft: Draft) -> None:
    (line,) = draft.some()
    place = draft.chance.randrange(1, len(line.text) - 1)
    _damage(line, line.text[:place] + "\0\0" + line.text[place:])


def _nuls_behind(draft: Draft) -> None:
    draft.tail = bytes(512)


def _bytes_undecodable(draft: Draft) -> None:
    """Put bytes into a row that are no characters, where the encoding has such."""
    (line,) = draft.some()
    # A lone half of a pair in UTF-16; the first of two bytes with nothing behind it in CP932; a byte without a meaning.
    bad = {"utf-16": "\ud800", "cp932": "\udc81 ", "cp1252": "\udc81\udc9d"}.get(draft.dialect.encoding, "\udcff\udcfe")
    parts = _parts(draft, line.cells)
    parts[0] = f"{bad}{line.cells[0]}"
    _damage(line, draft.dialect.delimiter.join(parts))


def _cut_off(draft: Draft) -> None:
    """End the file in the middle of its last row, as a download that broke off does."""
    line = draft.records[-1]
    _damage(line, line.text[: draft.chance.randrange(1, len(line.text))])
    line.end = ""


def _aligned(draft: Draft) -> None:
    """Align the columns with spaces."""
    lines = [draft.heading, *draft.records]
    widths = [max(len(line.cells[column]) for line in lines) for column in range(len(draft.heading.cells))]
    for line in lines:
        line.text = draft.dialect.delimiter.join(
            f"{part} ".ljust(width + 3) for part, width in zip(_parts(draft, line.cells), widths, strict=True)
        )


def _invisible(draft: Draft) -> None:
    """Put blanks that are no spaces around values, as copying from web pages does."""
    blank = "\u00a0" if draft.dialect.encoding != "cp932" else "\u3000"
    for line in draft.some(3):
        line.text = draft.line([f"{blank}{cell}{blank}" for cell in line.cells]).text


def _several(draft: Draft) -> None:
    """Let several things happen to one file."""
    pollutions = [_titles, _blank_rows, _quote_at("start"), _delimiter_missing, _line_end_other, _quote_never_closed]
    for pollute in pollutions:
        pollute(draft)


POLLUTIONS: Mapping[str, Pollution] = MappingProxyType(
    {
        "None: clean files": _nothing,
        "A delimiter missing in one row": _delimiter_missing,
        "A delimiter too many in one row": _delimiter_extra,
        "Cells missing at the end of three rows": _cells_missing,
        "Another delimiter in every fifth row": _delimiter_changed,
        "A delimiter behind each row but the heading": _delimiter_behind_records,
        "A delimiter behind each row and the heading": _delimiter_behind_all,
        "Blank rows, and rows of delimiters": _blank_rows,
        "A quote too many at the start of a cell": _quote_at("start"),
        "A quote too many inside a cell": _quote_at("inside"),
        "A quote too many at the end of a cell": _quote_at("end"),
        "A quote that never closes": _quote_never_closed,
        "Quotes not doubled in quoted cells": _quotes_not_doubled,
        "One whole row between quotes": _row_quoted_as_a_whole,
        "Blanks around quoted cells": _quotes_padded,
        "Quotes escaped by a backslash": _rewritten(escape="\\"),
        "Single quotes": _rewritten(quote="'"),
        "Line breaks in quoted cells": _line_ends_in_cells,
        "Several rows of headings": _headings_several,
        "No headings": _heading_missing,
        "The heading again in the middle": _heading_again,
        "A byte order mark in the middle": _byte_order_mark_again,
        "Another table below": _table_below,
        "Another table above": _table_above,
        "Title lines": _titles,
        "Title lines and blank lines": _titles_and_blank_lines,
        "Lines of name and value above": _titles_with_values,
        "A line `sep=` for Excel": _separator_line,
        "Comments": _comments,
        "A total and a last line": _total_below,
        "Another line end behind two rows": _line_end_other,
        "Another line end from the middle on": _line_ends_half,
        "A line end inside a row": _line_end_strayed,
        "No line end at the end": _line_end_missing,
        "Several line ends at the end": _line_ends_behind,
        "NULs in a row": _nuls_in_a_row,
        "NULs behind the end": _nuls_behind,
        "Bytes that are no characters": _bytes_undecodable,
        "The file cut off in its last row": _cut_off,
        "Columns aligned with spaces": _aligned,
        "No-break spaces around values": _invisible,
        "Several of these at once": _several,
    }
)
"""What happens to files, by what it is."""
