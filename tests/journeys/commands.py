"""How the journeys run commands, and read what these print for programs."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., subprocess.CompletedProcess[str]]
Shop = Callable[..., "Corner"]


def read_json(done: subprocess.CompletedProcess[str]) -> Any:
    """Return what a command has printed as JSON."""
    return json.loads(done.stdout)


class Corner:
    """A shop of its own in the data folder of the journeys: its customers, files and balances."""

    def __init__(self, run: Run, home: Path, name: str, customers: list[str], url: str | None) -> None:
        self._run = run
        self.home = home
        made = read_json(run("site", "create", name, "--json"))
        self.site = made["siteId"]
        self._server = ("--url", url, "--key", made["apiKey"]) if url else ()
        self.file("customers", *customers, heading="email")
        self("contacts", "load", "customers.csv")

    def __call__(self, *arguments: str | Path, code: int = 0, **extra: str) -> Any:
        """Run a command at this site."""
        return self._run(*self.at(*arguments), code=code, **extra)

    def at(self, *arguments: str | Path) -> tuple[str | Path, ...]:
        """Return the arguments of a command with those that lead to this shop."""
        return (*self._server, *arguments, "--site", self.site)

    def json(self, *arguments: str | Path, code: int = 0, **extra: str) -> Any:
        """Run a command at this site and read what it prints."""
        return read_json(self(*arguments, "--json", code=code, **extra))

    def file(self, name: str, *rows: str, heading: str = "email,points") -> Path:
        """Write a file of some rows."""
        path = self.home / f"{name}.csv"
        path.write_text("\n".join([heading, *rows, ""]))
        return path

    def imported(self, *arguments: str | Path, code: int = 0) -> str:
        """Import, and return the import's id."""
        return str(self.json("import", *arguments, "--yes", code=code)["loyaltyImport"]["id"])

    def balance(self, email: str) -> int | None:
        """Return a customer's balance."""
        account = self.json("account", "show", email)["account"]
        return None if account is None else int(account["points"]["balance"])
