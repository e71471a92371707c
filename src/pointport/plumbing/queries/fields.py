"""What a resource lets callers filter and sort by: declared once per resource, never taken from a request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, LiteralString

from psycopg import sql

_EQUALITY = frozenset({"$eq", "$ne", "$in", "$nin", "$hasSome", "$hasAll", "$exists", "$isEmpty"})
_ORDER = frozenset({"$gt", "$gte", "$lt", "$lte"})
_SPELLING = frozenset({"$startsWith", "$endsWith", "$contains"})


class Kind(Enum):
    """What a field holds: how its values are written on the wire, sent to PostgreSQL and compared."""

    TEXT = "text"
    GUID = "GUID"
    INTEGER = "integer"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"
    ENUM = "enum"

    @property
    def database_type(self) -> LiteralString:
        """The PostgreSQL type that parameters of this kind are cast to."""
        return _DATABASE_TYPES[self]

    @property
    def operators(self) -> frozenset[str]:
        """The operators that make sense for this kind."""
        return _OPERATORS[self]


_DATABASE_TYPES: Mapping[Kind, LiteralString] = {
    Kind.TEXT: "text",
    Kind.GUID: "uuid",
    Kind.INTEGER: "bigint",
    Kind.TIMESTAMP: "timestamptz",
    Kind.BOOLEAN: "boolean",
    Kind.ENUM: "text",
}

_OPERATORS: Mapping[Kind, frozenset[str]] = {
    Kind.TEXT: _EQUALITY | _ORDER | _SPELLING,
    Kind.GUID: _EQUALITY | _ORDER | _SPELLING,
    Kind.INTEGER: _EQUALITY | _ORDER,
    Kind.TIMESTAMP: _EQUALITY | _ORDER,
    Kind.BOOLEAN: _EQUALITY,
    Kind.ENUM: _EQUALITY | _ORDER | _SPELLING,
}


@dataclass(frozen=True)
class Seek:
    """A wider condition that holds wherever a field has one of some values, and that indexes answer.

    For a field that is made of several columns. `condition` has a place `{}` for each list of values that `read` makes
    of those sought, of the kinds given.
    """

    condition: LiteralString
    kinds: tuple[Kind, ...]
    read: Callable[[Sequence[Any]], tuple[list[Any], ...]]


@dataclass(frozen=True)
class Stored:
    """Another column that holds a field's values in another form and the same order, for the sake of its index.

    Values are compared and ordered there; `form` gives theirs, of the kind `kind`. For a field without missing values.
    """

    column: LiteralString
    kind: Kind
    form: Callable[[Any], Any]


@dataclass(frozen=True)
class Field:
    """One field that callers may filter by and, if `sortable`, sort by.

    `column` is an SQL expression of ours that gives exactly the PostgreSQL type of its kind: a column of an enum type
    is written `status::text`, a sum `sum(points)::bigint`. A field not `nullable` must never be NULL: pages rely on it.
    An index serves a sort by text only when its column is collated "C".
    """

    column: LiteralString
    kind: Kind
    nullable: bool = False
    values: frozenset[str] = frozenset()
    """The names an ENUM may have: all that its column can hold."""
    sortable: bool = True
    operators: frozenset[str] | None = None
    """Those allowed, such as `$eq` (which bare values need too); None allows all that make sense for the kind."""
    seek: Seek | None = None
    blank_is_missing: bool = False
    """True for a TEXT whose column, not nullable, says '' for no value. In the order of sorting '' is where missing
    values are, so the column's index serves such a field as it serves others.
    """
    normal: Callable[[str], str] | None = None
    """The form in which a TEXT's values are stored, and so the form in which they are compared for equality."""
    stored: Stored | None = None
    """Where its values are compared and ordered, when that is not its column."""

    @property
    def allowed_operators(self) -> frozenset[str]:
        """The operators a caller may use on this field."""
        return self.kind.operators if self.operators is None else self.operators & self.kind.operators

    @property
    def expression(self) -> sql.Composable:
        """The field's value."""
        return sql.SQL("({})").format(sql.SQL(self.column))

    @property
    def compared(self) -> sql.Composable:
        """The field's value as it is compared for equality."""
        return sql.SQL("({})").format(sql.SQL(self.stored.column)) if self.stored else self.expression

    @property
    def ordered(self) -> sql.Composable:
        """The field's value as it is ordered: text by code point, upper case before lower (contract.md 1.7)."""
        if self.kind in {Kind.TEXT, Kind.ENUM}:
            return sql.SQL('({} COLLATE "C")').format(self.expression)
        return self.compared

    @property
    def missing(self) -> sql.Composable:
        """The condition that there is no value."""
        return sql.SQL("({} = '')" if self.blank_is_missing else "({} IS NULL)").format(self.expression)

    @property
    def present(self) -> sql.Composable:
        """The condition that there is a value."""
        if self.blank_is_missing:
            return sql.SQL("({} > '')").format(self.ordered)  # Not "<>", which no index answers.
        return sql.SQL("({} IS NOT NULL)").format(self.expression)


@dataclass(frozen=True)
class Sort:
    """One entry of a sort, by the field's wire name."""

    field_name: str
    descending: bool = False


@dataclass(frozen=True)
class Resource:
    """What can be queried: its fields by wire name, which may be dotted.

    `name` binds cursors to the resource. `id_field` is the last key of every sort, which makes each order total.
    """

    name: str
    fields: Mapping[str, Field]
    id_field: Field
    default_sort: tuple[Sort, ...]
    limit_default: int = 50
    limit_max: int = 100
    search: Mapping[str, LiteralString] = field(default_factory=dict)
    """What free text is looked for in: SQL expressions of ours that give text, by name."""
    search_scope: LiteralString = "{}"
    """Where those expressions are known: a condition of ours around the place of the search's."""
