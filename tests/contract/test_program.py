"""The loyalty program (contract.md 6.4)."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from pointport.app import App
from tests.conftest import Site
from tests.contract.conftest import Clock, Json, failed, invalid, violation

PROGRAM = "/loyalty-programs/v1/program"
NOW = "2026-03-04T05:06:07.089Z"
LATER = "2026-03-04T05:06:17.089Z"


def the_program(**changes: Any) -> Json:
    """The whole answer of a program as a site has it from the start, with changes."""
    return {
        "loyaltyProgram": {
            "name": "Loyalty Program",
            "pointDefinition": {},
            "status": "ACTIVE",
            "createdDate": NOW,
            "updatedDate": NOW,
            "pointsExpiration": {"status": "DISABLED", "monthsOfInactivity": 12, "expiringPointsPercentage": 100},
            "premiumFeatures": {"loyaltyProgram": True, "tiers": False, "pointsExpiration": True},
        }
        | changes
    }


def revision(app: App, site: Site) -> int:
    with app.database.transaction(site.id) as connection:
        row = connection.execute("SELECT revision FROM program WHERE site_id = %s", [site.id]).fetchone()
    assert row is not None
    return int(row["revision"])


def make_draft(app: App, site: Site) -> None:
    with app.database.transaction(site.id) as connection:
        connection.execute("UPDATE program SET status = 'DRAFT' WHERE site_id = %s", [site.id])


def test_a_site_starts_with_an_active_program(client: TestClient, site: Site) -> None:
    """6.4: get and bulk get, on each of the prefixes (1.1)."""
    for prefix in ("/loyalty-programs", "/_api/loyalty-programs", ""):
        assert client.get(f"{prefix}/v1/program").json() == the_program()
    assert client.get("/loyalty-programs/v1/bulk/programs").json() == {
        "programInSites": [{"metaSiteId": str(site.id), **the_program()}]
    }
    assert client.get(f"{PROGRAM}/premium-features").json() == {
        "loyaltyProgram": True,
        "tiers": False,
        "pointsExpiration": True,
    }


def test_what_is_given_changes_and_the_rest_stays(client: TestClient, clock: Clock) -> None:
    """6.4: PATCH with name 2…50, customName ≤ 20 and icon, which is an object on the wire; read-only members count not."""
    clock.advance(10)
    icon = {"id": "star", "url": "https://static.example.com/star.png", "height": 32, "width": 32}
    body: Json = {"loyaltyProgram": {"name": "Stars", "pointDefinition": {"customName": "Star points", "icon": icon}}}
    changed = the_program(name="Stars", pointDefinition={"customName": "Star points", "icon": icon}, updatedDate=LATER)
    assert client.patch(PROGRAM, json=body).json() == changed
    assert client.get(PROGRAM).json() == changed
    body = {"loyaltyProgram": {"name": None, "status": "PAUSED", "premiumFeatures": {"tiers": True}, "nonsense": 1}}
    assert client.patch(PROGRAM, json=body).json() == changed
    expiration = {"loyaltyProgram": {"pointsExpiration": {"monthsOfInactivity": 3, "status": "ENABLED"}}}
    assert client.patch(PROGRAM, json=expiration).json()["loyaltyProgram"]["pointsExpiration"] == {
        "status": "DISABLED",
        "monthsOfInactivity": 3,
        "expiringPointsPercentage": 100,
    }


def test_the_sdk_names_an_icon_by_its_url(client: TestClient) -> None:
    """6.4: the SDK shows the icon as a string, and sends it so."""
    url = "https://static.example.com/star.png"
    answer = client.patch(PROGRAM, json={"loyaltyProgram": {"pointDefinition": {"icon": url, "customName": ""}}})
    assert answer.json()["loyaltyProgram"]["pointDefinition"] == {
        "icon": {"id": "", "url": url, "height": 0, "width": 0}
    }


def test_a_program_is_paused_and_activated(client: TestClient, app: App, site: Site) -> None:
    """6.4: both with a body of `{}` or none; once more changes nothing, also not the revision."""
    assert client.post(f"{PROGRAM}/pause", json={}).json() == the_program(status="PAUSED")
    assert client.post(f"{PROGRAM}/pause").json() == the_program(status="PAUSED")
    assert revision(app, site) == 2
    assert client.post(f"{PROGRAM}/activate").json() == the_program()
    assert client.post(f"{PROGRAM}/activate", json={}).json() == the_program()
    assert revision(app, site) == 3


def test_a_draft_is_not_paused(client: TestClient, app: App, site: Site) -> None:
    """6.4: DRAFT leads to ACTIVE only."""
    make_draft(app, site)
    answer = client.post(f"{PROGRAM}/pause", json={})
    message = "the program is a draft: nobody earns yet, so there is nothing to pause"
    assert (answer.status_code, answer.json()) == (428, failed("PROGRAM_NOT_ACTIVE", message, status="DRAFT"))
    assert client.post(f"{PROGRAM}/activate").json() == the_program()


def test_expiration_is_switched_on_and_off(client: TestClient) -> None:
    """6.4: points-expiration/enable and /disable."""
    enabled = {"status": "ENABLED", "monthsOfInactivity": 12, "expiringPointsPercentage": 100}
    assert client.post(f"{PROGRAM}/points-expiration/enable", json={}).json() == the_program(pointsExpiration=enabled)
    assert client.post(f"{PROGRAM}/points-expiration/disable", json={}).json() == the_program()


@pytest.mark.parametrize(
    ("program", "violations"),
    [
        (
            {"name": "x"},
            [violation("loyaltyProgram.name", "must have at least 2 characters", "MIN_LENGTH", threshold=2)],
        ),
        (
            {"name": "x" * 51},
            [violation("loyaltyProgram.name", "must have at most 50 characters", "MAX_LENGTH", threshold=50)],
        ),
        ({"name": 7}, [violation("loyaltyProgram.name", "must be text", "FORMAT", type="text")]),
        (
            {"name": "a\0b"},
            [
                violation(
                    "loyaltyProgram.name", "must not hold NUL characters or lone surrogates", "FORMAT", type="text"
                )
            ],
        ),
        (
            {"pointDefinition": {"customName": "x" * 21, "icon": {"height": "32"}}},
            [
                violation(
                    "loyaltyProgram.pointDefinition.customName",
                    "must have at most 20 characters",
                    "MAX_LENGTH",
                    threshold=20,
                ),
                violation(
                    "loyaltyProgram.pointDefinition.icon.height", "must be a whole number", "FORMAT", type="integer"
                ),
            ],
        ),
        (
            {"pointsExpiration": {"monthsOfInactivity": 13, "expiringPointsPercentage": 0}},
            [
                violation(
                    "loyaltyProgram.pointsExpiration.monthsOfInactivity", "must be at most 12", "MAX", threshold=12
                ),
                violation(
                    "loyaltyProgram.pointsExpiration.expiringPointsPercentage", "must be at least 1", "MIN", threshold=1
                ),
            ],
        ),
        ([], [violation("loyaltyProgram", "must be an object", "FORMAT", type="object")]),
        (None, [violation("loyaltyProgram", "is missing", "REQUIRED_FIELD")]),
    ],
)
def test_what_breaks_a_rule_changes_nothing(client: TestClient, program: Any, violations: list[Json]) -> None:
    """6.4: each limit is named with the field that goes over it."""
    answer = client.patch(PROGRAM, json={"loyaltyProgram": program})
    assert (answer.status_code, answer.json()) == (400, invalid(*violations))
    assert client.get(PROGRAM).json() == the_program()
