"""GET /v1/accounts: accounts by their contacts, deprecated and still called (contract.md 6.2)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.errors import InvalidRequest, Violation
from pointport.ledger import statements
from pointport.plumbing.queries import CursorSigner, plan
from pointport.wire import accounts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)

CONTACTS_MAX = 50
Ids = list[bodies.Guid]


@router.get("/v1/accounts", response_model=wire.ListedAccountsAnswer, deprecated=True)
def list_accounts(
    app: TheApp,
    who: AccountReader,
    contact_ids: Annotated[Ids, Query(alias="contactIds", max_length=CONTACTS_MAX)] = [],  # noqa: B006
    more_contact_ids: Annotated[Ids, Query(alias="contactIds[]", include_in_schema=False)] = [],  # noqa: B006
    limit: Annotated[int | None, Query(alias="cursorPaging.limit", ge=1, le=100)] = None,
    cursor: Annotated[str | None, Query(alias="cursorPaging.cursor")] = None,
) -> Json:
    """Return a page of accounts, of all contacts or of those named; the query does more."""
    wanted = [*contact_ids, *more_contact_ids]
    if len(wanted) > CONTACTS_MAX:
        raise InvalidRequest(
            Violation("contactIds", f"has more items than {CONTACTS_MAX}", "MAX_SIZE", {"threshold": CONTACTS_MAX})
        )
    chosen: dict[str, Any] = {"contactId": {"$in": [str(one) for one in wanted]}} if wanted else {}
    query = {"filter": chosen, "cursorPaging": {"limit": limit, "cursor": cursor}}
    page = plan(wire.ACCOUNTS, query, CursorSigner(app.secret, who.site_id), path="")
    rows, paging = statements.query_accounts(app.database, who.site_id, page)
    return {
        "accounts": [wire.account(row) for row in rows],
        "pagingMetadata": {"count": paging["count"], "tooManyToCount": False, "cursors": paging["cursors"]},
    }
