"""The form in which columns and options are chosen: filled from what is known, read, and shown again when it is wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData

from pointport.errors import InvalidRequest, Violation
from pointport.imports.options import (
    DESCRIPTION_CHARACTERS_MAX,
    KINDS,
    Mode,
    Options,
    from_chosen,
    refuse_contradictions,
)
from pointport.imports.record import LoyaltyImport
from pointport.imports.runs import Run
from pointport.imports.shapes import Mapping as Columns

POINTS_IN_ALL_MAX = 2**53 - 1
NUMBERS: Mapping[str, tuple[int, int]] = {
    "fail_if_more_than": (0, POINTS_IN_ALL_MAX),
    "max_points_per_row": (1, POINTS_IN_ALL_MAX),
    "max_total_change": (1, POINTS_IN_ALL_MAX),
    "max_accounts_changed_percent": (1, 100),
}
"""Fields that hold a number or nothing, each with its bounds."""
ADVANCED = frozenset({*NUMBERS, "atomic", "description", "silent"})
BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s.,'\u2019\u00a0\u202f](?=\d{3}(?:\D|\Z))")
"""How people group digits when they type a whole number."""
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
COLUMN = re.compile(r"\d{1,3}")
CONTRADICTIONS: Mapping[str, tuple[str, str]] = {
    "options.maxPointsPerRow": (
        "max_points_per_row",
        "One row may not add more than all rows together may: lower this, or raise the other.",
    ),
    "options.allowRepeat": ("allow_repeat", "This goes with adding alone."),
}


@dataclass(frozen=True)
class Choices:
    """What stands in the form, as text, and what is wrong with it, by field."""

    fields: Mapping[str, str]
    wrong: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def has_advanced(self) -> bool:
        """Whether something that is folded away is chosen, or wrong."""
        return any(self[name] or name in self.wrong for name in ADVANCED)


@dataclass(frozen=True)
class Chosen:
    """Columns and options that can be taken as they are."""

    columns: Columns
    options: Options


def suggested(found: LoyaltyImport) -> Choices:
    """Return the form as it is first shown: the columns that reading the file suggests, and all else as by default."""
    suggestion = (found.detected or {}).get("suggestion", {})
    columns = {name: str(suggestion[name]) for name in ("email", "points") if suggestion.get(name) is not None}
    return Choices({**columns, **_fields(Options())})


def of_run(run: Run) -> Choices:
    """Return the form as it was when a preview was asked for."""
    columns = run.columns
    return Choices({"email": str(columns.email), "points": str(columns.points), **_fields(from_chosen(run.options))})


def read(form: FormData, found: LoyaltyImport) -> Chosen | Choices:
    """Return what is chosen in a form; or the form with what is wrong with it, and everything that was typed."""
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    wrong: dict[str, str] = {}
    columns = _columns(fields, len(found.header or ()), wrong)
    options = _options(fields, wrong)
    if wrong:
        return Choices(fields, wrong)
    try:
        refuse_contradictions(options)
    except InvalidRequest as error:
        return Choices(fields, dict(_contradiction(violation) for violation in error.violations))
    return Chosen(columns, options)


def _contradiction(violation: Violation) -> tuple[str, str]:
    return CONTRADICTIONS.get(violation.field, ("mode", "These choices do not go together."))


def _columns(fields: Mapping[str, str], width: int, wrong: dict[str, str]) -> Columns:
    """Return the chosen columns, and write down what is wrong with them."""
    email, points = (_column(fields.get(name, ""), width) for name in ("email", "points"))
    if email is None:
        wrong["email"] = "Choose the column that holds the e-mail addresses."
    if points is None:
        wrong["points"] = "Choose the column that holds the points."
    elif points == email:
        wrong["points"] = "The same column cannot be both. Choose another one for the points."
    return Columns(email or 0, points or 0)


def _options(fields: Mapping[str, str], wrong: dict[str, str]) -> Options:
    """Return the chosen options, and write down what is wrong with them."""
    values: dict[str, Any] = {}
    for name, (least, most) in NUMBERS.items():
        try:
            values[name] = _whole(fields.get(name, ""), least, most)
        except ValueError as error:
            wrong[name] = str(error)
    for name, kind in KINDS.items():
        try:
            values[name] = kind(fields.get(name, ""))
        except ValueError:
            wrong[name] = "Choose one of these."
    description = UNSTORABLE.sub("", fields.get("description", "")).strip()
    if len(description) > DESCRIPTION_CHARACTERS_MAX:
        wrong["description"] = (
            f"This has {len(description)} characters; {DESCRIPTION_CHARACTERS_MAX} are the most. Shorten it a little."
        )
    return Options(
        **values,
        atomic="atomic" in fields,
        notify="silent" not in fields,
        # To set balances again changes nothing: the question is only asked of who adds.
        allow_repeat=values.get("mode") is Mode.ADD and "allow_repeat" in fields,
        description=description or None,
    )


def _fields(options: Options) -> dict[str, str]:
    numbers = {name: "" if getattr(options, name) is None else str(getattr(options, name)) for name in NUMBERS}
    ticked = {"atomic": options.atomic, "allow_repeat": options.allow_repeat, "silent": not options.notify}
    return {
        "mode": str(options.mode),
        "duplicates": str(options.duplicates),
        "unknown_contacts": str(options.unknown_contacts),
        "description": options.description or "",
        **numbers,
        **{name: "on" for name, is_ticked in ticked.items() if is_ticked},
    }


def _column(text: str, width: int) -> int | None:
    return int(text) if COLUMN.fullmatch(text) and int(text) < width else None


def _whole(text: str, least: int, most: int) -> int | None:
    """Return a whole number, however its digits are grouped; None for nothing. Raises ValueError with what to do."""
    plain = BETWEEN_DIGITS.sub("", text.strip())
    if not plain:
        return None
    if not (plain.isascii() and plain.isdigit()):
        raise ValueError("Write a whole number, like 5000, or leave it empty.")
    if not least <= int(plain[:20]) <= most:
        raise ValueError(
            f"Write a number from {least} to {most}, or leave it empty."
            if most <= 100  # noqa: PLR2004  (percent)
            else f"Write a number of at least {least} that an account could hold, or leave it empty."
        )
    return int(plain)
