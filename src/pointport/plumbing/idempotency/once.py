"""A request that comes again with its key is answered as it was the first time, and done no second time (design.md 7).

Whoever does what is asked claims the key first and keeps the answer last, in the transaction of the work::

    with database.transaction(site_id) as connection:
        answer = once.claim(connection, site_id, request, now=now, life=life)
        if answer is not None:
            return answer
        …
        once.keep(connection, site_id, request, answer)

So key, work and answer are there together or not at all: what failed leaves its key unused, and of two at the same time
the second waits, and is answered as the first. The rules are those of https://docs.stripe.com/api/idempotent_requests,
but for failures: Stripe remembers them, and here they have changed nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from pointport.errors import InvalidRequest, Violation
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, Database

QUERIES = load(__file__)

HEADER = "Idempotency-Key"
KEY_CHARACTERS_MAX = 255

Answer = Mapping[str, Any]
"""What JSON can hold of it."""


@dataclass(frozen=True)
class KeyedRequest:
    """A request with a key: the name that its sender gives it, the call that it is sent to, and which body it has."""

    key: str
    call: str
    body_sha256: bytes


def find(database: Database, site_id: UUID, request: KeyedRequest, *, now: datetime, life: timedelta) -> Answer | None:
    """Return what was answered the first time; None for a key that is unused, or somebody is just about to use.

    For what would fail today and did not then. Raises InvalidRequest as `claim` does.
    """
    values = {"site_id": site_id, "key": request.key, "before": now - life}
    rows = database.look_up(site_id, QUERIES["find_answer"], values)
    return _answer(rows[0], request) if rows else None


def claim(
    connection: Connection, site_id: UUID, request: KeyedRequest, *, now: datetime, life: timedelta
) -> Answer | None:
    """Take the key for this request; or return what was answered the first time, when it has been here before.

    Waits for a request with the same key that is being done. A key is used again once its `life` is over.

    Raises InvalidRequest for a key that was used with another body, or for another call.
    """
    values = {
        "site_id": site_id,
        "key": request.key,
        "call": request.call,
        "body_sha256": request.body_sha256,
        "before": now - life,
        "now": now,
    }
    if connection.execute(QUERIES["claim_key"], values).rowcount == 1:
        return None
    row = connection.execute(QUERIES["find_answer"], values).fetchone()
    answer = _answer(row, request) if row is not None else None
    if answer is None:
        raise LookupError("somebody claimed an idempotency key and kept no answer")
    return answer


def keep(connection: Connection, site_id: UUID, request: KeyedRequest, answer: Answer) -> None:
    """Write down what is answered to the request that has claimed its key."""
    connection.execute(QUERIES["keep_answer"], {"site_id": site_id, "key": request.key, "answer": Jsonb(dict(answer))})


def erase(database: Database, *, before: datetime) -> None:
    """Erase the keys of all sites that were used at a moment or before, with their answers."""
    with database.owner_transaction() as connection:
        rows = connection.execute(QUERIES["find_sites_with_old_keys"], {"before": before}).fetchall()
    for row in rows:
        with database.transaction(row["site_id"]) as connection:
            connection.execute(QUERIES["delete_old_keys"], {"site_id": row["site_id"], "before": before})


def _answer(row: DictRow, request: KeyedRequest) -> Answer | None:
    if row["call"] != request.call:
        told = f"was used for another call, {row['call']}"
    elif bytes(row["body_sha256"]) != request.body_sha256:
        told = "was used with another body"
    else:
        answer: Answer | None = row["answer"]
        return answer
    raise InvalidRequest(Violation(HEADER, f"{told}; a new request needs a key of its own", "OTHER"))
