"""The status of an import, and which may follow which (contract.md 4). The database's CHECKs say the same."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Status(StrEnum):
    """Where an import is in its life; the words are the contract's."""

    INITIATED = "INITIATED"
    PARSING = "PARSING"
    PARSED = "PARSED"
    IMPORTING = "IMPORTING"
    IMPORTED = "IMPORTED"
    FAILED = "FAILED"


ALLOWED: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        # A worker has taken the file up.
        Status.INITIATED: frozenset({Status.PARSING}),
        # The file was read to its end, or cannot be read.
        Status.PARSING: frozenset({Status.PARSED, Status.FAILED}),
        # The user chose the columns and said go. Nothing else leads on from here: a parsed import waits.
        Status.PARSED: frozenset({Status.IMPORTING}),
        # Every row has its outcome, good or bad; or a fault of ours, after all retries.
        Status.IMPORTING: frozenset({Status.IMPORTED, Status.FAILED}),
        # The ends.
        Status.IMPORTED: frozenset(),
        Status.FAILED: frozenset(),
    }
)

UNFINISHED = frozenset({Status.INITIATED, Status.PARSING, Status.IMPORTING})
"""Statuses in which a job is at work, or should be."""
