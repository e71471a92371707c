"""GET /v1/accounts/my-account: for signed-in site members, of whom there are none here (contract.md 6.2)."""

from fastapi import APIRouter

from pointport.entrypoints.api.auth import AccountReader
from pointport.entrypoints.api.calls import Call
from pointport.errors import PermissionDenied
from pointport.wire import accounts as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)


@router.get("/v1/accounts/my-account", response_model=wire.AccountAnswer)
def get_my_account(who: AccountReader) -> Json:
    """Say that an API key has no account of its own: the call is for site members who have signed in."""
    raise PermissionDenied(
        "my-account is for a site member who has signed in, and an API key is none; use GET /v1/accounts/{id}, or"
        " GET /v1/accounts/fetch-by?contactId=…",
        code="NO_MEMBER",
    )
