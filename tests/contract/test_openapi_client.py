"""A client is made from the description by a generator that knows nothing of us, and drives the server.

The generator has a Python environment of its own, since it wants other versions than ours of what both need::

    python3 -m venv .venv/openapi-client
    .venv/openapi-client/bin/python -m pip install --require-hashes --requirement requirements/openapi-client.lock
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from pointport.app import App
from pointport.entrypoints import worker
from pointport.entrypoints.api.server import configure, create_api, running
from pointport.settings import Settings
from tests.conftest import Site
from tests.contract.conftest import Json
from tests.contract.test_openapi import document, operations

__all__ = ["document"]

PYTHON = Path(sys.prefix) / "openapi-client/bin/python"
DRIVER = Path(__file__).parent / "openapi_client/drive.py"
PACKAGE = "pointport_client"
CONFIG = {
    # Lines of JSON are text to the generator once it is told that they are: it knows no kind of streams.
    "content_type_overrides": {"application/x-ndjson": "text/plain"},
    "post_hooks": [],
}
SECONDS_MAX = 60

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason=f"there is no generator in {PYTHON.parent.parent}")


def run(*arguments: str, folder: Path) -> None:
    """Run the generator's Python to a good end."""
    command = [str(PYTHON), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def package(document: Json, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A client made of the document; a warning, which is a part left out, is a failure."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    made = folder / PACKAGE
    options = ["--path", "openapi.json", "--config", "config.json", "--meta", "none", "--output-path", str(made)]
    run("-m", "openapi_python_client", "generate", *options, "--fail-on-warning", folder=folder)
    return made


@pytest.fixture
def settings(database_url: str, data_dir: Path) -> Settings:
    """Settings that let a webhook lead to this machine, whose name needs no look-up."""
    return Settings(
        DATABASE_URL=SecretStr(database_url), data_dir=data_dir, log_level="WARNING", webhook_private_targets=True
    )


def test_every_call_and_every_shape_has_its_place_in_a_client(document: Json, package: Path) -> None:
    """Nothing of the description is left out."""
    modules = {path.stem for path in package.glob("api/*/*.py")} - {"__init__"}
    assert modules == {operation["operationId"] for _, operation in operations(document)}
    exported = (package / "models/__init__.py").read_text(encoding="utf-8")
    for name, schema in document["components"]["schemas"].items():
        if schema.get("type") == "object":
            assert f'"{name}",' in exported, name


@pytest.mark.usefixtures("own_database")
def test_a_client_made_of_the_description_gets_typed_answers(app: App, site: Site, package: Path) -> None:
    """Calls of every service, and the errors that they may end in."""
    server = configure(create_api(app))
    with worker.running(app), running(server):
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        run(str(DRIVER), str(package.parent), PACKAGE, url, site.key, str(site.id), folder=package.parent)
