"""Subscriptions to events: who is told of what (contract.md 7)."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field, StrictBool, StrictStr

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Admin
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound
from pointport.plumbing.webhooks import subscriptions
from pointport.plumbing.webhooks.event_types import EventType
from pointport.plumbing.webhooks.targets import URL_CHARACTERS_MAX
from pointport.wire import webhooks as wire
from pointport.wire.base import Json, Nothing

router = APIRouter(prefix="/pointport/v1", route_class=Call)

WebhookId = Annotated[bodies.Guid, Path(alias="webhookId")]
TargetUrl = Annotated[
    StrictStr,
    Field(min_length=1, max_length=URL_CHARACTERS_MAX, examples=["https://shop.example.com/hooks/loyalty"]),
    bodies.STORABLE,
]
EventTypes = Annotated[list[EventType], Field(min_length=1, max_length=len(EventType))]


class CreateWebhook(bodies.Body):
    """Where to, and which types of events."""

    target_url: TargetUrl
    event_types: EventTypes


class ChangeWebhook(bodies.Body):
    """What is to change; the rest stays."""

    target_url: TargetUrl | None = None
    event_types: EventTypes | None = None
    enabled: StrictBool | None = None

    def wanted(self) -> dict[str, Any]:
        """Return the columns that are to change."""
        given = {"target_url": self.target_url, "event_types": self.event_types, "is_enabled": self.enabled}
        return {name: value for name, value in given.items() if value is not None}


@router.post("/webhooks", response_model=wire.WebhookAnswer)
def create_webhook(body: CreateWebhook, app: TheApp, who: Admin) -> Json:
    """Have a URL told of some types of events; a site's first webhook makes the key that signs."""
    made = subscriptions.create(
        app.database,
        who.site_id,
        body.target_url,
        body.event_types,
        private_allowed=app.settings.webhook_private_targets,
        secret=app.secret,
        actor=who.actor,
        now=app.clock(),
    )
    return {"webhook": wire.webhook(made)}


@router.get("/webhooks", response_model=wire.WebhooksAnswer)
def list_webhooks(app: TheApp, who: Admin) -> Json:
    """Return the site's webhooks, oldest first."""
    return {"webhooks": [wire.webhook(found) for found in subscriptions.list_all(app.database, who.site_id)]}


@router.get("/webhooks/{webhookId}", response_model=wire.WebhookAnswer, responses=can_fail(NotFound))
def get_webhook(webhook_id: WebhookId, app: TheApp, who: Admin) -> Json:
    """Return a webhook."""
    return {"webhook": wire.webhook(subscriptions.find(app.database, who.site_id, webhook_id))}


@router.patch("/webhooks/{webhookId}", response_model=wire.WebhookAnswer, responses=can_fail(NotFound))
def change_webhook(webhook_id: WebhookId, body: ChangeWebhook, app: TheApp, who: Admin) -> Json:
    """Change where to, of what, or whether at all; what waited while it was disabled is sent when it is enabled."""
    changed = subscriptions.change(
        app.database,
        who.site_id,
        webhook_id,
        body.wanted(),
        private_allowed=app.settings.webhook_private_targets,
        actor=who.actor,
        now=app.clock(),
    )
    return {"webhook": wire.webhook(changed)}


@router.delete("/webhooks/{webhookId}", response_model=Nothing, responses=can_fail(NotFound))
def delete_webhook(webhook_id: WebhookId, app: TheApp, who: Admin) -> Json:
    """Tell a URL no more, and forget what it was sent."""
    subscriptions.delete(app.database, who.site_id, webhook_id, actor=who.actor, now=app.clock())
    return {}
