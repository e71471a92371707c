"""`pointport serve`: the API and a worker in one process."""

from typing import Annotated

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.options import Json
from pointport.entrypoints.cli.wiring import Wiring


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on [POINTPORT_HOST].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one [POINTPORT_PORT].")] = None,
    as_json: Json = False,
) -> None:
    """Serve the API and work, in one process, until Ctrl-C."""
    wiring: Wiring = context.obj["wiring"]
    wiring.serve(
        host, port, lambda url: bars.say_json({"url": url}) if as_json else bars.say(f"Serving on {url} (Ctrl-C stops)")
    )
