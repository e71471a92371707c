"""One customer's account and statement, found by e-mail address; and the totals of a site."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountReader, TotalsReader
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound
from pointport.ledger import statements
from pointport.wire import accounts as wire
from pointport.wire.base import Json
from pointport.wire.transactions import transaction

router = APIRouter(prefix="/pointport/v1", route_class=Call)


class ShowAccount(bodies.Body):
    """Show a customer's account: an address in any spelling, and how many entries."""

    email: bodies.AnyText
    limit: Annotated[bodies.Integer, Field(ge=1, le=1_000)] = 50


@router.post("/account", response_model=wire.StatementAnswer, responses=can_fail(NotFound))
def show_account(body: ShowAccount, app: TheApp, who: AccountReader) -> Json:
    """Return the contact, its account if it has one, and the account's newest entries with what caused them.

    A POST, since an address in a URL would stand in the log of every proxy.
    """
    contact, account, entries = statements.show(app.database, who.site_id, body.email, limit=body.limit)
    return {
        "contact": {
            "id": str(contact["id"]),
            "email": contact["email"],
            "firstName": contact["first_name"],
            "lastName": contact["last_name"],
        },
        "account": wire.account(account) if account else None,
        "transactions": [transaction(entry) for entry in entries],
    }


@router.get("/totals", response_model=wire.TotalsAnswer)
def show_totals(app: TheApp, who: TotalsReader) -> Json:
    """Return how many accounts the site has, and the sum of their balances."""
    found = statements.totals(app.database, who.site_id)
    return {"accounts": found["accounts"], "balance": found["balance"]}
