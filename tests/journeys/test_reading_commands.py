"""`pointport inspect` and `pointport convert` in a shell of their own: what would be read, and the file made clean."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.processes import PATIENCE_SECONDS

MESSY = (
    "Kundenliste;;\r\n"
    "\r\n"
    "Name;E-Mail;Punkte\r\n"
    '"M\xfcller; A";ada@example.com;1.200\r\n'
    ";;\r\n"
    "Bob;bob@example.com;5,0;mehr\r\n"
    "Cyd;cyd@example.com\r\n"
    '"Dan;dan@example.com;7\r\n'
    "Eve;eve@example.com;8\r\n"
).encode("windows-1252")
CLEAN = [
    ["Name", "E-Mail", "Punkte", "Column 4"],
    ["M\xfcller; A", "ada@example.com", "1.200", ""],
    ["Bob", "bob@example.com", "5,0", "mehr"],
    ["Cyd", "cyd@example.com", "", ""],
    ['"Dan', "dan@example.com", "7", ""],
    ["Eve", "eve@example.com", "8", ""],
]


def run(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[bytes]:
    """Run a command that needs no database, to the exit code that is expected."""
    command = [sys.executable, "-m", "pointport", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == code, done.stderr.decode()
    return done


def rows(content: bytes) -> list[list[str]]:
    """What the strict reader of the standard library makes of clean CSV."""
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    file = tmp_path / "kunden.csv"
    file.write_bytes(MESSY)
    return file


def test_inspect_shows_all_that_was_found_out(messy: Path) -> None:
    found = json.loads(run("inspect", messy, "--json").stdout)
    assert {name: value for name, value in found.items() if name not in {"sampleRows", "suggestedMapping"}} == {
        "encoding": "windows-1252",
        "delimiter": ";",
        "quote": '"',
        "escape": None,
        "lineEnding": "CRLF",
        "headingLine": 3,
        "sheet": None,
        "header": ["Name", "E-Mail", "Punkte"],
        "rowCount": 5,
        "system": None,
        "numberFormat": {"group": None, "decimal": ",", "evidence": '"5,0"'},
        "warnings": [
            {
                "code": "LINES_SKIPPED",
                "line": 3,
                "message": "What stands above the heading, up to line 2, is not read.",
            },
            {
                "code": "BROKEN_ROWS",
                "line": 8,
                "message": "One row is broken by quotes or too long cells, and will fail.",
            },
            {
                "code": "EXTRA_CELLS",
                "line": 6,
                "message": "One row has more cells than there are headings, and will fail. Give each column a heading, and"
                " put quotes around texts and numbers with the delimiter in them.",
            },
        ],
    }
    assert (found["suggestedMapping"]["email"], found["suggestedMapping"]["points"]) == (1, 2)
    shown = run("inspect", messy).stdout.decode()
    for words in ("windows-1252", "semicolon", "line 3", "E-Mail (e-mail)", "Punkte (points)", "ada@example.com"):
        assert words in shown


def test_inspect_believes_what_it_is_told(messy: Path) -> None:
    options = ("--encoding", "cp1250", "--delimiter", "comma", "--quote", "none", "--heading-line", 0)
    found = json.loads(run("inspect", messy, *options, "--json").stdout)
    assert (found["encoding"], found["delimiter"], found["quote"], found["headingLine"]) == ("windows-1250", ",", "", 0)
    assert "klingon" in run("inspect", messy, "--encoding", "klingon", code=2).stderr.decode()


def test_convert_writes_clean_csv_to_standard_output(messy: Path) -> None:
    content = run("convert", messy).stdout
    assert rows(content) == CLEAN
    assert content.count(b"\r\n") == content.count(b"\n") == len(CLEAN)
    assert not content.startswith(b"\xef\xbb\xbf")


def test_convert_takes_many_files(messy: Path, tmp_path: Path) -> None:
    other, bad, out = tmp_path / "other.txt", tmp_path / "bad.csv", tmp_path / "out"
    other.write_text("a@example.com\t1\nb@example.com\t2\n")
    bad.write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n")
    assert "--output-dir" in run("convert", messy, other, code=2).stderr.decode()
    refused = run("convert", messy, bad, other, "--output-dir", out, code=2)
    assert "bad.csv" in refused.stderr.decode()
    assert sorted(path.name for path in out.iterdir()) == ["kunden.csv", "other.txt"]
    assert rows((out / "kunden.csv").read_bytes()) == CLEAN
    assert rows((out / "other.txt").read_bytes())[0] == ["Column 1", "Column 2"]
    assert "is the file itself" in run("convert", messy, "--output-dir", tmp_path, code=2).stderr.decode()
    assert messy.read_bytes() == MESSY


def test_a_file_that_is_converted_once_is_clean(messy: Path, tmp_path: Path) -> None:
    once = tmp_path / "once.csv"
    once.write_bytes(run("convert", messy).stdout)
    assert run("convert", once).stdout == once.read_bytes()
