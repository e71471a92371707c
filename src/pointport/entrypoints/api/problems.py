"""The one table from an error to an HTTP answer (contract.md 1.6)."""

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from pointport.errors import (
    Conflict,
    FileRejected,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    PointportError,
    PreconditionFailed,
    Rule,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Violation,
)
from pointport.wire.base import timestamp

logger = logging.getLogger(__name__)

STATUS: Mapping[type[PointportError], HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    FileRejected: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    PermissionDenied: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    PreconditionFailed: HTTPStatus.PRECONDITION_REQUIRED,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

TOLD: Mapping[type[PointportError], str] = {
    InvalidRequest: "The request breaks a rule; each field that does is named",
    Unauthenticated: "The API key is missing, unknown or revoked",
    PermissionDenied: "The API key belongs to another site, or lacks the scope",
    NotFound: "There is no such thing, as far as this key may know",
    Conflict: "It exists already, or has changed since the revision that was sent",
    TooLarge: "The body is larger than it may be",
    PreconditionFailed: "Not in its present state",
    TooManyRequests: "More requests than the server allows this key in a minute; wait for the seconds in `Retry-After`",
    Unavailable: "The database or the file store does not answer; nothing was changed",
}
"""What each means to a client, for the API's description."""

RETRY_AFTER_SECONDS: Mapping[type[PointportError], int] = {TooManyRequests: 60, Unavailable: 5}

WORDS: Mapping[str, tuple[Rule, str]] = {
    "missing": ("REQUIRED_FIELD", "is missing"),
    "string_too_short": ("MIN_LENGTH", "must have at least {min_length} characters"),
    "too_short": ("MIN_SIZE", "has fewer items than {min_length}"),
    "too_long": ("MAX_SIZE", "has more items than {max_length}"),
    "string_too_long": ("MAX_LENGTH", "must have at most {max_length} characters"),
    "greater_than_equal": ("MIN", "must be at least {ge}"),
    "less_than_equal": ("MAX", "must be at most {le}"),
    "enum": ("INVALID_ENUM_VALUE", "must be {expected}"),
    "literal_error": ("INVALID_ENUM_VALUE", "must be {expected}"),
}
"""What pydantic calls an error, the contract's word for it, and ours."""

THRESHOLDS = ("min_length", "max_length", "ge", "le")

TYPES: Mapping[str, tuple[str, str]] = {
    "string": ("text", "must be text"),
    "int": ("integer", "must be a whole number"),
    "bool": ("boolean", "must be true or false"),
    "list": ("array", "must be an array"),
    "dict": ("object", "must be an object"),
    "model": ("object", "must be an object"),
}
"""The first word of what pydantic calls a value of another type, the name of the right one, and our words."""

NO_JSON = InvalidRequest(Violation("body", "is not valid JSON", "FORMAT"))

TOO_DEEP = InvalidRequest(Violation("body", "is nested too deeply", "MAX"))

METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")

OURS = re.compile(r"[a-z]+(?:_[a-z]+)+")
"""A field as inner rooms spell it. What a caller sent has a dot or a place in it, or is spelled as on the wire."""


def install(api: FastAPI) -> None:
    """Have every error answered from this table."""
    api.add_exception_handler(PointportError, _known)  # type: ignore[arg-type]
    api.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]
    api.add_exception_handler(HTTPException, _http)  # type: ignore[arg-type]


def can_fail(*errors: type[PointportError]) -> dict[int | str, dict[str, Any]]:
    """Return what a route says of the errors that it has beyond those of every call; to be its `responses`."""
    return {STATUS[error].value: {"description": TOLD[error]} for error in errors}


def answer(error: PointportError, status: HTTPStatus | None = None) -> JSONResponse:
    """Return the answer to an error of ours; the status is the table's unless another is given."""
    status = status or STATUS.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS[type(error)])} if error.retry else None
    if isinstance(error, InvalidRequest):
        return JSONResponse(_violations(error.violations), status, headers)
    return JSONResponse(_application_error(error.reason, error.message, error.data), status, headers)


async def _known(_: Request, error: PointportError) -> JSONResponse:
    return answer(error)


async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    """What is wrong with what a call takes."""
    return answer(InvalidRequest(*(_violation(found) for found in error.errors())))


def _violation(found: Mapping[str, Any]) -> Violation:
    # The first part of the place says where in the request, which is known from the call.
    place = found["loc"][1:] or ("body",)
    # `contactIds[]` is another spelling of `contactIds` (contract.md 1.2).
    parts = [part.removesuffix("[]") if isinstance(part, str) else part for part in place]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
    kind, context = str(found["type"]), dict(found.get("ctx") or {})
    if kind == "REQUIRED_ONE":  # bodies.require_one: what is missing has no place of its own
        prefix = "" if field == "body" else f"{field}."
        return Violation(f"{prefix}{context['first']}", f"is missing, or else {context['others']}", "REQUIRED_FIELD")
    if kind.isupper():  # one of wire.py's own, with the contract's rule; the value is in the words already
        context.pop("value", None)
        return Violation(field, found["msg"], cast("Rule", kind), context)
    if kind in WORDS:
        rule, words = WORDS[kind]
        threshold = next((context[name] for name in THRESHOLDS if name in context), None)
        data = {} if threshold is None else {"threshold": threshold}
        return Violation(field, words.format(**context), rule, data)
    if kind.partition("_")[0] in TYPES:
        name, words = TYPES[kind.partition("_")[0]]
        return Violation(field, words, "FORMAT", {"type": name})
    description = str(found["msg"])
    return Violation(field, description[:1].lower() + description[1:])


async def _http(request: Request, error: HTTPException) -> JSONResponse:
    """Unknown paths and methods, and bodies that are too large."""
    if isinstance(error.__cause__, PointportError):
        return answer(error.__cause__, HTTPStatus(error.status_code))
    body = _application_error(HTTPStatus(error.status_code).name, str(error.detail), {})
    headers = {"Allow": ", ".join(_methods(request))} if "Allow" in (error.headers or {}) else None
    return JSONResponse(body, error.status_code, headers)


def _methods(request: Request) -> list[str]:
    """Return the methods that the path has; the error names those of the first route only."""
    routes = request.app.router.routes
    scopes = {method: {**request.scope, "method": method} for method in METHODS}
    return [name for name, scope in scopes.items() if any(route.matches(scope)[0] is Match.FULL for route in routes)]


def _application_error(code: str, message: str, data: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"code": code, "description": message}
    if data:
        found["data"] = {
            name: timestamp(value) if isinstance(value, datetime) else value for name, value in data.items()
        }
    return {"message": message, "details": {"applicationError": found}}


def _violations(violations: Sequence[Violation]) -> dict[str, Any]:
    listed = []
    for violation in violations:
        found: dict[str, Any] = {
            "field": _wire_name(violation.field),
            "description": violation.description,
            "violatedRule": violation.rule,
        }
        if violation.data:
            found["data"] = dict(violation.data)
        listed.append(found)
    told = "; ".join(f'"{found["field"]}" {found["description"]}' for found in listed)
    return {"message": f"INVALID_ARGUMENT: {told}", "details": {"validationError": {"fieldViolations": listed}}}


def _wire_name(field: str) -> str:
    """Inner rooms name fields in our spelling; on the wire they are in camelCase."""
    if not OURS.fullmatch(field):
        return field
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)
