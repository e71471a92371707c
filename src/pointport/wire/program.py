"""The LoyaltyProgram (contract.md 6.4)."""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pointport.wire.base import Guid, Json, Timestamp, in_order, timestamp, without_none

PREMIUM_FEATURES = {"loyaltyProgram": True, "tiers": False, "pointsExpiration": True}
"""What a program here has; there are no tiers."""


class Icon(TypedDict):
    """A picture; the SDK shows it as its URL."""

    id: str
    url: str
    height: int
    width: int


class PointDefinition(TypedDict):
    """What points are called, and their picture; without, they are "Points"."""

    customName: NotRequired[Annotated[str, Field(max_length=20)]]
    icon: NotRequired[Icon]


class PointsExpiration(TypedDict):
    """What is meant to happen to the points of those who do nothing."""

    status: Annotated[str, Field(json_schema_extra={"enum": ["DISABLED", "ENABLED"]})]
    monthsOfInactivity: Annotated[int, Field(ge=1, le=12)]
    expiringPointsPercentage: Annotated[int, Field(ge=1, le=100)]


class PremiumFeatures(TypedDict):
    """What a program here has."""

    loyaltyProgram: bool
    tiers: bool
    pointsExpiration: bool


class LoyaltyProgram(TypedDict):
    """A site's loyalty program."""

    name: Annotated[str, Field(min_length=2, max_length=50)]
    pointDefinition: PointDefinition
    status: Annotated[str, Field(json_schema_extra={"enum": ["UNKNOWN", "DRAFT", "ACTIVE", "PAUSED"]})]
    createdDate: Timestamp
    updatedDate: Timestamp
    pointsExpiration: PointsExpiration
    premiumFeatures: PremiumFeatures


class ProgramAnswer(TypedDict):
    """The program."""

    loyaltyProgram: LoyaltyProgram


class ProgramInSite(TypedDict):
    """A program and whose it is."""

    metaSiteId: Guid
    loyaltyProgram: LoyaltyProgram


class ProgramsAnswer(TypedDict):
    """The programs of the sites that the key opens."""

    programInSites: list[ProgramInSite]


def loyalty_program(found: Mapping[str, Any]) -> Json:
    """Return the program."""
    icon = in_order(Icon, found["icon"]) if found["icon"] is not None else None
    return {
        "name": found["name"],
        "pointDefinition": without_none({"customName": found["custom_name"], "icon": icon}),
        "status": found["status"],
        "createdDate": timestamp(found["created_date"]),
        "updatedDate": timestamp(found["updated_date"]),
        "pointsExpiration": {
            "status": found["expiration_status"],
            "monthsOfInactivity": found["months_of_inactivity"],
            "expiringPointsPercentage": found["expiring_points_percentage"],
        },
        "premiumFeatures": PREMIUM_FEATURES,
    }
