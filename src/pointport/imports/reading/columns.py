"""Which columns of a file hold the e-mail addresses and the points, as far as the file tells (design.md 4).

Three witnesses are heard, in this order: the whole heading row, when it is that of another system's file
(`systems.py`); single headings (`headings.py`); the cells of the first rows (`cells.py`). The cells may overrule a
heading: a column called "Email" without an address in it gives way to one that has them. Two columns that may each be
meant are no suggestion, for a number from the wrong column becomes somebody's balance.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pointport.imports.reading import cells, headings, systems
from pointport.imports.reading.cells import Column, listed
from pointport.imports.reading.systems import KnownFile
from pointport.imports.shapes import Notice, Suggestion

MEANINGS: dict[headings.LookAlike, str] = {
    "spent": "is points that are already spent",
    "pending": "is points that cannot be spent yet",
    "lifetime": "may be all points so far, with those already spent",
    "expired": "is points that have expired",
    "money": "is money",
    "addition": "is points to add, and no balance",
    "rate": "is a rate",
}
"""What a column is that could be taken for the balance, by its heading."""


@dataclass(frozen=True)
class Choice:
    """A column or none, the clause that says why, and whether a person has to choose among several."""

    column: Column | None
    clause: str
    among_several: bool = False


@dataclass(frozen=True)
class Found:
    """All that was found out about the columns of a file."""

    columns: Sequence[Column]
    known: KnownFile | None
    email: Choice
    points: Choice

    @property
    def kind(self) -> str | None:
        """What the rows of a known file hold."""
        return self.known.kind if self.known else None

    def note(self, *kinds: str) -> str:
        """Return the note of a known file of one of these kinds, with a blank behind it."""
        return f"{self.known.note} " if self.known and self.known.note and self.known.kind in kinds else ""


def suggest(header: Sequence[str], rows: Sequence[Sequence[str]], *, heading_line: int) -> Suggestion:
    """Return the columns that are meant without doubt, why, and what to beware of.

    `rows` are the first data rows; there may be none, and they may be shorter or longer than the header.
    """
    columns = cells.columns(header, rows)
    known = systems.recognise(header)
    email = _email(columns, known)
    points = _points([column for column in columns if column != email.column], known)
    found = Found(columns, known, email, points)
    return Suggestion(
        email=email.column.index if email.column else None,
        points=points.column.index if points.column else None,
        why=_why(found),
        system=known.system if known else None,
        notices=tuple(Notice(code, heading_line, message) for code, say in NOTICES if (message := say(found))),
    )


# --- The e-mail address -----------------------------------------------------------------------------------------------


def _email(columns: Sequence[Column], known: KnownFile | None) -> Choice:
    named = _named(columns, known, known.email if known else (), headings.EMAIL_ALIASES, _holds_email)
    holding = [column for column in named if _holds_email(column)]
    by_content = None if holding else _email_by_content(columns, named)
    if by_content:
        return by_content
    sure = holding or [column for column in named if column.name not in headings.ADDRESS_ID_ALIASES]
    if sure:
        return _settled(named, sure, "the e-mail address", "no e-mail addresses")
    ids = f" ({listed(named)} {_verb('holds', named)} none)" if named else ""
    return Choice(None, f"no column of e-mail addresses was found{ids}")


def _holds_email(column: Column) -> bool:
    """Tell whether cells bear out a heading that leads to the address; an id takes more of them than "Email" does."""
    return column.holds_addresses if column.name in headings.ADDRESS_ID_ALIASES else bool(column.addresses)


def _email_by_content(columns: Sequence[Column], named: Sequence[Column]) -> Choice | None:
    """Return the column whose cells are addresses, when no heading leads to one; None when no column's are."""
    holding = [c for c in columns if c.holds_addresses and not headings.ANOTHER_ADDRESS.search(c.name)]
    preferred = [column for column in holding if column.name in headings.ADDRESS_ID_ALIASES] or holding
    if len(preferred) == 1:
        unlike = f", unlike {listed(named)}" if named else ""
        return Choice(preferred[0], f"{preferred[0].shown} holds e-mail addresses{unlike}")
    if preferred:
        return Choice(
            None, f"{listed(preferred)} each hold e-mail addresses, so you have to choose", among_several=True
        )
    return None


# --- The points -------------------------------------------------------------------------------------------------------


def _points(columns: Sequence[Column], known: KnownFile | None) -> Choice:
    named = _named(columns, known, known.points if known else (), headings.POINTS_ALIASES, lambda c: c.numeric > 0)
    in_money = any(column.name in headings.CURRENCY_COLUMNS for column in columns)
    money = [c for c in named if cells.is_money(c) or (in_money and c.name in headings.MAY_BE_MONEY)]
    wordy = [column for column in named if column.holds_words]
    fitting = [column for column in named if column not in money and column not in wordy]
    if fitting:
        holding = [column for column in fitting if column.numeric]
        return _settled(fitting + wordy if holding else fitting, holding or fitting, "the points", "no numbers")
    against = [f"{column.shown} is money" for column in money]
    against += [f"{column.shown} holds no numbers" for column in wordy]
    if known and known.kind == "money":
        against = [
            f"{c.shown} is money in this file" for c in columns if c.name in known.names & headings.POINTS_ALIASES
        ]
    if money or (known and not (known.match == "row" and known.points)):
        return Choice(None, _no_points(columns, against))
    return _points_by_content(columns, against)


def _points_by_content(columns: Sequence[Column], against: Sequence[str]) -> Choice:
    """Return the only column of whole numbers that may be a balance.

    Where headings speak of other points, a heading has to speak of these: beside "Points spent" another column is not
    the balance just because it holds whole numbers.
    """
    alike = [column for column in columns if headings.look_alike(column.name)]
    whole = [
        column
        for column in columns
        if column not in alike and not headings.SOMETHING_ELSE.search(column.name) and cells.is_whole(column)
    ]
    fitting = [column for column in whole if not cells.other_than_points(column)]
    speaking = [column for column in fitting if headings.SPEAKS_OF_POINTS.search(column.name)]
    candidates = speaking or ([] if alike else fitting)
    because = f" ({'; '.join(against)})" if against else ""
    if len(candidates) == 1:
        of_points = " whose heading speaks of points" if speaking and len(fitting) > 1 else ""
        return Choice(candidates[0], f"{candidates[0].shown} is the only column of whole numbers{of_points}{because}")
    if candidates:
        clause = f"{listed(candidates)} each hold whole numbers, so you have to choose{because}"
        return Choice(None, clause, among_several=True)
    unlike = [f"{c.shown} looks like {looks}" for c in whole if (looks := cells.other_than_points(c))]
    return Choice(None, _no_points(columns, [*against, *unlike]))


def _no_points(columns: Sequence[Column], against: Sequence[str]) -> str:
    meanings = [f"{c.shown} {MEANINGS[meaning]}" for c in columns if (meaning := headings.look_alike(c.name))]
    reasons = "; ".join([*against, *meanings][: cells.COLUMNS_SHOWN])
    return "no column of points was found" + (f" ({reasons})" if reasons else "")


# --- Of several columns -----------------------------------------------------------------------------------------------


def _named(
    columns: Sequence[Column],
    known: KnownFile | None,
    preferred: Sequence[str],
    aliases: frozenset[str],
    bears_out: Callable[[Column], bool],
) -> list[Column]:
    """Return the columns that headings lead to: those that the known file names, else those with an alias.

    Of the headings that a known file names, the first counts whose cells bear it out. What a known file has for
    something else, no alias may claim.
    """
    names = [headings.canonical(heading) for heading in preferred]
    places = [place for name in names if (place := [column for column in columns if column.name == name])]
    if places:
        return next((place for place in places if any(map(bears_out, place))), places[0])
    return [column for column in columns if column.name in aliases and not (known and column.name in known.names)]


def _settled(named: Sequence[Column], candidates: Sequence[Column], what: str, nothing: str) -> Choice:
    """Choose, of the columns with a fitting heading, the only one that the cells leave as a candidate."""
    if len(candidates) > 1:
        return Choice(None, f"{listed(candidates)} may each be {what}, so you have to choose", among_several=True)
    others = [column for column in named if column not in candidates]
    unlike = f" ({listed(others)} {_verb('holds', others)} {nothing})" if others else ""
    return Choice(candidates[0], f"{candidates[0].shown} names {what}{unlike}")


# --- What is said -----------------------------------------------------------------------------------------------------


def _why(found: Found) -> str:
    email, points, known = found.email.clause, found.points.clause, found.known
    if known:
        others = f" ({_and(known.others)} write the same)" if known.others else ""
        note = f" {known.note}" if known.note and _has_a_note_on_the_columns(known, found) else ""
        return f"The headings are those of the {known.file} of {known.system}{others}: {email}, and {points}.{note}"
    if found.columns and all(column.shown == f'"Column {column.index + 1}"' for column in found.columns):
        return f"The file has no headings: {email}, and {points}."
    return f"{_sentence(email)} {_sentence(points)}"


def _has_a_note_on_the_columns(known: KnownFile, found: Found) -> bool:
    """Tell whether the note is about the columns that were found; a note on what is lacking is said with a notice."""
    lacks_nothing = known.email and known.points and found.email.column and found.points.column
    return known.kind == "balances" and bool(lacks_nothing)


def _no_email_column(found: Found) -> str:
    if found.email.column:
        return ""
    if found.email.among_several:
        return f"{_sentence(found.email.clause)} Choose the column of the customers' own addresses."
    return (
        f"{_sentence(found.email.clause)} {found.note('balances', 'people')}Points go to customers by their e-mail"
        " address: choose the column that holds it, or add one and upload the file again."
    )


def _no_points_column(found: Found) -> str:
    if found.points.column:
        return ""
    if found.points.among_several:
        return f"{_sentence(found.points.clause)} Choose the column of the points that customers can spend now."
    return (
        f"{_sentence(found.points.clause)} {found.note('balances', 'people')}Choose the column of the points that"
        " customers can spend now, or add one and upload the file again."
    )


def _money_not_points(found: Found) -> str:
    if found.kind == "money":
        return found.note("money").strip()
    money = [c for c in found.columns if headings.look_alike(c.name) == "money"]
    in_money = any(c.name in headings.CURRENCY_COLUMNS for c in found.columns)
    money += [
        c
        for c in found.columns
        if (c.name in headings.POINTS_ALIASES and cells.is_money(c)) or (in_money and c.name in headings.MAY_BE_MONEY)
    ]
    chosen = found.points.column
    if money and chosen:
        return f"{listed(money)} {_verb('is', money)} money, not points, and {_verb('is', money)} not imported."
    if money:
        return (
            f"{listed(money)} {_verb('is', money)} money, not points. To turn it into points, add a column that holds it"
            " times the points that a unit of money is worth, and choose that."
        )
    if chosen and chosen.name == "loyalty balance" and not found.known:
        return f"{chosen.shown} is money, not points, in files of Lightspeed (Vend): look at the numbers before you import."
    return ""


def _ledger(found: Found) -> str:
    """Say that a person has several rows, which are added up only when somebody chooses so."""
    if found.kind == "ledger":
        sums = ": choose SUM for duplicates, and they are added up"
        no_sums = ", which cannot be added up as they are"
        what = sums if found.points.column else no_sums
        return f"It is a ledger with several rows per person{what}. {found.note('ledger')}".strip()
    if found.kind == "parts":
        return f"{found.note('parts')}A person may have several rows: choose SUM for duplicates to add them up."
    email, points = found.email.column, found.points.column
    beside = [c for c in found.columns if c not in (email, points) and headings.is_of_movements(c.name)]
    if not beside or not email or len(set(email.addresses)) == len(email.addresses):
        return ""
    running = ""
    if points and headings.STANDING.search(points.name):
        running = f" But if {points.shown} is what was left after each row, choose FIRST or LAST."
    return (
        f"Addresses stand in several rows, with {listed(beside)} beside them, so this looks like a ledger: choose SUM for"
        f" duplicates, and the rows of a person are added up.{running}"
    )


def _deltas(found: Found) -> str:
    chosen = found.points.column
    if found.kind == "additions":
        return f"{found.note('additions')}To add the numbers to what customers have, choose the mode ADD."
    if chosen and found.kind != "ledger" and headings.look_alike(chosen.name) == "addition":
        return f"{chosen.shown} is added to what customers have: choose the mode ADD."
    if chosen and found.kind != "ledger" and cells.holds_negative(chosen):
        return f"{chosen.shown} has numbers below zero, which no balance is. If they are changes, choose the mode ADD."
    changes = [c for c in found.columns if headings.look_alike(c.name) == "addition"]
    if changes and not chosen:
        return (
            f"{listed(changes)} {_verb('is', changes)} points to add: to add them, choose that column and the mode ADD."
        )
    return ""


def _spent_or_pending(found: Found) -> str:
    """Say that history stays out: people have been told to take the spent points off, which are off already."""
    meanings = ("spent", "pending", "lifetime", "expired")
    chosen = found.points.column
    beside = [c for c in found.columns if c is not chosen and headings.look_alike(c.name) in meanings]
    if not chosen or not beside:
        return ""
    left_out = f"{listed(beside)} {_verb('is', beside)} not imported"
    return f"{left_out}, and nothing is taken off {chosen.shown}, which is what is left."


NOTICES: tuple[tuple[str, Callable[[Found], str]], ...] = (
    ("NO_EMAIL_COLUMN", _no_email_column),
    ("NO_POINTS_COLUMN", _no_points_column),
    ("MONEY_NOT_POINTS", _money_not_points),
    ("LEDGER", _ledger),
    ("DELTAS", _deltas),
    ("SPENT_OR_PENDING", _spent_or_pending),
)
"""The code of each notice and what it says about a file; nothing when it has nothing to say."""


def _sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:]}."


def _and(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _verb(of_one: Literal["is", "holds"], subjects: Sequence[Column]) -> str:
    return of_one if len(subjects) == 1 else {"is": "are", "holds": "hold"}[of_one]
