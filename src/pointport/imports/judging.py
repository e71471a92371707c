"""Stage 4: is a row good, and if not, why not (design.md 5).

First its own cells, one row at a time and before it is staged; then, in sets and in the database, what only the other
rows and the contacts can tell.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pointport.imports import problems
from pointport.imports.options import Duplicates, Options, UnknownContacts
from pointport.imports.shapes import Breach, Judged, JudgedFields, Lined, Mapping, Row
from pointport.ledger.addresses import normal_form, trimmed
from pointport.ledger.transactions import LINE_MAX, entry_id
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
    adds: bool = False
    """Whether points are added to the balance: then they may be negative."""


def judge_cells(rows: Iterable[Row], rules: Rules) -> Iterator[JudgedFields]:
    """Judge each row by its own cells, in the order of the catalogue."""
    email_index, points_index = rules.mapping.email, rules.mapping.points
    last, columns, damaged = max(email_index, points_index), rules.columns, rules.damaged
    # Whatever number has so few digits is not too large.
    digits_max = len(str(rules.points_max + 1)) - 1
    for line, cells, fault in rows:
        # Nearly every row is a sound one of an address and plain digits, and is done with here.
        if fault is None and last < len(cells) <= columns and damaged is None:
            email, text = normal_form(cells[email_index]), cells[points_index]
            if email is not None and text.isdigit() and text.isascii() and len(text) <= digits_max:
                yield line, email, int(text), None, None
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
        detail = {"cells": len(cells), "columns": columns, "index": extra}
        return Judged(line, email, None, problems.CELL_EXTRA.code, detail)
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
    if found < 0 and not rules.adds:
        return Judged(line, email, None, problems.POINTS_NEGATIVE.code)
    if abs(found) > rules.points_max:
        return Judged(line, email, None, problems.POINTS_TOO_LARGE.code, {"points_max": rules.points_max})
    return Judged(line, email, found)


def judge_rows(
    connection: Connection,
    site_id: UUID,
    import_id: UUID,
    *,
    options: Options,
    points_max: int,
    staged_rows: int,
    again: bool,
) -> Lined:
    """Judge the staged rows in sets, write down those that fail, and line up the rest for applying.

    With `again` the file is staged a second time, and rows that have their outcome keep it.
    """
    this = {
        "site_id": site_id,
        "import_id": import_id,
        "many": staged_rows >= MANY_ROWS,
        "creates": options.unknown_contacts is UnknownContacts.CREATE,
        "duplicates": options.duplicates,
        "points_max": points_max,
        "adds": options.adds,
    }
    work_in_sets(connection)
    connection.execute(QUERIES["rank"], this)
    if again:
        bounds = {"first_id": entry_id(import_id, 0), "last_id": entry_id(import_id, LINE_MAX)}
        connection.execute(QUERIES["keep_known"], {**this, **bounds})
    notes = ["note_bad_cells", "note_unknown", "note_doubled"]
    if options.duplicates is not Duplicates.REJECT:
        connection.execute(QUERIES["settle_doubles"], this)
        connection.execute(QUERIES["leave_out_merged"], this)
        notes.append("note_unmerged")
    connection.execute(QUERIES["go_by_key"])
    failed_rows = sum(connection.execute(QUERIES[name], this).rowcount for name in notes)
    if again:
        connection.execute(QUERIES["settle_again"], this)
    ready_rows = one(connection.execute(QUERIES["count_ready"], this).fetchone())["ready_rows"]
    return Lined(ready_rows=ready_rows, failed_rows=failed_rows)


def note_merged(connection: Connection, site_id: UUID, import_id: UUID) -> int:
    """Write down what became of the rows that another one of their customer stands for: the same as of that one.

    Once every chunk is applied, or will never be. Returns how many they are.
    """
    work_in_sets(connection)
    return connection.execute(QUERIES["note_merged"], {"site_id": site_id, "import_id": import_id}).rowcount


def count_failing_merged(connection: Connection, site_id: UUID, import_id: UUID) -> int:
    """Count the rows without an outcome yet that another one of their customer stands for which has failed."""
    work_in_sets(connection)
    these = {"site_id": site_id, "import_id": import_id}
    return int(one(connection.execute(QUERIES["count_failing_merged"], these).fetchone())["rows"])


def work_in_sets(connection: Connection) -> None:
    """Have no table read again for each row of another, until the transaction ends or says otherwise."""
    connection.execute(QUERIES["take_memory"])
    connection.execute(QUERIES["read_once"])


def find_breaches(connection: Connection, site_id: UUID, import_id: UUID, options: Options) -> list[Breach]:
    """Measure what the lined-up rows would change, and return the guard rails that this is too much for."""
    work_in_sets(connection)
    this = {
        "site_id": site_id,
        "import_id": import_id,
        "adds": options.adds,
        "max_points_per_row": options.max_points_per_row,
    }
    breaches = []
    if options.max_points_per_row is not None:
        over = one(connection.execute(QUERIES["rows_over"], this).fetchone())
        if over["rows"]:
            limit = options.max_points_per_row
            breaches.append(Breach("max_points_per_row", limit, over["largest"], over["rows"], tuple(over["lines"])))
    measured = one(connection.execute(QUERIES["measure_changes"], this).fetchone())
    in_all, changed, accounts = measured["total_change"], measured["accounts_changed"], measured["accounts"]
    # A share of all accounts that there are: rounded up, so that a little more than the limit is more.
    percent = -(-changed * 100 // accounts) if accounts else 0
    for rule, allowed, found, rows in (
        ("max_total_change", options.max_total_change, in_all, None),
        ("max_accounts_changed_percent", options.max_accounts_changed_percent, percent, changed),
    ):
        if allowed is not None and found > allowed:
            lines = connection.execute(QUERIES["largest_changes"], this).fetchall()
            breaches.append(Breach(rule, allowed, found, rows, tuple(row["line"] for row in lines)))
    return breaches


def note_over(connection: Connection, site_id: UUID, import_id: UUID, max_points_per_row: int) -> None:
    """Write down which rows have more points than a row may have."""
    these = {"site_id": site_id, "import_id": import_id, "max_points_per_row": max_points_per_row}
    connection.execute(QUERIES["note_over"], these)
