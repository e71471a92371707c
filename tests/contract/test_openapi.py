"""The API's description (design.md 1): whole, true, and shown by us alone."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jsonschema_rs
import pytest
from starlette.testclient import TestClient

from pointport.app import App
from pointport.entrypoints.api.docs_pages import SWAGGER_UI
from pointport.entrypoints.api.server import SERVICES, create_api
from pointport.settings import Settings
from tests.contract.conftest import IMPORTS, NOBODY, Json

OPEN = {f"/files/{purpose}/{{ticket}}" for purpose in ("upload", "download", "certificate", "report")}


@pytest.fixture(scope="session")
def document() -> Json:
    """The document, as the server sends it; it needs neither a database nor a file store."""
    app = SimpleNamespace(settings=Settings(DATABASE_URL=None))
    found: Json = TestClient(create_api(cast("App", app))).get("/openapi.json").json()
    return found


def operations(document: Json) -> list[tuple[str, Json]]:
    """Every operation with its path."""
    return [(path, one) for path, methods in document["paths"].items() for one in methods.values()]


def validator(document: Json, schema: Json) -> Any:
    """What holds a value to a schema of the document."""
    return jsonschema_rs.validator_for({**schema, "components": document["components"]}, validate_formats=True)


def resolved(document: Json, part: Json) -> Json:
    """What a part refers to, or the part itself."""
    if "$ref" not in part:
        return part
    found = document
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def test_every_call_says_what_it_does_and_how_it_fails(document: Json) -> None:
    """1.6: 400, 429, 500 and 503 can come of any call, 401 and 403 of any that needs a key."""
    for path, operation in operations(document):
        with_key = path not in OPEN
        assert operation["description"], path
        assert {"400", "429", "500", "503"} <= set(operation["responses"]), path
        assert ({"401", "403"} <= set(operation["responses"])) or not with_key, path
        assert operation.get("security") == ([{"apiKey": [], "site": []}] if with_key else None), path
        assert "422" not in operation["responses"], path
        for status, reference in operation["responses"].items():
            response = resolved(document, reference)
            assert resolved(document, response["headers"]["X-Wix-Request-Id"])["required"], path
            assert ("Retry-After" in response["headers"]) == (status in {"429", "503"}), (path, status)
            assert response["content"], (path, status)


def references(part: Any) -> Iterator[str]:
    """Every `$ref` of the document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_every_reference_leads_somewhere(document: Json) -> None:
    """A client can be generated from it: no name is missing, and none is there that nothing refers to."""
    named = {kind: document["components"][kind] for kind in ("schemas", "responses", "headers")}
    assert set(references(document)) == {f"#/components/{kind}/{name}" for kind in named for name in named[kind]}


def test_the_description_names_all_that_it_does_not_describe(document: Json) -> None:
    """1.1: the other prefixes; and the two calls for whoever watches the server."""
    told = document["info"]["description"]
    for service in SERVICES:
        version = "v4" if service.name == "contacts" else "v1"
        if service.aliases:
            aliases = ", ".join(f"`{alias}/{version}/…`" for alias in sorted(service.aliases, reverse=True))
            assert f"| `{service.prefix}/{version}/…` | {aliases} |" in told
    assert "`GET /healthz`" in told
    assert "`GET /readyz`" in told


def test_every_answer_has_a_shape(document: Json) -> None:
    """No answer is just any object."""
    for path, operation in operations(document):
        for kind, content in operation["responses"]["200"]["content"].items():
            assert content.get("schema", {}) not in ({}, {"type": "object", "additionalProperties": True}), (path, kind)


def test_the_description_of_a_query_is_its_language(client: TestClient, document: Json) -> None:
    """1.7: what the schema takes is taken, and what it refuses is refused."""
    body = document["paths"][f"{IMPORTS}/query"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema = validator(document, body)
    moment = "2026-03-04T05:06:07.089Z"
    queries: list[Any] = [
        {},
        {"filter": {"status": "IMPORTED"}},
        {"filter": {"status": None}},
        {"filter": {"$and": [{"status": {"$ne": "IMPORTED"}}, {"updatedDate": {"$lte": moment}}]}},
        {"filter": {"$not": {"status": {"$eq": "FAILED"}}}, "sort": [{"fieldName": "status", "order": None}]},
        {"filter": {"status": {"$hasSome": ["FAILED", None]}, "createdDate": {"$exists": True}}},
        {"cursorPaging": {"limit": 100}, "paging": None},
        {"cursorPaging": {"limit": 101}},
        {"paging": {"limit": 1}},
        {"cursorPaging": {"limit": "1"}},
        {"filter": {"id": "x"}},
        {"filter": {"status": {}}},
        {"filter": {"status": "imported"}},
        {"filter": {"status": {"$regex": "I"}}},
        {"filter": {"createdDate": {"$gt": "yesterday"}}},
        {"filter": {"createdDate": {"$startsWith": "2026"}}},
        {"filter": {"$or": {"status": "FAILED"}}},
        {"filter": {"$not": []}},
        {"sort": [{"fieldName": "id"}]},
        {"sort": [{"order": "ASC"}]},
        {"sort": [{"fieldName": "status"}, {"fieldName": "status", "order": "DESC"}]},
        {"sort": [{"fieldName": "status", "order": "UP"}]},
    ]
    taken = [client.post(f"{IMPORTS}/query", json={"query": query}).status_code == 200 for query in queries]
    assert taken == [schema.is_valid({"query": query}) for query in queries]
    assert taken == [True] * 7 + [False] * (len(queries) - 7)


def test_limits_are_described_as_they_are(app: App, document: Json) -> None:
    """1.5, 2.3: a number that the description allows is not refused for being too large or too small."""
    schemas = document["components"]["schemas"]
    size, _ = schemas["CreateImport"]["properties"]["fileSize"]["anyOf"]
    assert size == {"type": "integer", "minimum": 0, "maximum": app.settings.upload_bytes_max}
    text, number, _ = schemas["AdjustPoints"]["properties"]["revision"]["anyOf"]
    assert number == {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
    assert [bool(re.search(text["pattern"], revision)) for revision in ("1", "0", "-1", "9" * 18)] == [1, 0, 0, 1]


def test_calls_that_may_be_sent_again_say_so(document: Json) -> None:
    """`Idempotency-Key`: optional, and its schema takes what the server takes."""
    for path in (IMPORTS, f"{IMPORTS}/execute", f"{IMPORTS}/retry"):
        (header,) = document["paths"][path]["post"]["parameters"]
        assert (header["name"], header["in"], header["required"]) == ("Idempotency-Key", "header", False)
        assert "24 hours" in header["description"]
        schema = validator(document, header["schema"])
        keys = ("x", "a b", "~" * 255, "", " a", "a ", "a\tb", "a\0", "ä", "x" * 256)
        assert [schema.is_valid(key) for key in keys] == [True] * 3 + [False] * 7


def test_a_retry_is_of_a_file_or_of_corrections(document: Json) -> None:
    """design.md 8: one of them, and not both; null is absent (1.5)."""
    body = document["paths"][f"{IMPORTS}/retry"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema = validator(document, body)
    import_id: Json = {"loyaltyImportId": str(NOBODY)}
    lines: Json = {"corrections": [{"line": 3, "points": 20}]}
    file: Json = {"fileUrl": f"/sites/{NOBODY}/{NOBODY}.csv"}
    none: Json = {"fileUrl": None, "corrections": None}
    bodies: list[Json] = [file, lines, none | file, none | lines, none, {}, file | lines, {"corrections": []}]
    assert [schema.is_valid(import_id | one) for one in bodies] == [True] * 4 + [False] * 4
    for points, valid in ((20, True), ("20", True), (None, True), (1.5, False), (True, False), ([], False)):
        assert schema.is_valid(import_id | {"corrections": [{"line": 3, "points": points}]}) == valid, points


def test_every_reason_of_a_failed_import_is_named(document: Json) -> None:
    """design.md 8: by which programs tell a guard rail from a fault of ours."""
    reason = document["components"]["schemas"]["Ours"]["properties"]["failureReason"]
    for name in ("GUARD_RAIL", "TOO_MANY_FAILED_ROWS", "CANCELLED", "FILE_CHANGED", "INTERNAL_ERROR"):
        assert name in reason["description"]


def test_the_pages_are_ours_alone(client: TestClient) -> None:
    """Nothing is fetched from elsewhere: no page names another host, and the browser is told to ask none."""
    page = client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "//" not in page.text.replace("<!doctype html>", "")
    for name in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text):
        assert client.get(f"/{name}").status_code == 200, name
    assert client.get("/docs/secret").status_code == 404
    assert client.get("/docs/..%2Fopenapi.py").status_code == 404


def test_third_party_files_are_those_that_were_pinned() -> None:
    """Each file of Swagger UI is unchanged, and its licence lies beside it."""
    lines = (SWAGGER_UI / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, name in (line.split() for line in lines if not line.startswith("#"))}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files(SWAGGER_UI)}
    assert found == listed
    assert "LICENSE" in found


def files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name != "SHA256SUMS"]
