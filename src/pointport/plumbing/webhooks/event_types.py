"""What can happen that somebody may want to hear of (contract.md 7.3)."""

from enum import StrEnum

SLUGS = ("points_updated", "created", "updated", "finished")
"""What can happen to an entity; the longer ones first, since a name ends with one of them."""


class EventType(StrEnum):
    """The official names, and two of ours, of imports updated and finished.

    A subscriber names each type that it wants, so none comes that its client does not know.
    """

    IMPORT_CREATED = "wix.loyalty.imports.v1.loyalty_import_created"
    IMPORT_UPDATED = "wix.loyalty.imports.v1.loyalty_import_updated"
    IMPORT_FINISHED = "wix.loyalty.imports.v1.loyalty_import_finished"
    ACCOUNT_CREATED = "wix.loyalty.v1.account_created"
    ACCOUNT_UPDATED = "wix.loyalty.v1.account_updated"
    ACCOUNT_POINTS_UPDATED = "wix.loyalty.v1.account_points_updated"
    PROGRAM_UPDATED = "wix.loyalty.v1.program_updated"

    @property
    def slug(self) -> str:
        """What happened."""
        return next(slug for slug in SLUGS if self.endswith(f"_{slug}"))

    @property
    def entity(self) -> str:
        """What it happened to, by its full name."""
        return self.removesuffix(f"_{self.slug}")
