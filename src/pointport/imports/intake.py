"""Stage 1: an upload slot, and bytes that stream into it up to a limit."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

from pointport.errors import InvalidRequest, NotFound, TooLarge, Violation
from pointport.imports.shapes import Workshop
from pointport.plumbing.database.ids import new_id

UPLOAD_PATH = re.compile(
    r"/sites/(?P<site>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/(?P<file>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.csv"
)
"""The only shape of a `fileUrl` there is: no other host, no way up, no other site's folder (contract.md 8, row 4)."""

FILE_URL_CHARACTERS_MIN = 3
FILE_URL_CHARACTERS_MAX = 10_000


def new_path(site_id: UUID) -> str:
    """Return a path for one upload of a site: `/sites/<site>/<guid>.csv`."""
    return f"/sites/{site_id}/{new_id()}.csv"


def object_path(file_url: str, site_id: UUID) -> str | None:
    """Return where a `fileUrl` lies in the file store, or None when it cannot be a file of this site.

    Raises InvalidRequest for what is no path at all.
    """
    too_short = len(file_url) < FILE_URL_CHARACTERS_MIN
    if too_short or len(file_url) > FILE_URL_CHARACTERS_MAX:
        raise InvalidRequest(
            Violation(
                "file_url",
                f"must have {FILE_URL_CHARACTERS_MIN} to {FILE_URL_CHARACTERS_MAX} characters",
                "MIN_LENGTH" if too_short else "MAX_LENGTH",
                {"threshold": FILE_URL_CHARACTERS_MIN if too_short else FILE_URL_CHARACTERS_MAX},
            )
        )
    match = UPLOAD_PATH.fullmatch(file_url)
    if match is None:
        raise InvalidRequest(
            Violation("file_url", "must be a filePath that this server gave out with an upload URL", "FORMAT")
        )
    return file_url.removeprefix("/") if match["site"] == str(site_id) else None


def size_of_upload(workshop: Workshop, site_id: UUID, file_url: str) -> int:
    """Return the bytes of the file that a site has uploaded to a path.

    Raises InvalidRequest for what is no path of ours, NotFound when nothing was uploaded there, or by another site,
    TooLarge for a file that was uploaded as something else and is over the limit of an import.
    """
    absent = NotFound(f"no file was uploaded to {file_url}", code="FILE_NOT_FOUND")
    path = object_path(file_url, site_id)
    if path is None:
        raise absent
    try:
        file_bytes = workshop.objects.size(path)
    except NotFound:
        raise absent from None
    refuse_too_large(file_bytes, workshop.settings.upload_bytes_max)
    return file_bytes


async def limited(chunks: AsyncIterator[bytes], *, bytes_max: int, declared: int | None) -> AsyncIterator[bytes]:
    """Hand the bytes of an upload on. Raises TooLarge as soon as it is known that they are too many.

    `declared` is the request's Content-Length: a file that says it is too large is refused before its first byte.
    """
    if declared is not None:
        refuse_too_large(declared, bytes_max)
    count = 0
    async for chunk in chunks:
        count += len(chunk)
        refuse_too_large(count, bytes_max)
        yield chunk


def refuse_too_large(byte_count: int, bytes_max: int) -> None:
    """Raise TooLarge for a file over the limit."""
    if byte_count > bytes_max:
        raise TooLarge(
            f"the file is larger than {bytes_max:,} bytes, the most this server takes here;"
            " split it, or have the server's operator raise the limit (`pointport settings`)",
            code="FILE_TOO_LARGE",
            data={"maxBytes": bytes_max},
        )
