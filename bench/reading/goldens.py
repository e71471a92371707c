"""The files of tests/files as files to compare with: those that are text, can be read, and tell all of themselves.

What is expected of them is typed by hand for our own tests, and says more than any other reader can know; here it is only
what the cells are.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.reading.pollution import Cells, Damaged, Expected, Polluted

NAME = "The golden files of our tests"
SUFFIX = ".expected.json"
ARCHIVE = b"PK"
DAMAGE = {"CELL_MISSING", "CELL_TOO_LONG", "ENCODING_ERROR", "QUOTE_NOT_CLOSED"}
"""Problems of a row as it is written; the others are of what it says."""
OUR_COLUMN = "Import status"
"""An error file of ours that comes back is read without our columns, which nobody else can know."""


def files(folder: Path) -> Iterator[Polluted]:
    """Return the files with what should be read from them."""
    for beside in sorted(folder.rglob(f"*{SUFFIX}")):
        expectation = json.loads(beside.read_text(encoding="utf-8"))
        stem = beside.name.removesuffix(SUFFIX)
        (path,) = (one for one in beside.parent.glob(f"{stem}.*") if one != beside and one.name.split(".")[0] == stem)
        content = path.read_bytes()
        found = _expected(expectation)
        if found and not content.startswith(ARCHIVE) and OUR_COLUMN.encode() not in content:
            yield Polluted(f"{beside.parent.name}-{path.name}", content, found, None, None)


def _expected(expectation: Mapping[str, Any]) -> Expected | None:
    """Return what should be read; None when it is not told in full, or only when the reader is told something."""
    if expectation.get("told") or not expectation.get("rows") or "header" not in expectation:
        return None
    header, rows = tuple(expectation["header"]), expectation["rows"]
    heading_line = expectation.get("headingLine", rows[0]["line"] - 1)
    ends = [*(after["line"] for _, after in pairwise(rows)), rows[-1]["line"] + 2]
    records = [
        _record(row, len(header), lines=end - row["line"])
        for row, end in zip(rows, ends, strict=True)
        if "cells" in row
    ]
    return (
        Expected((header,) if heading_line else (), heading_line, tuple(records)) if len(records) == len(rows) else None
    )


def _record(row: Mapping[str, Any], width: int, *, lines: int) -> Cells | Damaged:
    if row.get("problem") in DAMAGE or len(row["cells"]) > width:
        return Damaged(1, max(1, lines))
    return tuple(row["cells"])
