"""A client of the API, for the commands: answers as JSON, and errors as what to print and the exit code."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.options_of_import import NAMES
from pointport.entrypoints.cli.wiring import Wiring

if TYPE_CHECKING:
    import httpx2  # loaded by what opens one (transport.py)

IMPORTS = "/_api/loyalty-imports/v1/loyalty-imports"
OURS = "/pointport/v1"
POLL_SECONDS = 0.1
SERVER_FAULT = 500


class Exit(IntEnum):
    """Exit codes (design.md 10)."""

    OK = 0
    ROWS_FAILED = 1
    WRONG_USE = 2
    IMPORT_FAILED = 3
    NOT_REACHABLE = 4
    INTERRUPTED = 130
    """By Ctrl-C, as shells have it."""


WORDS: Mapping[str, str] = {
    "the wix-site-id header": "--site",
    "the API key in the Authorization header": "the API key in --key or POINTPORT_API_KEY",
    # Names of options that are no words of their own.
    **{name: option for name, option in NAMES.items() if not name.islower()},
    "the mode ADD": "--mode add",
    "SUM for duplicates": "--duplicates sum",
    "choose FIRST or LAST": "choose --duplicates first or last",
}
"""What the API calls something, and how a person at a terminal gives it."""


class CommandError(Exception):
    """What ends a command: a sentence for standard error, and the exit code.

    `violations` are the fields of a request that were wrong, each with what is wrong with it.
    """

    def __init__(self, message: str, code: Exit = Exit.WRONG_USE, violations: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.violations = violations


class Client:
    """The API, as the commands need it; `is_inside` when it is in this process, and ends with it."""

    def __init__(self, http: "httpx2.Client", *, is_inside: bool = False) -> None:
        self._http = http
        self.is_inside = is_inside

    def get(self, path: str, **parameters: Any) -> Any:
        """GET, with query parameters."""
        return self._json(self._http.get(path, params=parameters))

    def post(self, path: str, body: Any) -> Any:
        """POST a JSON body."""
        return self._json(self._http.post(path, json=body))

    def patch(self, path: str, body: Any) -> Any:
        """PATCH a JSON body."""
        return self._json(self._http.patch(path, json=body))

    def delete(self, path: str) -> Any:
        """DELETE."""
        return self._json(self._http.delete(path))

    def stream_lines(self, path: str, body: Any) -> Iterator[str]:
        """POST a JSON body and return the answer's lines as they come."""
        with self._http.stream("POST", path, json=body) as response:
            if response.is_error:
                response.read()
                self._json(response)
            yield from response.iter_lines()

    def upload(self, file: Path, slots: str = f"{IMPORTS}/wixmp-upload-url") -> str:
        """Upload a file to a slot that the path `slots` gives, with a bar, and return its path at the server."""
        slot = self.post(slots, {})
        with file.open("rb") as raw, bars.reading(raw, file.stat().st_size, f"Uploading {file.name}") as chunks:
            response = self._http.put(
                slot["uploadUrl"],
                content=chunks,
                headers={"Content-Type": "text/csv", "Content-Length": str(file.stat().st_size)},
            )
        self._json(response)
        return str(slot["filePath"])

    def download(self, url: str, target: Path) -> None:
        """Save what a URL gives; the file appears whole or not at all."""
        part = target.with_name(f".{target.name}.part")
        try:
            with self._http.stream("GET", url) as response:
                if response.is_error:
                    response.read()
                    self._json(response)
                with part.open("wb") as out:
                    for chunk in response.iter_bytes():
                        out.write(chunk)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def get_import(self, import_id: str) -> dict[str, Any]:
        """Return an import."""
        found: dict[str, Any] = self.get(IMPORTS, loyaltyImportId=import_id)["loyaltyImport"]
        return found

    def follow(self, import_id: str, statuses: set[str]) -> Iterator[dict[str, Any]]:
        """Return an import again and again while it is in one of these statuses, and once when it no longer is."""
        while True:
            found = self.get_import(import_id)
            yield found
            if found["status"] not in statuses:
                return
            time.sleep(POLL_SECONDS)

    def preview(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Return a preview once it is done. Raises CommandError when it cannot be made, or a newer one takes its place."""
        while True:
            found: dict[str, Any] = self.get(path, loyaltyImportId=asked["loyaltyImportId"])["preview"]
            if found["id"] != asked["id"]:
                raise CommandError("somebody else has asked for a preview of this import meanwhile; ask again")
            if found["status"] == "FAILED":
                raise CommandError(f"{found['failureReason']}: {found['failureMessage']}", Exit.IMPORT_FAILED)
            if found["status"] == "DONE":
                return found
            time.sleep(POLL_SECONDS)

    def wait_for_undo(self, import_id: str) -> dict[str, Any]:
        """Return an import once its undo has ended."""
        while True:
            found = self.get_import(import_id)
            if found["pointport"]["undo"]["status"] != "RUNNING":
                return found
            time.sleep(POLL_SECONDS)

    @staticmethod
    def _json(response: "httpx2.Response") -> Any:
        if response.is_success:
            return response.json()
        code = Exit.NOT_REACHABLE if response.status_code >= SERVER_FAULT else Exit.WRONG_USE
        try:
            body = response.json()
            message = str(body["message"])
            violations = body.get("details", {}).get("validationError", {}).get("fieldViolations", ())
        except (ValueError, KeyError, TypeError, AttributeError):
            request_id = response.headers.get("X-Wix-Request-Id", "?")
            raise CommandError(
                f"the server answered {response.status_code}; its log says more under {request_id}", code
            ) from None
        named = tuple((str(one["field"]), in_our_words(str(one["description"]))) for one in violations)
        raise CommandError(in_our_words(message.removeprefix("INVALID_ARGUMENT: ")), code, named)


def in_our_words(text: str) -> str:
    """Return a sentence of the API with what it names as a person at a terminal would give it."""
    for theirs, ours in WORDS.items():
        text = text.replace(theirs, ours)
    return text


@contextmanager
def fields_are(**options: str) -> Iterator[None]:
    """Have the fields of a request that are wrong told by the options that they came from."""
    try:
        yield
    except CommandError as error:
        if not error.violations:
            raise
        told = ((options.get(field.partition("[")[0], f'"{field}"'), wrong) for field, wrong in error.violations)
        raise CommandError("; ".join(f"{option} {wrong}" for option, wrong in told), error.code) from None


@contextmanager
def connect(context: typer.Context, *, site: str | None = None, working: bool = False) -> Iterator[Client]:
    """Open a client of the server that --url names, or of the app in this process.

    `working`: the command waits for a job, so without a server a worker must run here too.
    """
    wiring: Wiring = context.obj["wiring"]
    url, key = context.obj["url"], context.obj["key"]
    headers = {"wix-site-id": site} if site else {}
    if url:
        if not key:
            raise CommandError("--url needs an API key: give it in POINTPORT_API_KEY")
        with wiring.open_outside(url, {**headers, "Authorization": key}) as http:
            yield Client(http)
        return
    with ExitStack() as opened:
        with bars.waiting("Opening the database"):
            http = opened.enter_context(wiring.open_inside(working))
        http.headers.update(headers)
        yield Client(http, is_inside=True)
