"""From the bytes of a file to rows that are lined up: read, judged by their cells, staged, judged in sets.

An import does it before its first chunk, under its own id, and a preview does the same under another: what a preview says
and what happens are the work of the same statements on the same rows.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from pointport.errors import FileRejected
from pointport.imports import judging, record, staging
from pointport.imports.options import Options
from pointport.imports.reading import encoding, files, numbers
from pointport.imports.record import LoyaltyImport
from pointport.imports.shapes import Lined, Mapping, NumberFormat, Row, Workshop
from pointport.plumbing.database.pool import Connection


def line_up(
    workshop: Workshop,
    connection: Connection,
    found: LoyaltyImport,
    *,
    columns: Mapping,
    options: Options,
    under: UUID,
    again: bool = False,
) -> Lined:
    """Read the rows of a file, judge them and line the good ones up, under an id of the caller's.

    `again`: some may have their outcome already, and keep it. Raises FileRejected when the file is not the one that was
    parsed.
    """
    # Of a row that is tried again the first file of the family tells which cells it may have.
    first = found if found.root_id is None else record.find(connection, found.site_id, found.root_id)
    stream = encoding.ByteStream(workshop.objects.get(found.file_url.removeprefix("/")))
    damaged_rows = (found.detected or {})["damaged_rows"]
    rules = judging.Rules(
        mapping=columns,
        columns=first.own_columns,
        encoding_name=encoding.NAMES.get(found.dialect.encoding, found.dialect.encoding),
        points_max=workshop.settings.points_max,
        read_points=points_reader(workshop, found, columns),
        damaged=(lambda cells: encoding.is_damaged("".join(cells))) if damaged_rows else None,
        adds=options.adds,
    )
    judged = judging.judge_cells(files.read(stream, found.dialect, workshop.settings), rules)
    staged_rows = staging.stage(connection, found.site_id, under, judged)
    if stream.sha256 != found.file_sha256 or staged_rows != found.parsed_row_count:
        raise FileRejected(
            "The uploaded file is not the one that was parsed. Upload it again and start a new import.",
            code="FILE_CHANGED",
        )
    return judging.judge_rows(
        connection,
        found.site_id,
        under,
        options=options,
        points_max=workshop.settings.points_max,
        staged_rows=staged_rows,
        again=again,
    )


def rows(workshop: Workshop, found: LoyaltyImport) -> Iterator[Row]:
    """Return the rows of an import's file."""
    return files.read(workshop.objects.get(found.file_url.removeprefix("/")), found.dialect, workshop.settings)


def rows_at(workshop: Workshop, found: LoyaltyImport, lines: Sequence[int]) -> Iterator[Row]:
    """Return the rows of an import's file that start at these lines."""
    path = found.file_url.removeprefix("/")
    return files.read_at(lambda: workshop.objects.get(path), found.dialect, workshop.settings, lines)


def number_format(workshop: Workshop, found: LoyaltyImport, columns: Mapping) -> NumberFormat:
    """Return how the numbers of the points column are written.

    Parsing settled it for the column that it suggested; for another, the file is read once more.
    """
    if columns.points == found.suggested_points:
        return found.number_format
    return numbers.settle(
        (cells[columns.points] for _, cells, _ in rows(workshop, found) if columns.points < len(cells)),
        is_rendered=found.dialect.sheet is not None,
    )


def points_reader(workshop: Workshop, found: LoyaltyImport, columns: Mapping) -> judging.CellReader:
    """Return how cells of the points column are read; how its numbers are written is found out when first it matters."""
    written = functools.cache(lambda: number_format(workshop, found, columns))

    def read_points(text: str) -> int | tuple[str, dict[str, Any]]:
        number = numbers.read(text, written())
        if isinstance(number, int):
            return number
        detail = {"grouped": number.grouped, "fraction": number.fraction} if number.grouped else {}
        return number.problem, detail

    return read_points
