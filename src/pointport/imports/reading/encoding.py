"""Bytes to text, counting and hashing the bytes on their way.

Bytes that are no characters become lone surrogates, so that one bad byte costs one row; `is_damaged` finds them again.
Which of the old encodings a file is in is found out by what people's names and words look like in it: `languages.py`.
"""

import codecs
import hashlib
import itertools
from collections.abc import Iterable, Iterator

from pointport.imports.reading import languages

UTF_8 = "utf-8"
UTF_8_BOM = "utf-8-sig"
UTF_16_LE = "utf-16-le"
UTF_16_BE = "utf-16-be"

NAMES = {
    UTF_8: "UTF-8",
    UTF_8_BOM: "UTF-8 with BOM",
    UTF_16_LE: "UTF-16 LE",
    UTF_16_BE: "UTF-16 BE",
    "windows-1252": "Windows-1252",
    "iso-8859-15": "ISO-8859-15",
    "windows-1250": "Windows-1250",
    "windows-1251": "Windows-1251",
    "cp850": "DOS 850",
    "mac-roman": "Mac Roman",
    "cp932": "Shift JIS (CP932)",
    "gb18030": "GB 18030",
}
"""Every encoding that is read, as it is called, and what people call it."""

BOMS = ((codecs.BOM_UTF8, UTF_8_BOM), (codecs.BOM_UTF16_LE, UTF_16_LE), (codecs.BOM_UTF16_BE, UTF_16_BE))
BOM = "\ufeff"

PIECE_BYTES = 16 * 1024
"""What is decoded at a time: rows of two characters, the smallest there are, then take a few MiB as objects. More is
slower, too: what is made of it no longer fits into the caches.
"""

NUL_SHARE_MIN = 0.3
"""Text of mostly Latin letters in UTF-16 is half NULs; a file with fewer has strayed NULs, which stay as they are."""

FIRST_BEYOND_ASCII = 0x80

DAMAGED = "pointport.damaged"
"""The name of our way with bytes that are no characters."""


class ByteStream:
    """The bytes of a file on their way; knows how many went by, and their SHA-256."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._hash = hashlib.sha256()
        self._head = b""
        self.byte_count = 0

    @property
    def sha256(self) -> bytes:
        """The SHA-256 of all that was taken so far."""
        return self._hash.digest()

    def peek(self, byte_count: int) -> bytes:
        """Return at least so many of the first bytes, or all there are; they are still to come. Only before the first."""
        parts = [self._head]
        held = len(self._head)
        while held < byte_count and (chunk := next(self._chunks, None)) is not None:
            parts.append(bytes(chunk))
            held += len(chunk)
        self._head = b"".join(parts)
        return self._head

    def __iter__(self) -> Iterator[bytes]:
        """Return the chunks as they come, after what was looked at before."""
        head, self._head = self._head, b""
        for chunk in itertools.chain((head,) if head else (), self._chunks):
            self._hash.update(chunk)
            self.byte_count += len(chunk)
            yield chunk


def guess(head: bytes) -> str:
    """Return the encoding of a text that begins like this."""
    for mark, name in BOMS:
        if head.startswith(mark):
            return name
    # NULs behind the text are none of it: some systems fill a file up with them.
    body = head.rstrip(b"\0")
    if body.count(0) > NUL_SHARE_MIN * len(body):
        # Which half of each character is 0 tells which half comes first.
        return UTF_16_LE if head[1::2].count(0) > head[::2].count(0) else UTF_16_BE
    characters, bad = _utf_8_evidence(head)
    if not bad or characters > bad:
        return UTF_8
    return languages.guess(head)


def guess_again(damaged: str) -> str | None:
    """Return the encoding of a text that was taken for UTF-8 and is not, by its damaged rows; None when it is UTF-8."""
    found = guess(damaged.encode(UTF_8, "surrogateescape"))
    return None if found in (UTF_8, UTF_16_LE, UTF_16_BE) else found


def pieces(stream: Iterable[bytes], encoding: str, *, is_beginning: bool = True) -> Iterator[str]:
    """Return the text in pieces that end anywhere, without the byte order mark at its beginning."""
    decoder = codecs.getincrementaldecoder(UTF_8 if encoding == UTF_8_BOM else encoding)(DAMAGED)
    is_first = is_beginning
    for chunk in stream:
        whole = memoryview(chunk)
        for start in range(0, len(chunk), PIECE_BYTES):
            text = decoder.decode(whole[start : start + PIECE_BYTES])
            if is_first and text:
                text, is_first = text.removeprefix(BOM), False
            if text:
                yield text
    if rest := decoder.decode(b"", final=True):
        yield rest


def in_pieces(text: str) -> Iterator[str]:
    """Return a text piece by piece, of which no more is read than is wanted."""
    return (text[start : start + PIECE_BYTES] for start in range(0, len(text), PIECE_BYTES))


def is_damaged(text: str) -> bool:
    """Tell whether a text holds bytes that were no characters."""
    try:
        text.encode(UTF_8)
    except UnicodeEncodeError:
        return True
    return False


def known(name: str) -> str | None:
    """Return what we call an encoding that somebody names, or None when it is not read."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):  # ValueError: a name with a NUL in it
        return None
    return next(
        (ours for ours in NAMES if codecs.lookup(ours) == found or codecs.lookup(ours).name == found.name), None
    )


def _utf_8_evidence(head: bytes) -> tuple[int, int]:
    """Count the characters beyond ASCII that are whole in UTF-8, and the places that are none; a cut end is neither."""
    text = codecs.getincrementaldecoder(UTF_8)(DAMAGED).decode(head)
    if text.isascii():
        return 0, 0
    bad = sum(map(text.count, SURROGATES & set(text)))
    return len(text) - len(text.encode("ascii", "ignore")) - bad, bad


def _damaged(error: UnicodeError) -> tuple[str, int]:
    """Make lone surrogates of bytes that are no characters, as Python's `surrogateescape` does; it knows no UTF-16."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    text = "".join(chr(0xDC00 + byte) if byte >= FIRST_BEYOND_ASCII else "\ufffd" for byte in bad)
    return (text if is_damaged(text) else text + "\udcff"), error.end


SURROGATES = frozenset(map(chr, range(0xDC80, 0xDD00)))

codecs.register_error(DAMAGED, _damaged)
