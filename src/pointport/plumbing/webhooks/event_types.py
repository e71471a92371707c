"""What can happen that somebody may want to hear of (contract.md 7.3)."""

from enum import StrEnum


class EventType(StrEnum):
    """The official names, and two of ours that a subscriber has to ask for by name."""

    IMPORT_CREATED = "wix.loyalty.imports.v1.loyalty_import_created"
    IMPORT_UPDATED = "wix.loyalty.imports.v1.loyalty_import_updated"
    IMPORT_FINISHED = "wix.loyalty.imports.v1.loyalty_import_finished"
    ACCOUNT_CREATED = "wix.loyalty.v1.account_created"
    ACCOUNT_UPDATED = "wix.loyalty.v1.account_updated"
    ACCOUNT_POINTS_UPDATED = "wix.loyalty.v1.account_points_updated"
    PROGRAM_UPDATED = "wix.loyalty.v1.program_updated"
