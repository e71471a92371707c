"""The story of trying again: the failed rows of an import, corrected, make an import of their own.

::

    (an error file of ours, or corrections of its lines) ─▶ create ─▶ parse ─▶ execute by itself, as the one before it

Every row stands for a row that failed, and a row that has gone through, or is about to, is never taken again: so points
that are added are added once, however often somebody tries.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from pointport.errors import FileRejected, InvalidRequest, PointportError, PreconditionFailed, Violation
from pointport.imports import answers, intake, preparing, record, reporting, staging
from pointport.imports.reading import corrected, files, learning
from pointport.imports.record import LoyaltyImport
from pointport.imports.shapes import Judged, Learned, Row, Workshop
from pointport.imports.status import UNFINISHED, Status
from pointport.plumbing import queue
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection
from pointport.plumbing.idempotency.once import KeyedRequest
from pointport.plumbing.sites import sites
from pointport.plumbing.webhooks.event_types import EventType

QUERIES = load(__file__)

PARSE_TASK = "parse_import"
CORRECTIONS_MAX = 1_000
LINES_NAMED_MAX = 10
FAMILY_SHOWN = 10
"""Of many imports that tried rows again, these are shown."""


@dataclass(frozen=True)
class Correction:
    """What is right instead: at a line of the import's file, another address, other points, or both."""

    line: int
    email: str | None = None
    points: str | None = None


@dataclass(frozen=True)
class _Uploaded:
    """Where a file lies, what it is called, and how large it is."""

    file_url: str
    file_name: str
    file_bytes: int


def from_file(
    workshop: Workshop,
    site_id: UUID,
    import_id: UUID,
    *,
    file_url: str,
    file_name: str | None,
    actor: str,
    keyed: KeyedRequest | None = None,
) -> LoyaltyImport:
    """Try failed rows again, from the error file of an import that was corrected and uploaded.

    Raises NotFound; PreconditionFailed while the import runs, and when no row of it has failed; InvalidRequest for a file
    that is no error file of this import, whose columns were moved, or that has rows which did not fail or went through
    meanwhile.
    """
    answered = answers.find(workshop, site_id, keyed)
    if answered is not None:
        return answered
    before = _find_failed(workshop, site_id, import_id)
    file_bytes = intake.size_of_upload(workshop, site_id, file_url)
    name = file_name or file_url.rpartition("/")[2]
    uploaded = _Uploaded(file_url, name, file_bytes)
    return _create(workshop, before, uploaded, actor=actor, keyed=keyed)


def from_corrections(
    workshop: Workshop,
    site_id: UUID,
    import_id: UUID,
    *,
    corrections: Sequence[Correction],
    actor: str,
    keyed: KeyedRequest | None = None,
) -> LoyaltyImport:
    """Try failed rows again with what is right instead; their file is made of the import's own.

    Raises as `from_file` does, and InvalidRequest for a line that is named twice or has not failed.
    """
    answered = answers.find(workshop, site_id, keyed)
    if answered is not None:
        return answered
    before = _find_failed(workshop, site_id, import_id)
    wanted = {correction.line: correction for correction in corrections}
    if len(wanted) < len(corrections):
        raise InvalidRequest(Violation("corrections", "must name each line once", "OTHER"))
    file_url = intake.new_path(site_id)
    path = file_url.removeprefix("/")
    missing = set(wanted)
    header, width = before.header or [], before.error_file_columns(workshop.settings.columns_max)
    with (
        workshop.database.transaction(site_id) as connection,
        closing(reporting.failures(connection, site_id, import_id)) as failures,
    ):

        def chosen() -> Iterator[Mapping[str, Any]]:
            for failure in failures:
                if failure["line"] in missing:
                    missing.discard(failure["line"])
                    yield failure

        changed = (
            (failure, _changed(cells, wanted[failure["line"]], before))
            for failure, cells in reporting.with_cells(chosen(), preparing.rows_at(workshop, before, [*wanted]))
        )
        workshop.objects.put(
            path,
            reporting.error_file(
                changed, header, width, before.columns, corrected.CORRECTED_COLUMNS, corrected.guarded
            ),
        )
    if missing:
        workshop.objects.delete(path)
        raise _refused("corrections", sorted(missing), "did not fail, so there is nothing to correct")
    name = f"{before.file_name.removesuffix('.csv')}-corrected.csv"
    uploaded = _Uploaded(file_url, name, workshop.objects.size(path))
    try:
        made = _create(workshop, before, uploaded, actor=actor, keyed=keyed, field="corrections")
    except PointportError:
        workshop.objects.delete(path)
        raise
    if made.file_url != file_url:  # somebody was faster with the same request
        workshop.objects.delete(path)
    return made


@dataclass(frozen=True)
class TakenUp:
    """A failed row that another import of the family has taken up: it went through there, or may yet."""

    import_id: UUID
    is_under_way: bool


def taken_up(workshop: Workshop, found: LoyaltyImport, lines: Sequence[int]) -> dict[int, TakenUp]:
    """Return, by line, those of an import's failed rows that are not to be tried again, and where they are."""
    these = {
        "site_id": found.site_id,
        "import_id": found.id,
        "root_id": found.root_id or found.id,
        "lines": list(lines),
    }
    with workshop.database.transaction(found.site_id) as connection:
        rows = connection.execute(QUERIES["lines_taken_up"], these).fetchall()
    return {row["line"]: TakenUp(row["import_id"], Status(row["status"]) in UNFINISHED) for row in rows}


def family(workshop: Workshop, found: LoyaltyImport) -> tuple[LoyaltyImport, list[LoyaltyImport]]:
    """Return the first import of a family, and the newest of those that tried its failed rows again, newest first."""
    with workshop.database.transaction(found.site_id) as connection:
        root = record.find(connection, found.site_id, found.root_id) if found.root_id else found
        newest = root.retries[: -FAMILY_SHOWN - 1 : -1]
        return root, [record.find(connection, found.site_id, one) for one in newest]


def _find_failed(workshop: Workshop, site_id: UUID, import_id: UUID) -> LoyaltyImport:
    with workshop.database.transaction(site_id) as connection:
        found = record.find(connection, site_id, import_id)
    if found.status not in (Status.IMPORTED, Status.FAILED) or found.failure_count is None:
        raise PreconditionFailed(
            f"only an import that was executed and has ended can be tried again, and this one is {found.status}",
            code="INVALID_IMPORT_STATUS",
            data={"status": str(found.status)},
        )
    if found.failure_count == 0:
        raise PreconditionFailed(
            "no row of this import has failed: there is nothing to try again", code="NOTHING_TO_RETRY"
        )
    if found.erased_date is not None:
        raise PreconditionFailed(
            "the rows of this import are kept no longer: import them as a new file", code="ROWS_ERASED"
        )
    return found


def _create(
    workshop: Workshop,
    before: LoyaltyImport,
    uploaded: _Uploaded,
    *,
    actor: str,
    keyed: KeyedRequest | None,
    field: str = "fileUrl",
) -> LoyaltyImport:
    """Make the import, once every row of its file is known to stand for one that can be tried again.

    `field` is what is wrong with the request when that is not so.
    """
    site_id, child_id, now = before.site_id, new_id(), workshop.clock()
    learned = _learn(workshop, before, uploaded.file_url)
    root_id = before.root_id or before.id
    with workshop.database.transaction(site_id) as connection:
        answered = answers.claim(workshop, connection, site_id, keyed)
        if answered is not None:
            return answered
        # Two retries of one family would not see each other's rows.
        root = record.lock(connection, site_id, root_id)
        rows = files.read(
            workshop.objects.get(uploaded.file_url.removeprefix("/")),
            replace(learned.dialect, our_columns=0),
            workshop.settings,
        )
        staging.stage(connection, site_id, child_id, _lines_meant(rows, len(learned.header)))
        _refuse_wrong_lines(connection, before, root_id, child_id, field)
        these = {"site_id": site_id, "import_id": before.id, "child_id": child_id, "root_id": root_id}
        connection.execute(QUERIES["insert_retry_rows"], these)
        staging.clear(connection, site_id, child_id)
        made = record.insert(
            connection,
            site_id,
            id=child_id,
            **asdict(uploaded),
            file_sha256=learned.sha256,
            retry_of=before.id,
            root_id=root_id,
            now=now,
        )
        record.tell(connection, record.change(connection, "note_retry", root, retry_id=child_id, now=now), actor)
        record.tell(connection, made, actor, EventType.IMPORT_CREATED)
        queue.enqueue(connection, PARSE_TASK, site_id=site_id, subject_id=child_id, lock=f"parse:{child_id}")
        sites.note(connection, site_id, actor=actor, action="import.retry", subject_id=before.id, now=now)
        answers.keep(connection, made, keyed)
    return made


def _learn(workshop: Workshop, before: LoyaltyImport, file_url: str) -> Learned:
    """Read the file once. Raises InvalidRequest unless it is an error file of this import, with its columns in place."""
    path = file_url.removeprefix("/")
    try:
        learned = learning.learn(lambda: workshop.objects.get(path), workshop.settings, learning.FOUND_OUT)
    except FileRejected as error:
        raise InvalidRequest(Violation("fileUrl", f"cannot be read: {error.message}", "OTHER")) from error
    if not learned.dialect.our_columns:
        raise InvalidRequest(
            Violation(
                "fileUrl",
                "is no error file of ours: its last columns must be "
                + ", ".join(f'"{name}"' for name in corrected.CORRECTED_COLUMNS)
                + ". Correct the error file of this import, and leave its columns as they are.",
                "OTHER",
            )
        )
    expected = [*(before.header or []), *([""] * len(learned.header))][: len(learned.header)]
    moved = [
        f'column {number} is "{found}" and was "{was}"'
        for number, (found, was) in enumerate(zip(learned.header, expected, strict=True), 1)
        if found.strip() != was.strip()
    ]
    if len(learned.header) < len(before.header or []):
        moved.append(f"there are {len(learned.header)} columns, and were {len(before.header or [])}")
    if moved:
        raise InvalidRequest(
            Violation(
                "fileUrl",
                f"has other columns than the import: {'; '.join(moved[:3])}. Leave them in their places.",
                "OTHER",
            )
        )
    if learned.row_count == 0:
        raise InvalidRequest(Violation("fileUrl", "has no rows", "OTHER"))
    return learned


def _lines_meant(rows: Iterable[Row], index: int) -> Iterator[Judged]:
    """Return each row's own line, and as its points the line of the import that it stands for."""
    for line, cells, _ in rows:
        text = cells[index].strip() if index < len(cells) else ""
        if not (text.isascii() and text.isdigit() and 0 < len(text) <= len(str(2**32))):
            raise InvalidRequest(
                Violation(
                    "fileUrl",
                    f'has no line of the import in line {line}: the column "Import line" says "{text[:100]}".'
                    " Leave it as it is in the error file, and put new rows into a file of their own.",
                    "OTHER",
                )
            )
        yield Judged(line, None, int(text))


def _refuse_wrong_lines(
    connection: Connection, before: LoyaltyImport, root_id: UUID, child_id: UUID, field: str
) -> None:
    """Raise InvalidRequest for rows that stand twice, did not fail, or are tried again already."""
    these = {"site_id": before.site_id, "import_id": before.id, "child_id": child_id, "root_id": root_id}
    for query, told in (
        ("lines_twice", "stand more than once in the file"),
        ("lines_not_failed", f"of import {before.id} did not fail, so they are not tried again"),
        ("lines_closed", "went through meanwhile, or are just being tried again; take them out"),
    ):
        found = connection.execute(QUERIES[query], these).fetchall()
        if found:
            raise _refused(field, [row["line"] for row in found], told)


def _refused(field: str, lines: Sequence[int], told: str) -> InvalidRequest:
    named = ", ".join(map(str, lines[:LINES_NAMED_MAX]))
    more = f" and {len(lines) - LINES_NAMED_MAX:,} more" if len(lines) > LINES_NAMED_MAX else ""
    return InvalidRequest(Violation(field, f"the lines {named}{more} {told}", "OTHER"))


def _changed(cells: list[str], correction: Correction, before: LoyaltyImport) -> list[str]:
    """Return a row's cells with the corrected ones in their places, and none behind the columns.

    Who says which address and which points are right has seen what made them look out of place.
    """
    columns = before.columns
    needed = max(columns.email, columns.points) + 1
    changed = cells + [""] * (needed - len(cells))
    if (correction.email, correction.points) != (None, None):
        changed = changed[: max(needed, before.own_columns)]
    if correction.email is not None:
        changed[columns.email] = correction.email
    if correction.points is not None:
        changed[columns.points] = correction.points
    return changed
