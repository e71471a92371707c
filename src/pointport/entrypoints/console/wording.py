"""Numbers, moments and words as the person at the console reads them: their language's signs, and no code of ours."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime
from babel.numbers import format_decimal, format_percent

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
        "transaction_type": lambda value: TRANSACTION_TYPES[value],
    }
