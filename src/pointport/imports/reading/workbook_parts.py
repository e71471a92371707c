"""What a workbook says of itself: its sheets, where their parts are, and which cell formats show dates."""

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pointport.imports.reading import workbook_archive as archives
from pointport.imports.reading import workbook_markup as markup
from pointport.imports.reading.workbook_archive import Archive, damaged
from pointport.imports.reading.workbook_cells import BUILT_IN, Format, format_of

PART_BYTES_MAX = 16 * 1024 * 1024
"""These parts are held in memory, in part; the sheets and the texts are not."""
ENTRIES_MAX = 65_536
"""Of sheets, formats or relations. Excel has 65,490 formats at most."""

RELATIONS_OF_THE_FILE = "_rels/.rels"
USUAL_BOOK = "xl/workbook.xml"
TRUE = ("1", "true")

T = TypeVar("T")


@dataclass(frozen=True)
class Sheet:
    """A sheet with cells: its name as people see it, and its part in the archive."""

    name: str
    part: str
    is_hidden: bool


@dataclass(frozen=True)
class Book:
    """What is to be known of a workbook before its sheets can be read."""

    sheets: tuple[Sheet, ...]
    texts_part: str | None
    formats: Mapping[str, Format]
    """By the style that a cell names, those that show no number."""
    from_1904: bool
    """Days are counted from 1904, as Excel for the Mac once did."""
    is_uncalculated: bool
    """Its writer left the results of formulas to be found out by who opens it, and most likely wrote 0 for each."""


@dataclass(frozen=True)
class _Relation:
    """What a part calls by an id: its kind, and the part."""

    kind: str
    part: str


def book(archive: Archive) -> Book:
    """Read what a workbook says of itself. Raises FileRejected when it is damaged, or another kind of document."""
    part = _book_part(archive)
    relations = _relations(archive, part)
    listed: list[tuple[str, str, bool]] = []
    found: dict[str, bool] = {}

    def take(name: str, attributes: markup.Attributes) -> None:
        if not found:
            if name != "workbook":
                archives.refuse_other(archive)
            found.update(from_1904=False, is_uncalculated=False)
        if name == "sheet":
            is_hidden = attributes.get("state", "visible") != "visible"
            _add(listed, (attributes.get("name", ""), attributes.get("id", ""), is_hidden))
        elif name == "workbookPr":
            found["from_1904"] = attributes.get("date1904") in TRUE
        elif name == "calcPr":
            found["is_uncalculated"] = attributes.get("fullCalcOnLoad") in TRUE

    _each_element(archive, part, take)
    return Book(
        sheets=tuple(
            Sheet(name, relations[key].part, is_hidden)
            for name, key, is_hidden in listed
            if key in relations and relations[key].kind == "worksheet"
        ),
        texts_part=_first(relations, "sharedStrings"),
        formats=_formats(archive, _first(relations, "styles")),
        **found,
    )


def _book_part(archive: Archive) -> str:
    """Return the part that is the workbook itself."""
    named = None
    if archives.has(archive, RELATIONS_OF_THE_FILE):
        named = _first(_relations(archive, ""), "officeDocument")
    part = named if named is not None and archives.has(archive, named) else USUAL_BOOK
    if part.lower().endswith(".bin") or not archives.has(archive, part):
        archives.refuse_other(archive)
    return part


def _relations(archive: Archive, part: str) -> dict[str, _Relation]:
    """Return what a part relates to, by id; the part "" is the whole file."""
    folder, name = posixpath.split(part)
    found: list[tuple[str, _Relation]] = []

    def take(element: str, attributes: markup.Attributes) -> None:
        if element == "Relationship" and attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2]
            # A target with a slash in front is joined to nothing.
            target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", "")))
            _add(found, (attributes.get("Id", ""), _Relation(kind, target)))

    relations_part = posixpath.join(folder, "_rels", f"{name}.rels")
    if archives.has(archive, relations_part):
        _each_element(archive, relations_part, take)
    return dict(found)


def _first(relations: Mapping[str, _Relation], kind: str) -> str | None:
    return next((relation.part for relation in relations.values() if relation.kind == kind), None)


SECTIONS = frozenset(("numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"))
"""The parts of a workbook's styles; `xf` and `numFmt` mean other things in others than ours."""


def _formats(archive: Archive, part: str | None) -> Mapping[str, Format]:
    if part is None or not archives.has(archive, part):
        return {}
    section = ""
    own: list[tuple[str, Format | None]] = []
    styles: list[str] = []

    def take(name: str, attributes: markup.Attributes) -> None:
        nonlocal section
        if name in SECTIONS:
            section = name
        elif name == "numFmt" and section == "numFmts":
            _add(own, (attributes.get("numFmtId", ""), format_of(attributes.get("formatCode", ""))))
        elif name == "xf" and section == "cellXfs":
            _add(styles, attributes.get("numFmtId", ""))

    _each_element(archive, part, take)
    by_number: dict[str, Format | None] = {str(number): shown_as for number, shown_as in BUILT_IN.items()}
    by_number.update(own)
    shown = ((str(style), by_number.get(number)) for style, number in enumerate(styles))
    return {style: shown_as for style, shown_as in shown if shown_as is not None}


def _add(entries: list[T], entry: T) -> None:
    if len(entries) >= ENTRIES_MAX:
        raise damaged(f"it has more than {ENTRIES_MAX:,} sheets, formats or relations")
    entries.append(entry)


def _each_element(archive: Archive, part: str, take: Callable[[str, markup.Attributes], None]) -> None:
    what = f"its part “{archives.shown(part)}”"
    size = archives.size(archive, part)
    if size > PART_BYTES_MAX:
        raise damaged(f"{what} has {size:,} bytes; {PART_BYTES_MAX:,} are allowed")
    markup.each_element(archives.pieces(archive, part), what, take)
