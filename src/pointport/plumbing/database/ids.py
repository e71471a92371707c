"""Ids of our own making: UUIDv7, so that they sort by when they were made."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """Return a new UUIDv7 (RFC 9562): 48 bits of time, then a counter and randomness."""
    return uuid_utils.compat.uuid7()
