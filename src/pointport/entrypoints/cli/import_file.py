"""`pointport import FILE`: one file, from here to the ledger."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pointport.entrypoints.cli import bars, error_file, following, preview, results
from pointport.entrypoints.cli.client import (
    IMPORTS,
    OURS,
    Client,
    CommandError,
    Exit,
    connect,
    fields_are,
    in_our_words,
)
from pointport.entrypoints.cli.options import Json, Site, Yes
from pointport.entrypoints.cli.options_of_import import (
    FIELDS,
    AllowRepeat,
    Atomic,
    Description,
    Duplicates,
    DuplicatesName,
    FailIfMoreThan,
    MaxAccountsChanged,
    MaxPointsPerRow,
    MaxTotalChange,
    Mode,
    ModeName,
    NoNotify,
    UnknownContacts,
    UnknownContactsName,
    chosen,
)
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
    mode: Mode = ModeName.SET,
    duplicates: Duplicates = DuplicatesName.REJECT,
    unknown_contacts: UnknownContacts = UnknownContactsName.REJECT,
    atomic: Atomic = False,
    fail_if_more_than: FailIfMoreThan = None,
    max_points_per_row: MaxPointsPerRow = None,
    max_total_change: MaxTotalChange = None,
    max_accounts_changed: MaxAccountsChanged = None,
    description: Description = None,
    allow_repeat: AllowRepeat = False,
    no_notify: NoNotify = False,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quote: Quote = None,
    heading_line: HeadingLine = None,
    sheet: Sheet = None,
    site: Site = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen, with the exit code it would have, and stop.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Set the balances of the customers in FILE, or add to them; shows what would happen and asks. Needs no server."""
    reading = context.obj["wiring"].reading(told(encoding, delimiter, quote, heading_line, sheet))
    options = chosen(
        mode=mode,
        duplicates=duplicates,
        unknown_contacts=unknown_contacts,
        atomic=atomic,
        fail_if_more_than=fail_if_more_than,
        max_points_per_row=max_points_per_row,
        max_total_change=max_total_change,
        max_accounts_changed=max_accounts_changed,
        description=description,
        allow_repeat=allow_repeat,
        no_notify=no_notify,
    )
    _refuse_to_change_unasked(yes=yes or dry_run, as_json=as_json)
    with connect(context, site=site, working=True) as client:
        with following.interruptible(following.nothing_was_changed):
            totals_before = client.get(f"{OURS}/totals")
            parsed = _parse(client, file, reading)
            columns = _choose(parsed, email, points)
            if not as_json:
                _announce(parsed, columns)
            body = _body(parsed, columns, options)
            if dry_run or not yes:
                _look(client, parsed, body, dry_run=dry_run, as_json=as_json)
        found = _execute(client, parsed, body)
        summary = client.get(f"{OURS}/import-summary", loyaltyImportId=found["id"])
        saved = error_file.save_if_any(client, found, errors, beside=file)
    if as_json:
        shown = str(saved) if saved else None
        bars.say_json({"loyaltyImport": found, "summary": summary, "before": totals_before, "errorFile": shown})
    else:
        results.show(found, summary)
        _show_totals(totals_before, summary)
        if saved:
            error_file.tell(found, saved)
    raise typer.Exit(results.exit_code(found))


def _refuse_to_change_unasked(*, yes: bool, as_json: bool) -> None:
    if not yes and (as_json or not bars.is_terminal()):
        raise CommandError(
            "this changes balances: add --yes to do so without being asked, or --dry-run to see what would happen"
        )


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
        bars.say(f"[yellow]Line {warning['line']}: {bars.plain(in_our_words(warning['message']))}[/]")


def _body(parsed: dict[str, Any], columns: dict[str, int], options: dict[str, Any]) -> dict[str, Any]:
    """Return the request that executes the import, or previews it."""
    mappings = [{"columnName": name, "columnIndex": index} for name, index in columns.items()]
    return {"loyaltyImportId": parsed["id"], "headerMappingInfo": {"headerMappings": mappings}, "options": options}


def _look(client: Client, parsed: dict[str, Any], body: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    """Show what would happen, and ask. Ends the command unless it is to be done."""
    seen = preview.ask(client, body)
    if as_json:
        bars.say_json({"loyaltyImport": parsed, "preview": seen})
    else:
        preview.show(seen)
    if dry_run:
        if not as_json:
            bars.say("Nothing was changed: this was a dry run.")
        raise typer.Exit(preview.exit_code(seen))
    held = preview.held_back(seen)
    if held is not None:
        raise CommandError(*held)
    if not bars.ask(preview.question(seen)):
        raise CommandError("nothing was changed")


def _execute(client: Client, parsed: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    def begin() -> dict[str, Any]:
        with fields_are(**FIELDS):
            begun: dict[str, Any] = client.post(f"{IMPORTS}/execute", body)["loyaltyImport"]
        return begun

    return following.to_the_end(client, parsed, "Importing", begin)


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
