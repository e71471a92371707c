"""Waiting for what takes its time, with a bar; and what is said to somebody who waits no longer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.client import Client, Exit

RUNNING = {"INITIATED", "PARSING", "IMPORTING"}
"""Statuses in which a job is at work on an import, or about to be."""


@contextmanager
def interruptible(told: Callable[[], str]) -> Iterator[None]:
    """Have Ctrl-C end the command with a sentence that says what the state of things is."""
    try:
        yield
    except KeyboardInterrupt:
        bars.warn(told())
        raise typer.Exit(Exit.INTERRUPTED) from None


def nothing_was_changed() -> str:
    """Say so to somebody who stops before anything was."""
    return "Interrupted: nothing was changed."


def to_the_end(
    client: Client, found: dict[str, Any], title: str, begin: Callable[[], dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Follow an import to its end, with a bar, and return it as it is then; `begin` is what sets it going."""
    state = found
    with interruptible(lambda: _interrupted(client, state)):
        if begin is not None:
            state = begin()
        with bars.rows(title) as bar:
            for seen in client.follow(state["id"], RUNNING):
                state = seen
                progress = state["pointport"].get("progress")
                if progress is not None:
                    bar.show(progress["rowsDone"], progress["rowsTotal"])
    return state


def preview(client: Client, path: str, body: dict[str, Any], title: str) -> dict[str, Any]:
    """Ask for a preview and return it once it is there."""
    asked = client.post(path, body)["preview"]
    with bars.waiting(title):
        return client.preview(path, asked)


def _interrupted(client: Client, state: dict[str, Any]) -> str:
    import_id, progress = state["id"], state["pointport"].get("progress")
    done = f", {progress['rowsDone']:,} of {progress['rowsTotal']:,} rows done so far" if progress else ""
    if client.is_inside:
        return (
            f"Interrupted: import {import_id} stops once the rows at work are done{done}. What is applied stays.\n"
            "`pointport serve` or `pointport worker` goes on with it, row by row where it was;"
            f" `pointport imports cancel {import_id}` ends it."
        )
    return (
        f"Interrupted: import {import_id} goes on at the server{done}.\n"
        f"`pointport imports show {import_id}` shows how far it is; `pointport imports cancel {import_id}` stops it."
    )
