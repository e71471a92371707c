"""What the user chose at execute (design.md 8): how a value counts, and when better not to go on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from pointport.errors import InvalidRequest, Violation

DESCRIPTION = "Imported balance"
DESCRIPTION_CHARACTERS_MAX = 100
"""As long as a transaction's may be (contract.md 6.3)."""


class Mode(StrEnum):
    """What a value does to a balance."""

    SET = "SET"
    """The balance becomes the value."""
    ADD = "ADD"
    """The value is added; a negative one is taken away, down to a balance of 0."""


class Duplicates(StrEnum):
    """What becomes of several rows of one customer."""

    REJECT = "REJECT"
    """All of them fail, since no order between them is right."""
    FIRST = "FIRST"
    LAST = "LAST"
    SUM = "SUM"
    MAX = "MAX"


class UnknownContacts(StrEnum):
    """What becomes of a row whose address nobody has."""

    REJECT = "REJECT"
    CREATE = "CREATE"


@dataclass(frozen=True)
class Options:
    """What the user chose; a guard rail that is None is not there.

    A breach of a guard rail stops the import before its first write.
    """

    mode: Mode = Mode.SET
    duplicates: Duplicates = Duplicates.REJECT
    unknown_contacts: UnknownContacts = UnknownContacts.REJECT
    atomic: bool = False
    """All good rows in one transaction, or none."""
    fail_if_more_than: int | None = None
    """Failed rows that are put up with."""
    max_points_per_row: int | None = None
    """Largest value of a row, whatever its sign."""
    max_total_change: int | None = None
    """Largest sum of all changes, each without its sign."""
    max_accounts_changed_percent: int | None = None
    """Largest share of the accounts that there are whose balance changes."""
    description: str | None = None
    """What each transaction says; None: DESCRIPTION."""
    allow_repeat: bool = False
    """Add the points of a file that was added before."""
    notify: bool = True
    """Tell those who subscribed to events of accounts."""

    @property
    def adds(self) -> bool:
        """Whether values are added."""
        return self.mode is Mode.ADD

    @property
    def has_guard_rails(self) -> bool:
        """Whether the changes have to be measured before the first of them."""
        return (self.max_points_per_row, self.max_total_change, self.max_accounts_changed_percent) != (None,) * 3

    @property
    def judging(self) -> tuple[Any, ...]:
        """What decides about rows: a preview holds for an import that has the same."""
        return (self.mode, self.duplicates, self.unknown_contacts)

    def chosen(self) -> dict[str, Any]:
        """Return what is not as by default, as it is kept in the database."""
        default = asdict(DEFAULT)
        return {name: value for name, value in asdict(self).items() if value != default[name]}


DEFAULT = Options()
"""What those get who choose nothing."""

KINDS = MappingProxyType({"mode": Mode, "duplicates": Duplicates, "unknown_contacts": UnknownContacts})


def from_chosen(chosen: Mapping[str, Any]) -> Options:
    """Return the options that `chosen` gave."""
    known = {name: chosen[name] for name in Options.__dataclass_fields__ if name in chosen}
    for name, kind in KINDS.items():
        if name in known:
            known[name] = kind(known[name])
    return Options(**known)


def refuse_contradictions(options: Options) -> None:
    """Raise InvalidRequest for options that cannot be meant together."""
    if options.allow_repeat and not options.adds:
        raise InvalidRequest(
            Violation(
                "options.allowRepeat",
                "goes with the mode ADD alone: to set balances a second time changes nothing",
                "FIELD_NOT_ALLOWED",
            )
        )
    per_row, in_all = options.max_points_per_row, options.max_total_change
    if options.adds and per_row is not None and in_all is not None and per_row > in_all:
        raise InvalidRequest(
            Violation(
                "options.maxPointsPerRow",
                f"is {per_row}, but all rows together may change no more than the {in_all} of maxTotalChange",
                "MAX",
                {"threshold": in_all},
            )
        )
