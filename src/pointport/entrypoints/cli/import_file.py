"""`pointport import FILE`: one file, from here to the ledger."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pointport.entrypoints.cli import bars, results
from pointport.entrypoints.cli.client import IMPORTS, OURS, Client, CommandError, Exit, connect
from pointport.entrypoints.cli.imports import save_errors
from pointport.entrypoints.cli.options import Json, Site, Yes
from pointport.entrypoints.cli.reading import Delimiter, Encoding, HeadingLine, Quote, Sheet, told


def import_file(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="A CSV file, or a workbook, of e-mail addresses and points."),
    ],
    email: Annotated[
        str | None, typer.Option(metavar="COL", help="The column of e-mail addresses: heading or number.")
    ] = None,
    points: Annotated[str | None, typer.Option(metavar="COL", help="The column of points: heading or number.")] = None,
    errors: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Where failed rows go; default: beside FILE.")
    ] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quote: Quote = None,
    heading_line: HeadingLine = None,
    sheet: Sheet = None,
    site: Site = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Set the balances of the customers in FILE; needs no running server."""
    reading = context.obj["wiring"].reading(told(encoding, delimiter, quote, heading_line, sheet))
    with connect(context, site=site, working=True) as client:
        totals_before = client.get(f"{OURS}/totals")
        parsed = _parse(client, file, reading)
        columns = _choose(parsed, email, points)
        if not as_json:
            _announce(parsed, columns)
        _confirm(parsed, yes=yes)
        found = _execute(client, parsed, columns)
        summary = client.get(f"{OURS}/import-summary", loyaltyImportId=found["id"])
        error_file = None
        if found.get("importResult", {}).get("errorFileExists"):
            error_file = save_errors(client, found, errors, beside=file)
    if as_json:
        shown = str(error_file) if error_file else None
        bars.say_json({"loyaltyImport": found, "summary": summary, "before": totals_before, "errorFile": shown})
    else:
        results.show(found, summary)
        _show_totals(totals_before, summary)
        if error_file:
            bars.say(f"The failed rows, with reasons: [bold]{bars.plain(error_file)}[/]")
            bars.say("Correct them there and import that file as it is.")
    raise typer.Exit(_exit_code(found))


def _parse(client: Client, file: Path, reading: dict[str, Any]) -> dict[str, Any]:
    path = client.upload(file)
    size = file.stat().st_size
    made = client.post(IMPORTS, {"fileUrl": path, "fileName": file.name, "fileSize": size, "pointport": reading})
    with bars.rows("Reading"):
        *_, found = client.follow(made["loyaltyImport"]["id"], {"INITIATED", "PARSING"})
    if found["status"] == "FAILED":
        ours = found["pointport"]
        raise CommandError(f"{ours['failureReason']}: {ours['failureMessage']}", Exit.IMPORT_FAILED)
    return found


def _choose(parsed: dict[str, Any], email: str | None, points: str | None) -> dict[str, int]:
    header = parsed["fileMetadata"]["header"]["values"]
    suggested = parsed["pointport"]["detected"]["suggestedMapping"]
    chosen = {
        "EMAIL": _column(header, "--email", email, suggested["email"], suggested["why"]),
        "POINTS": _column(header, "--points", points, suggested["points"], suggested["why"]),
    }
    if chosen["EMAIL"] == chosen["POINTS"]:
        raise CommandError(f'"{header[chosen["EMAIL"]]}" cannot be both the e-mail address and the points')
    return chosen


def _column(header: list[str], option: str, wanted: str | None, suggested: int | None, why: str) -> int:
    named = ", ".join(f'{number} "{heading}"' for number, heading in enumerate(header, 1))
    if wanted is None:
        if suggested is None:
            raise CommandError(f"{why} Say which with {option}; the columns are {named}")
        return suggested
    matches = [index for index, heading in enumerate(header) if heading.strip().lower() == wanted.strip().lower()]
    if len(matches) == 1:
        return matches[0]
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(header):
        return int(wanted) - 1
    raise CommandError(f'{option} "{wanted}" is not one column; the columns are {named}')


def _announce(parsed: dict[str, Any], columns: dict[str, int]) -> None:
    metadata = parsed["fileMetadata"]
    header = metadata["header"]["values"]
    bars.say(
        f"[bold]{bars.plain(metadata['name'])}[/]: {parsed['parseResult']['parsedRowCount']:,} rows;"
        f' e-mail address from "{bars.plain(header[columns["EMAIL"]])}",'
        f' points from "{bars.plain(header[columns["POINTS"]])}".'
    )
    for warning in parsed["pointport"]["detected"]["warnings"]:
        bars.say(f"[yellow]Line {warning['line']}: {bars.plain(warning['message'])}[/]")


def _confirm(parsed: dict[str, Any], *, yes: bool) -> None:
    if yes:
        return
    if not bars.is_terminal():
        raise CommandError("this changes balances: add --yes to do so without being asked")
    rows = parsed["parseResult"]["parsedRowCount"]
    if not typer.confirm(f"Set the balances of {rows:,} rows?"):
        raise CommandError("nothing was changed")


def _execute(client: Client, parsed: dict[str, Any], columns: dict[str, int]) -> dict[str, Any]:
    mappings = [{"columnName": name, "columnIndex": index} for name, index in columns.items()]
    body = {"loyaltyImportId": parsed["id"], "headerMappingInfo": {"headerMappings": mappings}}
    found: dict[str, Any] = client.post(f"{IMPORTS}/execute", body)["loyaltyImport"]
    with bars.rows("Importing") as bar:
        for state in client.follow(found["id"], {"IMPORTING"}):
            found = state
            progress = found["pointport"]["progress"]
            bar.show(progress["rowsDone"], progress["rowsTotal"])
    return found


def _show_totals(before: dict[str, int], after: dict[str, int]) -> None:
    bars.say()
    bars.table(
        ["Site", "Before", "After", "Change"],
        [
            (title, before[name], after[name], f"{after[name] - before[name]:+,}")
            for title, name in (("Accounts", "accounts"), ("Points", "balance"))
        ],
        numbers=(1, 2, 3),
    )
    bars.say()


def _exit_code(found: dict[str, Any]) -> Exit:
    if found["status"] == "FAILED":
        return Exit.IMPORT_FAILED
    return Exit.ROWS_FAILED if found["importResult"]["failureCount"] else Exit.OK
