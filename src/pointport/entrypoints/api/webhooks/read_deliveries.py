"""What was sent to a webhook, try by try, and sending it again (contract.md 7.1)."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Admin
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.entrypoints.api.webhooks.manage_webhooks import WebhookId
from pointport.errors import NotFound, PreconditionFailed
from pointport.plumbing.queries import CursorSigner, plan
from pointport.plumbing.webhooks import subscriptions
from pointport.wire import webhooks as wire
from pointport.wire.base import Json, Nothing

router = APIRouter(prefix="/pointport/v1", route_class=Call)

EventId = Annotated[bodies.Guid, Path(alias="eventId")]


class DeliveryStatus(StrEnum):
    """What became of a delivery so far."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


@router.get("/webhooks/{webhookId}/deliveries", response_model=wire.DeliveriesAnswer, responses=can_fail(NotFound))
def list_deliveries(
    webhook_id: WebhookId,
    app: TheApp,
    who: Admin,
    status: DeliveryStatus | None = None,
    limit: Annotated[int, Query(alias="cursorPaging.limit", ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(alias="cursorPaging.cursor")] = None,
) -> Json:
    """Return what was sent to a webhook, or is to be, newest first, each with its tries."""
    chosen: dict[str, Any] = {"webhookId": str(webhook_id)} | ({"status": str(status)} if status else {})
    query = {"filter": chosen, "cursorPaging": {"limit": limit, "cursor": cursor}}
    page = plan(wire.DELIVERIES, query, CursorSigner(app.secret, who.site_id), path="")
    rows, paging = subscriptions.query_deliveries(app.database, who.site_id, webhook_id, page)
    return {"deliveries": [wire.delivery(row) for row in rows], "pagingMetadata": paging}


@router.post(
    "/webhooks/{webhookId}/deliveries/{eventId}/send-again",
    response_model=Nothing,
    responses=can_fail(NotFound, PreconditionFailed),
    dependencies=[bodies.WITHOUT_MEMBERS],
)
def send_again(webhook_id: WebhookId, event_id: EventId, app: TheApp, who: Admin) -> Json:
    """Have an event sent once more, now, whatever became of it; a webhook that is disabled is to be enabled first."""
    subscriptions.send_again(app.database, who.site_id, webhook_id, event_id, actor=who.actor, now=app.clock())
    return {}
