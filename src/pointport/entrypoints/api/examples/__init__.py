"""Examples for the API's description, from the contract; a test holds each to the schema that it illustrates."""

from collections.abc import Mapping

from pointport.entrypoints.api.examples import (
    accounts,
    contacts,
    files,
    imports,
    previews,
    program,
    sites,
    transactions,
    webhooks,
)
from pointport.entrypoints.api.examples.example import Example

EXAMPLES: Mapping[str, Example] = {
    **imports.EXAMPLES,
    **previews.EXAMPLES,
    **accounts.EXAMPLES,
    **transactions.EXAMPLES,
    **program.EXAMPLES,
    **contacts.EXAMPLES,
    **files.EXAMPLES,
    **webhooks.EXAMPLES,
    **sites.EXAMPLES,
}
"""By the name of the call."""

__all__ = ["EXAMPLES", "Example"]
