"""The error file: safe in a spreadsheet, and the same file again when it comes back."""

import csv
import io
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pointport.imports import reporting
from pointport.imports.reading import files, learning
from pointport.imports.reading.corrected import CORRECTED_COLUMNS, FORMULA_STARTS, guarded, unguarded
from pointport.imports.shapes import Mapping
from pointport.settings import Settings

SETTINGS = Settings()
HEADER = ["Email", "Points"]

Failure = tuple[dict[str, Any], list[str]]


def failure(line: int, *cells: str, problem: str = "POINTS_NOT_A_NUMBER") -> Failure:
    return {"line": line, "outcome": "FAILED", "problem": problem, "detail": None}, list(cells)


def written(failures: list[Failure], header: list[str] | None = None, width: int = 2) -> bytes:
    return b"".join(reporting.error_file(failures, header or HEADER, width, Mapping(0, 1), CORRECTED_COLUMNS, guarded))


def parsed(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


# --- Guarding against formulas --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd", "'+cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-x", "'-x"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("-", "'-"),
        ("+", "'+"),
        ("-1+2", "'-1+2"),
        ("-1e5", "'-1e5"),
        ("=5", "'=5"),
        ("'=1+1", "''=1+1"),
        ("''=1+1", "'''=1+1"),
        # Numbers stay numbers.
        ("-5", "-5"),
        ("+5", "+5"),
        ("-1,234.50", "-1,234.50"),
        ("-1.234,50", "-1.234,50"),
        ("5", "5"),
        # So does all that no spreadsheet runs.
        ("", ""),
        ("'", "'"),
        ("'quoted'", "'quoted'"),
        ("ada@example.com", "ada@example.com"),
        ("a=b", "a=b"),
        ("O'Hara", "O'Hara"),
    ],
)
def test_a_cell_is_guarded_only_when_a_spreadsheet_would_run_it(cell: str, safe: str) -> None:
    assert guarded(cell) == safe
    assert unguarded(safe) == cell


near_formulas = st.lists(st.sampled_from([*"'=+-@\t\r59.,x", "''", " "]), max_size=8).map("".join)


@settings(deadline=None, max_examples=500)
@given(st.one_of(st.text(), near_formulas))
@example("'" * 100 + "=")
def test_unguarding_gives_back_any_text(cell: str) -> None:
    safe = guarded(cell)
    assert unguarded(safe) == cell
    if safe.startswith(FORMULA_STARTS):
        assert safe == cell
        assert safe[0] in "+-"
        assert safe[1:].replace(",", "").replace(".", "").isdigit()


# --- Writing --------------------------------------------------------------------------------------------------------------


def test_it_is_csv_as_spreadsheets_like_it() -> None:
    content = written([failure(7, "zoë@example.com", 'a "b", c')])
    assert content.startswith(b"\xef\xbb\xbfEmail,Points,Import line,Import status,Error code,Error reason\r\n")
    assert content.endswith(b"\r\n")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert parsed(content)[1] == [
        "zoë@example.com",
        'a "b", c',
        "7",
        "FAILED",
        "POINTS_NOT_A_NUMBER",
        '"a "b", c" in column "Points" is not a number. Write digits only, like 1250.',
    ]


def test_long_rows_keep_their_cells_and_our_columns_stay_in_theirs() -> None:
    content = written([failure(2, "a", "b", "extra", "=more"), failure(3, "only")], width=4)
    header, long, short = parsed(content)
    assert header == ["Email", "Points", "", "", *CORRECTED_COLUMNS]
    assert long[:5] == ["a", "b", "extra", "'=more", "2"]
    assert short[:5] == ["only", "", "", "", "3"]


def test_bytes_that_were_no_characters_go_out_as_they_came_in() -> None:
    content = written([failure(2, b"caf\xe9".decode("utf-8", "surrogateescape"), "1")])
    assert b"\r\ncaf\xe9,1,2,FAILED" in content


def test_it_comes_in_blocks_however_many_rows_there_are() -> None:
    rows_in = (failure(line, "x" * 100, "y") for line in range(2, 5_002))
    blocks = list(reporting.error_file(rows_in, HEADER, 2, Mapping(0, 1), CORRECTED_COLUMNS, guarded))
    assert len(blocks) > 5
    assert max(map(len, blocks)) < 128 * 1024
    assert len(parsed(b"".join(blocks))) == 5_001


def test_each_failure_finds_its_cells_in_one_walk() -> None:
    file = iter([(2, ["a"], None), (3, ["b"], None), (6, ["c"], None), (9, ["d"], None)])
    found = reporting.with_cells([{"line": 3}, {"line": 9}], file)
    assert list(found) == [({"line": 3}, ["b"]), ({"line": 9}, ["d"])]


# --- Coming back ----------------------------------------------------------------------------------------------------------

# No surrogates and hardly any controls: those are no text, and fail a row; a file with several kinds of them is binary.
cells = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10),
    near_formulas,
    st.sampled_from(['"', ",", ";", "\n", "\r\n", "a\rb", "\t", "\x0b", "\x1f", "\x7f", ""]),
)


@settings(deadline=None, max_examples=200)
@given(
    header=st.lists(cells.filter(lambda cell: bool(cell.strip()) and "@" not in cell), min_size=2, max_size=4),
    table=st.lists(st.lists(cells, min_size=1, max_size=6).filter(lambda row: any(map(str.strip, row)))),
)
def test_an_error_file_that_comes_back_is_the_original_again(header: list[str], table: list[list[str]]) -> None:
    width = max(map(len, [header, *table]))
    content = written([failure(line, *row) for line, row in enumerate(table, 2)], header, width)
    learned = learning.learn(lambda: [content], SETTINGS)
    assert learned.dialect.our_columns == len(CORRECTED_COLUMNS)
    assert list(learned.header) == header + [""] * (width - len(header))
    back = files.read([content], learned.dialect, SETTINGS)
    assert [row for _, row, _ in back] == [row + [""] * (width - len(row)) for row in table]
    assert learned.row_count == len(table)


def test_cells_that_somebody_added_behind_our_columns_are_kept() -> None:
    content = b"Email,Points,Import line,Import status,Error code,Error reason\r\na,1,2,FAILED,X,why,note\r\nb,2\r\n"
    learned = learning.learn(lambda: [content], SETTINGS)
    found = files.read([content], learned.dialect, SETTINGS)
    assert list(found) == [(2, ["a", "1", "note"], None), (3, ["b", "2"], None)]
    assert learned.columns == 3
