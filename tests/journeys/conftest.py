"""An engineer at a terminal: the real command, an embedded database of its own, no server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointport.plumbing.database.embedded import open_embedded
from tests.journeys.commands import Run, read_json


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose path has blanks, shared by the journeys of a file, which use a site each."""
    return tmp_path_factory.mktemp("a shop's data")


@pytest.fixture(scope="module")
def environment(home: Path) -> dict[str, str]:
    """What a command finds around it."""
    found = {name: value for name, value in os.environ.items() if not name.startswith(("POINTPORT_", "DATABASE_URL"))}
    return {**found, "POINTPORT_DATA_DIR": str(home / "data")}


@pytest.fixture(scope="module")
def run(home: Path, environment: dict[str, str]) -> Iterator[Run]:
    """Runs `pointport` and checks its exit code; the database server stays up between the commands."""

    def start(
        *arguments: str | Path, code: int = 0, given: str | None = None, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "pointport", *map(str, arguments)],
            env={**environment, **extra},
            input=given,
            capture_output=True,
            text=True,
            check=False,
            cwd=home,
            timeout=120,
        )
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    with open_embedded(home / "data"):
        yield start


@pytest.fixture(scope="module")
def site(run: Run) -> str:
    """The id of a site."""
    made = read_json(run("site", "create", "Corner shop", "--json"))
    assert set(made) >= {"siteId", "apiKey"}
    return str(made["siteId"])
