"""`pointport site create|list`: tenants."""

from typing import Annotated

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.client import OURS, connect
from pointport.entrypoints.cli.options import Json

application = typer.Typer(name="site", help="Sites (tenants).", no_args_is_help=True)


@application.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name.")],
    default: Annotated[bool, typer.Option("--default", help="Meant when a command names no site.")] = False,
    as_json: Json = False,
) -> None:
    """Make a site and its first API key, which is shown this once."""
    with connect(context) as client:
        made = client.post(f"{OURS}/sites", {"name": name, "default": default})
    if as_json:
        bars.say_json(made)
        return
    bars.say(f"Site    {made['siteId']}  {bars.plain(made['name'])}")
    bars.say(f"API key {made['apiKey']}")
    bars.say("The key is shown this once and kept only as a hash: put it where it is safe.")


@application.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the sites."""
    with connect(context) as client:
        found = client.get(f"{OURS}/sites")["sites"]
    if as_json:
        bars.say_json(found)
        return
    bars.table(
        ["Site", "Name", "Default", "Created (UTC)"],
        [
            (one["siteId"], one["name"], "yes" if one["default"] else "", bars.moment(one["createdDate"]))
            for one in found
        ],
        whole=(0, 3),
    )
