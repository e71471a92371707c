"""What may be asked of a resource, as JSON Schema: the description that OpenAPI shows is made of the declaration itself.

What resources have in common stands there once, under a name of its own, so that generated clients have one class of it.
"""

from collections.abc import Iterable
from typing import Any

from pointport.plumbing.queries.cursors import CURSOR_CHARACTERS_MAX
from pointport.plumbing.queries.fields import Kind, Resource
from pointport.plumbing.queries.pages import SEARCH_SORTS_MAX, SORTS_MAX
from pointport.plumbing.queries.search import EXPRESSION_CHARACTERS_MAX, FIELDS_MAX
from pointport.plumbing.queries.values import LIST_VALUES_MAX

Json = dict[str, Any]

NULL: Json = {"type": "null"}
TEXT: Json = {"type": "string", "pattern": "^[^\\x00]*$"}
BOOLEAN: Json = {"type": "boolean"}
VALUES: dict[Kind, Json] = {
    Kind.TEXT: TEXT,
    Kind.GUID: {"type": "string", "format": "uuid"},
    Kind.INTEGER: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    Kind.TIMESTAMP: {"type": "string", "format": "date-time"},
    Kind.BOOLEAN: BOOLEAN,
}
LISTS = frozenset({"$in", "$nin", "$hasSome", "$hasAll"})
SPELLINGS = frozenset({"$startsWith", "$endsWith", "$contains"})
YES_OR_NO = frozenset({"$exists", "$isEmpty"})
NULLABLE = frozenset({"$eq", "$ne"})


def query_schemas(resources: Iterable[Resource], reference: str) -> dict[str, Json]:
    """Return the schemas of all that can be asked of these resources, by name.

    They refer to each other by `reference`, which has a place `{}` for a name. The way in are those of each resource
    that `schema_name` names: Filter and Query, and with free text Text and Search.
    """
    shared = _Shared(reference)
    for resource in resources:
        _add_filter(shared, resource)
        _add_query(shared, resource, "Query", SORTS_MAX, {})
        if resource.search:
            _add_search(shared, resource)
    return shared.schemas


def schema_name(resource: Resource, kind: str) -> str:
    """Return what a resource's schema of a kind is called."""
    return f"{_pascal(resource.name)}{kind}"


class _Shared:
    """The schemas that have a name, each written down once."""

    def __init__(self, reference: str) -> None:
        self.schemas: dict[str, Json] = {}
        self._reference = reference

    def put(self, name: str, schema: Json) -> Json:
        """Write a schema down under a name, and return the reference to it."""
        if self.schemas.setdefault(name, schema) != schema:
            raise ValueError(f"two different schemas are called {name}")
        return self.to(name)

    def to(self, name: str) -> Json:
        """Return the reference to a name, which may be written down later."""
        return {"$ref": self._reference.format(name)}


def _add_filter(shared: _Shared, resource: Resource) -> None:
    inner = shared.to(schema_name(resource, "Filter"))
    several = {"type": "array", "items": inner}
    shared.put(
        schema_name(resource, "Filter"),
        {
            "type": "object",
            "description": "All members must hold. A bare value is equality; null is a missing value.",
            "properties": {
                **{name: _put_condition(shared, resource, name) for name in resource.fields},
                "$and": several,
                "$or": several,
                "$not": {"anyOf": [inner, {**several, "minItems": 1, "maxItems": 1}]},
            },
            "additionalProperties": False,
        },
    )


def _put_condition(shared: _Shared, resource: Resource, name: str) -> Json:
    """Write down what may stand beside a field's name: the same for all fields that take the same."""
    field = resource.fields[name]
    value, called = _value(shared, resource, name)
    if field.allowed_operators != field.kind.operators:
        called += "".join(operator.removeprefix("$").capitalize() for operator in sorted(field.allowed_operators))
    operators = shared.put(
        f"{called}Operators",
        {
            "type": "object",
            "description": "All of them must hold",
            "properties": {operator: _operand(operator, value) for operator in sorted(field.allowed_operators)},
            "additionalProperties": False,
            "minProperties": 1,
        },
    )
    if "$eq" not in field.allowed_operators:
        return operators
    return shared.put(f"{called}Condition", {"anyOf": [value, NULL, operators]})


def _value(shared: _Shared, resource: Resource, name: str) -> tuple[Json, str]:
    """Return the schema of a field's values, and what values of its kind are called."""
    field = resource.fields[name]
    if field.kind is Kind.ENUM:
        called = schema_name(resource, _pascal(name))
        return shared.put(called, _enum(sorted(field.values))), called
    return VALUES[field.kind], field.kind.name.capitalize()


def _operand(operator: str, value: Json) -> Json:
    if operator in LISTS:
        return {"type": "array", "items": _or_null(value), "maxItems": LIST_VALUES_MAX}
    if operator in SPELLINGS:
        return TEXT
    if operator in YES_OR_NO:
        return BOOLEAN
    return _or_null(value) if operator in NULLABLE else value


def _add_query(shared: _Shared, resource: Resource, kind: str, sorts_max: int, more: Json) -> None:
    """Write down a whole query: filter, sort, paging (contract.md 1.7), and `more` members."""
    names = [name for name, field in resource.fields.items() if field.sortable]
    sort = shared.put(
        schema_name(resource, "Sort"),
        {
            "type": "object",
            "properties": {
                "fieldName": shared.put(schema_name(resource, "SortField"), _enum(names)),
                "order": {**_or_null(shared.put("SortOrder", _enum(["ASC", "DESC"]))), "default": "ASC"},
            },
            "required": ["fieldName"],
        },
    )
    # Each field once: for each, no more than one entry that names it.
    once = [
        {"contains": {"properties": {"fieldName": {"const": name}}}, "minContains": 0, "maxContains": 1}
        for name in names
    ]
    default = ", ".join(f"{one.field_name} {'DESC' if one.descending else 'ASC'}" for one in resource.default_sort)
    shared.put(
        schema_name(resource, kind),
        {
            "type": "object",
            "properties": {
                "filter": _or_null(shared.to(schema_name(resource, "Filter"))),
                "sort": {
                    **_or_null({"type": "array", "items": sort, "maxItems": sorts_max, "allOf": once}),
                    "description": f"Each field once; without any, {default}. Missing values rank lowest.",
                },
                "cursorPaging": _or_null(_put_paging(shared, resource)),
                "paging": {**NULL, "description": "Not offered: page with cursorPaging"},
                **more,
            },
        },
    )


def _put_paging(shared: _Shared, resource: Resource) -> Json:
    """Write down how many items, and from where."""
    limit = {"type": "integer", "minimum": 1, "maximum": resource.limit_max, "default": resource.limit_default}
    return shared.put(
        "CursorPaging",
        {
            "type": "object",
            "properties": {
                "limit": _or_null(limit),
                "cursor": {
                    **_or_null({"type": "string", "maxLength": CURSOR_CHARACTERS_MAX}),
                    "description": (
                        "As an earlier page gave it; it carries filter and sort, and those beside it do not count."
                    ),
                },
            },
        },
    )


def _add_search(shared: _Shared, resource: Resource) -> None:
    """Write down free text, and a query that may hold it (contract.md 6.2)."""
    field = shared.put(schema_name(resource, "TextField"), _enum(list(resource.search)))
    text = shared.put(
        schema_name(resource, "Text"),
        {
            "type": "object",
            "description": "Words, each looked for anywhere in the fields, whatever its case",
            "properties": {
                "expression": _or_null({**TEXT, "maxLength": EXPRESSION_CHARACTERS_MAX}),
                "mode": {**_or_null(shared.put("TextMode", _enum(["AND", "OR"]))), "default": "OR"},
                "fields": {
                    **_or_null({"type": "array", "items": field, "maxItems": FIELDS_MAX}),
                    "description": "Without any, all",
                },
                "fuzzy": {
                    **_or_null({**BOOLEAN, "const": False}),
                    "description": "Words are found as they are written",
                },
            },
        },
    )
    nothing = {"type": "array", "items": {}, "maxItems": 0}
    more = {
        "search": _or_null(text),
        "aggregations": {**_or_null(nothing), "description": "Not offered"},
        "timeZone": {"description": "Passed over: moments say their own zone"},
    }
    _add_query(shared, resource, "Search", SEARCH_SORTS_MAX, more)


def _enum(names: list[str]) -> Json:
    return {"type": "string", "enum": names}


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, NULL]}


def _pascal(name: str) -> str:
    """Return a name in pieces, such as a resource's or a field's, as a class would be called."""
    return "".join(f"{word[:1].upper()}{word[1:]}" for word in name.replace(".", "-").split("-"))
