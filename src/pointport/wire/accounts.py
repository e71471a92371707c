"""The LoyaltyAccount (contract.md 6.1)."""

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from pointport.wire.base import Guid, Int64, Json, Timestamp, timestamp


class Points(TypedDict):
    """A balance and its parts: balance = earned + adjusted - redeemed - expired."""

    balance: int
    earned: int
    adjusted: int
    redeemed: int
    expired: int


class LoyaltyAccount(TypedDict):
    """A contact's loyalty account."""

    id: Guid
    contactId: Guid
    points: Points
    createdDate: Timestamp
    updatedDate: Timestamp
    lastActivityDate: Timestamp
    revision: Int64


def account(found: Mapping[str, Any]) -> Json:
    """Return a LoyaltyAccount."""
    return {
        "id": str(found["id"]),
        "contactId": str(found["id"]),
        "points": points(found),
        "createdDate": timestamp(found["created_date"]),
        "updatedDate": timestamp(found["updated_date"]),
        "lastActivityDate": timestamp(found["last_activity_date"]),
        "revision": str(found["revision"]),
    }


def points(found: Mapping[str, Any]) -> Json:
    """Return a balance and its parts."""
    return {name: found[name] for name in Points.__annotations__}
