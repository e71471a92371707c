"""Stage 4: is a row good, and if not, why not (design.md 5).

First its own cells, one row at a time and before it is staged; then, in sets and in the database, what only the other
rows and the contacts can tell.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pointport.imports import problems
from pointport.imports.shapes import Judged, Mapping, Row
from pointport.ledger.addresses import normal_form, trimmed
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)

CellReader = Callable[[str], int | tuple[str, dict[str, Any]]]
"""Reads a trimmed points cell: the number, or the code of its problem and what its message needs."""

PLAIN_DIGITS_MAX: Final = 18

MANY_ROWS = 20_000
"""From so many rows on, all contacts of the site are read at once instead of one for each row: at 250,000 rows of as many
contacts that takes half the time. A site of some millions takes a second or two to read.
"""


@dataclass(frozen=True)
class Rules:
    """What the cells of one file are judged by."""

    mapping: Mapping
    columns: int
    """How many there are: a cell behind them that is not blank tells that the others may be out of place."""
    encoding_name: str
    points_max: int
    read_points: CellReader
    damaged: Callable[[Sequence[str]], bool] | None
    """Tells whether cells hold bytes that are no characters; None when no row of the file does."""


def judge_cells(rows: Iterable[Row], rules: Rules) -> Iterator[Judged]:
    """Judge each row by its own cells, in the order of the catalogue."""
    email_index, points_index = rules.mapping.email, rules.mapping.points
    last, columns, points_max, damaged = max(email_index, points_index), rules.columns, rules.points_max, rules.damaged
    for line, cells, fault in rows:
        # Nearly every row is a sound one of an address and plain digits, and is done with here.
        if fault is None and last < len(cells) <= columns and damaged is None:
            email, text = normal_form(cells[email_index]), cells[points_index]
            if email is not None and text.isascii() and text.isdigit() and len(text) <= PLAIN_DIGITS_MAX:
                points = int(text)
                if points <= points_max:
                    yield Judged(line, email, points)
                    continue
        yield _judge(line, cells, fault, rules)


def _judge(line: int, cells: list[str], fault: str | None, rules: Rules) -> Judged:
    mapping, columns = rules.mapping, rules.columns
    email_text = cells[mapping.email] if mapping.email < len(cells) else ""
    email = normal_form(email_text)
    if fault is not None:
        return Judged(line, email, None, fault, {"longest": len(max(cells, key=len, default=""))})
    if len(cells) <= max(mapping.email, mapping.points):
        missing = mapping.email if mapping.email >= len(cells) else mapping.points
        return Judged(line, email, None, problems.CELL_MISSING.code, {"cells": len(cells), "index": missing})
    if len(cells) > columns and (extra := _first_filled(cells, columns)) is not None:
        return Judged(line, email, None, problems.CELL_EXTRA.code, {"cells": len(cells), "index": extra})
    if rules.damaged is not None and rules.damaged(cells):
        return Judged(line, email, None, problems.ENCODING_ERROR.code, {"encoding": rules.encoding_name})
    if email is None:
        problem = problems.EMAIL_INVALID if trimmed(email_text) else problems.EMAIL_MISSING
        return Judged(line, None, None, problem.code)
    return _judge_points(line, email, cells[mapping.points], rules)


def _first_filled(cells: Sequence[str], columns: int) -> int | None:
    return next((index for index in range(columns, len(cells)) if trimmed(cells[index])), None)


def _judge_points(line: int, email: str, text: str, rules: Rules) -> Judged:
    value = trimmed(text)
    if not value:
        return Judged(line, email, None, problems.POINTS_MISSING.code)
    is_plain = value.isascii() and value.isdigit() and len(value) <= PLAIN_DIGITS_MAX
    found = int(value) if is_plain else rules.read_points(value)
    if isinstance(found, tuple):
        return Judged(line, email, None, *found)
    if found < 0:
        return Judged(line, email, None, problems.POINTS_NEGATIVE.code)
    if found > rules.points_max:
        return Judged(line, email, None, problems.POINTS_TOO_LARGE.code, {"points_max": rules.points_max})
    return Judged(line, email, found)


def judge_rows(
    connection: Connection, site_id: UUID, import_id: UUID, *, staged_rows: int, again: bool
) -> tuple[int, int]:
    """Judge the staged rows in sets, write down those that fail, and line up the rest for applying.

    Returns how many rows are lined up (positions 1…n, some of them already judged bad) and how many failed. With `again`
    the file is staged a second time, and rows that have their outcome keep it.
    """
    this = {"site_id": site_id, "import_id": import_id, "many": staged_rows >= MANY_ROWS}
    connection.execute(QUERIES["take_memory"])
    connection.execute(QUERIES["read_once"])
    connection.execute(QUERIES["rank"], this)
    connection.execute(QUERIES["go_by_key"])
    failed = sum(
        connection.execute(QUERIES[name], this).rowcount for name in ("note_bad_cells", "note_unknown", "note_doubled")
    )
    if again:
        connection.execute(QUERIES["settle_again"], this)
    return one(connection.execute(QUERIES["count_ready"], this).fetchone())["ready_rows"], failed
