"""Sort keys: the order of the rows, and the condition that picks those beyond a place in it.

Places are values, not offsets, so rows added or removed elsewhere move nobody's page. Missing values rank lowest, in
either direction (contract.md 1.7). Keys are always given in the direction of travel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import sql

from pointport.plumbing.queries.conditions import Parameters
from pointport.plumbing.queries.fields import Field, Kind


@dataclass(frozen=True)
class Key:
    """One field of the order, and which way."""

    field: Field
    descending: bool

    @property
    def turned(self) -> "Key":
        """The same key, the other way."""
        return replace(self, descending=not self.descending)


def order_by(keys: Sequence[Key]) -> sql.Composable:
    """Give the list for ORDER BY; it says where NULLs go only if there can be some, or plain indexes would not fit."""
    return sql.SQL(", ").join([_ordering(key) for key in keys])


def beyond(keys: Sequence[Key], place: Sequence[Any], parameters: Parameters, *, inclusive: bool) -> sql.Composable:
    """Give the condition that picks the rows after `place`, one value per key, and with `inclusive` the one at it."""
    values = [parameters.add_of(key.field, value) for key, value in zip(keys, place, strict=True)]
    if len({key.descending for key in keys}) == 1 and not any(key.field.nullable for key in keys):
        # PostgreSQL answers a comparison of rows with one walk along an index on just these columns.
        comparison = sql.SQL("<" if keys[0].descending else ">") + sql.SQL("=" if inclusive else "")
        columns = sql.SQL(", ").join([key.field.ordered for key in keys])
        return sql.SQL("(({}) {} ({}))").format(columns, comparison, sql.SQL(", ").join(values))
    condition: sql.Composable = sql.SQL("TRUE" if inclusive else "FALSE")
    for key, value, parameter in reversed(list(zip(keys, place, values, strict=True))):
        after, same = _after_and_same(key, parameter, missing=value is None)
        condition = sql.SQL("({} OR ({} AND {}))").format(after, same, condition)
    return condition


def order_by_keys(keys: Sequence[Key], names: Sequence[str]) -> sql.Composable:
    """Give the list for ORDER BY where the keys' values have names: around a page that was ordered inside."""
    return sql.SQL(", ").join(
        [_directed(key, _collated(key, sql.Identifier(name))) for key, name in zip(keys, names, strict=True)]
    )


def _collated(key: Key, value: sql.Composable) -> sql.Composable:
    return sql.SQL('{} COLLATE "C"').format(value) if key.field.kind in {Kind.TEXT, Kind.ENUM} else value


def _ordering(key: Key) -> sql.Composable:
    return _directed(key, key.field.ordered)


def _directed(key: Key, value: sql.Composable) -> sql.Composable:
    direction = sql.SQL(" DESC" if key.descending else " ASC")
    nulls = sql.SQL(" NULLS LAST" if key.descending else " NULLS FIRST")
    return sql.Composed([value, direction, nulls if key.field.nullable else sql.SQL("")])


def _after_and_same(key: Key, value: sql.Composable, *, missing: bool) -> tuple[sql.Composable, sql.Composable]:
    """Give two conditions: the key comes after `value` in its direction, and the key equals it."""
    column = key.field.ordered
    if missing:
        after = sql.SQL("FALSE") if key.descending else sql.SQL("({} IS NOT NULL)").format(column)
        return after, sql.SQL("({} IS NULL)").format(column)
    after = sql.SQL("({} {} {})").format(column, sql.SQL("<" if key.descending else ">"), value)
    if key.descending and key.field.nullable:
        after = sql.SQL("({} OR {} IS NULL)").format(after, column)
    return after, sql.SQL("({} = {})").format(column, value)
