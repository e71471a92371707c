"""JSON values to the values PostgreSQL is given, and back for cursors; everything else is refused by name."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

from pointport.errors import InvalidRequest, Rule, Violation
from pointport.plumbing.queries.fields import Field, Kind

LIST_VALUES_MAX = 500
SHOWN_CHARACTERS_MAX = 100

_INTEGER_MIN, _INTEGER_MAX = -(2**63), 2**63 - 1
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


def refuse(path: str, description: str, rule: Rule = "VALIDATION", **data: Any) -> NoReturn:
    """Raise InvalidRequest with one violation (contract.md 1.6)."""
    raise InvalidRequest(Violation(field=path, description=description, rule=rule, data=data))


def shown(text: str) -> str:
    """Give the caller's own words back, short enough for a sentence and always encodable as UTF-8."""
    cut = text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]}…"
    return cut.encode("utf-8", "backslashreplace").decode()


def read_object(json: Any, path: str) -> Mapping[str, Any]:
    """Read a JSON object; null and absent are an empty one. Raises InvalidRequest for anything else."""
    if json is None:
        return {}
    if not isinstance(json, Mapping):
        refuse(path, "must be an object", "FORMAT", type="object")
    return json


def read_list(json: Any, path: str) -> list[Any]:
    """Read a JSON array. Raises InvalidRequest for anything else."""
    if not isinstance(json, list):
        refuse(path, "must be an array", "FORMAT", type="array")
    return json


def read_boolean(json: Any, path: str) -> bool:
    """Read true or false. Raises InvalidRequest for anything else."""
    if not isinstance(json, bool):
        refuse(path, "must be true or false", "FORMAT", type="boolean")
    return json


def read_text(json: Any, path: str) -> str:
    """Read text that PostgreSQL can hold: neither NUL nor half a surrogate pair. Raises InvalidRequest otherwise."""
    if not isinstance(json, str):
        refuse(path, "must be text", "FORMAT", type="text")
    if "\0" in json or any("\ud800" <= character <= "\udfff" for character in json):
        refuse(path, "must not hold NUL characters or lone surrogates", "FORMAT", type="text")
    return json


def read_value(field: Field, json: Any, path: str) -> Any:
    """Read one value, not null, as what `field` is compared with. Raises InvalidRequest when it is not of its kind."""
    return _READERS[field.kind](field, json, path)


def read_values(field: Field, json: Any, path: str) -> list[Any]:
    """Read a list of values and nulls, each once. Raises InvalidRequest, also for more than LIST_VALUES_MAX."""
    values = read_list(json, path)
    if len(values) > LIST_VALUES_MAX:
        refuse(path, f"must hold at most {LIST_VALUES_MAX} values", "MAX_SIZE", threshold=LIST_VALUES_MAX)
    read = [
        None if value is None else read_value(field, value, f"{path}[{index}]") for index, value in enumerate(values)
    ]
    return list(dict.fromkeys(read))


def write_value(value: Any) -> Any:
    """Write a value of the database as JSON that `read_value` reads back exactly, microseconds included."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, UUID) else value


def _read_guid(_: Field, json: Any, path: str) -> UUID:
    if not isinstance(json, str):
        refuse(path, "must be a GUID, as text", "FORMAT", type="GUID")
    if not _GUID.fullmatch(json):
        refuse(path, f"value '{shown(json)}' is not a valid GUID", "FORMAT", type="GUID")
    return UUID(json)


def _read_integer(_: Field, json: Any, path: str) -> int:
    # JSON may write 1000 as 1e3. Points and counts are numbers, never text (contract.md 1.5).
    whole_float = isinstance(json, float) and json.is_integer()
    if isinstance(json, bool) or not (isinstance(json, int) or whole_float):
        refuse(path, "must be a whole number", "FORMAT", type="integer")
    value = int(json)
    if value < _INTEGER_MIN:
        refuse(path, f"must be at least {_INTEGER_MIN}", "MIN", threshold=_INTEGER_MIN)
    if value > _INTEGER_MAX:
        refuse(path, f"must be at most {_INTEGER_MAX}", "MAX", threshold=_INTEGER_MAX)
    return value


def _read_timestamp(_: Field, json: Any, path: str) -> datetime:
    """Read ISO 8601; without a zone it is UTC, and what is finer than a microsecond is cut off."""
    if not isinstance(json, str):
        refuse(path, "must be a date and time in ISO 8601, as text", "FORMAT", type="timestamp")
    if _TIMESTAMP.fullmatch(json):
        try:
            read = datetime.fromisoformat(json)
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # Well written, but no such day or hour, or before year 1 or after 9999 in UTC.
    refuse(path, f"value '{shown(json)}' is not a valid ISO 8601 date and time", "FORMAT", type="timestamp")


def _read_name(field: Field, json: Any, path: str) -> str:
    if not isinstance(json, str) or json not in field.values:
        refuse(path, f"must be one of {', '.join(sorted(field.values))}", "INVALID_ENUM_VALUE")
    return json


_READERS = {
    Kind.TEXT: lambda _, json, path: read_text(json, path),
    Kind.GUID: _read_guid,
    Kind.INTEGER: _read_integer,
    Kind.TIMESTAMP: _read_timestamp,
    Kind.BOOLEAN: lambda _, json, path: read_boolean(json, path),
    Kind.ENUM: _read_name,
}
