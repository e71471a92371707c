"""What the console says: no word of the API, and pictures that say what they show."""

import re

import pytest
from babel import Locale

from pointport.entrypoints.console import charts, wording
from pointport.errors import PreconditionFailed
from pointport.imports.foreseeing import STEPS
from pointport.imports.problems import CATALOGUE
from pointport.imports.reading import columns

API_WORDS = re.compile(r"`|\b(?:contact|SUM|FIRST|LAST|ADD|SET|[a-z]+(?:[A-Z][a-z]+)+)\b")


@pytest.mark.parametrize("code", CATALOGUE)
def test_no_problem_is_told_in_words_of_the_api(code: str) -> None:
    problem = CATALOGUE[code]
    later = "The import 01a2206a-b058-747c-9e31-bf59a9e8ced1 has set"
    told = wording.plain(f"{problem.template} {problem.advice}".replace("The import {later_import_id} has set", later))
    assert API_WORDS.search(re.sub(r"\{\w+\}", "", told)) is None, told


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (["Email", "Points", "Date"], [["a@example.com", "5", "2024-01-01"], ["a@example.com", "7", "2024-01-02"]]),
        (["Email", "Points balance"], [["a@example.com", "-5"]]),
        (["Email", "Points to add"], [["a@example.com", "5"]]),
        (["Email", "Bonus points", "Points"], [["a@example.com", "5", "6"]]),
    ],
)
def test_no_notice_is_told_in_words_of_the_api(header: list[str], row: list[list[str]]) -> None:
    suggestion = columns.suggest(header, row, heading_line=1)
    for text in (suggestion.why, *(notice.message for notice in suggestion.notices)):
        assert API_WORDS.search(wording.plain(text)) is None, wording.plain(text)


def test_an_error_is_a_sentence() -> None:
    assert wording.explained(PreconditionFailed("it is not so", code="OTHER")) == "It is not so."
    assert wording.explained(PreconditionFailed("x", code="INVALID_IMPORT_STATUS")).startswith(
        "This import has gone on"
    )


def test_a_chart_says_what_it_shows_and_runs_nothing() -> None:
    drawn = charts.bars(
        "A & B", [charts.Bar('<script>"', 3), charts.Bar("None", 0), charts.Bar("One", 1)], Locale("en")
    )
    assert "<script>" not in drawn
    assert 'role="img"' in drawn
    assert "&lt;script&gt;&#34;: 3; None: 0; One: 1" in drawn
    assert "style" not in drawn
    assert charts.bars("Nothing", [], Locale("en")).startswith("<svg")


def test_changes_are_told_in_words() -> None:
    steps = zip((None, *STEPS), (*STEPS, None), strict=True)
    histogram = [{"from": low, "to": None if high is None else high - 1, "count": 1} for low, high in steps]
    assert [bar.label for bar in charts.changes(histogram, Locale("en"))] == [
        "More than 10,000 less",
        "1,001 to 10,000 less",
        "101 to 1,000 less",
        "1 to 100 less",
        "No change",
        "1 to 100 more",
        "101 to 1,000 more",
        "1,001 to 10,000 more",
        "More than 10,000 more",
    ]
    assert charts.changes([{**one, "count": 0} for one in histogram], Locale("en")) == []
