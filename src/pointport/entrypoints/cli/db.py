"""`pointport db migrate|status`: the database's own state."""

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.options import Json
from pointport.entrypoints.cli.wiring import Wiring

application = typer.Typer(name="db", help="The database's schema.", no_args_is_help=True)


@application.command("migrate")
def migrate(context: typer.Context, as_json: Json = False) -> None:
    """Bring the database up to date (also done at every start)."""
    wiring: Wiring = context.obj["wiring"]
    with bars.waiting("Migrating"):
        done = wiring.migrate()
    if as_json:
        bars.say_json({"applied": done})
    else:
        bars.say(f"{len(done)} migrations applied." if done else "The database is up to date.")


@application.command("status")
def status(context: typer.Context, as_json: Json = False) -> None:
    """Say what was run on the database, and what is still to be."""
    wiring: Wiring = context.obj["wiring"]
    found = wiring.database_state()
    if as_json:
        bars.say_json(found)
        return
    bars.say(f"{len(found['applied'])} migrations applied, {len(found['pending'])} pending.")
    for name in found["pending"]:
        bars.say(f"  pending: {bars.plain(name)}")
