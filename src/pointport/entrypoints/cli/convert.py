"""`pointport convert FILE`: the file as clean CSV that every program reads."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.client import CommandError, Exit
from pointport.entrypoints.cli.reading import Delimiter, Encoding, HeadingLine, Quote, Sheet, told
from pointport.entrypoints.cli.wiring import Wiring
from pointport.errors import FileRejected


def convert(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, metavar="FILE...", help="The files.")],
    output_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Write each file there under its own name (a workbook as .csv) instead of to standard output.",
        ),
    ] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quote: Quote = None,
    heading_line: HeadingLine = None,
    sheet: Sheet = None,
) -> None:
    """Write FILE as clean CSV: RFC 4180, UTF-8, commas, CRLF, the headings first, every record equally wide."""
    wiring: Wiring = context.obj["wiring"]
    said = told(encoding, delimiter, quote, heading_line, sheet)
    if output_dir is None:
        if len(files) > 1:
            raise CommandError("only one file fits on standard output; say --output-dir DIR for several")
        _write(wiring.convert(files[0], said))
        return
    output_dir.mkdir(parents=True, exist_ok=True)
    refused = 0
    for file in files:
        try:
            _save(wiring.convert(file, said), file, output_dir)
        except FileRejected as error:
            refused += 1
            bars.complain(f"{file}: {error.message}")
    if refused:
        raise typer.Exit(Exit.WRONG_USE)


def _write(blocks: Iterable[bytes]) -> None:
    for block in blocks:
        sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()


def _save(blocks: Iterable[bytes], file: Path, folder: Path) -> None:
    """Write a file beside its place and then into it, so that what lies there is whole."""
    target = folder / (f"{file.stem}.csv" if file.suffix.lower() in {".xlsx", ".xlsm"} else file.name)
    if target.exists() and target.samefile(file):
        raise CommandError(f"{target} is the file itself; choose another folder")
    draft = target.with_name(f".{target.name}.part")
    try:
        with draft.open("wb") as written:
            written.writelines(blocks)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
