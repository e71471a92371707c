"""What is said of how a file is written: told with it, and found out by reading it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pointport.imports.shapes import Learned, Reading
from pointport.wire.base import Json, without_none


def how_it_is_read(reading: Reading) -> Json:
    """Return what is told of how a file is written, as it is sent when an import of it is made."""
    return without_none(
        {
            "encoding": reading.encoding,
            "delimiter": reading.delimiter,
            "quote": reading.quote,
            "headingLine": reading.heading_line,
            "sheet": reading.sheet,
        }
    )


def inspection(learned: Learned) -> Json:
    """Return what one reading of a file found out, as `pointport inspect --json` prints it (design.md 10)."""
    dialect, suggested = learned.dialect, learned.suggestion
    return {
        "encoding": dialect.encoding,
        "delimiter": dialect.delimiter,
        "quote": dialect.quote,
        "escape": dialect.escape,
        "lineEnding": dialect.line_ending,
        "headingLine": dialect.heading_line,
        "header": list(learned.header),
        "rowCount": learned.row_count,
        "sampleRows": [list(cells) for cells in learned.sample_rows],
        "sheet": dialect.sheet,
        "system": suggested.system,
        "suggestedMapping": {"email": suggested.email, "points": suggested.points, "why": suggested.why},
        "numberFormat": number_format(asdict(learned.number_format)),
        "warnings": [asdict(notice) for notice in learned.notices],
    }


def number_format(found: Mapping[str, Any]) -> Json:
    """Return the grouping and decimal signs, null for what was not seen, and what in the column showed them."""
    return {
        "group": "".join(sorted(found["group"])) or None,
        "decimal": "".join(sorted(found["decimal"])) or None,
        "evidence": found["evidence"],
    }
