"""Ids of our own making: UUIDv7, so that they sort by when they were made."""

from uuid import UUID

import uuid_utils
import uuid_utils.compat


def new_id() -> UUID:
    """Return a new UUIDv7 (RFC 9562): 48 bits of time, then a counter and randomness."""
    return uuid_utils.compat.uuid7()


def new_ids(count: int) -> list[str]:
    """Return new ids as text, in order: for many at once, where objects of Python's own would be the greater cost."""
    return [str(uuid_utils.uuid7()) for _ in range(count)]
