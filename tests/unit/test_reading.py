"""Bytes to rows: whatever the file, either it is read as it is meant, or it is refused with the place."""

# ruff: noqa: RUF001 (full-width characters are what is tried here)

import csv
import hashlib
import io
import itertools
import re
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pointport.errors import FileRejected
from pointport.imports.reading import encoding, headings, learning, rows
from pointport.imports.shapes import Dialect, Learned, Row
from pointport.settings import Settings

SETTINGS = Settings()
CELL_MAX = SETTINGS.cell_characters_max


def learn(content: bytes | Iterable[bytes], **limits: int) -> Learned:
    chunks = [content] if isinstance(content, bytes) else content
    return learning.learn(chunks, SETTINGS.model_copy(update=limits))


def read(content: bytes | Iterable[bytes], dialect: Dialect) -> list[Row]:
    chunks = [content] if isinstance(content, bytes) else content
    return list(rows.read(encoding.ByteStream(chunks), dialect, cell_characters_max=CELL_MAX))


def rows_of(content: bytes) -> list[Row]:
    """The data rows, read as the first reading says; both readings must count the same."""
    learned = learn(content)
    found = read(content, learned.dialect)
    assert len(found) == learned.row_count
    return found


def learned_or_why_not(content: bytes | Iterable[bytes]) -> Learned | str:
    try:
        return learn(content)
    except FileRejected as error:
        return f"{error.reason}: {error.message}"


def rejected(content: bytes | Iterable[bytes], **limits: int) -> FileRejected:
    with pytest.raises(FileRejected) as caught:
        learn(content, **limits)
    return caught.value


# --- What is read ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_utf_8_is_read_in_each_dialect(bom: bytes, delimiter: str, end: str, last: bool) -> None:
    lines = [["Email", "Points", "Näme"], ["a@example.com", "1", "Zoë"], ["b@example.com", "2", "日本"]]
    text = end.join(delimiter.join(cells) for cells in lines) + (end if last else "")
    learned = learn(bom + text.encode())
    assert learned.header == ("Email", "Points", "Näme")
    assert learned.dialect == Dialect("utf-8-sig" if bom else "utf-8", delimiter)
    assert learned.line_ending == {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}[end]
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


@pytest.mark.parametrize("blank", ["", ",", ",,,,", "  ", " , ,\t", "\u00a0,\u00a0", '"",""', '"  "'])
def test_blank_rows_are_skipped_and_not_counted(blank: str) -> None:
    assert rows_of(f"a,b\n{blank}\nc,d\n{blank}\n".encode()) == [(3, ["c", "d"])]


def test_short_and_long_rows_stay_as_they_are() -> None:
    content = b"a,b,c\n1\n1,2\n1,2,3,4,5\n1,2,3\n"
    assert [cells for _, cells in rows_of(content)] == [
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


# --- Bad bytes ------------------------------------------------------------------------------------------------------------


def test_one_bad_byte_costs_one_row() -> None:
    good = b"".join(b"a%d@example.com,%d\n" % (number, number) for number in range(20))
    learned = learn(b"Email,Points\n" + good + b"b\xe4d@example.com,5\n" + good)
    assert (learned.row_count, learned.damaged_rows, learned.first_damaged_line) == (41, 1, 22)
    damaged = [cells for _, cells in read(b"Email,Points\n" + good + b"b\xe4d@example.com,5\n", learned.dialect)][-1]
    assert encoding.is_damaged("".join(damaged))


@pytest.mark.parametrize(
    "content",
    [
        "Email,Points\na@example.com,1\n".encode("utf-16"),
        "Email,Points\na@example.com,1\n".encode("utf-16-be"),
        "Email,Points\na@example.com,1\n".encode("utf-16-le"),
        b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00",
        b"Email,Name\n" + "a@example.com,Zoë\n".encode("latin-1") * 3,
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    ],
    ids=["utf-16", "utf-16-be", "utf-16-le", "workbook", "latin-1", "picture"],
)
def test_what_is_no_utf_8_is_refused(content: bytes) -> None:
    error = rejected(content)
    assert error.reason == "INVALID_ENCODING"
    assert "CSV UTF-8" in error.message


@pytest.mark.parametrize(
    ("damaged_rows", "sound_rows", "is_refused"), [(1, 0, False), (1, 1, False), (2, 18, False), (3, 17, True)]
)
def test_a_file_is_refused_when_more_than_a_tenth_of_its_rows_is_damaged(
    damaged_rows: int, sound_rows: int, is_refused: bool
) -> None:
    content = b"a,b\n" + b"\xff,1\n" * damaged_rows + b"x,1\n" * sound_rows
    found = learned_or_why_not(content)
    assert isinstance(found, str) == is_refused
    if isinstance(found, Learned):
        assert (found.row_count, found.damaged_rows) == (damaged_rows + sound_rows, damaged_rows)


def test_the_refusal_of_bad_bytes_names_the_first_line() -> None:
    assert "first in line 3" in rejected(b"a,b\n1,2\n\xe4,2\n\xe4,2\n").message


@pytest.mark.parametrize("heading", [b"Points (caf\xe9)", b"Points (\xed\xa0\x80)", b"\xe9"])
def test_a_heading_with_bad_bytes_can_be_stored(heading: bytes) -> None:
    learned = learn(b"Email," + heading + b"\na@example.com,1\n")
    for text in (*learned.header, learned.suggestion.why):
        assert not encoding.is_damaged(text)
        assert "\0" not in text


def test_a_refusal_that_quotes_bad_bytes_can_be_stored() -> None:
    assert not encoding.is_damaged(rejected(b"caf\xe9\nx\n").message)


def test_a_nul_far_inside_a_file_is_no_end_of_it() -> None:
    padding = b"x,y\n" * 20_000
    content = b"a,b\n" + padding + b"\0end of file\0\n\0\n1,\0end of file\0\n" + padding
    learned = learn(content)
    assert learned.row_count == 40_003
    assert len(read(content, learned.dialect)) == 40_003


# --- What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\r\n  \n", b"\xef\xbb\xbf", b",,,\n,\n", b' ,"" ,\n'])
def test_a_file_of_blank_lines_is_empty(content: bytes) -> None:
    assert rejected(content).reason == "EMPTY_FILE"


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b"\na@example.com,5\n", "NO_HEADER", "Line 2"),
        (b"Email\na@example.com\n", "TOO_FEW_COLUMNS", "line 1"),
        (b"\n\nEmail|Points\nx|1\n", "TOO_FEW_COLUMNS", "line 3"),
        (b"\n" + b",".join([b"x"] * 101) + b"\n", "TOO_MANY_COLUMNS", "Line 2 has 101 columns"),
        (b"a," + b"x" * 1001 + b"\n", "HEADER_VALUE_TOO_LONG", "column 2 has 1001 characters"),
        (b'a,b\n1,2\n\n"open,2\n3,4\n', "QUOTE_NOT_CLOSED", "line 4"),
        (b'a,b\n1,2\n"', "QUOTE_NOT_CLOSED", "line 3"),
        (b'a,b\n1,2\n"  ', "QUOTE_NOT_CLOSED", "line 3"),
        (b'a,b\n1,"', "QUOTE_NOT_CLOSED", "line 2"),
        (b'a,b\n1,"x""', "QUOTE_NOT_CLOSED", "line 2"),
        (b'a,b\n1,"x""\n', "QUOTE_NOT_CLOSED", "line 2"),
        (b"a,b\n1,2\nx," + b"y" * (CELL_MAX + 1), "CELL_TOO_LONG", "line 3"),
        (b'a,b\n1,2\n\n"x\n' + b"y\n" * CELL_MAX, "CELL_TOO_LONG", "line 4"),
        (b"a,b\n1,2\n" + b"x," * (encoding.LINE_CHARACTERS_MAX // 2), "LINE_TOO_LONG", "Line 3"),
        # The longest line that still ends must not be taken apart between CR and LF, for then the lines count wrong.
        (b"a,b\n" + b"x," * (encoding.LINE_CHARACTERS_MAX // 2 - 1) + b"x\r\nc,d", "LINE_TOO_LONG", "Line 2"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_place(content: bytes, code: str, place: str) -> None:
    error = rejected(content)
    assert error.reason == code
    assert place in error.message


def test_as_much_as_is_allowed_is_allowed() -> None:
    assert len(learn(b",".join([b"x"] * 100) + b"\n").header) == 100
    assert learn(b"a," + b"x" * 1000 + b"\n").header[1] == "x" * 1000
    assert learn(b"a,b\n1," + b"x" * CELL_MAX).row_count == 1


@pytest.mark.parametrize("cell_characters_max", [1, 5])
def test_the_limit_of_a_cell_may_be_low(cell_characters_max: int) -> None:
    assert learn(b"a,b\n1,2\n", cell_characters_max=cell_characters_max).row_count == 1
    assert rejected(b"a,b\n1,123456\n", cell_characters_max=cell_characters_max).reason == "CELL_TOO_LONG"


def test_a_row_that_never_ends_is_refused_before_it_fills_the_memory() -> None:
    # Each line closes a quote and opens the next: every cell is short, every line is, and it is all one row.
    endless = itertools.chain([b'a,b\n1,2\n"x'], itertools.repeat(b'\n","x' * 10_000, 200))
    error = rejected(endless)
    assert error.reason == "LINE_TOO_LONG"
    assert "row at line 3" in error.message


# --- Suggestions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "email", "points"),
    [
        (["Name", "Email", "Points balance"], 1, 2),
        (["E-MAIL", "points"], 0, 1),
        (["customer_email", "loyalty.points"], 0, 1),
        ([" E-Mail-Adresse ", "Punkte"], 0, 1),
        (["Adresse électronique", "Solde de points"], 0, 1),
        (["Correo electrónico", "Puntos (pts)"], 0, 1),
        (["Posta elettronica", "Saldo punti"], 0, 1),
        (["E-mailadres", "Spaarpunten"], 0, 1),
        (["Endereço de e-mail", "Pontos disponíveis"], 0, 1),
        (["Adres e-mail", "Dostępne punkty"], 0, 1),
        (["メールアドレス", "保有ポイント"], 0, 1),
        (["ｅｍａｉｌ", "Ｐｏｉｎｔｓ"], 0, 1),
        (["Accepts Email Marketing", "Points"], None, 1),
        (["Accepts Email Marketing", "Email", "Points"], 1, 2),
        (["Email", "Pending points", "Points spent"], 0, None),
        (["Email", "Email address", "Points"], None, 2),
        (["Email", "Points", "Balance"], 0, None),
        (["Customer", "Amount"], None, None),
    ],
)
def test_headings_suggest_columns(header: list[str], email: int | None, points: int | None) -> None:
    suggestion = headings.suggest(header)
    assert (suggestion.email, suggestion.points) == (email, points)


def test_a_suggestion_says_why() -> None:
    assert headings.suggest(["Email", "Points"]).why == '"Email" names the e-mail address. "Points" names the points.'
    assert headings.suggest(["Email", "E-mail", "x"]).why == (
        '"Email" and "E-mail" may each be the e-mail address: choose one.'
        " No heading names the points: choose the column."
    )


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
    expected = [(line, row) for line, row in zip(starts[1:], table, strict=True) if any(cell.strip() for cell in row)]
    assert read(content, Dialect(dialect[3], dialect[0])) == expected


plain = st.text(st.characters(categories=["L", "N"], min_codepoint=32), min_size=1, max_size=8)


@settings(deadline=None, max_examples=100)
@given(st.integers(2, 6).flatmap(lambda n: st.lists(st.lists(plain, min_size=n, max_size=n), min_size=1)), dialects)
def test_any_regular_table_is_learned_in_its_dialect(
    table: list[list[str]], dialect: tuple[str, str, Any, str]
) -> None:
    content, _ = written(table, dialect)
    learned = learn(content)
    assert learned.dialect == Dialect(dialect[3], dialect[0])
    assert learned.header == tuple(table[0])
    assert [row for _, row in read(content, learned.dialect)] == table[1:]


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
