"""Stage 6: outcomes to counts and the error file (design.md 5)."""

import csv
import io
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from pointport.imports.problems import CATALOGUE, NOT_REACHED
from pointport.imports.shapes import Mapping as Columns
from pointport.imports.shapes import Result, Row
from pointport.ledger.transactions import LINE_MAX, entry_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)

PROOFS = {
    "counts_equal_rows": QUERIES["counts_equal_rows"],
    "undos_equal_entries": QUERIES["undos_equal_entries"],
    "entries_have_imports": QUERIES["entries_have_imports"],
    "rows_have_imports": QUERIES["rows_have_imports"],
}
"""What `ledger/audit.py` has to prove of imports."""

BOM = "\ufeff"
BLOCK_CHARACTERS_MIN = 64 * 1024
FETCH_ROWS = 2_000

NO_OUTCOME: Mapping[str, Any] = {
    "outcome": "UNPROCESSED",
    "problem": NOT_REACHED.code,
    "detail": None,
    "balance_before": None,
    "balance_after": None,
    "transaction_id": None,
}


def count(connection: Connection, site_id: UUID, import_id: UUID) -> Result:
    """Count what became of an import's rows, in the ledger and the outcomes."""
    this = {
        "site_id": site_id,
        "import_id": import_id,
        "first_id": entry_id(import_id, 0),
        "last_id": entry_id(import_id, LINE_MAX),
    }
    connection.execute(QUERIES["read_by_page"])
    entries = one(connection.execute(QUERIES["count_entries"], this).fetchone())
    connection.execute(QUERIES["read_by_key"])
    outcomes = count_outcomes(connection, site_id, import_id)
    return Result(
        success_count=entries["entries"] + outcomes.pop("UNCHANGED", 0) + outcomes.pop("MERGED", 0),
        failure_count=sum(outcomes.values()),
        accounts_changed=entries["entries"],
        points_added=entries["points_added"],
        points_removed=entries["points_removed"],
    )


def count_outcomes(connection: Connection, site_id: UUID, import_id: UUID) -> dict[str, int]:
    """Return how many of the rows that changed no balance came out how."""
    rows = connection.execute(QUERIES["count_outcomes"], {"site_id": site_id, "import_id": import_id}).fetchall()
    return {row["outcome"]: row["rows"] for row in rows}


def count_problems(connection: Connection, site_id: UUID, import_id: UUID) -> dict[str, int]:
    """Return how often each problem occurred, in the order of the catalogue."""
    rows = connection.execute(QUERIES["count_problems"], {"site_id": site_id, "import_id": import_id}).fetchall()
    counts = {row["problem"]: row["rows"] for row in rows}
    return {code: counts[code] for code in CATALOGUE if code in counts}


def count_failed(connection: Connection, site_id: UUID, import_id: UUID) -> int:
    """Return how many rows have failed by now."""
    this = {"site_id": site_id, "import_id": import_id}
    return int(one(connection.execute(QUERIES["count_failed"], this).fetchone())["rows"])


def failures(connection: Connection, site_id: UUID, import_id: UUID) -> Generator[dict[str, Any], None, None]:
    """Return the rows that did not go through, by line: line, outcome, problem, detail.

    Streams from the server: close it before the transaction ends, or its end falls into the connection's next one.
    """
    with connection.cursor(name="failures") as cursor:
        cursor.itersize = FETCH_ROWS
        cursor.execute(QUERIES["failures"], {"site_id": site_id, "import_id": import_id})
        yield from cursor


def with_cells(
    failed: Iterable[Mapping[str, Any]], rows: Iterator[Row]
) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """Find the cells of each failed row in the file; both come by line, so one walk through it is enough."""
    for failure in failed:
        for line, cells, _ in rows:
            if line == failure["line"]:
                yield failure, cells
                break


def message(failure: Mapping[str, Any], cells: list[str], header: list[str], mapping: Columns) -> str:
    """Say what is wrong with a row and what to do."""
    problem = CATALOGUE[failure["problem"]]
    detail = {"columns": len(header), **(failure["detail"] or {})}
    if "lines" in detail:
        others = [line for line in detail["lines"] if line != failure["line"]][:10]
        more = detail["count"] - 1 - len(others)
        detail["other_lines"] = ", ".join(map(str, others)) + (f" and {more} more" if more else "")
    index = detail.get("index", mapping.email if problem.column == "EMAIL" else mapping.points)
    value = cells[index].strip() if index < len(cells) else ""
    return problem.message(value=value, column=header[index] if index < len(header) else "", detail=detail)


def quotes_cell(failure: Mapping[str, Any]) -> bool:
    """Tell whether a row's message says what stands in one of its cells."""
    return CATALOGUE[failure["problem"]].quotes_cell


def title(failure: Mapping[str, Any]) -> str:
    """Say what is wrong with a row, without its cells."""
    return f"{CATALOGUE[failure['problem']].title}."


def error_file(
    failed: Iterable[tuple[Mapping[str, Any], list[str]]],
    header: list[str],
    width: int,
    mapping: Columns,
    our_columns: tuple[str, ...],
    guarded: Callable[[str], str],
) -> Iterator[bytes]:
    """Write failed rows as CSV: the original columns as they were, then ours (UTF-8 with BOM, CRLF, RFC 4180).

    Every row is padded to `width`, the longest there is, so that ours stand in their columns. `guarded` keeps a
    spreadsheet from running a cell as a formula.
    """
    text = io.StringIO()
    text.write(BOM)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*map(guarded, _padded(header, width)), *our_columns])
    for failure, cells in failed:
        ours = (failure["line"], failure["outcome"], failure["problem"], message(failure, cells, header, mapping))
        writer.writerow([*map(guarded, _padded(cells, width)), *ours])
        if text.tell() >= BLOCK_CHARACTERS_MIN:
            yield _taken(text)
    yield _taken(text)


def report_file(
    rows: Iterator[Row],
    outcomes: Iterator[Mapping[str, Any]],
    header: list[str],
    width: int,
    mapping: Columns,
    our_columns: tuple[str, ...],
    guarded: Callable[[str], str],
) -> Iterator[bytes]:
    """Write all rows of a file as `error_file` does those that failed, with what became of each.

    Rows and outcomes come by line, so one walk through both is enough. A row without outcome is one that the import did
    not come to, be it that it stopped before it had looked at any.
    """
    text = io.StringIO()
    text.write(BOM)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*map(guarded, _padded(header, width)), *our_columns])
    outcome = next(outcomes, None)
    for line, cells, _ in rows:
        while outcome is not None and outcome["line"] < line:
            outcome = next(outcomes, None)
        found = outcome if outcome is not None and outcome["line"] == line else {**NO_OUTCOME, "line": line}
        writer.writerow([*map(guarded, _padded(cells, width)), *_told(found, cells, header, mapping)])
        if text.tell() >= BLOCK_CHARACTERS_MIN:
            yield _taken(text)
    yield _taken(text)


def _told(found: Mapping[str, Any], cells: list[str], header: list[str], mapping: Columns) -> tuple[Any, ...]:
    """Return what our columns of a report say of a row."""
    reason = ""
    if found["problem"] is not None:
        reason = message(found, cells, header, mapping)
    elif found["outcome"] == "MERGED":
        reason = f"Settled together with line {found['detail']['line']}."
    after = (found["balance_before"], found["balance_after"], found["transaction_id"])
    return (found["line"], found["outcome"], found["problem"], reason, *after)


def erase_rows(connection: Connection, site_id: UUID, import_id: UUID) -> None:
    """Delete an import's row details."""
    connection.execute(QUERIES["erase_rows"], {"site_id": site_id, "import_id": import_id})


def _padded(cells: list[str], width: int) -> list[str]:
    return (cells + [""] * width)[:width]


def _taken(text: io.StringIO) -> bytes:
    """Return what was written and start anew. Bytes that were no characters go out as they came in."""
    block = text.getvalue().encode("utf-8", "surrogateescape")
    text.seek(0)
    text.truncate()
    return block
