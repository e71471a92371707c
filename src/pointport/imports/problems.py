"""The catalogue of what can be wrong with a row (design.md 5).

It is data: the error file, the console and the documentation all render from it. The order is the order of judging: the
first that holds is the row's problem. A row's problem is a value, never an exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

VALUE_CHARACTERS_MAX = 100
"""A message quotes no more of a cell than this."""


@dataclass(frozen=True)
class Problem:
    """One kind of problem.

    `template` and `advice` may name `{value}` (the cell), `{column}` (its heading) and what the row's detail holds.
    """

    code: str
    title: str
    column: Literal["EMAIL", "POINTS"] | None
    template: str
    advice: str

    @property
    def quotes_cell(self) -> bool:
        """Whether a message says what stands in the row's cell."""
        return "{value}" in self.template + self.advice

    def message(self, *, value: str, column: str, detail: Mapping[str, Any]) -> str:
        """Say what is wrong with one row, in one sentence with the value, and what to do about it in another."""
        shown = value if len(value) <= VALUE_CHARACTERS_MAX else value[:VALUE_CHARACTERS_MAX] + "…"
        words = {"value": shown, "column": column, **detail}
        return f"{self.template.format(**words)} {self.advice.format(**words)}"


QUOTE_NOT_CLOSED = Problem(
    "QUOTE_NOT_CLOSED",
    "A quote is out of place",
    None,
    "The quotes of the row do not match: one opens a cell and never closes it.",
    "Close the quote, take it out, or double it where it is part of a text.",
)
CELL_TOO_LONG = Problem(
    "CELL_TOO_LONG",
    "A cell is too long",
    None,
    "The row has a cell of {longest} characters, more than a cell may have.",
    "Shorten the cell; if it looks short, a quote before it never closes.",
)
CELL_MISSING = Problem(
    "CELL_MISSING",
    "The row ends too early",
    None,
    'The row ends before the column "{column}": it has {cells} of {columns} cells.',
    "Check the row for a missing delimiter or a broken quote.",
)
CELL_EXTRA = Problem(
    "CELL_EXTRA",
    "The row has too many cells",
    None,
    'The row has {cells} cells for {columns} columns; "{value}" is one too many.',
    "Put quotes around a text that has the delimiter in it, and take it out of numbers.",
)
ENCODING_ERROR = Problem(
    "ENCODING_ERROR",
    "Unreadable characters",
    None,
    "The row holds bytes that are no characters in {encoding}.",
    "Type the row's special characters again and save the file as CSV UTF-8.",
)
EMAIL_MISSING = Problem(
    "EMAIL_MISSING",
    "No e-mail address",
    "EMAIL",
    'The column "{column}" is empty.',
    "Add the customer's e-mail address, or delete the row.",
)
EMAIL_INVALID = Problem(
    "EMAIL_INVALID",
    "Not an e-mail address",
    "EMAIL",
    '"{value}" in column "{column}" is not an e-mail address.',
    "Write it like name@example.com.",
)
POINTS_MISSING = Problem(
    "POINTS_MISSING",
    "No points",
    "POINTS",
    'The column "{column}" is empty.',
    "Write the balance, or 0 for none.",
)
POINTS_NOT_A_NUMBER = Problem(
    "POINTS_NOT_A_NUMBER",
    "Points are not a number",
    "POINTS",
    '"{value}" in column "{column}" is not a number.',
    "Write digits only, like 1250.",
)
POINTS_AMBIGUOUS = Problem(
    "POINTS_AMBIGUOUS",
    "Points can be read in two ways",
    "POINTS",
    '"{value}" in column "{column}" may mean {grouped} or {fraction}, and nothing else in the column tells which.',
    "Write it without thousands separator: {grouped}, if that is what it means.",
)
POINTS_NOT_WHOLE = Problem(
    "POINTS_NOT_WHOLE",
    "Points are not whole",
    "POINTS",
    '"{value}" in column "{column}" is not a whole number.',
    "Points have no fractions; round it.",
)
POINTS_NEGATIVE = Problem(
    "POINTS_NEGATIVE",
    "Points are negative",
    "POINTS",
    '"{value}" in column "{column}" is negative, and a balance cannot be.',
    "Write 0 or more.",
)
POINTS_TOO_LARGE = Problem(
    "POINTS_TOO_LARGE",
    "Too many points",
    "POINTS",
    '"{value}" in column "{column}" is more than {points_max}, the most an account can hold.',
    "Check the column: is it really points?",
)
DUPLICATE_EMAIL = Problem(
    "DUPLICATE_EMAIL",
    "The same customer more than once",
    "EMAIL",
    '"{value}" is in {count} rows of this file, also in line {other_lines}.',
    "Keep one row for each customer, or say which counts (the option `duplicates`).",
)
TWIN_FAILED = Problem(
    "TWIN_FAILED",
    "Another row of the same customer failed",
    "EMAIL",
    '"{value}" is in {count} rows of this file, also in line {other_lines}, and not all of them can be used.',
    "Correct the others and send these rows together.",
)
CONTACT_NOT_FOUND = Problem(
    "CONTACT_NOT_FOUND",
    "Unknown customer",
    "EMAIL",
    'No contact of this site has the e-mail address "{value}".',
    "Check the spelling, or add the contact first.",
)
CONTACT_CHANGED = Problem(
    "CONTACT_CHANGED",
    "The customer was added meanwhile",
    "EMAIL",
    'While the import ran, somebody else added a contact with the e-mail address "{value}".',
    "Import the row again.",
)
BALANCE_WOULD_BE_NEGATIVE = Problem(
    "BALANCE_WOULD_BE_NEGATIVE",
    "The balance would be negative",
    "POINTS",
    '"{value}" in column "{column}" would take the balance below 0.',
    "Take away no more than the account holds.",
)
BALANCE_TOO_LARGE = Problem(
    "BALANCE_TOO_LARGE",
    "The balance would be too large",
    "POINTS",
    '"{value}" in column "{column}" would take the balance above the most an account can hold.',
    "Add less.",
)
GUARD_RAIL = Problem(
    "GUARD_RAIL",
    "More points than a row may have",
    "POINTS",
    '"{value}" in column "{column}" is more than {limit}, the most that a row of this import may have.',
    "Check the row; if it is right, import the file again with a higher limit.",
)
POINTS_SPENT = Problem(
    "POINTS_SPENT",
    "The points are spent",
    None,
    "The balance is {balance} by now, less than the {amount} points that would have to be taken back.",
    "Leave it, or take away what is left by hand.",
)
LATER_IMPORT = Problem(
    "LATER_IMPORT",
    "A later import set the balance",
    None,
    "The import {later_import_id} has set this balance since, whatever it was before.",
    "Undo that import first.",
)
CANCELLED = Problem(
    "CANCELLED",
    "Cancelled before this row",
    None,
    "The import was cancelled before it came to this row.",
    "Import the row again if it is still wanted.",
)
NOT_REACHED = Problem(
    "NOT_REACHED",
    "Stopped before this row",
    None,
    "The import stopped before it came to this row.",
    "Import the row again.",
)

CATALOGUE: Mapping[str, Problem] = {
    problem.code: problem
    for problem in (
        QUOTE_NOT_CLOSED,
        CELL_TOO_LONG,
        CELL_MISSING,
        CELL_EXTRA,
        ENCODING_ERROR,
        EMAIL_MISSING,
        EMAIL_INVALID,
        POINTS_MISSING,
        POINTS_NOT_A_NUMBER,
        POINTS_AMBIGUOUS,
        POINTS_NOT_WHOLE,
        POINTS_NEGATIVE,
        POINTS_TOO_LARGE,
        DUPLICATE_EMAIL,
        TWIN_FAILED,
        CONTACT_NOT_FOUND,
        CONTACT_CHANGED,
        BALANCE_WOULD_BE_NEGATIVE,
        BALANCE_TOO_LARGE,
        GUARD_RAIL,
        POINTS_SPENT,
        LATER_IMPORT,
        CANCELLED,
        NOT_REACHED,
    )
}
"""Every problem by its code, in the order of judging."""
