"""Numbers, moments and words as the person at the console reads them: their language's signs, and no code of ours."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime
from babel.numbers import format_decimal, format_percent

from pointport.errors import NotFound, PointportError
from pointport.imports.problems import CATALOGUE
from pointport.imports.reading.encoding import NAMES as ENCODINGS

FALLBACK = Locale("en")

STATUSES: Mapping[str, str] = {
    "INITIATED": "Waiting",
    "PARSING": "Being read",
    "PARSED": "Ready for you",
    "IMPORTING": "Running",
    "IMPORTED": "Done",
    "FAILED": "Stopped",
}
OUTCOMES: Mapping[str, str] = {
    "IMPORTED": "Balance changed",
    "UNCHANGED": "Already that balance",
    "MERGED": "Counted with another row of the same customer",
    "FAILED": "Failed",
    "UNPROCESSED": "Not reached",
}
TRANSACTION_TYPES: Mapping[str, str] = {
    "EARN": "Earned",
    "REDEEM": "Redeemed",
    "ADJUST": "Adjusted",
    "REFUND": "Refunded",
    "EXPIRE": "Expired",
}
DELIMITERS: Mapping[str, str] = {
    ",": "comma  ,",
    ";": "semicolon  ;",
    "\t": "tab",
    "|": "bar  |",
    ":": "colon  :",
    " ": "blank",
}
QUOTES: Mapping[str, str] = {'"': 'double quotes  "', "'": "single quotes  '", "": "none: quotes mean nothing"}
SET_MODE, ADD_MODE = "Replace the balances", "Add to the balances"
DUPLICATES: Mapping[str, str] = {
    "REJECT": "Let these rows fail",
    "FIRST": "Use the first row",
    "LAST": "Use the last row",
    "SUM": "Add them up",
    "MAX": "Use the row with the most points",
}
FORESEEN: Mapping[str, str] = {
    "IMPORTED": "The balance changes",
    "UNCHANGED": "Already that balance",
    "MERGED": "Counted with another row of the same customer",
    "FAILED": "Would fail",
    "UNPROCESSED": "Not reached",
}
UNDO_REASONS: Mapping[str, str] = {
    "POINTS_SPENT": "These customers have less by now than would have to be taken away.",
    "LATER_IMPORT": "A later import has set these balances anew. Take that one back first.",
    "BALANCE_TOO_LARGE": "An account cannot hold so many points.",
}
FIELDS: Mapping[str, str] = {
    "email": "E-mail addresses",
    "points": "Points",
    "mode": "What the points mean",
    "duplicates": "The same customer more than once",
    "unknown_contacts": "Customers that you do not have yet",
    "allow_repeat": "Add this file again",
    "fail_if_more_than": "Stop when more rows fail than",
    "max_points_per_row": "Most points in one row",
    "max_total_change": "Most points moved in all",
    "max_accounts_changed_percent": "Most balances changed",
    "description": "Text on the statement",
}
LISTS: Mapping[str, Mapping[str, str]] = {
    "encoding_words": ENCODINGS,
    "delimiter_words": DELIMITERS,
    "quote_words": QUOTES,
    "duplicate_words": DUPLICATES,
    "foreseen_words": FORESEEN,
    "undo_words": UNDO_REASONS,
    "field_words": FIELDS,
}
"""What templates make lists of."""
PLAIN = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r" \(the option `duplicates`\)", ""),
        (r"No contact of this site has", "You have no customer with"),
        (r"add the contact first", "add the customer first"),
        (r"somebody else added a contact", "somebody else added a customer"),
        (r"(?:choose SUM|SUM is meant)\s+for\s+duplicates to add them up", "choose “Add them up” for these"),
        (r"(?:choose SUM|SUM is meant)\s+for\s+duplicates", "choose “Add them up” for these"),
        (r"choose FIRST or LAST", "choose “Use the first row” or “Use the last row”"),
        (r"and the mode ADD\b", f"and “{ADD_MODE}”"),
        (r"choose the mode ADD|the mode ADD is meant", f"choose “{ADD_MODE}”"),
        (r" \(maxPointsPerRow\)", ""),
        (r"the ([\d,]+) that failIfMoreThan puts up with", r"the \1 that you put up with"),
        (r"the ([\d,]+) of maxTotalChange", r"the \1 that you allowed"),
        (r"the ([\d,]+ %) of maxAccountsChangedPercent", r"the \1 that you allowed"),
        (r" accounts would change", " balances would change"),
        (r"The import [0-9a-f-]{36} has set", "A later import has set"),
        (r"say which encoding it has", "say below which characters it has"),
    )
)
"""What is said in the words of the API, and how a person says it."""
ERRORS: Mapping[str, str] = {
    "INVALID_IMPORT_STATUS": "This import has gone on meanwhile, perhaps in another window or by somebody else.",
    "NEWER_PREVIEW": "There is a newer preview, with other choices. Look at that one first.",
    "FILE_REPEATED": "This very file was added before, so its points would be added a second time. If that is meant, go"
    " back to the choices and say so there.",
    "PROGRAM_NOT_ACTIVE": "Your loyalty program is still a draft. Start it under Settings, then come back to this import.",
    "UPLOAD_URL_USED": "This file was taken already. Look among your imports, or choose the file again.",
    "FILE_NOT_FOUND": "The file did not arrive, or is kept no longer. Choose it again.",
    "UPLOAD_URL_EXPIRED": "The upload took longer than it may. Choose the file again.",
    "ERROR_FILE_NOT_FOUND": "There is no file of failed rows, or it is kept no longer.",
    "REPORT_NOT_FOUND": "There is no report of this import, or its file is kept no longer.",
    "PREVIEW_NOT_FOUND": "There is no preview of this import. Make one first.",
    "UNDO_OF_UNDO": "This is what took an import back, and cannot be taken back itself. Import the file again.",
}
NOTHING_HERE = "There is nothing here. It may be of another shop, or the address may be mistyped."
"""Instead of a message that names an id."""
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def locale_of(accept_language: str) -> Locale:
    """Return the first language of a browser's list (RFC 9110, 12.5.4) whose numbers we can write; else English."""
    for entry in accept_language.split(","):
        try:
            return Locale.parse(entry.partition(";")[0].strip(), sep="-")
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return FALLBACK


def number(value: int, locale: Locale) -> str:
    """Return a number as it is written there."""
    return format_decimal(value, locale=locale)


def signed(value: int, locale: Locale) -> str:
    """Return a change: a number with its sign."""
    return ("+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else "±") + format_decimal(abs(value), locale=locale)


def percent(part: int, whole: int, locale: Locale) -> str:
    """Return a share, in whole percent."""
    return format_percent(part / whole if whole else 0, locale=locale)


def moment(value: datetime, locale: Locale) -> str:
    """Return a moment in UTC; the script of the page puts it into the person's own time."""
    return f"{format_datetime(value, 'medium', locale=locale)} UTC"


def plain(text: str) -> str:
    """Return a message without the words of the API."""
    for pattern, words in PLAIN:
        text = pattern.sub(words, text)
    return text


def explained(error: PointportError) -> str:
    """Return what an error says to the person at the console, as a sentence: it begins with a capital."""
    if error.reason == NotFound.code and ID.search(error.message):
        return NOTHING_HERE
    return sentence(ERRORS.get(error.reason) or plain(error.message))


def sentence(text: str) -> str:
    """Return a message as a sentence: it begins with a capital and ends with a full stop."""
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "!", "?")) else f"{whole}."


def duration(seconds: float, locale: Locale) -> str:
    """Return how long something takes, as roughly as a person would say it."""
    if seconds < 90:  # noqa: PLR2004  (a minute and a half)
        rounded = max(1, round(seconds))
        return f"{number(rounded, locale)} second{'' if rounded == 1 else 's'}"
    return f"{number(round(seconds / 60), locale)} minutes"


def counted(count: int, noun: str, locale: Locale, plural: str = "") -> str:
    """Return a number of things: "1 row", "2,431 rows"."""
    return f"{number(count, locale)} {noun if count == 1 else plural or noun + 's'}"


def size(byte_count: int, locale: Locale) -> str:
    """Return the size of a file."""
    for unit, factor in (("MB", 1_000_000), ("kB", 1_000)):
        if byte_count >= factor:
            return f"{format_decimal(round(byte_count / factor, 1), locale=locale)} {unit}"
    return f"{format_decimal(byte_count, locale=locale)} bytes"


def filters(locale: Locale) -> dict[str, Any]:
    """Return what templates write values with."""
    return {
        "number": lambda value: "" if value is None else number(value, locale),
        "signed": lambda value: signed(value, locale),
        "moment": lambda value: "" if value is None else moment(value, locale),
        "size": lambda value: size(value, locale),
        "share": lambda part, whole: percent(part, whole, locale),
        "status": lambda value: STATUSES[value],
        "outcome": lambda value: OUTCOMES[value],
        "counted": lambda value, noun, plural="": counted(value, noun, locale, plural),
        "duration": lambda value: duration(value, locale),
        "plain": plain,
        "problem": lambda code: CATALOGUE[code].title,
        "encoding": lambda name: "Excel workbook" if name == "xlsx" else ENCODINGS.get(name, name),
        "delimiter": lambda value: DELIMITERS.get(value, value),
        "quote": lambda value: QUOTES.get(value, value),
        "transaction_type": lambda value: TRANSACTION_TYPES[value],
    }
