"""One page of a query: planned from the caller's JSON before the statement runs, finished from its rows after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql
from typing_extensions import TypedDict

from pointport.errors import InvalidRequest
from pointport.plumbing.database.pool import Connection, Database
from pointport.plumbing.queries.conditions import All, Parameters
from pointport.plumbing.queries.cursors import CURSOR_CHARACTERS_MAX, Cursor, CursorSigner
from pointport.plumbing.queries.fields import Resource, Sort
from pointport.plumbing.queries.filters import read_filter
from pointport.plumbing.queries.keyset import Key, beyond, order_by, order_by_keys
from pointport.plumbing.queries.search import known_members, read_search
from pointport.plumbing.queries.values import read_list, read_object, read_value, refuse, shown, write_value

SORTS_MAX = 5
BY_INDEX: LiteralString = "SET LOCAL enable_seqscan = off"
"""A site is one of many: whatever statistics say, its page is not looked for among the rows of all sites."""
SEARCH_SORTS_MAX = 10
SEARCH = "search"
"""The path of a query that may hold free text."""
FIELD_NAME_CHARACTERS_MAX = 512
PLACE_CHARACTERS_MAX = 800
"""What a filter leaves free in a cursor for the sort keys' values; one list of 500 GUIDs still fits beside it."""

_KEY_PREFIX = "_key_"


class Cursors(TypedDict, total=False):
    """The ways on from a page, where there are any."""

    next: str
    prev: str


class PagingMetadata(TypedDict):
    """What the answer says of its page, as it goes on the wire (contract.md 1.7)."""

    count: int
    cursors: Cursors
    hasNext: bool


@dataclass(frozen=True)
class Page:
    """What to run: fill it into `SELECT …, {key_columns} … WHERE … AND {where} ORDER BY {order_by} LIMIT %(q_limit)s`.

    `q_limit`, among the `parameters`, is one more than `limit`: the extra row tells that the rows go on.
    """

    where: sql.Composable
    order_by: sql.Composable
    page_order: sql.Composable
    """The same order by the names of the key columns, for a statement that joins to a page."""
    key_columns: sql.Composable
    limit: int
    parameters: Mapping[str, Any]
    resource: Resource
    keys: tuple[Key, ...]
    cursor: Cursor
    cursors: CursorSigner
    path: str


def plan(
    resource: Resource, query: Any, cursors: CursorSigner, path: str = "query", *, sorts_max: int = SORTS_MAX
) -> Page:
    """Plan one page of the caller's query; a cursor in it replaces its filter and sort (contract.md 8, row 26).

    With the path `search` the query may hold a free-text search beside the filter (contract.md 6.2).

    Raises InvalidRequest, with one violation under `path`, for everything that the query language does not allow.
    """
    query = read_object(query, path)
    if query.get("paging") is not None:
        refuse(f"{path}.paging", "is not offered: page with cursorPaging", "FIELD_NOT_ALLOWED")
    paging_path = f"{path}.cursorPaging".removeprefix(".")
    paging = read_object(query.get("cursorPaging"), paging_path)
    limit = _read_limit(resource, paging.get("limit"), f"{paging_path}.limit")
    if paging.get("cursor") is None:
        asked = Cursor(
            filter=read_object(query.get("filter"), f"{path}.filter"),
            sort=_write_sort(_read_sort(resource, query.get("sort"), f"{path}.sort", sorts_max)),
            limit=limit or resource.limit_default,
            search=known_members(query.get("search"), f"{path}.search") if path == SEARCH else None,
        )
        page = _page(resource, asked, cursors, path)
        is_open = not asked.filter and not asked.search
        if not is_open and len(cursors.sign(resource.name, asked)) > CURSOR_CHARACTERS_MAX - PLACE_CHARACTERS_MAX:
            refuse(f"{path}.filter", "is too long to be carried by a cursor", "MAX_LENGTH")
        return page
    carried = cursors.read(resource.name, paging["cursor"], f"{paging_path}.cursor")
    try:
        _read_limit(resource, carried.limit, path)
        return _page(resource, replace(carried, limit=limit or carried.limit), cursors, path)
    except InvalidRequest:
        # The signature is ours, so the resource has changed since: fields or limits are not what they were.
        refuse(f"{paging_path}.cursor", "is out of date; start again without one", "FORMAT", type="cursor")


def plan_filter(
    resource: Resource, json: Any, search: Any = None, *, path: str = ""
) -> tuple[sql.Composable, Mapping[str, Any]]:
    """Plan a filter and a free-text search without pages, as for a count: the condition and its parameters.

    `path` is where the two stand, with its dot. Raises InvalidRequest as `plan` does.
    """
    parameters = Parameters()
    found = read_filter(resource.fields, json, f"{path}filter")
    if search is not None:
        found = All((found, read_search(resource, search, f"{path}search")))
    return found.render(parameters), parameters.values


def read_page(
    database: Database, statement: LiteralString, page: Page, site_id: UUID, *, json_as_text: bool = False
) -> tuple[list[dict[str, Any]], PagingMetadata]:
    """Run a statement with the places `{keys} {where} {order_by} {limit}` for a page, and finish it.

    One that joins to the page has a place `{page_order}` besides. `json_as_text` is as in `Database.look_up`.
    """
    values = {**page.parameters, "site_id": site_id}
    return finish(
        page, database.look_up(site_id, compose(statement, page), values, BY_INDEX, json_as_text=json_as_text)
    )


def read_merged(
    connection: Connection, parts: Sequence[tuple[LiteralString, Page]], values: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], PagingMetadata]:
    """Run one query on rows that stand in several places, each with a statement and its own plan, and finish the page.

    The plans are the same query in the words of each place, in the order of a single key, whose values are the same
    everywhere and no two alike. `values` are the statements' other parameters.
    """
    page = parts[0][1]
    (key,) = page.keys
    found = [
        row
        for statement, part in parts
        for row in connection.execute(compose(statement, part), {**part.parameters, **values}).fetchall()
    ]
    found.sort(key=lambda row: row[f"{_KEY_PREFIX}0"], reverse=key.descending != page.cursor.backwards)
    return finish(page, found[: page.limit + 1])


def compose(statement: LiteralString, page: Page) -> sql.Composed:
    """Fill a page into the places of a statement."""
    return sql.SQL(statement).format(
        keys=page.key_columns,
        where=page.where,
        order_by=page.order_by,
        page_order=page.page_order,
        limit=sql.Placeholder("q_limit"),
    )


def finish(page: Page, rows: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], PagingMetadata]:
    """Turn the statement's rows into the page's, in the order asked for, without the key columns; say what follows.

    Raises InvalidRequest when the texts sorted by are too long for a cursor.
    """
    more = len(rows) > page.limit
    inside = list(rows[: page.limit])
    if page.cursor.backwards:
        inside.reverse()
    came_from_elsewhere = page.cursor.place is not None
    there_is_next = came_from_elsewhere if page.cursor.backwards else more
    there_is_prev = more if page.cursor.backwards else came_from_elsewhere
    links = Cursors()
    if there_is_next:
        links["next"] = _link(page, inside[-1:], backwards=False)
    if there_is_prev:
        links["prev"] = _link(page, inside[:1], backwards=True)
    for row in inside:
        for index in range(len(page.keys)):
            row.pop(f"{_KEY_PREFIX}{index}", None)
    return inside, PagingMetadata(count=len(inside), cursors=links, hasNext=there_is_next)


def _page(resource: Resource, cursor: Cursor, cursors: CursorSigner, path: str) -> Page:
    parameters = Parameters()
    where = read_filter(resource.fields, cursor.filter, f"{path}.filter").render(parameters)
    if cursor.search is not None:
        found = read_search(resource, cursor.search, f"{path}.search").render(parameters)
        where = sql.SQL("({} AND {})").format(where, found)
    keys = _keys(resource, _read_sort(resource, cursor.sort, f"{path}.sort", SEARCH_SORTS_MAX))
    travelled = tuple(key.turned for key in keys) if cursor.backwards else keys
    if cursor.place is not None:
        place = _read_place(keys, cursor.place, path)
        rest = beyond(travelled, place, parameters, inclusive=cursor.inclusive)
        where = sql.SQL("({} AND {})").format(where, rest)
    columns = [
        sql.SQL("{} AS {}").format(key.field.expression, sql.Identifier(f"{_KEY_PREFIX}{index}"))
        for index, key in enumerate(keys)
    ]
    return Page(
        where=where,
        order_by=order_by(travelled),
        page_order=order_by_keys(travelled, [f"{_KEY_PREFIX}{index}" for index in range(len(keys))]),
        key_columns=sql.SQL(", ").join(columns),
        limit=cursor.limit,
        parameters={**parameters.values, "q_limit": cursor.limit + 1},
        resource=resource,
        keys=keys,
        cursor=cursor,
        cursors=cursors,
        path=path,
    )


def _link(page: Page, edge: Sequence[Mapping[str, Any]], *, backwards: bool) -> str:
    """Sign the way on from the page's outermost row.

    A page can be empty, when the rows it led to are gone. The way back is then from the place it began at, which
    includes that place's row, since nobody on this page has shown it.
    """
    if edge:
        place = [write_value(edge[0][f"{_KEY_PREFIX}{index}"]) for index in range(len(page.keys))]
        inclusive = False
    else:
        place, inclusive = page.cursor.place or [], not page.cursor.inclusive
    cursor = replace(page.cursor, place=place, backwards=backwards, inclusive=inclusive)
    text = page.cursors.sign(page.resource.name, cursor)
    if len(text) > CURSOR_CHARACTERS_MAX:
        refuse(f"{page.path}.sort", "goes by texts that are too long to be carried by a cursor", "MAX_LENGTH")
    return text


def _keys(resource: Resource, sorts: Sequence[Sort]) -> tuple[Key, ...]:
    """Give the sort its last key, the id, in the direction of the first, so that one index serves them all."""
    keys = tuple(Key(resource.fields[sort.field_name], sort.descending) for sort in sorts)
    if any(key.field == resource.id_field for key in keys):
        return keys
    return (*keys, Key(resource.id_field, descending=bool(keys) and keys[0].descending))


def _read_place(keys: Sequence[Key], place: Any, path: str) -> list[Any]:
    values = read_list(place, path)
    if len(values) != len(keys):
        refuse(path, "has another number of sort keys")
    return [
        None if value is None and key.field.nullable else read_value(key.field, value, path)
        for key, value in zip(keys, values, strict=True)
    ]


def _read_limit(resource: Resource, json: Any, path: str) -> int | None:
    if json is None:
        return None
    if isinstance(json, float) and json.is_integer():
        json = int(json)  # JSON knows no whole numbers of its own.
    if not isinstance(json, int) or isinstance(json, bool):
        refuse(path, "must be a whole number", "FORMAT", type="integer")
    if json < 1:
        refuse(path, "must be at least 1", "MIN", threshold=1)
    if json > resource.limit_max:
        refuse(path, f"must be at most {resource.limit_max}", "MAX", threshold=resource.limit_max)
    return json


def _read_sort(resource: Resource, json: Any, path: str, sorts_max: int) -> tuple[Sort, ...]:
    entries = [] if json is None else read_list(json, path)
    if len(entries) > sorts_max:
        refuse(path, f"must have at most {sorts_max} entries", "MAX_SIZE", threshold=sorts_max)
    sorts: list[Sort] = []
    for index, entry in enumerate(entries):
        at = f"{path}[{index}]"
        if not isinstance(entry, Mapping):
            refuse(at, "must be an object", "FORMAT", type="object")
        name = _read_field_name(resource, entry.get("fieldName"), f"{at}.fieldName")
        if any(sort.field_name == name for sort in sorts):
            refuse(f"{at}.fieldName", f'"{name}" is sorted by already')
        sorts.append(Sort(name, descending=_read_descending(entry.get("order"), f"{at}.order")))
    return tuple(sorts) or resource.default_sort


def _read_field_name(resource: Resource, json: Any, path: str) -> str:
    if json is None:
        refuse(path, "is missing", "REQUIRED_FIELD")
    if not isinstance(json, str):
        refuse(path, "must be text", "FORMAT", type="text")
    if len(json) > FIELD_NAME_CHARACTERS_MAX:
        description = f"must have at most {FIELD_NAME_CHARACTERS_MAX} characters"
        refuse(path, description, "MAX_LENGTH", threshold=FIELD_NAME_CHARACTERS_MAX)
    if json not in resource.fields or not resource.fields[json].sortable:
        known = ", ".join(sorted(name for name, field in resource.fields.items() if field.sortable))
        refuse(path, f'"{shown(json)}" cannot be sorted by; these can: {known}', "FIELD_NOT_ALLOWED")
    return json


def _read_descending(json: Any, path: str) -> bool:
    if json is not None and (not isinstance(json, str) or json not in {"ASC", "DESC"}):
        refuse(path, "must be ASC or DESC", "INVALID_ENUM_VALUE")
    return json == "DESC"


def _write_sort(sorts: Sequence[Sort]) -> list[dict[str, str]]:
    return [{"fieldName": sort.field_name, "order": "DESC" if sort.descending else "ASC"} for sort in sorts]
