"""Bytes to rows: whatever the file, either it is read as it is meant, or it is refused with the place."""

import csv
import hashlib
import io
import itertools
import re
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from pointport.errors import FileRejected
from pointport.imports.reading import careful, encoding, files, headings, learning, rows
from pointport.imports.shapes import Dialect, Learned, Reading, Row
from pointport.settings import Settings

SETTINGS = Settings()
CELL_MAX = SETTINGS.cell_characters_max


Sound = list[tuple[int, list[str]]]
"""Rows of which none is broken: line and cells."""


def learn(content: bytes | Iterable[bytes], told: Reading = learning.FOUND_OUT, **limits: int) -> Learned:
    chunks = [content] if isinstance(content, bytes) else content
    return learning.learn(lambda: iter(chunks), SETTINGS.model_copy(update=limits), told)


def read(content: bytes | Iterable[bytes], dialect: Dialect) -> list[Row]:
    return list(files.read([content] if isinstance(content, bytes) else content, dialect, SETTINGS))


def sound(found: Iterable[Row]) -> Sound:
    """Line and cells of rows, of which none may be broken."""
    listed = list(found)
    assert [fault for _, _, fault in listed] == [None] * len(listed)
    return [(line, cells) for line, cells, _ in listed]


def rows_of(content: bytes) -> Sound:
    """The data rows, read as the first reading says; both readings must count the same."""
    learned = learn(content)
    found = read(content, learned.dialect)
    assert len(found) == learned.row_count
    return sound(found)


def broken(content: bytes) -> list[tuple[int, str | None]]:
    """The line of each data row, and what is broken in it."""
    learned = learn(content)
    return [(line, fault) for line, _, fault in read(content, learned.dialect)]


def codes(learned: Learned) -> list[str]:
    return [notice.code for notice in learned.notices]


def learned_or_why_not(content: bytes | Iterable[bytes]) -> Learned | str:
    try:
        return learn(content)
    except FileRejected as error:
        return f"{error.reason}: {error.message}"


def rejected(content: bytes | Iterable[bytes], told: Reading = learning.FOUND_OUT, **limits: int) -> FileRejected:
    with pytest.raises(FileRejected) as caught:
        learn(content, told, **limits)
    return caught.value


# --- What is read ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_utf_8_is_read_in_each_dialect(bom: bytes, delimiter: str, end: str, last: bool) -> None:
    lines = [["Email", "Points", "Näme"], ["a@example.com", "1", "Zoë"], ["b@example.com", "2", "日本"]]
    text = end.join(delimiter.join(cells) for cells in lines) + (end if last else "")
    learned = learn(bom + text.encode())
    assert learned.header == ("Email", "Points", "Näme")
    assert (learned.dialect.encoding, learned.dialect.delimiter) == ("utf-8-sig" if bom else "utf-8", delimiter)
    assert learned.dialect.line_ending == {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}[end]
    assert rows_of(bom + text.encode()) == [(2, lines[1]), (3, lines[2])]


def test_mixed_line_ends_are_each_a_line_end() -> None:
    assert rows_of(b"a,b\r\nc,d\ne,f\rg,h\r\r\ni,j") == [
        (2, ["c", "d"]),
        (3, ["e", "f"]),
        (4, ["g", "h"]),
        (6, ["i", "j"]),
    ]


@pytest.mark.parametrize("character", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_what_only_python_calls_a_line_end_is_none(character: str) -> None:
    assert rows_of(f"a,b\nc{character}c,d\ne,f\n".encode()) == [(2, [f"c{character}c", "d"]), (3, ["e", "f"])]


def test_quotes_hold_delimiters_quotes_and_line_breaks() -> None:
    content = b'"a","b"\r\n"x, ""y""","one\r\ntwo\nthree"\r\n\r\nlast,row\r\n'
    assert rows_of(content) == [(2, ['x, "y"', "one\r\ntwo\nthree"]), (6, ["last", "row"])]


def test_the_line_of_a_row_is_where_it_starts() -> None:
    content = b'\n\n"first\n\nheading",b\n"two\n\n\nthree",1\n\n ,\nx,2\n"y\ny",3\nz,4'
    learned = learn(content)
    assert (learned.dialect.heading_line, learned.header) == (3, ("first\n\nheading", "b"))
    assert [line for line, _ in rows_of(content)] == [6, 12, 13, 15]


@pytest.mark.parametrize(
    "blank",
    ["", ",", ",,,,", "  ", " , ,\t", "\u00a0,\u00a0", '"",""', '"  "', "\u200b,\ufeff", "\0", '"\u3000",\u200b'],
)
def test_blank_rows_are_skipped_and_not_counted(blank: str) -> None:
    assert rows_of(f"a,b\n{blank}\nc,d\n{blank}\n".encode()) == [(3, ["c", "d"])]


def test_short_and_long_rows_stay_as_they_are() -> None:
    content = b"a,b,c\n1\n1,2\n1,2,3,4,5\n1,2,3\n"
    assert [cells for _, cells, _ in read(content, learn(content).dialect)] == [
        ["1"],
        ["1", "2"],
        ["1", "2", "3", "4", "5"],
        ["1", "2", "3"],
    ]
    assert learn(content).columns == 5


def test_only_a_heading_is_a_file_of_no_rows() -> None:
    learned = learn(b"Email,Points")
    assert (learned.row_count, learned.sample_rows, learned.columns) == (0, (), 2)


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        (b"a;b,c\n1;2\n3;4\n", ";"),
        (b'Email;Points\n"x, y@example.com";1,5\n', ";"),
        (b"Email\tPoints\na@example.com\t1,5\n", "\t"),
        (b"Email,Points\na@example.com,1;5\n", ","),
        (b"Name;Street;Points\nA, B;C, D;5\n", ";"),
    ],
)
def test_the_delimiter_is_the_one_that_all_rows_agree_on(content: bytes, delimiter: str) -> None:
    assert learn(content).dialect.delimiter == delimiter


def test_the_bytes_are_counted_and_hashed() -> None:
    many = b"\xef\xbb\xbfa,b\r\n" + b"1,2\r\n" * 50_000
    learned = learn(many[start : start + 70_001] for start in range(0, len(many), 70_001))
    assert (learned.byte_count, learned.sha256) == (len(many), hashlib.sha256(many).digest())


def test_the_sample_is_cut_to_its_limits() -> None:
    content = "a,b,c\n" + "".join(f"{row},{'é' * 30},x\n" for row in range(9))
    learned = learn(content.encode(), sample_rows_max=4, sample_columns_max=2, sample_characters_max=10)
    assert learned.sample_rows == tuple((str(row), "é" * 10) for row in range(4))
    assert learned.row_count == 9
    assert learn(content.encode()).sample_rows[0] == ("0", "é" * 30, "x")


# --- Encodings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "found"),
    [("utf-16", "utf-16-le"), ("utf-16-le", "utf-16-le"), ("utf-16-be", "utf-16-be"), ("utf-8-sig", "utf-8-sig")],
)
def test_unicode_is_known_by_its_mark_or_its_zeros(codec: str, found: str) -> None:
    text = "Email\tPoints\tName\r\na@example.com\t1\tZoë\r\n"
    learned = learn(text.encode(codec))
    assert (learned.dialect.encoding, learned.header) == (found, ("Email", "Points", "Name"))
    assert rows_of(text.encode(codec)) == [(2, ["a@example.com", "1", "Zoë"])]


def test_an_old_encoding_is_found_out_wherever_it_shows() -> None:
    rows_before = b"".join(b"a%d@example.com,%d,x\n" % (number, number) for number in range(30_000))
    content = b"Email,Points,Name\n" + rows_before + "m@example.com,5,Jürgen Müller\n".encode("windows-1252")
    assert len(rows_before) > learning.HEAD_BYTES
    assert learn(content).dialect.encoding == "windows-1252"
    assert rows_of(content)[-1] == (30_002, ["m@example.com", "5", "Jürgen Müller"])


def test_one_bad_byte_costs_one_row() -> None:
    good = "".join(f"a{number}@example.com,{number},Zoë\n" for number in range(20)).encode()
    content = b"Email,Points,Name\n" + good + b"b@example.com,5,Zo\xeb\n" + good
    learned = learn(content)
    assert (learned.dialect.encoding, learned.row_count, learned.damaged_rows) == ("utf-8", 41, 1)
    assert [(notice.code, notice.line) for notice in learned.notices] == [("ENCODING_ERROR", 22)]
    damaged = [line for line, cells, _ in read(content, learned.dialect) if encoding.is_damaged("".join(cells))]
    assert damaged == [22]


def test_half_a_character_at_the_end_costs_the_last_row() -> None:
    content = "Email\tPoints\na@example.com\t1\nb@example.com\t2".encode("utf-16-le")[:-1]
    learned = learn(content)
    assert (learned.row_count, learned.damaged_rows) == (2, 1)


@pytest.mark.parametrize(("damaged_rows", "sound_rows", "is_refused"), [(1, 1, False), (2, 18, False), (3, 17, True)])
def test_a_file_is_refused_when_more_than_a_tenth_of_its_rows_is_damaged(
    damaged_rows: int, sound_rows: int, is_refused: bool
) -> None:
    content = b"a,b\n" + b"\xff,1\n" * damaged_rows + "éé,1\n".encode() * sound_rows
    found = learned_or_why_not(content)
    assert isinstance(found, str) == is_refused
    if isinstance(found, Learned):
        assert (found.row_count, found.damaged_rows) == (damaged_rows + sound_rows, damaged_rows)


def test_the_refusal_of_bad_bytes_names_the_first_line() -> None:
    error = rejected(b"a,b\n\xc3\xa4,2\n\xc3\xa4\xc3\xa4,2\n\xe4,2\n\xe4,2\n")
    assert (error.reason, "first in line 4" in error.message) == ("INVALID_ENCODING", True)


@pytest.mark.parametrize("heading", [b"Points (caf\xe9)", b"Points (\xed\xa0\x80)", b"\xe9"])
def test_a_heading_with_bad_bytes_can_be_stored(heading: bytes) -> None:
    learned = learn("Email,Ümläüte,".encode() + heading + b"\na@example.com,1,2\n")
    for text in (*learned.header, learned.suggestion.why):
        assert not encoding.is_damaged(text)
        assert "\0" not in text


def test_a_nul_far_inside_a_file_is_no_end_of_it() -> None:
    padding = b"x,y\n" * 20_000
    content = b"a,b\n" + padding + b"\0end of file\0,1\n1,\0end of file\0\n" + padding
    assert len(rows_of(content)) == 40_002


# --- Dialects -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "delimiter", "quote", "escape"),
    [
        (b'Email,Points\n"a@example.com","5"\n', ",", '"', None),
        (b"'Email';'Points';'Name'\n'a@example.com';'5';'O''Hara'\n", ";", "'", None),
        (b'Email,Name\na@example.com,"the \\"big\\" one"\n', ",", '"', "\\"),
        (b'Email,Path\na@example.com,"C:\\"\nb@example.com,"D:\\"\n', ",", '"', None),
        (b"Email:Points\na@example.com:5\nb@example.com:6\nc@example.com:7\n", ":", '"', None),
        (b"Email Points\na@example.com 5\nb@example.com 6\nc@example.com 7\n", " ", '"', None),
        (b'Email,Inches\na@example.com,"5\nb@example.com,"6\nc@example.com,"7\nd@example.com,"8\n', ",", "", None),
        (b"Email,Name\na@example.com,'t Hooft\nb@example.com,O'Hara\n", ",", '"', None),
        (b"sep=;\nEmail;Points\na@example.com;1,5\n", ";", '"', None),
        (b"sep=\t\nEmail\tPoints\na@example.com\t1,5\n", "\t", '"', None),
    ],
)
def test_how_a_file_is_written_is_found_out(content: bytes, delimiter: str, quote: str, escape: str | None) -> None:
    dialect = learn(content).dialect
    assert (dialect.delimiter, dialect.quote, dialect.escape) == (delimiter, quote, escape)


def test_one_row_with_another_delimiter_does_not_outdo_the_others() -> None:
    content = b"Name,Email,Points\nAnn,ann@example.com,1\nCy;cy@example.com;3\n"
    learned = learn(content)
    assert (learned.dialect.delimiter, learned.header, learned.row_count) == (",", ("Name", "Email", "Points"), 2)
    text = "Vorname|Nachname|E-Mail|Punkte|Notiz\nÅsa|Rossi|customer4@example.com60609|called; no answer\n"
    learned = learn(text.encode("windows-1252"))
    assert (learned.dialect.delimiter, learned.header[0], learned.row_count) == ("|", "Vorname", 1)


def test_a_mark_of_unicode_in_the_middle_is_padding() -> None:
    content = '"Name","Email"\n"Ann","ann@example.com"\n\ufeff"Bo, Jr","bo@example.com"\n'.encode()
    assert rows_of(content) == [(2, ["Ann", "ann@example.com"]), (3, ["Bo, Jr", "bo@example.com"])]


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_nuls_behind_the_end_are_none_of_the_file(codec: str) -> None:
    content = "Name,Email\nAnn,ann@example.com\n".encode(codec) + bytes(64)
    assert rows_of(content) == [(2, ["Ann", "ann@example.com"])]


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("gb18030", "积分余额" * 40),
        ("cp932", "ポイント残高" * 40),
        ("windows-1252", "x" * 200 + "é"),
        ("windows-1252", "naïve-" * 40),
    ],
)
def test_long_text_without_blanks_is_looked_at_in_part(codec: str, text: str) -> None:
    assert learn(f"Email,Note\na@example.com,{text}\n".encode(codec)).dialect.encoding == codec


def test_few_words_of_several_western_languages_are_western() -> None:
    text = '"Lefèvre Smith","customer2@example.org","São Paulo"\n"Chloé Åsa","customer4@example.net","Paris"\n'
    assert learn(text.encode("windows-1252")).dialect.encoding == "windows-1252"


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        (b'a,b\nx,"the \\"big\\", one"\ny,"\\\\"\n', [["x", 'the "big", one'], ["y", "\\"]]),
        (b'a,b\n"x" ,\t"y, z"\n', [["x", "y, z"]]),
        (b'a,b\nx,"the "big" one"\n', [["x", 'the "big" one']]),
        (b'a,b\n5" pipe,6" pipe\n', [['5" pipe', '6" pipe']]),
    ],
)
def test_what_quotes_mean_depends_on_where_they_stand(content: bytes, cells: list[list[str]]) -> None:
    assert [found for _, found in rows_of(content)] == cells


def test_what_is_told_is_not_found_out() -> None:
    content = b'Name;"Email";Points\nA,B;a@example.com;5\n'
    told = Reading(encoding="windows-1252", delimiter=",", quote="", heading_line=0)
    learned = learn(content, told)
    dialect = learned.dialect
    assert (dialect.encoding, dialect.delimiter, dialect.quote, dialect.heading_line) == ("windows-1252", ",", "", 0)
    assert [cells for _, cells, _ in read(content, dialect)] == [['Name;"Email";Points'], ["A", "B;a@example.com;5"]]


# --- The heading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("above", "heading_line"),
    [
        (b"", 1),
        (b"\n\n", 3),
        (b"My shop\n", 2),
        (b"Customers and points,,\nas of,2026-01-01,\n\n", 4),
        (b'"A title,\nof two lines"\n', 3),
        (b"sep=,\n", 2),
    ],
)
def test_titles_and_blank_lines_above_the_heading_are_passed_over(above: bytes, heading_line: int) -> None:
    content = above + b"Name,Email,Points\nA,a@example.com,5\nB,b@example.com,6\n"
    learned = learn(content)
    assert (learned.dialect.heading_line, learned.header) == (heading_line, ("Name", "Email", "Points"))
    assert rows_of(content)[0] == (heading_line + 1, ["A", "a@example.com", "5"])
    assert ("LINES_SKIPPED" in codes(learned)) == (above.strip() not in {b"", b"sep=,"})


def test_a_file_may_have_no_heading() -> None:
    content = b"A,a@example.com,5\nB,b@example.com,6\n"
    learned = learn(content)
    assert (learned.dialect.heading_line, learned.header) == (0, ("Column 1", "Column 2", "Column 3"))
    assert (learned.suggestion.email, learned.suggestion.points) == (1, 2)
    assert codes(learned) == ["NO_HEADING"]
    assert rows_of(content) == [(1, ["A", "a@example.com", "5"]), (2, ["B", "b@example.com", "6"])]


def test_no_heading_is_made_up_for_cells_that_are_too_many() -> None:
    # 52,620 without quotes, in most rows: with a third column, 52 would be a balance.
    learned = learn(b"Email,Points\na@example.com,52,620\nb@example.com,1,250,\nc@example.com,7\n")
    assert learned.header == ("Email", "Points")
    assert [(notice.code, notice.line) for notice in learned.notices] == [("EXTRA_CELLS", 2)]


def test_a_heading_line_can_be_told() -> None:
    content = b"Email,Points\nMail,Score\na@example.com,5\n"
    learned = learn(content, Reading(heading_line=2))
    assert (learned.header, learned.row_count) == (("Mail", "Score"), 1)
    learned = learn(content, Reading(heading_line=0))
    assert (learned.header, learned.row_count) == (("Column 1", "Column 2"), 3)
    error = rejected(content, Reading(heading_line=9))
    assert (error.reason, "line 9" in error.message, "1, 2, 3" in error.message) == ("HEADING_NOT_FOUND", True, True)


# --- What is broken costs its row -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'a,b\n1,2\n\n"open,2\n3,4\n', [(2, None), (4, "QUOTE_NOT_CLOSED"), (5, None)]),
        (b'a,b\n1,2\n3,"', [(2, None), (3, "QUOTE_NOT_CLOSED")]),
        (b'a,b\n1,"x""\n3,4\n', [(2, "QUOTE_NOT_CLOSED"), (3, None)]),
        (b'a,b\n1,"x" y\n3,4\n', [(2, "QUOTE_NOT_CLOSED"), (3, None)]),
        (b'a,b,c\n1,"2,3\n4,"5",6\n7,8,9\n', [(2, "QUOTE_NOT_CLOSED"), (3, None), (4, None)]),
        (b'a,b,c\n1,"the "x", y",3\n4,5,6\n', [(2, "QUOTE_NOT_CLOSED"), (3, None)]),
        (
            b'Name,Email,Points\n"A,a@example.com,5\nB,b@example.com,6\nC",c@example.com,7\n',
            [(2, "QUOTE_NOT_CLOSED"), (3, None), (4, None)],
        ),
        (b"a,b\n1,2\nx," + b"y" * (CELL_MAX + 1) + b"\n3,4\n", [(2, None), (3, "CELL_TOO_LONG"), (4, None)]),
        (b'a,b\n"' + b"y" * (CELL_MAX + 1) + b'",2\n3,4\n', [(2, "CELL_TOO_LONG"), (3, None)]),
    ],
)
def test_one_fault_costs_one_row(content: bytes, expected: list[tuple[int, str | None]]) -> None:
    assert broken(content) == expected
    (notice,) = [notice for notice in learn(content).notices if notice.code == "BROKEN_ROWS"]
    assert notice.line == next(line for line, fault in expected if fault)


def test_a_stray_carriage_return_is_no_end_of_a_row_but_ends_a_line() -> None:
    content = b"Name,Email,Points\r\nA\rB,a@example.com,5\r\nC,c@example.com,6\r\n"
    assert rows_of(content) == [(2, ["A\rB", "a@example.com", "5"]), (4, ["C", "c@example.com", "6"])]
    content = b"a,b\r\n1,2\r3,4\r\n5,6\r\n"
    assert rows_of(content) == [(2, ["1", "2"]), (3, ["3", "4"]), (4, ["5", "6"])]


def test_a_row_of_very_many_cells_is_taken_apart_so_far_and_no_further() -> None:
    content = b"a,b\n" + b"," * 5_000 + b"end\n"
    ((_, cells),) = rows_of(content)
    assert len(cells) == careful.CELLS_MAX + 1
    assert cells[-1] == "," * 4_000 + "end"


# --- What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\r\n  \n", b"\xef\xbb\xbf", b",,,\n,\n", b' ,"" ,\n'])
def test_a_file_of_blank_lines_is_empty(content: bytes) -> None:
    assert rejected(content).reason == "EMPTY_FILE"


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b"Email\na@example.com\n", "TOO_FEW_COLUMNS", "line 1"),
        (b"\n\nEmail\nx\n", "TOO_FEW_COLUMNS", "line 3"),
        (b"\n" + b",".join([b"x"] * 101) + b"\n", "TOO_MANY_COLUMNS", "Line 2 has 101 columns"),
        (b"a," + b"x" * 1001 + b"\n", "HEADER_VALUE_TOO_LONG", "column 2 has 1001 characters"),
        (b"a,b\n1,2\n" + b"x," * (rows.LINE_CHARACTERS_MAX // 2 + 1), "LINE_TOO_LONG", "Line 3"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_place(content: bytes, code: str, place: str) -> None:
    error = rejected(content)
    assert error.reason == code
    assert place in error.message


def test_as_much_as_is_allowed_is_allowed() -> None:
    assert len(learn(b",".join([b"x"] * 100) + b"\n").header) == 100
    assert len(learn(b",".join([b"x"] * 100) + b",,,\n").header) == 100
    assert learn(b"a," + b"x" * 1000 + b"\n").header[1] == "x" * 1000
    assert broken(b"a,b\n1," + b"x" * CELL_MAX) == [(2, None)]


def test_a_row_that_never_ends_is_broken_and_no_more() -> None:
    # Each line closes a quote and opens the next: every cell is short, every line is, and it could all be one row.
    endless = itertools.chain([b'a,b\n1,2\n"x'], itertools.repeat(b'\n","x' * 10_000, 20))
    learned = learn(list(endless))
    assert learned.row_count == 200_002
    assert "BROKEN_ROWS" in codes(learned)


# --- Columns --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("Email", 0), ("email", 0), ("EMAIL", 0), ("2", 1), ("4", 3), ("0", None), ("5", None), ("x", None)],
)
def test_a_column_is_found_by_heading_else_by_number(wanted: str, found: int | None) -> None:
    assert headings.find(["Email", "Points", "Note", "3"], wanted) == found


def test_a_column_whose_heading_is_a_number_is_found_by_its_heading() -> None:
    assert headings.find(["Email", "Points", "Note", "1"], "1") == 3


def test_a_number_of_any_length_is_no_column() -> None:
    assert headings.find(["Email", "Points"], "9" * 5000) is None


def test_numbers_of_the_suggested_column_show_how_they_are_written() -> None:
    learned = learn(b'Email,Points\na@example.com,"1,234,567"\nb@example.com,"52,620"\n')
    assert learned.number_format.group == {","}
    assert learned.number_format.evidence == '"1,234,567"'


# --- Any text, any bytes, any chunks --------------------------------------------------------------------------------------

# No surrogates, since they are no characters; NUL is what a binary file is known by.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
cells = st.one_of(texts, st.sampled_from(["", " ", '"', '""', ",", ";", "\t", "\n", "\r", "\r\n", "a@example.com"]))
dialects = st.tuples(
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["utf-8", "utf-8-sig"]),
)


def written(table: Sequence[Sequence[str]], dialect: tuple[str, str, Any, str]) -> tuple[bytes, list[int]]:
    """The table as a CSV file, and the line where each row starts."""
    delimiter, end, quoting, codec = dialect
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    starts = []
    for row in table:
        starts.append(len(re.findall(r"\r\n|\r|\n", text.getvalue())) + 1)
        # csv.writer quotes what its own line end consists of; the other line ends it must be told of.
        if quoting == csv.QUOTE_MINIMAL and any(set(cell) & set("\r\n") for cell in row):
            csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerow(row)
        else:
            writer.writerow(row)
    return text.getvalue().encode(codec), starts


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(cells, min_size=1, max_size=5), max_size=12), dialects)
@example([['"'], ["x"]], (",", "\n", csv.QUOTE_MINIMAL, "utf-8"))
def test_any_table_reads_back_as_it_was_written(table: list[list[str]], dialect: tuple[str, str, Any, str]) -> None:
    content, starts = written([["heading one", "heading two"], *table], dialect)
    expected = [
        (line, row)
        for line, row in zip(starts[1:], table, strict=True)
        if any(cell.strip(careful.BLANK) for cell in row)
    ]
    ending = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}[dialect[1]]
    assert sound(read(content, Dialect(dialect[3], dialect[0], line_ending=ending))) == expected


plain = st.text(st.characters(categories=["L", "N"], min_codepoint=32), min_size=1, max_size=8)


@settings(deadline=None, max_examples=100)
@given(st.integers(2, 6).flatmap(lambda n: st.lists(st.lists(plain, min_size=n, max_size=n), min_size=1)), dialects)
def test_any_regular_table_is_learned_in_its_dialect(
    table: list[list[str]], dialect: tuple[str, str, Any, str]
) -> None:
    # A row with the names of columns in it would be the heading.
    known = headings.EMAIL_ALIASES | headings.POINTS_ALIASES
    assume(not any(headings.canonical(cell) in known for row in table for cell in row))
    content, _ = written(table, dialect)
    learned = learn(content)
    assert (learned.dialect.encoding, learned.dialect.delimiter) == (dialect[3], dialect[0])
    assert learned.header == tuple(table[0])
    assert [row for _, row in rows_of(content)] == table[1:]


@settings(deadline=None, max_examples=400)
@given(
    st.lists(
        st.sampled_from(
            [
                '"',
                '""',
                ",",
                "\n",
                "\r\n",
                "\r",
                "a",
                "b c",
                " ",
                "\t",
                "\ufeff",
                "\\",
                '\\"',
                '","',
                '", "',
                "x@example.com",
                "'",
            ]
        ),
        max_size=40,
    ),
    st.sampled_from([0, 2, 3]),
    st.sampled_from([None, "\\"]),
    st.sampled_from([",", "\t", " ", "|", "^"]),
    st.sampled_from(['"', "'", ""]),
)
@example(['"', ",", '"', '\\"', "\n"], 2, "\\", ",", '"')
@example(['""', "\r", "\r"], 2, None, ",", '"')
@example(["a", " ", " ", '"', "b", '"'], 0, None, " ", '"')
def test_the_native_and_the_careful_reading_are_one(
    parts: list[str], columns: int, escape: str | None, delimiter: str, quote: str
) -> None:
    text = "".join(parts).replace(",", delimiter).replace('"', quote or '"')
    dialect = Dialect("utf-8", delimiter, quote, columns=columns, escape=escape if quote else None)
    expected = read_with_care(text, dialect)
    pieces = [text[start : start + 7] for start in range(0, len(text), 7)]
    assert list(rows.records([text], dialect, cell_characters_max=CELL_MAX)) == expected
    assert list(rows.records(pieces, dialect, cell_characters_max=CELL_MAX)) == expected


def read_with_care(text: str, dialect: Dialect) -> list[Row]:
    """The rows of a text, each record by the careful reader."""
    reader = careful.Careful(dialect, CELL_MAX)
    lines = rows._Reader(dialect, CELL_MAX)._split(text)
    counts = (max(1, len(re.findall(r"\r\n|\r|\n", line))) for line in lines)
    numbers = list(itertools.accumulate(counts, initial=1))
    expected: list[Row] = []
    index = 0
    while index < len(lines):
        found = reader.record(lines, index, is_last=True)
        assert found is not None
        cells, fault, after = found
        if fault or "".join(cells).strip(careful.BLANK):
            expected.append((numbers[index], cells, fault))
        index = after
    return expected


LINES = (
    "ann,a@example.com,5",
    '"ann",a@example.com,5',
    '"ann","a@example.com","5"',
    '"ann, ""Jr""",a@example.com,5',
    '"ann\nsmith",a@example.com,5',
    '"ann, ""Jr""\n",a@example.com,"5\n"',
    '"ann", "a@example.com", "5"',
    'ann,\ufeff "a@example.com",5',
    '"ann" ,a@example.com,5',
    '"the \\"big\\" one",a@example.com,5',
    'the \\"big\\" one,a@example.com,5',
    '\\"big\\",a@example.com,5',
    '"C:\\",a@example.com,5',
    '"ann,a@example.com,5',
    'ann",a@example.com,5',
    '"the "big" one",a@example.com,5',
    '"the "big", one",a@example.com,5',
    'ann,"a@example.com,5',
    'ann,a@example.com,"5',
    'ann,"a@example.com",5"',
    'ann", "a@example.com,5',
    '5" x","',
    '"","", ""',
    '"',
    ",,",
    " ",
    "",
    "ann\rsmith,a@example.com,5",
    '"ann\rsmith",a@example.com,5',
    "ann\x0bsmith,a@example.com,5",
    '"ann\u2028smith",a@example.com,5',
    "ann" + "," * 1_100,
    f'"{"a" * 1_100}",a@example.com,5',
)
"""Lines as people and programs write them, sound and broken in each way."""


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    # Few kinds, so that many lines are alike, as those of a file are.
    st.lists(st.sampled_from(LINES), min_size=1, max_size=4).flatmap(
        lambda kinds: st.lists(st.sampled_from(kinds), max_size=60)
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([0, 3]),
    st.sampled_from([None, "\\"]),
    st.sampled_from([",", "\t", ";"]),
    st.sampled_from(['"', "'"]),
)
@example(['"', '","', '","', '"'], "\n", 2, None, ",", '"')
@example(
    ['"ann","a@example.com"', '"ann"\t\ufeff "a@example.com"', '"ann"\t "a@example.com"'], "\n", 2, None, "\t", '"'
)
@example(['5" x,"a""a', '"," ""', "", '""', '", "'], "\n", 3, None, ",", '"')
def test_lines_of_all_kinds_among_each_other_are_read_natively_as_with_care(
    lines: list[str], end: str, columns: int, escape: str | None, delimiter: str, quote: str
) -> None:
    text = "".join(f"{line}{end}" for line in lines).replace(",", delimiter).replace('"', quote)
    line_ending = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}[end]
    dialect = Dialect("utf-8", delimiter, quote, columns=columns, escape=escape, line_ending=line_ending)
    expected = read_with_care(text, dialect)
    pieces = [text[start : start + 100] for start in range(0, len(text), 100)]
    assert list(rows.records([text], dialect, cell_characters_max=CELL_MAX)) == expected
    assert list(rows.records(pieces, dialect, cell_characters_max=CELL_MAX)) == expected


csv_like = st.lists(
    st.sampled_from(
        [
            b",",
            b";",
            b"\t",
            b'"',
            b'""',
            b"\n",
            b"\r",
            b"\r\n",
            b"a",
            b"\xc3\xa9",
            b"\xff",
            b"\xe2\x82",
            b"\x00",
            b" ",
            b"Email",
            b"Points",
            b"a@example.com",
            b"1,234",
            b"\xef\xbb\xbf",
            b"Import line",
            b"'=1",
            b"\xed\xa0\x80",
        ]
    ),
    max_size=60,
).map(b"".join)


@settings(deadline=None, max_examples=400)
@given(st.one_of(csv_like, csv_like.map(lambda tail: b"a,b\n" + tail), st.binary(max_size=200)))
@example(b"\xef\xbb")
@example(b"a,b\n\xef\xbb\xbfx,y")
@example(b"Email,Import line,Import status,Error code,Error reason\nx\n")
@example(b"Import line,Import status,Error code,Error reason\nx\n")
def test_any_bytes_are_learned_or_refused(content: bytes) -> None:
    learned = learned_or_why_not(content)
    if isinstance(learned, str):
        assert not encoding.is_damaged(learned)
    else:
        assert len(read(content, learned.dialect)) == learned.row_count


@settings(deadline=None, max_examples=150)
@given(csv_like.map(lambda tail: b"Email,Points\r\n" + tail), st.data())
def test_where_the_chunks_end_changes_nothing(content: bytes, data: st.DataObject) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=10)))
    chunks = [content[start:end] for start, end in itertools.pairwise([0, *places, len(content)])]
    whole = learned_or_why_not(content)
    assert learned_or_why_not(chunks) == whole
    if not isinstance(whole, str):
        assert read(chunks, whole.dialect) == read(content, whole.dialect)


# --- Memory ---------------------------------------------------------------------------------------------------------------


def _stream(line: bytes, byte_count: int) -> Iterator[bytes]:
    yield b"Email,Points,Note\n"
    chunk = line * max(1, 256 * 1024 // len(line))
    for _ in range(byte_count // len(chunk)):
        yield chunk


@pytest.mark.parametrize(
    ("line", "megabytes"),
    [
        (
            b"somebody.or.other@example.com,1234,a note that makes the line longer, and longer, " + b"n" * 900 + b"\n",
            60,
        ),
        (b"x" * 30_000 + b"," + b"y" * 30_000 + b"\n", 60),
        # Lines as long as lines may be: those at the head of the file, too, are looked at a few at a time.
        ((b"x" * 30_000 + b",") * 30 + b"\n", 60),
    ],
    ids=["many rows", "long cells", "long lines"],
)
def test_memory_is_bounded_whatever_the_size(line: bytes, megabytes: int) -> None:
    tracemalloc.start()
    try:
        learned = learn(_stream(line, megabytes * 1024 * 1024))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert learned.byte_count > (megabytes - 1) * 1024 * 1024
    assert peak < 32 * 1024 * 1024
