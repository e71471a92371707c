"""The loyalty transaction (contract.md 6.3), with the import and line that caused it."""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pointport.wire.base import Guid, Json, Timestamp, timestamp, without_none

TYPES = ("UNKNOWN", "EARN", "REDEEM", "ADJUST", "REFUND", "EXPIRE")


class Cause(TypedDict):
    """What the contract has no place for: the balance around the entry, and the import and line behind it."""

    amountBefore: int
    amountAfter: int
    loyaltyImportId: NotRequired[Guid]
    line: NotRequired[Annotated[int, Field(description="Where the row starts in the file, from 1")]]


class LoyaltyTransaction(TypedDict):
    """One entry of the ledger."""

    id: Guid
    accountId: Guid
    createdDate: Timestamp
    amount: Annotated[int, Field(description="What the balance grew by; negative when it shrank")]
    transactionType: Annotated[str, Field(json_schema_extra={"enum": list(TYPES)})]
    description: str
    idempotencyKey: str
    pointport: Cause


def transaction(found: Mapping[str, Any]) -> Json:
    """Return a transaction."""
    return without_none(
        {
            "id": str(found["id"]),
            "accountId": str(found["account_id"]),
            "createdDate": timestamp(found["created_date"]),
            "amount": found["amount"],
            "transactionType": found["transaction_type"],
            "description": found["description"],
            "idempotencyKey": found["idempotency_key"] or str(found["id"]),
            "pointport": without_none(
                {
                    "amountBefore": found["amount_before"],
                    "amountAfter": found["amount_after"],
                    "loyaltyImportId": str(found["import_id"]) if found["import_id"] else None,
                    "line": found["line"],
                }
            ),
        }
    )
