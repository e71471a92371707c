"""What must become of imports, undos and retries, told in plain Python: the other set of books.

Nothing here asks the program. Contacts are known by their ids, rows by their lines, and a chunk is what the next
positions are, in the order of the contacts.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from uuid import UUID

from tests.database.test_model import MISSING, NO_ADDRESS, points_in

POINTS_MAX = 999_999_999
COLUMNS = 3
NEGATIVE = {"-1": -1, "\u22125": -5, "-120": -120}


class Outcome(NamedTuple):
    """What became of a row."""

    outcome: str
    problem: str | None = None
    before: int | None = None
    after: int | None = None


class Planned(NamedTuple):
    """A row that is lined up."""

    line: int
    contact_id: UUID | None
    """None where the contact is to be made."""
    email: str
    points: int


class Judged(NamedTuple):
    """A row after its cells were judged."""

    line: int
    email: str | None
    points: int
    problem: str | None


class Stopped(Exception):
    """An import had better not go on; the argument is the reason."""


@dataclass
class World:
    """Contacts by address, and the balances of those who have an account."""

    contacts: dict[str, UUID] = field(default_factory=dict)
    balances: dict[UUID, int] = field(default_factory=dict)

    def by_email(self) -> dict[str, int]:
        """Return the balances by address."""
        return {email: self.balances[one] for email, one in self.contacts.items() if one in self.balances}


@dataclass
class Undo:
    """An import being taken back."""

    id: UUID
    policy: str
    status: str = "RUNNING"
    reversals: dict[int, int] = field(default_factory=dict)
    problems: dict[int, str] = field(default_factory=dict)
    chunks: list[list[Planned]] | None = None

    def summary(self, entries: Mapping[int, tuple[UUID, int]]) -> dict[str, Any]:
        """Return what is said of it."""
        amounts = self.reversals
        reasons = Counter(self.problems.values())
        return {
            "entries": len(entries),
            "reversed": sum(amounts.get(line) == -amount for line, (_, amount) in entries.items()),
            "kept": reasons["POINTS_SPENT"] + sum(amounts[line] != -entries[line][1] for line in amounts),
            "impossible": reasons["LATER_IMPORT"] + reasons["BALANCE_TOO_LARGE"],
            "points_added": sum(amount for amount in amounts.values() if amount > 0),
            "points_removed": -sum(amount for amount in amounts.values() if amount < 0),
            "reasons": dict(reasons),
        }


@dataclass
class Import:
    """One file, what was chosen, and what has become of its rows."""

    id: UUID
    rows: dict[int, list[str]]
    options: dict[str, Any]
    chunk_rows: int
    sessions: int
    root: "Import | None" = None
    root_lines: dict[int, int] = field(default_factory=dict)
    retries: list["Import"] = field(default_factory=list)
    """Of the first of a family: all that came of it."""
    status: str = "IMPORTING"
    reason: str | None = None
    cancelled: bool = False
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    entries: dict[int, tuple[UUID, int]] = field(default_factory=dict)
    unchanged: dict[int, UUID] = field(default_factory=dict)
    accounts_created: int = 0
    was_staged: bool = False
    chunks: list[list[Planned]] | None = None
    """Those that are left; None while the rows are not lined up."""
    ready_rows: int = 0
    merged: dict[int, list[int]] = field(default_factory=dict)
    """The lines that a line stands for."""
    undo: Undo | None = None
    foreseen: dict[int, Outcome] | None = None

    @property
    def adds(self) -> bool:
        """Whether points are added."""
        return bool(self.options.get("mode") == "ADD")

    @property
    def ended(self) -> bool:
        """Whether it has come to its end."""
        return self.status != "IMPORTING"

    @property
    def family(self) -> "Import":
        """The first import of its family."""
        return self.root or self

    def failed_lines(self) -> set[int]:
        """Return the lines that did not go through."""
        return {line for line, row in self.outcomes.items() if row.problem}

    def open_lines(self) -> set[int]:
        """Return the failed lines that nobody has mended yet."""
        mended = self.family.mended()
        return {line for line in self.failed_lines() if self.root_lines.get(line, line) not in mended}

    def mended(self) -> set[int]:
        """Return the lines of the first of a family that have gone through in a later one."""
        return {
            root_line
            for retry in self.retries
            for line, root_line in retry.root_lines.items()
            if line in retry.outcomes and not retry.outcomes[line].problem
        }


# --- An import ----------------------------------------------------------------------------------------------------------


def cut(rows: list[Planned | None], *, chunk_rows_max: int, sessions: int) -> list[list[Planned]]:
    """Cut positions into chunks of even size; a position may have nothing to apply."""
    if not rows:
        return []
    chunks = max(-(-len(rows) // chunk_rows_max), 1)
    if chunks > 1:
        chunks = -(-chunks // sessions) * sessions
    size = max(-(-len(rows) // chunks), 1)
    return [[row for row in rows[first : first + size] if row] for first in range(0, len(rows), size)]


def judge_cells(this: Import, same: Mapping[str, str]) -> list[Judged]:
    """Judge each row by its own cells; `same` gives the address that a spelling stands for."""
    column = [cells[1] for cells in this.rows.values() if len(cells) > 1]

    def judge(line: int, cells: list[str]) -> Judged:
        email = same.get(cells[0])
        if len(cells) < 2:
            return Judged(line, email, 0, "CELL_MISSING")
        if any(cell.strip() for cell in cells[COLUMNS:]):
            return Judged(line, email, 0, "CELL_EXTRA")
        if email is None:
            assert cells[0] in MISSING | NO_ADDRESS
            return Judged(line, None, 0, "EMAIL_MISSING" if cells[0] in MISSING else "EMAIL_INVALID")
        if cells[1] in NEGATIVE:
            return Judged(line, email, NEGATIVE[cells[1]], None if this.adds else "POINTS_NEGATIVE")
        plain = cells[1].isascii() and cells[1].isdigit() and int(cells[1]) <= POINTS_MAX
        points = int(cells[1]) if plain else points_in(cells[1], column)
        return Judged(line, email, 0, points) if isinstance(points, str) else Judged(line, email, points, None)

    return [judge(line, cells) for line, cells in this.rows.items()]


def stage(world: World, this: Import, same: Mapping[str, str]) -> None:
    """Line the rows up, unless they are; the first time, hold the import back when it is too much."""
    if this.ended or this.chunks is not None:
        return
    again, failed_before = this.was_staged, len(this.outcomes)
    judged = judge_cells(this, same)
    for row in judged:
        if row.problem:
            this.outcomes.setdefault(row.line, Outcome("FAILED", row.problem))
    ready = sorted((row for row in judged if row.email), key=lambda row: _order(world, row))
    lined = _settle(world, this, ready, _gone_through(this))
    positions = max((number for number, row in enumerate(lined, 1) if row), default=0)
    this.ready_rows = positions
    this.chunks = cut(
        [row if isinstance(row, Planned) and row.line not in this.outcomes else None for row in lined[:positions]],
        chunk_rows_max=max(positions, 1) if this.options.get("atomic") else this.chunk_rows,
        sessions=1 if this.options.get("atomic") else this.sessions,
    )
    this.was_staged = True
    if not again:
        try:
            _hold_back(world, this, len(this.outcomes) - failed_before)
        except Stopped as stopped:
            end(this, "FAILED", str(stopped), "NOT_REACHED")


def _order(world: World, row: Judged) -> tuple[bool, int, str, int]:
    contact = world.contacts.get(row.email or "")
    return contact is None, contact.int if contact else 0, row.email or "", row.line


def _gone_through(this: Import) -> set[int]:
    return {line for line, row in this.outcomes.items() if row.problem is None}


def _settle(world: World, this: Import, ready: list[Judged], gone_through: set[int]) -> list[Planned | str | None]:
    """Return for each position the row to apply, the problem it has, or None where another row stands for it."""
    duplicates, creates = this.options.get("duplicates", "REJECT"), this.options.get("unknown_contacts") == "CREATE"
    this.merged = {}
    twins: dict[str, list[Judged]] = {}
    for row in ready:
        twins.setdefault(str(row.email), []).append(row)
    settled: dict[int, Planned | str | None] = {}
    for email, rows in twins.items():
        contact = world.contacts.get(email)
        # Who has gone through is known, whatever has become of the address since.
        unknown = contact is None and not creates and not gone_through & {row.line for row in rows}
        problem = "DUPLICATE_EMAIL" if len(rows) > 1 and duplicates == "REJECT" else "CONTACT_NOT_FOUND"
        bad = unknown or problem == "DUPLICATE_EMAIL"
        settled.update({row.line: row.problem or problem for row in rows if row.problem or bad})
        good = [row for row in rows if row.line not in settled]
        if good and len(rows) == 1:
            settled[good[0].line] = Planned(good[0].line, contact, email, good[0].points)
        elif good:
            settled.update(_settle_twins(this, rows, good, contact, duplicates))
    for row in ready:
        found = settled[row.line]
        if isinstance(found, str):
            this.outcomes.setdefault(row.line, Outcome("FAILED", found))
    return [settled[row.line] for row in ready]


def _settle_twins(
    this: Import, rows: list[Judged], good: list[Judged], contact: UUID | None, duplicates: str
) -> dict[int, Planned | str | None]:
    if len(good) < len(rows):
        return {row.line: "TWIN_FAILED" for row in good}
    total = sum(row.points for row in good)
    if duplicates == "SUM" and abs(total) > POINTS_MAX:
        return {row.line: "BALANCE_TOO_LARGE" for row in good}
    first, last = min(good, key=lambda row: row.line), max(good, key=lambda row: row.line)
    most = max(good, key=lambda row: (row.points, -row.line))
    chosen = {"FIRST": first, "LAST": last, "SUM": first._replace(points=total), "MAX": most}[duplicates]
    this.merged[chosen.line] = [row.line for row in good if row.line != chosen.line]
    return {
        row.line: Planned(row.line, contact, str(row.email), chosen.points) if row.line == chosen.line else None
        for row in good
    }


def _hold_back(world: World, this: Import, failed_rows: int) -> None:
    """Raise Stopped for what is too much before the first write."""
    _refuse_failed(this, failed_rows)
    options, rows = this.options, [row for chunk in this.chunks or [] for row in chunk]
    balances = {row.line: world.balances.get(row.contact_id) for row in rows if row.contact_id}
    changes = {row.line: row.points if this.adds else row.points - (balances.get(row.line) or 0) for row in rows}
    breached = False
    if (per_row := options.get("max_points_per_row")) is not None:
        over = [row.line for row in rows if abs(row.points) > per_row]
        this.outcomes.update(dict.fromkeys(over, Outcome("UNPROCESSED", "GUARD_RAIL")))
        breached |= bool(over)
    if (in_all := options.get("max_total_change")) is not None:
        breached |= sum(map(abs, changes.values())) > in_all
    if (percent := options.get("max_accounts_changed_percent")) is not None and world.balances:
        changed = sum(bool(changes[row.line]) and balances.get(row.line) is not None for row in rows)
        breached |= changed * 100 > percent * len(world.balances)
    if breached:
        raise Stopped("GUARD_RAIL")


def _refuse_failed(this: Import, failed_rows: int) -> None:
    limit = this.options.get("fail_if_more_than")
    if limit is not None and failed_rows > limit:
        raise Stopped("TOO_MANY_FAILED_ROWS")


def apply_chunk(world: World, this: Import, make_id: Any) -> bool:
    """Apply the next chunk, all of it or nothing; `make_id` gives the id of the contact that a line makes.

    Raises Stopped, and leaves everything as it was, when too many rows fail.
    """
    if this.ended or this.cancelled or not this.chunks:
        return False
    tried, found = (
        World(dict(world.contacts), dict(world.balances)),
        replace(this, outcomes=dict(this.outcomes), entries=dict(this.entries), unchanged=dict(this.unchanged)),
    )
    failed = 0
    for row in this.chunks[0]:
        found.outcomes[row.line] = _apply(tried, found, row, make_id)
        failed += found.outcomes[row.line].problem is not None
    if failed:
        bad = [line for line, outcome in found.outcomes.items() if outcome.outcome == "FAILED"]
        behind = {line for one in bad for line in this.merged.get(one, []) if line not in found.outcomes}
        _refuse_failed(this, len(bad) + len(behind))
    this.chunks = this.chunks[1:]
    this.outcomes, this.entries, this.unchanged = found.outcomes, found.entries, found.unchanged
    this.accounts_created = found.accounts_created
    world.contacts, world.balances = tried.contacts, tried.balances
    return True


def _apply(world: World, this: Import, row: Planned, make_id: Any) -> Outcome:
    contact = row.contact_id
    before = world.balances.get(contact, 0) if contact else 0
    after = before + row.points if this.adds else row.points
    if after < 0:
        return Outcome("FAILED", "BALANCE_WOULD_BE_NEGATIVE", before)
    if after > POINTS_MAX:
        return Outcome("FAILED", "BALANCE_TOO_LARGE", before)
    if contact is None:
        if row.email in world.contacts:
            return Outcome("FAILED", "CONTACT_CHANGED")
        contact = world.contacts[row.email] = make_id(this.id, row.line)
    elif contact not in world.contacts.values():
        return Outcome("FAILED", "CONTACT_NOT_FOUND")
    this.accounts_created += contact not in world.balances
    world.balances[contact] = after
    if before == after:
        this.unchanged[row.line] = contact
        return Outcome("UNCHANGED", None, before, after)
    this.entries[row.line] = (contact, after - before)
    return Outcome("IMPORTED", None, before, after)


def run(world: World, this: Import, same: Mapping[str, str], make_id: Any) -> None:
    """Bring an import to its end, from wherever it is."""
    stage(world, this, same)
    try:
        while apply_chunk(world, this, make_id):
            pass
    except Stopped as stopped:
        end(this, "FAILED", str(stopped), "NOT_REACHED")
    if this.chunks:
        end(this, "FAILED", "CANCELLED", "CANCELLED")
    end(this, "IMPORTED", None, "")


def stop(world: World, this: Import, same: Mapping[str, str]) -> None:
    """Bring a cancelled import to its end, unless nothing is left to apply."""
    stage(world, this, same)
    if this.chunks:
        end(this, "FAILED", "CANCELLED", "CANCELLED")


def end(this: Import, status: str, reason: str | None, problem: str) -> None:
    """End an import: rows that were not reached have `problem`, and merged ones what the row they are merged into has."""
    if this.ended:
        return
    for chunk in this.chunks or []:
        for row in chunk:
            this.outcomes.setdefault(row.line, Outcome("UNPROCESSED", problem))
    for line, others in this.merged.items():
        chosen = this.outcomes[line]
        shared = Outcome(chosen.outcome, chosen.problem) if chosen.problem else Outcome("MERGED")
        for other in others:
            this.outcomes.setdefault(other, shared)
    this.status, this.reason, this.chunks = status, reason, None


# --- An undo ------------------------------------------------------------------------------------------------------------


def is_set_later(imports: list[Import], this: Import, contact: UUID) -> bool:
    """Tell whether an import after this one has set a contact's balance, and that stands; `imports` come as executed."""
    for later in imports[imports.index(this) + 1 :]:
        if later.adds:
            continue
        undone = later.undo.reversals if later.undo else {}
        if any(one == contact and undone.get(line) != -amount for line, (one, amount) in later.entries.items()):
            return True
        if contact in later.unchanged.values() and not (later.undo and later.undo.status == "DONE"):
            return True
    return False


def stage_undo(imports: list[Import], this: Import, undo: Undo) -> None:
    """Line the entries up, unless they are."""
    if undo.chunks is not None:
        return
    lined: list[Planned | None] = []
    for line, (contact, amount) in sorted(this.entries.items(), key=lambda item: item[1][0].int):
        if line not in undo.reversals and line not in undo.problems and is_set_later(imports, this, contact):
            undo.problems[line] = "LATER_IMPORT"
        done = line in undo.reversals or line in undo.problems
        lined.append(None if done else Planned(line, contact, "", -amount))
    undo.chunks = cut(lined, chunk_rows_max=this.chunk_rows, sessions=this.sessions)


def apply_undo_chunk(world: World, undo: Undo) -> bool:
    """Take the next entries back."""
    if not undo.chunks:
        return False
    for row in undo.chunks.pop(0):
        assert row.contact_id is not None
        balance, amount = world.balances[row.contact_id], row.points
        if balance + amount > POINTS_MAX:
            undo.problems[row.line] = "BALANCE_TOO_LARGE"
            continue
        if balance + amount < 0:
            if undo.policy == "SKIP" or balance == 0:
                undo.problems[row.line] = "POINTS_SPENT"
                continue
            amount = -balance
        undo.reversals[row.line] = amount
        world.balances[row.contact_id] += amount
    return True


def run_undo(world: World, imports: list[Import], this: Import, undo: Undo) -> None:
    """Bring an undo to its end, from wherever it is."""
    stage_undo(imports, this, undo)
    while apply_undo_chunk(world, undo):
        pass
    undo.status, undo.chunks = "DONE", None
