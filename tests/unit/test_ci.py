"""`.ci/run`, with programs in the place of make, node and npm that only say what they were asked."""

import os
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / ".ci" / "run"


def ci(folder: Path, *, npm: str | None, make: str = "", browser: str = "chromium") -> subprocess.CompletedProcess[str]:
    """Run it; `npm` and `make` are what those programs do beyond saying their arguments. None: there is no node.

    `browser` is the only one that there is beside Debian's installer.
    """
    programs = {"make": make, browser: "", "apt-get": ""} | ({} if npm is None else {"node": "", "npm": npm})
    for name, script in programs.items():
        program = folder / name
        program.write_text(f'#!/bin/sh\necho "{name} $*"\n{script}\n')
        program.chmod(0o755)
    for name in ("bash", "cat", "dirname", "grep", "mktemp", "rm", "sh", "tee"):
        found = next(path for path in map(Path, ("/bin", "/usr/bin")) if (path / name).exists())
        (folder / name).symlink_to(found / name)
    # A PATH of these alone, so that no node of this machine is found.
    environment = {**os.environ, "PATH": str(folder)}
    return subprocess.run([RUN], env=environment, capture_output=True, text=True, check=False, timeout=30)


def test_everything_is_run_where_the_client_can_be_had(tmp_path: Path) -> None:
    done = ci(tmp_path, npm="")
    asked = [line for line in done.stdout.splitlines() if line.startswith(("make", "npm"))]
    assert (done.returncode, asked[0], asked[-1]) == (0, "make check test", "make test-sdk")
    assert "SKIPPED" not in done.stdout + done.stderr


def test_a_browser_is_installed_where_there_is_none(tmp_path: Path) -> None:
    with_one, without = tmp_path / "with", tmp_path / "without"
    for folder, browser in ((with_one, "chromium"), (without, "lynx")):
        folder.mkdir()
        done = ci(folder, npm="", browser=browser)
        asked = [line for line in done.stdout.splitlines() if line.startswith(("apt-get", "make"))]
        installing = (
            []
            if folder == with_one
            else [
                "apt-get update --quiet --quiet",
                "apt-get install --yes --quiet --no-install-recommends chromium",
            ]
        )
        assert (done.returncode, asked) == (0, [*installing, "make check test", "make test-sdk"])


@pytest.mark.parametrize(
    "code",
    ["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ERR_SOCKET_TIMEOUT", "E503", "SELF_SIGNED_CERT_IN_CHAIN"],
)
def test_a_registry_that_does_not_answer_is_passed_over_loudly(tmp_path: Path, code: str) -> None:
    done = ci(tmp_path, npm=f'echo "npm error code {code}" >&2; exit 1')
    assert (done.returncode, "make test-sdk" in done.stdout) == (0, False)
    assert "SKIPPED: the official client was not tried: the npm registry does not answer" in done.stderr
    assert f"npm error code {code}" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "said",
    [
        "npm error code EINTEGRITY",
        "npm error code ETARGET",
        "npm error code EUSAGE",
        "npm error code E404",
        # Only the code counts, not what the text speaks of.
        "npm error code EINTEGRITY\nnpm error not ECONNREFUSED, npm error code",
        "Killed",
        "",
    ],
)
def test_a_client_that_cannot_be_installed_fails(tmp_path: Path, said: str) -> None:
    done = ci(tmp_path, npm=f"echo '{said}' >&2; exit 1")
    assert (done.returncode != 0, "make test-sdk" in done.stdout) == (True, False)
    assert said in done.stdout + done.stderr
    assert "the official client cannot be installed" in done.stderr


def test_without_node_the_client_is_passed_over_loudly(tmp_path: Path) -> None:
    done = ci(tmp_path, npm=None)
    assert done.returncode == 0
    assert "SKIPPED: the official client was not tried: there is no node here" in done.stderr


def test_a_check_that_fails_ends_it(tmp_path: Path) -> None:
    done = ci(tmp_path, npm="", make="exit 2")
    assert (done.returncode, "npm" in done.stdout) == (2, False)
