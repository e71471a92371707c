"""The official client against a real server: `make test-sdk` fetches it and has this run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Site
from tests.journeys.processes import PATIENCE_SECONDS, Programs

FOLDER = Path(__file__).parent
WANTED = "POINTPORT_TEST_SDK"


@pytest.mark.skipif(WANTED not in os.environ, reason="`make test-sdk` runs it: it fetches the client first")
def test_the_official_client_works_unchanged(site: Site, data_dir: Path, database_url: str) -> None:
    """Every call of contract.md 2 to 6, and webhooks through the client's own verification (7)."""
    node = shutil.which("node")
    assert node is not None, "there is no node on the PATH"
    with Programs(data_dir, DATABASE_URL=database_url, POINTPORT_WEBHOOK_PRIVATE_TARGETS="true") as programs:
        server = programs.server().wait_until_ready()
        done = subprocess.run(
            [node, "--test", "sdk.test.mjs"],
            cwd=FOLDER,
            env={
                **os.environ,
                "POINTPORT_URL": server.url,
                "POINTPORT_API_KEY": site.key,
                "POINTPORT_SITE": str(site.id),
            },
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
