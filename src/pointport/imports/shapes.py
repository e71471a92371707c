"""What travels between the rooms, and what every step works with. Know these, and you know all that moves."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    # Who only reads a file loads no database.
    from pointport.plumbing.database.pool import Database
    from pointport.plumbing.objects.store import Objects
    from pointport.settings import Settings


@dataclass(frozen=True)
class Workshop:
    """What every step works with, opened once for a process (`app.py`)."""

    database: "Database"
    objects: "Objects"
    settings: "Settings"
    clock: Callable[[], datetime]


Row = tuple[int, list[str], str | None]
"""One record of a file: the line where it starts, counting from 1 with the heading; its cells as they are; and the code of
the problem that it has when it is not sound as it is written (`problems.py`).
"""


@dataclass(frozen=True)
class Dialect:
    """How a file is written."""

    encoding: str
    delimiter: str
    quote: str = '"'
    """Empty where quotes mean nothing."""
    escape: str | None = None
    """What stands before a quote that is text; None where such a quote is doubled."""
    line_ending: str = "LF"
    """What most lines end with: LF, CRLF or CR."""
    columns: int = 0
    """The cells of a row that is whole; 0 while that is not known."""
    heading_line: int = 1
    """0 when there is no heading."""
    our_columns: int = 0
    """The last columns that are our own, and ignored: those of an error file or a report that came back."""
    sheet: str | None = None
    """The sheet of a workbook; None for text."""


@dataclass(frozen=True)
class Reading:
    """How the user says that a file is written; what is None is found out."""

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    """Empty: quotes mean nothing."""
    heading_line: int | None = None
    """0: there is no heading."""
    sheet: str | None = None
    """The sheet of a workbook, by its name or its number from 1."""


@dataclass(frozen=True)
class Notice:
    """Something about a file that its owner should know before it is imported: a code, the line, and a sentence."""

    code: str
    line: int
    message: str


@dataclass(frozen=True)
class Suggestion:
    """Which columns seem to be meant, counting from 0, and why.

    `system` names the system whose file it is, when the whole heading says so. `notices` are what there is to beware of,
    each at the line of the heading.
    """

    email: int | None
    points: int | None
    why: str
    system: str | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written, and what in the column shows it.

    A sign in neither set was not seen where it would tell.
    """

    group: frozenset[str] = frozenset()
    decimal: frozenset[str] = frozenset()
    evidence: str = "plain digits"


@dataclass(frozen=True)
class Learned:
    """What one reading of a whole file found out."""

    dialect: Dialect
    header: tuple[str, ...]
    sample_rows: tuple[tuple[str, ...], ...]
    row_count: int
    columns: int
    """Cells of the longest row; more than the heading has when a row is too long."""
    damaged_rows: int
    """Rows that hold bytes which are no characters."""
    byte_count: int
    sha256: bytes
    suggestion: Suggestion
    number_format: NumberFormat
    notices: tuple[Notice, ...] = ()
    """What to beware of, those of the suggestion first."""


@dataclass(frozen=True)
class Mapping:
    """Which columns hold the e-mail address and the points, counting from 0."""

    email: int
    points: int


class Judged(NamedTuple):
    """A row after its cells were judged: the address and the points, or the code of the problem that it has.

    The address is there also when something else is wrong with the row: it still counts as a row for that customer.
    """

    line: int
    email: str | None
    points: int | None
    problem: str | None = None
    detail: dict[str, Any] | None = None


JudgedFields = tuple[int, str | None, int | None, str | None, dict[str, Any] | None]
"""A Judged without its names, as a sound row is made: with them it takes as long to make as to judge."""


@dataclass(frozen=True)
class Lined:
    """What lining up came to: the last position, and how many rows failed before anything was applied.

    Positions count from 1; some have no row, since another row of its customer stands for it.
    """

    ready_rows: int
    failed_rows: int


@dataclass(frozen=True)
class Breach:
    """A guard rail that an import is too much for: the option's name, its limit, and what was found instead.

    `rows` says how many rows are over it, where that can be said; `lines` are the first of them, or those that change
    the most.
    """

    rule: str
    limit: int
    found: int
    rows: int | None
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Foreseen:
    """What the rows that will go through do to accounts and contacts."""

    contacts_created: int
    accounts_created: int
    accounts_changed: int
    accounts_unchanged: int


@dataclass(frozen=True)
class Chunk:
    """The lined-up rows that are applied in one transaction: the first and the last position, counting from 1."""

    first: int
    last: int
    is_dense: bool = False
    """Whether few other customers are between those of its rows."""


@dataclass(frozen=True)
class Applied:
    """What became of a chunk: the rows that have their outcome now, and those of them that failed."""

    rows: int
    accounts_created: int
    failed_rows: int


@dataclass(frozen=True)
class ErrorFile:
    """A file of the rows that did not go through, and how many they are."""

    path: str
    rows: int


@dataclass(frozen=True)
class Result:
    """What became of a whole file, counted from the ledger and the outcomes."""

    success_count: int
    failure_count: int
    accounts_changed: int
    points_added: int
    points_removed: int
    error_file_path: str | None = None
    merged_rows: int = 0
    """Rows that another one of their customer stands for; they are among the others."""
    differing_rows: int | None = None
    """Rows that came out in another way than a preview said."""
