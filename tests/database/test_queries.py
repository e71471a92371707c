"""The query language on PostgreSQL against a plain model of it in Python: the same rows in the same order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from operator import eq, ge, gt, le, lt, ne
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.rows import dict_row

from pointport.plumbing.queries import CursorSigner, Field, Kind, Resource, Sort, finish, plan, plan_filter

Row = dict[str, Any]
Connection = psycopg.Connection[Any]

SITE = UUID(int=7)
SIGNER = CursorSigner(b"a key for tests", SITE)
STATUSES = ("FAILED", "IMPORTED", "PARSED")
IDENTITY = Field("thing.id", Kind.GUID)
FIELDS = {
    "id": IDENTITY,
    "createdDate": Field("thing.created_date", Kind.TIMESTAMP),
    "lastDate": Field("thing.last_date", Kind.TIMESTAMP, nullable=True),
    "points.balance": Field("thing.balance", Kind.INTEGER, nullable=True),
    "name": Field("thing.name", Kind.TEXT, nullable=True),
    "status": Field("thing.status", Kind.ENUM, values=frozenset(STATUSES)),
    "active": Field("thing.active", Kind.BOOLEAN, nullable=True),
    "memberId": Field("thing.member_id", Kind.GUID, nullable=True),
    "nick": Field("thing.nick", Kind.TEXT, blank_is_missing=True),
}
THINGS = Resource("things", FIELDS, IDENTITY, (Sort("createdDate", descending=True),))
COLUMNS = dict(zip(FIELDS, [field.column.removeprefix("thing.") for field in FIELDS.values()], strict=True))

# Few values each, so that rows tie, filters hit, and neighbours differ by a microsecond or by case alone.
MOMENTS = [datetime(2026, 1, 2, 3, 4, 5, microsecond, tzinfo=UTC) for microsecond in (0, 1, 999, 1_000, 999_999)]
GUIDS = [UUID(int=number << 96 | 0xABC) for number in (0, 1, 0xA0000000, 0xFFFFFFFF)]
TEXTS = st.text("aAbZ%_\\ éÉσΣς日", max_size=4)
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "id": st.sampled_from(GUIDS),
    "createdDate": st.sampled_from(MOMENTS),
    "lastDate": st.sampled_from(MOMENTS),
    "points.balance": st.sampled_from([-(2**63), -1, 0, 1, 2, 2**63 - 1]),
    "name": TEXTS,
    "status": st.sampled_from(STATUSES),
    "active": st.booleans(),
    "memberId": st.sampled_from(GUIDS),
    "nick": TEXTS,
}
ON_THE_DATABASE = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def things(connection: Connection) -> Iterator[Connection]:
    connection.execute(
        "CREATE TEMPORARY TABLE thing ("
        "site_id uuid NOT NULL, id uuid NOT NULL, created_date timestamptz NOT NULL, last_date timestamptz,"
        " balance bigint, name text, status text NOT NULL, active boolean, member_id uuid, nick text NOT NULL,"
        " PRIMARY KEY (site_id, id))"
    )
    yield connection
    connection.rollback()


@st.composite
def row_lists(draw: st.DrawFn, start: int = 0) -> list[Row]:
    """Rows with ids of their own, in no order; a field that may be missing often is."""
    ids = draw(st.lists(st.integers(start, start + 99), unique=True, max_size=25))
    rest = {
        name: st.none() | values if FIELDS[name].nullable else values for name, values in VALUES.items() if name != "id"
    }
    rest["nick"] = TEXTS.map(lambda text: text or None)
    return [{"id": UUID(int=number), **draw(st.fixed_dictionaries(rest))} for number in ids]


def named(names: Sequence[str | None]) -> list[Row]:
    """Rows that differ in name alone, with their places as ids."""
    start = {**dict.fromkeys(FIELDS), "createdDate": MOMENTS[0], "status": "PARSED"}
    return [{**start, "id": UUID(int=place), "name": name} for place, name in enumerate(names)]


def fill(connection: Connection, rows: Sequence[Row], site_id: UUID = SITE) -> None:
    names = [sql.Identifier(column) for column in ("site_id", *COLUMNS.values())]
    insert = sql.SQL("INSERT INTO thing ({}) VALUES ({})").format(
        sql.SQL(", ").join(names), sql.SQL(", ").join([sql.Placeholder()] * len(names))
    )
    with connection.cursor() as cursor:
        cursor.executemany(insert, [(site_id, *[stored(row, name) for name in FIELDS]) for row in rows])


def stored(row: Row, name: str) -> Any:
    """A value as its column holds it."""
    return "" if row[name] is None and FIELDS[name].blank_is_missing else row[name]


def refill(connection: Connection, rows: Sequence[Row]) -> None:
    connection.execute("TRUNCATE thing")
    fill(connection, rows)


def ask(connection: Connection, query: Mapping[str, Any]) -> tuple[list[UUID], Any]:
    """Run a query as an endpoint does."""
    page = plan(THINGS, query, SIGNER)
    statement = sql.SQL(
        "SELECT thing.id, {keys} FROM thing WHERE site_id = %(site_id)s AND {where} ORDER BY {order} LIMIT %(q_limit)s"
    ).format(keys=page.key_columns, where=page.where, order=page.order_by)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, {**page.parameters, "site_id": SITE}).fetchall()
    found, metadata = finish(page, rows)
    assert metadata["count"] == len(found) <= page.limit
    assert metadata["hasNext"] == ("next" in metadata["cursors"])
    assert all(set(row) == {"id"} for row in found)
    return [row["id"] for row in found], metadata


# --- The model: a missing value is None, and None is a value like others ---


def native(name: str, value: Any) -> Any:
    """Read what a filter says in JSON."""
    match FIELDS[name].kind:
        case Kind.TIMESTAMP if value is not None:
            return shown(datetime.fromisoformat(value))
        case Kind.GUID if value is not None:
            return UUID(value)
    return value


def shown(value: Any) -> Any:
    """A value as clients see it: moments to the millisecond (contract.md 1.5)."""
    return value.replace(microsecond=value.microsecond // 1000 * 1000) if isinstance(value, datetime) else value


SAME = {"$eq": eq, "$ne": ne}
ORDER = {"$gt": gt, "$gte": ge, "$lt": lt, "$lte": le}
LISTS: Mapping[str, Callable[[Any, list[Any]], bool]] = {
    "$in": lambda a, b: a in b,
    "$nin": lambda a, b: a not in b,
    "$hasSome": lambda a, b: a in b,
    "$hasAll": lambda a, b: all(a == value for value in b),
}
SPELLING: Mapping[str, Callable[[str, str], bool]] = {
    "$startsWith": str.startswith,
    "$endsWith": str.endswith,
    "$contains": str.__contains__,
}
PRESENCE = {
    "$exists": lambda value, wanted: (value is not None) == wanted,
    "$isEmpty": lambda value, wanted: (value is None or value == "") == wanted,
}


def holds(name: str, operator: str, value: Any, operand: Any) -> bool:
    value = shown(value)
    if operator in SAME:
        return bool(SAME[operator](value, native(name, operand)))
    if operator in LISTS:
        return LISTS[operator](value, [native(name, one) for one in operand])
    if operator in PRESENCE:
        return bool(PRESENCE[operator](value, operand))
    if value is None:
        return False
    if operator in ORDER:
        return bool(ORDER[operator](value, native(name, operand)))
    return SPELLING[operator](str(value).casefold(), operand.casefold())


def matches(row: Row, filter_json: Mapping[str, Any]) -> bool:
    return all(matches_member(row, name, value) for name, value in filter_json.items())


def matches_member(row: Row, name: str, value: Any) -> bool:
    match name:
        case "$and":
            return all(matches(row, part) for part in value)
        case "$or":
            return any(matches(row, part) for part in value)
        case "$not":
            return not matches(row, value[0] if isinstance(value, list) else value)
    operations = value if isinstance(value, dict) else {"$eq": value}
    return all(holds(name, operator, row[name], operand) for operator, operand in operations.items())


def in_order(rows: Sequence[Row], sorts: Sequence[Mapping[str, str]]) -> list[UUID]:
    """Sort by the last key first; Python's sort keeps ties as they were. Missing values rank lowest."""
    sorts = sorts or [{"fieldName": "createdDate", "order": "DESC"}]
    ordered = sorted(rows, key=lambda row: row["id"], reverse=sorts[0]["order"] == "DESC")
    for entry in reversed(sorts):
        name = entry["fieldName"]
        present = [row for row in ordered if row[name] is not None]
        missing = [row for row in ordered if row[name] is None]
        down = entry["order"] == "DESC"
        present.sort(key=lambda row: row[name], reverse=down)
        ordered = present + missing if down else missing + present
    return [row["id"] for row in ordered]


# --- The grammar ---


def wire(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def operands(name: str, operator: str) -> st.SearchStrategy[Any]:
    if operator in PRESENCE:
        return st.booleans()
    if operator in SPELLING:
        return TEXTS | st.sampled_from(["FAIL", "0", "abc", "-"])
    value = VALUES[name].map(wire)
    if operator in LISTS:
        return st.lists(st.none() | value, max_size=4)
    return st.none() | value if operator in SAME else value


@cache
def conditions(name: str) -> st.SearchStrategy[Any]:
    bare = st.none() | VALUES[name].map(wire)
    operations = {operator: operands(name, operator) for operator in sorted(FIELDS[name].allowed_operators)}
    several = st.tuples(st.sampled_from(sorted(operations)), st.sampled_from(sorted(operations))).flatmap(
        lambda chosen: st.fixed_dictionaries({operator: operations[operator] for operator in chosen})
    )
    single = st.one_of([st.fixed_dictionaries({operator: operand}) for operator, operand in operations.items()])
    return bare | single | several


LEAVES = st.one_of([st.fixed_dictionaries({name: conditions(name)}) for name in FIELDS]) | st.fixed_dictionaries(
    {}, optional={name: conditions(name) for name in ("status", "createdDate", "points.balance")}
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: (
        st.fixed_dictionaries({"$and": st.lists(inner, max_size=3)}, optional={"name": conditions("name")})
        | st.fixed_dictionaries({"$or": st.lists(inner, max_size=3)}, optional={"$not": inner})
        | st.fixed_dictionaries({"$not": inner | inner.map(lambda part: [part])})
    ),
    max_leaves=6,
)
SORTS = st.lists(
    st.fixed_dictionaries({"fieldName": st.sampled_from(list(FIELDS)), "order": st.sampled_from(["ASC", "DESC"])}),
    max_size=4,
    unique_by=lambda entry: entry["fieldName"],
)


# --- The properties ---


def variety() -> list[Row]:
    """Rows that between them hold every value of the grammar's, and none, beside many others."""
    names = [None, "", "a", "A", "aA", "Ab", "%", "_", "\\", "a%b", "a_b", "a\\b", "Zé日", "zÉ", "ΣΑς", "ασς", " "]
    pools: Mapping[str, Sequence[Any]] = {
        "createdDate": MOMENTS,
        "lastDate": [None, *MOMENTS],
        "points.balance": [None, -(2**63), -1, 0, 1, 2, 2**63 - 1],
        "name": names,
        "status": STATUSES,
        "active": [None, True, False],
        "memberId": [None, *GUIDS],
        "nick": [name or None for name in names],
    }
    ids = [*GUIDS, *(UUID(int=number) for number in range(1, 57))]
    return [
        {"id": one, **{name: pool[(number // step) % len(pool)] for step, (name, pool) in enumerate(pools.items(), 1)}}
        for number, one in enumerate(ids)
    ]


def test_a_filter_chooses_the_rows_that_its_plain_reading_chooses(things: Connection) -> None:
    rows = variety()
    fill(things, rows)
    fill(things, rows, site_id=UUID(int=8))

    @settings(ON_THE_DATABASE, max_examples=300)
    @given(FILTERS)
    def check(filter_json: Mapping[str, Any]) -> None:
        expected = in_order([row for row in rows if matches(row, filter_json)], [])
        assert ask(things, {"filter": filter_json, "cursorPaging": {"limit": 100}})[0] == expected
        where, parameters = plan_filter(THINGS, filter_json)
        count = sql.SQL("SELECT count(*) FROM thing WHERE site_id = %(site_id)s AND {}").format(where)
        assert things.execute(count, {**parameters, "site_id": SITE}).fetchone() == (len(expected),)

    check()


@pytest.mark.parametrize(
    ("filter_json", "names"),
    [
        ({"name": {"$ne": "a"}}, {None, "", "A", "50%", "5"}),
        ({"$not": {"name": {"$gt": "A"}}}, {None, "", "A", "50%", "5"}),
        ({"name": {"$in": ["5", None]}}, {None, "5"}),
        ({"name": {"$nin": ["5", None]}}, {"", "a", "A", "50%"}),
        ({"name": {"$hasAll": ["a", "A"]}}, set()),
        ({"name": {"$startsWith": "A"}}, {"a", "A"}),
        ({"name": {"$contains": "0%"}}, {"50%"}),
        ({"name": {"$endsWith": "_"}}, set()),
        ({"name": None}, {None}),
        ({"name": {"$isEmpty": True}}, {None, ""}),
        ({"name": {"$exists": True, "$ne": ""}}, {"a", "A", "50%", "5"}),
    ],
)
def test_filters_that_are_easily_misread(things: Connection, filter_json: Any, names: set[str | None]) -> None:
    everybody = [None, "", "a", "A", "50%", "5"]
    fill(things, named(everybody))
    assert {everybody[one.int] for one in ask(things, {"filter": filter_json})[0]} == names


@pytest.mark.parametrize(
    ("filter_json", "names"),
    [
        ({"nick": None}, {None}),
        ({"nick": {"$exists": False}}, {None}),
        ({"nick": {"$exists": True}}, {"a", "B"}),
        ({"nick": {"$ne": None}}, {"a", "B"}),
        ({"nick": {"$ne": "a"}}, {None, "B"}),
        ({"nick": {"$in": [None, "a"]}}, {None, "a"}),
        ({"nick": {"$nin": [None, "a"]}}, {"B"}),
        ({"nick": {"$lt": "a"}}, {"B"}),
        ({"nick": {"$gte": ""}}, {"a", "B"}),
        ({"nick": ""}, set()),
        ({"nick": {"$in": [""]}}, set()),
        ({"nick": {"$isEmpty": True}}, {None}),
        ({"nick": {"$contains": ""}}, {"a", "B"}),
        ({"$not": {"nick": {"$lt": "a"}}}, {None, "a"}),
    ],
)
def test_a_blank_that_is_missing_is_no_value(things: Connection, filter_json: Any, names: set[str | None]) -> None:
    nicks = [None, "a", "B"]
    fill(things, [{**row, "nick": row["name"]} for row in named(nicks)])
    assert {nicks[one.int] for one in ask(things, {"filter": filter_json})[0]} == names


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("Ångström", "ångstRÖM"),
        ("ångström", "ÅNGSTRÖM"),
        ("Äpfel", "äpf"),
        ("ŻÓŁĆ", "żółć"),
        ("Ελένη", "ΕΛΈΝΗ"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("Жанна", "жАННА"),
        ("Straße", "STRAẞE"),
        ("𐐀", "𐐨"),
        ("İstanbul", "İSTANBUL"),
    ],
)
def test_case_does_not_count_in_any_alphabet(things: Connection, name: str, piece: str) -> None:
    """Whatever locale and version the database has: it is not asked."""
    fill(things, named([name, "Angstrom", "apfel", "x"]))
    for operation in ("$startsWith", "$contains"):
        assert [one.int for one in ask(things, {"filter": {"name": {operation: piece}}})[0]] == [0]
    assert 0 in [one.int for one in ask(things, {"filter": {"name": {"$contains": piece[1:]}}})[0]]


def test_a_value_is_sought_in_the_form_in_which_it_is_stored(things: Connection) -> None:
    fill(things, named(["ada", "bob", "eve"]))
    field = Field("thing.name", Kind.TEXT, nullable=True, normal=lambda text: text.strip().lower())
    people = Resource("people", {"name": field}, IDENTITY, (Sort("name"),))
    for operation, places in [
        ({"$eq": " ADA "}, [0]),
        ({"$ne": "Ada"}, [1, 2]),
        ({"$in": ["EVE", "Bob", None]}, [1, 2]),
        ({"$nin": ["EVE", "Bob"]}, [0]),
        ({"$hasSome": ["Ada"]}, [0]),
        ({"$hasAll": ["Ada", "ADA"]}, [0]),
        ({"$lt": "BOB"}, []),
    ]:
        where, parameters = plan_filter(people, {"name": operation})
        statement = sql.SQL("SELECT id FROM thing WHERE site_id = %(site_id)s AND {} ORDER BY id").format(where)
        found = things.execute(statement, {**parameters, "site_id": SITE}).fetchall()
        assert [one.int for (one,) in found] == places, operation


@ON_THE_DATABASE
@given(rows=row_lists(), sorts=SORTS, limit=st.integers(1, 7), filter_json=st.just({}) | LEAVES)
def test_pages_lead_through_every_row_once_and_the_same_way_back(
    things: Connection, rows: list[Row], sorts: list[dict[str, str]], limit: int, filter_json: Mapping[str, Any]
) -> None:
    refill(things, rows)
    expected = in_order([row for row in rows if matches(row, filter_json)], sorts)
    pages = [ask(things, {"filter": filter_json, "sort": sorts, "cursorPaging": {"limit": limit}})]
    while cursor := pages[-1][1]["cursors"].get("next"):
        pages.append(ask(things, {"cursorPaging": {"cursor": cursor}}))
    assert [one for ids, _ in pages for one in ids] == expected
    assert all(ids for ids, _ in pages) or not expected
    back = [pages[-1]]
    while cursor := back[0][1]["cursors"].get("prev"):
        back.insert(0, ask(things, {"cursorPaging": {"cursor": cursor}}))
    assert [ids for ids, _ in back] == [ids for ids, _ in pages]
    assert [metadata["hasNext"] for _, metadata in back] == [metadata["hasNext"] for _, metadata in pages]


@ON_THE_DATABASE
@given(
    rows=row_lists(),
    added=st.lists(row_lists(start=100), max_size=6),
    sorts=SORTS,
    limit=st.integers(1, 7),
    way=st.sampled_from(["next", "prev"]),
)
def test_rows_added_on_the_way_hide_and_repeat_nothing(
    things: Connection, rows: list[Row], added: list[list[Row]], sorts: list[dict[str, str]], limit: int, way: str
) -> None:
    refill(things, rows)
    query: dict[str, Any] = {"sort": sorts, "cursorPaging": {"limit": limit}}
    seen, metadata = ask(things, query)
    while way == "prev" and (cursor := metadata["cursors"].get("next")):
        seen, metadata = ask(things, {"cursorPaging": {"cursor": cursor}})
    everything = list(rows)
    known = {row["id"] for row in rows}
    batches = iter(added)
    while cursor := metadata["cursors"].get(way):
        fresh = [row for row in next(batches, []) if row["id"] not in known]
        fill(things, fresh)
        known |= {row["id"] for row in fresh}
        everything += fresh
        ids, metadata = ask(things, {"cursorPaging": {"cursor": cursor}})
        seen = seen + ids if way == "next" else ids + seen
    assert len(seen) == len(set(seen))
    assert {row["id"] for row in rows} <= set(seen)
    assert seen == [one for one in in_order(everything, sorts) if one in set(seen)]


@ON_THE_DATABASE
@given(
    rows=row_lists(),
    added=st.lists(row_lists(start=100), max_size=6),
    sorts=SORTS,
    limit=st.integers(1, 4),
)
def test_there_and_back_while_rows_are_added_visits_every_row_once_each_way(
    things: Connection, rows: list[Row], added: list[list[Row]], sorts: list[dict[str, str]], limit: int
) -> None:
    """1.7: cursors lead forwards to the end and from there backwards to the beginning."""
    refill(things, rows)
    everything, batches = list(rows), iter(added)
    ids, metadata = ask(things, {"sort": sorts, "cursorPaging": {"limit": limit}})
    there = back = ids
    for way in ("next", "prev"):
        while cursor := metadata["cursors"].get(way):
            known = {row["id"] for row in everything}
            fresh = [row for row in next(batches, []) if row["id"] not in known]
            fill(things, fresh)
            everything += fresh
            ids, metadata = ask(things, {"cursorPaging": {"cursor": cursor}})
            there, back = (there + ids, ids) if way == "next" else (there, ids + back)
    for seen in (there, back):
        assert len(seen) == len(set(seen))
        assert {row["id"] for row in rows} <= set(seen)
        assert seen == [one for one in in_order(everything, sorts) if one in set(seen)]


@ON_THE_DATABASE
@given(rows=row_lists(), sorts=SORTS, limit=st.integers(1, 4), data=st.data())
def test_rows_removed_on_the_way_hide_no_others(
    things: Connection, rows: list[Row], sorts: list[dict[str, str]], limit: int, data: st.DataObject
) -> None:
    refill(things, rows)
    seen, metadata = ask(things, {"sort": sorts, "cursorPaging": {"limit": limit}})
    cursor = metadata["cursors"].get("next")
    if cursor is None:
        return
    gone = set(data.draw(st.lists(st.sampled_from([row["id"] for row in rows]), unique=True)))
    things.execute("DELETE FROM thing WHERE id = ANY(%s)", [list(gone)])
    left = [one for one in in_order(rows, sorts) if one not in gone]
    onward, metadata = ask(things, {"cursorPaging": {"cursor": cursor}})
    assert onward == [one for one in left if one not in seen][:limit]
    back, metadata = ask(things, {"cursorPaging": {"cursor": metadata["cursors"]["prev"]}})
    assert back == [one for one in left if one in seen]
    if not back:
        assert ask(things, {"cursorPaging": {"cursor": metadata["cursors"]["next"]}})[0] == onward


def test_an_ordinary_page_is_one_walk_along_one_index(things: Connection) -> None:
    things.execute("CREATE INDEX thing_newest ON thing (site_id, created_date, id)")
    things.execute("SET LOCAL enable_seqscan = off")
    things.execute("SET LOCAL enable_bitmapscan = off")
    fill(things, named([None] * 200))
    cursor = ask(things, {"cursorPaging": {"limit": 50}})[1]["cursors"]["next"]
    middle = ask(things, {"cursorPaging": {"cursor": cursor}})[1]["cursors"]
    for way in (middle["next"], middle["prev"]):
        page = plan(THINGS, {"cursorPaging": {"cursor": way}}, SIGNER)
        statement = sql.SQL(
            "EXPLAIN SELECT id FROM thing WHERE site_id = %(site_id)s AND {} ORDER BY {} LIMIT %(q_limit)s"
        ).format(page.where, page.order_by)
        lines = "\n".join(line for (line,) in things.execute(statement, {**page.parameters, "site_id": SITE}))
        assert "Sort" not in lines
        assert "Filter" not in lines
        assert "AND (ROW(created_date, id)" in lines


def test_upper_case_sorts_before_lower_and_missing_names_lowest(things: Connection) -> None:
    names = ["abc", "XYZ", None, "", "é", "日"]
    fill(things, named(names))
    upward = [names[one.int] for one in ask(things, {"sort": [{"fieldName": "name"}]})[0]]
    assert upward == [None, "", "XYZ", "abc", "é", "日"]
    downward = [names[one.int] for one in ask(things, {"sort": [{"fieldName": "name", "order": "DESC"}]})[0]]
    assert downward == upward[::-1]
