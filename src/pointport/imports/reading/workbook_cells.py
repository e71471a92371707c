"""The value of a workbook's cell as a person sees it.

A workbook knows only numbers: a date is a number of days, told by the format it is shown in. Numbers are shown without
grouping and without an exponent, with the 15 digits that Excel has; dates as ISO 8601 has them.
"""

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
WHOLE = re.compile(r"-?[1-9]\d*|0", re.ASCII)
DIGITS = 15

EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 (a workbook's dates have no zone)
EPOCH_1904 = datetime(1904, 1, 1)  # noqa: DTZ001
FIRST_OF_MARCH_1900 = 60
"""Day 60 is 29 February 1900 to Excel, which there never was; the days before it are one off."""
DAYS_MAX = 2_958_466
"""The first day of the year 10000, and of nothing that is a date."""
MILLISECONDS_A_DAY = 24 * 60 * 60 * 1000


class Format(Enum):
    """What a number is shown as, when it is not shown as a number."""

    MOMENT = "a date, a time, or both"
    DURATION = "hours, or minutes or seconds, that may be more than a day has"


BUILT_IN = dict.fromkeys((*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)), Format.MOMENT) | {
    46: Format.DURATION
}
"""Formats that have a number and no code; those from 27 on are dates in East Asia."""

LITERALS = re.compile(r'"[^"]*"?|\\.|[_*].|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE | re.DOTALL)
"""Parts of a format code that are shown as they are, and colours, conditions and languages."""
DURATION_CODE = re.compile(r"\[[hms]+\]", re.IGNORECASE)
LETTERS = re.compile("[a-z]", re.IGNORECASE)
MOMENT_LETTERS = frozenset("dmyhs")
MOMENT_LETTERS_TOO = MOMENT_LETTERS | frozenset("apegb")
"""a and p for AM/PM; e, g and b for years of other calendars."""


def format_of(code: str) -> Format | None:
    """Return what a format code like `dd/mm/yyyy` shows a number as; None for a number."""
    bare = LITERALS.sub("", code).partition(";")[0]
    if DURATION_CODE.search(bare):
        return Format.DURATION
    letters = frozenset(letter.lower() for letter in LETTERS.findall(bare))
    return Format.MOMENT if letters & MOMENT_LETTERS and letters <= MOMENT_LETTERS_TOO else None


def number(raw: str) -> str:
    """Return a number without an exponent, 120.0 as 120; what is no number, as it is."""
    if WHOLE.fullmatch(raw):
        return raw
    value = _value(raw)
    if value is None:
        return raw
    shown = format(Decimal(format(value, f".{DIGITS}g")), "f")
    return "0" if shown == "-0" else shown


def formatted(raw: str, shown_as: Format, from_1904: bool) -> str:
    """Return a date and time, or a time, or hours; a number when it is too large or too small for that."""
    days = _value(raw)
    if days is None or not -DAYS_MAX < days < DAYS_MAX:
        return number(raw)
    milliseconds = round(days * MILLISECONDS_A_DAY)
    if shown_as is Format.DURATION:
        return f"{'-' if milliseconds < 0 else ''}{_clock(abs(milliseconds))}"
    if milliseconds < 0:
        return number(raw)
    if milliseconds < MILLISECONDS_A_DAY and not from_1904:
        return _clock(milliseconds)
    epoch = EPOCH_1904 if from_1904 else EPOCH + timedelta(days=days < FIRST_OF_MARCH_1900)
    try:
        moment = epoch + timedelta(milliseconds=milliseconds)
    except OverflowError:  # the last four years of the calendar, counted from 1904
        return number(raw)
    time = _clock(milliseconds % MILLISECONDS_A_DAY)
    return f"{moment:%Y-%m-%d}" if time == "00:00:00" else f"{moment:%Y-%m-%d} {time}"


def moment(raw: str) -> str:
    """Return a date that is written in ISO 8601 already, with a blank before the time, and without a time of 0."""
    date, _, time = raw.partition("T")
    return f"{date} {time}" if time.strip("0:.Z") else date


def truth(raw: str) -> str:
    """Return TRUE or FALSE; what is neither, as it is."""
    return TRUTHS.get(raw, raw)


TRUTHS: Mapping[str, str] = {"1": "TRUE", "0": "FALSE", "true": "TRUE", "false": "FALSE"}


def _value(raw: str) -> float | None:
    value = float(raw) if NUMBER.fullmatch(raw.strip()) else math.nan
    return value if math.isfinite(value) else None


def _clock(milliseconds: int) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}{f'.{thousandths:03}' if thousandths else ''}"
