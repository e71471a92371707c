"""The catalogue of problems: in the order of judging, and every message says what, where and what to do."""

# ruff: noqa: RUF001 (full-width characters are what is tried here)

import dataclasses
import re
import string
from typing import Any

import pytest

from pointport.imports import judging, problems, reporting
from pointport.imports.problems import CATALOGUE, Problem
from pointport.imports.reading import encoding, numbers
from pointport.imports.shapes import Judged, Mapping, NumberFormat

HEADER = ["Email", "Points"]
COLUMNS = Mapping(0, 1)

# What each row-level problem's detail holds, as judging.sql, applying.sql and undoing.sql write it.
ROW_LEVEL: dict[str, dict[str, Any] | None] = {
    "DUPLICATE_EMAIL": {"count": 3, "lines": [2, 5, 9]},
    "TWIN_FAILED": {"count": 3, "lines": [2, 5, 9]},
    "CONTACT_NOT_FOUND": None,
    "CONTACT_CHANGED": None,
    "BALANCE_WOULD_BE_NEGATIVE": {"balance": 5, "amount": 7},
    "BALANCE_TOO_LARGE": None,
    "GUARD_RAIL": {"limit": 6},
    "POINTS_SPENT": {"balance": 5, "amount": 7},
    "LATER_IMPORT": {"later_import_id": "5cc0b472-e488-4de3-92ba-bd718a44933a"},
    "CANCELLED": None,
    "NOT_REACHED": None,
}

# A row for each problem that a row can have by itself.
CELL_LEVEL = {
    "QUOTE_NOT_CLOSED": ["ada@example.com", '"5'],
    "CELL_TOO_LONG": ["ada@example.com", "5" * 40_000],
    "CELL_MISSING": ["ada@example.com"],
    "CELL_EXTRA": ["ada@example.com", "52", "", "620"],
    "ENCODING_ERROR": ["ada@example.com", "5\udce9"],
    "EMAIL_MISSING": ["  \u200b", "5"],
    "EMAIL_INVALID": ["nobody", "5"],
    "POINTS_MISSING": ["ada@example.com", "\u00a0"],
    "POINTS_NOT_A_NUMBER": ["ada@example.com", "{value} abc"],
    "POINTS_AMBIGUOUS": ["ada@example.com", "52,620"],
    "POINTS_NOT_WHOLE": ["ada@example.com", "12.5"],
    "POINTS_NEGATIVE": ["ada@example.com", "-5"],
    "POINTS_TOO_LARGE": ["ada@example.com", "1000000000"],
}


def read_points(text: str) -> int | tuple[str, dict[str, Any]]:
    found = numbers.read(text, NumberFormat())
    if isinstance(found, int):
        return found
    return found.problem, {"grouped": found.grouped, "fraction": found.fraction} if found.grouped else {}


def judge(*rows: list[str], columns: Mapping = COLUMNS, fault: str | None = None) -> list[Judged]:
    rules = judging.Rules(
        mapping=columns,
        columns=3 if columns is not COLUMNS else 2,
        encoding_name="UTF-8",
        points_max=999_999_999,
        read_points=read_points,
        damaged=lambda cells: encoding.is_damaged("".join(cells)),
    )
    numbered = [(line, cells, fault) for line, cells in enumerate(rows, start=2)]
    judged = [Judged._make(row) for row in judging.judge_cells(numbered, rules)]
    if not any(encoding.is_damaged("".join(cells)) for cells in rows):
        assert list(judging.judge_cells(numbered, dataclasses.replace(rules, damaged=None))) == judged
    return judged


def fault_of(code: str) -> str | None:
    """What the reader finds of itself."""
    return code if code in {"QUOTE_NOT_CLOSED", "CELL_TOO_LONG"} else None


def message_of(row: list[str], fault: str | None = None) -> str:
    (judged,) = judge(row, fault=fault)
    failure = {"line": 2, "problem": judged.problem, "detail": judged.detail}
    return reporting.message(failure, row, HEADER, COLUMNS)


def test_the_catalogue_is_in_the_order_of_judging() -> None:
    assert list(CATALOGUE) == [
        "QUOTE_NOT_CLOSED",
        "CELL_TOO_LONG",
        "CELL_MISSING",
        "CELL_EXTRA",
        "ENCODING_ERROR",
        "EMAIL_MISSING",
        "EMAIL_INVALID",
        "POINTS_MISSING",
        "POINTS_NOT_A_NUMBER",
        "POINTS_AMBIGUOUS",
        "POINTS_NOT_WHOLE",
        "POINTS_NEGATIVE",
        "POINTS_TOO_LARGE",
        "DUPLICATE_EMAIL",
        "TWIN_FAILED",
        "CONTACT_NOT_FOUND",
        "CONTACT_CHANGED",
        "BALANCE_WOULD_BE_NEGATIVE",
        "BALANCE_TOO_LARGE",
        "GUARD_RAIL",
        "POINTS_SPENT",
        "LATER_IMPORT",
        "CANCELLED",
        "NOT_REACHED",
    ]


def test_every_problem_is_in_the_catalogue() -> None:
    declared = {value.code: name for name, value in vars(problems).items() if isinstance(value, Problem)}
    assert declared == {code: code for code in CATALOGUE}


def test_every_problem_is_driven_here() -> None:
    assert CELL_LEVEL.keys() | ROW_LEVEL.keys() == CATALOGUE.keys()


@pytest.mark.parametrize("code", CELL_LEVEL)
def test_a_row_with_a_problem_is_judged_to_have_it(code: str) -> None:
    (judged,) = judge(CELL_LEVEL[code], fault=fault_of(code))
    assert judged.problem == code
    assert judged.points is None
    # The address is there whenever it can be read: the row still counts for its customer.
    assert judged.email == (None if code.startswith("EMAIL") else "ada@example.com")


@pytest.mark.parametrize("code", CELL_LEVEL)
def test_its_message_has_all_that_it_needs(code: str) -> None:
    message = message_of(CELL_LEVEL[code], fault_of(code))
    problem = CATALOGUE[code]
    if "{value}" in problem.template and problem.column is not None:
        assert f'"{CELL_LEVEL[code][0 if problem.column == "EMAIL" else 1]}"' in message
    if "{column}" in problem.template:
        assert '"Email"' in message if problem.column == "EMAIL" else '"Points"' in message
    check_sentences(message.replace("{value} abc", "abc"))


@pytest.mark.parametrize("code", ROW_LEVEL)
def test_messages_about_other_rows_have_all_that_they_need(code: str) -> None:
    failure = {"line": 5, "problem": code, "detail": ROW_LEVEL[code]}
    message = reporting.message(failure, ["ada@example.com", "7"], HEADER, COLUMNS)
    check_sentences(message)
    if CATALOGUE[code].column == "EMAIL":
        assert '"ada@example.com"' in message


def check_sentences(message: str) -> None:
    """What is wrong, then what to do; and no hole left in the template."""
    assert re.fullmatch(r"[\"A-Z].*[.] [A-Z].*[.?]", message), message
    assert "{" not in message
    assert "None" not in message


@pytest.mark.parametrize("problem", CATALOGUE.values(), ids=lambda problem: problem.code)
def test_the_words_of_a_problem_are_whole(problem: Problem) -> None:
    assert problem.title
    assert problem.title[-1] not in ".:"
    for text in (problem.template, problem.advice):
        assert text.endswith((".", "?"))
    # Advice without a place in the file to look at is of no use where the cell itself is wrong.
    names = {name for _, name, _, _ in string.Formatter().parse(problem.template) if name}
    if problem.column is not None:
        assert names & {"value", "column"}


def test_the_two_readings_of_an_ambiguous_number_are_named() -> None:
    message = message_of(["ada@example.com", "52,620"])
    assert "may mean 52620 or 52.620" in message
    assert "-1234 or -1.234" in message_of(["ada@example.com", "-1,234"])


def test_a_long_value_is_cut() -> None:
    message = message_of(["ada@example.com", "x" * 5000])
    assert '"' + "x" * 100 + '…"' in message
    assert len(message) < 300


def test_the_first_problem_in_the_order_is_the_one() -> None:
    # Each of these rows has its own problem and all later ones that it can have too.
    assert [judged.problem for judged in judge(["caf\udce9"], fault="QUOTE_NOT_CLOSED")] == ["QUOTE_NOT_CLOSED"]
    rows = (["caf\udce9"], ["caf\udce9", "x", "y"], ["caf\udce9", "x"], ["", "x"], ["no", ""])
    assert [judged.problem for judged in judge(*rows)] == [
        "CELL_MISSING",
        "CELL_EXTRA",
        "ENCODING_ERROR",
        "EMAIL_MISSING",
        "EMAIL_INVALID",
    ]
    assert [judged.problem for judged in judge(["a@b.example", "-1,234"], ["a@b.example", "-1.5"])] == [
        "POINTS_AMBIGUOUS",
        "POINTS_NOT_WHOLE",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("-1", "POINTS_NEGATIVE"),
        ("-0", None),
        ("-400.0", "POINTS_NEGATIVE"),
        ("999999999", None),
        ("1000000000", "POINTS_TOO_LARGE"),
        ("1,000,000,000", "POINTS_TOO_LARGE"),
        ("9" * 5000, "POINTS_TOO_LARGE"),
        ("-" + "9" * 5000, "POINTS_NEGATIVE"),
    ],
)
def test_points_are_from_0_to_the_most_an_account_holds(text: str, problem: str | None) -> None:
    assert [judged.problem for judged in judge(["ada@example.com", text])] == [problem]


def test_cells_behind_the_columns_are_no_matter_as_long_as_they_are_blank() -> None:
    (judged,) = judge(["ada@example.com", "7", "", "\u00a0", " "])
    assert (judged.problem, judged.points) == (None, 7)


def test_a_row_with_too_many_cells_is_told_which_is_one_too_many() -> None:
    assert message_of(["ada@example.com", "52", "", "620"]).startswith(
        'The row has 4 cells for 2 columns; "620" is one too many.'
    )


def test_a_short_row_is_told_which_column_it_lacks() -> None:
    columns = Mapping(email=2, points=0)
    (judged,) = judge(["5", "note"], columns=columns)
    failure = {"line": 2, "problem": judged.problem, "detail": judged.detail}
    message = reporting.message(failure, ["5", "note"], ["Points", "Note", "Email"], columns)
    assert message.startswith('The row ends before the column "Email": it has 2 of 3 cells.')


@pytest.mark.parametrize(
    ("count", "lines", "said"),
    [
        (2, [2, 5], "is in 2 rows of this file, also in line 2."),
        (3, [2, 5, 9], "is in 3 rows of this file, also in line 2, 9."),
        (30, [*range(1, 5), 5, *range(6, 12)], "also in line 1, 2, 3, 4, 6, 7, 8, 9, 10, 11 and 19 more."),
    ],
)
def test_a_duplicate_is_told_where_the_others_are(count: int, lines: list[int], said: str) -> None:
    failure = {"line": 5, "problem": "DUPLICATE_EMAIL", "detail": {"count": count, "lines": lines}}
    assert said in reporting.message(failure, ["ada@example.com", "7"], HEADER, COLUMNS)


@pytest.mark.parametrize(
    ("text", "points"), [("0", 0), (" 7 ", 7), ("１２", 12), ("400.0", 400), ("999999999", 999_999_999)]
)
def test_a_good_row_has_its_points(text: str, points: int) -> None:
    assert judge([" Ada@Example.com ", text]) == [Judged(2, "ada@example.com", points)]
