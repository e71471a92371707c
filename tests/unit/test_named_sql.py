"""Queries in `.sql` files: found by name, used by the one module beside them, each with a sentence."""

import ast
import re
from pathlib import Path

import pytest

import pointport
from pointport.plumbing.database.named_sql import load

PACKAGE = Path(pointport.__file__).parent
FILES = sorted(path for path in PACKAGE.rglob("*.sql") if path.parent.name != "migrations")


def write(folder: Path, text: str) -> str:
    (folder / "room.sql").write_text(text, encoding="utf-8")
    return str(folder / "room.py")


def test_queries_are_found_by_name_and_stay_as_they_are(tmp_path: Path) -> None:
    found = load(
        write(tmp_path, "-- The room.\n\n-- name: one\n-- First.\nSELECT 1;\n\n-- name: two\n-- Second.\nSELECT 2;\n")
    )
    assert dict(found) == {"one": "-- First.\nSELECT 1", "two": "-- Second.\nSELECT 2"}
    with pytest.raises(TypeError):
        found["one"] = "SELECT 3"  # type: ignore[index]


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "-- name: one\nSELECT 1;\n-- name: one\nSELECT 2;\n")
    with pytest.raises(ValueError, match="the name one stands twice"):
        load(file)


def test_text_before_the_first_name_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "SELECT 0;\n-- name: one\nSELECT 1;\n")
    with pytest.raises(ValueError, match=r"room\.sql: text before the first"):
        load(file)


def test_a_module_without_its_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(str(tmp_path / "room.py"))


def test_an_unknown_name_is_a_key_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        load(write(tmp_path, "-- name: one\nSELECT 1;\n"))["two"]


def strings_of(module: Path) -> list[str]:
    """The texts in a module's code that may be a query's name; what it documents is no use of it."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def names_used(module: Path) -> set[str]:
    """The names that a module surely looks up: QUERIES["…"]."""
    return {
        node.slice.value
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == "QUERIES"
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    }


# Modules that run queries by iterating over all of them, or hand a name on to the room beside the file.
ALL_OF_THEM = {"audit.py": "each query is a proof, and verify runs every one"}
HANDED_ON = {
    "record.py": ("steps.py", "retries.py"),
    "runs.py": ("previews.py", "undo.py"),
}
"""A story names the change that `record.change` or `runs.change` runs."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_query_is_used_by_the_module_beside_it(path: Path) -> None:
    module = path.with_suffix(".py")
    assert "QUERIES = load(__file__)" in module.read_text(encoding="utf-8")
    queries = set(load(str(path)))
    assert names_used(module) <= queries
    if module.name not in ALL_OF_THEM:
        used = set(strings_of(module))
        for story in HANDED_ON.get(module.name, ()):
            used |= set(strings_of(module.with_name(story)))
        assert queries <= used, f"nobody runs {queries - used}"


def test_each_file_of_queries_is_loaded_by_one_module() -> None:
    loading = [path for path in PACKAGE.rglob("*.py") if "load(__file__)" in path.read_text(encoding="utf-8")]
    loading = [path for path in loading if path.name != "named_sql.py"]
    assert sorted(path.with_suffix(".sql") for path in loading) == FILES


def test_a_name_stands_for_one_query_in_the_whole_package() -> None:
    # Two rooms may have a query of the same name, but then each is short and says what it is of.
    seen: dict[str, Path] = {}
    doubled = {name for path in FILES for name in load(str(path)) if seen.setdefault(name, path) != path}
    assert doubled == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_and_each_query_says_what_it_is(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("-- ")
    for name, query in load(str(path)).items():
        comment = re.match(r"-- [A-Z].*(\n-- .*)*", query)
        assert comment, f"{name} has no sentence"
        assert comment[0].endswith((".", ":")), f"the sentence of {name} does not end"
