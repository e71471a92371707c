"""Bytes to lines of text, counting and hashing the bytes on their way.

A line ends with LF, CRLF or CR and with nothing else: what an editor calls a line. Bytes that are no characters become
lone surrogates (Python's `surrogateescape`), so that one bad byte costs one row; `is_damaged` finds them again.
"""

import codecs
import hashlib
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

from pointport.errors import FileRejected

UTF_8 = "utf-8"
UTF_8_BOM = "utf-8-sig"
BUFFER_BYTES = 256 * 1024
LINE_CHARACTERS_MAX = 4 * 1024 * 1024
"""More than a hundred of the longest cells hold; a longer line would only fill the memory."""


class ByteStream(io.RawIOBase):
    """Chunks of bytes as a file; knows how many went by, and their SHA-256."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")
        self._hash = hashlib.sha256()
        self.byte_count = 0

    @property
    def sha256(self) -> bytes:
        """The SHA-256 of all that was read so far."""
        return self._hash.digest()

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill the buffer as far as the next chunk goes; 0 at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._hash.update(chunk)
            self.byte_count += len(chunk)
            self._rest = memoryview(chunk)
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def guess(head: bytes) -> str:
    """Return the encoding of a file that begins like this. Raises FileRejected for what is no text."""
    if head.startswith(codecs.BOM_UTF8):
        return UTF_8_BOM
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in head:
        raise FileRejected(
            "The file is not CSV text in UTF-8: it holds NUL bytes, as Excel workbooks and UTF-16 files do."
            " Save it as “CSV UTF-8 (comma delimited)” and upload that.",
            code="INVALID_ENCODING",
        )
    return UTF_8


def lines(stream: ByteStream, encoding: str) -> Iterator[str]:
    """Return the file's lines with their ends, one at a time. Raises FileRejected for one that is endless."""
    buffered = io.BufferedReader(stream, BUFFER_BYTES)
    text = io.TextIOWrapper(buffered, encoding=encoding, errors="surrogateescape", newline="")
    number = 0
    while line := text.readline(LINE_CHARACTERS_MAX):
        number += 1
        if len(line) == LINE_CHARACTERS_MAX:
            raise FileRejected(
                f"Line {number} has {LINE_CHARACTERS_MAX} characters or more; is this a CSV file?",
                code="LINE_TOO_LONG",
            )
        yield line


def is_damaged(text: str) -> bool:
    """Tell whether a text holds bytes that were no characters."""
    try:
        text.encode(UTF_8)
    except UnicodeEncodeError:
        return True
    return False
