"""`pointport settings`: every knob and limit, its value, and where the value comes from."""

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.options import Json
from pointport.entrypoints.cli.wiring import Wiring


def settings(context: typer.Context, as_json: Json = False) -> None:
    """Print the settings with their source."""
    wiring: Wiring = context.obj["wiring"]
    found = wiring.settings()
    if as_json:
        bars.say_json(found)
        return
    bars.table(
        ["Setting", "Value", "From", "Meaning"],
        [(one["name"], str(one["value"]), one["source"], one["description"]) for one in found],
        whole=(0, 2),
    )
