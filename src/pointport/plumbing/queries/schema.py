"""What may be asked of a resource, as JSON Schema: the description that OpenAPI shows is made of the declaration itself."""

from typing import Any

from pointport.plumbing.queries.cursors import CURSOR_CHARACTERS_MAX
from pointport.plumbing.queries.fields import Field, Kind, Resource
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


def filter_schema(resource: Resource, own_reference: str) -> Json:
    """Return the schema of a filter; `own_reference` is where it will stand, since filters hold filters."""
    inner = {"$ref": own_reference}
    several = {"type": "array", "items": inner}
    return {
        "type": "object",
        "description": "All members must hold. A bare value is equality; null is a missing value.",
        "properties": {
            **{name: _field_schema(field) for name, field in resource.fields.items()},
            "$and": several,
            "$or": several,
            "$not": {"anyOf": [inner, {**several, "minItems": 1, "maxItems": 1}]},
        },
        "additionalProperties": False,
    }


def search_schema(resource: Resource, filter_reference: str, text_reference: str) -> Json:
    """Return the schema of a query that may hold free text (contract.md 6.2)."""
    query = query_schema(resource, filter_reference, SEARCH_SORTS_MAX)
    query["properties"]["search"] = _or_null({"$ref": text_reference})
    query["properties"]["aggregations"] = {"type": ["array", "null"], "maxItems": 0, "description": "Not offered"}
    query["properties"]["timeZone"] = {"description": "Passed over: moments say their own zone"}
    return query


def text_schema(resource: Resource) -> Json:
    """Return the schema of a free-text search."""
    fields = {"type": "array", "items": {"type": "string", "enum": list(resource.search)}, "maxItems": FIELDS_MAX}
    return {
        "type": "object",
        "description": "Words, each looked for anywhere in the fields, whatever its case",
        "properties": {
            "expression": _or_null({**TEXT, "maxLength": EXPRESSION_CHARACTERS_MAX}),
            "mode": {**_or_null({"type": "string", "enum": ["AND", "OR"]}), "default": "OR"},
            "fields": {**_or_null(fields), "description": "Without any, all"},
            "fuzzy": {"enum": [False, None], "description": "Words are found as they are written"},
        },
    }


def query_schema(resource: Resource, filter_reference: str, sorts_max: int = SORTS_MAX) -> Json:
    """Return the schema of a whole query: filter, sort, paging (contract.md 1.7)."""
    names = [name for name, field in resource.fields.items() if field.sortable]
    sort = {
        "type": "object",
        "properties": {
            "fieldName": {"type": "string", "enum": names},
            "order": {"anyOf": [{"type": "string", "enum": ["ASC", "DESC"]}, NULL], "default": "ASC"},
        },
        "required": ["fieldName"],
    }
    # Each field once: for each, no more than one entry that names it.
    once = [
        {"contains": {**sort, "properties": {"fieldName": {"const": name}}}, "minContains": 0, "maxContains": 1}
        for name in names
    ]
    default = ", ".join(f"{one.field_name} {'DESC' if one.descending else 'ASC'}" for one in resource.default_sort)
    return {
        "type": "object",
        "properties": {
            "filter": _or_null({"$ref": filter_reference}),
            "sort": {
                **_or_null({"type": "array", "items": sort, "maxItems": sorts_max, "allOf": once}),
                "description": f"Each field once; without any, {default}. Missing values rank lowest.",
            },
            "cursorPaging": _or_null(paging_schema(resource)),
        },
    }


def paging_schema(resource: Resource) -> Json:
    """Return the schema of how many items and from where."""
    limit = {"type": "integer", "minimum": 1, "maximum": resource.limit_max, "default": resource.limit_default}
    return {
        "type": "object",
        "properties": {
            "limit": _or_null(limit),
            "cursor": {
                **_or_null({"type": "string", "maxLength": CURSOR_CHARACTERS_MAX}),
                "description": "As an earlier page gave it; it carries filter and sort, and those beside it do not count.",
            },
        },
    }


def _field_schema(field: Field) -> Json:
    value = {"type": "string", "enum": sorted(field.values)} if field.kind is Kind.ENUM else VALUES[field.kind]
    operators = {name: _operand_schema(name, value) for name in sorted(field.allowed_operators)}
    several = {"type": "object", "properties": operators, "additionalProperties": False, "minProperties": 1}
    if "$eq" in operators:
        return {"anyOf": [value, NULL, several]}
    return several


def _operand_schema(operator: str, value: Json) -> Json:
    if operator in LISTS:
        return {"type": "array", "items": _or_null(value), "maxItems": LIST_VALUES_MAX}
    if operator in SPELLINGS:
        return TEXT
    if operator in YES_OR_NO:
        return BOOLEAN
    return _or_null(value) if operator in NULLABLE else value


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, NULL]}
