"""How an import and its result are told to a person."""

from collections.abc import Iterator
from typing import Any

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.client import Exit, in_our_words
from pointport.entrypoints.cli.options_of_import import adds, as_typed


def show(found: dict[str, Any], summary: dict[str, Any]) -> None:
    """Print what an import is and what became of its rows."""
    metadata, ours = found["fileMetadata"], found["pointport"]
    bars.say(f"[bold]{bars.plain(metadata['name'])}[/]  import {found['id']}  {found['status']}")
    if "failureReason" in ours:
        bars.say(f"[bold red]{ours['failureReason']}[/]: {bars.plain(in_our_words(ours['failureMessage']))}")
    result = found.get("importResult", {})
    if "successCount" not in result:
        rows = found.get("parseResult", {}).get("parsedRowCount")
        if rows is not None:
            bars.say(f"{rows:,} rows; columns: {bars.plain(', '.join(metadata['header']['values']))}")
        if found["status"] == "IMPORTING":
            bars.say(f"{ours['progress']['rowsDone']:,} of {ours['progress']['rowsTotal']:,} rows done.")
        return
    totals = ours["totals"]
    bars.say()
    bars.table(["Outcome", "Rows"], list(_outcomes(found, summary)), numbers=(1,))
    bars.say()
    bars.say(
        f"{totals['accountsCreated']:,} accounts created, {totals['pointsAdded']:,} points added,"
        f" {totals['pointsRemoved']:,} removed."
    )
    differing = ours.get("preview", {}).get("differingRows")
    if differing:
        rows = "1 row" if differing == 1 else f"{differing:,} rows"
        bars.say(f"[yellow]{rows} came out in another way than the preview said.[/]")
    _show_problems(summary)


def show_life(found: dict[str, Any]) -> None:
    """Print what was chosen for an import, and what was done with it since."""
    told = list(_life(found["pointport"]))
    if told:
        bars.say()
        bars.facts(told)


def exit_code(found: dict[str, Any]) -> Exit:
    """Return the exit code of an import that has ended."""
    if found["status"] == "FAILED":
        return Exit.IMPORT_FAILED
    return Exit.ROWS_FAILED if found["importResult"]["failureCount"] else Exit.OK


def undone(undo: dict[str, Any]) -> str:
    """Return how far an import is, or would be, taken back."""
    told = [
        (undo["reversed"], "reversed"),
        (undo["kept"], "kept since their points are spent"),
        (undo["impossible"], "impossible"),
    ]
    return ", ".join(f"{count:,} {what}" for count, what in told if count or what == "reversed")


def _outcomes(found: dict[str, Any], summary: dict[str, Any]) -> Iterator[tuple[str, int]]:
    result, ours = found["importResult"], found["pointport"]
    changed = ours["totals"]["accountsChanged"]
    # The rows are kept for a while; after it, only what the import says of itself is known.
    rows = summary.get("outcomes") or {
        "unchanged": result["successCount"] - changed,
        "merged": 0,
        "failed": result["failureCount"],
        "unprocessed": 0,
    }
    is_adding = adds(ours.get("options"))
    yield "Points added" if is_adding else "Balance set", changed
    yield "Unchanged, nothing to add" if is_adding else "Unchanged, already that", rows["unchanged"]
    if rows["merged"]:
        yield "Merged into another row of the customer", rows["merged"]
    yield "Failed", rows["failed"]
    if rows["unprocessed"]:
        yield "Not reached", rows["unprocessed"]
    yield "In the file", found["parseResult"]["parsedRowCount"]


def _life(ours: dict[str, Any]) -> Iterator[tuple[str, str]]:
    typed = as_typed(ours.get("options", {}))
    if typed:
        yield "Options", typed
    if "preview" in ours:
        differing = ours["preview"].get("differingRows")
        told = "" if differing is None else f"; {differing:,} rows came out in another way" if differing else "; kept"
        yield "Preview", f"{ours['preview']['id']}{told}"
    if "retryOf" in ours:
        yield "Retry of", ours["retryOf"]
    for retry in ours.get("retries", ()):
        yield "Retried by", retry
    if "retries" in ours and "stillFailedCount" in ours:
        yield "Still failed", f"{ours['stillFailedCount']:,} of its rows, after all retries"
    if "undo" in ours:
        yield from _undo(ours["undo"])


def _undo(undo: dict[str, Any]) -> Iterator[tuple[str, str]]:
    when = f" at {bars.moment(undo['finishedDate'])}" if "finishedDate" in undo else ""
    yield "Undo", f"{undo['status']}{when}, points that are spent: {undo['policy'].lower()}"
    if "reversed" in undo:
        yield "Undo", undone(undo)
        yield "Undo", f"{undo['pointsAdded']:,} points given back, {undo['pointsRemoved']:,} taken back"
    for reason in undo.get("reasons", ()):
        yield "Undo", f"{reason['count']:,}  {reason['title']} ({reason['code']})"
    if "message" in undo:
        yield "Undo", undo["message"]


def _show_problems(summary: dict[str, Any]) -> None:
    if not summary["problems"]:
        return
    bars.say()
    bars.table(
        ["Problem", "What it is", "Rows"],
        [(one["code"], one["title"], one["count"]) for one in summary["problems"]],
        numbers=(2,),
    )
    # A row that was not reached has nothing to be said of it.
    failures = [failure for failure in summary["firstFailures"] if failure["outcome"] == "FAILED"]
    if failures:
        bars.say()
        bars.say("[bold]The first of them[/]")
    for failure in failures:
        bars.say(f"  line {failure['line']}: {bars.plain(failure['message'])}")
