"""The API under load, and how soon a command and a server start: `python -m bench.serving`, a part of `make bench`.

Starts a server on a folder of its own, fills it with 100,000 imports, and prints each target, its figure and whether it
holds. Ends with 1 when one does not, and with 2 when wrk is not there. It shares the machine with the server and its
database: on an idle machine of two cores all three are near their limit at once.
"""

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.program import (
    BLOCK_BYTES,
    IMPORTS,
    Line,
    Server,
    answer,
    call,
    connect,
    environment,
    forget_peak,
    give_up,
    resident_bytes,
    serving,
)
from pointport.app import open_database_server
from pointport.settings import Settings

MEGABYTE = 1_000_000
FILE_ROWS = 1_000
IMPORT_COUNT = 100_000
PAGE_IMPORTS = 50
CONNECTIONS = 32
LOAD_SECONDS = 10
STARTS = 5
UPLOADS = 3
UPLOAD_BYTES = 100 * MEGABYTE
FINISHED = ("IMPORTED", "FAILED")

HELP_SECONDS_MAX = 0.25
WARM_SECONDS_MAX = 1.0
COLD_SECONDS_MAX = 3.0
GETS_PER_SECOND_MIN = 1_500
PAGE_SECONDS_MAX = 0.050
UPLOAD_RATE_MIN = 200 * MEGABYTE
UPLOAD_MEMORY_MAX = 32 * MEGABYTE

COPY = """
    INSERT INTO loyalty_import
    SELECT (
        jsonb_populate_record(
            loyalty_import,
            jsonb_build_object(
                'id', md5(n::text)::uuid,
                'created_date', created_date + make_interval(secs => n),
                'updated_date', updated_date + make_interval(secs => n)
            )
        )
    ).*
    FROM loyalty_import, generate_series(1, %(copies)s) AS n
"""
"""An import as it is, many times over, each a second younger."""

FIGURES = """
done = function(summary, latency)
    local failed = summary.errors
    io.write(string.format(
        '\\n{"requests": %d, "microseconds": %d, "failures": %d, "p50": %d, "p99": %d}\\n',
        summary.requests, summary.duration,
        failed.connect + failed.read + failed.write + failed.status + failed.timeout,
        latency:percentile(50), latency:percentile(99)
    ))
end
"""
"""What wrk is to print at its end."""


@dataclass(frozen=True)
class Load:
    """How many requests were answered by a server under load, and how long half of them and all but 1 % took at most."""

    connections: int
    requests_per_second: float
    p50_seconds: float
    p99_seconds: float
    failures: int


@dataclass(frozen=True)
class Upload:
    """How fast a file came in, beside how fast the disk took the same bytes, and what it took of the server's memory."""

    bytes_per_second: float
    disk_bytes_per_second: float
    memory_growth_bytes: int


@dataclass(frozen=True)
class StartTimes:
    """How long it takes from a command to its end, and from `serve` to its first answer, warm and in a new folder.

    `help_processor_seconds` is what the first takes of a processor, which others on the machine change less.
    """

    help_seconds: float
    help_processor_seconds: float
    warm_seconds: float
    cold_seconds: float


def main() -> None:
    """Measure, print the table, and end with 1 when a target does not hold."""
    lines = measure()
    width = max(len(line.target) for line in lines), max(len(line.figure) for line in lines)
    for line in lines:
        sys.stdout.write(f"{line.target:<{width[0]}}  {line.figure:<{width[1]}}  {'yes' if line.holds else 'NO'}\n")
    sys.exit(0 if all(line.holds for line in lines) else 1)


def measure() -> list[Line]:
    """Return every target with its figure."""
    _wrk()
    with tempfile.TemporaryDirectory(prefix="pointport-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # Root's database runs as another user, who must get through.
        lines = _told_of_starts(start_times(folder))
        with serving(folder / "served", POINTPORT_UPLOAD_BYTES_MAX=str(2 * UPLOAD_BYTES)) as (empty, _):
            server = with_site(empty)
            import_id = fill(server)
            lines += _told_of_loads(
                get_import_rate(server, import_id),
                [query_page_p99(server, connections=connections) for connections in (1, CONNECTIONS)],
            )
            lines += _told_of_upload(upload_rate(server))
    return lines


# --- What is measured ---------------------------------------------------------------------------------------------------


def start_times(folder: Path) -> StartTimes:
    """Measure how soon commands start, as medians; the first of each is passed over, since it compiles the modules."""
    helps = [_timed([sys.executable, "-m", "pointport", "--help"]) for _ in range(STARTS + 1)][1:]
    cold, warm = [], []
    for number in range(3):
        data_dir = folder / f"start-{number}"
        with serving(data_dir) as (_, seconds):
            cold.append(seconds)
    for _ in range(STARTS):
        with serving(data_dir) as (_, seconds):
            warm.append(seconds)
    return StartTimes(
        help_seconds=statistics.median(seconds for seconds, _ in helps),
        help_processor_seconds=statistics.median(processor for _, processor in helps),
        warm_seconds=statistics.median(warm),
        cold_seconds=statistics.median(cold[1:]),
    )


def get_import_rate(server: Server, import_id: str, *, connections: int = CONNECTIONS) -> Load:
    """Measure how many requests for one import are answered."""
    return _loaded(server, f"{IMPORTS}?loyaltyImportId={import_id}", connections)


def query_page_p99(server: Server, *, connections: int = CONNECTIONS) -> Load:
    """Measure how long a page of imports takes, the newest of all that there are."""
    body = json.dumps({"query": {"cursorPaging": {"limit": PAGE_IMPORTS}}})
    return _loaded(server, f"{IMPORTS}/query", connections, f"wrk.method = 'POST'\nwrk.body = '{body}'\n")


def upload_rate(server: Server, *, byte_count: int = UPLOAD_BYTES) -> Upload:
    """Measure how fast an upload comes in; the disk takes the same bytes in between."""
    block, count = b"x" * BLOCK_BYTES, byte_count // BLOCK_BYTES
    rates, disk_rates, growths = [], [], []
    for _ in range(UPLOADS):
        disk_rates.append(_disk_rate(server.data_dir / "files" / "probe", block, count))
        slot = urlsplit(call(server, "POST", f"{IMPORTS}/wixmp-upload-url", {})["uploadUrl"])
        before = resident_bytes(server.process_id, "VmRSS")
        forget_peak(server.process_id)
        begun = time.perf_counter()
        with closing(connect(server)) as connection:
            headers = {"Content-Length": str(len(block) * count)}
            connection.request("PUT", slot.path, (block for _ in range(count)), headers, encode_chunked=False)
            answer(connection)
        rates.append(len(block) * count / (time.perf_counter() - begun))
        growths.append(resident_bytes(server.process_id, "VmHWM") - before)
    return Upload(statistics.median(rates), statistics.median(disk_rates), max(growths))


# --- What it takes ------------------------------------------------------------------------------------------------------


def with_site(server: Server) -> Server:
    """Make a site, and return the server with it."""
    done = subprocess.run(
        [sys.executable, "-m", "pointport", "site", "create", "Bench", "--json"],
        env=environment(POINTPORT_DATA_DIR=str(server.data_dir)),
        capture_output=True,
        check=True,
    )
    made = json.loads(done.stdout)
    return Server(server.url, server.process_id, server.data_dir, made["siteId"], made["apiKey"])


def fill(server: Server) -> str:
    """Import a file, make 100,000 imports of that one, and return its id."""
    slot = call(server, "POST", f"{IMPORTS}/wixmp-upload-url", {})
    rows = "".join(f"person{number}@example.com,{number}\r\n" for number in range(FILE_ROWS))
    with closing(connect(server)) as connection:
        connection.request("PUT", urlsplit(slot["uploadUrl"]).path, f"Email,Points\r\n{rows}".encode())
        answer(connection)
    made = call(server, "POST", IMPORTS, {"fileUrl": slot["filePath"], "fileName": "points.csv"})["loyaltyImport"]
    _follow(server, made["id"], "PARSED")
    mappings = [{"columnName": name, "columnIndex": index} for index, name in enumerate(("EMAIL", "POINTS"))]
    execute = {"loyaltyImportId": made["id"], "headerMappingInfo": {"headerMappings": mappings}}
    call(server, "POST", f"{IMPORTS}/execute", execute)
    _follow(server, made["id"], *FINISHED)
    settings = Settings(data_dir=server.data_dir)
    with open_database_server(settings) as (conninfo, _), psycopg.connect(conninfo, autocommit=True) as database:
        database.execute(COPY, {"copies": IMPORT_COUNT - 1})
        database.execute("VACUUM ANALYZE loyalty_import")
    return str(made["id"])


def _follow(server: Server, import_id: str, *statuses: str) -> None:
    while call(server, "GET", f"{IMPORTS}?loyaltyImportId={import_id}")["loyaltyImport"]["status"] not in statuses:
        time.sleep(0.05)


def _timed(command: Sequence[str]) -> tuple[float, float]:
    """Run a command and return its seconds, and those of a processor."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, check=True)  # noqa: S603  (our own command)
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _wrk() -> str:
    found = shutil.which("wrk")
    if found is None:
        give_up("wrk is needed to put a load on the server: apt install wrk", 2)
    return found


def _loaded(server: Server, path: str, connections: int, script: str = "") -> Load:
    """Have wrk ask for a path, on that many connections at once, as fast as it is answered."""
    headers = (part for name, value in server.headers.items() for part in ("-H", f"{name}: {value}"))
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script + FIGURES)
        file.flush()
        options = ["-t", "1", "-c", str(connections), "-d", f"{LOAD_SECONDS}s", "-s", file.name, *headers]
        command = [_wrk(), *options, server.url + path]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  (a load, not a shell)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return Load(
        connections=connections,
        requests_per_second=found["requests"] / found["microseconds"] * 1e6,
        p50_seconds=found["p50"] / 1e6,
        p99_seconds=found["p99"] / 1e6,
        failures=found["failures"],
    )


def _disk_rate(probe: Path, block: bytes, count: int) -> float:
    """Return how fast the disk takes bytes, as the file store gives them to it: unsynced."""
    begun = time.perf_counter()
    with probe.open("wb", buffering=0) as file:
        for _ in range(count):
            file.write(block)
    seconds = time.perf_counter() - begun
    probe.unlink()
    return len(block) * count / seconds


# --- How it is told -----------------------------------------------------------------------------------------------------


def _told_of_starts(found: StartTimes) -> list[Line]:
    helped = f"{found.help_seconds:.2f} s ({found.help_processor_seconds:.2f} s of a processor)"
    return [
        Line(f"`pointport --help` under {HELP_SECONDS_MAX} s", helped, found.help_seconds < HELP_SECONDS_MAX),
        Line(
            f"warm `serve` answers within {WARM_SECONDS_MAX:.0f} s",
            f"{found.warm_seconds:.2f} s",
            found.warm_seconds <= WARM_SECONDS_MAX,
        ),
        Line(
            f"cold `serve` answers within {COLD_SECONDS_MAX:.0f} s",
            f"{found.cold_seconds:.2f} s",
            found.cold_seconds <= COLD_SECONDS_MAX,
        ),
    ]


def _told_of_loads(get: Load, pages: Sequence[Load]) -> list[Line]:
    lines = [
        Line(
            f"GET of an import, {get.connections} connections: at least {GETS_PER_SECOND_MIN:,} requests/s",
            f"{get.requests_per_second:,.0f} requests/s, p99 {get.p99_seconds * 1e3:.0f} ms",
            get.requests_per_second >= GETS_PER_SECOND_MIN and not get.failures,
        )
    ]
    lines += [
        Line(
            f"page of {PAGE_IMPORTS} among {IMPORT_COUNT:,} imports, connections {page.connections}:"
            f" p99 under {PAGE_SECONDS_MAX * 1e3:.0f} ms",
            f"p99 {page.p99_seconds * 1e3:.0f} ms, p50 {page.p50_seconds * 1e3:.0f} ms,"
            f" {page.requests_per_second:,.0f} pages/s",
            page.p99_seconds < PAGE_SECONDS_MAX and not page.failures,
        )
        for page in pages
    ]
    return lines


def _told_of_upload(found: Upload) -> list[Line]:
    rate, disk = found.bytes_per_second / MEGABYTE, found.disk_bytes_per_second / MEGABYTE
    return [
        Line(
            f"upload of {UPLOAD_BYTES // MEGABYTE} MB: {UPLOAD_RATE_MIN // MEGABYTE} MB/s, or what the disk takes",
            f"{rate:,.0f} MB/s, the disk {disk:,.0f} MB/s",
            found.bytes_per_second >= min(UPLOAD_RATE_MIN, found.disk_bytes_per_second),
        ),
        Line(
            f"its memory: at most {UPLOAD_MEMORY_MAX // MEGABYTE} MB",
            f"{found.memory_growth_bytes / MEGABYTE:.0f} MB",
            found.memory_growth_bytes <= UPLOAD_MEMORY_MAX,
        ),
    ]


if __name__ == "__main__":
    main()
