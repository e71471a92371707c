"""The error file of an import: where it is saved, and what to do with it."""

import re
import shlex
from pathlib import Path
from typing import Any

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.client import IMPORTS, Client

OUR_ENDING = re.compile(r"-errors(-\d+)?$")


def save(client: Client, found: dict[str, Any], output: Path | None, *, beside: Path) -> Path:
    """Save the error file of an import, where the user says or beside a file under a name that is free."""
    url = client.get(f"{IMPORTS}/error-file-download-url", loyaltyImportId=found["id"])["url"]
    target = output or free_name(beside.with_name(OUR_ENDING.sub("", beside.stem)), "errors", ".csv")
    with bars.waiting("Saving the failed rows"):
        client.download(url, target)
    return target


def save_if_any(client: Client, found: dict[str, Any], output: Path | None, *, beside: Path) -> Path | None:
    """Save it as `save` does; None when no row has failed."""
    if not found.get("importResult", {}).get("errorFileExists"):
        return None
    return save(client, found, output, beside=beside)


def tell(found: dict[str, Any], saved: Path) -> None:
    """Say where it is, and how its rows are tried again."""
    bars.say(f"The failed rows, with reasons: [bold]{bars.plain(saved)}[/]")
    bars.say(f"Correct them there, then: pointport imports retry {found['id']} {bars.plain(shlex.quote(str(saved)))}")


def tell_how(found: dict[str, Any]) -> None:
    """Say how the rows that did not go through are had, and tried again."""
    bars.say(f"The rows that did not go through, with reasons: pointport imports errors {found['id']}")
    bars.say(f"Try them again: pointport imports retry {found['id']} FILE")


def free_name(beside: Path, kind: str, suffix: str) -> Path:
    """Return the name of a file with its kind behind it, and a number where that is taken."""
    target, count = beside.with_name(f"{beside.name}-{kind}{suffix}"), 1
    while target.exists():
        count += 1
        target = beside.with_name(f"{beside.name}-{kind}-{count}{suffix}")
    return target
