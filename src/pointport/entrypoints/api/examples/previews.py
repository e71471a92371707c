"""Looking before: what an import, or its undo, would do (design.md 8)."""

import itertools
from collections.abc import Mapping

from pointport.entrypoints.api.examples.example import IMPORT_ID, PREVIEW_ID, Example, Json
from pointport.entrypoints.api.examples.imports import CHOSEN, MAPPING, OPTIONS

UNDO_PREVIEW_ID = "4f9c1e83-7a2d-4b56-90e8-3d6b5f1a7c92"

BEGUN: Json = {
    "id": PREVIEW_ID,
    "loyaltyImportId": IMPORT_ID,
    "status": "RUNNING",
    "createdDate": "2024-09-17T11:02:11.300Z",
    "headerMappingInfo": MAPPING,
    "options": OPTIONS,
}
EDGES = (None, -10_000, -1_000, -100, 0, 1, 101, 1_001, 10_001, None)


def _histogram(counts: Mapping[int, int]) -> list[Json]:
    """Return the bars, whose counts are given by where they begin."""
    return [
        {"from": low, "to": None if high is None else high - 1, "count": 0 if low is None else counts.get(low, 0)}
        for low, high in itertools.pairwise(EDGES)
    ]


FORESEEN: Json = {
    "rows": {"imported": 2, "unchanged": 0, "merged": 0, "failed": 1},
    "problems": [{"code": "CONTACT_NOT_FOUND", "title": "Unknown customer", "count": 1, "lines": [4]}],
    "accounts": {"created": 1, "changed": 1, "unchanged": 0, "contactsCreated": 0},
    "points": {"added": 35, "removed": 0, "totalBefore": 10, "totalAfter": 45},
    "movers": [
        {"line": 3, "email": "bob@example.com", "balanceBefore": 0, "balanceAfter": 30},
        {"line": 2, "email": "ada@example.com", "balanceBefore": 10, "balanceAfter": 15},
    ],
    "histogram": _histogram({1: 2}),
    "sampleRows": [
        {
            "line": 2,
            "email": "ada@example.com",
            "points": 15,
            "outcome": "IMPORTED",
            "balanceBefore": 10,
            "balanceAfter": 15,
        },
        {
            "line": 3,
            "email": "bob@example.com",
            "points": 30,
            "outcome": "IMPORTED",
            "balanceBefore": 0,
            "balanceAfter": 30,
        },
        {"line": 4, "email": "dan@example.com", "points": 5, "outcome": "FAILED", "code": "CONTACT_NOT_FOUND"},
    ],
    "guardRails": [],
    "sameFile": [],
}
DONE: Json = {**BEGUN, "status": "DONE", "finishedDate": "2024-09-17T11:02:11.802Z", "result": FORESEEN}
UNDO_BEGUN: Json = {
    "id": UNDO_PREVIEW_ID,
    "loyaltyImportId": IMPORT_ID,
    "status": "RUNNING",
    "createdDate": "2024-09-17T11:30:05.114Z",
    "policy": "SKIP",
}
UNDO_FORESEEN: Json = {
    "rows": {"imported": 1, "unchanged": 0, "merged": 0, "failed": 1},
    "problems": [{"code": "POINTS_SPENT", "title": "The points are spent", "count": 1, "lines": [3]}],
    "accounts": {"created": 0, "changed": 1, "unchanged": 0, "contactsCreated": 0},
    "points": {"added": 0, "removed": 5, "totalBefore": 25, "totalAfter": 20},
    "movers": [{"line": 2, "email": "ada@example.com", "balanceBefore": 15, "balanceAfter": 10}],
    "histogram": _histogram({-100: 1}),
    "sampleRows": [
        {
            "line": 2,
            "email": "ada@example.com",
            "points": -5,
            "outcome": "IMPORTED",
            "balanceBefore": 15,
            "balanceAfter": 10,
        },
        {
            "line": 3,
            "email": "bob@example.com",
            "points": -30,
            "outcome": "FAILED",
            "code": "POINTS_SPENT",
            "balanceBefore": 10,
        },
    ],
    "undo": {
        "reversed": 1,
        "kept": 1,
        "impossible": 0,
        "pointsAdded": 0,
        "pointsRemoved": 5,
        "reasons": [{"code": "POINTS_SPENT", "title": "The points are spent", "count": 1}],
    },
}
UNDO_DONE: Json = {
    **UNDO_BEGUN,
    "status": "DONE",
    "finishedDate": "2024-09-17T11:30:05.561Z",
    "result": UNDO_FORESEEN,
}

EXAMPLES: Mapping[str, Example] = {
    "preview_import": Example(
        {"preview": BEGUN}, {"loyaltyImportId": IMPORT_ID, "headerMappingInfo": MAPPING, "options": CHOSEN}
    ),
    "get_preview": Example({"preview": DONE}, parameters={"loyaltyImportId": IMPORT_ID}),
    "preview_undo": Example({"preview": UNDO_BEGUN}, {"loyaltyImportId": IMPORT_ID, "policy": "SKIP"}),
    "get_undo_preview": Example({"preview": UNDO_DONE}, parameters={"loyaltyImportId": IMPORT_ID}),
}
