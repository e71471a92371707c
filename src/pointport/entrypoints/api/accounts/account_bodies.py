"""What requests about accounts have in common (contract.md 1.2, 6.2)."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path
from pydantic import ConfigDict, Field, StrictStr, model_validator
from pydantic.json_schema import SkipJsonSchema

from pointport.app import App
from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Principal
from pointport.errors import InvalidRequest, Violation
from pointport.plumbing.queries import SEARCH_SORTS_MAX, CursorSigner, Page, plan
from pointport.wire import accounts as wire

AccountId = Annotated[bodies.Guid, Path(alias="accountId")]
Description = Annotated[StrictStr, Field(min_length=1, max_length=100), bodies.STORABLE]
Balance = Annotated[bodies.Integer, Field(ge=0, le=999_999_999)]
Amount = Annotated[
    bodies.Integer, Field(ge=-9_999_999, le=9_999_999, json_schema_extra={"not": {"const": 0}}), bodies.NOT_ZERO
]


class Again(bodies.Body):
    """The SDK repeats in the body which account is meant."""

    account_id: SkipJsonSchema[bodies.Guid | None] = None


def _balance_counts(schema: dict[str, Any]) -> None:
    """Say in the description what `Change` does: one of the two, and an amount beside a balance is anything at all."""
    members = schema["properties"]
    amount, null = members["amount"]["anyOf"]
    schema["anyOf"] = [
        {"required": ["balance"], "properties": {"balance": {"type": "integer"}}},
        {"required": ["amount"], "properties": {"balance": null, "amount": amount}},
    ]
    members["amount"]["anyOf"] = [amount, {"description": "Anything at all beside a balance, which counts alone"}, null]


class Change(bodies.Body):
    """The balance to set, or else the amount to add; with both the balance counts, and the amount is passed over."""

    model_config = ConfigDict(json_schema_extra=_balance_counts)

    balance: Balance | None = None
    amount: Amount | None = None

    @model_validator(mode="before")
    @classmethod
    def _beside_a_balance_the_amount_is_nothing(cls, body: Any) -> Any:
        if isinstance(body, Mapping) and body.get("balance") is not None:
            return {name: value for name, value in body.items() if name != "amount"}
        return body

    @model_validator(mode="after")
    def _says_what(self) -> "Change":
        bodies.require_one(self, "balance", "amount")
        return self


def plan_search(search: Mapping[str, Any] | None, app: App, who: Principal) -> Page:
    """Plan a search of accounts: filter, free text, sort and paging. Raises InvalidRequest for what is wrong with it."""
    search = search or {}
    if search.get("aggregations") not in (None, []):
        raise InvalidRequest(Violation("search.aggregations", "is not offered", "FIELD_NOT_ALLOWED"))
    signer = CursorSigner(app.secret, who.site_id)
    return plan(wire.ACCOUNTS, search, signer, path="search", sorts_max=SEARCH_SORTS_MAX)
