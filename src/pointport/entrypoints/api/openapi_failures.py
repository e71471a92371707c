"""The answers that are no success, in the API's description: each once, with examples, and referred to by calls."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from pointport.entrypoints.api.examples.failures import BY_CALL, FAILURES, Failure
from pointport.entrypoints.api.problems import RETRY_AFTER_SECONDS, STATUS, TOLD, answer
from pointport.errors import (
    InvalidRequest,
    PermissionDenied,
    PointportError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from pointport.wire.errors import ErrorAnswer, FaultAnswer, InvalidRequestAnswer

Json = dict[str, Any]

HEADERS: Json = {
    "RequestId": {
        "description": "The name of this answer in the server's log",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "RetryAfter": {
        "description": "After how many seconds the same request may succeed",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
}
REQUEST_ID: Json = {"X-Wix-Request-Id": {"$ref": "#/components/headers/RequestId"}}
RETRY_AFTER: Json = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
FAULT = "Fault"
ALWAYS: tuple[type[PointportError], ...] = (InvalidRequest, TooManyRequests, Unavailable)
WITH_KEY: tuple[type[PointportError], ...] = (Unauthenticated, PermissionDenied)
COMMON = {status: error.__name__ for error, status in reversed(tuple(STATUS.items()))}
"""What an answer is called that a call has, but not as its own; of two errors with a status, the first names it."""
MEANING = {STATUS[error]: told for error, told in TOLD.items()}


def failures(operation: Json, *, with_key: bool) -> dict[str, str]:
    """Return what the failures of a call are called, by status: its own, or else those of every call."""
    declared = (HTTPStatus(int(status)) for status in operation["responses"] if status not in {"200", "422"})
    names = [COMMON[status] for status in declared]
    names += [error.__name__ for error in (*ALWAYS, *(WITH_KEY if with_key else ()))]
    if "requestBody" not in operation:
        names.append("InvalidParameter")
    elif with_key:  # what is uploaded has a limit of its own
        names.append("BodyTooLarge")
    names += BY_CALL.get(operation["operationId"], ())
    return {
        str(HTTPStatus.INTERNAL_SERVER_ERROR.value): FAULT,
        **{str(FAILURES[name].status.value): name for name in names},
    }


def reference(name: str) -> Json:
    """Return the reference to a failure's description."""
    return {"$ref": f"#/components/responses/{name}"}


def responses(names: Iterable[str], schema_reference: str) -> dict[str, Json]:
    """Return the descriptions of the failures that are called so; `schema_reference` has a place `{}` for a name."""
    described = {name: _response(FAILURES[name], schema_reference) for name in names if name != FAULT}
    fault = {"schema": {"$ref": schema_reference.format(FaultAnswer.__name__)}, "examples": {"INTERNAL": {"value": {}}}}
    return {
        **described,
        FAULT: {
            "description": "A fault of ours; the log knows it by the answer's name",
            "headers": REQUEST_ID,
            "content": {"application/json": fault},
        },
    }


def _response(failure: Failure, schema_reference: str) -> Json:
    """Describe a failure by the very answers that its errors get."""
    shapes = {InvalidRequestAnswer if isinstance(one, InvalidRequest) else ErrorAnswer: None for one in failure.errors}
    references = [{"$ref": schema_reference.format(shape.__name__)} for shape in shapes]
    retried = any(type(error) in RETRY_AFTER_SECONDS for error in failure.errors)
    return {
        "description": MEANING[failure.status],
        "headers": REQUEST_ID | (RETRY_AFTER if retried else {}),
        "content": {
            "application/json": {
                "schema": references[0] if len(references) == 1 else {"anyOf": references},
                "examples": {
                    name: {"value": json.loads(bytes(answer(error).body))} for name, error in _named(failure.errors)
                },
            }
        },
    }


def _named(errors: Iterable[PointportError]) -> Iterator[tuple[str, PointportError]]:
    """Return each error with its code; of several with the same one, the others are numbered."""
    seen = Counter[str]()
    for error in errors:
        code = _code(error)
        seen[code] += 1
        yield code if seen[code] == 1 else f"{code}_{seen[code]}", error


def _code(error: PointportError) -> str:
    """Return the word in an error by which programs tell it from others."""
    return error.violations[0].rule if isinstance(error, InvalidRequest) else error.reason
