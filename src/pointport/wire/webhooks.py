"""Subscriptions, the log of what was sent, and the keys that sign: ours."""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pointport.plumbing.queries import Field as QueryField
from pointport.plumbing.queries import Kind, PagingMetadata, Resource, Sort
from pointport.plumbing.webhooks.event_types import EventType
from pointport.wire.base import Guid, Json, Timestamp, timestamp, without_none

STATUSES = ("PENDING", "DELIVERED", "FAILED")

DELIVERIES = Resource(
    name="webhook-deliveries",
    fields={
        "webhookId": QueryField("webhook_delivery.webhook_id", Kind.GUID),
        "createdDate": QueryField("webhook_delivery.created_date", Kind.TIMESTAMP),
        "status": QueryField("webhook_delivery.status", Kind.ENUM, values=frozenset(STATUSES)),
    },
    id_field=QueryField("webhook_delivery.event_id", Kind.GUID),
    default_sort=(Sort("createdDate", descending=True),),
)

EventTypeName = Annotated[str, Field(json_schema_extra={"enum": [str(event_type) for event_type in EventType]})]


class Webhook(TypedDict):
    """Who is told of what."""

    id: Guid
    targetUrl: str
    eventTypes: list[EventTypeName]
    enabled: bool
    revision: str
    createdDate: Timestamp
    updatedDate: Timestamp


class WebhookAnswer(TypedDict):
    """One subscription."""

    webhook: Webhook


class WebhooksAnswer(TypedDict):
    """A site's subscriptions, oldest first."""

    webhooks: list[Webhook]


class Attempt(TypedDict):
    """One try: when, how long it took, and the HTTP status or why there is none."""

    attempt: int
    date: Timestamp
    durationMilliseconds: int
    statusCode: NotRequired[int]
    error: NotRequired[str]


class Delivery(TypedDict):
    """An event on its way to a subscriber."""

    webhookId: Guid
    eventId: Guid
    eventType: EventTypeName
    entityId: Guid
    status: Annotated[str, Field(json_schema_extra={"enum": list(STATUSES)})]
    createdDate: Timestamp
    nextAttemptDate: NotRequired[Timestamp]
    attempts: list[Attempt]


class DeliveriesAnswer(TypedDict):
    """A page of deliveries, newest first."""

    deliveries: list[Delivery]
    pagingMetadata: PagingMetadata


class SigningKey(TypedDict):
    """A key: one signs, one may wait to be the next."""

    id: Guid
    status: Annotated[str, Field(json_schema_extra={"enum": ["WAITING", "SIGNING", "RETIRED"]})]
    publicKey: Annotated[str, Field(description="SPKI, as PEM")]
    createdDate: Timestamp
    updatedDate: Timestamp


class SigningKeysAnswer(TypedDict):
    """A site's keys, newest first."""

    keys: list[SigningKey]


def webhook(found: Mapping[str, Any]) -> Json:
    """Return a subscription."""
    return {
        "id": str(found["id"]),
        "targetUrl": found["target_url"],
        "eventTypes": found["event_types"],
        "enabled": found["is_enabled"],
        "revision": str(found["revision"]),
        "createdDate": timestamp(found["created_date"]),
        "updatedDate": timestamp(found["updated_date"]),
    }


def delivery(found: Mapping[str, Any]) -> Json:
    """Return a delivery with its tries."""
    following = found["next_attempt_date"]
    return without_none(
        {
            "webhookId": str(found["webhook_id"]),
            "eventId": str(found["event_id"]),
            "eventType": found["event_type"],
            "entityId": str(found["entity_id"]),
            "status": found["status"],
            "createdDate": timestamp(found["created_date"]),
            "nextAttemptDate": timestamp(following) if following else None,
            "attempts": [_attempt(one) for one in found["tries"]],
        }
    )


def signing_key(found: Mapping[str, Any]) -> Json:
    """Return a key's public half."""
    return {
        "id": str(found["id"]),
        "status": found["status"],
        "publicKey": found["public_key"],
        "createdDate": timestamp(found["created_date"]),
        "updatedDate": timestamp(found["updated_date"]),
    }


def _attempt(found: Mapping[str, Any]) -> Json:
    return without_none(
        {
            "attempt": found["attempt"],
            "date": timestamp(found["attempted_date"]),
            "durationMilliseconds": found["duration_milliseconds"],
            "statusCode": found["status_code"],
            "error": found["error"],
        }
    )
