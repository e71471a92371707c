"""What all objects have in common: how moments and ids are written, and what is left out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

Json = dict[str, Any]
"""A JSON object on its way out."""

Guid = Annotated[str, Field(json_schema_extra={"format": "uuid"}, examples=["5cc0b472-e488-4de3-92ba-bd718a44933a"])]
"""An id: lower case, with dashes (contract.md 1.5)."""

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2024-09-17T10:58:00.100Z"])]
"""RFC 3339 in UTC with milliseconds (contract.md 1.5)."""

Int64 = Annotated[str, Field(pattern=r"^-?\d+$", examples=["4"])]
"""A whole number of 64 bits, as text (contract.md 1.5)."""


class Nothing(TypedDict):
    """It is done, and there is nothing to say."""


def timestamp(moment: datetime) -> str:
    """Return a moment as RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def camel(name: str) -> str:
    """Return a name of ours as it is on the wire (contract.md 1.5)."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def in_order(shape: type, members: Mapping[str, Any]) -> Json:
    """Return those members that the shape has, in its order: what the database keeps as JSON has an order of its own."""
    return {name: members[name] for name in shape.__annotations__ if name in members}


def without_none(members: Mapping[str, Any]) -> Json:
    """Leave out what has no value (contract.md 1.5)."""
    return {name: value for name, value in members.items() if value is not None}
