"""Stage 4: is a row good, and if not, why not (design.md 5).

First its own cells, one row at a time and before it is staged; then, in sets and in the database, what only the other
rows and the contacts can tell.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from pointport.imports import problems
from pointport.imports.shapes import Chunk, Judged, Mapping, Row
from pointport.ledger.addresses import normal_form, trimmed
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)

CellReader = Callable[[str], int | tuple[str, dict[str, Any]]]
"""Reads a trimmed points cell: the number, or the code of its problem and what its message needs."""

PLAIN_DIGITS_MAX: Final = 18

MANY_ROWS = 20_000
"""From so many rows on, all contacts and accounts of the site are read at once instead of one for each row: at 250,000
rows of as many contacts that takes half the time. A site of some millions takes a second or two to read.
"""


def judge_cells(
    rows: Iterable[Row],
    mapping: Mapping,
    *,
    columns: int,
    encoding_name: str,
    points_max: int,
    read_points: CellReader,
    damaged: Callable[[Sequence[str]], bool],
) -> Iterator[Judged]:
    """Judge each row by its own cells, in the order of the catalogue.

    `columns` is how many there are: a cell behind them that is not blank tells that the others may be out of place.
    """
    last = max(mapping.email, mapping.points)
    for line, cells, fault in rows:
        email_text = cells[mapping.email] if mapping.email < len(cells) else ""
        email = normal_form(email_text)
        if fault is not None:
            yield Judged(line, email, None, fault, {"longest": len(max(cells, key=len, default=""))})
        elif len(cells) <= last:
            missing = mapping.email if mapping.email >= len(cells) else mapping.points
            detail = {"cells": len(cells), "index": missing}
            yield Judged(line, email, None, problems.CELL_MISSING.code, detail)
        elif len(cells) > columns and (extra := _first_filled(cells, columns)) is not None:
            yield Judged(line, email, None, problems.CELL_EXTRA.code, {"cells": len(cells), "index": extra})
        elif damaged(cells):
            yield Judged(line, email, None, problems.ENCODING_ERROR.code, {"encoding": encoding_name})
        elif email is None:
            problem = problems.EMAIL_INVALID if trimmed(email_text) else problems.EMAIL_MISSING
            yield Judged(line, None, None, problem.code)
        else:
            yield _judge_points(line, email, cells[mapping.points], points_max, read_points)


def _first_filled(cells: Sequence[str], columns: int) -> int | None:
    return next((index for index in range(columns, len(cells)) if trimmed(cells[index])), None)


def _judge_points(line: int, email: str, text: str, points_max: int, read_points: CellReader) -> Judged:
    if text.isascii() and text.isdigit() and len(text) <= PLAIN_DIGITS_MAX:
        points = int(text)
    else:
        value = trimmed(text)
        if not value:
            return Judged(line, email, None, problems.POINTS_MISSING.code)
        found = read_points(value)
        if isinstance(found, tuple):
            return Judged(line, email, None, *found)
        points = found
    if points < 0:
        return Judged(line, email, None, problems.POINTS_NEGATIVE.code)
    if points > points_max:
        return Judged(line, email, None, problems.POINTS_TOO_LARGE.code, {"points_max": points_max})
    return Judged(line, email, points)


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
    connection.execute(QUERIES["look_up"])
    if not this["many"]:
        find_accounts(connection, site_id, import_id, Chunk(1, staged_rows))
    failed = sum(
        connection.execute(QUERIES[name], this).rowcount for name in ("note_bad_cells", "note_unknown", "note_doubled")
    )
    if again:
        connection.execute(QUERIES["settle_again"], this)
    return one(connection.execute(QUERIES["count_ready"], this).fetchone())["ready_rows"], failed


def find_accounts(connection: Connection, site_id: UUID, import_id: UUID, chunk: Chunk) -> None:
    """Look which rows of a chunk have an account by now."""
    these = {"site_id": site_id, "import_id": import_id, "first": chunk.first, "last": chunk.last}
    connection.execute(QUERIES["find_accounts"], these)
