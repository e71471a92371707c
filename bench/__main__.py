"""Measures everything that is promised, and says whether it holds: `make bench`, `make bench-full`.

Prints each target, its figure and whether it holds, writes the same into docs/benchmarks.md, and ends with 1 when one does
not hold. Measure on a machine that does nothing else; figures of one run are compared with each other only.
"""

import argparse
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bench import importing, machine, serving
from bench.importing import MEBIBYTE, Sheet, Way, make_sheet, new_site
from bench.program import Line, resident_bytes, working
from bench.program import serving as served
from bench.reading import speed
from pointport.app import open_database_server
from pointport.settings import Settings

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
OTHERS = {"django-import-export, in bulk": "django_import_export", "SQLAlchemy, row by row": "sqlalchemy_rows"}

ONE_SESSION_TIMES_FLOOR_MAX = 1.10
TWO_SESSIONS_TIMES_FLOOR_MAX = 0.70
GROWTH_MAX = 1.15
PEAK_BYTES_MAX = 100_000_000
BLOAT_MAX = 1.5
BLOAT_GROWTH_MAX = 1.25
SMALL_SECONDS_MAX = 0.150
OTHER_SITE_SECONDS_MAX = 2.0
EARN_P99_SECONDS_MAX = 1.0
MANY_SHARE_MIN = 0.8


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rows: int
    rounds: int
    large_rows: int
    """Of the import whose time per row and whose neighbours are looked at."""
    others_rows: int
    sites: int


SIZES = {
    "quick": Size(rows=250_000, rounds=3, large_rows=1_000_000, others_rows=10_000, sites=200),
    "full": Size(rows=250_000, rounds=5, large_rows=5_000_000, others_rows=10_000, sites=200),
}


@dataclass(frozen=True)
class Place:
    """A data folder whose database server runs as long as the bench does, and a folder for files."""

    data_dir: Path
    files: Path
    conninfo: str


@dataclass(frozen=True)
class Part:
    """A part of the page: its title, what was measured as rows of a table, and the targets."""

    title: str
    table: Sequence[Sequence[str]]
    lines: Sequence[Line]


def main() -> None:
    """Measure, print, write the page, and end with 1 when a target does not hold."""
    arguments = _arguments()
    size = SIZES["full" if arguments.full else "quick"]
    parts: list[Part] = []
    slowdown = machine.slowdown_of_two()
    sys.stdout.write(f"two processes beside each other take {slowdown:.2f} times as long as one alone\n")
    with tempfile.TemporaryDirectory(prefix="pointport-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # Root's database runs as another user, who must get through.
        (folder / "files").mkdir()
        (folder / "data").mkdir()
        with open_database_server(Settings(data_dir=folder / "data")) as (conninfo, _):
            place = Place(folder / "data", folder / "files", conninfo)
            with served(place.data_dir):
                pass  # The first start makes the tables.
            for title, measure in PARTS.items():
                if arguments.only in {None, title}:
                    parts.append(_told(measure(place, size)))
    lines = [line for part in parts for line in part.lines]
    if arguments.only is None:
        command = "make bench-full" if arguments.full else "make bench"
        PAGE.write_text(_page(parts, command, slowdown), encoding="utf-8")
    sys.exit(0 if all(line.holds for line in lines) else 1)


def imports(place: Place, size: Size) -> Part:
    """Importing beside the floor, the same way again for ten thousand rows beside what others do."""
    sheets = make_sheet(place.files, size.rows, 1), make_sheet(place.files, size.rows, 2)
    ways = importing.compare(place.conninfo, place.data_dir, sheets, size.rounds)
    rows = [_row_of(way, ways["floor"], size.rows) for way in ways.values()]
    lines = [
        _at_most(f"{name}, {what}: times the floor", _ratio(ways[name], ways["floor"], what), most)
        for name, most in (
            ("1 session", ONE_SESSION_TIMES_FLOOR_MAX),
            ("2 sessions", TWO_SESSIONS_TIMES_FLOOR_MAX),
        )
        for what in ("first", "again")
    ]
    few = make_sheet(place.files, size.others_rows, 1), make_sheet(place.files, size.others_rows, 2)
    rows += [_row_of(way, None, size.others_rows) for way in _others(place, few)]
    head = [
        "Way",
        "Rows",
        "First import",
        "rows/s",
        "times floor",
        "Import again",
        "rows/s",
        "times floor",
        "WAL bytes/row",
    ]
    return Part("Importing", [head, *rows], lines)


def growth(place: Place, size: Size) -> Part:
    """A large import beside one of ordinary size, its memory, and what its neighbours see of it."""
    small = make_sheet(place.files, 10, 3)
    ordinary, large = make_sheet(place.files, size.rows, 1), make_sheet(place.files, size.large_rows, 1)
    with served(place.data_dir, **importing.LIMITS) as (started, _):
        seconds = []
        for sheet in (ordinary, large):
            site_id, key = new_site(place.conninfo, sheet.rows)
            server = replace(started, site_id=str(site_id), key=key)
            seconds.append(importing.import_file(server, sheet.path)[0])
        peak = resident_bytes(started.process_id, "VmHWM")
        others = importing.fairness(place.conninfo, server, make_sheet(place.files, size.large_rows, 2), small.path)
        alone_id, alone_key = new_site(place.conninfo, 10)
        alone = importing.small_import_seconds(replace(started, site_id=str(alone_id), key=alone_key), small.path)
    per_row = [taken / rows * 1e6 for taken, rows in zip(seconds, (size.rows, size.large_rows), strict=True)]
    earn = statistics.quantiles(others.earn_seconds, n=100)[98]
    lines = [
        _at_most(
            f"{size.large_rows:,} rows: time per row, times that of {size.rows:,}", per_row[1] / per_row[0], GROWTH_MAX
        ),
        Line(
            f"memory of `serve` (API and worker) under {PEAK_BYTES_MAX // 1_000_000} MB",
            f"{max(peak, others.peak_bytes) / 1e6:.0f} MB",
            max(peak, others.peak_bytes) < PEAK_BYTES_MAX,
        ),
        _seconds_at_most("ten rows, PUT to IMPORTED, on an idle server", statistics.median(alone), SMALL_SECONDS_MAX),
        _seconds_at_most(
            f"ten rows of another site, meanwhile, the slowest of {len(others.small_seconds)}",
            max(others.small_seconds),
            OTHER_SITE_SECONDS_MAX,
        ),
        _seconds_at_most(
            f"earning on the same accounts, p99 of {len(others.earn_seconds)}", earn, EARN_P99_SECONDS_MAX
        ),
    ]
    table = [
        ["Rows", "Seconds", "µs a row"],
        *(
            [f"{rows:,}", f"{taken:.1f}", f"{each:.1f}"]
            for rows, taken, each in zip((size.rows, size.large_rows), seconds, per_row, strict=True)
        ),
    ]
    return Part("Growth and neighbours", table, lines)


def many(place: Place, size: Size) -> Part:
    """Many small imports at once on two workers beside one large import on the same two."""
    sheet = make_sheet(place.files, size.sites * 1_000, 4)
    with served(place.data_dir, **importing.LIMITS) as (started, _), working(place.data_dir):
        site_id, key = new_site(place.conninfo, sheet.rows)
        one = sheet.rows / importing.import_file(replace(started, site_id=str(site_id), key=key), sheet.path)[0]
        all_of_them = importing.many_rows_per_second(place.conninfo, started, place.files, size.sites, 1_000)
    line = Line(
        f"{size.sites} sites of 1,000 rows: at least {MANY_SHARE_MIN} of the rows/s of one import of as many rows",
        f"{all_of_them / one:.2f}",
        all_of_them >= MANY_SHARE_MIN * one,
    )
    table = [["Imports", "rows/s"], ["1", f"{one:,.0f}"], [str(size.sites), f"{all_of_them:,.0f}"]]
    return Part("Many at once", table, [line])


def bloat(place: Place, size: Size) -> Part:
    """The tables after many imports that change every balance, in a database with nothing else."""
    rows = size.rows // 5
    sheets = make_sheet(place.files, rows, 1), make_sheet(place.files, rows, 2)
    data_dir = place.data_dir.with_name("bloat")
    with (
        open_database_server(Settings(data_dir=data_dir)) as (conninfo, _),
        served(data_dir, **importing.LIMITS) as (started, _),
    ):
        site_id, key = new_site(conninfo, rows)
        found = importing.bloat(conninfo, replace(started, site_id=str(site_id), key=key), sheets)
    half = importing.BLOAT_IMPORTS // 2
    lines = [
        _at_most(
            "accounts after ten imports, times after the first",
            found[10].account_bytes / found[0].account_bytes,
            BLOAT_MAX,
        ),
        *(
            _at_most(
                f"{what}, the most in the second {half} imports, times the most in the first {half}",
                max(map(size, found[half:])) / max(map(size, found[:half])),
                BLOAT_GROWTH_MAX,
            )
            for what, size in (
                ("accounts", attrgetter("account_bytes")),
                ("what files pass through", attrgetter("passage_bytes")),
            )
        ),
    ]
    table = [
        ["Imports", "Accounts, MiB", "What files pass through, MiB"],
        *(
            [str(one.imports), f"{one.account_bytes / MEBIBYTE:,.0f}", f"{one.passage_bytes / MEBIBYTE:,.0f}"]
            for one in found[:: half // 4]
        ),
    ]
    return Part("Bloat", table, lines)


def reading(_: Place, __: Size) -> Part:
    """The reader beside the bare loop of Python's csv."""
    found = speed.measure()
    table = [
        ["File", "Reading", "rows/s", "bare csv.reader", "times as long"],
        *(
            [
                one.kind,
                one.reading,
                f"{one.rows_per_second:,.0f}",
                f"{one.bare_rows_per_second:,.0f}",
                f"{one.times_bare:.2f}",
            ]
            for one in found
        ),
    ]
    lines = [
        Line(
            f"reading, {one.kind}, {one.reading}: {one.target}",
            f"{one.rows_per_second / 1e6:.2f} M rows/s, times {one.times_bare:.2f}",
            one.holds,
        )
        for one in found
    ]
    return Part("Reading", table, lines)


def load(_: Place, __: Size) -> Part:
    """The API under load, and how soon it starts."""
    return Part("API and start", [], serving.measure())


PARTS: dict[str, Callable[[Place, Size], Part]] = {
    "imports": imports,
    "growth": growth,
    "many": many,
    "bloat": bloat,
    "reading": reading,
    "load": load,
}


# --- Leaves ---------------------------------------------------------------------------------------------------------------


def _others(place: Place, sheets: tuple[Sheet, Sheet]) -> list[Way]:
    """Have the others import the files, each into a database of its own."""
    python = ROOT / ".venv" / "bench" / "bin" / "python"
    ways = []
    for name, module in OTHERS.items():
        database = f"bench_{secrets.token_hex(4)}"
        with psycopg.connect(place.conninfo, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(database)))
        command = [str(python), "-m", f"bench.others.{module}", *(str(sheet.path) for sheet in sheets)]
        done = subprocess.run(  # noqa: S603  (our own script)
            [*command, make_conninfo(place.conninfo, dbname=database)], cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
        first, again = json.loads(done.stdout)
        ways.append(Way(name, [first], [again]))
    ours = Way("2 sessions", [], [])
    with served(place.data_dir, POINTPORT_APPLY_SESSIONS="2") as (started, _):
        site_id, key = new_site(place.conninfo, sheets[0].rows)
        server = replace(started, site_id=str(site_id), key=key)
        for sheet, seconds in zip(sheets, (ours.first, ours.again), strict=True):
            seconds.append(importing.import_file(server, sheet.path)[0])
    return [ours, *ways]


def _row_of(way: Way, floor: Way | None, rows: int) -> list[str]:
    cells = [way.name, f"{rows:,}"]
    for what in ("first", "again"):
        seconds = statistics.median(_of(way, what))
        times = "" if floor is None else f"{_ratio(way, floor, what):.2f}"
        cells += [f"{seconds:.2f} s", f"{rows / seconds:,.0f}", times]
    wal = way.wal_bytes_per_row
    return [*cells, f"{wal[0]:,.0f}, {wal[1]:,.0f}" if any(wal) else ""]


def _ratio(way: Way, floor: Way, what: str) -> float:
    """Return the median of the rounds' ratios: what disturbs the machine for a while disturbs both."""
    return statistics.median(ours / theirs for ours, theirs in zip(_of(way, what), _of(floor, what), strict=True))


def _of(way: Way, what: str) -> list[float]:
    return way.first if what == "first" else way.again


def _at_most(target: str, figure: float, most: float) -> Line:
    return Line(f"{target}, at most {most:.2f}", f"{figure:.2f}", figure <= most)


def _seconds_at_most(target: str, seconds: float, most: float) -> Line:
    return Line(f"{target}: at most {most * 1e3:,.0f} ms", f"{seconds * 1e3:,.0f} ms", seconds <= most)


def _told(part: Part) -> Part:
    """Print a part as soon as it is measured."""
    sys.stdout.write(f"\n{part.title}\n")
    for row in part.table:
        sys.stdout.write(f"  {'  '.join(f'{cell:>14}' for cell in row)}\n")
    for line in part.lines:
        sys.stdout.write(f"  {'holds' if line.holds else 'FAILS':<6} {line.target}: {line.figure}\n")
    sys.stdout.flush()
    return part


def _page(parts: Sequence[Part], command: str, slowdown: float) -> str:
    lines = [
        "# Benchmarks",
        "",
        f"<!-- Written by `{command}`. -->",
        "",
        f"Measured on {datetime.now(UTC):%Y-%m-%d} by `{command}`: {machine.facts()}.",
        "",
        f"Two processes that only compute, and share nothing, take {slowdown:.2f} times as long beside each other as one",
        f"does alone: so two sessions can take {slowdown / 2:.2f} times what one takes, and no less.",
        "",
        "Medians; the ways that are compared take turns in one run, and each target stands beside its figure whether it",
        "holds or not. Why it is as fast as it is, and no faster, is told in",
        "[ARCHITECTURE](../ARCHITECTURE.md#why-it-is-fast).",
        "",
    ]
    for part in parts:
        lines += [f"## {part.title}", ""]
        if part.table:
            head, *rows = part.table
            lines += [f"| {' | '.join(head)} |", f"| {' | '.join(['---'] + ['---:'] * (len(head) - 1))} |"]
            lines += [f"| {' | '.join(row)} |" for row in rows] + [""]
        lines += ["| Target | Measured | Holds |", "| --- | --- | --- |"]
        lines += [f"| {line.target} | {line.figure} | {'yes' if line.holds else '**no**'} |" for line in part.lines] + [
            ""
        ]
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="5 million rows, and more rounds")
    parser.add_argument("--only", choices=list(PARTS), help="one part, and no page")
    return parser.parse_args()


if __name__ == "__main__":
    begun = time.perf_counter()
    try:
        main()
    finally:
        sys.stdout.write(f"\n{time.perf_counter() - begun:.0f} s\n")
