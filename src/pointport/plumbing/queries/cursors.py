"""Cursors: all that is needed to go on with a query, signed, in characters that are safe in a URL.

With a cursor the SDK sends neither filter nor sort, so the cursor carries both (contract.md 1.7). It does not expire.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer

from pointport.plumbing.queries.values import refuse

CURSOR_CHARACTERS_MAX = 16_000

_SHAPE = 2
"""Raise it whenever `Cursor` changes: cursors of another shape are then refused by their signature."""
_SAFE = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Cursor:
    """A query under way, as JSON: what is asked, and from where to go on. Without a place it is a first page."""

    filter: Mapping[str, Any]
    sort: list[dict[str, str]]
    limit: int
    place: list[Any] | None = None
    """The sort keys' values of the row from which to go on."""
    backwards: bool = False
    search: Mapping[str, Any] | None = None
    """The free text, where there is some beside the filter."""
    inclusive: bool = False
    """True when the row at the place belongs to the page."""


@dataclass(frozen=True)
class CursorSigner:
    """Signs and reads the cursors of one site; those of other sites and other resources have other signatures."""

    key: bytes
    site_id: UUID

    def sign(self, resource_name: str, cursor: Cursor) -> str:
        """Write a cursor."""
        signed = self._serializer(resource_name).dumps(asdict(cursor))
        return signed if isinstance(signed, str) else signed.decode("ascii")

    def read(self, resource_name: str, text: Any, path: str) -> Cursor:
        """Read a cursor. Raises InvalidRequest when this site's query of this resource has not given it out."""
        if not isinstance(text, str):
            refuse(path, "must be text", "FORMAT", type="text")
        if len(text) > CURSOR_CHARACTERS_MAX:
            description = f"must have at most {CURSOR_CHARACTERS_MAX} characters"
            refuse(path, description, "MAX_LENGTH", threshold=CURSOR_CHARACTERS_MAX)
        try:
            # Decoding skips characters that it does not know: in a signature they would go unnoticed.
            signed = self._serializer(resource_name).loads(text) if _SAFE.fullmatch(text) else None
        except BadData:
            signed = None
        if signed is None:
            # Cut off, altered, another site's or another resource's: one answer for all, that nothing may be learnt.
            refuse(path, "was not given out by this query; start again without a cursor", "FORMAT", type="cursor")
        return Cursor(**signed)

    def _serializer(self, resource_name: str) -> URLSafeSerializer:
        return URLSafeSerializer(
            self.key,
            salt=f"pointport.queries.cursor:{_SHAPE}:{self.site_id}:{resource_name}",
            # 48 bytes are 64 characters with no bits to spare, so that no altered signature reads as the same bytes.
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha384},
        )
