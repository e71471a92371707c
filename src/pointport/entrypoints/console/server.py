"""The pages of the console and where they are."""

from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from pointport.app import App
from pointport.entrypoints.console import (
    customer,
    customers,
    home,
    import_cancel,
    import_events,
    import_files,
    import_page,
    import_preview,
    import_reading,
    import_retry,
    import_undo,
    keys,
    new_import,
    settings,
    sign_in,
    signing_key,
    trail,
    webhook,
    webhooks,
)
from pointport.entrypoints.console.pages import ROOT, redirect
from pointport.entrypoints.console.sessions import OneTimeLinks

PACKED_BYTES_MIN = 1_000
STATIC = Path(__file__).parent / "static"


def _never() -> bool:
    return False


def create_console(app: App, links: OneTimeLinks, is_leaving: Callable[[], bool] = _never) -> Starlette:
    """Return the ASGI application of everything under /console.

    `is_leaving` says that the server is about to stop: then it waits for no page that listens for what goes on.
    """
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
            Route(f"{ROOT}/accounts", customers.customers, methods=["GET"]),
            Route(f"{ROOT}/accounts", customers.find, methods=["POST"]),
            Route(f"{ROOT}/accounts/{{id}}", customer.customer, methods=["GET"]),
            *_settings_routes(f"{ROOT}/settings"),
            *_of_imports(),
            # Pages go as they are: a secret of theirs beside words of somebody's own must not be packed (BREACH).
            Mount(f"{ROOT}/static", GZipMiddleware(_Static(directory=STATIC), minimum_size=PACKED_BYTES_MIN)),
        ]
    )
    console.state.pointport = app
    console.state.links = links
    console.state.is_leaving = is_leaving
    return console


def _settings_routes(root: str) -> list[Route]:
    key, one = f"{root}/keys/{{id}}", f"{root}/webhooks/{{id}}"
    return [
        Route(root, settings.settings, methods=["GET"]),
        Route(f"{root}/limits", settings.limits, methods=["GET"]),
        Route(f"{root}/trail", trail.trail, methods=["GET"]),
        Route(f"{root}/keys", keys.keys, methods=["GET"]),
        Route(f"{root}/keys/new", keys.ask, methods=["GET"]),
        Route(f"{root}/keys/new", keys.create, methods=["POST"]),
        Route(f"{key}/revoke", keys.ask_to_revoke, methods=["GET"]),
        Route(f"{key}/revoke", keys.revoke, methods=["POST"]),
        Route(f"{root}/webhooks", webhooks.webhooks, methods=["GET"]),
        Route(f"{root}/webhooks/new", webhooks.ask, methods=["GET"]),
        Route(f"{root}/webhooks/new", webhooks.create, methods=["POST"]),
        Route(f"{root}/webhooks/signing-key", signing_key.signing_key, methods=["GET"]),
        Route(f"{root}/webhooks/signing-key", signing_key.create, methods=["POST"]),
        Route(f"{root}/webhooks/signing-key/rotate", signing_key.ask_to_rotate, methods=["GET"]),
        Route(f"{root}/webhooks/signing-key/rotate", signing_key.rotate, methods=["POST"]),
        Route(one, webhook.webhook, methods=["GET"]),
        Route(f"{one}/change", webhook.ask_to_change, methods=["GET"]),
        Route(f"{one}/change", webhook.change, methods=["POST"]),
        Route(f"{one}/switch", webhook.switch, methods=["POST"]),
        Route(f"{one}/delete", webhook.ask_to_delete, methods=["GET"]),
        Route(f"{one}/delete", webhook.delete, methods=["POST"]),
        Route(f"{one}/deliveries/{{event_id}}/send-again", webhook.send_again, methods=["POST"]),
    ]


def _of_imports() -> list[Route]:
    """Return the pages of imports."""
    imports, one = f"{ROOT}/imports", f"{ROOT}/imports/{{id}}"
    return [
        Route(f"{imports}/new", new_import.show, methods=["GET"]),
        Route(f"{imports}/new", new_import.upload, methods=["POST"]),
        Route(f"{imports}/slot", new_import.slot, methods=["POST"]),
        Route(f"{imports}/create", new_import.create, methods=["POST"]),
        Route(one, import_page.show, methods=["GET"]),
        Route(f"{one}/events", import_events.events, methods=["GET"]),
        Route(f"{one}/reading", import_reading.read_again, methods=["POST"]),
        Route(f"{one}/preview", import_preview.ask, methods=["POST"]),
        Route(f"{one}/preview", import_preview.show, methods=["GET"]),
        Route(f"{one}/execute", import_preview.execute, methods=["POST"]),
        Route(f"{one}/cancel", import_cancel.ask, methods=["GET"]),
        Route(f"{one}/cancel", import_cancel.cancel, methods=["POST"]),
        Route(f"{one}/retry", import_retry.retry, methods=["POST"]),
        Route(f"{one}/undo", import_undo.show, methods=["GET"]),
        Route(f"{one}/undo", import_undo.begin, methods=["POST"]),
        Route(f"{one}/undo/preview", import_undo.preview, methods=["POST"]),
        Route(f"{one}/errors.csv", import_files.error_file, methods=["GET"]),
        Route(f"{one}/certificate", import_files.certificate, methods=["GET"]),
        Route(f"{one}/report.csv", import_files.report, methods=["GET"]),
    ]


class _Static(StaticFiles):
    """Files that change with the program alone: a browser asks again, and hears that they are the same."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
