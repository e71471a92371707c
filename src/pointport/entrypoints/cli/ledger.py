"""`pointport ledger verify`: the proof that a site's points add up."""

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.client import OURS, Exit, connect
from pointport.entrypoints.cli.options import Json, Site

application = typer.Typer(name="ledger", help="The ledger of points.", no_args_is_help=True)


@application.command("verify")
def verify(context: typer.Context, site: Site = None, as_json: Json = False) -> None:
    """Prove that balances equal the sums of their entries and imports their rows; exit code 1 when not."""
    with connect(context, site=site) as client, bars.waiting("Verifying the ledger"):
        found = client.get(f"{OURS}/ledger/verify")
    if as_json:
        bars.say_json(found)
    elif found["sound"]:
        bars.say(
            "[green]The ledger is sound:[/] every balance is the sum of its entries, every import equals its rows."
        )
    else:
        for finding in found["findings"]:
            bars.say(f"[bold red]{finding['proof']}[/]: {finding['count']:,} cases")
            for example in finding["examples"]:
                bars.say(f"  {bars.plain(example)}")
    raise typer.Exit(Exit.OK if found["sound"] else Exit.ROWS_FAILED)
