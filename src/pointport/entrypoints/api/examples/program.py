"""The Programs API (contract.md 6.4)."""

from collections.abc import Mapping

from pointport.entrypoints.api.examples.example import SITE_ID, Example, Json
from pointport.wire.program import PREMIUM_FEATURES

PROGRAM: Json = {
    "name": "Loyalty Program",
    "pointDefinition": {"customName": "Stars"},
    "status": "ACTIVE",
    "createdDate": "2024-09-17T10:00:00.000Z",
    "updatedDate": "2024-09-17T10:00:00.000Z",
    "pointsExpiration": {"status": "DISABLED", "monthsOfInactivity": 12, "expiringPointsPercentage": 100},
    "premiumFeatures": PREMIUM_FEATURES,
}
PAUSED: Json = {**PROGRAM, "status": "PAUSED", "updatedDate": "2024-09-18T09:00:00.000Z"}
EXPIRING: Json = {
    **PROGRAM,
    "pointsExpiration": {**PROGRAM["pointsExpiration"], "status": "ENABLED"},
    "updatedDate": "2024-09-18T09:00:00.000Z",
}

EXAMPLES: Mapping[str, Example] = {
    "get_program": Example({"loyaltyProgram": PROGRAM}),
    "update_program": Example(
        {"loyaltyProgram": PROGRAM},
        {"loyaltyProgram": {"name": "Loyalty Program", "pointDefinition": {"customName": "Stars"}}},
    ),
    "activate_program": Example({"loyaltyProgram": PROGRAM}),
    "pause_program": Example({"loyaltyProgram": PAUSED}),
    "enable_points_expiration": Example({"loyaltyProgram": EXPIRING}),
    "disable_points_expiration": Example({"loyaltyProgram": PROGRAM}),
    "get_premium_features": Example(dict(PREMIUM_FEATURES)),
    "bulk_get_programs": Example({"programInSites": [{"metaSiteId": SITE_ID, "loyaltyProgram": PROGRAM}]}),
}
