"""`pointport account show EMAIL`: one customer's points, and where each of them comes from."""

from typing import Annotated, Any

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.client import OURS, connect
from pointport.entrypoints.cli.options import Json, Site

application = typer.Typer(name="account", help="The points of a customer.", no_args_is_help=True)


@application.command("show")
def show(
    context: typer.Context,
    email: Annotated[str, typer.Argument(help="The customer's e-mail address.")],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many entries.")] = 20,
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Show a customer's balance and statement, with the import and line behind each entry."""
    with connect(context, site=site) as client:
        found = client.post(f"{OURS}/account", {"email": email, "limit": limit})
    if as_json:
        bars.say_json(found)
        return
    contact, account = found["contact"], found["account"]
    name = " ".join(part for part in (contact["firstName"], contact["lastName"]) if part)
    bars.say(f"[bold]{bars.plain(contact['email'])}[/] {bars.plain(name)}")
    if account is None:
        bars.say("No loyalty account yet.")
        return
    points = account["points"]
    bars.say(
        f"Balance [bold]{points['balance']:,}[/] (earned {points['earned']:,}, adjusted {points['adjusted']:,},"
        f" redeemed {points['redeemed']:,}, expired {points['expired']:,})"
    )
    bars.say()
    bars.table(
        ["When (UTC)", "Type", "Change", "Balance", "What", "Cause", "Line"],
        [_entry(entry) for entry in found["transactions"]],
        numbers=(2, 3, 6),
        whole=(0, 1, 5),
    )


def _entry(entry: dict[str, Any]) -> tuple[Any, ...]:
    ours = entry["pointport"]
    return (
        bars.moment(entry["createdDate"]),
        entry["transactionType"],
        f"{entry['amount']:+,}",
        ours["amountAfter"],
        entry["description"],
        _cause(entry),
        ours.get("line", ""),
    )


def _cause(entry: dict[str, Any]) -> str:
    ours = entry["pointport"]
    cause: str = ours.get("loyaltyImportId", entry["idempotencyKey"])
    return f"undo of {cause}" if ours.get("undo") else cause
