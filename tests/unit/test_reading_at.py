"""A row is the same whether a file is read from its beginning or looked into at the row's line."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointport.errors import FileRejected
from pointport.imports.reading import files, learning
from pointport.imports.shapes import Dialect
from tests.unit.test_golden_files import CASES, SETTINGS, file_of

ALPHABET = st.sampled_from(["a", "@", ",", '"', "\n", "\r\n", "ü", " ", "1,", 'x","', ",,\n"])


def cut(content: bytes, length: int) -> Iterator[bytes]:
    yield from (content[start : start + length] for start in range(0, len(content), length))


@pytest.mark.parametrize("length", [7, 100_000])
@pytest.mark.parametrize("case", CASES)
def test_the_rows_of_every_file_are_found_by_their_lines(case: str, length: int) -> None:
    content = file_of(case).read_bytes()
    try:
        dialect = learning.learn(lambda: cut(content, 100_000), SETTINGS).dialect
    except FileRejected:
        return
    rows = list(files.read(cut(content, 100_000), dialect, SETTINGS))
    lines = [line for line, _, _ in rows]
    for wanted in (lines, lines[-1:], lines[1::2]):
        found = list(files.read_at(lambda: cut(content, length), dialect, SETTINGS, wanted))
        assert found == [row for row in rows if row[0] in wanted]


@given(text=st.lists(ALPHABET, max_size=60).map("".join), length=st.integers(1, 30))
def test_whatever_stands_in_it(text: str, length: int) -> None:
    content = f"Email,Points\n{text}".encode()
    dialect = Dialect("utf-8", ",", columns=2)
    rows = list(files.read([content], dialect, SETTINGS))
    for row in rows:
        assert list(files.read_at(lambda: cut(content, length), dialect, SETTINGS, [row[0]])) == [row]


def test_a_line_where_no_row_starts_has_none() -> None:
    content = b'Email,Points\n"a\nb",1\n\nc,2\n'
    dialect = Dialect("utf-8", ",", columns=2)
    assert list(files.read_at(lambda: [content], dialect, SETTINGS, [4, 9])) == []
