"""`pointport worker`: a worker by itself, for more than one process or machine."""

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.options import Json
from pointport.entrypoints.cli.wiring import Wiring


def worker(context: typer.Context, as_json: Json = False) -> None:
    """Work on imports until Ctrl-C; any number of workers may run."""
    wiring: Wiring = context.obj["wiring"]
    wiring.work(lambda: bars.say_json({"working": True}) if as_json else bars.say("Working (Ctrl-C stops)"))
