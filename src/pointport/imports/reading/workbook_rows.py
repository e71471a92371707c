"""A sheet's XML to rows of text, as it streams by."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from pointport.errors import FileRejected
from pointport.imports.reading import workbook_cells as cells
from pointport.imports.reading import workbook_markup as markup
from pointport.imports.reading.workbook_archive import damaged, shown
from pointport.imports.reading.workbook_markup import DEPTH_MAX
from pointport.imports.reading.workbook_parts import Book
from pointport.imports.reading.workbook_texts import Gathered, Texts, unescaped

ROWS_MAX = 1_048_576
COLUMNS_MAX = 16_384
"""What a sheet can have."""

NUMBER = re.compile(r"\d{1,9}", re.ASCII)
COLUMN = re.compile(r"[A-Z]{1,3}", re.IGNORECASE)
DIGITS = "0123456789"

FOUND_MAX = 5_000
FOUND_CHARACTERS_MAX = 100
"""How many dates and texts are kept to be shown again, and how long they may be."""

KINDS: Mapping[str, Callable[[str], str]] = {"b": cells.truth, "d": cells.moment, "str": unescaped}
"""How the value of a cell is shown that is neither a number nor a text by its number; an error as it is."""

WorkbookRow = tuple[int, list[str], str | None]
"""The number of a row in its sheet, counting from 1; its cells as text; and None: no row is at fault by itself."""


def read(
    pieces: Iterable[bytes], book: Book, texts: Texts | None, *, cell_characters_max: int, columns_max: int
) -> Iterator[WorkbookRow]:
    """Return the rows of a sheet that have something in them, in order.

    A row is as long as the widest before it, up to `columns_max`, since cells that are empty at its end are often not
    in the file; what goes beyond is there when it is not empty. Raises FileRejected when the sheet is damaged, or a cell
    has more than `cell_characters_max` characters.
    """
    reader = _Reader(book, texts, cell_characters_max)
    width = 0
    pieces = iter(pieces)
    for _ in markup.fed(reader.parser, pieces, "the sheet"):
        for number, places, filled in reader.rows:
            if not filled or not "".join(filled).strip():
                continue
            width = max(width, min(places[-1] + 1, columns_max))
            yield number, _placed(places, filled, width), None
        reader.rows.clear()
        reader.gathered.cut()
        if reader.is_done:
            break
    for _ in pieces:
        # What stands behind the rows is not wanted, but only at its end a part's checksum is looked at.
        pass


def _placed(places: list[int], filled: list[str], width: int) -> list[str]:
    """Return a row of at least this width with the cells in their places."""
    if places[-1] + 1 == len(filled) == width:
        return filled
    row = [""] * max(width, places[-1] + 1)
    for place, text in zip(places, filled, strict=True):
        row[place] = text
    return row


class _Reader:
    """Gathers rows out of a sheet's XML.

    `row` holds `c`, and that `v` (a value), `f` (a formula) or `is` (a text in `t`, or in several). This runs for every
    cell of a file, so it is written to do little: names are compared with their prefix, which the first element tells.
    """

    def __init__(self, book: Book, texts: Texts | None, cell_characters_max: int) -> None:
        self.parser = markup.parser(self._start_first, self._end)
        self.rows: list[tuple[int, list[int], list[str]]] = []
        """Of each row the number, the places of its cells that are filled, counting from 0, and those cells."""
        self.is_done = False
        self._book = book
        self._texts = texts
        self._cell_characters_max = cell_characters_max
        self.gathered = Gathered(cell_characters_max + 1)
        self._columns: dict[str, int] = {}
        self._found: dict[tuple[str, cells.Format | None], str] = {}
        self._depth = 0
        self._number = 0
        self._places: list[int] = []
        self._filled: list[str] = []
        self._column = 0
        self._kind: str | None = None
        self._style: str | None = None
        self._value: str | None = None
        self._formula: str | None = None
        self._is_in_row = self._is_aside = False

    def _start_first(self, name: str, _attributes: markup.Attributes) -> None:
        prefix = name[: -len(markup.without_prefix(name))]
        self._row, self._c, self._v, self._f = prefix + "row", prefix + "c", prefix + "v", prefix + "f"
        self._t, self._aside, self._all = prefix + "t", prefix + "rPh", prefix + "sheetData"
        self._depth = 1
        self.parser.StartElementHandler = self._start

    def _start(self, name: str, attributes: markup.Attributes) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise markup.too_deep("the sheet")
        if name == self._c:
            self._start_cell(attributes)
        elif name == self._v or name == self._f or (name == self._t and self._is_text()):  # noqa: PLR1714 (faster)
            self.parser.CharacterDataHandler = self.gathered.add
        elif name == self._row:
            self._start_row(attributes.get("r"))
        elif name == self._aside:
            self._is_aside = True

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == self._v:
            self.parser.CharacterDataHandler = None
            self._value = self.gathered.taken()
        elif name == self._c:
            self._end_cell()
        elif name == self._t:
            self.parser.CharacterDataHandler = None
        elif name == self._row:
            self.rows.append((self._number, self._places, self._filled))
            self._places, self._filled, self._is_in_row = [], [], False
        elif name == self._f:
            self.parser.CharacterDataHandler = None
            self._formula = self.gathered.taken()
        elif name == self._aside:
            self._is_aside = False
        elif name == self._all:
            self.is_done = True

    def _start_row(self, number: str | None) -> None:
        before = self._number
        self._number = before + 1 if number is None else int(number) if NUMBER.fullmatch(number) else 0
        self._column = 0
        if self._is_in_row:
            raise damaged(f"its row {before} has another within it")
        self._is_in_row = True
        if not before < self._number <= ROWS_MAX:
            raise damaged(f"behind its row {before} comes a row that is called “{shown(str(number or self._number))}”")

    def _start_cell(self, attributes: markup.Attributes) -> None:
        place = attributes.get("r")
        if place is not None:
            letters = place.rstrip(DIGITS)
            column = self._columns.get(letters)
            if column is None:
                column = self._columns[letters] = self._column_called(letters)
            if column < self._column:
                raise damaged(f"the cells of its row {self._number} are in no order")
            self._column = column
        if self._column >= COLUMNS_MAX:
            raise damaged(f"its row {self._number} has more cells than a sheet can have")
        self._kind = attributes.get("t")
        self._style = attributes.get("s")
        self._value = self._formula = None

    def _column_called(self, letters: str) -> int:
        if not COLUMN.fullmatch(letters):
            raise damaged(f"a cell of its row {self._number} has no place")
        column = 0
        for letter in letters.upper():
            column = column * 26 + ord(letter) - ord("A") + 1
        return column - 1

    def _end_cell(self) -> None:
        text = self._text()
        if text:
            if len(text) > self._cell_characters_max:
                raise FileRejected(
                    f"Row {self._number} has a cell of more than {self._cell_characters_max:,} characters. Shorten it.",
                    code="CELL_TOO_LONG",
                )
            self._places.append(self._column)
            self._filled.append(text)
        self._column += 1
        self._kind = None

    def _is_text(self) -> bool:
        """Tell whether a `t` is the text of the cell: in `rPh` it is how that is pronounced."""
        return self._kind == "inlineStr" and not self._is_aside

    def _text(self) -> str:
        """Return what a person sees in the cell that ends."""
        kind, value = self._kind, self._value
        if kind == "inlineStr":
            return unescaped((value or "") + self.gathered.taken())
        if self._formula is not None and self._is_unknown(value):
            return f"={self._formula}"
        if not value:
            return ""
        if kind is None or kind == "n":
            shown_as = self._book.formats.get(self._style) if self._style is not None else None
            return cells.number(value) if shown_as is None else self._known(value, shown_as)
        if kind == "s":
            return self._known(value, None)
        return KINDS.get(kind, str)(value)

    def _known(self, value: str, shown_as: cells.Format | None) -> str:
        """Return a date, or the text of a number; those that a sheet repeats are looked up once."""
        text = self._found.get((value, shown_as))
        if text is None:
            text = self._shared(value) if shown_as is None else cells.formatted(value, shown_as, self._book.from_1904)
            if len(text) <= FOUND_CHARACTERS_MAX >= len(value):
                if len(self._found) >= FOUND_MAX:
                    self._found.clear()
                self._found[value, shown_as] = text
        return text

    def _is_unknown(self, value: str | None) -> bool:
        """Tell whether the result of a formula was never found out; then the formula itself is shown, not a wrong number.

        A formula with an empty text as its result has one. A program that writes a workbook without calculating it
        leaves the result out, or writes a 0 that Excel replaces when it opens the file.
        """
        if not value:
            return self._kind != "str"
        return self._book.is_uncalculated and value == "0" and self._kind in (None, "n")

    def _shared(self, value: str) -> str:
        try:
            if self._texts is not None and NUMBER.fullmatch(value):
                return self._texts[int(value)]
        except IndexError:
            pass
        raise damaged(f"a cell of its row {self._number} names the text “{shown(value)}”, which is not there")
