"""The description of the API (OpenAPI 3.1), and the pages that show it, served by us alone."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse
from pydantic import TypeAdapter

from pointport.entrypoints.api.examples import EXAMPLES
from pointport.entrypoints.api.problems import STATUS, TOLD
from pointport.errors import (
    InvalidRequest,
    NotFound,
    PermissionDenied,
    PointportError,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from pointport.plumbing.queries import Resource
from pointport.plumbing.queries.schema import filter_schema, query_schema, search_schema, text_schema
from pointport.settings import Settings
from pointport.wire.contacts import ContactLoad
from pointport.wire.errors import ErrorAnswer, InvalidRequestAnswer

Json = dict[str, Any]

DESCRIPTION = """\
The Imports, Accounts, Transactions and Programs APIs are those of Wix Loyalty, so
that programs written for them work unchanged; paths under `/pointport` are Pointport's own.

Send the API key in `Authorization` and the site's id in `wix-site-id`. Every answer carries `X-Wix-Request-Id`: the
server's log says more under it.
"""
SECURITY: Json = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "An API key, as it is"},
    "site": {"type": "apiKey", "in": "header", "name": "wix-site-id", "description": "The id of the key's site"},
}
REQUEST_ID: Json = {
    "X-Wix-Request-Id": {
        "description": "The name of this answer in the server's log",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    }
}
ALWAYS: tuple[type[PointportError], ...] = (InvalidRequest, TooManyRequests, Unavailable)
WITH_KEY: tuple[type[PointportError], ...] = (Unauthenticated, PermissionDenied)
SHAPES = (ContactLoad, ErrorAnswer, InvalidRequestAnswer)
"""What answers refer to that FastAPI does not see."""
MARKS = {"x-query": "Query", "x-filter": "Filter", "x-search": "Search", "x-text": "Text"}
"""How bodies mark what is described elsewhere (`bodies.query_of` and its neighbours)."""
REFERENCE = "#/components/schemas/{}"

STATIC = Path(__file__).parent / "static"
PAGE = STATIC / "docs"
SWAGGER_UI = STATIC / "swagger-ui"
FILES = {
    "": PAGE / "index.html",
    "docs.js": PAGE / "docs.js",
    "docs.css": PAGE / "docs.css",
    "swagger-ui-bundle.js": SWAGGER_UI / "swagger-ui-bundle.js",
    "swagger-ui.css": SWAGGER_UI / "swagger-ui.css",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False)


def describe(api: FastAPI, resources: Iterable[Resource], settings: Settings) -> Json:
    """Return the OpenAPI document: FastAPI's own, with our errors, security, queries, limits and examples."""
    document = get_openapi(
        title=api.title, version=api.version, summary=api.summary, description=DESCRIPTION, routes=api.routes
    )
    resources = tuple(resources)
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for shape in SHAPES:
        found = TypeAdapter(shape).json_schema(ref_template=REFERENCE.format("{model}"))
        schemas.update(found.pop("$defs", {}))
        schemas[shape.__name__] = found
    for resource in resources:
        reference = REFERENCE.format(schema_name(resource, "Filter"))
        schemas[schema_name(resource, "Filter")] = filter_schema(resource, reference)
        schemas[schema_name(resource, "Query")] = query_schema(resource, reference)
        if resource.search:
            schemas[schema_name(resource, "Text")] = text_schema(resource)
            text = REFERENCE.format(schema_name(resource, "Text"))
            schemas[schema_name(resource, "Search")] = search_schema(resource, reference, text)
    document["components"]["securitySchemes"] = SECURITY
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    _refer(document, {resource.name: resource for resource in resources})
    _tidied(document, settings)
    return document


def schema_name(resource: Resource, kind: str) -> str:
    """Return what the schema of a resource's queries, filters, searches or free texts is called."""
    return f"{_pascal(resource.name)}{kind}"


@router.get("/docs")
def show_docs() -> FileResponse:
    """Show the API's description as pages to read and to try."""
    return show_docs_file("")


@router.get("/docs/{name}")
def show_docs_file(name: str) -> FileResponse:
    """Send a file of those pages."""
    if name not in FILES:
        raise NotFound(f"there is no {name} here")
    return FileResponse(FILES[name], headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"})


def _complete(path: str, operation: Json) -> None:
    """Add what FastAPI cannot know: the errors with their shapes, the key, the answer's name, the examples."""
    operation["summary"] = operation["description"].partition("\n")[0].removesuffix(".")
    with_key = not path.startswith("/files/")
    responses = operation["responses"]
    responses.pop("422", None)
    errors = (*ALWAYS, *(WITH_KEY if with_key else ()), *((TooLarge,) if "requestBody" in operation else ()))
    for error in errors:
        responses.setdefault(str(STATUS[error].value), {"description": TOLD[error]})
    for status, response in responses.items():
        response["headers"] = {**response.get("headers", {}), **REQUEST_ID}
        if int(status) >= HTTPStatus.BAD_REQUEST:
            shape = InvalidRequestAnswer if int(status) == HTTPStatus.BAD_REQUEST else ErrorAnswer
            response["content"] = {"application/json": {"schema": {"$ref": REFERENCE.format(shape.__name__)}}}
    responses["500"] = {"description": "A fault of ours; the log knows it by the answer's name", "headers": REQUEST_ID}
    operation["responses"] = dict(sorted(responses.items()))
    if with_key:
        operation["security"] = [{name: [] for name in SECURITY}]
    example = EXAMPLES.get(operation["operationId"])
    if example is None:
        return
    if example.request is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example.request
    operation["responses"]["200"]["content"]["application/json"]["example"] = example.answer


def _refer(part: Any, resources: Mapping[str, Resource]) -> None:
    """Put in the references to queries and filters, which stand in the bodies as marks (`bodies.query_of`)."""
    if isinstance(part, dict):
        for mark, kind in MARKS.items():
            if mark in part:
                reference = {"$ref": REFERENCE.format(schema_name(resources[part.pop(mark)], kind))}
                optional = "anyOf" in part
                part.clear()
                part.update({"anyOf": [reference, {"type": "null"}]} if optional else reference)
        for inner in part.values():
            _refer(inner, resources)
    elif isinstance(part, list):
        for inner in part:
            _refer(inner, resources)


def _tidied(part: Any, settings: Settings) -> None:
    """Take out the titles that are only the name again, and say limits as JSON Schema does, where pydantic does not."""
    if isinstance(part, dict):
        if isinstance(part.get("title"), str) and not {"type", "anyOf", "$ref"}.isdisjoint(part):
            del part["title"]
        if "type" in part:
            for name, keyword in (("ge", "minimum"), ("le", "maximum")):
                if name in part:
                    part[keyword] = part.pop(name)
        if "x-maximum" in part:
            limit = part.pop("x-maximum")
            part["maximum"] = getattr(settings, limit) if isinstance(limit, str) else limit
        for inner in part.values():
            _tidied(inner, settings)
    elif isinstance(part, list):
        for inner in part:
            _tidied(inner, settings)


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))
