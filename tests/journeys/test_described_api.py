"""The API is tried from its own description, against a running server, by schemathesis with all its checks on.

It finds any 500, any status or header that is not described, any answer that breaks its schema, wrong requests that are
taken and right ones that are refused, and calls that do without a key.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import Site, Story
from tests.journeys.processes import PATIENCE_SECONDS, Programs

FOLDER = Path(__file__).parent / "schemathesis"
SECONDS_MAX = 45


def test_the_api_is_as_it_describes_itself(story: Story, site: Site, data_dir: Path, database_url: str) -> None:
    story.add_contacts("ada@example.com", "bob@example.com")
    story.run(b"Email,Points\r\nada@example.com,5\r\nbob@example.com,6\r\nnobody@example.com,7\r\n")
    with Programs(data_dir, DATABASE_URL=database_url) as programs:
        server = programs.server().wait_until_ready()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(FOLDER / "schemathesis.toml")),
                *("run", f"{server.url}/openapi.json", "--checks", "all", "--max-time", str(SECONDS_MAX)),
                *("--phases", "examples,coverage,fuzzing,stateful", "--no-color"),
            ],
            env={**os.environ, "KEY": site.key, "SITE": str(site.id), "HOOKS": str(FOLDER / "hooks.py")},
            cwd=data_dir,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX + PATIENCE_SECONDS,
            check=False,
        )
        assert "request failed" not in server.said
    assert done.returncode == 0, done.stdout[-20_000:]
