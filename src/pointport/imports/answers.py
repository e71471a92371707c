"""What was answered to a request with a key, so that it is done once (design.md 7, plumbing/idempotency)."""

from datetime import timedelta
from uuid import UUID

from pointport.imports import record
from pointport.imports.record import LoyaltyImport
from pointport.imports.shapes import Workshop
from pointport.plumbing.database.pool import Connection
from pointport.plumbing.idempotency import once
from pointport.plumbing.idempotency.once import KeyedRequest


def find(workshop: Workshop, site_id: UUID, keyed: KeyedRequest | None) -> LoyaltyImport | None:
    """Return what was answered to a request the first time, for one that might fail today: its file may be gone."""
    if keyed is None:
        return None
    life = timedelta(hours=workshop.settings.idempotency_hours)
    answer = once.find(workshop.database, site_id, keyed, now=workshop.clock(), life=life)
    return None if answer is None else record.from_json(answer)


def claim(
    workshop: Workshop, connection: Connection, site_id: UUID, keyed: KeyedRequest | None
) -> LoyaltyImport | None:
    """Take the key of a request; or return what was answered to it, when it has been here before."""
    if keyed is None:
        return None
    life = timedelta(hours=workshop.settings.idempotency_hours)
    answer = once.claim(connection, site_id, keyed, now=workshop.clock(), life=life)
    return None if answer is None else record.from_json(answer)


def keep(connection: Connection, found: LoyaltyImport, keyed: KeyedRequest | None) -> None:
    """Write down what is answered to a request, for when it comes again."""
    if keyed is not None:
        once.keep(connection, found.site_id, keyed, record.to_json(found))
