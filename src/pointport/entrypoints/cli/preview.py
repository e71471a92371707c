"""How a preview is told: what an import would do, in about ten lines, before somebody says yes."""

from collections.abc import Iterator
from typing import Any

from pointport.entrypoints.cli import bars, following
from pointport.entrypoints.cli.client import IMPORTS, Client, Exit, fields_are
from pointport.entrypoints.cli.options_of_import import FIELDS, adds

PREVIEWS = f"{IMPORTS}/preview"
MOVERS_MAX = 3
LINES_MAX = 5


def ask(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    """Return the preview of what `body` would be to execute."""
    with fields_are(**FIELDS):
        return following.preview(client, PREVIEWS, body, "Looking what would happen")


def show(preview: dict[str, Any]) -> None:
    """Print a preview."""
    bars.say()
    bars.facts(_facts(preview))
    bars.say()


def question(preview: dict[str, Any]) -> str:
    """Return the sentence that asks for what would be done."""
    result = preview["result"]
    count = result["rows"]["imported"]
    if not count:
        return "No balance would change. Import the file all the same?"
    does = "Add to" if adds(preview["options"]) else "Set"
    return f"{does} {_balances(count)} ({_points(result)})?"


def held_back(preview: dict[str, Any]) -> tuple[str, Exit] | None:
    """Return why the import would not go through, and the exit code of that; None when it would."""
    if preview["result"].get("guardRails"):
        return (
            "it is held back, and nothing was changed: if it is meant, raise the limit or leave it out",
            Exit.IMPORT_FAILED,
        )
    if _is_repeat(preview):
        return "its points would be added a second time: if that is meant, say --allow-repeat", Exit.WRONG_USE
    return None


def exit_code(preview: dict[str, Any]) -> Exit:
    """Return the exit code that the import would have."""
    held = held_back(preview)
    if held is not None:
        return held[1]
    return Exit.ROWS_FAILED if preview["result"]["rows"]["failed"] else Exit.OK


def problems(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Return what is said of each problem: how often, what it is, and the first lines that have it."""
    for problem in result["problems"]:
        lines = problem["lines"]
        more = ", …" if problem["count"] > len(lines) else ""
        where = f"{'line' if problem['count'] == 1 else 'lines'} {', '.join(map(str, lines))}{more}"
        yield "Problems", f"{problem['count']:,}  {problem['title']}: {where}"


def movers(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Return what is said of the largest changes."""
    for mover in result["movers"][:MOVERS_MAX]:
        before, after = mover["balanceBefore"], mover["balanceAfter"]
        yield "Largest", f"{before:,} → {after:,} ({after - before:+,}) {mover['email']}, line {mover['line']}"


def points(result: dict[str, Any]) -> tuple[str, str]:
    """Return what is said of the points that come and go."""
    found = result["points"]
    before, after = found["totalBefore"], found["totalAfter"]
    return "Points", f"{found['added']:,} added, {found['removed']:,} removed; in all {before:,} → {after:,}"


def _facts(preview: dict[str, Any]) -> Iterator[tuple[str, str]]:
    result = preview["result"]
    yield "Rows", _rows(result["rows"], is_adding=adds(preview["options"]))
    yield "Accounts", _accounts(result["accounts"])
    yield points(result)
    yield from problems(result)
    yield from movers(result)
    for twin in result.get("sameFile", ())[:1]:
        yield "Same file", _same_file(preview, twin)
    for rail in result.get("guardRails", ()):
        yield "Held back", _guard_rail(rail)


def _rows(rows: dict[str, int], *, is_adding: bool) -> str:
    outcomes = [
        (rows["imported"], "would be added" if is_adding else "would be set"),
        (rows["unchanged"], "add nothing" if is_adding else "are that already"),
        (rows["merged"], "merged into another row"),
        (rows["failed"], "fail"),
    ]
    return ", ".join(f"{count:,} {told}" for count, told in outcomes if count) or "none"


def _accounts(accounts: dict[str, int]) -> str:
    told = f"{accounts['created']:,} created, {accounts['changed']:,} changed, {accounts['unchanged']:,} unchanged"
    made = accounts["contactsCreated"]
    return f"{told}; {made:,} new customers" if made else told


def _points(result: dict[str, Any]) -> str:
    return f"{result['points']['added']:,} points added, {result['points']['removed']:,} removed"


def _balances(count: int) -> str:
    return f"{count:,} balance{'' if count == 1 else 's'}"


def _is_repeat(preview: dict[str, Any]) -> bool:
    options = preview["options"]
    return bool(adds(options) and not options["allowRepeat"] and preview["result"].get("sameFile"))


def _same_file(preview: dict[str, Any], twin: dict[str, Any]) -> str:
    when = bars.moment(twin["executedDate"])[:10]
    told = f"This very file was imported on {when} by import {twin['loyaltyImportId']}"
    if _is_repeat(preview):
        return f"{told}: to add its points a second time, say --allow-repeat."
    return f"{told}."


def _guard_rail(rail: dict[str, Any]) -> str:
    limit, found, rows = rail["limit"], rail["found"], rail.get("rows", 0)
    told = {
        "failIfMoreThan": f"{found:,} rows fail, more than --fail-if-more-than {limit}",
        "maxPointsPerRow": f"{rows:,} rows are over --max-points-per-row {limit}, up to {found:,}",
        "maxTotalChange": f"{found:,} points would change, more than --max-total-change {limit}",
        "maxAccountsChangedPercent": f"{rows:,} accounts, {found:,} %, more than --max-accounts-changed {limit}",
    }.get(rail["option"], f"{rail['option']} {limit:,} is exceeded: {found:,}")
    lines = rail["lines"][:LINES_MAX]
    return f"{told}: lines {', '.join(map(str, lines))}{', …' if rows > len(lines) else ''}" if lines else told
