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

    def tell(url: str, link: str) -> None:
        if as_json:
            bars.say_json({"url": url, "console": link})
            return
        bars.say(f"Serving on {url} (Ctrl-C stops)")
        bars.say(f"Console: {link} (signs you in, once, within half an hour)")

    wiring.serve(host, port, tell)
