"""What is not documented is not there."""

import re
import runpy
import subprocess
from pathlib import Path

import pytest
from scripts import reference

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(reference.write_all()))
def test_the_reference_is_what_the_program_says_of_itself(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == reference.write_all()[name], "run `make docs`"


def test_every_link_in_the_documentation_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_target_of_the_makefile_is_listed_by_make_help() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    # The tests may themselves be run by make, which would tell where it is.
    command = ["make", "--no-print-directory", "help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert targets == {line.split()[0] for line in shown.splitlines()}


def test_the_demo_makes_the_same_files_every_time(tmp_path: Path) -> None:
    demo = runpy.run_path(str(ROOT / "examples" / "demo.py"))
    written = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        demo["write_points"](folder / "points.csv", demo["write_contacts"](folder / "contacts.csv"))
        written.append([path.read_bytes() for path in sorted(folder.iterdir())])
    assert written[0] == written[1]
