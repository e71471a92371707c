"""Runs the comparison: `python -m bench.reading.compare`, by `make bench-reading`.

Makes the files, lets every reader read them, and writes the table between its markers in docs/reading.md.
"""

import argparse
import itertools
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.reading import goldens, pollution, readers
from bench.reading.judging import fault
from bench.reading.pollution import Polluted

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reading.md"
BEGIN, END = "<!-- comparison: begin -->", "<!-- comparison: end -->"
OURS = "Pointport"
TOLD = ", told"
"""What is added to the name of a library that is told how the file is written."""


@dataclass
class Score:
    """How many files of one kind each reader reads exactly."""

    files: int = 0
    ours: int = 0
    any_way: Counter[str] = field(default_factory=Counter)
    """By library, where whichever way is right for a file counts."""
    by_way: dict[str, Counter[str]] = field(default_factory=dict)
    """By library and way."""

    def __add__(self, other: "Score") -> "Score":
        """Return both together."""
        ways = {
            name: self.by_way.get(name, Counter()) + other.by_way.get(name, Counter())
            for name in {**self.by_way, **other.by_way}
        }
        return Score(self.files + other.files, self.ours + other.ours, self.any_way + other.any_way, ways)


def main() -> None:
    """Compare, print the table, and write it into the documentation."""
    arguments = _arguments()
    kinds = {name: list(_made(name, arguments.rounds)) for name in pollution.POLLUTIONS}
    if found := list(goldens.files(ROOT / "tests" / "files")):
        kinds[goldens.NAME] = found
    with tempfile.TemporaryDirectory() as folder:
        scores = dict(_scores(kinds, arguments.pointport, Path(folder), arguments.keep))
    table = _table(scores)
    sys.stdout.write(table)
    if not arguments.keep:
        _write(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pointport", type=Path, default=ROOT / ".venv" / "bin" / "pointport")
    parser.add_argument("--rounds", type=int, default=1, help="how often to make files of each kind")
    parser.add_argument("--keep", type=Path, help="where to put the files that we do not read exactly; writes no page")
    return parser.parse_args()


def _made(name: str, rounds: int) -> Iterator[Polluted]:
    for number in range(rounds):
        yield from pollution.files(name, number)


def _scores(
    kinds: Mapping[str, Sequence[Polluted]], pointport: Path, folder: Path, keep: Path | None
) -> Iterator[tuple[str, Score]]:
    given, taken = folder / "given", folder / "taken"
    given.mkdir()
    taken.mkdir()
    for file in itertools.chain.from_iterable(kinds.values()):
        (given / file.name).write_bytes(file.content)
    ours = readers.ours(pointport, sorted(given.iterdir()), taken)
    for kind, files in kinds.items():
        score = Score(len(files))
        for file in files:
            outcome = ours.get(file.name)
            wrong = "refused" if outcome is None else fault(outcome, file.expected)
            score.ours += wrong is None
            if wrong:
                sys.stderr.write(f"{kind}: {file.name}: {wrong}\n")
                _kept(given / file.name, keep)
            if not keep:
                _let_libraries_read(file, score)
        yield kind, score


def _kept(file: Path, folder: Path | None) -> None:
    """Keep a file that we do not read exactly, where somebody wants to look at it."""
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder)


def _let_libraries_read(file: Polluted, score: Score) -> None:
    told = readers.Told(file.dialect, file.heading_index) if file.dialect else None
    for name, library in readers.LIBRARIES.items():
        _count(score, name, _right_ways(library(file.content, None), file))
        if told:
            _count(score, name + TOLD, _right_ways(library(file.content, told), file))


def _count(score: Score, name: str, ways: set[str]) -> None:
    score.any_way[name] += bool(ways)
    score.by_way.setdefault(name, Counter()).update(ways)


def _right_ways(attempts: Iterable[readers.Attempt], file: Polluted) -> set[str]:
    right: set[str] = set()
    for way, read in attempts:
        if way in right:
            continue
        try:
            outcome = read()
        except Exception:  # noqa: BLE001, S112  (a library that gives up has not read the file, whatever it raises)
            continue
        if fault(outcome, file.expected) is None:
            right.add(way)
    return right


def _table(scores: Mapping[str, Score]) -> str:
    libraries = [name + suffix for suffix in ("", TOLD) for name in readers.LIBRARIES]
    made = {kind: score for kind, score in scores.items() if kind != goldens.NAME}
    total = sum(made.values(), Score())
    best = Counter({name: max(ways.values(), default=0) for name, ways in total.by_way.items()})
    rows = [(kind, score, score.any_way) for kind, score in made.items()]
    rows += [("**All**", total, total.any_way), ("**All, each library in its one best way**", total, best)]
    rows += [(kind, score, score.any_way) for kind, score in scores.items() if kind == goldens.NAME]
    lines = [
        f"{', '.join(f'{name} {version}' for name, version in readers.VERSIONS.items())}.\n",
        f"| What happened to the file | Files | {' | '.join((OURS, *libraries))} |",
        f"| --- |{' ---: |' * (len(libraries) + 2)}",
    ]
    for kind, score, counts in rows:
        shown = [str(counts[name]) if name in score.by_way else "" for name in libraries]
        lines.append(f"| {kind} | {' | '.join((str(score.files), str(score.ours), *shown))} |")
    return "\n".join(lines) + "\n"


def _write(table: str) -> None:
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
