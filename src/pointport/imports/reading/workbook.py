"""Excel workbooks (.xlsx, .xlsm) as rows of text, one sheet of them.

A workbook is read as a stream, like any file: its bytes are kept on disk, its sheet is unpacked and taken apart piece by
piece, and of its texts only so many are in memory. The libraries for it hold a whole sheet: 113 MiB for 250,000 rows of
five columns, and 10 GiB for a file of two cells in opposite corners.

    workbook_archive   bytes → parts, after a look for bombs
    workbook_parts     which sheets there are, and which formats show dates
    workbook_texts     the texts that cells name by number
    workbook_rows      a sheet → rows, by workbook_cells
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from pointport.errors import FileRejected
from pointport.imports.reading import workbook_archive as archives
from pointport.imports.reading import workbook_parts, workbook_rows, workbook_texts
from pointport.imports.reading.workbook_parts import Sheet
from pointport.imports.reading.workbook_rows import WorkbookRow
from pointport.settings import Settings

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
"""An archive, an empty one, and the first of several pieces."""

SHEETS_SHOWN = 20


@dataclass(frozen=True)
class Workbook:
    """One sheet of a workbook, to be read as often as wanted while the workbook is open."""

    sheet: str
    sheets: tuple[str, ...]
    """All sheets with cells, in the order of their tabs, hidden ones too."""
    byte_count: int
    sha256: bytes
    read: Callable[[], Iterator[WorkbookRow]] = field(repr=False)

    def rows(self) -> Iterator[WorkbookRow]:
        """Return the rows that have something in them, as `workbook_rows.read` does: number, cells, None."""
        return self.read()


def is_zip(head: bytes) -> bool:
    """Tell whether a file that begins like this is a ZIP archive, as every workbook is."""
    return head.startswith(ZIP_STARTS)


@contextmanager
def opened(chunks: Iterable[bytes], *, sheet: str | None, settings: Settings) -> Iterator[Workbook]:
    """Open a workbook from its bytes, at a sheet: its name, or its number from 1; None is the first with something in it.

    Raises FileRejected, here or while rows are read: ZIP_NOT_WORKBOOK, WORKBOOK_DAMAGED, WORKBOOK_TOO_LARGE,
    WORKBOOK_ENCRYPTED, SHEET_NOT_FOUND, CELL_TOO_LONG.
    """
    with ExitStack() as stack:
        spool = stack.enter_context(archives.spooled(chunks))
        archive = stack.enter_context(archives.opened(spool, bytes_max=settings.workbook_bytes_max))
        book = workbook_parts.book(archive)
        texts = None
        if book.texts_part is not None and archives.has(archive, book.texts_part):
            pieces = archives.pieces(archive, book.texts_part)
            texts = stack.enter_context(workbook_texts.kept(pieces, settings.cell_characters_max))

        def rows(of: Sheet) -> Iterator[WorkbookRow]:
            return workbook_rows.read(
                archives.pieces(archive, of.part),
                book,
                texts,
                cell_characters_max=settings.cell_characters_max,
                columns_max=settings.columns_max,
            )

        chosen = _first_with_data(book.sheets, rows) if sheet is None else _called(book.sheets, sheet)
        yield Workbook(
            sheet=chosen.name,
            sheets=tuple(each.name for each in book.sheets),
            byte_count=spool.byte_count,
            sha256=spool.sha256,
            read=lambda: rows(chosen),
        )


def _first_with_data(sheets: tuple[Sheet, ...], rows: Callable[[Sheet], Iterator[WorkbookRow]]) -> Sheet:
    """Return the first sheet with something in it; one that people see, when there is one."""
    in_order = sorted(sheets, key=lambda each: each.is_hidden)
    if not in_order:
        raise archives.damaged("it has no sheet with cells")
    return next((each for each in in_order if next(rows(each), None) is not None), in_order[0])


def _called(sheets: tuple[Sheet, ...], wanted: str) -> Sheet:
    """Return the sheet that a person means: its name, as Excel compares names, or its number from 1."""
    for each in sheets:
        if each.name == wanted:
            return each
    for number, each in enumerate(sheets, start=1):
        if each.name.strip().casefold() == wanted.strip().casefold() or str(number) == wanted.strip():
            return each
    named = ", ".join(f"“{archives.shown(each.name)}”" for each in sheets[:SHEETS_SHOWN])
    more = f" and {len(sheets) - SHEETS_SHOWN:,} more" if len(sheets) > SHEETS_SHOWN else ""
    raise FileRejected(
        f"The workbook has no sheet “{archives.shown(wanted)}”. Choose one of those it has: {named}{more}.",
        code="SHEET_NOT_FOUND",
    )
