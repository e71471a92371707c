"""A workbook's ZIP archive, looked through before anything in it is unpacked.

What an archive says of itself is believed only where it cannot hurt: its directory is read up to a size, the sizes it
names are added up before a byte is unpacked, and no part can give more bytes than the directory names for it.
"""

import hashlib
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Never

from pointport.errors import FileRejected

DIRECTORY_BYTES_MAX = 1024 * 1024
MEMBERS_MAX = 10_000
RATIO_MAX = 300
"""Bytes out of one packed byte. The largest sheets of real workbooks come to a tenth of this."""
RATIO_BYTES_MIN = 1024 * 1024
"""Smaller members may be packed as tightly as they like."""
PIECE_BYTES = 64 * 1024
LOCAL_HEADER_BYTES = 30

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How a workbook may be packed; the unpackers of other methods give all they have at once."""
ENCRYPTED_FLAG = 0x1

SAVE_AGAIN = "Open it in Excel or LibreOffice, save it again and upload that."

FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OverflowError,
    ValueError,
)
"""What the library raises, where it is tried with archives that are none. An OSError is the disk's and not among them."""


@dataclass(frozen=True)
class Spooled:
    """A file that was written to disk, without a name there: how many bytes it has, and their SHA-256."""

    file: IO[bytes]
    byte_count: int
    sha256: bytes


@dataclass(frozen=True)
class Archive:
    """An archive that is sound as far as its directory tells; its members by name, in lower case with `/`."""

    file: zipfile.ZipFile
    members: Mapping[str, zipfile.ZipInfo]


def damaged(what: str) -> FileRejected:
    """Return the refusal of a workbook that is not as workbooks are, for the reason given (no full stop)."""
    return FileRejected(f"The workbook is damaged: {what}. {SAVE_AGAIN}", code="WORKBOOK_DAMAGED")


@contextmanager
def spooled(chunks: Iterable[bytes]) -> Iterator[Spooled]:
    """Write a file to disk for as long as it is needed: its directory stands at its end."""
    digest, byte_count = hashlib.sha256(), 0
    with tempfile.TemporaryFile() as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
            byte_count += len(chunk)
        yield Spooled(file, byte_count, digest.digest())


@contextmanager
def opened(spool: Spooled, *, bytes_max: int) -> Iterator[Archive]:
    """Open an archive of at most so many bytes when unpacked.

    Raises FileRejected: WORKBOOK_DAMAGED, WORKBOOK_TOO_LARGE, WORKBOOK_ENCRYPTED, or ZIP_NOT_WORKBOOK.
    """
    try:
        file = zipfile.ZipFile(_Bounded(spool.file))
    except FAULTS as error:
        raise damaged("its end is missing or wrong, as when an upload breaks off") from error
    with file:
        infos = file.infolist()
        members = {_key(info.filename): info for info in infos}
        if "xl/workbook.xml" not in members and "_rels/.rels" not in members:
            raise _no_workbook(members)
        _refuse_encrypted(infos)
        _refuse_large(infos, bytes_max)
        _refuse_crooked(infos, spool.byte_count)
        yield Archive(file, members)


def pieces(archive: Archive, name: str) -> Iterator[bytes]:
    """Return the bytes of a member, piece by piece. Raises FileRejected when there is none, or when it is damaged."""
    info = archive.members.get(_key(name))
    if info is None:
        raise damaged(f"it has no part “{shown(name)}”")
    try:
        with archive.file.open(info) as member:
            while piece := member.read(PIECE_BYTES):
                yield piece
    except FAULTS as error:
        raise damaged(f"its part “{shown(name)}” cannot be unpacked") from error


def has(archive: Archive, name: str) -> bool:
    """Tell whether there is a member of this name."""
    return _key(name) in archive.members


def size(archive: Archive, name: str) -> int:
    """Return how many bytes a member has unpacked; 0 when there is none."""
    info = archive.members.get(_key(name))
    return 0 if info is None else info.file_size


def shown(name: str) -> str:
    """Return a name out of a file as a sentence can hold it: printable, and not too long."""
    printable = "".join(character if character.isprintable() else "\ufffd" for character in name[:61])
    return printable if len(printable) <= 60 else f"{printable[:59]}…"  # noqa: PLR2004


class _Bounded:
    """A file that gives only so much at once.

    The library reads an archive's directory in one piece, whose size is the file's own word, and makes an object of a
    kilobyte of every 46 bytes of it.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.tell = file.tell

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, as a file does; one before the start is a fault of the archive, not of the disk."""
        if whence == 0 and offset < 0:
            raise zipfile.BadZipFile("a place before the start")
        return self._file.seek(offset, whence)

    def seekable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, or the rest. Raises FileRejected for more than a directory may have."""
        content = self._file.read(DIRECTORY_BYTES_MAX + 1 if size < 0 else min(size, DIRECTORY_BYTES_MAX + 1))
        if len(content) > DIRECTORY_BYTES_MAX:
            raise _too_large(f"the list of its parts has more than {DIRECTORY_BYTES_MAX:,} bytes")
        return content


def _key(name: str) -> str:
    """A member's name as it is looked up: case does not count, and some programs write backslashes for `/`."""
    return name.replace("\\", "/").lstrip("/").lower()


def _too_large(why: str) -> FileRejected:
    return FileRejected(
        f"The workbook is too large: {why}. Copy the columns that the import needs into a new workbook,"
        " or save the sheet as “CSV UTF-8”, and upload that.",
        code="WORKBOOK_TOO_LARGE",
    )


def _refuse_encrypted(infos: Sequence[zipfile.ZipInfo]) -> None:
    if any(info.flag_bits & ENCRYPTED_FLAG for info in infos):
        raise FileRejected(
            "The workbook is packed with a password. Save it without one and upload that.", code="WORKBOOK_ENCRYPTED"
        )


def _refuse_large(infos: Sequence[zipfile.ZipInfo], bytes_max: int) -> None:
    if len(infos) > MEMBERS_MAX:
        raise _too_large(f"it has {len(infos):,} parts; {MEMBERS_MAX:,} are allowed")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > bytes_max:
        raise _too_large(f"unpacked it has {unpacked:,} bytes; {bytes_max:,} are allowed (`workbook_bytes_max`)")
    for info in infos:
        if info.file_size > max(RATIO_BYTES_MIN, RATIO_MAX * info.compress_size):
            raise _too_large(
                f"its part “{shown(info.filename)}” unpacks from {info.compress_size:,} to {info.file_size:,} bytes;"
                f" {RATIO_MAX} times as many are allowed"
            )


def _refuse_crooked(infos: Sequence[zipfile.ZipInfo], byte_count: int) -> None:
    """Refuse members that use the same bytes, or bytes that are not there, or that are packed as no workbook is."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.compress_type not in METHODS:
            raise damaged(f"its part “{shown(info.filename)}” is packed in a way that no workbook is")
        if info.header_offset < end:
            raise damaged("parts of it overlap")
        end = info.header_offset + LOCAL_HEADER_BYTES + info.compress_size
    if end > byte_count:
        raise damaged("parts of it are missing")


# --- What an archive is that is no workbook -------------------------------------------------------------------------------

KINDS = (
    ("xl/workbook.bin", "an Excel workbook in the binary format (.xlsb)"),
    ("word/", "a Word document (.docx)"),
    ("ppt/", "a PowerPoint presentation (.pptx)"),
    ("index/document.iwa", "a document of Apple Numbers, Pages or Keynote"),
    ("index.zip", "a document of Apple Numbers, Pages or Keynote"),
)
"""Members that tell what an archive is, or folders of them."""

NAMES_SHOWN = 3


def refuse_other(archive: Archive) -> Never:
    """Refuse an archive that has the outside of a workbook, and another document inside: FileRejected."""
    raise _no_workbook(archive.members)


def _no_workbook(members: Mapping[str, zipfile.ZipInfo]) -> FileRejected:
    names = list(members)
    known = next((kind for mark, kind in KINDS if any(_is_there(mark, name) for name in names)), None)
    if known is None and "mimetype" in members and "content.xml" in members:
        known = "an OpenDocument file, as LibreOffice writes (.ods)"
    if known is not None:
        return _not_workbook(
            f"The file is {known}. Open it in the program that wrote it and save the list as CSV UTF-8"
        )
    files = [name for name in names if not name.endswith("/")]
    if not files:
        return _not_workbook("The file is a ZIP archive with nothing in it. Upload the CSV file or the .xlsx workbook")
    listed = ", ".join(f"“{shown(members[name].filename)}”" for name in files[:NAMES_SHOWN])
    more = f" and {len(files) - NAMES_SHOWN:,} more" if len(files) > NAMES_SHOWN else ""
    return _not_workbook(f"The file is a ZIP archive with {listed}{more} in it. Unpack it and upload the CSV file")


def _is_there(mark: str, name: str) -> bool:
    return name.startswith(mark) if mark.endswith("/") else name == mark


def _not_workbook(message: str) -> FileRejected:
    return FileRejected(f"{message}.", code="ZIP_NOT_WORKBOOK")
