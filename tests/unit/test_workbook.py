"""A workbook to rows of text as people see them; whatever the file, it is read in little memory or refused by name."""

# ruff: noqa: DTZ001 (the dates of a workbook have no zone)

import gc
import hashlib
import io
import struct
import tracemalloc
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from pointport.errors import FileRejected
from pointport.imports.reading import learning, workbook, workbook_archive, workbook_rows, workbook_texts
from pointport.imports.reading.workbook_cells import Format, format_of
from pointport.imports.reading.workbook_rows import WorkbookRow
from pointport.imports.shapes import Reading
from pointport.settings import Settings

SETTINGS = Settings()

# --- Workbooks, by a program and by hand ----------------------------------------------------------------------------------


def book_of(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """Write a workbook as a program does, with these rows in each sheet."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


NAMESPACES = (
    'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
    "_rels/.rels": f'<Relationships><Relationship Id="rId1" Type="{KIND}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>",
    "xl/workbook.xml": f'<workbook {NAMESPACES}><sheets><sheet name="List" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": "<Relationships>"
    f'<Relationship Id="rId1" Type="{KIND}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{KIND}/sharedStrings" Target="sharedStrings.xml"/>'
    f'<Relationship Id="rId3" Type="{KIND}/styles" Target="/xl/styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet {NAMESPACES}><numFmts><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/></numFmts>'
    '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="46"/><xf numFmtId="10"/></cellXfs></styleSheet>',
}
"""The parts of a workbook of one sheet; cells of its style 1 show dates, of style 2 hours."""

SHEET = "xl/worksheets/sheet1.xml"
TEXTS = "xl/sharedStrings.xml"


def zipped(parts: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def sheet_of(rows: str) -> str:
    return f"<worksheet {NAMESPACES}><sheetData>{rows}</sheetData></worksheet>"


def by_hand(rows: str, **parts: str | bytes) -> bytes:
    """Write a workbook with this XML as its rows; `texts`, `book`, `styles` are other parts."""
    names = {"texts": TEXTS, "book": "xl/workbook.xml", "styles": "xl/styles.xml", "sheet": SHEET}
    return zipped({**PARTS, SHEET: sheet_of(rows), **{names[part]: content for part, content in parts.items()}})


def read(content: bytes, sheet: str | None = None, **limits: int) -> list[WorkbookRow]:
    with workbook.opened([content], sheet=sheet, settings=SETTINGS.model_copy(update=limits)) as opened:
        return list(opened.rows())


def cells_of(content: bytes, **limits: int) -> list[list[str]]:
    return [cells for _, cells, _ in read(content, None, **limits)]


def cell_of(attributes: str, inside: str, **parts: str | bytes) -> str:
    """The one cell of a workbook that is written by hand, behind one that says x."""
    row = f'<row r="1"><c t="inlineStr"><is><t>x</t></is></c><c {attributes}>{inside}</c></row>'
    (cells,) = cells_of(by_hand(row, **parts))
    return [*cells, ""][1]


def rejected(content: bytes | Iterable[bytes], sheet: str | None = None, **limits: int) -> FileRejected:
    chunks = [content] if isinstance(content, bytes) else content
    with (
        pytest.raises(FileRejected) as caught,
        workbook.opened(chunks, sheet=sheet, settings=SETTINGS.model_copy(update=limits)) as opened,
    ):
        list(opened.rows())
    return caught.value


# --- Cells as a person sees them ------------------------------------------------------------------------------------------


def test_cells_are_text_as_a_person_sees_them() -> None:
    rows: list[list[Any]] = [
        ["Email", "Points", "Half", "Joined", "Last visit", "Opens", "Member", "Error", "Note"],
        [
            "anna@example.com",
            120,
            12.5,
            date(2026, 3, 4),
            datetime(2026, 3, 4, 15, 30),
            time(9, 5),
            True,
            "#N/A",
            "Zoë 日本 ☕",
        ],
        [
            "ben@example.com",
            120.0,
            -0.25,
            date(1999, 12, 31),
            datetime(1900, 1, 1),
            time(23, 59, 59),
            False,
            "#DIV/0!",
            None,
        ],
    ]
    assert cells_of(book_of({"List": rows})) == [
        rows[0],
        [
            "anna@example.com",
            "120",
            "12.5",
            "2026-03-04",
            "2026-03-04 15:30:00",
            "09:05:00",
            "TRUE",
            "#N/A",
            "Zoë 日本 ☕",
        ],
        ["ben@example.com", "120", "-0.25", "1999-12-31", "1900-01-01", "23:59:59", "FALSE", "#DIV/0!", ""],
    ]


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("0", "0"),
        ("007", "7"),
        ("-5", "-5"),
        ("120.0", "120"),
        ("12.50", "12.5"),
        (" 12.50\n", "12.5"),
        (".5", "0.5"),
        ("-0.0", "0"),
        ("0.30000000000000004", "0.3"),
        ("1234.5678901234567", "1234.56789012346"),
        ("1E3", "1000"),
        ("1.2E-7", "0.00000012"),
        ("999999999", "999999999"),
        ("1000000000000000", "1000000000000000"),
        ("12345678901234567890", "12345678901234567890"),
        ("1.2345678901234501E+19", "12345678901234500000"),
        ("1E+300", "1" + "0" * 300),
        ("1E+400", "1E+400"),
        ("1_000", "1_000"),
        ("nan", "nan"),
        ("\uff15", "\uff15"),
        ("five", "five"),
    ],
)
def test_a_number_has_no_exponent_and_no_needless_digits(raw: str, seen: str) -> None:
    assert cell_of("", f"<v>{raw}</v>") == seen
    assert cell_of('t="n" s="0"', f"<v>{raw}</v>") == seen


@pytest.mark.parametrize(
    ("raw", "seen", "from_1904"),
    [
        ("46085", "2026-03-04", "2030-03-05"),
        ("46085.5", "2026-03-04 12:00:00", "2030-03-05 12:00:00"),
        ("46085.000005787", "2026-03-04 00:00:00.500", "2030-03-05 00:00:00.500"),
        ("46084.99999999999", "2026-03-04", "2030-03-05"),
        ("1", "1900-01-01", "1904-01-02"),
        ("59", "1900-02-28", "1904-02-29"),
        ("61", "1900-03-01", "1904-03-02"),
        ("0.75", "18:00:00", "1904-01-01 18:00:00"),
        ("0", "00:00:00", "1904-01-01"),
        ("2958465", "9999-12-31", "2958465"),
        ("2958466", "2958466", "2958466"),
        ("-1", "-1", "-1"),
        ("1E+300", "1" + "0" * 300, "1" + "0" * 300),
        ("soon", "soon", "soon"),
    ],
)
def test_a_date_is_told_by_its_format_and_written_as_iso_8601(raw: str, seen: str, from_1904: str) -> None:
    assert cell_of('s="1"', f"<v>{raw}</v>") == seen
    book = PARTS["xl/workbook.xml"].replace("<sheets>", '<workbookPr date1904="1"/><sheets>')
    assert cell_of('s="1"', f"<v>{raw}</v>", book=book) == from_1904


@pytest.mark.parametrize(("raw", "seen"), [("1.5", "36:00:00"), ("0.25", "06:00:00"), ("-0.5", "-12:00:00")])
def test_hours_may_be_more_than_a_day_has(raw: str, seen: str) -> None:
    assert cell_of('s="2"', f"<v>{raw}</v>") == seen


@pytest.mark.parametrize(
    ("code", "shows"),
    [
        ("General", None),
        ("0.00", None),
        ("#,##0.00 [$zł-415]", None),
        ('#,##0 "days"', None),
        ("0\\d", None),
        ("[Red]0;[Blue]-0", None),
        ("_-* #,##0.00 _d_-;;", None),
        ("0.00E+00", None),
        ("0%", None),
        ("@", None),
        ("Standard", None),
        ("# ?/?", None),
        ('"', None),
        ("dd/mm/yyyy", Format.MOMENT),
        ("yyyy\\-mm\\-dd", Format.MOMENT),
        ("[$-409]d\\-mmm\\-yy;@", Format.MOMENT),
        ("[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", Format.MOMENT),
        ('yyyy"年"m"月"d"日"', Format.MOMENT),
        ("yyyy年m月d日", Format.MOMENT),
        ("[$-411]ge.m.d", Format.MOMENT),
        ("h:mm AM/PM", Format.MOMENT),
        ("MMM-YY", Format.MOMENT),
        ("mm:ss.0", Format.MOMENT),
        ("[h]:mm:ss", Format.DURATION),
        ("[mm]:ss", Format.DURATION),
    ],
)
def test_a_format_code_tells_dates_from_numbers(code: str, shows: Format | None) -> None:
    assert format_of(code) is shows


def test_only_the_styles_of_cells_count() -> None:
    assert cell_of('s="0"', "<v>46085</v>") == "46085"
    assert cell_of('s="3"', "<v>0.5</v>") == "0.5"
    assert cell_of('s="99"', "<v>46085</v>") == "46085"
    assert cell_of('s="1"', "<v>46085</v>", styles="<styleSheet/>") == "46085"
    differential = (
        '<styleSheet><dxfs><dxf><numFmt numFmtId="0" formatCode="d/m/yy"/></dxf></dxfs><cellXfs><xf numFmtId="0"/>'
    )
    assert cell_of('s="0"', "<v>46085</v>", styles=f"{differential}</cellXfs></styleSheet>") == "46085"


@pytest.mark.parametrize(
    ("kind", "inside", "seen"),
    [
        ("b", "<v>1</v>", "TRUE"),
        ("b", "<v>0</v>", "FALSE"),
        ("b", "<v>2</v>", "2"),
        ("e", "<v>#REF!</v>", "#REF!"),
        ("d", "<v>2026-03-04T00:00:00</v>", "2026-03-04"),
        ("d", "<v>2026-03-04T15:30:00</v>", "2026-03-04 15:30:00"),
        ("d", "<v>2026-03-04</v>", "2026-03-04"),
        ("str", "<v>total</v>", "total"),
        ("str", "<v>12.50</v>", "12.50"),
        ("inlineStr", "<is><t>a</t></is>", "a"),
        ("inlineStr", "<is><r><t>a</t></r><r><rPr><b/></rPr><t xml:space='preserve'> b</t></r></is>", "a b"),
        ("inlineStr", "<is><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></is>", "東京"),
        ("inlineStr", "<is><t>one&#10;two &lt;&amp;&gt;</t></is>", "one\ntwo <&>"),
        ("inlineStr", "<is><t>_x0041__x005F_x0042_</t></is>", "A_x0042_"),
        ("inlineStr", "<is><t>_xD83D_ _x12_</t></is>", "_xD83D_ _x12_"),
        ("inlineStr", "<is><t></t></is>", ""),
        ("inlineStr", "", ""),
        ("n", "", ""),
        ("n", "<v></v>", ""),
        ("unheard-of", "<v>5</v>", "5"),
    ],
)
def test_each_kind_of_cell_is_read(kind: str, inside: str, seen: str) -> None:
    assert cell_of(f't="{kind}"', inside) == seen


TEXT_PART = (
    f"<sst {NAMESPACES}><si><t>Email</t></si><si/><si><r><t>Po</t></r><r><t>ints</t></r></si>"
    "<si><t>山田</t><rPh sb='0' eb='2'><t>ヤマダ</t></rPh><phoneticPr fontId='1'/></si>"
    "<si><t>line_x000D_&#10;end</t></si></sst>"
)


@pytest.mark.parametrize("memory_bytes", [0, 10, 10_000])
def test_shared_texts_are_found_by_their_number(memory_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_texts, "MEMORY_BYTES_MAX", memory_bytes)
    cells = "".join(f'<c t="s"><v>{number}</v></c>' for number in (4, 0, 2, 1, 3, 0))
    content = by_hand(f"<row>{cells}</row>", texts=TEXT_PART)
    assert cells_of(content) == [["line\r\nend", "Email", "Points", "", "山田", "Email"]]


@pytest.mark.parametrize("number", ["5", "-1", "1.0", "x", "99999999999999999999"])
def test_a_text_that_is_not_there_is_damage(number: str) -> None:
    error = rejected(by_hand(f'<row><c t="s"><v>{number}</v></c></row>', texts=TEXT_PART))
    assert error.reason == "WORKBOOK_DAMAGED"
    assert rejected(by_hand(f'<row><c t="s"><v>{number}</v></c></row>')).reason == "WORKBOOK_DAMAGED"


def test_a_formula_is_its_result_and_itself_when_nobody_has_calculated_it() -> None:
    assert cell_of("", "<f>B1*2</f><v>10</v>") == "10"
    assert cell_of("", "<f>B1*2</f><v>0</v>") == "0"
    assert cell_of('t="str"', "<f>IF(1,&quot;&quot;)</f><v></v>") == ""
    assert cell_of("", "<f>B1*2</f>") == "=B1*2"
    assert cell_of("", "<f>B1*2</f><v/>") == "=B1*2"
    assert cells_of(book_of({"List": [["a@example.com", "=1+1"]]})) == [["a@example.com", "=1+1"]]


def test_a_zero_that_only_stands_for_a_result_is_no_number() -> None:
    book = PARTS["xl/workbook.xml"].replace("</sheets>", '</sheets><calcPr fullCalcOnLoad="1"/>')
    assert cell_of("", "<f>B1*2</f><v>0</v>", book=book) == "=B1*2"
    assert cell_of("", "<f>B1*2</f><v>10</v>", book=book) == "10"
    assert cell_of("", "<v>0</v>", book=book) == "0"


# --- Rows -----------------------------------------------------------------------------------------------------------------


def test_blank_rows_are_left_out_and_rows_keep_their_numbers() -> None:
    rows: list[list[Any]] = [
        [],
        ["Email", "Points"],
        [None, None],
        [" ", "\u00a0"],
        ["a@example.com", 1],
        [],
        ["b@example.com", 2],
    ]
    content = book_of({"List": rows})
    assert read(content) == [
        (2, ["Email", "Points"], None),
        (5, ["a@example.com", "1"], None),
        (7, ["b@example.com", "2"], None),
    ]


def test_a_row_is_as_long_as_the_widest_before_it() -> None:
    rows: list[list[Any]] = [
        ["Customers of March"],
        ["Email", "Points", "Note"],
        ["a@example.com", 1],
        [None, 2],
        ["b", 3, "x", None, "y"],
        ["c"],
    ]
    assert cells_of(book_of({"List": rows})) == [
        ["Customers of March"],
        ["Email", "Points", "Note"],
        ["a@example.com", "1", ""],
        ["", "2", ""],
        ["b", "3", "x", "", "y"],
        ["c", "", "", "", ""],
    ]


def test_a_cell_far_out_does_not_make_all_rows_wide() -> None:
    far = '<row><c><v>1</v></c></row><row><c r="XFD2"><v>2</v></c></row><row><c><v>3</v></c></row>'
    assert [len(cells) for cells in cells_of(by_hand(far))] == [1, 16_384, SETTINGS.columns_max]
    assert [len(cells) for cells in cells_of(by_hand(far), columns_max=7)] == [1, 16_384, 7]


def test_cells_and_rows_stand_where_they_say_or_behind_the_last() -> None:
    rows = (
        '<row r="3"><c r="B3"><v>1</v></c><c><v>2</v></c><c r="AA3"><v>3</v></c></row>'
        "<row><c><v>4</v></c></row>"
        '<row r="9"><c r="$"/></row>'
    )
    error = rejected(by_hand(rows))
    assert (error.reason, "row 9" in error.message) == ("WORKBOOK_DAMAGED", True)
    found = read(by_hand(rows.replace('r="$"', 'r="b9"')))
    assert found[0] == (3, ["", "1", "2", *[""] * 23, "3"], None)
    assert [(number, cells[0]) for number, cells, _ in found] == [(3, ""), (4, "4")]


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="5"/><row r="4"/>',
        '<row r="5"/><row r="5"/>',
        '<row r="0"/>',
        '<row r="-1"/>',
        '<row r="one"/>',
        '<row r="1048577"/>',
        '<row r="9999999999999999999"/>',
        '<row r="1048576"/><row/>',
        "<row><row/></row>",
        '<row><c r="B1"/><c r="A1"/></row>',
        '<row><c r="B1"/><c r="B1"/></row>',
        '<row><c r="XFE1"/></row>',
        '<row><c r="1"/></row>',
        '<row><c r="AAAA1"/></row>',
        '<row><c r="XFD1"/><c/></row>',
    ],
)
def test_rows_and_cells_out_of_place_are_damage_and_not_put_somewhere(rows: str) -> None:
    assert rejected(by_hand(rows)).reason == "WORKBOOK_DAMAGED"


def test_a_cell_has_as_many_characters_as_the_setting_allows() -> None:
    row = '<row r="7"><c t="inlineStr"><is><t>{}</t></is></c></row>'
    assert cells_of(by_hand(row.format("x" * 10)), cell_characters_max=10) == [["x" * 10]]
    error = rejected(by_hand(row.format("x" * 11)), cell_characters_max=10)
    assert error.reason == "CELL_TOO_LONG"
    assert "Row 7" in error.message
    shared = f"<sst><si><t>{'x' * 11}</t></si><si><t>fits</t></si></sst>"
    assert (
        rejected(by_hand('<row><c t="s"><v>0</v></c></row>', texts=shared), cell_characters_max=10).reason
        == "CELL_TOO_LONG"
    )
    assert cells_of(by_hand('<row><c t="s"><v>1</v></c></row>', texts=shared), cell_characters_max=10) == [["fits"]]


# --- How programs write workbooks -----------------------------------------------------------------------------------------


def test_names_may_have_prefixes_backslashes_and_other_letters() -> None:
    prefixed = sheet_of('<row><c t="inlineStr"><is><t>a</t></is></c><c><v>5</v></c></row>').replace(
        "xmlns=", "xmlns:x="
    )
    for tag in ("worksheet", "sheetData", "row", "c>", "c ", "is", "t>", "v"):
        prefixed = prefixed.replace(f"<{tag}", f"<x:{tag}").replace(f"</{tag}", f"</x:{tag}")
    assert "<x:c><x:v>5</x:v></x:c>" in prefixed
    parts = {**PARTS, SHEET: prefixed}
    assert cells_of(zipped(parts)) == [["a", "5"]]
    assert cells_of(zipped({name.replace("/", "\\"): content for name, content in parts.items()})) == [["a", "5"]]
    assert cells_of(zipped({name.upper(): content for name, content in parts.items()})) == [["a", "5"]]


def test_what_newer_programs_add_under_the_same_names_is_not_meant() -> None:
    more = '<extLst><ext><x15:workbookPr chartTrackingRefBase="1"/><x15:sheet name="no" id="rId1"/></ext></extLst>'
    book = PARTS["xl/workbook.xml"].replace("<sheets>", '<workbookPr date1904="1"/><sheets>')
    book = book.replace("</workbook>", f"{more}</workbook>")
    assert cell_of('s="1"', "<v>46085</v>", book=book) == "2030-03-05"
    assert opened_sheet(by_hand("", book=book), None) == ("List", ("List",))


def test_the_workbook_is_where_the_file_says_that_it_is() -> None:
    parts: dict[str, str | bytes] = {
        "_rels/.rels": PARTS["_rels/.rels"].replace("xl/workbook.xml", "/other/place.xml"),
        "other/place.xml": PARTS["xl/workbook.xml"],
        "other/_rels/place.xml.rels": PARTS["xl/_rels/workbook.xml.rels"].replace("worksheets/", "../sheets/"),
        "sheets/sheet1.xml": sheet_of("<row><c><v>5</v></c></row>"),
    }
    assert cells_of(zipped(parts)) == [["5"]]
    without = {name: content for name, content in PARTS.items() if name != "_rels/.rels"}
    assert cells_of(zipped({**without, SHEET: sheet_of("<row><c><v>5</v></c></row>")})) == [["5"]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_xml_may_be_in_utf_16(encoding: str) -> None:
    declared = "<?xml version='1.0' encoding='{}' standalone='yes'?>".format(
        "UTF-16" if encoding == "utf-16" else "UTF-8"
    )
    row = sheet_of('<row><c t="inlineStr"><is><t>Zoë 日本</t></is></c></row>')
    assert cells_of(by_hand("", sheet=(declared + row).encode(encoding))) == [["Zoë 日本"]]


def test_members_may_be_stored_without_packing() -> None:
    assert cells_of(zipped({**PARTS, SHEET: sheet_of("<row><c><v>5</v></c></row>")}, zipfile.ZIP_STORED)) == [["5"]]


# --- Sheets ---------------------------------------------------------------------------------------------------------------


def opened_sheet(content: bytes, sheet: str | None) -> tuple[str, tuple[str, ...]]:
    with workbook.opened([content], sheet=sheet, settings=SETTINGS) as opened:
        return opened.sheet, opened.sheets


SHEETS: dict[str, list[list[Any]]] = {
    "Cover": [[], [None, " "]],
    "März 2026": [["Email"], ["m@example.com"]],
    "2": [["Email"], ["two@example.com"]],
}


@pytest.mark.parametrize(
    ("asked", "read_sheet"),
    [
        (None, "März 2026"),
        ("Cover", "Cover"),
        ("März 2026", "März 2026"),
        ("märz 2026 ", "März 2026"),
        ("1", "Cover"),
        ("2", "2"),
        ("3", "2"),
    ],
)
def test_the_sheet_is_the_one_asked_for_or_the_first_with_something_in_it(asked: str | None, read_sheet: str) -> None:
    assert opened_sheet(book_of(SHEETS), asked) == (read_sheet, ("Cover", "März 2026", "2"))


@pytest.mark.parametrize("asked", ["0", "4", "-1", "April", "", "²"])
def test_a_sheet_that_is_not_there_is_answered_with_those_that_are(asked: str) -> None:
    error = rejected(book_of(SHEETS), sheet=asked)
    assert error.reason == "SHEET_NOT_FOUND"
    assert "“Cover”, “März 2026”, “2”" in error.message


def test_a_hidden_sheet_is_read_only_when_nothing_else_has_data() -> None:
    book = openpyxl.Workbook()
    book.active.title = "Settings"
    book.active.append(["version", 3])
    book.active.sheet_state = "hidden"
    book.create_sheet("Customers")
    empty, filled = io.BytesIO(), io.BytesIO()
    book.save(empty)
    book["Customers"].append(["Email", "Points"])
    book.save(filled)
    assert opened_sheet(empty.getvalue(), None)[0] == "Settings"
    assert opened_sheet(filled.getvalue(), None)[0] == "Customers"


def test_a_workbook_of_blank_sheets_has_no_rows() -> None:
    content = book_of({"One": [], "Two": [[" "]]})
    assert (opened_sheet(content, None)[0], read(content)) == ("One", [])


def test_an_empty_sheet_that_was_asked_for_is_not_an_empty_file() -> None:
    content = book_of({"Cover": [], "List": [["Email", "Points"], ["a@example.com", 5]]})
    with pytest.raises(FileRejected) as caught:
        learning.learn(lambda: [content], Settings(), Reading(sheet="1"))
    assert caught.value.reason == "EMPTY_FILE"
    assert "“Cover” is empty" in caught.value.message


def test_sheets_of_charts_are_no_sheets() -> None:
    book = openpyxl.Workbook()
    book.active.append(["Email"])
    book.create_chartsheet("Chart", 0)
    target = io.BytesIO()
    book.save(target)
    assert opened_sheet(target.getvalue(), None) == ("Sheet", ("Sheet",))
    only = PARTS["xl/_rels/workbook.xml.rels"].replace("/worksheet", "/chartsheet")
    assert rejected(zipped({**PARTS, "xl/_rels/workbook.xml.rels": only})).reason == "WORKBOOK_DAMAGED"


def test_the_bytes_are_counted_and_hashed_and_rows_are_read_as_often_as_wanted() -> None:
    content = book_of(SHEETS)
    chunks = [content[start : start + 100] for start in range(0, len(content), 100)]
    with workbook.opened(iter(chunks), sheet=None, settings=SETTINGS) as opened:
        assert (opened.byte_count, opened.sha256) == (len(content), hashlib.sha256(content).digest())
        first, second = opened.rows(), opened.rows()
        assert next(first) == next(second) == (1, ["Email"], None)
        assert list(first) == list(second) == [(2, ["m@example.com"], None)]


# --- What is refused ------------------------------------------------------------------------------------------------------


def test_a_zip_is_told_by_its_first_bytes() -> None:
    assert workbook.is_zip(book_of({"List": []}))
    assert workbook.is_zip(zipped({}))
    assert not any(workbook.is_zip(head) for head in (b"", b"PK", b"PK,points\n", b"Email,Points\n"))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({}, "nothing in it"),
        ({"customers.csv": "Email,Points"}, "with “customers.csv” in it. Unpack it and upload the CSV"),
        ({f"{number}.csv": "" for number in range(5)}, "“0.csv”, “1.csv”, “2.csv” and 2 more"),
        ({"list/": "", "list/a.csv": ""}, "with “list/a.csv” in it"),
        ({"a\n\u202eb" + "x" * 100: ""}, "“a\ufffd\ufffdb" + "x" * 55 + "…”"),
        ({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}, "(.ods)"),
        ({"Index/Document.iwa": "", "Index/Tables/DataList.iwa": ""}, "Apple Numbers"),
        ({"_rels/.rels": "<x/>", "xl/workbook.bin": "", "xl/worksheets/sheet1.bin": ""}, "binary format (.xlsb)"),
        (
            {
                "_rels/.rels": PARTS["_rels/.rels"].replace("xl/workbook.xml", "word/document.xml"),
                "word/document.xml": "<d/>",
            },
            "a Word document (.docx)",
        ),
        (
            {
                "_rels/.rels": PARTS["_rels/.rels"].replace("xl/workbook.xml", "ppt/presentation.xml"),
                "ppt/presentation.xml": "<p/>",
            },
            "a PowerPoint presentation (.pptx)",
        ),
        ({"_rels/.rels": PARTS["_rels/.rels"], "readme.txt": ""}, "readme.txt"),
        ({"xl/workbook.xml": "<document/>"}, "xl/workbook.xml"),
    ],
)
def test_a_zip_that_is_no_workbook_is_told_by_what_it_holds(parts: dict[str, str | bytes], words: str) -> None:
    error = rejected(zipped(parts))
    assert error.reason == "ZIP_NOT_WORKBOOK"
    assert words in error.message


GOOD = by_hand("<row><c><v>5</v></c></row>" * 50)


@pytest.mark.parametrize("kept", [4, 30, 100, 0.5, 0.9, -23, -1])
def test_an_upload_that_broke_off_is_damage(kept: float) -> None:
    error = rejected(GOOD[: int(kept * len(GOOD)) if isinstance(kept, float) else kept])
    assert error.reason == "WORKBOOK_DAMAGED"
    assert "save it again" in error.message


def test_a_changed_byte_behind_the_rows_is_found_by_the_checksum() -> None:
    sheet = sheet_of("<row><c><v>5</v></c></row>") + f"<!--{'x' * 200_000}comment-->"
    stored = zipped({**PARTS, SHEET: sheet}, zipfile.ZIP_STORED)
    assert cells_of(stored) == [["5"]]
    error = rejected(stored.replace(b"comment", b"commend"))
    assert (error.reason, "sheet1.xml" in error.message) == ("WORKBOOK_DAMAGED", True)


def test_what_stands_behind_the_rows_may_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_archive, "RATIO_MAX", 10_000)
    places = " ".join(f"A{number}" for number in range(400_000))
    sheet = sheet_of("<row><c><v>5</v></c></row>").replace(
        "</worksheet>", f'<conditionalFormatting sqref="{places}"/></worksheet>'
    )
    assert cells_of(by_hand("", sheet=sheet)) == [["5"]]


@pytest.mark.parametrize(
    "sheet",
    [
        "",
        "no XML",
        "<worksheet>",
        "<worksheet><sheetData><row><c><v>5</v></row></sheetData></worksheet>",
        "<worksheet><sheetData>&unknown;</sheetData></worksheet>",
        "<?xml version='1.0' encoding='cp1252'?><worksheet/>",
        "<?xml version='1.0' encoding='unheard-of'?><worksheet/>",
        b"<worksheet>\xff\xfe</worksheet>",
        '<!DOCTYPE worksheet [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><worksheet>&b;</worksheet>',
        '<!DOCTYPE worksheet SYSTEM "file:///etc/hostname"><worksheet/>',
    ],
)
def test_xml_that_is_none_or_wants_entities_is_damage(sheet: str | bytes) -> None:
    assert rejected(by_hand("", sheet=sheet)).reason == "WORKBOOK_DAMAGED"
    assert rejected(by_hand("<row/>", book=sheet)).reason in {"WORKBOOK_DAMAGED", "ZIP_NOT_WORKBOOK"}


@pytest.mark.parametrize("missing", [SHEET, "xl/_rels/workbook.xml.rels"])
def test_a_missing_part_is_damage(missing: str) -> None:
    parts = {name: content for name, content in {**PARTS, SHEET: sheet_of("")}.items() if name != missing}
    assert rejected(zipped(parts)).reason == "WORKBOOK_DAMAGED"


def test_a_workbook_with_a_password_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    encrypted = bytearray(GOOD)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(mark) + place] |= 1
    error = rejected(bytes(encrypted))
    assert error.reason == "WORKBOOK_ENCRYPTED"
    assert "password" in error.message


def test_a_fault_of_the_disk_is_not_said_to_be_the_files() -> None:
    def chunks() -> Iterable[bytes]:
        yield GOOD[:100]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"), workbook.opened(chunks(), sheet=None, settings=SETTINGS):
        pass


# --- Bombs ----------------------------------------------------------------------------------------------------------------


def test_a_bomb_is_refused_before_anything_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = by_hand("<row/>" * 200_000)
    with zipfile.ZipFile(io.BytesIO(bomb)) as archive:
        unpacked = sum(info.file_size for info in archive.infolist())
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("it was unpacked"))
    error = rejected(bomb, workbook_bytes_max=1_000_000)
    assert error.reason == "WORKBOOK_TOO_LARGE"
    assert f"{unpacked:,} bytes; 1,000,000 are allowed" in error.message


def test_the_limit_is_that_of_the_setting_to_the_byte() -> None:
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        unpacked = sum(info.file_size for info in archive.infolist())
    assert len(read(GOOD, workbook_bytes_max=unpacked)) == 50
    assert rejected(GOOD, workbook_bytes_max=unpacked - 1).reason == "WORKBOOK_TOO_LARGE"


def test_a_part_that_unpacks_to_absurdly_much_is_refused() -> None:
    error = rejected(by_hand("", sheet=sheet_of(" " * 3_000_000)))
    assert error.reason == "WORKBOOK_TOO_LARGE"
    assert "sheet1.xml" in error.message
    assert len(read(by_hand("<row><c><v>5</v></c></row>", texts="<sst>" + " " * 500_000 + "</sst>"))) == 1


def test_too_many_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_archive, "MEMBERS_MAX", len(PARTS))
    assert rejected(GOOD).reason == "WORKBOOK_TOO_LARGE"
    monkeypatch.setattr(workbook_archive, "MEMBERS_MAX", len(PARTS) + 1)
    assert len(read(GOOD)) == 50


def directory_entry(name: bytes, *, size: int, packed: int, place: int, crc: int = 0) -> bytes:
    fields = (20, 20, 0, 0, 0, 0, crc, packed, size, len(name), 0, 0, 0, 0, 0, place)
    return b"PK\x01\x02" + struct.pack("<HHHHHHIIIHHHHHII", *fields) + name


def end_of(entries: int, directory: bytes, place: int) -> bytes:
    return directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, entries, entries, len(directory), place, 0)


def test_an_endless_directory_is_not_read() -> None:
    entries = 40_000
    directory = directory_entry(b"a", size=0, packed=0, place=0) * entries
    content = b"PK\x03\x04" + bytes(26) + end_of(0, directory, 30)
    tracemalloc.start()
    error = rejected(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.reason == "WORKBOOK_TOO_LARGE"
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize(("place", "packed"), [(0, 10), (5, 10), (0, 0)])
def test_parts_that_share_their_bytes_are_refused(place: int, packed: int) -> None:
    stored = zipped({**PARTS, SHEET: sheet_of("")}, zipfile.ZIP_STORED)
    end = stored.index(b"PK\x01\x02")
    count, _, length = struct.unpack("<HHI", stored[-14:-6])
    directory = stored[end : end + length] + directory_entry(b"xl/more.xml", size=packed, packed=packed, place=place)
    assert rejected(stored[:end] + end_of(count + 1, directory, end)).reason == "WORKBOOK_DAMAGED"


def test_a_part_gives_no_more_bytes_than_its_directory_names() -> None:
    rows = sheet_of("<row><c><v>5</v></c></row>" * 10_000)
    honest = zipped({**PARTS, SHEET: rows})
    for wrong in (0, 100, len(rows) - 1):
        lie = honest.replace(struct.pack("<I", len(rows)), struct.pack("<I", wrong))
        assert lie != honest
        assert rejected(lie).reason == "WORKBOOK_DAMAGED"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused_since_they_unpack_all_at_once(method: int) -> None:
    assert rejected(zipped({**PARTS, SHEET: sheet_of("")}, method)).reason == "WORKBOOK_DAMAGED"


BIG = 2 * 1024 * 1024


@pytest.mark.parametrize(
    "sheet",
    [
        "<worksheet>" + "<a>" * 200,
        "<worksheet>" + "".join(f"<n{number:x}/>" for number in range(50_000)),
        "<worksheet>" + "".join(f"<n a{number:x}=''/>" for number in range(50_000)),
        "<worksheet " + "".join(f"a{number:x}='' " for number in range(200_000)) + "/>",
        f"<worksheet a='{'x' * BIG}'/>",
        f"<worksheet><!--{'x' * BIG}--></worksheet>",
        f"<worksheet><?x {'x' * BIG}?></worksheet>",
        "<" + "x" * BIG,
    ],
    ids=["depth", "elements", "attributes", "attributes of one", "attribute", "comment", "instruction", "tag"],
)
@pytest.mark.parametrize("part", ["sheet", "texts", "book"])
def test_xml_that_fills_the_memory_is_refused(part: str, sheet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_archive, "RATIO_MAX", 10_000)
    content = by_hand("<row/>", **{part: sheet.replace("worksheet", "workbook") if part == "book" else sheet})
    assert rejected(content).reason == "WORKBOOK_DAMAGED"


def memory_of(content: bytes) -> tuple[int, int]:
    """Read a workbook row by row; return how many there are, and the most bytes of Python's that it took."""
    # What the tests before have left behind is set aside, so that garbage is collected as in a process of its own.
    gc.collect()
    gc.freeze()
    gc.collect()
    tracemalloc.start()
    rows = 0
    with workbook.opened([content], sheet=None, settings=SETTINGS) as opened:
        for _ in opened.rows():
            rows += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gc.unfreeze()
    return rows, peak


def many_customers(count: int) -> bytes:
    rows = "".join(f'<row><c t="s"><v>{number}</v></c><c><v>{number}</v></c></row>' for number in range(count))
    texts = "".join(f"<si><t>anna.muster{number}@example.com</t></si>" for number in range(count))
    return by_hand(rows, texts=f"<sst>{texts}</sst>")


def test_memory_grows_by_no_more_than_the_packed_texts_of_a_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is kept to be shown again is as much for every sheet that is large enough.
    monkeypatch.setattr(workbook_rows, "FOUND_MAX", 100)
    # The least of some tries: whatever else the process does meanwhile only adds to it.
    few_rows, few = min(memory_of(many_customers(3_000)) for _ in range(4))
    many_rows, many = min(memory_of(many_customers(9_000)) for _ in range(4))
    assert (few_rows, many_rows) == (3_000, 9_000)
    # Some 60 bytes a row, and garbage that nobody has collected yet; a text of its own would take twice that.
    assert many - few < 6_000 * 80


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="1"><c><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>',
        '<row><c r="XFD1"><v>5</v></c></row>' * 1_000,
        "<row/>" * 20_000 + "<row><c><v>5</v></c></row>",
        "<row>" + "<c/>" * 16_000 + "<c><v>5</v></c></row>",
    ],
    ids=["corners", "wide", "blank", "empty"],
)
def test_memory_does_not_grow_with_what_is_not_there(rows: str) -> None:
    found, peak = memory_of(by_hand(rows))
    assert found >= 1
    assert peak < 5 * 1024 * 1024


def test_a_text_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_archive, "RATIO_MAX", 10_000)
    text = "x" * (4 * BIG)
    for content in (
        by_hand(f'<row><c t="inlineStr"><is><t>{text}</t></is></c></row>'),
        by_hand(f"<row><c><v>{text}</v></c></row>"),
        by_hand('<row><c t="s"><v>0</v></c></row>', texts=f"<sst><si><t>{text}</t></si></sst>"),
    ):
        tracemalloc.start()
        assert rejected(content).reason == "CELL_TOO_LONG"
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < BIG


# --- Whatever the file ----------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), max_size=20).filter(
    lambda text: not text.startswith(("=", "#")) and "_x" not in text
)
VALUE = st.one_of(
    st.none(),
    TEXT,
    st.booleans(),
    st.integers(-(10**15), 10**15),
    st.floats(-1e9, 1e9).map(lambda number: round(number, 3)),
    st.datetimes(datetime(1901, 1, 1), datetime(2199, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
)


def seen(value: Any) -> str:
    """What a person sees of a value that a program wrote."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case datetime():
            return str(value).removesuffix(" 00:00:00")
        case float():
            return f"{value + 0.0:.3f}".rstrip("0").rstrip(".")
        case _:
            return str(value)


@given(st.lists(st.lists(VALUE, max_size=5), max_size=5))
@trying(max_examples=60, deadline=None)
@example([[datetime(2026, 3, 4) + timedelta(seconds=second) for second in range(5)]])
def test_what_a_program_wrote_is_read(rows: list[list[Any]]) -> None:
    expected: list[WorkbookRow] = []
    for number, row in enumerate(rows, start=1):
        cells = [seen(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if "".join(cells).strip():
            width = max([len(cells), *(len(before) for _, before, _ in expected)])
            expected.append((number, cells + [""] * (width - len(cells)), None))
    assert read(book_of({"List": rows})) == expected


def read_or_refused(content: bytes) -> None:
    with suppress(FileRejected):
        read(content)


@given(st.binary(max_size=400))
@trying(max_examples=100, deadline=None)
def test_any_bytes_behind_the_mark_of_a_zip_end_in_rows_or_a_refusal(content: bytes) -> None:
    read_or_refused(b"PK\x03\x04" + content)
    read_or_refused(b"PK\x05\x06" + content)
    read_or_refused(GOOD[:-22] + b"PK\x05\x06" + content)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6))
@trying(max_examples=150, deadline=None)
def test_a_workbook_with_changed_bytes_ends_in_rows_or_a_refusal(changes: list[tuple[int, int]]) -> None:
    content = bytearray(GOOD)
    for place, byte in changes:
        content[place] = byte
    read_or_refused(bytes(content))


DIRECTORY = len(GOOD) - GOOD.index(b"PK\x01\x02")


@given(st.lists(st.tuples(st.integers(1, DIRECTORY), st.integers(0, 255)), min_size=1, max_size=4))
@trying(max_examples=150, deadline=None)
def test_a_directory_with_changed_bytes_ends_in_rows_or_a_refusal(changes: list[tuple[int, int]]) -> None:
    content = bytearray(GOOD)
    for place, byte in changes:
        content[-place] = byte
    read_or_refused(bytes(content))


MARKUP = st.lists(
    st.sampled_from(
        """
        <worksheet> <sheetData> <row> <row&r="3"> <row&r="x"> </row> <c> <c&r="B2"&t="s"> <c&t="inlineStr"> <c&t="b">
        <c&s="1"> <c&t="d"> </c> <v> </v> <f> </f> <is> </is> <t> </t> <si> </si> <sst> </sst> <rPh> </rPh> 0 5 1E999 -1
        <workbook> <sheets> <sheet&name="a"&r:id="rId1"/> <sheet/> <cellXfs> </cellXfs> <xf/> <xf&numFmtId="14"/> <numFmt/>
        <Relationships> <Relationship/> <Relationship&Id="rId1"&Type="/worksheet"&Target="../../.."/> </sheetData>
        </worksheet> <!DOCTYPE&x> <?xml&version="1.0"&encoding="utf-7"?> <![CDATA[x]]> ]]> <!--x--> &amp; &lt _x0000_ \x00 é
        """.split()  # noqa: SIM905 (a list of these would be a page)
    )
).map(lambda pieces: "".join(piece.replace("&", " ") if piece[0] == "<" else piece for piece in pieces).encode())


@given(st.dictionaries(st.sampled_from([*PARTS, SHEET, TEXTS]), MARKUP | st.binary(max_size=50), min_size=1))
@trying(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_contents_under_the_right_names_end_in_rows_or_a_refusal(parts: dict[str, bytes]) -> None:
    read_or_refused(zipped({**PARTS, SHEET: sheet_of("<row><c><v>5</v></c></row>"), **parts}))


@given(MARKUP)
@trying(max_examples=150, deadline=None)
def test_any_markup_as_rows_ends_in_rows_or_a_refusal(rows: bytes) -> None:
    read_or_refused(by_hand("", sheet=b"<worksheet><sheetData>" + rows + b"</sheetData></worksheet>", texts=TEXT_PART))


@pytest.mark.parametrize(
    ("content", "told", "expected"),
    [
        (
            b"Email,Points\nann@example.com,5\n",
            Reading(sheet="2"),
            ["The file is no workbook, so it has no sheets: the sheet that you named was not needed."],
        ),
        (
            book_of({"One": [["Email", "Points"], ["ann@example.com", 5]]}),
            Reading(encoding="cp1252", delimiter=";", sheet="One"),
            [
                "The file is a workbook, which says itself how it is written:"  # noqa: ISC004  (one sentence)
                " the encoding and the delimiter that you named were not needed."
            ],
        ),
        (book_of({"One": [["Email", "Points"], ["ann@example.com", 5]]}), Reading(sheet="One", heading_line=1), []),
    ],
)
def test_what_is_said_of_a_file_and_does_not_apply_to_its_kind_is_told(
    content: bytes, told: Reading, expected: list[str]
) -> None:
    learned = learning.learn(lambda: [content], Settings(_env_file=None), told)
    assert [notice.message for notice in learned.notices if notice.code == "NOT_NEEDED"] == expected
    assert learned.row_count == 1
