"""`pointport inspect FILE`: what would be read of a file, before anything is done with it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.client import in_our_words
from pointport.entrypoints.cli.options import Json
from pointport.entrypoints.cli.reading import Delimiter, Encoding, HeadingLine, Quote, Sheet, told
from pointport.entrypoints.cli.wiring import Wiring

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", ":": "colon", " ": "space"}
COLUMNS_MAX = 6
ROWS_MAX = 3
ENCODINGS = {"utf-8-sig": "utf-8 with BOM"}


def inspect(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file.")],
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quote: Quote = None,
    heading_line: HeadingLine = None,
    sheet: Sheet = None,
    as_json: Json = False,
) -> None:
    """Show what would be read of FILE: encoding, delimiter, heading, suggested columns, first rows."""
    wiring: Wiring = context.obj["wiring"]
    found = wiring.inspect(file, told(encoding, delimiter, quote, heading_line, sheet))
    if as_json:
        bars.say_json(found)
        return
    counted = f"{_counted(found['rowCount'], 'row')}, {_counted(len(found['header']), 'column')}"
    bars.say(f"[bold]{bars.plain(file.name)}[/]: {counted}")
    bars.say(bars.plain(_written(found)))
    suggested = found["suggestedMapping"]
    bars.say(bars.plain(suggested["why"]))
    if suggested["points"] is not None:
        bars.say(bars.plain(_numbers(found["numberFormat"])))
    for warning in found["warnings"]:
        bars.say(f"[yellow]Line {warning['line']}: {bars.plain(in_our_words(warning['message']))}[/]")
    marks = {suggested["email"]: " (e-mail)", suggested["points"]: " (points)"}
    headings = [f"{heading}{marks.get(index, '')}" for index, heading in enumerate(found["header"])]
    bars.say()
    _show(headings, found["sampleRows"])


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _show(header: list[str], rows: list[list[str]]) -> None:
    """Show the first rows, side by side as long as they fit, and else one column of the file in each line."""
    if len(header) <= COLUMNS_MAX:
        bars.table([bars.plain(heading) for heading in header], [row[: len(header)] for row in rows])
        return
    shown = [[row[index] if index < len(row) else "" for row in rows[:ROWS_MAX]] for index in range(len(header))]
    headings = ["", "Column", *(f"Row {number}" for number in range(1, len(rows[:ROWS_MAX]) + 1))]
    lines = [[str(number), heading, *shown[number - 1]] for number, heading in enumerate(header, 1)]
    bars.table(headings, lines, numbers=(0,))


def _written(found: dict[str, Any]) -> str:
    """Say how the file is written."""
    heading = f"the headings are in line {found['headingLine']}" if found["headingLine"] else "there are no headings"
    if found["sheet"] is not None:
        return f'A workbook, sheet "{found["sheet"]}"; {heading}.'
    delimiter = DELIMITERS.get(found["delimiter"], found["delimiter"])
    encoding = ENCODINGS.get(found["encoding"], found["encoding"])
    quotes = f"quotes are {found['quote']}" if found["quote"] else "quotes mean nothing"
    escape = f" and escaped with {found['escape']}" if found["escape"] else ""
    ends = f"lines end with {found['lineEnding']}"
    return f"Written in {encoding}, divided by {delimiter}, {quotes}{escape}, {ends}; {heading}."


def _numbers(written: dict[str, Any]) -> str:
    """Say how the numbers of the points column are written."""
    signs = [f"{sign} {does}" for sign, does in ((written["group"], "groups"), (written["decimal"], "divides")) if sign]
    return f"Numbers: {' and '.join(signs) or 'without signs'} ({written['evidence']})."
