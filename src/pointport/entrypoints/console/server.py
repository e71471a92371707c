"""The pages of the console and where they are."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from pointport.app import App
from pointport.entrypoints.console import home, sign_in
from pointport.entrypoints.console.pages import ROOT, redirect
from pointport.entrypoints.console.sessions import OneTimeLinks

STATIC = Path(__file__).parent / "static"


def create_console(app: App, links: OneTimeLinks) -> Starlette:
    """Return the ASGI application of everything under /console."""
    console = Starlette(
        routes=[
            Route(ROOT, lambda _: redirect(f"{ROOT}/")),
            Route(f"{ROOT}/", home.home),
            Route(f"{ROOT}/sign-in", sign_in.ask, methods=["GET"]),
            Route(f"{ROOT}/sign-in", sign_in.sign_in, methods=["POST"]),
            Route(f"{ROOT}/link/{{token}}", sign_in.follow_link, methods=["GET"]),
            Route(f"{ROOT}/link/{{token}}", sign_in.sign_in_by_link, methods=["POST"]),
            Route(f"{ROOT}/sign-out", sign_in.sign_out, methods=["POST"]),
            Route(f"{ROOT}/sample.csv", home.sample),
            Mount(f"{ROOT}/static", _Static(directory=STATIC)),
        ]
    )
    console.state.pointport = app
    console.state.links = links
    return console


class _Static(StaticFiles):
    """Files that change with the program alone: a browser asks again, and hears that they are the same."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
