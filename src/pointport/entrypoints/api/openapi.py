"""The description of the API (OpenAPI 3.1); loaded when it is first asked for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from pointport.entrypoints.api import openapi_events, openapi_failures
from pointport.entrypoints.api.examples import EXAMPLES
from pointport.plumbing.queries import Resource
from pointport.plumbing.queries.schema import query_schemas, schema_name
from pointport.settings import Settings
from pointport.wire.contacts import ContactLoad
from pointport.wire.errors import ErrorAnswer, FaultAnswer, InvalidRequestAnswer

Json = dict[str, Any]

DESCRIPTION = """\
The Imports, Accounts, Transactions, Programs and Contacts APIs are those of Wix Loyalty and Wix Contacts, so that programs
written for them work unchanged; paths under `/pointport` are Pointport's own.

Send the API key in `Authorization` and the site's id in `wix-site-id`. Every answer carries `X-Wix-Request-Id`: the
server's log says more under it. Success is 200, always.

Each call is described once, and is answered under other prefixes too, since clients differ in them:

| Here | Also |
| --- | --- |
| `/_api/loyalty-imports/v1/…` | `/loyalty-imports/v1/…`, `/v1/…` |
| `/loyalty-accounts/v1/…` | `/_api/loyalty-accounts/v1/…`, `/v1/…` |
| `/async-jobs/v1/…` | `/_api/async-jobs/v1/…`, `/v1/…` |
| `/loyalty-transactions/v1/…` | `/_api/loyalty-transactions/v1/…`, `/v1/…` |
| `/loyalty-programs/v1/…` | `/_api/loyalty-programs/v1/…`, `/v1/…` |
| `/contacts/v4/…` | `/_api/contacts/v4/…` |

Two calls that need no key are for whoever watches the server: `GET /healthz` answers `{"alive": true}` while the process
lives, `GET /readyz` answers `{"ready": true}` while it can work, and 503 as any other call while it cannot.
"""
SECURITY: Json = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "An API key, as it is"},
    "site": {"type": "apiKey", "in": "header", "name": "wix-site-id", "description": "The id of the key's site"},
}
SHAPES = (ContactLoad, ErrorAnswer, FaultAnswer, InvalidRequestAnswer, *openapi_events.SHAPES)
"""What is referred to that FastAPI does not see."""
MARKS = {"x-query": "Query", "x-filter": "Filter", "x-search": "Search", "x-text": "Text"}
"""How bodies mark what is described elsewhere (`bodies.query_of` and its neighbours)."""
REFERENCE = "#/components/schemas/{}"
LINES = "application/x-ndjson"


def describe(api: FastAPI, routes: Sequence[APIRoute], resources: Iterable[Resource], settings: Settings) -> Json:
    """Return the OpenAPI document: FastAPI's own, with our errors, security, queries, limits, examples and webhooks."""
    document = get_openapi(
        title=api.title, version=api.version, summary=api.summary, description=DESCRIPTION, routes=routes
    )
    resources = tuple(resources)
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for shape in SHAPES:
        found = TypeAdapter(shape).json_schema(ref_template=REFERENCE.format("{model}"))
        schemas.update(found.pop("$defs", {}))
        schemas[shape.__name__] = found
    for name, example in openapi_events.examples().items():
        schemas[name]["examples"] = [example]
    schemas.update(query_schemas(resources, REFERENCE))
    used: set[str] = set()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            used.update(_complete(path, operation))
    _refer(document, {resource.name: resource for resource in resources})
    _tidied(document, settings)
    _made_plain(document)
    document["components"] |= {
        "responses": openapi_failures.responses(sorted(used), REFERENCE),
        "headers": openapi_failures.HEADERS,
        "securitySchemes": SECURITY,
    }
    document["webhooks"] = openapi_events.webhooks(REFERENCE)
    return document


def _complete(path: str, operation: Json) -> set[str]:
    """Add what FastAPI cannot know: errors, the key, the answer's name, examples. Return which answers are shared."""
    operation["summary"] = operation["description"].partition("\n")[0].removesuffix(".")
    with_key = not path.startswith("/files/")
    if with_key:
        operation["security"] = [{name: [] for name in SECURITY}]
    failures = openapi_failures.failures(operation, with_key=with_key)
    success = operation["responses"]["200"]
    success["headers"] = openapi_failures.REQUEST_ID
    operation["responses"] = {
        "200": success,
        **{status: openapi_failures.reference(name) for status, name in sorted(failures.items())},
    }
    if LINES in success["content"]:
        # OpenAPI 3.1 has no words for several values in a body: it is text, and of its shape is each line.
        shape = success["content"][LINES]["schema"]
        success["content"][LINES]["schema"] = {"type": "string", "contentMediaType": LINES, "contentSchema": shape}
    _illustrate(operation)
    return set(failures.values())


def _illustrate(operation: Json) -> None:
    """Put in the call's example."""
    example = EXAMPLES.get(operation["operationId"])
    if example is None:
        return
    for content in operation["responses"]["200"]["content"].values():
        content["example"] = example.answer
    if example.request is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example.request
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in example.parameters:
            parameter["example"] = example.parameters[parameter["name"]]


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


def _made_plain(document: Json) -> None:
    """Say the same so that generators of clients follow.

    They take `anyOf` for all that there is to an object, and forget the members that stand beside it; and none of them
    leaves out a body that is one thing or another.
    """
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        for choice in ("anyOf", "oneOf"):
            if {choice, "properties"} <= schema.keys():
                schema["allOf"] = [{choice: schema.pop(choice)}]
    for operations in document["paths"].values():
        for operation in operations.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                match content["schema"]:
                    case {"anyOf": [{"$ref": str(reference)}, {"type": "null"}]}:
                        content["schema"] = {"$ref": reference}
                        body = schemas[reference.rpartition("/")[2]]
                        body.pop("type", None)
                        body["allOf"] = [{"type": ["object", "null"]}]
