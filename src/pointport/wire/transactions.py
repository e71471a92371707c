"""The loyalty transaction (contract.md 6.3), with the import and line that caused it."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NotRequired
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from pointport.ledger.transactions import LINE_MAX, entry_id
from pointport.plumbing.queries import Field as QueryField
from pointport.plumbing.queries import Kind, PagingMetadata, Resource, Seek, Sort
from pointport.wire.base import Guid, Json, Timestamp, timestamp, without_none

LOYALTY_APP_ID = "553c79f3-5625-4f38-b14b-ef7c0d1e87df"
"""Who gives points when no app is named: Loyalty itself (contract.md 5.3)."""

TYPES = ("UNKNOWN", "EARN", "REDEEM", "ADJUST", "REFUND", "EXPIRE")
IMPORTED = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([1-9][0-9]{0,9})")
"""The key of an entry that a line of an import made (contract.md 8, row 25)."""


def _read_keys(keys: Sequence[Any]) -> tuple[list[Any], ...]:
    """Return the keys, and the ids of the entries that those among them mean which name a line of an import."""
    named = [(UUID(match[1]), int(match[2])) for key in keys if (match := IMPORTED.fullmatch(key))]
    return list(keys), [entry_id(import_id, line) for import_id, line in named if line <= LINE_MAX]


TRANSACTIONS = Resource(
    name="loyalty-transactions",
    fields={
        "id": QueryField("transaction.id", Kind.GUID),
        "accountId": QueryField("transaction.account_id", Kind.GUID),
        "createdDate": QueryField("transaction.created_date", Kind.TIMESTAMP),
        "amount": QueryField("transaction.amount", Kind.INTEGER),
        "transactionType": QueryField("transaction.transaction_type", Kind.ENUM, values=frozenset(TYPES)),
        "description": QueryField("transaction.description", Kind.TEXT),
        "idempotencyKey": QueryField(
            "coalesce(transaction.idempotency_key, transaction.import_id::text || ':' || transaction.line::text)",
            Kind.TEXT,
            seek=Seek(
                "(transaction.idempotency_key = ANY({}) OR transaction.id = ANY({}))",
                (Kind.TEXT, Kind.GUID),
                _read_keys,
            ),
        ),
    },
    id_field=QueryField("transaction.id", Kind.GUID),
    default_sort=(Sort("createdDate", descending=True),),
)


class SocialMedia(TypedDict):
    """Where somebody follows."""

    channel: str


class EarnInfo(TypedDict):
    """How points were earned."""

    appId: str
    activityType: NotRequired[str]
    orderId: NotRequired[str]
    followedSocialMedia: NotRequired[SocialMedia]


class RedeemInfo(TypedDict):
    """What points were redeemed for."""

    rewardId: str
    rewardType: NotRequired[str]
    referenceEntityId: NotRequired[str]


class AdjustInfo(TypedDict):
    """Who set a balance right."""

    appId: str
    amountBefore: int
    amountAfter: int


class RefundInfo(TypedDict):
    """What points were given back for."""

    appId: str
    refundedTransactionId: NotRequired[str]


class ExpireInfo(TypedDict):
    """What expired."""

    amountBefore: int
    amountAfter: int


class Cause(TypedDict):
    """What the contract has no place for: the balance around the entry, and the import and line behind it."""

    amountBefore: int
    amountAfter: int
    loyaltyImportId: NotRequired[Guid]
    line: NotRequired[Annotated[int, Field(description="Where the row starts in the file, from 1")]]
    undo: NotRequired[Annotated[bool, Field(description="Takes back what that line of the import changed")]]


class LoyaltyTransaction(TypedDict):
    """One entry of the ledger, with what it is about by its type."""

    id: Guid
    accountId: Guid
    createdDate: Timestamp
    amount: Annotated[int, Field(description="What the balance grew by; negative when it shrank")]
    transactionType: Annotated[str, Field(json_schema_extra={"enum": list(TYPES)})]
    description: str
    idempotencyKey: str
    earnInfo: NotRequired[EarnInfo]
    redeemInfo: NotRequired[RedeemInfo]
    adjustInfo: NotRequired[AdjustInfo]
    refundInfo: NotRequired[RefundInfo]
    expireInfo: NotRequired[ExpireInfo]
    pointport: Cause


class TransactionAnswer(TypedDict):
    """One entry."""

    loyaltyTransaction: LoyaltyTransaction


class TransactionsAnswer(TypedDict):
    """A page of entries."""

    loyaltyTransactions: list[LoyaltyTransaction]
    pagingMetadata: PagingMetadata


def transaction(found: Mapping[str, Any]) -> Json:
    """Return a transaction."""
    name, about = ABOUT[found["transaction_type"]]
    cause = f"{found['import_id']}:{found['line']}"
    undone = found["undone_import_id"]
    import_id = undone or found["import_id"]
    return {
        "id": str(found["id"]),
        "accountId": str(found["account_id"]),
        "createdDate": timestamp(found["created_date"]),
        "amount": found["amount"],
        "transactionType": found["transaction_type"],
        "description": found["description"],
        "idempotencyKey": found["idempotency_key"] or cause,
        name: without_none(about(found, found["info"] or {})),
        "pointport": without_none(
            {
                "amountBefore": found["amount_before"],
                "amountAfter": found["amount_after"],
                "loyaltyImportId": str(import_id) if import_id else None,
                "line": found["line"],
                "undo": True if undone else None,
            }
        ),
    }


def _earned(_: Mapping[str, Any], info: Mapping[str, Any]) -> Json:
    channel = info.get("channel")
    return {
        "appId": info.get("app_id", LOYALTY_APP_ID),
        "activityType": info.get("activity_type"),
        "orderId": info.get("order_id"),
        "followedSocialMedia": {"channel": channel} if channel is not None else None,
    }


def _redeemed(_: Mapping[str, Any], info: Mapping[str, Any]) -> Json:
    return {
        "rewardId": info.get("reward_id", ""),
        "rewardType": info.get("reward_type"),
        "referenceEntityId": info.get("reference_entity_id"),
    }


def _adjusted(found: Mapping[str, Any], info: Mapping[str, Any]) -> Json:
    return {"appId": info.get("app_id", LOYALTY_APP_ID), **_around(found, info)}


def _refunded(_: Mapping[str, Any], info: Mapping[str, Any]) -> Json:
    return {
        "appId": info.get("app_id", LOYALTY_APP_ID),
        "refundedTransactionId": info.get("refunded_transaction_id"),
    }


def _around(found: Mapping[str, Any], _: Mapping[str, Any]) -> Json:
    return {"amountBefore": found["amount_before"], "amountAfter": found["amount_after"]}


ABOUT: Mapping[str, tuple[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Json]]] = {
    "EARN": ("earnInfo", _earned),
    "REDEEM": ("redeemInfo", _redeemed),
    "ADJUST": ("adjustInfo", _adjusted),
    "REFUND": ("refundInfo", _refunded),
    "EXPIRE": ("expireInfo", _around),
}
"""What an entry is about, by its type: exactly one block each."""
