"""What became of each row, by line: page by page for who asks, and all of them for a report."""

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import Any
from uuid import UUID

from pointport.errors import NotFound
from pointport.imports.record import LoyaltyImport
from pointport.imports.shapes import Mapping as Columns
from pointport.ledger.transactions import LINE_MAX, entry_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection
from pointport.plumbing.queries import Page, PagingMetadata, read_merged

QUERIES = load(__file__)

OUTCOMES = ("IMPORTED", "UNCHANGED", "MERGED", "FAILED", "UNPROCESSED")
"""All that can become of a row. Of an undo, IMPORTED says that its points were taken back."""

FETCH_ROWS = 5_000
"""Rows of a report that are read in one short transaction."""


class Whose(StrEnum):
    """Whose rows are meant: the import's own, or those of a run over them."""

    IMPORT = "IMPORT"
    PREVIEW = "PREVIEW"
    UNDO = "UNDO"
    UNDO_PREVIEW = "UNDO_PREVIEW"

    @property
    def changes_balances(self) -> bool:
        """Whether there are rows among them that are entries of the ledger."""
        return self in {Whose.IMPORT, Whose.UNDO}

    @property
    def has_cells(self) -> bool:
        """Whether what is said of a row is said of its cells in the file."""
        return self in {Whose.IMPORT, Whose.PREVIEW}


ABSENT: Mapping[Whose, tuple[str, str]] = {
    Whose.PREVIEW: ("PREVIEW_NOT_FOUND", "import {id} has no preview that was finished"),
    Whose.UNDO: ("UNDO_NOT_FOUND", "import {id} was not undone"),
    Whose.UNDO_PREVIEW: ("PREVIEW_NOT_FOUND", "import {id} has no preview of an undo that was finished"),
}


@dataclass(frozen=True)
class Rows:
    """Rows of an import: whose, the id that they stand under, and which columns were read."""

    record: LoyaltyImport
    whose: Whose
    id: UUID
    columns: Columns | None
    """None while nobody has chosen any: then there are no rows."""

    def entry_id(self, line: int) -> UUID:
        """Return the id of the entry of a line; a line that no file has is before the first, or is the last there is."""
        return entry_id(self.id, min(max(line, 0), LINE_MAX))

    @property
    def places(self) -> dict[str, Any]:
        """Where they stand, as the statements take it."""
        record = self.record
        return {
            "site_id": record.site_id,
            "import_id": self.id,
            "first_id": self.entry_id(0),
            "last_id": self.entry_id(LINE_MAX),
            # What is compared with a preview is the import that was executed after it.
            "preview_id": record.preview_id if self.whose is Whose.IMPORT else None,
            "adds": record.options.adds or self.whose is not Whose.IMPORT,
        }


@dataclass(frozen=True)
class Pages:
    """One page of a query, planned for both places where rows stand."""

    entries: Page
    outcomes: Page


def find_rows(connection: Connection, record: LoyaltyImport, whose: Whose) -> Rows:
    """Return whose rows are meant. Raises NotFound when the import has no such run."""
    if whose is Whose.IMPORT:
        return Rows(record, whose, record.id, _columns(record.email_index, record.points_index))
    # An undo's rows are there as it goes on; a preview says nothing before its end.
    these = {"site_id": record.site_id, "import_id": record.id, "kind": whose, "done": whose is not Whose.UNDO}
    run = connection.execute(QUERIES["find_newest_run"], these).fetchone()
    if run is None:
        code, told = ABSENT[whose]
        raise NotFound(told.format(id=record.id), code=code)
    mapping = (
        run if whose is Whose.PREVIEW else {"email_index": record.email_index, "points_index": record.points_index}
    )
    return Rows(record, whose, run["id"], _columns(mapping["email_index"], mapping["points_index"]))


def read_rows(connection: Connection, rows: Rows, pages: Pages) -> tuple[list[dict[str, Any]], PagingMetadata]:
    """Return a page of rows, and what is said of it."""
    connection.execute(QUERIES["look_rows_up"])
    parts = [(QUERIES["query_entries"], pages.entries)] if rows.whose.changes_balances else []
    return read_merged(connection, [*parts, (QUERIES["query_outcomes"], pages.outcomes)], rows.places)


def next_entries(connection: Connection, rows: Rows, after: int) -> list[dict[str, Any]]:
    """Return the next rows behind a line that changed a balance."""
    these = {**rows.places, "after_id": rows.entry_id(after), "limit": FETCH_ROWS}
    connection.execute(QUERIES["look_rows_up"])
    return connection.execute(QUERIES["next_entries"], these).fetchall()


def next_outcomes(connection: Connection, rows: Rows, after: int) -> list[dict[str, Any]]:
    """Return the next of the other rows behind a line."""
    connection.execute(QUERIES["look_rows_up"])
    return connection.execute(QUERIES["next_outcomes"], {**rows.places, "after": after, "limit": FETCH_ROWS}).fetchall()


def by_line(*readings: Callable[[int], list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Return the rows of several readings by line; each gives the next ones behind a line, until there are none."""
    return heapq.merge(*map(_all, readings), key=itemgetter("line"))


def _all(reading: Callable[[int], list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    rows = reading(0)
    while rows:
        yield from rows
        rows = reading(rows[-1]["line"]) if len(rows) == FETCH_ROWS else []


def _columns(email: int | None, points: int | None) -> Columns | None:
    return None if email is None or points is None else Columns(email, points)
