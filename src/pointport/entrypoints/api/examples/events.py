"""What webhooks are sent (contract.md 7.2, 7.3)."""

from collections.abc import Mapping

from pointport.entrypoints.api.examples import accounts, imports, program
from pointport.entrypoints.api.examples.example import EVENT_ID, SITE_ID, Json
from pointport.plumbing.webhooks.event_types import EventType


def _event(event_type: EventType, member: str, inner: Json, entity: Json) -> Json:
    """Return an event of an entity; the program, which has no id and no revision, is known by its site's."""
    return {
        "id": EVENT_ID,
        "entityFqdn": event_type.entity,
        "slug": event_type.slug,
        "entityId": entity.get("id", SITE_ID),
        member: inner,
        "eventTime": entity["updatedDate"],
        "triggeredByAnonymizeRequest": False,
        "originatedFrom": None,
        "entityEventSequence": entity.get("revision", "2"),
    }


EVENTS: Mapping[EventType, Json] = {
    EventType.IMPORT_CREATED: _event(
        EventType.IMPORT_CREATED, "createdEvent", {"entity": imports.CREATED}, imports.CREATED
    ),
    EventType.IMPORT_UPDATED: _event(
        EventType.IMPORT_UPDATED, "updatedEvent", {"currentEntity": imports.PARSED}, imports.PARSED
    ),
    EventType.IMPORT_FINISHED: _event(
        EventType.IMPORT_FINISHED,
        "actionEvent",
        {"body": {"loyaltyImport": imports.IMPORTED}},
        imports.IMPORTED,
    ),
    EventType.ACCOUNT_CREATED: _event(
        EventType.ACCOUNT_CREATED, "createdEvent", {"entity": accounts.CREATED}, accounts.CREATED
    ),
    EventType.ACCOUNT_UPDATED: _event(
        EventType.ACCOUNT_UPDATED, "updatedEvent", {"currentEntity": accounts.ACCOUNT}, accounts.ACCOUNT
    ),
    EventType.ACCOUNT_POINTS_UPDATED: _event(
        EventType.ACCOUNT_POINTS_UPDATED,
        "actionEvent",
        {"body": {"account": accounts.ACCOUNT}},
        accounts.ACCOUNT,
    ),
    EventType.PROGRAM_UPDATED: _event(
        EventType.PROGRAM_UPDATED, "updatedEvent", {"currentEntity": program.PAUSED}, program.PAUSED
    ),
}
