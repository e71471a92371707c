"""How each library reads a file, and how we do.

A library may be read with in several ways, each as its documentation has it. Told nothing, it finds out what it can by
itself, and gets help with what it cannot: text in the encodings that its user would try. Told, it knows the encoding, the
delimiter, the quotes, and how many lines stand above the heading.
"""

import csv
import io
import platform
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import charset_normalizer
import clevercsv  # type: ignore[import-not-found]
import duckdb  # type: ignore[import-not-found]
import pandas as pd  # type: ignore[import-untyped]
from clevercsv.dialect import SimpleDialect  # type: ignore[import-not-found]

from bench.reading.judging import Outcome
from bench.reading.pollution import DELIMITERS, Dialect


class Told(NamedTuple):
    """What a library is told of a file."""

    dialect: Dialect
    heading_index: int | None
    """How many lines stand above the heading; None when there is none."""

    @property
    def skipped(self) -> int:
        """How many lines are none of the table."""
        return self.heading_index or 0


class Attempt(NamedTuple):
    """One way to read a file; the same way with text in different encodings has the same name."""

    way: str
    read: Callable[[], Outcome]


Library = Callable[[bytes, Told | None], Iterator[Attempt]]

BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def texts(content: bytes, told: Told | None) -> Iterator[str]:
    """Decode a file for a library that does not: what its user would try, one after the other."""
    mark = next((name for mark, name in BYTE_ORDER_MARKS if content.startswith(mark)), None)
    encodings = [told.dialect.encoding] if told else [mark] if mark else ["utf-8", "cp1252"]
    if len(encodings) > 1 and (guessed := charset_normalizer.from_bytes(content).best()) is not None:
        encodings.append(guessed.encoding)
    found = []
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            found.append(content.decode(encoding))
        if found and encoding == "utf-8":
            break
    found.append(content.decode(encodings[0], "replace"))
    yield from dict.fromkeys(found)


def _lines(text: str, skipped: int = 0) -> list[str]:
    return io.StringIO(text, newline="").readlines()[skipped:]


# --- Python's csv -----------------------------------------------------------------------------------------------------

SNIFFED_CHARACTERS = (1_024, 16_384)
"""As the documentation of `csv.Sniffer` has it, and all of most files."""


def standard(content: bytes, told: Told | None) -> Iterator[Attempt]:
    """Python's `csv`, with its `Sniffer` when it is told nothing."""
    for text in texts(content, told):
        if told is None:
            for characters in SNIFFED_CHARACTERS:
                for delimiters in (None, "".join(DELIMITERS)):
                    yield Attempt(f"sniffed {characters} {delimiters}", partial(_sniffed, text, characters, delimiters))
        else:
            for skips_blanks in (False, True):
                yield Attempt(f"skipinitialspace {skips_blanks}", partial(_told_csv, text, told, skips_blanks))


def _sniffed(text: str, characters: int, delimiters: str | None) -> Outcome:
    dialect: type[csv.Dialect] = csv.excel
    with suppress(csv.Error):
        dialect = csv.Sniffer().sniff(text[:characters], delimiters)
    return Outcome(list(csv.reader(_lines(text), dialect)))


def _told_csv(text: str, told: Told, skips_blanks: bool) -> Outcome:
    reader = csv.reader(
        _lines(text, told.skipped),
        delimiter=told.dialect.delimiter,
        quotechar=told.dialect.quote,
        escapechar=told.dialect.escape,
        doublequote=told.dialect.escape is None,
        skipinitialspace=skips_blanks,
    )
    return Outcome(list(reader))


# --- CleverCSV --------------------------------------------------------------------------------------------------------

CLEVER_CHARACTERS = (None, 10_000)
"""All of a file, and no more than this."""


def clever(content: bytes, told: Told | None) -> Iterator[Attempt]:
    """CleverCSV; told nothing, with its own guess of the encoding too."""
    if told is None:
        for characters in CLEVER_CHARACTERS:
            yield Attempt(f"detected {characters}", partial(_clever_file, content, characters))
    for text in texts(content, told):
        if told is None:
            for characters in CLEVER_CHARACTERS:
                yield Attempt(f"detected {characters}", partial(_clever_detected, text, characters))
        else:
            yield Attempt("told", partial(_told_clever, text, told))


def _clever_file(content: bytes, characters: int | None) -> Outcome:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return Outcome(clevercsv.read_table(file.name, num_chars=characters))


def _clever_detected(text: str, characters: int | None) -> Outcome:
    return Outcome(list(clevercsv.reader(_lines(text), clevercsv.Detector().detect(text[:characters]))))


def _told_clever(text: str, told: Told) -> Outcome:
    dialect = SimpleDialect(told.dialect.delimiter, told.dialect.quote, told.dialect.escape or "")
    return Outcome(list(clevercsv.reader(_lines(text, told.skipped), dialect)))


# --- DuckDB -----------------------------------------------------------------------------------------------------------

Options = Mapping[str, Any]

REJECTS: Options = MappingProxyType({"store_rejects": True})
LENIENT: Options = MappingProxyType({"strict_mode": False, "null_padding": True, "parallel": False})
DUCKDB_WAYS: Mapping[str, Options] = MappingProxyType(
    {
        "plain": {},
        "rejects": REJECTS,
        "lenient": LENIENT,
        "lenient, rejects": {**REJECTS, **LENIENT},
        "rejects, no header": {**REJECTS, "header": False},
        "lenient, no header": {**LENIENT, "header": False},
        "lenient, rejects, no header": {**REJECTS, **LENIENT, "header": False},
        "lenient, rejects, no header, all sampled": {**REJECTS, **LENIENT, "header": False, "sample_size": -1},
    }
)
"""As its page on faulty files advises."""


def duck(content: bytes, told: Told | None) -> Iterator[Attempt]:
    """DuckDB's `read_csv`."""
    for text in texts(content, told):
        for way, options in DUCKDB_WAYS.items():
            yield Attempt(way, partial(_duck_rows, text, {**_told_duck(told), **options}))


def _told_duck(told: Told | None) -> Options:
    if told is None:
        return {}
    quote = told.dialect.quote
    dialect = {"delim": told.dialect.delimiter, "quote": quote, "escape": told.dialect.escape or quote}
    return {**dialect, "skip": told.skipped, "header": told.heading_index is not None}


def _duck_rows(text: str, options: Options) -> Outcome:
    # It gets UTF-8: without an extension it reads none of the old encodings but Latin-1.
    with tempfile.NamedTemporaryFile(suffix=".csv") as file, duckdb.connect(config={"threads": 1}) as connection:
        file.write(text.encode("utf-8", "replace"))
        file.flush()
        arguments = "".join(f", {name} = {_literal(value)}" for name, value in options.items())
        found = connection.execute(f"FROM read_csv({_literal(file.name)}, all_varchar = true{arguments})")
        names = [] if options.get("header") is False else [[column[0] for column in found.description]]
        rows = [["" if cell is None else cell for cell in row] for row in found.fetchall()]
        reported = 0
        if options.get("store_rejects"):
            (reported,) = connection.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchone()
        return Outcome([*names, *rows], reported)


def _literal(value: object) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value).lower()


# --- pandas -----------------------------------------------------------------------------------------------------------

AS_TEXT: Options = MappingProxyType({"dtype": str, "na_filter": False, "index_col": False})
NO_HEADER: Options = MappingProxyType({"header": None, "names": range(50)})
"""With more names than columns, rows may be as long as they like."""
PANDAS_WAYS: Mapping[str, Options] = MappingProxyType(
    {
        "plain": {},
        "no header": NO_HEADER,
        "skipinitialspace": {"skipinitialspace": True},
        "no header, skipinitialspace": {**NO_HEADER, "skipinitialspace": True},
        "no header, escapechar": {**NO_HEADER, "escapechar": "\\"},
        "no header, no quotes": {**NO_HEADER, "quoting": csv.QUOTE_NONE},
    }
)


def panda(content: bytes, told: Told | None) -> Iterator[Attempt]:
    """Pandas; told nothing, it sniffs the delimiter. Rows that it finds bad are told of."""
    for text in texts(content, told):
        for way, options in PANDAS_WAYS.items():
            if told is None:
                yield Attempt(way, partial(_pandas_rows, text, {**options, "sep": None, "engine": "python"}))
                continue
            dialect = {"sep": told.dialect.delimiter, "quotechar": told.dialect.quote, "skiprows": told.skipped}
            escape = {"escapechar": told.dialect.escape} if told.dialect.escape else {}
            for engine in ("python", "c"):
                how = {**dialect, **options, **escape, "engine": engine}
                yield Attempt(f"{way}, {engine}", partial(_pandas_rows, text, how))


def _pandas_rows(text: str, options: Options) -> Outcome:
    bad: list[list[str]] = []
    on_bad_lines = bad.append if options["engine"] == "python" else "warn"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        source = io.StringIO(text, newline="")
        frame = pd.read_csv(source, on_bad_lines=on_bad_lines, **AS_TEXT, **options)
    told_of = sum(str(warning.message).count("Skipping line") for warning in caught)
    names = [] if "names" in options else [[str(name) for name in frame.columns]]
    return Outcome([*names, *frame.fillna("").astype(str).to_numpy().tolist()], len(bad) + told_of)


# --- All of them ------------------------------------------------------------------------------------------------------

LIBRARIES: Mapping[str, Library] = MappingProxyType(
    {"csv": standard, "CleverCSV": clever, "DuckDB": duck, "pandas": panda}
)
VERSIONS: Mapping[str, str] = MappingProxyType(
    {
        "Python and its csv": platform.python_version(),
        "CleverCSV": clevercsv.__version__,
        "DuckDB": duckdb.__version__,
        "pandas": pd.__version__,
    }
)


def ours(pointport: Path, files: Sequence[Path], output_folder: Path) -> dict[str, Outcome]:
    """Read all files with one command that is told nothing; what it refuses is missing in what is returned."""
    command: list[str | Path] = [pointport, "convert", *files, "--output-dir", output_folder]
    subprocess.run(command, check=False, stderr=subprocess.DEVNULL)  # noqa: S603
    found = {}
    for path in output_folder.iterdir():
        with path.open(encoding="utf-8", newline="") as text:
            found[path.name] = Outcome(list(csv.reader(text, strict=True)))
    return found
