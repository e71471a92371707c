"""An import that would change more than its owner wants ends before its first write, and says what it is too much for."""

import pytest

from pointport.imports.status import Status
from tests.conftest import Story

FILE = b"email,points\nada@example.com,60\nbob@example.com,1500\n"


@pytest.mark.parametrize(
    ("rail", "limit", "told"),
    [
        (
            "max_points_per_row",
            50,
            "2 rows have more than 50 points (maxPointsPerRow), up to 1,500: first in",
        ),
        ("max_total_change", 1_000, "by 1,560 points, more than the 1,000 of maxTotalChange;"),
        ("max_accounts_changed_percent", 60, "2 accounts would change, 67 % of all, more than the 60 % of maxAcc"),
    ],
)
def test_each_guard_rail_says_what_it_held_back(story: Story, rail: str, limit: int, told: str) -> None:
    story.add_contacts("ada@example.com", "bob@example.com", "cyd@example.com")
    story.run(b"email,points\nada@example.com,0\nbob@example.com,0\ncyd@example.com,0\n")
    before = story.balances()
    ended = story.run(FILE, **{rail: limit})
    assert (ended.status, ended.failure_reason) == (Status.FAILED, "GUARD_RAIL")
    assert told in (ended.failure_message or "")
    assert str(ended.failure_message).endswith("Nothing was applied.")
    assert story.balances() == before
