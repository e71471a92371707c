"""One customer's account and statement, found by e-mail address; and the totals of a site."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, StrictInt, StrictStr

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import AccountReader, TotalsReader
from pointport.entrypoints.api.context import TheApp
from pointport.ledger import statements
from pointport.wire.accounts import account as account_json
from pointport.wire.transactions import transaction as transaction_json

router = APIRouter(prefix="/pointport/v1")


class ShowAccount(bodies.Body):
    """Show a customer's account: an address in any spelling, and how many entries."""

    email: StrictStr
    limit: Annotated[StrictInt, Field(ge=1, le=1_000)] = 50


@router.post("/account")
def show_account(body: ShowAccount, app: TheApp, who: AccountReader) -> dict[str, Any]:
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
        "account": account_json(account) if account else None,
        "transactions": [transaction_json(entry) for entry in entries],
    }


@router.get("/totals")
def show_totals(app: TheApp, who: TotalsReader) -> dict[str, Any]:
    """Return how many accounts the site has, and the sum of their balances."""
    return statements.totals(app.database, who.site_id)
