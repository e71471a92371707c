"""The LoyaltyAccount (contract.md 6.1), and what can be asked of many (6.2)."""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pointport.plumbing.queries import Field as QueryField
from pointport.plumbing.queries import Kind, PagingMetadata, Resource, Sort
from pointport.wire.base import Guid, Int64, Json, Timestamp, timestamp, without_none
from pointport.wire.transactions import LoyaltyTransaction

# Nobody here is a site member, there are no tiers, and no points expire by themselves.
NO_GUID = QueryField("NULL::uuid", Kind.GUID, nullable=True)
NO_TIMESTAMP = QueryField("NULL::timestamptz", Kind.TIMESTAMP, nullable=True)
NO_INTEGER = QueryField("NULL::bigint", Kind.INTEGER, nullable=True)
ID = QueryField("account.id", Kind.GUID)

ACCOUNTS = Resource(
    name="loyalty-accounts",
    fields={
        "id": ID,
        "contactId": ID,
        "contact.id": ID,
        "memberId": NO_GUID,
        "createdDate": QueryField("account.created_date", Kind.TIMESTAMP),
        "lastActivityDate": QueryField("account.last_activity_date", Kind.TIMESTAMP),
        "points.balance": QueryField("account.balance", Kind.INTEGER),
        "points.earned": QueryField("account.earned", Kind.INTEGER),
        "points.adjusted": QueryField("account.adjusted", Kind.INTEGER),
        "points.redeemed": QueryField("account.redeemed", Kind.INTEGER),
        "points.expired": QueryField("account.expired", Kind.INTEGER),
        "tier.id": NO_GUID,
        "pointsExpiration.expirationDate": NO_TIMESTAMP,
        "pointsExpiration.expiringPointsAmount": NO_INTEGER,
    },
    id_field=ID,
    default_sort=(Sort("createdDate", descending=True),),
    search={
        "contact.name": "contact.first_name || ' ' || contact.last_name",
        "contact.email": "contact.email",
    },
    search_scope=(
        "EXISTS (SELECT FROM contact WHERE contact.site_id = account.site_id AND contact.id = account.id AND {})"
    ),
)


class Points(TypedDict):
    """A balance and its parts: balance = earned + adjusted - redeemed - expired."""

    balance: int
    earned: int
    adjusted: int
    redeemed: int
    expired: int


class AccountContact(TypedDict):
    """Whose account it is."""

    id: Guid
    name: NotRequired[str]
    email: str
    displayName: Annotated[str, Field(description="The name, or the address of who has none")]


class LoyaltyAccount(TypedDict):
    """A contact's loyalty account."""

    id: Guid
    contactId: Guid
    points: Points
    rewardAvailable: bool
    createdDate: Timestamp
    updatedDate: Timestamp
    lastActivityDate: Timestamp
    revision: Int64
    contact: AccountContact


class AccountAnswer(TypedDict):
    """One account."""

    account: LoyaltyAccount


class PostingAnswer(TypedDict):
    """An account after its points have changed; without an entry when nothing was to change."""

    account: LoyaltyAccount
    transactionId: NotRequired[Guid]


class QueriedAccountsAnswer(TypedDict):
    """A page of accounts."""

    loyaltyAccounts: list[LoyaltyAccount]
    pagingMetadata: PagingMetadata


class FoundAccountsAnswer(TypedDict):
    """A page of accounts."""

    accounts: list[LoyaltyAccount]
    pagingMetadata: PagingMetadata


class ListCursors(TypedDict, total=False):
    """The ways on from a page, where there are any."""

    next: str
    prev: str


class ListPagingMetadata(TypedDict):
    """What the list says of its page; how many there are in all is not counted."""

    count: int
    tooManyToCount: bool
    cursors: ListCursors


class ListedAccountsAnswer(TypedDict):
    """A page of accounts."""

    accounts: list[LoyaltyAccount]
    pagingMetadata: ListPagingMetadata


class CountAnswer(TypedDict):
    """How many."""

    count: int


class TierTotal(TypedDict):
    """How many accounts there are in a tier; there is one only, which has no id."""

    numberOfAccounts: int


class ProgramTotalsAnswer(TypedDict):
    """The points of the whole program."""

    points: Points
    tierTotals: list[TierTotal]


class AsyncJobAnswer(TypedDict):
    """The job that does it, in the background."""

    asyncJobId: Guid


class StatementContact(TypedDict):
    """A contact, in short."""

    id: Guid
    email: str
    firstName: str
    lastName: str


class StatementAnswer(TypedDict):
    """A customer, the account if there is one, and its newest entries."""

    contact: StatementContact
    account: LoyaltyAccount | None
    transactions: list[LoyaltyTransaction]


class TotalsAnswer(TypedDict):
    """How many accounts a site has, and the sum of their balances."""

    accounts: int
    balance: int


def account(found: Mapping[str, Any]) -> Json:
    """Return a LoyaltyAccount of an account's row with its contact's `email`, `first_name` and `last_name`."""
    name = f"{found['first_name']} {found['last_name']}".strip()
    return {
        "id": str(found["id"]),
        "contactId": str(found["id"]),
        "points": points(found),
        "rewardAvailable": False,
        "createdDate": timestamp(found["created_date"]),
        "updatedDate": timestamp(found["updated_date"]),
        "lastActivityDate": timestamp(found["last_activity_date"]),
        "revision": str(found["revision"]),
        "contact": without_none(
            {
                "id": str(found["id"]),
                "name": name or None,
                "email": found["email"],
                "displayName": name or found["email"],
            }
        ),
    }


def points(found: Mapping[str, Any]) -> Json:
    """Return a balance and its parts."""
    return {name: found[name] for name in Points.__annotations__}


def program_totals(found: Mapping[str, Any]) -> Json:
    """Return the points of the whole program."""
    return {"points": points(found), "tierTotals": [{"numberOfAccounts": found["accounts"]}]}
