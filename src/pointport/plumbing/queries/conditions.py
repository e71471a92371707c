"""A filter as a small frozen tree, and each of its nodes as SQL.

A node may come out as SQL's unknown where a field is missing. That counts as false everywhere, and `Not` makes it so
before it negates; with that, rows are chosen as if a missing value were just one more value.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString, Protocol

from psycopg import sql

from pointport.plumbing.queries.fields import Field, Kind
from pointport.plumbing.queries.letters import twins

_WILDCARD = re.compile(r"[\\%_]")


class Parameters:
    """Collects the values of one statement; their names begin with `q_`, which leaves all others to the caller."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    @property
    def values(self) -> Mapping[str, Any]:
        """The parameters by name, as psycopg takes them."""
        return dict(self._values)

    def add(self, value: Any, kind: Kind) -> sql.Composable:
        """Add one value, or a list of values, and return the SQL that stands for it."""
        name = f"q_{len(self._values)}"
        self._values[name] = value
        brackets: LiteralString = "[]" if isinstance(value, list) else ""
        return sql.SQL("{}::{}{}").format(sql.Placeholder(name), sql.SQL(kind.database_type), sql.SQL(brackets))

    def add_of(self, field: Field, value: Any) -> sql.Composable:
        """Add one value of a field, or a list of its values, as they are compared with it."""
        if field.stored is None:
            return self.add(value, field.kind)
        form = field.stored.form
        return self.add([form(one) for one in value] if isinstance(value, list) else form(value), field.stored.kind)


class Condition(Protocol):
    """Chooses rows."""

    def render(self, parameters: Parameters) -> sql.Composable:
        """Give a boolean expression, closed in itself, and add its values to `parameters`."""


@dataclass(frozen=True)
class All:
    """Every part holds; true when there are none."""

    parts: tuple[Condition, ...] = ()

    def render(self, parameters: Parameters) -> sql.Composable:
        """See Condition."""
        return _joined(self.parts, " AND ", "TRUE", parameters)


@dataclass(frozen=True)
class AnyOf:
    """One part at least holds; false when there are none."""

    parts: tuple[Condition, ...] = ()

    def render(self, parameters: Parameters) -> sql.Composable:
        """See Condition."""
        return _joined(self.parts, " OR ", "FALSE", parameters)


@dataclass(frozen=True)
class Not:
    """The part does not hold, be it false or unknown."""

    part: Condition

    def render(self, parameters: Parameters) -> sql.Composable:
        """See Condition."""
        return sql.SQL("(NOT coalesce({}, FALSE))").format(self.part.render(parameters))


@dataclass(frozen=True)
class Missing:
    """The field has no value."""

    field: Field

    def render(self, parameters: Parameters) -> sql.Composable:
        """See Condition."""
        return self.field.missing


@dataclass(frozen=True)
class Present:
    """The field has a value."""

    field: Field

    def render(self, parameters: Parameters) -> sql.Composable:
        """See Condition."""
        return self.field.present


@dataclass(frozen=True)
class Equal:
    """The field has this value."""

    field: Field
    value: Any

    def render(self, parameters: Parameters) -> sql.Composable:
        """See Condition."""
        plain = sql.SQL("({} = {})").format(self.field.compared, parameters.add_of(self.field, self.value))
        return _sought(plain, self.field, (self.value,), parameters)


@dataclass(frozen=True)
class OneOf:
    """The field has one of these values."""

    field: Field
    values: tuple[Any, ...]

    def render(self, parameters: Parameters) -> sql.Composable:
        """See Condition."""
        plain = sql.SQL("({} = ANY({}))").format(self.field.compared, parameters.add_of(self.field, list(self.values)))
        return _sought(plain, self.field, self.values, parameters)


@dataclass(frozen=True)
class Ordered:
    """The field has a value on one side of this one, in the order that sorting has too."""

    field: Field
    comparison: LiteralString
    value: Any

    def render(self, parameters: Parameters) -> sql.Composable:
        """See Condition."""
        value = parameters.add_of(self.field, self.value)
        return _valued(sql.SQL("({} {} {})").format(self.field.ordered, sql.SQL(self.comparison), value), self.field)


@dataclass(frozen=True)
class Spelled:
    """The field, as text, holds this piece of text where `before` and `after` leave room, whatever the case."""

    field: Field
    piece: str
    before: bool
    after: bool

    def render(self, parameters: Parameters) -> sql.Composable:
        """See Condition."""
        text = sql.SQL("{}::text").format(self.field.expression)
        return _valued(holds(text, self.piece, parameters, before=self.before, after=self.after), self.field)


def holds(
    text: sql.Composable, piece: str, parameters: Parameters, *, before: bool = True, after: bool = True
) -> sql.Composable:
    """Give the condition that a text holds a piece where `before` and `after` leave room, whatever the case.

    ILIKE sees to A to Z, alike under the collation "C" of every database; of other letters see `letters`.
    """
    others = twins(piece)
    if others:
        each, stand_in = "".join(others), "".join(others.values())
        piece = piece.translate(str.maketrans(each, stand_in))
        letters = (parameters.add(each, Kind.TEXT), parameters.add(stand_in, Kind.TEXT))
        text = sql.SQL("translate({}, {}, {})").format(text, *letters)
    pattern = f"{'%' * before}{_escaped(piece)}{'%' * after}"
    return sql.SQL('({} COLLATE "C" ILIKE {})').format(text, parameters.add(pattern, Kind.TEXT))


def _escaped(piece: str) -> str:
    """Give a piece of text as a pattern that matches it and nothing else."""
    return _WILDCARD.sub(r"\\\g<0>", piece)


def _valued(plain: sql.Composable, field: Field) -> sql.Composable:
    """Add that there is a value, where PostgreSQL takes a missing one for a value like others."""
    return sql.SQL("({} AND {})").format(plain, field.present) if field.blank_is_missing else plain


def _sought(plain: sql.Composable, field: Field, values: tuple[Any, ...], parameters: Parameters) -> sql.Composable:
    """Add the wider condition that an index answers, if the field has one."""
    plain = _valued(plain, field)
    if field.seek is None:
        return plain
    places = [
        parameters.add(list(some), kind) for some, kind in zip(field.seek.read(values), field.seek.kinds, strict=True)
    ]
    return sql.SQL("({} AND {})").format(sql.SQL(field.seek.condition).format(*places), plain)


def _joined(
    parts: tuple[Condition, ...], word: LiteralString, of_none: LiteralString, parameters: Parameters
) -> sql.Composable:
    if not parts:
        return sql.SQL(of_none)
    return sql.SQL("({})").format(sql.SQL(word).join([part.render(parameters) for part in parts]))
