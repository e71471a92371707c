"""One customer: their points, and where each of them came from."""

from typing import Any
from uuid import UUID

from starlette.responses import Response

from pointport.entrypoints.console.pages import Visit, page
from pointport.errors import NotFound
from pointport.imports import steps
from pointport.ledger import statements

PAGE_ENTRIES = 25
REVISION_DIGITS_MAX = 18


@page("accounts:read")
def customer(visit: Visit) -> Response:
    """Show a customer's balance and statement, newest first, page by page."""
    before = _revision(visit.asked("before"))
    try:
        contact, account, found = statements.customer(
            visit.app.database, visit.site_id, visit.id("id"), limit=PAGE_ENTRIES + 1, before_revision=before
        )
    except NotFound:
        raise NotFound("there is no such customer: perhaps they were deleted") from None
    entries = found[:PAGE_ENTRIES]
    return visit.render(
        "customer.html",
        contact=contact,
        name=f"{contact['first_name']} {contact['last_name']}".strip(),
        account=account,
        entries=[{**entry, "cause_id": _cause(entry)} for entry in entries],
        files=_file_names(visit, entries),
        older=entries[-1]["revision"] if len(found) > PAGE_ENTRIES else None,
        is_newest=before is None,
    )


def _cause(entry: dict[str, Any]) -> UUID | None:
    """Return the import that made an entry, or that it takes back."""
    cause: UUID | None = entry["undone_import_id"] or entry["import_id"]
    return cause


def _file_names(visit: Visit, entries: list[dict[str, Any]]) -> dict[UUID, str]:
    """Return the names of the files behind some entries, for who may see imports."""
    causes = {cause for entry in entries if (cause := _cause(entry)) is not None}
    return steps.file_names(visit.app, visit.site_id, causes) if causes and visit.session.may("imports") else {}


def _revision(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= REVISION_DIGITS_MAX else None
