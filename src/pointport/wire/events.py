"""What a webhook says (contract.md 7.2, 7.3): an event in the shape in which the official client reads it."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from pointport.imports.record import from_json
from pointport.plumbing.webhooks.event_types import EventType
from pointport.wire.accounts import AccountAnswer, LoyaltyAccount, account
from pointport.wire.base import Guid, Int64, Json, Timestamp, timestamp
from pointport.wire.imports import ImportAnswer, LoyaltyImportShape, loyalty_import
from pointport.wire.program import LoyaltyProgram, loyalty_program
from pointport.wire.transactions import LOYALTY_APP_ID
from pointport.wire.webhooks import EventTypeName

LIFE = timedelta(hours=1)
"""How long a signature is good; each try is signed anew."""

KEY = re.compile(r"key ([0-9a-f-]{36})")


# --- The shapes of what is sent (contract.md 7.2, 7.3) --------------------------------------------------------------------

JsonText = Annotated[str, Field(json_schema_extra={"contentMediaType": "application/json"})]


class WebhookTokenHeader(TypedDict):
    """The header of the token."""

    alg: Literal["RS256"]


class WebhookClaims(TypedDict):
    """The claims of the token."""

    data: Annotated[JsonText, Field(description="A WebhookEnvelope")]
    iat: Annotated[int, Field(description="When it was signed, in seconds since 1970")]
    exp: Annotated[int, Field(description="Until when the signature is good")]


class WebhookIdentity(TypedDict):
    """Who caused it: an app, named by the id of the API key, or Loyalty itself."""

    identityType: Literal["APP"]
    appId: Guid


class WebhookAccountInfo(TypedDict):
    """Whose it is: here a site is its own account."""

    accountId: Guid
    siteId: Guid


class WebhookEnvelope(TypedDict):
    """What the claim `data` holds."""

    eventType: EventTypeName
    instanceId: Annotated[Guid, Field(description="The site")]
    data: Annotated[JsonText, Field(description="The event")]
    identity: Annotated[JsonText, Field(description="A WebhookIdentity")]
    accountInfo: WebhookAccountInfo


class CreatedImport(TypedDict):
    """The import as it was made."""

    entity: LoyaltyImportShape


class UpdatedImport(TypedDict):
    """The import as it was then."""

    currentEntity: LoyaltyImportShape


class FinishedImport(TypedDict):
    """The import at its end."""

    body: ImportAnswer


class CreatedAccount(TypedDict):
    """The account as it was made."""

    entity: LoyaltyAccount


class UpdatedAccount(TypedDict):
    """The account as it was then."""

    currentEntity: LoyaltyAccount


class UpdatedPoints(TypedDict):
    """The account with its points as they were then."""

    body: AccountAnswer


class UpdatedProgram(TypedDict):
    """The program as it was then."""

    currentEntity: LoyaltyProgram


class Event(TypedDict):
    """What every event says of itself; `entityEventSequence` puts those of an entity into their order."""

    id: Guid
    entityId: Guid
    eventTime: Timestamp
    triggeredByAnonymizeRequest: bool
    originatedFrom: str | None
    entityEventSequence: Int64


class ImportEvent(Event):
    """An event of an import."""

    entityFqdn: Literal["wix.loyalty.imports.v1.loyalty_import"]


class ImportCreatedEvent(ImportEvent):
    """An import is made."""

    slug: Literal["created"]
    createdEvent: CreatedImport


class ImportUpdatedEvent(ImportEvent):
    """An import has changed; the official client does not know this event."""

    slug: Literal["updated"]
    updatedEvent: UpdatedImport


class ImportFinishedEvent(ImportEvent):
    """An import has ended, well or not; the official client does not know this event."""

    slug: Literal["finished"]
    actionEvent: FinishedImport


class AccountEvent(Event):
    """An event of an account."""

    entityFqdn: Literal["wix.loyalty.v1.account"]


class AccountCreatedEvent(AccountEvent):
    """An account is made, also by an import."""

    slug: Literal["created"]
    createdEvent: CreatedAccount


class AccountUpdatedEvent(AccountEvent):
    """An account has changed."""

    slug: Literal["updated"]
    updatedEvent: UpdatedAccount


class AccountPointsUpdatedEvent(AccountEvent):
    """An account's points have changed."""

    slug: Literal["points_updated"]
    actionEvent: UpdatedPoints


class ProgramUpdatedEvent(Event):
    """The program has changed."""

    entityFqdn: Literal["wix.loyalty.v1.program"]
    slug: Literal["updated"]
    updatedEvent: UpdatedProgram


SHAPES: Mapping[EventType, type[Event]] = {
    EventType.IMPORT_CREATED: ImportCreatedEvent,
    EventType.IMPORT_UPDATED: ImportUpdatedEvent,
    EventType.IMPORT_FINISHED: ImportFinishedEvent,
    EventType.ACCOUNT_CREATED: AccountCreatedEvent,
    EventType.ACCOUNT_UPDATED: AccountUpdatedEvent,
    EventType.ACCOUNT_POINTS_UPDATED: AccountPointsUpdatedEvent,
    EventType.PROGRAM_UPDATED: ProgramUpdatedEvent,
}

# --- How it is made -----------------------------------------------------------------------------------------------------


def claims(event: Mapping[str, Any], now: datetime) -> Json:
    """Return the JWT's claims for an event's row."""
    return wrapped(
        body(event), event["event_type"], site_id=str(event["site_id"]), app_id=_app_id(event["actor"]), now=now
    )


def wrapped(told: Json, event_type: str, *, site_id: str, app_id: str, now: datetime) -> Json:
    """Return the JWT's claims for what is told: JSON in text in JSON in text, as the client unwraps it."""
    envelope = {
        "eventType": event_type,
        "instanceId": site_id,
        "data": json.dumps(told),
        "identity": json.dumps({"identityType": "APP", "appId": app_id}),
        "accountInfo": {"accountId": site_id, "siteId": site_id},
    }
    return {"data": json.dumps(envelope), "iat": int(now.timestamp()), "exp": int((now + LIFE).timestamp())}


def body(event: Mapping[str, Any]) -> Json:
    """Return the event itself, with the entity as it was when it happened."""
    event_type = EventType(event["event_type"])
    member, entity = _ENTITIES[event_type](_revived(event["payload"]), event["created_date"])
    return {
        "id": str(event["id"]),
        "entityFqdn": event_type.entity,
        "slug": event_type.slug,
        "entityId": str(event["entity_id"]),
        member: entity,
        "eventTime": timestamp(event["created_date"]),
        "triggeredByAnonymizeRequest": False,
        "originatedFrom": None,
        "entityEventSequence": str(event["sequence"]),
    }


def _app_id(actor: str) -> str:
    """Return the API key that caused it, or Loyalty itself."""
    match = KEY.fullmatch(actor)
    return match[1] if match else LOYALTY_APP_ID


def _revived(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the moments of a row that was kept as JSON back into moments."""
    return {
        name: datetime.fromisoformat(value) if name.endswith("_date") and value is not None else value
        for name, value in payload.items()
    }


def _import(row: dict[str, Any], moment: datetime) -> Json:
    return loyalty_import(from_json(row), moment)


_ENTITIES: Mapping[EventType, Callable[[dict[str, Any], datetime], tuple[str, Json]]] = {
    EventType.IMPORT_CREATED: lambda row, moment: ("createdEvent", {"entity": _import(row, moment)}),
    EventType.IMPORT_UPDATED: lambda row, moment: ("updatedEvent", {"currentEntity": _import(row, moment)}),
    EventType.IMPORT_FINISHED: lambda row, moment: (
        "actionEvent",
        {"body": {"loyaltyImport": _import(row, moment)}},
    ),
    EventType.ACCOUNT_CREATED: lambda row, _: ("createdEvent", {"entity": account(row)}),
    EventType.ACCOUNT_UPDATED: lambda row, _: ("updatedEvent", {"currentEntity": account(row)}),
    EventType.ACCOUNT_POINTS_UPDATED: lambda row, _: ("actionEvent", {"body": {"account": account(row)}}),
    EventType.PROGRAM_UPDATED: lambda row, _: ("updatedEvent", {"currentEntity": loyalty_program(row)}),
}
"""The member that holds the entity, and the entity (contract.md 7.3)."""
