"""The one table from an error to an HTTP answer (contract.md 1.6)."""

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pointport.errors import (
    Conflict,
    FileRejected,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    PointportError,
    PreconditionFailed,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Violation,
)

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
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

RETRY_AFTER_SECONDS = 5

HTTP_CODES: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "INVALID_ARGUMENT",
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
    HTTPStatus.METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED",
}

RULES: Mapping[str, str] = {
    "missing": "REQUIRED_FIELD",
    "string_too_short": "MIN_LENGTH",
    "string_too_long": "MAX_LENGTH",
    "too_short": "MIN_SIZE",
    "too_long": "MAX_SIZE",
    "greater_than_equal": "MIN",
    "less_than_equal": "MAX",
    "enum": "INVALID_ENUM_VALUE",
    "uuid_parsing": "FORMAT",
    "uuid_type": "FORMAT",
}
"""What pydantic calls an error, and the contract's word for it; any other is VALIDATION."""

SNAKE = re.compile(r"_([a-z])")


def install(api: FastAPI) -> None:
    """Have every error answered from this table."""
    api.add_exception_handler(PointportError, _known)  # type: ignore[arg-type]
    api.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]
    api.add_exception_handler(HTTPException, _http)  # type: ignore[arg-type]


def answer(error: PointportError) -> JSONResponse:
    """Return the answer to an error of ours."""
    status = STATUS.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.retry else None
    if isinstance(error, InvalidRequest):
        return JSONResponse(_violations(error.violations), status, headers)
    return JSONResponse(_application_error(error.reason, error.message, error.data), status, headers)


def _known(_: Request, error: PointportError) -> JSONResponse:
    return answer(error)


def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    """What FastAPI found wrong with a request before our code saw it."""
    if any(found["type"] == "json_invalid" for found in error.errors()):
        return answer(InvalidRequest(Violation("body", "is not valid JSON", "FORMAT")))
    return answer(InvalidRequest(*(_violation(found) for found in error.errors())))


def _violation(found: Mapping[str, Any]) -> Violation:
    place = [part for part in found["loc"] if part not in {"body", "query", "path"}] or ["body"]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    description = str(found["msg"]).removeprefix("Value error, ")
    return Violation(field, description[:1].lower() + description[1:], RULES.get(found["type"], "VALIDATION"))


def _http(_: Request, error: HTTPException) -> JSONResponse:
    """Unknown paths and methods, and bodies that are no text."""
    code = HTTP_CODES.get(error.status_code, HTTPStatus(error.status_code).name)
    body = _application_error(code, str(error.detail), {})
    return JSONResponse(body, error.status_code, headers=dict(error.headers or {}))


def _application_error(code: str, message: str, data: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"code": code, "description": message}
    if data:
        found["data"] = dict(data)
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
    return SNAKE.sub(lambda match: match[1].upper(), field)
