"""The `pointport` command: its parts, and the one table from an error to an exit code.

Exit codes: 0 ok, 1 some rows failed (or a ledger does not add up), 2 wrong use, 3 the import failed, 4 server not
reachable.
"""

import sys
from typing import Annotated

import typer

from pointport import __version__
from pointport.entrypoints.cli import (
    account,
    bars,
    cancel,
    contacts,
    convert,
    db,
    import_file,
    imports,
    inspect,
    key,
    ledger,
    program,
    retry,
    serve,
    settings,
    site,
    undo,
    webhook,
    worker,
)
from pointport.entrypoints.cli.client import CommandError, Exit
from pointport.entrypoints.cli.wiring import Wiring
from pointport.errors import PointportError, Unavailable

application = typer.Typer(
    name="pointport",
    help="Moves loyalty points in bulk, safely.",
    epilog="Exit codes: 0 ok, 1 some rows failed, 2 wrong use, 3 the import failed, 4 server not reachable.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
application.command("serve")(serve.serve)
application.command("worker")(worker.worker)
application.command("import")(import_file.import_file)
application.command("inspect")(inspect.inspect)
application.command("convert")(convert.convert)
application.command("settings")(settings.settings)
imports.application.command("cancel")(cancel.cancel)
imports.application.command("undo")(undo.undo)
imports.application.command("retry")(retry.retry)
for group in (contacts, site, key, imports, account, program, webhook, ledger, db):
    application.add_typer(group.application)


def _version(wanted: bool) -> None:
    if wanted:
        bars.say(f"pointport {__version__}")
        raise typer.Exit


@application.callback()
def main(
    context: typer.Context,
    url: Annotated[
        str | None,
        typer.Option(envvar="POINTPORT_URL", metavar="URL", help="A server to talk to; default: work in this process."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--key", envvar="POINTPORT_API_KEY", metavar="KEY", help="The API key for --url.", show_envvar=True
        ),
    ] = None,
) -> None:
    """Moves loyalty points in bulk, safely."""
    context.obj.update(url=url, key=api_key)


def run(wiring: Wiring) -> None:
    """Run the command line and end the process with its exit code."""
    try:
        application(obj={"wiring": wiring})
    except CommandError as error:
        bars.complain(error.message)
        sys.exit(error.code)
    except Unavailable as error:
        bars.complain(error.message)
        sys.exit(Exit.NOT_REACHABLE)
    except PointportError as error:
        bars.complain(error.message)
        sys.exit(Exit.WRONG_USE)
