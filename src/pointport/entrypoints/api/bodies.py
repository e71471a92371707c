"""What the bodies of all requests are made of (contract.md 1.5); each call's own stands beside it."""

import re
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, model_validator
from pydantic_core import PydanticCustomError

from pointport.plumbing.queries import Resource
from pointport.plumbing.queries.values import shown


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class Body(BaseModel):
    """A request body. Unknown members are ignored, and `null` is the same as absent (contract.md 1.2, 1.5)."""

    model_config = ConfigDict(alias_generator=_camel, populate_by_name=False, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, body: Any) -> Any:
        if isinstance(body, Mapping):
            return {name: value for name, value in body.items() if value is not None}
        return body


def query_of(resource: Resource) -> Any:
    """Return the field `query` of a body: what to find among the resource, read by `plumbing/queries` (contract.md 1.7)."""
    return Field(json_schema_extra={"x-query": resource.name})


def filter_of(resource: Resource) -> Any:
    """Return an optional field `filter` of a body, on its own: which of the resource is meant."""
    return Field(default=None, json_schema_extra={"x-filter": resource.name})


def _guid(value: Any) -> UUID:
    """Read a GUID in the one form that ids have (contract.md 1.5), whatever its case."""
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not GUID.fullmatch(value):
        # The value last: what braces it has are then no longer filled in.
        told = {"type": "GUID", "value": shown(str(value))}
        raise PydanticCustomError("FORMAT", "value '{value}' is not a valid GUID", told)
    return UUID(value)


def _storable(text: str) -> str:
    """Pass on what PostgreSQL can hold as text; Python's JSON reads more."""
    if UNSTORABLE.search(text):
        raise PydanticCustomError("FORMAT", "must not hold NUL characters or lone surrogates", {"type": "text"})
    return text


GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
UNSTORABLE = re.compile("[\0\ud800-\udfff]")

Guid = Annotated[UUID, BeforeValidator(_guid)]
ContactId = Annotated[Guid, Path(alias="contactId")]
NAMED = {"minLength": 1, "maxLength": 100, "pattern": r"^[^\x00]*\S[^\x00]*$"}
"""How the description says what `plumbing/sites` asks of a name."""

STORABLE = AfterValidator(_storable)
"""Stands last in an annotation, so that what else it says of a text is looked at first."""
TEXT_PATTERN = {"pattern": r"^[^\x00]*$"}
Text = Annotated[StrictStr, Field(json_schema_extra=TEXT_PATTERN), STORABLE]
FilePath = Annotated[
    StrictStr,
    Field(json_schema_extra={"pattern": rf"^/sites/{GUID.pattern}/{GUID.pattern}\.csv$".replace("A-F", "")}),
    STORABLE,
]
"""A `filePath` that an upload slot gave; `imports/intake.py` says what is wrong with another."""
