"""The options by which a person says how a file is written, where that is found out otherwise."""

from typing import Annotated, Any

import typer

Encoding = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The file's encoding, like utf-8 or windows-1252; default: found out."),
]
Delimiter = Annotated[
    str | None,
    typer.Option(metavar="CHAR", help="What divides cells: a character, or comma, semicolon, tab, pipe, colon, space."),
]
Quote = Annotated[
    str | None, typer.Option(metavar="CHAR", help="What stands around cells: a character, or double, single, none.")
]
HeadingLine = Annotated[
    int | None, typer.Option(min=0, metavar="LINE", help="The line with the headings, from 1; 0: there are none.")
]
Sheet = Annotated[
    str | None, typer.Option(metavar="NAME", help="The sheet of a workbook: its name, or its number from 1.")
]


def told(
    encoding: str | None, delimiter: str | None, quote: str | None, heading_line: int | None, sheet: str | None
) -> dict[str, Any]:
    """Return what was said, by the names that the reader knows."""
    return {
        "encoding_name": encoding,
        "delimiter": delimiter,
        "quote": quote,
        "heading_line": heading_line,
        "sheet": sheet,
    }
