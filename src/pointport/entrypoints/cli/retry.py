"""`pointport imports retry ID`: the failed rows of an import, corrected, once more."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from pointport.entrypoints.cli import bars, error_file, following, results
from pointport.entrypoints.cli.client import IMPORTS, OURS, Client, CommandError, connect, fields_are
from pointport.entrypoints.cli.options import ImportId, Json, Site, Yes
from pointport.entrypoints.cli.options_of_import import adds

CELLS = ("email", "points")
LIKE = '"3 points=250" or "7 email=ada@example.com points=5"'

File = Annotated[
    Path | None,
    typer.Argument(exists=True, dir_okay=False, metavar="[FILE]", help="The import's error file, corrected."),
]
Correct = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CORRECTION",
        help=f"Instead of FILE, what is right in a line: {LIKE}; may be said several times.",
    ),
]


def retry(
    context: typer.Context,
    import_id: ImportId,
    file: File = None,
    correct: Correct = None,
    errors: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Where rows go that fail again; default: beside."),
    ] = None,
    site: Site = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Import the failed rows of an import again, corrected in its error file or by --correct, each at most once."""
    if (file is None) == (not correct):
        raise CommandError(f"say either FILE, the corrected error file, or --correct {LIKE}")
    corrections = [_correction(text) for text in correct or ()]
    if not yes and (as_json or not bars.is_terminal()):
        raise CommandError("this changes balances: add --yes to do so without being asked")
    with connect(context, site=site, working=True) as client:
        with following.interruptible(following.nothing_was_changed):
            before = client.get_import(import_id)
            if not yes and not bars.ask(_question(before, file, len(corrections))):
                raise CommandError("nothing was changed")
            body: dict[str, Any] = {"loyaltyImportId": before["id"]}
            if file is None:
                body["corrections"] = corrections
            else:
                body |= {"fileUrl": client.upload(file), "fileName": file.name}
        found = _follow(client, before, body, file)
        root = _first_of_family(client, found)
        summary = client.get(f"{OURS}/import-summary", loyaltyImportId=found["id"])
        beside = file or Path.cwd() / Path(root["fileMetadata"]["name"]).name
        saved = error_file.save_if_any(client, found, errors, beside=beside)
    still_failed = root["pointport"].get("stillFailedCount")
    if as_json:
        family = {"loyaltyImportId": root["id"], "stillFailedCount": still_failed}
        shown = str(saved) if saved else None
        bars.say_json({"loyaltyImport": found, "summary": summary, "errorFile": shown, "family": family})
    else:
        results.show(found, summary)
        bars.say()
        if still_failed is not None:
            bars.say(_still_failed(root, still_failed))
        if saved:
            error_file.tell(found, saved)
    raise typer.Exit(results.exit_code(found))


def _correction(text: str) -> dict[str, Any]:
    """Read a line with what is right in it."""
    wrong = CommandError(f"--correct must be like {LIKE}, not {text!r}")
    try:
        line, *said = shlex.split(text)
    except ValueError:
        raise wrong from None
    named = [one.partition("=") for one in said]
    cells = {name: value for name, _, value in named}
    if not (line.isascii() and line.isdigit() and int(line)) or not cells or len(cells) < len(named):
        raise wrong
    if not all(name in CELLS and equals for name, equals, _ in named):
        raise wrong
    return {"line": int(line), **cells}


def _question(before: dict[str, Any], file: Path | None, corrections: int) -> str:
    what = "the corrected line" if corrections == 1 else f"{corrections:,} corrected lines"
    if file is not None:
        what = f"the rows of {file.name}"
    does = "adding to" if adds(before["pointport"].get("options")) else "setting"
    return f"Import {what} in place of those that failed, {does} balances?"


def _follow(client: Client, before: dict[str, Any], body: dict[str, Any], file: Path | None) -> dict[str, Any]:
    """Try the rows again, and return the import that does it once it has ended."""

    def begin() -> dict[str, Any]:
        given = "--correct:" if file is None else f"{file.name}:"
        with fields_are(fileUrl=given, corrections=given):
            made: dict[str, Any] = client.post(f"{IMPORTS}/retry", body)["loyaltyImport"]
        return made

    return following.to_the_end(client, before, "Trying again", begin)


def _first_of_family(client: Client, found: dict[str, Any]) -> dict[str, Any]:
    """Return the import whose rows were tried again first of all."""
    while "retryOf" in found["pointport"]:
        found = client.get_import(found["pointport"]["retryOf"])
    return found


def _still_failed(root: dict[str, Any], count: int) -> str:
    name = bars.plain(root["fileMetadata"]["name"])
    if not count:
        return f"Every row of {name} has gone through by now."
    rows = "1 row" if count == 1 else f"{count:,} rows"
    return f"{rows} of {name} (import {root['id']}) still failed, after all retries."
