"""How an import and its result are told to a person."""

from typing import Any

from pointport.entrypoints.cli import bars


def show(found: dict[str, Any], summary: dict[str, Any]) -> None:
    """Print what an import is and what became of its rows."""
    metadata, ours = found["fileMetadata"], found["pointport"]
    bars.say(f"[bold]{bars.plain(metadata['name'])}[/]  import {found['id']}  {found['status']}")
    if "failureReason" in ours:
        bars.say(f"[bold red]{ours['failureReason']}[/]: {bars.plain(ours['failureMessage'])}")
    result = found.get("importResult", {})
    if "successCount" not in result:
        rows = found.get("parseResult", {}).get("parsedRowCount")
        if rows is not None:
            bars.say(f"{rows:,} rows; columns: {bars.plain(', '.join(metadata['header']['values']))}")
        return
    totals = ours["totals"]
    bars.say()
    changed = totals["accountsChanged"]
    bars.table(
        ["Outcome", "Rows"],
        [
            ("Balance set", changed),
            ("Unchanged, already that", result["successCount"] - changed),
            ("Failed", result["failureCount"]),
            ("In the file", found["parseResult"]["parsedRowCount"]),
        ],
        numbers=(1,),
    )
    bars.say()
    bars.say(
        f"{totals['accountsCreated']:,} accounts created, {totals['pointsAdded']:,} points added,"
        f" {totals['pointsRemoved']:,} removed."
    )
    _show_problems(summary)


def _show_problems(summary: dict[str, Any]) -> None:
    if not summary["problems"]:
        return
    bars.say()
    bars.table(
        ["Problem", "What it is", "Rows"],
        [(one["code"], one["title"], one["count"]) for one in summary["problems"]],
        numbers=(2,),
    )
    if summary["firstFailures"]:
        bars.say()
        bars.say("[bold]The first of them[/]")
    for failure in summary["firstFailures"]:
        bars.say(f"  line {failure['line']}: {bars.plain(failure['message'])}")
