"""`pointport contacts load FILE`: the customers of a site."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.client import OURS, CommandError, Exit, connect, fields_are
from pointport.entrypoints.cli.options import Json, Site

COLUMNS = {
    "email": ("e-mail address", "--email"),
    "firstName": ("first name", "--first-name"),
    "lastName": ("last name", "--last-name"),
}
"""What a load takes from columns: its field at the API, what people call it, and the option that chooses its column."""

application = typer.Typer(name="contacts", help="The customers of a site.", no_args_is_help=True)


@application.command("load")
def load(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file with a column of e-mail addresses.")
    ],
    email: Annotated[str | None, typer.Option(metavar="COL", help="The column of e-mail addresses.")] = None,
    first_name: Annotated[str | None, typer.Option(metavar="COL", help="The column of first names.")] = None,
    last_name: Annotated[str | None, typer.Option(metavar="COL", help="The column of last names.")] = None,
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Make a contact of each address in FILE, or bring its names up to date; again changes nothing."""
    body = {"email": email, "firstName": first_name, "lastName": last_name}
    named_as_options = fields_are(**{field: option for field, (_, option) in COLUMNS.items()})
    with connect(context, site=site) as client, named_as_options:
        path = client.upload(file, f"{OURS}/contacts/upload-url")
        state: dict[str, Any] = {}
        with bars.rows("Loading contacts") as bar:
            for line in client.stream_lines(f"{OURS}/contacts/load", {"fileUrl": path, **body}):
                state = json.loads(line)
                if "details" in state:
                    raise CommandError(state["message"], Exit.NOT_REACHABLE)
                bar.show(state["rows"], state["rowsTotal"])
    if not state.get("done"):
        raise CommandError("the server broke off; run it again, what is loaded stays", Exit.NOT_REACHABLE)
    if as_json:
        bars.say_json(state)
    else:
        _tell_columns(state, file.name)
        bars.say(
            f"{state['rows']:,} rows: {state['created']:,} contacts created, {state['changed']:,} changed,"
            f" {state['unchanged']:,} unchanged, {state['failed']:,} failed."
        )
        for failure in state["failures"][:10]:
            bars.say(f"  line {failure['line']}: {bars.plain(failure['message'])}")
        if state["failed"] > len(state["failures"][:10]):
            bars.say(f"  … and {state['failed'] - 10:,} more")
    raise typer.Exit(Exit.ROWS_FAILED if state["failed"] else Exit.OK)


def _tell_columns(state: dict[str, Any], name: str) -> None:
    """Say where addresses and names were taken from, so that nobody misses names that lie in a column of another name."""
    columns = state["columns"]
    used = [f'{what} from "{columns[field]}"' for field, (what, _) in COLUMNS.items() if field in columns]
    bars.say(f"[bold]{bars.plain(name)}[/]: {bars.plain(', '.join(used))}.")
    if state["ignoredColumns"]:
        ignored = ", ".join(f'"{heading}"' for heading in state["ignoredColumns"])
        missing = [option for field, (_, option) in COLUMNS.items() if field not in columns]
        way_out = f" {' and '.join(missing)} would choose one for names." if missing else ""
        bars.say(f"Not used: {bars.plain(ignored)}.{way_out}")
