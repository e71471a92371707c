"""What `__main__` hands to the command line: the things that a command cannot do over HTTP."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2  # loaded by what opens one (transport.py)


@dataclass(frozen=True)
class Wiring:
    """The ways in."""

    serve: Callable[[str | None, int | None, Callable[[str, str], None]], None]
    """Serve the API, the console and work, on an address and port or those of the settings, until stopped.

    Tells the URL, and the console's one-time link, when up.
    """
    work: Callable[[Callable[[], None]], None]
    """Work until stopped; tell when it has begun."""
    open_inside: Callable[[bool], AbstractContextManager["httpx2.Client"]]
    """Open the app in this process and give a client of it, as the operator; True for one with a worker too."""
    open_outside: Callable[[str, Mapping[str, str]], AbstractContextManager["httpx2.Client"]]
    """Give a client of the server at a URL that sends these headers."""
    inspect: Callable[[Path, Mapping[str, Any]], dict[str, Any]]
    """Say what would be read of a file; what is told of how it is written is not found out (`reading.told`)."""
    reading: Callable[[Mapping[str, Any]], dict[str, Any]]
    """Check what is told of how a file is written, and return it as the API takes it."""
    convert: Callable[[Path, Mapping[str, Any]], Iterator[bytes]]
    """Give a file as clean CSV, in blocks; told likewise."""
    migrate: Callable[[], list[str]]
    """Bring the database up to date and return what was run."""
    database_state: Callable[[], dict[str, Any]]
    """Say what was run on the database and what is still to be."""
    settings: Callable[[], list[dict[str, Any]]]
    """Return each setting with `name`, `value`, `source` and `description`."""
