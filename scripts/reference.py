"""Writes docs/reference from the program itself: `make docs`. A test holds the files to what this writes."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from pointport.entrypoints.api import server
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.cli.commands import application
from pointport.imports import reading
from pointport.imports.problems import CATALOGUE
from pointport.settings import Settings

FOLDER = Path("docs/reference")
GENERATED = "<!-- Written by `make docs` from the program itself. -->\n"
DEFAULTS_OF_THE_MACHINE = {"data_dir": "the user's data folder", "apply_sessions": "the cores, at most 4"}
REJECTION = re.compile(r'code="([A-Z_]+)"')


def problems() -> str:
    """Return the catalogue of what can be wrong with a row."""
    lines = [
        "# What can be wrong with a row",
        "",
        "The code stands in the error file's `Error code`, the message in `Error reason`. Rows are judged in this order;",
        "the first that holds is the row's problem. A row's problem never stops the import.",
        "",
    ]
    for problem in CATALOGUE.values():
        lines += [f"## `{problem.code}`", "", f"**{problem.title}.** {problem.template}", "", f"*{problem.advice}*", ""]
    return GENERATED + "\n".join(lines)


def settings() -> str:
    """Return every setting with its default and meaning."""
    lines = [
        "# Settings",
        "",
        "Environment variables, or lines of a `.env` file. `pointport settings` shows what is in force and where it comes",
        "from.",
        "",
        "| Variable | Default | Meaning |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        variable = "DATABASE_URL" if name == "database_url" else f"POINTPORT_{name.upper()}"
        default = DEFAULTS_OF_THE_MACHINE.get(name, field.default)
        shown = "" if default is None else f"{default:,}" if isinstance(default, int) else str(default)
        lines.append(f"| `{variable}` | {shown} | {field.description} |")
    return GENERATED + "\n".join(lines) + "\n"


def commands() -> str:
    """Return every command with its arguments and options."""
    lines = [
        "# Commands",
        "",
        "Every command prints text for people, or with `--json` JSON for programs. Progress bars show on a terminal only.",
        "",
        "Exit codes: 0 ok · 1 some rows failed (or the ledger does not add up) · 2 wrong use · 3 the import failed ·",
        "4 server not reachable.",
        "",
    ]
    root = typer.main.get_command(application)
    lines += _options(root)
    for path, command in _commands(root, "pointport"):
        arguments = " ".join(
            str(one.metavar or one.name.upper()) for one in command.params if one.param_type_name == "argument"
        )
        lines += [f"## `{f'{path} {arguments}'.strip()}`", "", str(command.help or "").strip(), "", *_options(command)]
    return GENERATED + "\n".join(lines)


def api() -> str:
    """Return every path of the API, and the codes with which a file is refused."""
    lines = [
        "# The API",
        "",
        "The Imports API is that of the Wix Loyalty Imports API; its paths are also served without the prefix",
        "`/_api/loyalty-imports`. Paths under `/pointport` are ours. Requests carry the API key in `Authorization` and the",
        "site in `wix-site-id`; a running server describes all of it at `/openapi.json` and shows it at `/docs`.",
        "",
        "| Call | What |",
        "| --- | --- |",
    ]
    for service in server.SERVICES:
        for call in service.calls:
            for route in call.router.routes:
                if isinstance(route, Call):
                    method = "/".join(sorted(route.methods or (), reverse=True))
                    told = str(inspect.getdoc(route.endpoint)).partition("\n")[0]
                    lines.append(f"| {method} `{service.prefix}{route.path}` | {told} |")
    codes = {code for text in _reading_sources() for code in REJECTION.findall(text)}
    lines += [
        "",
        "## Why a file is refused",
        "",
        "The code is the import's `parseErrorReason` (or `pointport.failureReason` when the import failed later); the",
        "sentence beside it, in `pointport.failureMessage`, names the place and the way out.",
        "",
        *(f"- `{code}`" for code in sorted(codes | {"FILE_NOT_FOUND", "FILE_CHANGED", "INTERNAL_ERROR"})),
    ]
    return GENERATED + "\n".join(lines) + "\n"


def write_all() -> dict[str, str]:
    """Return the text of each file by its name."""
    return {"problems.md": problems(), "settings.md": settings(), "commands.md": commands(), "api.md": api()}


def _reading_sources() -> Iterator[str]:
    for path in sorted(Path(str(reading.__file__)).parent.glob("*.py")):
        yield path.read_text(encoding="utf-8")


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, child in command.commands.items():
        if hasattr(child, "commands"):
            yield from _commands(child, f"{path} {name}")
        else:
            yield f"{path} {name}", child


def _options(command: Any) -> list[str]:
    found = [one for one in command.params if one.param_type_name == "option" and one.name != "help"]
    lines = [f"- `{'`, `'.join(one.opts)}`: {one.help}" for one in found]
    return [*lines, ""] if lines else []


if __name__ == "__main__":
    for file_name, text in write_all().items():
        (FOLDER / file_name).write_text(text, encoding="utf-8")
