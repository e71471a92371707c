"""The texts of a workbook, which its cells name by number: kept packed, on disk when they are many.

A workbook of 250,000 customers has half a million of them. As objects they would take 50 MiB; here it is their UTF-8,
and eight bytes each for where they end.
"""

import re
import struct
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from pointport.imports.reading import workbook_markup as markup

MEMORY_BYTES_MAX = 12 * 1024 * 1024
"""More of either the texts or their places goes to disk."""
PLACE = struct.Struct("=QQ")
PLACE_BYTES = 8
WHAT = "its texts"

ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
"""How a workbook writes a character that XML cannot hold."""
SURROGATES = range(0xD800, 0xE000)


class Gathered:
    """The text of the elements that are open, as the parser finds it in parts.

    `add` takes a part; it is the list's own, since it is called for every cell. So that an endless text does not fill the
    memory, `cut` is called after each piece of the file: what is taken is then at most a piece longer than wanted.
    """

    def __init__(self, characters_max: int) -> None:
        self._characters_max = characters_max
        self._parts: list[str] = []
        self.add = self._parts.append

    def cut(self) -> None:
        """Forget what goes beyond the length that is wanted."""
        if self._parts:
            self.add(self.taken()[: self._characters_max])

    def taken(self) -> str:
        """Return the text and begin anew."""
        text = "".join(self._parts)
        self._parts.clear()
        return text


class Texts:
    """Texts by their number from 0."""

    def __init__(self, contents: IO[bytes], places: IO[bytes]) -> None:
        self._contents = contents
        self._places = places
        self._byte_count = 0
        self._places.write(bytes(PLACE_BYTES))

    def add(self, found: Iterable[str]) -> None:
        """Add texts behind the last."""
        ends = array("Q")
        for text in found:
            content = text.encode()
            self._contents.write(content)
            self._byte_count += len(content)
            ends.append(self._byte_count)
        self._places.write(ends.tobytes())

    def __getitem__(self, number: int) -> str:
        """Return a text. Raises IndexError when there is none of this number."""
        if number < 0:
            raise IndexError(number)
        self._places.seek(number * PLACE_BYTES)
        place = self._places.read(PLACE.size)
        if len(place) < PLACE.size:
            raise IndexError(number)
        start, end = PLACE.unpack(place)
        self._contents.seek(start)
        return self._contents.read(end - start).decode()


@contextmanager
def kept(pieces: Iterable[bytes], characters_max: int) -> Iterator[Texts]:
    """Read a workbook's shared texts and keep them for a while, each with at most one character more than so many.

    Raises FileRejected as `workbook_markup.fed` does.
    """
    with (
        tempfile.SpooledTemporaryFile(MEMORY_BYTES_MAX) as contents,
        tempfile.SpooledTemporaryFile(MEMORY_BYTES_MAX) as places,
    ):
        texts = Texts(contents, places)
        reader = _Reader(characters_max + 1)
        for _ in markup.fed(reader.parser, pieces, WHAT):
            texts.add(reader.found)
            reader.found.clear()
            reader.gathered.cut()
        yield texts


def unescaped(text: str) -> str:
    """Return a text of a workbook with the characters that XML cannot hold."""
    return ESCAPE.sub(_character, text) if "_x" in text else text


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if code in SURROGATES else chr(code)


class _Reader:
    """Gathers the texts out of the part's XML: `si` holds one, in one `t` or in one for each way it is printed.

    The `t` within `rPh` are how a Japanese text is pronounced: not part of it.
    """

    def __init__(self, characters_max: int) -> None:
        self.found: list[str] = []
        self.parser = markup.parser(self._start, self._end)
        self.gathered = Gathered(characters_max)
        self._characters_max = characters_max
        self._depth = 0
        self._is_aside = False

    def _start(self, name: str, _attributes: markup.Attributes) -> None:
        self._depth += 1
        if self._depth > markup.DEPTH_MAX:
            raise markup.too_deep(WHAT)
        match markup.without_prefix(name):
            case "t" if not self._is_aside:
                self.parser.CharacterDataHandler = self.gathered.add
            case "rPh":
                self._is_aside = True

    def _end(self, name: str) -> None:
        self._depth -= 1
        match markup.without_prefix(name):
            case "t":
                self.parser.CharacterDataHandler = None
            case "rPh":
                self._is_aside = False
            case "si":
                self.found.append(unescaped(self.gathered.taken()[: self._characters_max]))
