"""`pointport key create|list|revoke`: API keys of a site."""

from typing import Annotated

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.client import OURS, connect
from pointport.entrypoints.cli.options import Json, Site

application = typer.Typer(name="key", help="API keys of a site.", no_args_is_help=True)


@application.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str], typer.Option(help="imports, accounts:read, accounts:write or admin; may be given more than once.")
    ],
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Make an API key, which is shown this once."""
    with connect(context, site=site) as client:
        made = client.post(f"{OURS}/keys", {"name": name, "scopes": scope})
    if as_json:
        bars.say_json(made)
        return
    bars.say(f"Key     {made['keyId']}")
    bars.say(f"API key {made['apiKey']}")
    bars.say("The key is shown this once and kept only as a hash: put it where it is safe.")


@application.command("list")
def list_(context: typer.Context, site: Site = None, as_json: Json = False) -> None:
    """List the keys of a site; the keys themselves are not known any more."""
    with connect(context, site=site) as client:
        found = client.get(f"{OURS}/keys")["keys"]
    if as_json:
        bars.say_json(found)
        return
    bars.table(
        ["Key", "Name", "Scopes", "Created (UTC)", "Revoked (UTC)"],
        [
            (
                one["keyId"],
                one["name"],
                " ".join(one["scopes"]),
                bars.moment(one["createdDate"]),
                bars.moment(one["revokedDate"] or ""),
            )
            for one in found
        ],
        whole=(0, 3, 4),
    )


@application.command("revoke")
def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="Its id, as `key list` shows it.")],
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Make a key open nothing any more."""
    with connect(context, site=site) as client:
        gone = client.delete(f"{OURS}/keys/{key_id}")
    if as_json:
        bars.say_json(gone)
    else:
        bars.say(f"Key {gone['keyId']} is revoked.")
