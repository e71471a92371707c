"""Proves that a site's ledger adds up: every balance is the sum of its entries, every entry follows the one before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection

QUERIES = load(__file__)


@dataclass(frozen=True)
class Finding:
    """One proof that failed: how often in all, and its first cases as `subject: what is wrong`."""

    proof: str
    count: int
    examples: tuple[str, ...]


def verify(connection: Connection, site_id: UUID, queries: Mapping[str, LiteralString] = QUERIES) -> list[Finding]:
    """Run every proof on a site and return those that failed; an empty list is a sound ledger.

    A proof is a query that gives `subject`, `finding` and `findings` (how many in all) for what is wrong. `queries` lets
    another floor have its own proofs run the same way.
    """
    # A proof reads all of a site. Statistics that know nothing of a new one would have it read once for every account.
    connection.execute("SET LOCAL enable_nestloop = off")
    failed = []
    for proof, query in queries.items():
        rows = connection.execute(query, {"site_id": site_id}).fetchall()
        if rows:
            examples = tuple(f"{row['subject']}: {row['finding']}" for row in rows)
            failed.append(Finding(proof, rows[0]["findings"], examples))
    return failed
