"""What an example is, and who and what occurs in several."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """What comes back, text where it is no JSON; and what is sent: a body, and parameters by name."""

    answer: Json | str
    request: Json | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


IMPORT_ID = "5cc0b472-e488-4de3-92ba-bd718a44933a"
JOB_ID = "0f0b1a62-41f2-4c8e-9f5a-6b1f1d0f4a11"
PREVIEW_ID = "2b7e4d10-9c3f-4a6e-8d51-7f0c2e9b6a34"
UNDO_ID = "8d2f6a1c-4e7b-4c90-a35d-1b9e0f7c2d68"
RETRY_ID = "d41a7c52-0b8e-4f63-9e27-5c6d3a2f1b80"
ACCOUNT_ID = "b04cff2f-d3fd-4ac3-9a0c-ff1d6e8d3e8b"
OTHER_ACCOUNT_ID = "e1a8f0a4-2f0e-4f0b-8a55-2b6c1e1f9d02"
TRANSACTION_ID = "3c3cd83c-7a4d-4d2b-a1d5-6b9d2c3c0f59"
SITE_ID = "dbba027b-6b2c-4d0f-9c61-1d6a3a1a5b6f"
KEY_ID = "7f1d2c3b-4a5e-4f60-8b7a-9c8d7e6f5a4b"
WEBHOOK_ID = "c5d1a7e0-3b52-4f6e-9a0d-2f4b6c8e0a13"
EVENT_ID = "9e0c7d6b-5a49-4837-8261-504f3e2d1c0b"
FILE_URL = f"/sites/{SITE_ID}/6099ebc5-2a7f-4e0b-8b7d-3c1f5d2e9a40.csv"
RETRY_FILE_URL = f"/sites/{SITE_ID}/af2d90c4-6e1b-4d7a-b358-0c9e8f7a6b51.csv"
SERVER = "https://loyalty.example.com"

LAST_PAGE: Json = {"count": 1, "cursors": {}, "hasNext": False}
