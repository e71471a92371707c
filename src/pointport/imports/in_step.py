"""The hot statements of a dense chunk: accounts are read in step with its rows, instead of one by one by their key."""

from collections.abc import Mapping
from typing import Any, LiteralString

from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection

QUERIES = load(__file__)

FORMS: Mapping[str, LiteralString] = {
    "write_entries": QUERIES["write_entries_in_step"],
    "find_missing_accounts": QUERIES["find_missing_accounts_in_step"],
    "create_accounts": QUERIES["create_accounts_in_step"],
    "note_unchanged": QUERIES["note_unchanged_in_step"],
    "set_balances": QUERIES["set_balances_in_step"],
    "add_balances": QUERIES["add_balances_in_step"],
}
"""The other form of a statement of applying.sql, by its name there."""


def write(connection: Connection, name: str, these: Mapping[str, Any]) -> int:
    """Run the form of a statement in a transaction that otherwise goes by key; returns how many rows it wrote."""
    connection.execute(QUERIES["walk"])
    written = connection.execute(FORMS[name], these).rowcount
    connection.execute(QUERIES["walked"])
    return written
