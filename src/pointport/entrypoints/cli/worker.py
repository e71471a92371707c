"""`pointport worker`: a worker by itself, for more than one process or machine."""

import typer

from pointport.entrypoints.cli.wiring import Wiring


def worker(context: typer.Context) -> None:
    """Work on imports until Ctrl-C; any number of workers may run."""
    wiring: Wiring = context.obj["wiring"]
    wiring.work()
