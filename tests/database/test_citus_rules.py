"""The same schema and SQL run on a Citus cluster: every statement is held to the rules that can be read off it.

Each rule stands here since breaking it fails on Citus alone, which these tests do not start: a UNIQUE without the site
cannot be distributed, an INSERT inside WITH may write to the wrong table, a window over all sites is pulled through the
coordinator. The statements are parsed; a parser that does not understand one says so instead of passing it over.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlfluff.core import Linter
from sqlfluff.core.parser import BaseSegment

import pointport
from pointport.plumbing.database.named_sql import load

PACKAGE = Path(pointport.__file__).parent
MIGRATIONS = sorted((PACKAGE / "migrations").glob("[0-9]*.sql"))
NAMED = sorted(path for path in PACKAGE.rglob("*.sql") if path.parent.name != "migrations")

SITE_TABLES = frozenset(
    {"site", "api_key", "contact", "account", "transaction", "loyalty_import", "import_row", "import_stage"}
    | {"import_ready", "import_chunk", "event", "audit_entry", "program", "async_job", "async_job_item"}
    | {"webhook", "signing_key", "webhook_delivery", "webhook_attempt"}
    | {"import_run", "import_cancel", "retry_row", "idempotency_key"}
)

ACROSS_SITES = {
    "find_unfinished": "the owner looks for imports that nobody looks after, and names the site in what follows",
    "find_expired": "the owner looks for what is old on all sites, and names the site in what follows",
    "find_lost_jobs": "likewise for jobs over many accounts",
    "find_lost_runs": "likewise for previews and undos",
    "find_old_previews": "the owner looks for what is old on all sites, and names the site in what follows",
    "find_due": "the owner looks for what has come due on all sites, and names the site in what follows",
    "find_sites_with_old_events": "the owner looks for what is old on all sites, and names the site in what follows",
    "find_sites_with_old_keys": "likewise for keys that have expired",
    "files_in_use": "the owner looks at the files of all sites before it erases those that are old",
    "list_sites": "the owner lists the sites themselves",
}
"""Statements that do not name their site, and why they need not. They read, and write nothing."""

MIGRATED_ACROSS_SITES = {
    "0004_webhooks.sql": ["event is used without its site_id", "no site_id is compared with a value"],
    "0003_contract.sql": ["site is used without its site_id", "no site_id is compared with a value"],
}
"""A migration may fill a new table for all sites at once: site_id goes from column to column, each shard does its own."""

VOLATILE = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|random|gen_random_uuid|uuidv[47]"
    r"|nextval)\s*\(|\bcurrent_(timestamp|date|time)\b|\blocaltime(stamp)?\b",
    re.IGNORECASE,
)
CORES = ("select_statement", "update_statement", "delete_statement")
WRITES = ("insert_statement", "update_statement", "delete_statement", "merge_statement")

linter = Linter(dialect="postgres")


def statements(text: str) -> Iterator[BaseSegment]:
    """The statements of a script, parsed; of our placeholders the site's becomes $1 and every other $2."""
    text = re.sub(r"%\((\w+)\)s", lambda match: "$1" if match[1] == "site_id" else "$2", text)
    text = re.sub(r"\{\w+\}", "1", text).replace("%%", "%")
    tree = linter.parse_string(text).tree
    assert tree is not None
    unparsable = [segment.raw for segment in tree.recursive_crawl("unparsable")]
    assert not unparsable, unparsable
    yield from (child for child in tree.segments if child.is_type("statement"))


def plain(segment: BaseSegment, *, nested: bool = True) -> str:
    """The text without comments, every blank a single one, and without nested SELECTs unless wanted."""
    words = []
    for child in segment.segments or [segment]:
        if child.is_type("comment"):
            continue
        if child.segments and (nested or not child.is_type("select_statement")):
            words.append(plain(child, nested=nested))
        elif not child.segments:
            words.append(child.raw)
    return re.sub(r"\s+", " ", "".join(words))


def inside(segment: BaseSegment, *kinds: str) -> Iterator[BaseSegment]:
    """All parts of these kinds that belong to a statement itself, not to a SELECT nested in it."""
    for child in segment.segments:
        if child.is_type(*kinds):
            yield child
        if not child.is_type("select_statement"):
            yield from inside(child, *kinds)


def tables(core: BaseSegment) -> Iterator[tuple[str, str]]:
    """The tables that a SELECT, UPDATE or DELETE itself names, each with the name that it goes by."""
    targets = () if core.is_type("select_statement") else core.segments
    for segment in (*targets, *inside(core, "from_expression_element")):
        reference = segment if segment.is_type("table_reference") else next(inside(segment, "table_reference"), None)
        if reference is not None:
            aliases = [part for alias in inside(segment, "alias_expression") for part in inside(alias, "identifier")]
            yield reference.raw.lower(), (aliases[0].raw if aliases else reference.raw).lower()


def names_its_site(core: BaseSegment, alias: str, *, alone: bool) -> bool:
    """Tell whether the conditions of a SELECT, UPDATE or DELETE compare this table's site_id with something."""
    conditions = " ".join(
        plain(segment, nested=False) for segment in inside(core, "where_clause", "join_on_condition")
    ).lower()
    name = rf"(?:{alias}\.)?site_id" if alone else rf"{alias}\.site_id"
    return re.search(rf"(?<![\w.]){name} = |= {name}\b", conditions) is not None


def broken_in_query(statement: BaseSegment, *, across_sites: bool) -> Iterator[str]:
    """What breaks a rule in a statement that reads or writes rows."""
    if across_sites and any(True for _ in statement.recursive_crawl(*WRITES)):
        yield "a write across sites"
    if not across_sites:
        yield from broken_in_conditions(statement)
    if re.search(r"\b(rollup|cube|grouping sets|set_config)\b", plain(statement), re.IGNORECASE):
        yield "ROLLUP, CUBE, GROUPING SETS or set_config"
    for expression in statement.recursive_crawl("common_table_expression"):
        if any(True for _ in expression.recursive_crawl(*WRITES)):
            yield "a write inside WITH"
    yield from broken_in_subqueries(statement)
    yield from broken_in_inserts(statement)
    yield from broken_in_updates(statement)
    yield from broken_in_windows(statement)


def broken_in_conditions(statement: BaseSegment) -> Iterator[str]:
    """Every site table names its site, and the site is a value somewhere in the statement."""
    touched = False
    for core in statement.recursive_crawl(*CORES):
        named = list(tables(core))
        for table, alias in named:
            if table in SITE_TABLES:
                touched = True
                if not names_its_site(core, alias, alone=len(named) == 1):
                    yield f"{table} is used without its site_id"
    if touched and not re.search(r"\bsite_id = \$1", plain(statement)):
        yield "no site_id is compared with a value"


def broken_in_subqueries(statement: BaseSegment) -> Iterator[str]:
    """A site table and another table side by side: Citus does not join the two in a correlated NOT EXISTS."""
    for select in statement.recursive_crawl("select_statement"):
        correlated = plain(select).lower()
        outer = {alias for core in statement.recursive_crawl(*CORES) if core is not select for _, alias in tables(core)}
        local = [table for table, _ in tables(select) if table not in SITE_TABLES]
        if local and any(
            re.search(rf"\b{alias}\.", correlated) for alias in outer - {alias for _, alias in tables(select)}
        ):
            yield f"a correlated subquery of {local[0]}, which is no site table"


def broken_in_inserts(statement: BaseSegment) -> Iterator[str]:
    for insert in statement.recursive_crawl("insert_statement"):
        table = next(child.raw for child in insert.segments if child.is_type("table_reference")).lower()
        if table not in SITE_TABLES:
            continue
        bracketed = next((child for child in insert.segments if child.is_type("bracketed")), None)
        columns = [column.raw.lower() for column in bracketed.recursive_crawl("column_reference")] if bracketed else []
        if "site_id" not in columns:
            yield f"{table} gets a row without a site_id"
            continue
        for select in (child for child in insert.segments if child.is_type("select_statement")):
            elements = list(inside(select, "select_clause_element"))
            if not re.fullmatch(r"(\w+\.)?site_id", plain(elements[columns.index("site_id")]).lower()):
                yield "INSERT … SELECT takes site_id from something else than a column"
        for clause in insert.recursive_crawl("conflict_action"):
            if VOLATILE.search(plain(clause)):
                yield "a time or an id is made in DO UPDATE SET"
            if re.search(r"(?:set|,) site_id =", plain(clause).lower()):
                yield "site_id is changed"


def broken_in_updates(statement: BaseSegment) -> Iterator[str]:
    for update in statement.recursive_crawl("update_statement"):
        if VOLATILE.search(plain(update)):
            yield "a time or an id is made in UPDATE"
        if any(re.match(r"site_id =", plain(clause).lower()) for clause in inside(update, "set_clause")):
            yield "site_id is changed"


def broken_in_windows(statement: BaseSegment) -> Iterator[str]:
    for window in statement.recursive_crawl("over_clause", "named_window_expression"):
        text = plain(window).lower()
        if re.search(r"partition by (\w+\.)?site_id\b", text) is None and not re.fullmatch(r"over \w+", text.strip()):
            yield "a window is not partitioned by site_id first"


NEVER_IN_SCHEMA = {
    r"\bcreate (or replace )?(constraint )?trigger\b": "a trigger",
    r"\bon (delete|update) set (null|default)\b": "ON DELETE SET NULL",
    r"\b(temp|temporary)\b": "a temporary table",
    r"\brename constraint\b": "a constraint is renamed",
    r"\badd column\b.*\b(primary key|unique|references|check)\b": "a constraint inside ADD COLUMN",
    r"\badd constraint\b.*, (add|drop|alter)\b|\b(add|drop|alter) column\b.*, add constraint\b": (
        "ADD CONSTRAINT beside other changes"
    ),
}


def broken_in_schema(statement: BaseSegment) -> Iterator[str]:
    """What breaks a rule in a statement that makes or changes a table."""
    text = plain(statement).lower()
    for wrong, finding in NEVER_IN_SCHEMA.items():
        if re.search(wrong, text):
            yield finding
    if (
        re.search(r"\bcreate unique index\b", text)
        and "site_id" not in text.partition(" on ")[2].partition(" where ")[0]
    ):
        yield "a unique index without site_id"
    if re.search(r"\badd constraint\b", text):
        yield from broken_in_constraint(text)
    for table in statement.recursive_crawl("create_table_statement"):
        yield from broken_in_table(table)


def broken_in_table(table: BaseSegment) -> Iterator[str]:
    name = next(child.raw for child in table.segments if child.is_type("table_reference")).lower()
    text = plain(table).lower()
    if name == "migration":  # which scripts a database has had: of the whole database, not of a site
        return
    if name not in SITE_TABLES:
        yield f"{name} is no known site table"
    if not re.search(r"\( ?site_id uuid (not null|primary key)", text):
        yield f"{name} does not begin with site_id"
    if "primary key" not in text:
        yield f"{name} has no primary key"
    for constraint in table.recursive_crawl("table_constraint"):
        yield from broken_in_constraint(plain(constraint).lower())
    yield from broken_in_columns(table)


def broken_in_constraint(text: str) -> Iterator[str]:
    for kind in ("primary key", "unique", "exclude"):
        if re.search(rf"\b{kind}\b[^(]*\((?![^)]*\bsite_id\b)", text):
            yield f"{kind} without site_id"
    keys = re.search(r"foreign key ?\(([^)]*)\) ?references \w+ ?(?:\(([^)]*)\))?", text)
    if keys and not all("site_id" in part for part in keys.groups() if part is not None):
        yield "foreign key without site_id"


def broken_in_columns(table: BaseSegment) -> Iterator[str]:
    for column in table.recursive_crawl("column_definition"):
        name, *_ = plain(column).lower().split()
        for constraint in column.recursive_crawl("column_constraint_segment"):
            found = re.match(r"(?:constraint \w+ )?(primary key|unique|references)", plain(constraint).lower())
            if found and name != "site_id":
                yield f"{found[1]} of {name} alone"


def broken(text: str, name: str = "") -> list[str]:
    return [
        finding
        for statement in statements(text)
        for finding in (
            *broken_in_query(statement, across_sites=name in ACROSS_SITES),
            *broken_in_schema(statement),
        )
    ]


def named_queries() -> Iterator[tuple[str, str]]:
    for path in NAMED:
        yield from load(str(path)).items()


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.name)
def test_the_schema_can_be_distributed(path: Path) -> None:
    assert broken(path.read_text(encoding="utf-8")) == MIGRATED_ACROSS_SITES.get(path.name, [])


@pytest.mark.parametrize(("name", "query"), [pytest.param(*pair, id=pair[0]) for pair in named_queries()])
def test_every_statement_runs_on_a_cluster(name: str, query: str) -> None:
    assert broken(query, name) == []


def test_every_table_is_a_site_table() -> None:
    made = {
        table
        for path in MIGRATIONS
        for table in re.findall(r"CREATE (?:UNLOGGED )?TABLE (\w+)", path.read_text(encoding="utf-8"))
    }
    assert made == SITE_TABLES


def test_every_exemption_is_still_needed() -> None:
    queries = dict(named_queries())
    for name in ACROSS_SITES:
        assert broken(queries[name], "held to all rules"), f"{name} keeps the rules: strike it off the list"


TABLE = "CREATE TABLE event (site_id uuid NOT NULL, id uuid NOT NULL, {}, PRIMARY KEY (site_id, id))"


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("SELECT id FROM contact WHERE id = %(id)s", "contact is used without its site_id"),
        ("SELECT site_id, id FROM contact", "contact is used without its site_id"),
        ("SELECT id FROM contact WHERE site_id IS NOT NULL", "contact is used without its site_id"),
        (
            (
                "SELECT account.id FROM account JOIN contact ON account.id = contact.id"
                " WHERE account.site_id = %(site_id)s"
            ),
            "contact is used without its site_id",
        ),
        (
            (
                "SELECT account.id FROM account WHERE account.site_id = %(site_id)s"
                " AND NOT EXISTS (SELECT FROM contact WHERE contact.id = account.id)"
            ),
            "contact is used without its site_id",
        ),
        (
            "SELECT a.id FROM account AS a JOIN contact AS c ON a.site_id = c.site_id WHERE a.id = %(id)s",
            "no site_id is compared with a value",
        ),
        ("UPDATE account SET balance = 0 WHERE id = %(id)s", "account is used without its site_id"),
        ("DELETE FROM import_row WHERE import_id = %(id)s", "import_row is used without its site_id"),
        (
            (
                "SELECT id FROM loyalty_import WHERE site_id = %(site_id)s AND NOT EXISTS"
                " (SELECT FROM procrastinate_jobs WHERE procrastinate_jobs.args = loyalty_import.id)"
            ),
            "a correlated subquery of procrastinate_jobs, which is no site table",
        ),
        (
            (
                "WITH made AS (INSERT INTO event (site_id, id) VALUES (%(site_id)s, %(id)s) RETURNING id)"
                " SELECT id FROM made"
            ),
            "a write inside WITH",
        ),
        (
            "WITH gone AS (DELETE FROM event WHERE site_id = %(site_id)s RETURNING id) SELECT id FROM gone",
            "a write inside WITH",
        ),
        ("INSERT INTO event (id) VALUES (%(id)s)", "event gets a row without a site_id"),
        (
            "INSERT INTO event (site_id, id) SELECT %(site_id)s, id FROM contact WHERE site_id = %(site_id)s",
            "INSERT … SELECT takes site_id from something else than a column",
        ),
        (
            "INSERT INTO event (id, site_id) SELECT c.site_id, c.id FROM contact AS c WHERE c.site_id = %(site_id)s",
            "INSERT … SELECT takes site_id from something else than a column",
        ),
        (
            (
                "INSERT INTO contact (site_id, id) VALUES (%(site_id)s, %(id)s)"
                " ON CONFLICT (site_id, id) DO UPDATE SET updated_date = now()"
            ),
            "a time or an id is made in DO UPDATE SET",
        ),
        (
            "UPDATE account SET updated_date = clock_timestamp() WHERE site_id = %(site_id)s",
            "a time or an id is made in UPDATE",
        ),
        (
            "UPDATE account SET updated_date = current_timestamp WHERE site_id = %(site_id)s",
            "a time or an id is made in UPDATE",
        ),
        ("UPDATE account SET id = gen_random_uuid() WHERE site_id = %(site_id)s", "a time or an id is made in UPDATE"),
        ("UPDATE account SET site_id = %(id)s WHERE site_id = %(site_id)s", "site_id is changed"),
        (
            "SELECT row_number() OVER (ORDER BY id) FROM contact WHERE site_id = %(site_id)s",
            "a window is not partitioned by site_id first",
        ),
        (
            "SELECT count(*) OVER () FROM contact WHERE site_id = %(site_id)s",
            "a window is not partitioned by site_id first",
        ),
        (
            "SELECT row_number() OVER (PARTITION BY id, site_id) FROM contact WHERE site_id = %(site_id)s",
            "a window is not partitioned by site_id first",
        ),
        (
            "SELECT row_number() OVER w FROM contact WHERE site_id = %(site_id)s WINDOW w AS (ORDER BY id)",
            "a window is not partitioned by site_id first",
        ),
        ("SELECT count(*) FROM event WHERE site_id = %(site_id)s GROUP BY ROLLUP (id)", "ROLLUP"),
        ("SELECT set_config('pointport.site_id', '1', true)", "set_config"),
        ("CREATE TEMPORARY TABLE event (site_id uuid NOT NULL, PRIMARY KEY (site_id))", "a temporary table"),
        ("CREATE TABLE event (site_id uuid NOT NULL, id uuid PRIMARY KEY)", "primary key of id alone"),
        ("CREATE TABLE event (site_id uuid NOT NULL, id uuid, PRIMARY KEY (id))", "primary key without site_id"),
        ("CREATE TABLE event (site_id uuid NOT NULL, id uuid)", "event has no primary key"),
        (
            "CREATE TABLE event (id uuid, site_id uuid NOT NULL, PRIMARY KEY (site_id, id))",
            "does not begin with site_id",
        ),
        ("CREATE TABLE novelty (site_id uuid NOT NULL PRIMARY KEY)", "novelty is no known site table"),
        (TABLE.format("name text UNIQUE"), "unique of name alone"),
        (TABLE.format("name text, UNIQUE (name)"), "unique without site_id"),
        (TABLE.format("contact_id uuid REFERENCES contact"), "references of contact_id alone"),
        (
            TABLE.format("contact_id uuid, FOREIGN KEY (contact_id) REFERENCES contact (id)"),
            "foreign key without site_id",
        ),
        (
            TABLE.format("c uuid, FOREIGN KEY (site_id, c) REFERENCES contact (site_id, id) ON DELETE SET NULL"),
            "ON DELETE SET NULL",
        ),
        ("CREATE UNIQUE INDEX event_id ON event (id) WHERE site_id IS NOT NULL", "a unique index without site_id"),
        ("CREATE TRIGGER t BEFORE UPDATE ON account FOR EACH ROW EXECUTE FUNCTION f()", "a trigger"),
        ("ALTER TABLE event ADD COLUMN name text UNIQUE", "a constraint inside ADD COLUMN"),
        ("ALTER TABLE event ADD CONSTRAINT event_name UNIQUE (name)", "unique without site_id"),
        ("ALTER TABLE event RENAME CONSTRAINT a TO b", "a constraint is renamed"),
        ("ALTER TABLE event ADD COLUMN a text, ADD CONSTRAINT c CHECK (a > '')", "ADD CONSTRAINT beside other changes"),
    ],
)
def test_what_breaks_a_rule_is_found(text: str, finding: str) -> None:
    assert any(finding in found for found in broken(text)), broken(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id FROM contact WHERE site_id = %(site_id)s -- now(), OVER (), trigger",
        "INSERT INTO event (id, site_id) SELECT c.id, c.site_id FROM contact AS c WHERE c.site_id = %(site_id)s",
        "SELECT count(*) OVER (PARTITION BY c.site_id, c.id) FROM contact AS c WHERE c.site_id = %(site_id)s",
        "WITH c AS (SELECT id FROM contact WHERE site_id = %(site_id)s) SELECT id FROM c",
        TABLE.format("c uuid, FOREIGN KEY (site_id, c) REFERENCES contact (site_id, id) ON DELETE CASCADE"),
        "CREATE UNIQUE INDEX event_id ON event (site_id, id)",
        "CREATE INDEX event_id ON event (id)",
        "ALTER TABLE event ADD COLUMN name text NOT NULL DEFAULT ''",
    ],
)
def test_what_keeps_the_rules_is_let_through(text: str) -> None:
    assert broken(text) == []
