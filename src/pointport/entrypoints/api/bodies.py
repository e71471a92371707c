"""What the bodies of all requests are made of (contract.md 1.5); each call's own stands beside it."""

import re
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictInt,
    StrictStr,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_after_validator_function

from pointport.errors import InvalidRequest, Violation
from pointport.plumbing.queries import Resource
from pointport.plumbing.queries.values import shown
from pointport.wire.base import camel

NULL = {"type": "null"}


class Body(BaseModel):
    """A request body. Unknown members are ignored, and `null` is the same as absent (contract.md 1.2, 1.5)."""

    model_config = ConfigDict(alias_generator=camel, populate_by_name=False, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, body: Any) -> Any:
        if isinstance(body, Mapping):
            return {name: value for name, value in body.items() if value is not None}
        return body

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Say of each member that may be absent that it may be null as well."""
        schema = handler(core_schema)
        body = handler.resolve_ref_schema(schema)
        for name, member in body.get("properties", {}).items():
            marked = any(key.startswith("x-") for key in member)
            if name not in body.get("required", ()) and not marked and NULL not in member.get("anyOf", ()):
                body["properties"][name] = {"anyOf": [member, NULL]}
        return schema


class Empty(Body):
    """Nothing: the call says it all. `{}` and no body at all are the same (contract.md 1.2)."""


async def _without_members(_: Empty | None = None) -> None:
    """Read the body of a call that takes none, so that what is no JSON object is refused here as everywhere."""


WITHOUT_MEMBERS = Depends(_without_members)
"""Stands among the dependencies of a call that changes something and needs to be told nothing."""


def query_of(resource: Resource) -> Any:
    """Return the field `query` of a body: what to find among the resource, read by `plumbing/queries` (contract.md 1.7)."""
    return Field(json_schema_extra={"x-query": resource.name})


def filter_of(resource: Resource) -> Any:
    """Return an optional field `filter` of a body, on its own: which of the resource is meant."""
    return Field(default=None, json_schema_extra={"x-filter": resource.name})


def search_of(resource: Resource) -> Any:
    """Return an optional field `search` of a body: a query that may hold free text (contract.md 6.2)."""
    return Field(default=None, json_schema_extra={"x-search": resource.name})


def text_of(resource: Resource) -> Any:
    """Return an optional field `search` of a body: free text alone."""
    return Field(default=None, json_schema_extra={"x-text": resource.name})


def at_most(limit: int | str) -> Any:
    """Return a field whose description has this maximum as it is, or what the setting of this name says (`openapi`)."""
    return Field(json_schema_extra={"x-maximum": limit})


def one_of(*names: str) -> dict[str, Any]:
    """Return how the description says what `require_one` asks."""
    return {"anyOf": [{"required": [name], "properties": {name: {"type": "integer"}}} for name in names]}


def exactly_one_of(**types: str) -> dict[str, Any]:
    """Return how the description says that one of these members is given, and not both: by name, each with its type."""
    return {
        "oneOf": [
            {"required": [camel(name)], "properties": {camel(name): {"type": kind}}} for name, kind in types.items()
        ]
    }


def require_one(body: Body, *names: str) -> None:
    """Raise pydantic's error unless one of these members is given."""
    if all(getattr(body, name) is None for name in names):
        told = {"first": names[0], "others": " or ".join(names[1:])}
        raise PydanticCustomError("REQUIRED_ONE", "{first} is missing, or else {others}", told)


def refuse_contradiction(field: str, path_id: UUID, body_id: UUID | None) -> None:
    """Raise InvalidRequest when an id that is said twice is not the same (contract.md 1.2)."""
    if body_id is not None and body_id != path_id:
        raise InvalidRequest(Violation(field, f"is {body_id}, but the path says {path_id}", "OTHER"))


def _not_zero(value: int) -> int:
    if value == 0:
        raise PydanticCustomError("OTHER", "must not be 0", {})
    return value


def _integral(value: Any) -> Any:
    """JSON knows no whole numbers of its own: 1.0 is 1 (RFC 8259, 6)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _revision(value: Any) -> Any:
    """Read a revision, which is text on the wire and a number in the documentation (contract.md 1.5)."""
    return int(value) if isinstance(value, str) and re.fullmatch(f"0|{INT64}", value) else _integral(value)


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


INT64 = "[1-9][0-9]{0,17}"
INT64_MAX = 2**63 - 1
GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
UNSTORABLE = re.compile("[\0\ud800-\udfff]")

Guid = Annotated[UUID, BeforeValidator(_guid)]
Integer = Annotated[StrictInt, BeforeValidator(_integral)]
NOT_ZERO = AfterValidator(_not_zero)
Revision = Annotated[
    StrictInt,
    Field(ge=1, le=INT64_MAX),
    BeforeValidator(
        _revision,
        # The description is made of this type alone, and FastAPI would round the bound.
        json_schema_input_type=Annotated[str, Field(pattern=f"^{INT64}$")]
        | Annotated[int, Field(ge=1), at_most(INT64_MAX)],
    ),
]
AnyText = Annotated[StrictStr, Field(json_schema_extra={"maxLength": 1_000})]
ContactId = Annotated[Guid, Path(alias="contactId")]


class Storable:
    """Of a text: it is one that PostgreSQL can hold. `described` is more of what the description says of it.

    Stands last in an annotation, so that what else it says of the text is looked at first.
    """

    def __init__(self, **described: Any) -> None:
        self._described = {"pattern": r"^[^\x00]*$", **described}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Look at the text after everything else has."""
        return no_info_after_validator_function(_storable, handler(source))

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Say what JSON Schema can say of it."""
        return {**handler(core_schema), **self._described}


STORABLE = Storable()
NAMED = Storable(minLength=1, maxLength=100, pattern=r"^[^\x00]*\S[^\x00]*$")
"""How the description says what `plumbing/sites` asks of a name."""
Text = Annotated[StrictStr, STORABLE]
FilePath = Annotated[StrictStr, Storable(pattern=rf"^/sites/{GUID.pattern}/{GUID.pattern}\.csv$".replace("A-F", ""))]
"""A `filePath` that an upload slot gave; `imports/intake.py` says what is wrong with another."""
