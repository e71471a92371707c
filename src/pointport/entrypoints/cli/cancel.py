"""`pointport imports cancel ID`: stop a running import between two chunks."""

from typing import Annotated

import typer

from pointport.entrypoints.cli import bars, error_file, following, results
from pointport.entrypoints.cli.client import IMPORTS, OURS, CommandError, Exit, connect
from pointport.entrypoints.cli.options import ImportId, Json, Site

CANCELLED = "CANCELLED"


def cancel(
    context: typer.Context,
    import_id: ImportId,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until it has stopped.")] = False,
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Stop a running import. What was applied stays, and the other rows can be tried again."""
    # Without a worker at first: in this process it would go on with the import, before it hears that it is to stop.
    with connect(context, site=site) as client:
        found = client.post(f"{IMPORTS}/cancel", {"loyaltyImportId": import_id})["loyaltyImport"]
    if no_wait:
        if as_json:
            bars.say_json({"loyaltyImport": found})
        else:
            bars.say(f"Import {found['id']} stops; `pointport imports show {found['id']}` shows when it has.")
        return
    with connect(context, site=site, working=True) as client:
        found = following.to_the_end(client, found, "Stopping")
        summary = client.get(f"{OURS}/import-summary", loyaltyImportId=found["id"])
    if as_json:
        bars.say_json({"loyaltyImport": found, "summary": summary})
    else:
        results.show(found, summary)
        if found.get("importResult", {}).get("errorFileExists"):
            bars.say()
            error_file.tell_how(found)
    if found["status"] != "FAILED":
        raise CommandError("it was too late: the import came to its end before it could be stopped")
    if found["pointport"]["failureReason"] != CANCELLED:
        raise typer.Exit(Exit.IMPORT_FAILED)
