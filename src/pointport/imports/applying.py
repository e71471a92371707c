"""Stage 5: good rows into the ledger, a chunk at a time.

Chunks share no account, so sessions may apply them side by side.
"""

import functools
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.errors import UniqueViolation

from pointport.imports import in_step, lineup
from pointport.imports.problems import Problem
from pointport.imports.shapes import Applied, Chunk
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)


class WhenNegative(StrEnum):
    """What becomes of a row that would take a balance below 0."""

    REFUSE = "REFUSE"
    """It fails: nobody can give away what they do not have."""
    SKIP = "SKIP"
    """It is left: what was to be taken back is spent."""
    CLAMP = "CLAMP"
    """As much is taken back as there is."""


@dataclass(frozen=True)
class Terms:
    """How rows are applied. Only where points are added can a balance come out that is none."""

    description: str
    points_max: int
    adds: bool = False
    when_negative: WhenNegative = WhenNegative.REFUSE


def apply(
    connection: Connection, site_id: UUID, import_id: UUID, chunk: Chunk, *, terms: Terms, now: datetime
) -> Applied:
    """Apply the lined-up rows of a chunk: entries, balances and outcomes, all or none.

    The number of statements does not depend on the number of rows. Raises RuntimeError when the rows and what became of
    them do not add up, which undoes the chunk: better no answer than a wrong one.
    """
    these = {**_these(site_id, import_id, chunk, terms), "now": now}
    lineup.note_applied(connection, site_id, import_id, chunk, now=now)
    connection.execute(QUERIES["look_up"])
    while True:
        try:
            with connection.transaction():
                return _apply(connection, these, is_dense=chunk.is_dense)
        except _AccountMade:
            connection.execute(QUERIES["find_accounts"], these)
            connection.execute(QUERIES["find_missing_accounts"], these)


def foresee_refusals(connection: Connection, site_id: UUID, import_id: UUID, chunk: Chunk, *, terms: Terms) -> int:
    """Judge the balances that a chunk would leave as they are now, and write down which rows fail; returns how many."""
    return _refuse(connection, _these(site_id, import_id, chunk, terms)) if terms.adds else 0


def _these(site_id: UUID, import_id: UUID, chunk: Chunk, terms: Terms) -> dict[str, Any]:
    return {"site_id": site_id, "import_id": import_id, "first": chunk.first, "last": chunk.last, **asdict(terms)}


def _refuse(connection: Connection, these: dict[str, Any]) -> int:
    if connection.execute(QUERIES["judge_balances"], these).rowcount == 0:
        return 0
    return connection.execute(QUERIES["note_refused"], these).rowcount


def _apply(connection: Connection, these: dict[str, Any], *, is_dense: bool) -> Applied:
    """Apply a chunk in which each row is taken to have an account or not, and where that is wrong, make it right."""
    refused = 0
    if these["adds"]:
        connection.execute(QUERIES["lock_accounts"], these)
        refused = _refuse(connection, these)
    rows = _count(connection, these)
    # Contacts that are made now do not stand among the others.
    walking = is_dense and not rows.new
    write = functools.partial(_write, connection, {**these, **rows.bounds}, walking=walking)
    entries = created = made = lost = unchanged = changed = 0
    if rows.with_account:
        entries = write("write_entries")
    # Fewer entries than rows: some had the balance already, or have no account yet.
    if entries < rows.with_account and write("find_missing_accounts"):
        rows = _count(connection, these)
    if rows.without_account:
        created, lost, made = _make_accounts(connection, {**these, **rows.bounds}, rows, walking=walking)
    # Most chunks change every balance: then there is nothing to look for among the rows.
    if entries + made + lost < rows.good:
        unchanged = write("note_unchanged")
    if entries:
        changed = write("add_balances" if these["adds"] else "set_balances")
    if changed != entries or created + lost != rows.without_account or entries + made + unchanged + lost != rows.good:
        raise RuntimeError(
            f"positions {these['first']}-{these['last']} of import {these['import_id']} do not add up: {rows}, {created}"
            f" accounts, {made} first entries, {entries} others, {changed} balances, {unchanged} unchanged, {lost} lost"
        )
    return Applied(rows=rows.good + refused, accounts_created=created, failed_rows=refused + lost)


def _make_accounts(
    connection: Connection, these: dict[str, Any], rows: "_Rows", *, walking: bool
) -> tuple[int, int, int]:
    """Make the accounts that are missing, with their balances; returns how many, how many rows are lost, and entries.

    Raises _AccountMade when somebody else made one of them.
    """
    if rows.new:
        connection.execute(QUERIES["create_contacts"], these)
    # Where few need one, their contacts are few among all of the chunk.
    are_few = rows.without_account * lineup.DENSE_CUSTOMERS_MAX < rows.good
    lost = 0
    try:
        created = _write(connection, these, "create_accounts", walking=walking and not are_few)
    except UniqueViolation as error:
        raise _AccountMade from error
    if created < rows.without_account:
        lost = connection.execute(QUERIES["find_lost_contacts"], these).rowcount
        connection.execute(QUERIES["note_lost_contacts"], these)
    return created, lost, connection.execute(QUERIES["write_first_entries"], these).rowcount


def _write(connection: Connection, these: dict[str, Any], name: str, *, walking: bool) -> int:
    """Run one of the statements that there are in two forms; returns how many rows it wrote."""
    if walking:
        return in_step.write(connection, name, these)
    return connection.execute(QUERIES[name], these).rowcount


class _AccountMade(Exception):
    """Somebody has given points to a customer who was taken to have no account."""


class _Rows(NamedTuple):
    """The rows of a chunk that can be applied, and those of them that are taken to have an account."""

    good: int
    with_account: int
    new: int
    """Those whose contact is made."""
    bounds: dict[str, UUID | None]
    """The first and the last contact of the others."""

    @property
    def without_account(self) -> int:
        """Those that need an account first."""
        return self.good - self.with_account


def _count(connection: Connection, these: dict[str, Any]) -> _Rows:
    row = one(connection.execute(QUERIES["count_rows"], these).fetchone())
    return _Rows(row.pop("good"), row.pop("with_account"), row.pop("new"), row)


def note_not_reached(connection: Connection, site_id: UUID, import_id: UUID, problem: Problem) -> None:
    """Write down, for the lined-up rows whose chunk was not applied, why the import did not come to them."""
    connection.execute(QUERIES["look_up"])
    these = {"site_id": site_id, "import_id": import_id, "problem": problem.code}
    connection.execute(QUERIES["note_not_reached"], these)
