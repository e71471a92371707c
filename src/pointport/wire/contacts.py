"""A load of contacts from a file, as far as it is."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from pointport.imports.contact_file import State
from pointport.wire.base import Json


class LoadFailure(TypedDict):
    """A row of a file of contacts that is none."""

    line: int
    code: str
    message: str


class ContactLoad(TypedDict):
    """How far a load of contacts is; the last of several has `done`."""

    rows: Annotated[int, Field(description="Rows of the file so far")]
    rowsTotal: int
    created: int
    changed: int
    unchanged: int
    failed: int
    failures: Annotated[list[LoadFailure], Field(description="The first of the failed")]
    done: bool


def contact_load(state: State) -> Json:
    """Return how far a load of contacts is."""
    return {
        "rows": state.rows,
        "rowsTotal": state.rows_total,
        "created": state.created,
        "changed": state.changed,
        "unchanged": state.rows - state.created - state.changed - state.failed,
        "failed": state.failed,
        "failures": [{"line": line, "code": code, "message": told} for line, code, told in state.failures],
        "done": state.done,
    }
