"""Measures how fast we read: `python -m bench.reading.speed`, beside the bare loop of Python's csv over the same bytes.

Each file is read in turns by the bare loop and by our two readings, a few times over: what the machine does besides
meets all of them alike. Time is that of the processor. Only the standard library is needed besides Pointport.
"""

import csv
import io
import random
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pointport.imports.reading import files, learning
from pointport.settings import Settings

ROWS = 500_000
ROUNDS = 5
CHUNK_BYTES = 256 * 1024
BROKEN_SHARE = 0.12

ROWS_PER_SECOND_MIN = 1_000_000
"""What is wanted of clean files."""
TIMES_BARE_MAX = 3.0
"""How much longer than the bare loop may take what is not clean."""

SETTINGS = Settings(_env_file=None)
NAMES = ("Ann Smith", "Bob Stone", "Eva Green", "Tom O'Neill", "Ida Berg", "Max Power")


@dataclass(frozen=True)
class Speed:
    """How fast one kind of file is read: medians, and whether that is what is wanted."""

    kind: str
    reading: str
    """The first, which finds out everything, or the second, which gives the rows."""
    rows_per_second: float
    bare_rows_per_second: float
    times_bare: float
    """How many times as long as the bare loop it takes, the median over the rounds."""
    target: str
    holds: bool


def measure(rows: int = ROWS, rounds: int = ROUNDS) -> list[Speed]:
    """Return the speed of both readings for each kind of file."""
    return [speed for kind in KINDS for speed in _measured(kind, rows, rounds)]


def _measured(kind: str, rows: int, rounds: int) -> Iterator[Speed]:
    content = content_of(kind, rows)
    chunks = [content[start : start + CHUNK_BYTES] for start in range(0, len(content), CHUNK_BYTES)]
    dialect = learning.learn(lambda: chunks, SETTINGS).dialect
    readings: dict[str, Callable[[], object]] = {
        "bare": lambda: _exhaust(csv.reader(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline=""))),
        "first": lambda: learning.learn(lambda: chunks, SETTINGS),
        "second": lambda: _exhaust(files.read(chunks, dialect, SETTINGS)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in readings}
    for _ in range(rounds):
        for name, read in readings.items():
            seconds[name].append(_seconds(read))
    bare = rows / statistics.median(seconds["bare"])
    for name in ("first", "second"):
        speed = rows / statistics.median(seconds[name])
        pairs = zip(seconds[name], seconds["bare"], strict=True)
        times_bare = statistics.median(ours / theirs for ours, theirs in pairs)
        if kind == "clean":
            target, holds = f"{ROWS_PER_SECOND_MIN:,} rows/s", speed >= ROWS_PER_SECOND_MIN
        else:
            target, holds = f"{TIMES_BARE_MAX:g} times bare", times_bare <= TIMES_BARE_MAX
        yield Speed(kind, name, speed, bare, times_bare, target, holds)


def _exhaust(rows: Iterable[object]) -> None:
    deque(rows, maxlen=0)


def _seconds(run: Callable[[], object]) -> float:
    begun = time.process_time()
    run()
    return time.process_time() - begun


# --- The files ------------------------------------------------------------------------------------------------------------


def content_of(kind: str, rows: int) -> bytes:
    """Make a file of a kind, the same every time: a name, an address and a number in each row."""
    chance = random.Random(kind)  # noqa: S311
    row = KINDS[kind]
    lines = [
        row(chance, f"{chance.choice(NAMES)} {number}", f"c{number}@example.com", chance.randrange(100_000))
        for number in range(rows)
    ]
    return ("Name,Email,Points\r\n" + "".join(lines)).encode()


def _clean(_chance: random.Random, name: str, email: str, points: int) -> str:
    return f"{name},{email},{points}\r\n"


def _quoted(_chance: random.Random, name: str, email: str, points: int) -> str:
    return f'"{name}","{email}","{points}"\r\n'


def _some_quoted(_chance: random.Random, name: str, email: str, points: int) -> str:
    return f'"{name}, ""Jr""",{email},{points}\r\n' if points % 8 == 0 else f"{name},{email},{points}\r\n"


def _broken(chance: random.Random, name: str, email: str, points: int) -> str:
    """Break the quotes of some rows in each of the ways in which people do."""
    if chance.random() >= BROKEN_SHARE:
        return f'"{name}",{email},{points}\r\n'
    return chance.choice(
        (
            f'"{name},{email},{points}\r\n',
            f'{name}",{email},{points}\r\n',
            f'"{name} "Jr" B",{email},{points}\r\n',
            f'{name},"{email},{points}\r\n',
            f'{name},{email},"{points}\r\n',
        )
    )


def _escaped(chance: random.Random, name: str, email: str, points: int) -> str:
    inner = f'{name} \\"Jr\\"' if chance.random() < BROKEN_SHARE else name
    return f'"{inner}","{email}","{points}"\r\n'


def _padded(_chance: random.Random, name: str, email: str, points: int) -> str:
    return f'"{name}", "{email}", "{points}"\r\n'


def _several_lines(chance: random.Random, name: str, email: str, points: int) -> str:
    broken = name.replace(" ", "\n", 1) if chance.random() < BROKEN_SHARE else name
    return f'"{broken}",{email},{points}\r\n'


def _strayed(chance: random.Random, name: str, email: str, points: int) -> str:
    broken = name.replace(" ", "\r", 1) if chance.random() < BROKEN_SHARE else name
    return f"{broken},{email},{points}\r\n"


KINDS: dict[str, Callable[[random.Random, str, str, int], str]] = {
    "clean": _clean,
    "quoted": _quoted,
    "some quoted": _some_quoted,
    "12 % broken quotes": _broken,
    "backslashes": _escaped,
    "padded quotes": _padded,
    "several lines": _several_lines,
    "stray CR": _strayed,
}


def main() -> None:
    """Measure, and print a table."""
    found = measure()
    sys.stdout.write("| File | Reading | Rows/s | Bare csv, rows/s | Time, in times of bare | Wanted | Holds |\n")
    sys.stdout.write("| --- | --- | ---: | ---: | ---: | --- | --- |\n")
    for one in found:
        sys.stdout.write(
            f"| {one.kind} | {one.reading} | {one.rows_per_second:,.0f} | {one.bare_rows_per_second:,.0f}"
            f" | {one.times_bare:.2f} | {one.target} | {'yes' if one.holds else 'no'} |\n"
        )
    sys.exit(not all(one.holds for one in found))


if __name__ == "__main__":
    main()
