"""Each file in tests/files reads as is written beside it, in `<name>.expected.json`.

The expectations are typed: they are what a careful person makes of the file by the rules (design.md 4 and 5), and were
not taken from the program. Each says

    about     why the file is here
    told      what the user says of it: encoding, delimiter, quote, headingLine, sheet; nothing when it is found out
    chosen    the columns that the user chooses, from 0: email, points; the suggested ones when it is not there
    rows      all rows: line, cells (U+FFFD for a byte that is no character), and what became of it: the e-mail
              address and the points, or the problem
    refused   for a file that cannot be read, instead of all else: the code, and what the message has to say

and whatever else of `pointport inspect --json` the case is about. `says` is a phrase, or several, of a longer sentence.
"""

import difflib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from scripts import golden_files

from pointport.errors import FileRejected
from pointport.imports import judging
from pointport.imports.reading import encoding, files, learning, numbers, overrides, systems
from pointport.imports.shapes import Judged, Learned, Mapping
from pointport.settings import MEBIBYTE, Settings
from pointport.wire.readings import inspection

Json = dict[str, Any]

FILES = Path(__file__).parents[1] / "files"
EXPECTED = ".expected.json"
CASES = sorted(path.relative_to(FILES).as_posix().removesuffix(EXPECTED) for path in FILES.rglob(f"*{EXPECTED}"))
CASES_MIN = 120
FILE_BYTES_MAX, ALL_BYTES_MAX = 20_000, 1_000_000

SETTINGS = Settings(_env_file=None)
BECAME = ("email", "points", "problem")
NO_CHARACTER = re.compile("[\ud800-\udfff]")


@pytest.mark.parametrize("case", CASES)
def test_a_file_reads_as_is_written_beside_it(case: str) -> None:
    expected = expectation(case)
    del expected["about"]
    found = spoken_of(outcome(file_of(case), expected.pop("told", {}), expected.pop("chosen", None)), expected)
    difference = "\n".join(difflib.unified_diff(lines(expected), lines(found), "expected", "found", lineterm="", n=2))
    if difference:
        pytest.fail(f"{case}\n{difference}", pytrace=False)


def test_there_are_enough_files_and_none_is_large() -> None:
    sizes = [path.stat().st_size for path in FILES.rglob("*") if path.is_file()]
    assert len(CASES) >= CASES_MIN
    assert max(sizes) < FILE_BYTES_MAX
    assert sum(sizes) < ALL_BYTES_MAX


def test_every_file_has_its_expectation_and_every_expectation_its_file() -> None:
    found = {path for path in FILES.glob("*/*") if not path.name.endswith(EXPECTED)}
    assert found == {file_of(case) for case in CASES}
    assert len(found) == len(CASES)


def test_every_known_file_of_another_system_is_here() -> None:
    headers = [header for case in CASES if (header := expectation(case).get("header"))]
    known = {(found.system, found.file) for header in headers if (found := systems.recognise(header))}
    assert known == {(one.system, one.file) for one in systems.known_files()}


def test_what_no_editor_writes_is_as_the_script_writes_it() -> None:
    written = golden_files.written()
    others = [name for name in written if unpacked((FILES / name).read_bytes()) != unpacked(written[name])]
    assert not others, "run `python -m scripts.golden_files`"


@pytest.mark.parametrize(
    ("byte_count", "bytes_max", "why"),
    [
        (8 * MEBIBYTE, SETTINGS.workbook_bytes_max, "picture.emf"),
        (MEBIBYTE, MEBIBYTE, "workbook_bytes_max"),
    ],
    ids=["one part swells", "all of it is too much"],
)
def test_a_workbook_that_swells_is_refused_before_it_does(byte_count: int, bytes_max: int, why: str) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in golden_files.parts(golden_files.Sheet("Sheet1", {1: ("Email", "Points")})).items():
            archive.writestr(name, content)
        archive.writestr("xl/media/picture.emf", bytes(byte_count))
    settings = SETTINGS.model_copy(update={"workbook_bytes_max": bytes_max})
    with pytest.raises(FileRejected) as refused:
        learning.learn(lambda: [bomb.getvalue()], settings)
    assert refused.value.reason == "WORKBOOK_TOO_LARGE"
    assert why in refused.value.message
    assert "CSV UTF-8" in refused.value.message


# --- What is expected -------------------------------------------------------------------------------------------------


def expectation(case: str) -> Json:
    found: Json = json.loads((FILES / f"{case}{EXPECTED}").read_text(encoding="utf-8"))
    return found


def file_of(case: str) -> Path:
    """The file of a case: what has its name, and any ending but that of an expectation."""
    folder, _, name = case.rpartition("/")
    [found] = [
        path
        for path in (FILES / folder).glob(f"{name}.*")
        if path.name.partition(".")[0] == name and not path.name.endswith(EXPECTED)
    ]
    return found


# --- What is found ----------------------------------------------------------------------------------------------------


def outcome(file: Path, told: Json, chosen: Json | None) -> Json:
    """What the program makes of a file: all that `inspect` says, and all rows, judged when it is known by which columns."""
    content = file.read_bytes()
    try:
        learned = learning.learn(
            lambda: [content],
            SETTINGS,
            overrides.reading(
                encoding_name=told.get("encoding"),
                delimiter=told.get("delimiter"),
                quote=told.get("quote"),
                heading_line=told.get("headingLine"),
                sheet=told.get("sheet"),
            ),
        )
        columns = chosen or {"email": learned.suggestion.email, "points": learned.suggestion.points}
        return {**inspection(learned), "rows": list(rows_of(content, learned, columns["email"], columns["points"]))}
    except FileRejected as error:
        return {"refused": {"code": error.reason, "message": error.message}}


def rows_of(content: bytes, learned: Learned, email: int | None, points: int | None) -> Iterator[Json]:
    rows = list(files.read([content], learned.dialect, SETTINGS))
    if email is None or points is None:
        for line, cells, fault in rows:
            yield {"line": line, "cells": as_typed(cells), **({"problem": fault} if fault else {})}
        return
    column = (cells[points] for _, cells, _ in rows if points < len(cells))
    written = numbers.settle(column, is_rendered=learned.dialect.sheet is not None)

    def read_points(text: str) -> int | tuple[str, Json]:
        number = numbers.read(text, written)
        return number if isinstance(number, int) else (number.problem, {})

    rules = judging.Rules(
        mapping=Mapping(email, points),
        columns=len(learned.header),
        encoding_name="",
        points_max=SETTINGS.points_max,
        read_points=read_points,
        damaged=(lambda cells: encoding.is_damaged("".join(cells))) if learned.damaged_rows else None,
    )
    judged = map(Judged._make, judging.judge_cells(rows, rules))
    for (line, cells, _), verdict in zip(rows, judged, strict=True):
        became = {"problem": verdict.problem} if verdict.problem else {"email": verdict.email, "points": verdict.points}
        yield {"line": line, "cells": as_typed(cells), **became}


def as_typed(cells: Sequence[str]) -> list[str]:
    return [NO_CHARACTER.sub("\ufffd", cell) for cell in cells]


def spoken_of(found: Any, expected: Any) -> Any:
    """Return the part of what was found that an expectation speaks of; and always what became of a row or a file."""
    if isinstance(found, dict) and isinstance(expected, dict):
        sentence = found.get("message") or found.get("why") or ""
        keys = [*expected, *(key for key in BECAME if key in found and key not in expected and "cells" in found)]
        if "refused" in found or "refused" in expected:
            return {"refused": spoken_of(found.get("refused", "(read)"), expected.get("refused"))}
        return {
            key: said(sentence, expected[key]) if key == "says" else spoken_of(found[key], expected.get(key))
            for key in keys
            if key in found or key == "says"
        }
    if isinstance(found, list) and isinstance(expected, list) and any(isinstance(one, dict) for one in expected):
        by_place = sorted(found, key=lambda one: (one["line"], one.get("code", "")))
        shown = [spoken_of(one, of) for one, of in zip(by_place, expected, strict=False)]
        return shown + by_place[len(expected) :]
    return found


def said(sentence: str, phrases: str | Sequence[str]) -> str | Sequence[str]:
    """Return the phrases when the sentence has them all, else the sentence."""
    wanted = [phrases] if isinstance(phrases, str) else phrases
    return phrases if all(phrase in sentence for phrase in wanted) else sentence


def lines(outcome: Json) -> list[str]:
    """Return what is compared in lines: one for each row, one for each thing said of the file."""
    shown: list[str] = []
    for key in sorted(outcome):
        entries = outcome[key] if key in {"rows", "warnings"} and isinstance(outcome[key], list) else [outcome[key]]
        shown += [f"{key}: {json.dumps(entry, ensure_ascii=False, sort_keys=True)}" for entry in entries]
    return shown


def unpacked(content: bytes) -> bytes | list[tuple[str, bytes]]:
    """Return the parts of an archive: how small they are packed is the business of the library."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [(info.filename, archive.read(info)) for info in archive.infolist()]
    except zipfile.BadZipFile:
        return content
