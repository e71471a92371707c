"""POST /v4/contacts/query: a site's contacts, filtered, sorted, page by page (contract.md 1.7 and 6.5)."""

from typing import Any

from fastapi import APIRouter

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.ledger import customers
from pointport.plumbing.queries import CursorSigner, plan
from pointport.wire import contacts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


class QueryContacts(bodies.Body):
    """What to find, in the query language."""

    query: dict[str, Any] = bodies.query_of(wire.CONTACTS)


@router.post("/v4/contacts/query", response_model=wire.ContactsAnswer)
def query_contacts(body: QueryContacts, app: TheApp, who: AccountReader) -> Json:
    """Return a page of contacts."""
    page = plan(wire.CONTACTS, body.query, CursorSigner(app.secret, who.site_id))
    rows, paging = customers.query(app.database, who.site_id, page)
    return {"contacts": [wire.contact(row) for row in rows], "pagingMetadata": paging}
