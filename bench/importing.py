"""How fast a file becomes a ledger: a part of `make bench`.

A file is imported first into a site without accounts and then once more with other balances, over HTTP on a running
`serve`, from the PUT of the file to the status IMPORTED. Beside it, in turns and on the same server and tables, the floor:
SQL written by hand (bench/floor.sql), run by psql in one session on a file that is parsed already. Each has a site of its
own, with the same contacts.
"""

import csv
import random
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from bench.program import IMPORTS, Server, ask, call, connect, forget_peak, resident_bytes, serving, uploaded
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.pool import Database
from pointport.plumbing.database.server_program import binary_folders
from pointport.plumbing.sites import sites

BAD_SHARE = 0.03
SEED = 20_260
FLOOR = Path(__file__).with_name("floor.sql")
MAPPING = {"headerMappings": [{"columnName": "EMAIL", "columnIndex": 1}, {"columnName": "POINTS", "columnIndex": 2}]}
POLL_SECONDS_MIN, POLL_SECONDS_MAX = 0.005, 0.1
EARN_PAUSE_SECONDS = 0.01
LOOK_SECONDS = 0.05
CLIENTS = 8
BLOAT_IMPORTS = 80
MEBIBYTE = 1024 * 1024
LIMITS = {"POINTPORT_UPLOAD_BYTES_MAX": str(1024 * MEBIBYTE)}
ACCOUNTS = "/_api/loyalty-accounts/v1/accounts"
APP_ID = "00000000-0000-4000-8000-000000000001"

MODEL: LiteralString = """
    INSERT INTO contact (site_id, id, email, first_name, last_name, revision, created_date, updated_date)
    SELECT %(site_id)s, (%(prefix)s || lpad(to_hex(n), 12, '0'))::uuid, 'customer.' || lpad(n::text, 7, '0')
        || '@example.com', '', '', 1, %(now)s, %(now)s
    FROM generate_series(0, %(rows)s - 1) AS n
"""


# --- Files ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sheet:
    """A file of points, and the same rows parsed, for psql to copy: line, address, points, problem."""

    path: Path
    parsed: Path
    rows: int


def make_sheet(folder: Path, rows: int, number: int) -> Sheet:
    """Make a file of so many customers in random order; every number gives them other balances. 3 % of the rows are bad."""
    chance = random.Random(SEED + number)  # noqa: S311  (chance that comes again)
    order = list(range(rows))
    chance.shuffle(order)
    sheet = Sheet(folder / f"points-{rows}-{number}.csv", folder / f"parsed-{rows}-{number}.tsv", rows)
    with sheet.path.open("w", newline="") as file, sheet.parsed.open("w") as parsed:
        writer = csv.writer(file)
        writer.writerow(["Name", "Email", "Points"])
        for line, customer in enumerate(order, 2):
            email, points, problem = f"customer.{customer:07d}@example.com", str(chance.randrange(1, 100_000)), "\\N"
            if chance.random() < BAD_SHARE:
                kind = chance.randrange(3)
                if kind == 0:
                    email = f"nobody.{email}"
                else:
                    points, problem = (("abc", "POINTS_NOT_A_NUMBER"), ("-5", "POINTS_NEGATIVE"))[kind - 1]
            writer.writerow([f"Customer {customer}", email, points])
            parsed.write(f"{line}\t{email}\t{points if problem == chr(92) + 'N' else chr(92) + 'N'}\t{problem}\n")
    return sheet


# --- The two ways ---------------------------------------------------------------------------------------------------------


def new_site(conninfo: str, contacts: int) -> tuple[UUID, str]:
    """Make a site with so many contacts, in the order of their ids as they come; returns it and its key."""
    database = Database(conninfo, connections_max=4)
    database.open()
    try:
        made, key = sites.create_site(database, "Bench", default=False, actor="bench", now=datetime.now(UTC))
    finally:
        database.close()
    values = {"site_id": made.id, "rows": contacts, "prefix": f"{str(made.id)[:23]}-", "now": datetime.now(UTC)}
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(MODEL, values)
        connection.execute("ANALYZE contact")
        connection.execute("CHECKPOINT")
    return made.id, key


def import_file(server: Server, path: Path) -> tuple[float, str]:
    """Import a file over HTTP; returns the seconds from asking for its upload URL to IMPORTED, and the import's id."""
    begun = time.perf_counter()
    import_id = upload_and_create(server, path)
    follow(server, import_id, "PARSED")
    execute(server, import_id)
    follow(server, import_id, "IMPORTED")
    return time.perf_counter() - begun, import_id


def upload_and_create(server: Server, path: Path) -> str:
    """Upload a file and make an import of it; returns its id."""
    slot = call(server, "POST", f"{IMPORTS}/wixmp-upload-url", {})
    uploaded(server, slot["uploadUrl"], path)
    made = call(server, "POST", IMPORTS, {"fileUrl": slot["filePath"], "fileName": path.name})["loyaltyImport"]
    return str(made["id"])


def execute(server: Server, import_id: str) -> None:
    """Set an import going."""
    call(server, "POST", f"{IMPORTS}/execute", {"loyaltyImportId": import_id, "headerMappingInfo": MAPPING})


def follow(server: Server, import_id: str, status: str) -> None:
    """Wait until an import has a status, asking less often the longer it takes: who asks takes time from who works."""
    begun = time.perf_counter()
    with closing(connect(server)) as connection:
        while True:
            got = ask(connection, server, "GET", f"{IMPORTS}?loyaltyImportId={import_id}")
            found = got["loyaltyImport"]["status"]
            if found == status:
                return
            if found == "FAILED":
                raise RuntimeError(f"import {import_id} failed")
            time.sleep(min(max((time.perf_counter() - begun) / 50, POLL_SECONDS_MIN), POLL_SECONDS_MAX))


def floor(conninfo: str, site_id: UUID, sheet: Sheet) -> float:
    """Have psql do the same by hand; returns its seconds."""
    variables = {"site": site_id, "import": new_id(), "now": datetime.now(UTC).isoformat()}
    options = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
    command = [str(next(binary_folders()) / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", *options, conninfo]
    script = FLOOR.read_text(encoding="utf-8").replace(":file", f"'{sheet.parsed}'")
    begun = time.perf_counter()
    subprocess.run(command, input=script, text=True, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  (our script)
    return time.perf_counter() - begun


# --- What is measured -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """The seconds of one way to import, first and again, a figure for each round, and what else was seen."""

    name: str
    first: list[float]
    again: list[float]
    wal_bytes_per_row: tuple[float, float] = (0.0, 0.0)


def compare(conninfo: str, data_dir: Path, sheets: tuple[Sheet, Sheet], rounds: int) -> dict[str, Way]:
    """Import the same two files by hand, in one session and in two, in turns."""
    ways = {name: Way(name, [], []) for name in ("floor", "1 session", "2 sessions")}
    for _ in range(rounds):
        for name, way in ways.items():
            site_id, key = new_site(conninfo, sheets[0].rows)
            if name == "floor":
                way.first.append(floor(conninfo, site_id, sheets[0]))
                checkpoint(conninfo)
                way.again.append(floor(conninfo, site_id, sheets[1]))
                continue
            with serving(data_dir, POINTPORT_APPLY_SESSIONS=name[0], **LIMITS) as (started, _):
                server = replace(started, site_id=str(site_id), key=key)
                begun = wal_position(conninfo)
                way.first.append(import_file(server, sheets[0].path)[0])
                between = wal_position(conninfo)
                checkpoint(conninfo)
                way.again.append(import_file(server, sheets[1].path)[0])
                written = (between - begun) / sheets[0].rows, (wal_position(conninfo) - between) / sheets[1].rows
                ways[name] = replace(way, wal_bytes_per_row=written)
    return ways


def small_import_seconds(server: Server, path: Path, count: int = 25) -> list[float]:
    """Import a file of ten rows again and again; the first few are passed over."""
    return [import_file(server, path)[0] for _ in range(count)][5:]


@dataclass(frozen=True)
class Fairness:
    """What others saw of a large import: the slowest small import of another site, and earning on the same accounts."""

    small_seconds: list[float]
    earn_seconds: list[float]
    peak_bytes: int


def fairness(conninfo: str, server: Server, sheet: Sheet, small: Path) -> Fairness:
    """While one site imports a large file, import ten rows into another, and earn points on accounts of the same import."""
    accounts = some_accounts(conninfo, UUID(server.site_id))
    other_id, other_key = new_site(conninfo, 10)
    other = replace(server, site_id=str(other_id), key=other_key)
    ended = threading.Event()
    small_seconds: list[float] = []
    earn_seconds: list[float] = []

    def import_small() -> None:
        while not ended.is_set():
            small_seconds.append(import_file(other, small)[0])

    def earn() -> None:
        chance = random.Random(SEED)  # noqa: S311
        while not ended.is_set():
            body = {"amount": 1, "description": "Bench", "appId": APP_ID, "idempotencyKey": str(new_id())}
            begun = time.perf_counter()
            call(server, "POST", f"{ACCOUNTS}/{chance.choice(accounts)}/earn-points", body)
            earn_seconds.append(time.perf_counter() - begun)
            time.sleep(EARN_PAUSE_SECONDS)

    forget_peak(server.process_id)
    with ThreadPoolExecutor(2) as beside:
        tasks = [beside.submit(import_small), beside.submit(earn)]
        try:
            import_file(server, sheet.path)
        finally:
            ended.set()
        for task in tasks:
            task.result()
    return Fairness(small_seconds, earn_seconds, resident_bytes(server.process_id, "VmHWM"))


def some_accounts(conninfo: str, site_id: UUID) -> list[str]:
    """Return the ids of a thousand accounts of a site."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT id FROM account WHERE site_id = %s ORDER BY md5(id::text) LIMIT 1000", [site_id]
        ).fetchall()
    return [str(row[0]) for row in rows]


def many_rows_per_second(conninfo: str, server: Server, folder: Path, site_count: int, rows: int) -> float:
    """Import a file of so many rows into each of many sites at once; returns rows a second over all.

    How far they are is looked up in the database: hundreds of clients that ask the server again and again would be what
    is measured.
    """
    made = [new_site(conninfo, rows) for _ in range(site_count)]
    sheet = make_sheet(folder, rows, 9)
    servers = {site_id: replace(server, site_id=str(site_id), key=key) for site_id, key in made}
    begun = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients, psycopg.connect(conninfo, autocommit=True) as watching:
        for one in servers.values():
            clients.submit(upload_and_create, one, sheet.path)
        executed: set[UUID] = set()
        ended = 0
        while ended < site_count:
            time.sleep(LOOK_SECONDS)
            found = watching.execute(
                "SELECT site_id, id, status FROM loyalty_import WHERE site_id = ANY(%s)", [list(servers)]
            ).fetchall()
            for site_id, import_id, status in found:
                if status == "PARSED" and import_id not in executed:
                    executed.add(import_id)
                    clients.submit(execute, servers[site_id], str(import_id))
            ended = sum(status == "IMPORTED" for _, _, status in found)
    return site_count * rows / (time.perf_counter() - begun)


@dataclass(frozen=True)
class Bloat:
    """The size of accounts and of the tables that files pass through, after some more imports than the first."""

    imports: int
    account_bytes: int
    passage_bytes: int


def bloat(conninfo: str, server: Server, sheets: tuple[Sheet, Sheet]) -> list[Bloat]:
    """Import again and again, and look after each how large the tables are.

    What was deleted is free for the next once the vacuum has come by, which looks every ten seconds: by then ten imports
    may be over, and while statistics are gathered nothing is cleared away. So it takes some dozens to see where it ends.
    """
    found = []
    for number in range(BLOAT_IMPORTS + 1):
        import_file(server, sheets[number % 2].path)
        accounts = tables_bytes(conninfo, "account")
        found.append(Bloat(number, accounts, tables_bytes(conninfo, "import_stage", "import_ready", "import_chunk")))
    return found


def tables_bytes(conninfo: str, *names: str) -> int:
    """Return the size of tables with their indexes."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        sizes = connection.execute(
            "SELECT pg_total_relation_size(name::regclass) FROM unnest(%s::text[]) AS name", [list(names)]
        )
        return sum(size for (size,) in sizes)


def wal_position(conninfo: str) -> int:
    """Return how many bytes the server has written to its log."""
    return int(look(conninfo, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"))


def checkpoint(conninfo: str) -> None:
    """Have the server write down what it has in memory, so that nobody pays for another's."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def look(conninfo: str, query: LiteralString) -> Any:
    """Return the one value of a query."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return next(connection.execute(query))[0]
