"""`pointport program show|activate|pause`: a site's loyalty program."""

from typing import Any

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.client import connect
from pointport.entrypoints.cli.options import Json, Site

PROGRAM = "/loyalty-programs/v1/program"

application = typer.Typer(name="program", help="The loyalty program of a site.", no_args_is_help=True)


@application.command("show")
def show(context: typer.Context, site: Site = None, as_json: Json = False) -> None:
    """Show the program: its name, whether customers can earn, what points are called."""
    with connect(context, site=site) as client:
        _tell(client.get(PROGRAM)["loyaltyProgram"], as_json)


@application.command("activate")
def activate(context: typer.Context, site: Site = None, as_json: Json = False) -> None:
    """Let customers earn."""
    with connect(context, site=site) as client:
        _tell(client.post(f"{PROGRAM}/activate", {})["loyaltyProgram"], as_json)


@application.command("pause")
def pause(context: typer.Context, site: Site = None, as_json: Json = False) -> None:
    """Let customers earn no more, until it is activated again; imports go on."""
    with connect(context, site=site) as client:
        _tell(client.post(f"{PROGRAM}/pause", {})["loyaltyProgram"], as_json)


def _tell(program: dict[str, Any], as_json: bool) -> None:
    if as_json:
        bars.say_json(program)
        return
    bars.say(f"Program {program['name']}")
    bars.say(f"Status  {program['status']}")
    bars.say(f"Points  {program['pointDefinition'].get('customName', 'Points')}")
