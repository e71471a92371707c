"""`pointport inspect FILE`: what would be read of a file, before anything is done with it."""

from pathlib import Path
from typing import Annotated

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.options import Json
from pointport.entrypoints.cli.wiring import Wiring

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with BOM"}


def inspect(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file.")],
    as_json: Json = False,
) -> None:
    """Show what would be read of FILE: encoding, delimiter, heading, suggested columns, first rows."""
    wiring: Wiring = context.obj["wiring"]
    found = wiring.inspect(file)
    if as_json:
        bars.say_json(found)
        return
    delimiter = DELIMITERS.get(found["delimiter"], found["delimiter"])
    encoding = ENCODINGS.get(found["encoding"], found["encoding"])
    bars.say(f"[bold]{bars.plain(file.name)}[/]: {found['rowCount']:,} rows, {len(found['header'])} columns")
    bars.say(f"Written in {encoding}, divided by {delimiter}, lines end with {found['lineEnding']}.")
    suggested = found["suggestedMapping"]
    bars.say(bars.plain(suggested["why"]))
    for warning in found["warnings"]:
        bars.say(f"[yellow]Line {warning['line']}: {bars.plain(warning['message'])}[/]")
    marks = {suggested["email"]: " (e-mail)", suggested["points"]: " (points)"}
    headings = [f"{heading}{marks.get(index, '')}" for index, heading in enumerate(found["header"])]
    bars.say()
    bars.table([bars.plain(heading) for heading in headings], [row[: len(headings)] for row in found["sampleRows"]])
