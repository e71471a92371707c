"""Numbers as people write them, settled by what their own column shows, never guessed.

`1.234,50` shows by itself that the point groups and the comma divides; `1,234,567` that the comma groups, since it
stands twice; `12,5` that it divides, since not three digits follow. `52,620` alone shows nothing: what it means is
settled by the other numbers of its column, or it stays ambiguous (design.md 4).
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pointport.imports.shapes import NumberFormat
from pointport.ledger.addresses import trimmed

BLANKS = "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
PLAIN = str.maketrans(
    {
        **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
        **dict.fromkeys(BLANKS, " "),
        **dict.fromkeys("\u2019\u02bc\uff07", "'"),
        **dict.fromkeys("\u2212\ufe63\uff0d", "-"),
        "\uff0b": "+",
        "\uff0c": ",",
        "\uff0e": ".",
    }
)
"""Full-width characters and other spellings of blank, apostrophe and minus. Not NFKC, to which a superscript is a digit
too: it would read 5\u00b2 as 52."""

SHAPE = re.compile(r"[+-]?(\d+(?:[., ']\d+)*)", re.ASCII)
RENDERED = re.compile(r"-?\d+\.\d+", re.ASCII)
SIGNS = "., '"
SIGN = re.compile(f"[{SIGNS}]")
GROUP_DIGITS = 3
RUN_CELLS = 100
DIGITS_MAX = 18
"""More digits than this are too many points, whatever the setting; Python and PostgreSQL need not try."""

NOT_A_NUMBER = "POINTS_NOT_A_NUMBER"
AMBIGUOUS = "POINTS_AMBIGUOUS"
NOT_WHOLE = "POINTS_NOT_WHOLE"


@dataclass(frozen=True)
class Unread:
    """A number that cannot be used, the code of the problem, and for an ambiguous one its two readings."""

    problem: str
    grouped: str = ""
    fraction: str = ""


def read(text: str, written: NumberFormat) -> int | Unread:
    """Return the whole number that a trimmed text says, in a column written like that, or why it says none."""
    if text.isascii() and text.isdigit():
        return _whole(text)
    parts = _parts(text)
    if parts is None:
        return Unread(NOT_A_NUMBER)
    negative, digits, signs = parts
    reading = _reading(digits, signs, written)
    if isinstance(reading, Unread):
        minus = "-" if negative and reading.grouped else ""
        return Unread(reading.problem, minus + reading.grouped, minus + reading.fraction)
    whole, fraction = reading
    if fraction.strip("0"):
        return Unread(NOT_WHOLE)
    return -_whole(whole) if negative else _whole(whole)


def settle(cells: Iterable[str], *, is_rendered: bool = False) -> NumberFormat:
    """Look at all cells of a column and return how its numbers are written.

    `is_rendered`: the cells are of a workbook, whose numbers we have written ourselves. A point in them shows nothing of
    how people write the texts beside them.
    """
    rest = iter(cells)
    runs = iter(lambda: list(itertools.islice(rest, RUN_CELLS)), [])
    return settle_runs(runs, is_rendered=is_rendered)


def settle_runs(runs: Iterable[Sequence[str]], *, is_rendered: bool = False) -> NumberFormat:
    """Return the same of a column whose cells come in runs, which are quicker to look at than single ones."""
    group: set[str] = set()
    decimal: set[str] = set()
    evidence, unshown = "", False
    for cell in itertools.chain.from_iterable(filter(_may_have_signs, runs)):
        if (cell.isascii() and cell.isdigit()) or (is_rendered and RENDERED.fullmatch(cell)):
            continue
        text = trimmed(cell)
        parts = _parts(text)
        if parts is None or not parts[2]:
            continue
        shown = _shown(parts[1], parts[2])
        if shown is None:
            unshown = True
        elif not (shown[0] <= group and shown[1] <= decimal):
            group |= shown[0]
            decimal |= shown[1]
            evidence = evidence or f'"{text}"'
    evidence = evidence or ("no number shows it" if unshown else "plain digits")
    return NumberFormat(frozenset(group), frozenset(decimal), evidence)


def _may_have_signs(cells: Iterable[str]) -> bool:
    """Tell whether a number among these cells may have a sign in it; only those show something."""
    joined = "".join(cells)
    return not joined.isascii() or any(sign in joined for sign in SIGNS)


def _whole(digits: str) -> int:
    significant = digits.lstrip("0")
    return int(significant[: DIGITS_MAX + 1] or "0")


def _parts(text: str) -> tuple[bool, list[str], list[str]] | None:
    """Return sign, runs of digits and the separators between them; None for what has not the shape of a number."""
    plain = text if text.isascii() else text.translate(PLAIN)
    match = SHAPE.fullmatch(plain)
    if match is None:
        return None
    return plain.startswith("-"), SIGN.split(match[1]), SIGN.findall(match[1])


def _groups(digits: list[str]) -> bool:
    """Tell whether runs of digits can be groups: one to three that are not just 0, then three each.

    In India the last three are a group, and every two before them.
    """
    first, *others = digits
    if len(first) > GROUP_DIGITS or first == "0":
        return False
    if all(len(run) == GROUP_DIGITS for run in others):
        return True
    *inner, last = others
    return (
        len(first) < GROUP_DIGITS and len(last) == GROUP_DIGITS and all(len(run) == GROUP_DIGITS - 1 for run in inner)
    )


def _shown(digits: list[str], signs: list[str]) -> tuple[frozenset[str], frozenset[str]] | None:
    """Return the grouping and the decimal signs that one number shows by itself; None when it shows none."""
    kinds = set(signs)
    first, last = signs[0], signs[-1]
    if len(kinds) == 1:
        if _groups(digits) and (len(signs) > 1 or first in " '"):
            return frozenset({first}), frozenset()
        if len(signs) == 1 and first in ".," and not _groups(digits):
            return frozenset(), frozenset({first})
        return None
    if kinds == {first, last} and signs.count(last) == 1 and last in ".," and _groups(digits[:-1]):
        return frozenset({first}), frozenset({last})
    return None


def _reading(digits: list[str], signs: list[str], written: NumberFormat) -> tuple[str, str] | Unread:
    """Return the digits before and after the decimal sign."""
    if not signs:
        return digits[0], ""
    shown = _shown(digits, signs)
    if shown is not None:
        return ("".join(digits[:-1]), digits[-1]) if shown[1] else ("".join(digits), "")
    if len(signs) > 1 or signs[0] not in ".,":
        return Unread(NOT_A_NUMBER)
    sign = signs[0]
    other = "," if sign == "." else "."
    # Point and comma tell of each other: where one divides the other groups. A blank that groups tells of neither.
    groups = sign in written.group or (not written.group and other in written.decimal)
    divides = sign in written.decimal or (not written.decimal and other in written.group)
    if groups and not divides:
        return "".join(digits), ""
    if divides and not groups:
        return digits[0], digits[1]
    return Unread(AMBIGUOUS, grouped="".join(digits), fraction=".".join(digits))
