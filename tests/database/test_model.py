"""What an import did equals what a plain Python model of the rules says, for any file Hypothesis can think of."""

# ruff: noqa: RUF001 (full-width characters are what is tried here)

import csv
import io
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointport.app import App
from pointport.imports import steps
from pointport.imports.record import LoyaltyImport
from pointport.plumbing.sites import sites
from tests.conftest import Story

POINTS_MAX = 999_999_999

# Each address with spellings that are all the same customer; the last three are nobody's.
CUSTOMERS = {
    "ada@example.com": ["ada@example.com", " Ada@Example.COM ", "mailto:ada@example.com", "Ada L. <ada@example.com>"],
    "bob+tag@example.com": ["bob+tag@example.com", "\u200bBOB+TAG@example.com", "bob+tag@ｅxample.com"],
    "cyd@bücher.example": ["cyd@bücher.example", "cyd@xn--bcher-kva.example", "CYD@BÜCHER.example\ufeff"],
    "d.o.t@example.com": ["d.o.t@example.com"],
    "eve@example.com": ["eve@example.com", "\u00a0eve@example.com"],
    "dot@example.com": ["dot@example.com"],
    "bob@example.com": ["bob@example.com", "BOB@example.com"],
    "zoë@example.org": ["zoë@example.org", "ZOË@example.org", "zoe\u0308@example.org"],
}
KNOWN = list(CUSTOMERS)[:5]
SAME = {spelling: address for address, spellings in CUSTOMERS.items() for spelling in spellings}
NO_ADDRESS = {"nobody", "a@b", "two@at@example.com", "a b@example.com", "@example.com", "x@example..com"}
MISSING = {"", "  ", "\u00a0", "\u200b"}

# What a points cell means, wherever it stands: none of these shows how the column groups or divides.
CELLS: dict[str, int | str] = {
    "0": 0,
    "7": 7,
    "007": 7,
    " 120 ": 120,
    "+5": 5,
    "-0": 0,
    "１２": 12,
    "999999999": POINTS_MAX,
    "1000000000": "POINTS_TOO_LARGE",
    "1" + "0" * 40: "POINTS_TOO_LARGE",
    "-1": "POINTS_NEGATIVE",
    "\u22125": "POINTS_NEGATIVE",
    "": "POINTS_MISSING",
    " \u200b": "POINTS_MISSING",
    "abc": "POINTS_NOT_A_NUMBER",
    "5%": "POINTS_NOT_A_NUMBER",
    "1e3": "POINTS_NOT_A_NUMBER",
    "€5": "POINTS_NOT_A_NUMBER",
    "5²": "POINTS_NOT_A_NUMBER",
}
# Whether these can be read depends on what the rest of the column shows.
AMBIGUOUS = {"1,234": 1234, "52,000": 52_000}
SHOWS_GROUPS = {"1,234,567": 1_234_567}
SHOWS_FRACTION: dict[str, int | str] = {"12,5": "POINTS_NOT_WHOLE", "400,0": 400}
ALL_CELLS: dict[str, int | str] = {**CELLS, **SHOWS_GROUPS, **SHOWS_FRACTION}


@dataclass
class Expected:
    """What should have become of each line, and of all together."""

    outcomes: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    created: int = 0
    added: int = 0
    removed: int = 0


def points_in(cell: str, column: list[str]) -> int | str:
    """What a points cell means in its column, or its problem."""
    if cell not in AMBIGUOUS:
        return ALL_CELLS[cell]
    groups, divides = (any(cell in shown for cell in column) for shown in (SHOWS_GROUPS, SHOWS_FRACTION))
    if groups == divides:
        return "POINTS_AMBIGUOUS"
    if groups:
        return AMBIGUOUS[cell]
    return "POINTS_NOT_WHOLE" if AMBIGUOUS[cell] % 1000 else AMBIGUOUS[cell] // 1000


def model(rows: list[list[str]], balances: dict[str, int]) -> Expected:
    """The rules of judging a row (SET, REJECT), as one would tell them; rows stand in lines 2, 3, …."""
    column = [row[1] for row in rows if len(row) > 1]

    def verdict(row: list[str]) -> int | str:
        """The value to set, or the first problem."""
        if len(row) < 2:
            return "CELL_MISSING"
        if len(row) > 3:
            return "CELL_EXTRA"
        if row[0] not in SAME:
            return "EMAIL_MISSING" if row[0] in MISSING else "EMAIL_INVALID"
        points = points_in(row[1], column)
        if isinstance(points, int) and times[SAME[row[0]]] > 1:
            return "DUPLICATE_EMAIL"
        return points if isinstance(points, str) or SAME[row[0]] in KNOWN else "CONTACT_NOT_FOUND"

    times = Counter(SAME[row[0]] for row in rows if row[0] in SAME)
    expected = Expected(balances=dict(balances))
    for line, row in enumerate(rows, start=2):
        found = verdict(row)
        if isinstance(found, str):
            expected.outcomes[line] = ("FAILED", found)
            continue
        before = expected.balances.get(SAME[row[0]])
        expected.created += before is None
        change = found - (before or 0)
        expected.outcomes[line] = ("IMPORTED" if change else "UNCHANGED", None)
        expected.added += max(change, 0)
        expected.removed += max(-change, 0)
        expected.balances[SAME[row[0]]] = found
    return expected


def csv_bytes(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([["Email", "Points", "Note"], *rows])
    return text.getvalue().encode()


def story_of(app: App) -> Story:
    """A site of its own for one example, with the known contacts."""
    made, _ = sites.create_site(app.database, "Model", default=False, actor="test", now=app.clock())
    story = Story(app, made.id)
    story.add_contacts(*KNOWN)
    return story


def outcomes_of(story: Story, done: LoyaltyImport) -> dict[int, tuple[str, str | None]]:
    """What the ledger and the outcomes say became of each line."""
    with story.app.database.transaction(story.site_id) as connection:
        rows: list[dict[str, Any]] = connection.execute(
            "SELECT line, 'IMPORTED' AS outcome, NULL AS problem FROM transaction"
            " WHERE site_id = %(site)s AND import_id = %(this)s"
            " UNION ALL SELECT line, outcome, problem FROM import_row"
            " WHERE site_id = %(site)s AND import_id = %(this)s",
            {"site": story.site_id, "this": done.id},
        ).fetchall()
    found = {row["line"]: (row["outcome"], row["problem"]) for row in rows}
    assert len(found) == len(rows), "a line has two outcomes"
    return found


emails = st.one_of(
    st.sampled_from(sorted(spelling for address in KNOWN for spelling in CUSTOMERS[address])),
    st.sampled_from(sorted(SAME)),
    st.sampled_from(sorted(NO_ADDRESS | MISSING)),
)
points = st.one_of(
    st.sampled_from(["0", "7", " 120 ", "999999999"]),
    st.sampled_from(sorted(CELLS)),
    st.sampled_from(sorted(AMBIGUOUS)),
    st.sampled_from(sorted({**SHOWS_GROUPS, **SHOWS_FRACTION})),
)
# A note keeps a row with nothing else in it from being blank; a row without one may be too short, or too long.
tables = st.lists(
    st.one_of(
        st.tuples(emails, points, st.just("note")),
        st.tuples(emails, points, st.just("note"), st.just("too"), st.just("long")),
        st.tuples(st.sampled_from(sorted(SAME))),
    ).map(list),
    max_size=12,
)
starting_balances = st.dictionaries(st.sampled_from(KNOWN), st.sampled_from([0, 7, 120, 5000, POINTS_MAX]))
any_file = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@any_file
@given(rows=tables, balances=starting_balances)
def test_an_import_does_what_the_model_says(app: App, rows: list[list[str]], balances: dict[str, int]) -> None:
    story = story_of(app)
    story.run(csv_bytes([[email, str(value), "start"] for email, value in balances.items()]))
    expected = model(rows, balances)
    done = story.run(csv_bytes(rows))
    assert outcomes_of(story, done) == expected.outcomes
    assert story.balances() == expected.balances
    failed = sum(outcome == "FAILED" for outcome, _ in expected.outcomes.values())
    assert (done.parsed_row_count, done.done_rows) == (len(rows), len(rows))
    assert (done.success_count, done.failure_count) == (len(rows) - failed, failed)
    assert (done.accounts_created, done.points_added, done.points_removed) == (
        expected.created,
        expected.added,
        expected.removed,
    )
    assert done.accounts_changed == Counter(expected.outcomes.values())["IMPORTED", None]
    codes = [code for _, code in expected.outcomes.values() if code]
    assert steps.summary(app, story.site_id, done.id)["problems"] == dict(Counter(codes))
    if codes:
        rows_of_the_error_file = list(csv.reader(io.StringIO(story.error_file(done), newline="")))
        assert [(int(row[-4]), row[-2]) for row in rows_of_the_error_file[1:]] == [
            (line, code) for line, (_, code) in expected.outcomes.items() if code
        ]


@pytest.mark.parametrize("sessions", [1, 2, 4])
@pytest.mark.parametrize("chunk_rows", [1, 3])
def test_chunks_of_any_size_and_any_number_of_sessions_come_to_the_same(
    app: App, chunk_rows: int, sessions: int
) -> None:
    rows = [[CUSTOMERS[email][-1], cell, "note"] for email, cell in zip(CUSTOMERS, CELLS, strict=False)]
    small_settings = {"chunk_rows": chunk_rows, "apply_sessions": sessions}
    small = App(**{**vars(app), "settings": app.settings.model_copy(update=small_settings)})
    story = story_of(small)
    expected = model(rows, {})
    assert outcomes_of(story, story.run(csv_bytes(rows))) == expected.outcomes
    assert story.balances() == expected.balances


@settings(any_file, max_examples=40)
@given(rows=tables)
def test_the_same_file_again_changes_nothing(app: App, rows: list[list[str]]) -> None:
    story = story_of(app)
    first = story.run(csv_bytes(rows))
    balances = story.balances()
    again = story.run(csv_bytes(rows))
    assert story.balances() == balances
    assert (again.accounts_changed, again.accounts_created, again.points_added, again.points_removed) == (0, 0, 0, 0)
    assert (again.success_count, again.failure_count) == (first.success_count, first.failure_count)
    good = {line for line, (outcome, _) in outcomes_of(story, first).items() if outcome != "FAILED"}
    assert {line for line, (outcome, _) in outcomes_of(story, again).items() if outcome == "UNCHANGED"} == good
