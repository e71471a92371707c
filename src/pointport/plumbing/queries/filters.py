"""Filter JSON to a tree of conditions: the operators of contract.md 1.7, with limits on all that a caller can pile up.

Nothing is ignored: a field, an operator or a value that the resource does not allow is refused with its wire path.
Missing values are values, as in MongoDB: they equal null, and differ from everything else.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, LiteralString

from pointport.plumbing.queries.conditions import (
    All,
    AnyOf,
    Condition,
    Equal,
    Missing,
    Not,
    OneOf,
    Ordered,
    Present,
    Spelled,
)
from pointport.plumbing.queries.fields import Field, Kind
from pointport.plumbing.queries.values import (
    read_boolean,
    read_list,
    read_object,
    read_text,
    read_value,
    read_values,
    refuse,
    shown,
)

DEPTH_MAX = 20
CONDITIONS_MAX = 200

MILLISECOND = timedelta(milliseconds=1)
"""Moments are stored to the microsecond and shown to the millisecond (contract.md 1.5), so one that is asked for is a
whole millisecond: what was shown is found again, and is not later than itself.
"""


def read_filter(fields: Mapping[str, Field], json: Any, path: str) -> Condition:
    """Read a filter; null, absent and `{}` choose everything.

    Raises InvalidRequest, with one violation, for whatever is not allowed on these fields or goes over a limit.
    """
    return _Reading(fields, path).filter(read_object(json, path), path, depth=1)


class _Reading:
    """One walk down a caller's filter, counting as it goes: what is piled up is refused before it is followed."""

    def __init__(self, fields: Mapping[str, Field], root: str) -> None:
        self._fields = fields
        self._root = root
        self._conditions = 0

    def filter(self, json: Any, path: str, depth: int) -> Condition:
        if depth > DEPTH_MAX:
            refuse(self._root, f"must not be nested deeper than {DEPTH_MAX}", "MAX", threshold=DEPTH_MAX)
        if not isinstance(json, Mapping):
            refuse(path, "must be an object", "FORMAT", type="object")
        return self._all([self._member(name, value, path, depth) for name, value in json.items()])

    def _member(self, name: str, value: Any, path: str, depth: int) -> Condition:
        at = f"{path}.{shown(name)}"
        if name == "$and":
            return self._all(self._filters(value, at, depth))
        if name == "$or":
            self._count(unless=value)
            return AnyOf(tuple(self._filters(value, at, depth)))
        if name == "$not":
            return Not(self._negated(value, at, depth))
        if name not in self._fields:
            known = ", ".join(sorted(self._fields))
            refuse(at, f"cannot be filtered by; these can: {known}, and $and, $or, $not", "FIELD_NOT_ALLOWED")
        return self._field(self._fields[name], value, at)

    def _filters(self, json: Any, path: str, depth: int) -> list[Condition]:
        return [self.filter(part, f"{path}[{index}]", depth + 1) for index, part in enumerate(read_list(json, path))]

    def _negated(self, json: Any, path: str, depth: int) -> Condition:
        if not isinstance(json, list):
            return self.filter(json, path, depth + 1)
        if len(json) != 1:
            refuse(path, "must be an object, or an array of one", "FORMAT", type="object")
        return self.filter(json[0], f"{path}[0]", depth + 1)

    def _field(self, field: Field, json: Any, path: str) -> Condition:
        if not isinstance(json, Mapping):
            self._count()
            return _equal(field, json, path)
        if not json:
            refuse(path, "must be a value, or an object with at least one operator", "MIN_SIZE", threshold=1)
        return self._all([self._operation(field, name, operand, path) for name, operand in json.items()])

    def _operation(self, field: Field, name: str, operand: Any, path: str) -> Condition:
        self._count()
        if name not in field.allowed_operators:
            allowed = ", ".join(sorted(field.allowed_operators))
            refuse(path, f'has no operator "{shown(name)}"; it has {allowed}', "FIELD_NOT_ALLOWED")
        return _OPERATIONS[name](field, operand, f"{path}.{name}")

    def _all(self, parts: list[Condition]) -> Condition:
        self._count(unless=parts)
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _count(self, unless: Any = None) -> None:
        """Count a condition. An empty list of them counts as one, or they could be piled up for nothing."""
        self._conditions += not unless
        if self._conditions > CONDITIONS_MAX:
            refuse(self._root, f"must have at most {CONDITIONS_MAX} conditions", "MAX_SIZE", threshold=CONDITIONS_MAX)


def _equal(field: Field, operand: Any, path: str) -> Condition:
    return Missing(field) if operand is None else _is(field, _normal(field, read_value(field, operand, path)))


def _differs(field: Field, operand: Any, path: str) -> Condition:
    return Present(field) if operand is None else Not(_equal(field, operand, path))


def _normal(field: Field, value: Any) -> Any:
    """Bring a value into the form in which it is stored."""
    return value if field.normal is None or value is None else field.normal(value)


def _values(field: Field, operand: Any, path: str) -> list[Any]:
    """Read a list of values and nulls, each once in the form in which it is stored."""
    return list(dict.fromkeys(_normal(field, value) for value in read_values(field, operand, path)))


def _is(field: Field, value: Any) -> Condition:
    if field.kind is not Kind.TIMESTAMP:
        return Equal(field, value)
    return All((_compared(field, ">=", value), _compared(field, "<=", value)))


def _ordered(comparison: LiteralString, field: Field, operand: Any, path: str) -> Condition:
    return _compared(field, comparison, read_value(field, operand, path))


def _compared(field: Field, comparison: LiteralString, value: Any) -> Condition:
    if isinstance(value, datetime):
        value = value.replace(microsecond=value.microsecond // 1000 * 1000)
        if comparison in _BEHIND:
            try:
                return Ordered(field, _BEHIND[comparison], value + MILLISECOND)
            except OverflowError:  # The last millisecond there is: everything is before its end.
                return Ordered(field, comparison, datetime.max.replace(tzinfo=value.tzinfo))
    return Ordered(field, comparison, value)


def _one_of(field: Field, operand: Any, path: str) -> Condition:
    values = _values(field, operand, path)
    given = tuple(value for value in values if value is not None)
    moments = field.kind is Kind.TIMESTAMP
    present = AnyOf(tuple(_is(field, value) for value in given)) if moments else OneOf(field, given)
    return AnyOf((Missing(field), present)) if None in values else present


def _every_one_of(field: Field, operand: Any, path: str) -> Condition:
    """Compare one value with a list that it is to hold all of: with more than one in it, nothing does."""
    values = _values(field, operand, path)
    if len(values) > 1:
        return AnyOf()  # Said as one comparison per value, long lists would go over PostgreSQL's 65,535 parameters.
    return All(tuple(Missing(field) if value is None else _is(field, value) for value in values))


def _spelled(field: Field, operand: Any, path: str, *, before: bool, after: bool) -> Condition:
    return Spelled(field, read_text(operand, path), before, after)


def _exists(field: Field, operand: Any, path: str) -> Condition:
    return Present(field) if read_boolean(operand, path) else Missing(field)


def _is_empty(field: Field, operand: Any, path: str) -> Condition:
    empty = AnyOf((Missing(field), Equal(field, ""))) if field.kind is Kind.TEXT else Missing(field)
    return empty if read_boolean(operand, path) else Not(empty)


_BEHIND: Mapping[str, LiteralString] = {">": ">=", "<=": "<"}
"""How the two comparisons that leave a value behind are said of the millisecond after it."""

_OPERATIONS: Mapping[str, Callable[[Field, Any, str], Condition]] = {
    "$eq": _equal,
    "$ne": _differs,
    "$gt": partial(_ordered, ">"),
    "$gte": partial(_ordered, ">="),
    "$lt": partial(_ordered, "<"),
    "$lte": partial(_ordered, "<="),
    "$in": _one_of,
    "$nin": lambda field, operand, path: Not(_one_of(field, operand, path)),
    "$hasSome": _one_of,
    "$hasAll": _every_one_of,
    "$startsWith": partial(_spelled, before=False, after=True),
    "$endsWith": partial(_spelled, before=True, after=False),
    "$contains": partial(_spelled, before=True, after=True),
    "$exists": _exists,
    "$isEmpty": _is_empty,
}
