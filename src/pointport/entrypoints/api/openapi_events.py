"""What webhooks are sent, in the API's description (contract.md 7.2, 7.3): the token, its claims, and each event."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pointport.entrypoints.api.examples.events import EVENTS
from pointport.entrypoints.api.examples.example import KEY_ID, SITE_ID
from pointport.plumbing.webhooks.event_types import EventType
from pointport.wire import events as wire

Json = dict[str, Any]

SHAPES = (
    wire.WebhookTokenHeader,
    wire.WebhookClaims,
    wire.WebhookEnvelope,
    wire.WebhookIdentity,
    *wire.SHAPES.values(),
)
"""What the description of webhooks refers to, and with it what receivers want classes of."""
DESCRIPTION = """{}

The whole body is one signed token (a JWT, RS256): verify it with the site's public key (`GET /pointport/v1/webhook-keys`),
then read the JSON text in its claim `data`, and in that the JSON text in `data`, which is the event. The entity is as it
was when the event happened. Answer 200 within 1.25 seconds. An event may come twice, and two may come in the other order.
"""
NO_SIGNATURE = b"the signature is that of the site's key"


def webhooks(schema_reference: str) -> Json:
    """Return the description of each type of event; `schema_reference` has a place `{}` for a schema's name."""
    return {str(event_type): {"post": _post(event_type, schema_reference)} for event_type in EventType}


def examples() -> Mapping[str, Json]:
    """Return an example of each event, by the name of its schema."""
    return {wire.SHAPES[event_type].__name__: event for event_type, event in EVENTS.items()}


def _post(event_type: EventType, schema_reference: str) -> Json:
    told = str(wire.SHAPES[event_type].__doc__)
    return {
        "summary": told.removesuffix("."),
        "description": DESCRIPTION.format(told),
        "tags": ["webhooks"],
        "requestBody": {
            "required": True,
            "content": {
                "text/plain": {
                    "schema": _token_schema(event_type, schema_reference),
                    "example": _token(event_type, EVENTS[event_type]),
                }
            },
        },
        "responses": {
            "200": {"description": "It has arrived"},
            "default": {"description": "It has not, and is sent again: up to 12 times, within two days"},
        },
    }


def _token_schema(event_type: EventType, schema_reference: str) -> Json:
    """Describe text in text in text (JSON Schema, Validation 8.5)."""
    shapes = (wire.WebhookTokenHeader, wire.WebhookClaims, wire.WebhookEnvelope, wire.WebhookIdentity)
    header, claims, envelope, identity, event = (
        {"$ref": schema_reference.format(shape.__name__)} for shape in (*shapes, wire.SHAPES[event_type])
    )
    told = {
        "eventType": {"const": str(event_type)},
        "data": {"contentSchema": event},
        "identity": {"contentSchema": identity},
    }
    inner = {"allOf": [envelope, {"properties": told}]}
    return {
        "type": "string",
        "contentMediaType": "application/jwt",
        "contentSchema": {
            "type": "array",
            "prefixItems": [header, {"allOf": [claims, {"properties": {"data": {"contentSchema": inner}}}]}],
        },
    }


def _token(event_type: EventType, event: Json) -> str:
    """Return the token in which an event is sent, except that nothing has signed it."""
    now = datetime.fromisoformat(event["eventTime"])
    claims = wire.wrapped(event, str(event_type), site_id=SITE_ID, app_id=KEY_ID, now=now)
    parts = (json.dumps({"alg": "RS256"}).encode(), json.dumps(claims).encode(), NO_SIGNATURE)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
