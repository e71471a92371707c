"""`pointport imports undo ID`: take back what an import did."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from pointport.entrypoints.cli import bars, following, preview, results
from pointport.entrypoints.cli.client import IMPORTS, Client, CommandError, Exit, connect
from pointport.entrypoints.cli.options import ImportId, Json, Site, Yes

UNDO = f"{IMPORTS}/undo"
PREVIEWS = f"{IMPORTS}/undo-preview"


class PolicyName(StrEnum):
    """What becomes of points that are spent."""

    SKIP = "skip"
    CLAMP = "clamp"


Policy = Annotated[
    PolicyName,
    typer.Option(
        case_sensitive=False,
        help="Where fewer points are left than would be taken back: skip (leave them), clamp (take what is left).",
    ),
]


def undo(
    context: typer.Context,
    import_id: ImportId,
    policy: Policy = PolicyName.SKIP,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be taken back, with the exit code it would have, and stop."),
    ] = False,
    site: Site = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take back what an import did: a counterpart for each of its entries. Shows what would happen and asks.

    Exit code 0 when all is taken back, 1 when some is kept or impossible, 3 when the undo failed.
    """
    if not (yes or dry_run) and (as_json or not bars.is_terminal()):
        raise CommandError(
            "this changes balances: add --yes to do so without being asked, or --dry-run to see what would happen"
        )
    body = {"loyaltyImportId": import_id, "policy": policy.upper()}
    with connect(context, site=site, working=True) as client:
        found = client.get_import(import_id)
        is_running = found["pointport"].get("undo", {}).get("status") == "RUNNING"
        if dry_run or not (yes or is_running):
            with following.interruptible(following.nothing_was_changed):
                _look(client, found, body, dry_run=dry_run, as_json=as_json)
        found = _take_back(client, found, None if is_running else body)
    undone = found["pointport"]["undo"]
    if as_json:
        bars.say_json({"loyaltyImport": found})
    else:
        _show_result(found, undone)
    raise typer.Exit(_exit_code(undone))


def _look(client: Client, found: dict[str, Any], body: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    """Show what would be taken back, and ask. Ends the command unless it is to be done."""
    seen = following.preview(client, PREVIEWS, body, "Looking what can be taken back")
    result = seen["result"]
    if as_json:
        bars.say_json({"loyaltyImport": found, "preview": seen})
    else:
        bars.say(f"[bold]{bars.plain(found['fileMetadata']['name'])}[/]  import {found['id']}  {found['status']}")
        bars.say()
        bars.facts(_facts(seen))
        bars.say()
    if dry_run:
        if not as_json:
            bars.say("Nothing was changed: this was a dry run.")
        raise typer.Exit(_exit_code({**result["undo"], "status": "DONE"}))
    if not (result["points"]["added"] or result["points"]["removed"]):
        bars.say("Nothing can be taken back, and nothing was changed.")
        raise typer.Exit(Exit.ROWS_FAILED)
    if not bars.ask(_question(result)):
        raise CommandError("nothing was changed")


def _facts(seen: dict[str, Any]) -> Iterator[tuple[str, str]]:
    result = seen["result"]
    yield "Entries", results.undone(result["undo"])
    added, removed = result["points"]["added"], result["points"]["removed"]
    before, after = result["points"]["totalBefore"], result["points"]["totalAfter"]
    yield "Points", f"{added:,} given back, {removed:,} taken back; in all {before:,} → {after:,}"
    for _, told in preview.problems(result):
        yield "Why not", told
    if result["undo"]["kept"] and seen["policy"] == "SKIP":
        yield "Why not", "--policy clamp takes back what is left of points that are spent."
    yield from preview.movers(result)


def _question(result: dict[str, Any]) -> str:
    added, removed = result["points"]["added"], result["points"]["removed"]
    rows = result["rows"]["imported"]
    counted = "1 balance" if rows == 1 else f"{rows:,} balances"
    return f"Change {counted} back ({removed:,} points taken back, {added:,} given back)?"


def _take_back(client: Client, found: dict[str, Any], body: dict[str, Any] | None) -> dict[str, Any]:
    """Undo the import, or go on waiting for what was asked for before, and return the import once that has ended."""
    import_id = found["id"]

    def told() -> str:
        if client.is_inside:
            return (
                f"Interrupted: the undo of import {import_id} stops once the entries at work are done. What is taken back"
                f" stays so.\n`pointport imports undo {import_id} --yes` goes on with it."
            )
        return (
            f"Interrupted: the undo of import {import_id} goes on at the server.\n"
            f"`pointport imports show {import_id}` shows what came of it."
        )

    with following.interruptible(told), bars.waiting("Taking back"):
        if body is not None:
            client.post(UNDO, body)
        return client.wait_for_undo(import_id)


def _show_result(found: dict[str, Any], undone: dict[str, Any]) -> None:
    name = bars.plain(found["fileMetadata"]["name"])
    if undone["status"] == "FAILED":
        bars.say(f"[bold]{name}[/]  import {found['id']}  [bold red]not undone[/]: {bars.plain(undone['message'])}")
        return
    bars.say(f"[bold]{name}[/]  import {found['id']}  undone")
    bars.say()
    kept, impossible = undone["kept"], undone["impossible"]
    bars.table(
        ["Entries", "Count"],
        [
            ("Reversed", undone["reversed"]),
            *([("Kept, points spent", kept)] if kept else []),
            *([("Impossible", impossible)] if impossible else []),
        ],
        numbers=(1,),
    )
    bars.say()
    bars.say(f"{undone['pointsRemoved']:,} points taken back, {undone['pointsAdded']:,} given back.")
    for reason in undone["reasons"]:
        bars.say(f"  {reason['count']:,}  {bars.plain(reason['title'])} ({reason['code']})")


def _exit_code(undone: dict[str, Any]) -> Exit:
    if undone["status"] == "FAILED":
        return Exit.IMPORT_FAILED
    return Exit.ROWS_FAILED if undone["kept"] or undone["impossible"] else Exit.OK
