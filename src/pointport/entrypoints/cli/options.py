"""Options that many commands share."""

from typing import Annotated

import typer

Site = Annotated[
    str | None, typer.Option("--site", metavar="ID", help="The site; default: the only one, else the default one.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
ImportId = Annotated[str, typer.Argument(metavar="ID", help="The import's id, as `imports list` shows it.")]
