"""What an endpoint is handed besides its request."""

from typing import Annotated

from fastapi import Depends, Request

from pointport.app import App


async def _app(request: Request) -> App:
    app = request.app.state.pointport
    assert isinstance(app, App)  # noqa: S101  (create_api puts it there; this tells the type checker)
    return app


def base_url(request: Request, app: App) -> str:
    """Return how this client reaches the server, without a slash at the end."""
    return (app.settings.public_url or str(request.base_url)).rstrip("/")


TheApp = Annotated[App, Depends(_app)]
