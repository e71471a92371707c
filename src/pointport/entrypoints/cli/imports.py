"""`pointport imports list|show|errors|certificate`: what was imported; what can be done with it is in files of its own."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pointport.entrypoints.cli import bars, error_file, results
from pointport.entrypoints.cli.client import IMPORTS, OURS, CommandError, connect
from pointport.entrypoints.cli.options import ImportId, Json, Site

application = typer.Typer(
    name="imports", help="What was imported, and what can still be done with it.", no_args_is_help=True
)

STANDARD_STREAM = Path("-")


@application.command("list")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many, newest first.")] = 20,
    status: Annotated[str | None, typer.Option(help="Only those in this status.")] = None,
    site: Site = None,
    as_json: Json = False,
) -> None:
    """List imports, newest first."""
    query: dict[str, Any] = {"cursorPaging": {"limit": limit}}
    if status:
        query["filter"] = {"status": status.upper()}
    with connect(context, site=site) as client:
        found = client.post(f"{IMPORTS}/query", {"query": query})["loyaltyImports"]
    if as_json:
        bars.say_json(found)
        return
    bars.table(
        ["Import", "File", "Status", "Rows", "Good", "Failed", "Created (UTC)"],
        [_line(one) for one in found],
        numbers=(3, 4, 5),
        whole=(0, 2, 6),
    )


@application.command("show")
def show(context: typer.Context, import_id: ImportId, site: Site = None, as_json: Json = False) -> None:
    """Show an import: what was found, chosen and done, and what went wrong."""
    with connect(context, site=site) as client:
        found = client.get_import(import_id)
        summary = client.get(f"{OURS}/import-summary", loyaltyImportId=import_id)
    if as_json:
        bars.say_json({"loyaltyImport": found, "summary": summary})
        return
    results.show(found, summary)
    results.show_life(found)
    bars.say()
    for entry in summary["trail"]:
        bars.say(f"{bars.moment(entry['created_date'])}  {entry['action']}  by {bars.plain(entry['actor'])}")


@application.command("errors")
def errors(
    context: typer.Context,
    import_id: ImportId,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="Where to; default: here.")
    ] = None,
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Save an import's error file: the failed rows, each with its line, reason and advice."""
    with connect(context, site=site) as client:
        found = client.get_import(import_id)
        target = error_file.save(client, found, output, beside=Path.cwd() / Path(found["fileMetadata"]["name"]).name)
    if as_json:
        bars.say_json({"errorFile": str(target)})
    else:
        bars.say(f"Saved {bars.plain(target)}")


@application.command("certificate")
def certificate(
    context: typer.Context,
    import_id: ImportId,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", dir_okay=False, allow_dash=True, help="Where to; `-`: print it; default: here."),
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", dir_okay=False, help="Save the page to print too, as HTML.")
    ] = None,
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Save an ended import's certificate: what it did, proven from the ledger and signed."""
    with connect(context, site=site) as client, bars.waiting("Proving the import from the ledger"):
        found = client.get(f"{IMPORTS}/certificate", loyaltyImportId=import_id)
        if page is not None:
            client.download(found["pageUrl"], page)
    # Not the page's URL: it is a secret for an hour, and nothing after that.
    saved = {"certificate": found["certificate"], "signature": found["signature"]}
    if output == STANDARD_STREAM:
        bars.say_json(saved)
        return
    target = output or error_file.free_name(
        Path.cwd() / Path(found["certificate"]["fileName"]).stem, "certificate", ".json"
    )
    try:
        target.write_text(json.dumps(saved, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{target} cannot be written: {error.strerror}") from error
    if as_json:
        told = {"certificateFile": str(target), "pageFile": str(page) if page else None, "pageUrl": found["pageUrl"]}
        bars.say_json(told)
        return
    bars.say(f"Saved {bars.plain(target)}{f' and {bars.plain(page)}' if page else ''}")
    bars.say(f"Check it at any time with: pointport ledger verify --certificate {bars.plain(target)}")


def _line(one: dict[str, Any]) -> tuple[Any, ...]:
    result = one.get("importResult", {})
    return (
        one["id"],
        one["fileMetadata"]["name"],
        one["status"],
        one.get("parseResult", {}).get("parsedRowCount", ""),
        result.get("successCount", ""),
        result.get("failureCount", ""),
        bars.moment(one["createdDate"]),
    )
