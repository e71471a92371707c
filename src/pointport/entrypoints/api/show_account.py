"""One customer's account and statement, found by e-mail address; and the totals of a site."""

from typing import Any

from fastapi import APIRouter

from pointport.entrypoints.api import bodies, wire
from pointport.entrypoints.api.auth import AccountReader, TotalsReader
from pointport.entrypoints.api.context import TheApp
from pointport.ledger import statements

router = APIRouter(prefix="/pointport/v1")


@router.post("/account")
def show_account(body: bodies.ShowAccount, app: TheApp, who: AccountReader) -> dict[str, Any]:
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
        "transactions": [wire.transaction(entry) for entry in entries],
    }


@router.get("/totals")
def show_totals(app: TheApp, who: TotalsReader) -> dict[str, Any]:
    """Return how many accounts the site has, and the sum of their balances."""
    return statements.totals(app.database, who.site_id)
