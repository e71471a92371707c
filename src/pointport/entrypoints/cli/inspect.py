"""`pointport inspect FILE`: what would be read of a file, before anything is done with it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.options import Json
from pointport.entrypoints.cli.reading import Delimiter, Encoding, HeadingLine, Quote, Sheet, told
from pointport.entrypoints.cli.wiring import Wiring

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", ":": "colon", " ": "space"}
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
    bars.say(f"[bold]{bars.plain(file.name)}[/]: {found['rowCount']:,} rows, {len(found['header'])} columns")
    bars.say(bars.plain(_written(found)))
    if found["system"]:
        bars.say(f"The headings are those of {bars.plain(found['system'])}.")
    suggested = found["suggestedMapping"]
    bars.say(bars.plain(suggested["why"]))
    bars.say(bars.plain(_numbers(found["numberFormat"])))
    for warning in found["warnings"]:
        bars.say(f"[yellow]Line {warning['line']}: {bars.plain(warning['message'])}[/]")
    marks = {suggested["email"]: " (e-mail)", suggested["points"]: " (points)"}
    headings = [f"{heading}{marks.get(index, '')}" for index, heading in enumerate(found["header"])]
    bars.say()
    bars.table([bars.plain(heading) for heading in headings], [row[: len(headings)] for row in found["sampleRows"]])


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
