"""What is going to happen: the rows of a run that applies nothing, written down with the balances before and after."""

from typing import Any
from uuid import UUID

from pointport.imports.problems import CATALOGUE
from pointport.imports.shapes import Foreseen
from pointport.ledger.transactions import LINE_MAX, entry_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, one

QUERIES = load(__file__)

MOVERS_MAX = 10
SAMPLES_MAX = 10
EXAMPLES_MAX = 5
STEPS = (-10_000, -1_000, -100, 0, 1, 101, 1_001, 10_001)
"""Where the bars of the histogram of changes begin; the first has no beginning, the last no end."""


def note(connection: Connection, site_id: UUID, run_id: UUID, *, adds: bool) -> Foreseen:
    """Write down the rows that will go through, and count the accounts that they make, change and leave."""
    this = {"site_id": site_id, "import_id": run_id, "adds": adds}
    connection.execute(QUERIES["note_foreseen"], this)
    found = one(connection.execute(QUERIES["count_foreseen"], this).fetchone())
    return Foreseen(**found)


def summarize(connection: Connection, site_id: UUID, run_id: UUID, foreseen: Foreseen) -> dict[str, Any]:
    """Return what there is to say of a run's rows, as JSON has it.

    `rows` by outcome, `problems` with their first lines, `accounts`, `points` with the site's total before and after,
    the largest changes (`movers`), a `histogram` of them, and the first rows (`samples`).
    """
    this = {"site_id": site_id, "import_id": run_id}
    outcomes = connection.execute(QUERIES["foreseen_outcomes"], this).fetchall()
    problems = {
        row["problem"]: row
        for row in connection.execute(QUERIES["foreseen_problems"], {**this, "limit": EXAMPLES_MAX}).fetchall()
    }
    points = one(connection.execute(QUERIES["foreseen_points"], this).fetchone())
    bars = {
        row["bar"]: row["rows"]
        for row in connection.execute(QUERIES["foreseen_histogram"], {**this, "steps": list(STEPS)}).fetchall()
    }
    return {
        "rows": {row["outcome"]: row["rows"] for row in outcomes},
        "problems": [
            {"code": code, "count": problems[code]["rows"], "lines": problems[code]["lines"]}
            for code in CATALOGUE
            if code in problems
        ],
        "accounts": {
            "created": foreseen.accounts_created,
            "changed": foreseen.accounts_changed,
            "unchanged": foreseen.accounts_unchanged,
            "contacts_created": foreseen.contacts_created,
        },
        "points": {**points, "after": points["before"] + points["added"] - points["removed"]},
        "movers": connection.execute(QUERIES["foreseen_movers"], {**this, "limit": MOVERS_MAX}).fetchall(),
        "histogram": [
            {"from": low, "to": None if high is None else high - 1, "count": bars.get(bar, 0)}
            for bar, (low, high) in enumerate(zip((None, *STEPS), (*STEPS, None), strict=True))
        ],
        "samples": connection.execute(QUERIES["foreseen_samples"], {**this, "limit": SAMPLES_MAX}).fetchall(),
    }


def count_differences(connection: Connection, site_id: UUID, import_id: UUID, preview_id: UUID) -> int:
    """Return how many rows came out in another way than a preview said."""
    these = {
        "site_id": site_id,
        "import_id": import_id,
        "preview_id": preview_id,
        "first_id": entry_id(import_id, 0),
        "last_id": entry_id(import_id, LINE_MAX),
    }
    return int(one(connection.execute(QUERIES["count_differences"], these).fetchone())["rows"])


def erase(connection: Connection, site_id: UUID, run_id: UUID) -> None:
    """Delete the rows of a run."""
    connection.execute(QUERIES["erase_foreseen"], {"site_id": site_id, "import_id": run_id})
