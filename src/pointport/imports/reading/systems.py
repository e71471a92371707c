"""Files of other systems, known by their whole heading row.

The files are data: `systems.toml` beside this module holds the documented heading rows, each with its source. The same
word means different things in different files (`loyalty_balance` is points in one and dollars in another), so the whole
row is looked at before any single heading.
"""

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pointport.imports.reading.headings import canonical

Match = Literal["row", "start", "any order", "subset"]
MATCHES: tuple[Match, ...] = get_args(Match)
"""How a heading row is compared, the strictest first; `systems.toml` says what each asks for."""

Kind = Literal["balances", "parts", "additions", "ledger", "money", "people"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What the rows of a file hold; `systems.toml` explains the words."""


@dataclass(frozen=True)
class KnownFile:
    """A file of another system, as its entry in `systems.toml` describes it.

    `headings` are verbatim, in the documented order. `email` and `points` are headings among them, the preferred first;
    empty when the file has no such column, or when no single column holds what is meant.
    """

    system: str
    file: str
    match: Match
    headings: tuple[str, ...]
    needs: tuple[str, ...]
    needs_one: tuple[str, ...]
    email: tuple[str, ...]
    points: tuple[str, ...]
    kind: Kind
    note: str
    others: tuple[str, ...]
    source: str

    @property
    def names(self) -> frozenset[str]:
        """The documented headings as they are compared."""
        return frozenset(_compared(self.headings))


@functools.cache
def known_files() -> tuple[KnownFile, ...]:
    """Return all entries of `systems.toml`, in its order."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return tuple(_known_file(entry) for entry in tomllib.loads(text)["file"])


def recognise(header: Sequence[str]) -> KnownFile | None:
    """Return the file that has this heading row: the one that explains most of it, and of equals the strictest."""
    row = _without_blank_end([canonical(heading) for heading in header])
    found = [known for known in known_files() if _matches(known, row)]
    return max(found, key=lambda known: _specificity(known, row), default=None)


def _known_file(entry: Mapping[str, Any]) -> KnownFile:
    headings = tuple(heading.strip() for heading in entry["headings"].split(","))
    return KnownFile(
        system=entry["system"],
        file=entry["file"],
        match=entry["match"],
        headings=headings,
        needs=tuple(entry.get("needs", headings)),
        needs_one=tuple(entry.get("needs_one", ())),
        email=tuple(entry["email"]),
        points=tuple(entry["points"]),
        kind=entry["kind"],
        note=entry.get("note", ""),
        others=tuple(entry.get("others", ())),
        source=entry["source"],
    )


def _matches(known: KnownFile, row: Sequence[str]) -> bool:
    documented = list(_compared(known.headings))
    if known.match == "row":
        return row == documented
    if known.match == "start":
        return row[: len(documented)] == documented
    present = frozenset(row)
    needed = present.issuperset(_compared(known.needs))
    one_needed = not known.needs_one or not present.isdisjoint(_compared(known.needs_one))
    nothing_else = known.match == "any order" or present <= frozenset(documented)
    return needed and one_needed and nothing_else


def _specificity(known: KnownFile, row: Sequence[str]) -> tuple[int, int]:
    """How many headings of the row the file explains, and how strictly it was compared."""
    return sum(name in known.names for name in row), -MATCHES.index(known.match)


@functools.cache
def _compared(documented: tuple[str, ...]) -> tuple[str, ...]:
    """Return documented headings as they are compared; kept, since every file is compared with all of them."""
    return tuple(canonical(heading) for heading in documented)


def _without_blank_end(row: list[str]) -> list[str]:
    """Spreadsheets leave delimiters behind the last heading; they are no columns."""
    while row and not row[-1]:
        row = row[:-1]
    return row
