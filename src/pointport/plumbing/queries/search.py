"""Free text to conditions: each word must be held by one of the searched fields, whatever its case (contract.md 6.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import sql

from pointport.plumbing.queries.conditions import All, AnyOf, Condition, Parameters, holds
from pointport.plumbing.queries.fields import Resource
from pointport.plumbing.queries.values import read_list, read_object, read_text, refuse, shown

EXPRESSION_CHARACTERS_MAX = 100
FIELDS_MAX = 20
MEMBERS = ("expression", "mode", "fields", "fuzzy")


@dataclass(frozen=True)
class Holds:
    """An expression of ours holds this word, whatever the case."""

    expression: LiteralString
    word: str

    def render(self, parameters: Parameters) -> sql.Composable:
        """See Condition."""
        return holds(sql.SQL("({})").format(sql.SQL(self.expression)), self.word, parameters)


@dataclass(frozen=True)
class Scoped:
    """A condition inside another of ours."""

    scope: LiteralString
    inner: Condition

    def render(self, parameters: Parameters) -> sql.Composable:
        """See Condition."""
        return sql.SQL(self.scope).format(self.inner.render(parameters))


def known_members(json: Any, path: str) -> Mapping[str, Any]:
    """Return what counts of a free-text search: others may hold anything at all, and are not passed on.

    Raises InvalidRequest for what is no object.
    """
    search = read_object(json, path)
    return {name: search[name] for name in MEMBERS if name in search}


def read_search(resource: Resource, json: Any, path: str) -> Condition:
    """Read a free-text search; null, absent, `{}` and a blank expression find everything.

    Raises InvalidRequest, with one violation, for what the resource does not offer.
    """
    search = read_object(json, path)
    words = _expression(search.get("expression"), f"{path}.expression").split()
    mode = search.get("mode")
    if mode not in (None, "AND", "OR"):
        refuse(f"{path}.mode", "must be AND or OR", "INVALID_ENUM_VALUE")
    if search.get("fuzzy") not in (None, False):
        refuse(f"{path}.fuzzy", "is not offered: words are found as they are written", "FIELD_NOT_ALLOWED")
    expressions = _fields(resource.search, search.get("fields"), f"{path}.fields")
    found = tuple(AnyOf(tuple(Holds(expression, word) for expression in expressions)) for word in words)
    if not found:
        return All()
    return Scoped(resource.search_scope, All(found) if mode == "AND" else AnyOf(found))


def _expression(json: Any, path: str) -> str:
    if json is None:
        return ""
    text = read_text(json, path)
    if len(text) > EXPRESSION_CHARACTERS_MAX:
        description = f"must have at most {EXPRESSION_CHARACTERS_MAX} characters"
        refuse(path, description, "MAX_LENGTH", threshold=EXPRESSION_CHARACTERS_MAX)
    return text


def _fields(known: Mapping[str, LiteralString], json: Any, path: str) -> tuple[LiteralString, ...]:
    names = read_list(json, path) if json is not None else []
    if len(names) > FIELDS_MAX:
        refuse(path, f"must hold at most {FIELDS_MAX} values", "MAX_SIZE", threshold=FIELDS_MAX)
    for index, name in enumerate(names):
        if not isinstance(name, str) or name not in known:
            told = f'"{shown(str(name))}" cannot be searched; these can: {", ".join(sorted(known))}'
            refuse(f"{path}[{index}]", told, "FIELD_NOT_ALLOWED")
    return tuple(known[name] for name in dict.fromkeys(names)) or tuple(known.values())
