"""The options of an import: how a value counts, and when better not to go on. Their names here and in the API."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

NAMES: Mapping[str, str] = {
    "mode": "--mode",
    "duplicates": "--duplicates",
    "unknownContacts": "--unknown-contacts",
    "atomic": "--atomic",
    "failIfMoreThan": "--fail-if-more-than",
    "maxPointsPerRow": "--max-points-per-row",
    "maxTotalChange": "--max-total-change",
    "maxAccountsChangedPercent": "--max-accounts-changed",
    "description": "--description",
    "allowRepeat": "--allow-repeat",
    "notify": "--no-notify",
}
"""What the API calls an option, and what it is called here."""

FIELDS: Mapping[str, str] = {f"options.{field}": option for field, option in NAMES.items()}
"""The same by their places in a request."""

DEFAULTS: Mapping[str, Any] = {
    "mode": "SET",
    "duplicates": "REJECT",
    "unknownContacts": "REJECT",
    "atomic": False,
    "allowRepeat": False,
    "notify": True,
}
"""What goes without saying."""


class ModeName(StrEnum):
    """What a value does to a balance."""

    SET = "set"
    ADD = "add"


class DuplicatesName(StrEnum):
    """What becomes of several rows of one customer."""

    REJECT = "reject"
    FIRST = "first"
    LAST = "last"
    SUM = "sum"
    MAX = "max"


class UnknownContactsName(StrEnum):
    """What becomes of a row whose address nobody has."""

    REJECT = "reject"
    CREATE = "create"


Mode = Annotated[
    ModeName,
    typer.Option(case_sensitive=False, help="Set balances to the values of FILE, or add the values: set, add."),
]
Duplicates = Annotated[
    DuplicatesName,
    typer.Option(
        case_sensitive=False,
        help="Which of several rows of one customer counts: reject (none, all of them fail), first, last, sum, max.",
    ),
]
UnknownContacts = Annotated[
    UnknownContactsName,
    typer.Option(
        case_sensitive=False,
        help="A row whose address no customer has: reject (it fails), create (the customer is made).",
    ),
]
Atomic = Annotated[bool, typer.Option("--atomic", help="Apply all good rows at once, or none.")]
FailIfMoreThan = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="Stop before the first change if more rows than that fail.")
]
MaxPointsPerRow = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Stop before the first change if a row has more points than that."),
]
MaxTotalChange = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Stop before the first change if balances change by more points in all."),
]
MaxAccountsChanged = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100,
        metavar="PERCENT",
        help="Stop before the first change if a larger share of all accounts changes, in percent.",
    ),
]
Description = Annotated[
    str | None, typer.Option(metavar="TEXT", help='What each entry of the ledger says; default: "Imported balance".')
]
AllowRepeat = Annotated[
    bool, typer.Option("--allow-repeat", help="With --mode add: add the points of a file that was added before.")
]
NoNotify = Annotated[bool, typer.Option("--no-notify", help="Tell webhooks of the import, but not of each account.")]


def chosen(
    *,
    mode: ModeName,
    duplicates: DuplicatesName,
    unknown_contacts: UnknownContactsName,
    atomic: bool,
    fail_if_more_than: int | None,
    max_points_per_row: int | None,
    max_total_change: int | None,
    max_accounts_changed: int | None,
    description: str | None,
    allow_repeat: bool,
    no_notify: bool,
) -> dict[str, Any]:
    """Return what was chosen as the API takes it."""
    said = {
        "mode": mode.upper(),
        "duplicates": duplicates.upper(),
        "unknownContacts": unknown_contacts.upper(),
        "atomic": atomic,
        "failIfMoreThan": fail_if_more_than,
        "maxPointsPerRow": max_points_per_row,
        "maxTotalChange": max_total_change,
        "maxAccountsChangedPercent": max_accounts_changed,
        "description": description,
        "allowRepeat": allow_repeat,
        "notify": not no_notify,
    }
    return {name: value for name, value in said.items() if value is not None}


def as_typed(options: Mapping[str, Any]) -> str:
    """Return the options of an import as they would be typed; empty when all of them go without saying."""
    typed = []
    for name, value in options.items():
        if value == DEFAULTS.get(name):
            continue
        if isinstance(value, bool):
            typed.append(NAMES[name])
        else:
            typed.append(f"{NAMES[name]} {_quoted(value)}")
    return " ".join(typed)


def adds(options: Mapping[str, Any] | None) -> bool:
    """Tell whether values are added to balances, instead of set."""
    return (options or {}).get("mode") == "ADD"


def _quoted(value: Any) -> str:
    text = str(value)
    return text.lower() if text.isupper() else text if text.isalnum() else f'"{text}"'
