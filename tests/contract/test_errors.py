"""What every answer has in common: its name, and the shapes of errors (contract.md 1.4, 1.6)."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import httpx2
import pytest
import structlog
from starlette.testclient import TestClient

from pointport.app import App
from pointport.entrypoints.api.server import create_api
from pointport.errors import Unavailable
from pointport.imports import steps
from tests.conftest import Site, Story
from tests.contract.conftest import IMPORTS, NOBODY, failed, invalid, send_in_pieces, violation

NO_JSON = invalid(violation("body", "is not valid JSON", "FORMAT"))
TOO_DEEP = invalid(violation("body", "is nested too deeply", "MAX"))
NO_OBJECT = invalid(violation("body", "must be an object", "FORMAT", type="object"))
CHANGES = (
    f"{IMPORTS}/wixmp-upload-url",
    "/loyalty-programs/v1/program/activate",
    "/loyalty-programs/v1/program/pause",
    "/loyalty-programs/v1/program/points-expiration/enable",
    "/loyalty-programs/v1/program/points-expiration/disable",
    "/pointport/v1/webhook-keys",
    "/pointport/v1/webhook-keys/rotate",
    "/pointport/v1/contacts/upload-url",
)
"""Calls that need to be told nothing."""
POSTS = (IMPORTS, f"{IMPORTS}/execute", f"{IMPORTS}/query")
SECRET = "the password is hunter2"  # noqa: S105


def broken(*_: object, **__: object) -> None:
    raise RuntimeError(SECRET)


def test_every_answer_has_a_name_of_its_own(
    client: TestClient, stranger: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1.4: `X-Wix-Request-Id` on every response: 200, 400, 401, 403, 404, 405, 413 and 500."""
    answers = [
        client.post(f"{IMPORTS}/query", json={"query": {}}),
        client.get(IMPORTS),
        stranger.get(IMPORTS),
        stranger.put("/files/upload/nothing", content=b"x"),
        client.get(IMPORTS, params={"loyaltyImportId": str(NOBODY)}),
        client.get("/nowhere"),
        client.delete(IMPORTS),
        client.post(IMPORTS, content=b" " * 2_000_000),
        client.get("/healthz"),
    ]
    monkeypatch.setattr(steps, "find", broken)
    with structlog.testing.capture_logs():
        answers.append(client.get(IMPORTS, params={"loyaltyImportId": str(NOBODY)}))
    assert [answer.status_code for answer in answers] == [200, 400, 401, 403, 404, 404, 405, 413, 200, 500]
    names = [answer.headers["X-Wix-Request-Id"] for answer in answers]
    assert [str(UUID(name)) for name in names] == names
    assert len(set(names)) == len(names)


def test_unknown_paths_and_methods_are_errors_like_all_others(client: TestClient) -> None:
    """1.6: an application error with a code that is text; a 405 names the methods that there are (RFC 9110, 15.5.6)."""
    for path in ("/", "/nowhere", f"{IMPORTS}/", f"{IMPORTS}//query", "/_api/loyalty-imports"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (404, failed("NOT_FOUND", "Not Found"))
    for method, path, allowed in (
        ("DELETE", IMPORTS, "GET, POST"),
        ("PUT", f"{IMPORTS}/query", "POST"),
        ("GET", f"{IMPORTS}/wixmp-upload-url", "POST"),
        ("POST", f"{IMPORTS}/error-file-download-url", "GET"),
    ):
        answer = client.request(method, path)
        assert (answer.status_code, answer.json()) == (405, failed("METHOD_NOT_ALLOWED", "Method Not Allowed"))
        assert answer.headers["allow"] == allowed


def test_a_body_must_be_a_json_object(client: TestClient) -> None:
    """1.6: 400 for malformed JSON, and for JSON that is no object; never a fault of ours."""
    expected = {
        b"{": NO_JSON,
        b'{"fileUrl": "a"': NO_JSON,
        b"{'fileUrl': 'a'}": NO_JSON,
        b"fileUrl=a": NO_JSON,
        b'{"a":' * 50_000: TOO_DEEP,
        b"[" * 100_000: TOO_DEEP,
        b'{"a": ' + b"9" * 10_000 + b"}": NO_JSON,
        b"\xff": NO_JSON,
        b"\xff\xfe{": NO_JSON,
        b'"\xff"': NO_JSON,
        b"[]": NO_OBJECT,
        b'[{"fileUrl": "a"}]': NO_OBJECT,
        b'"{}"': NO_OBJECT,
        b"5": NO_OBJECT,
        b"true": NO_OBJECT,
    }
    for path in (*POSTS, *CHANGES):
        answers = [client.post(path, content=content) for content in expected]
        assert [(answer.status_code, answer.json()) for answer in answers] == [
            (400, told) for told in expected.values()
        ]


def test_no_body_is_an_empty_one(client: TestClient) -> None:
    """1.2: an absent body is accepted as `{}`, and `null` is the same as absent."""
    paths = (*POSTS, *CHANGES, "/loyalty-accounts/v1/accounts", "/loyalty-accounts/v1/accounts/search")
    for path in (*paths, "/loyalty-accounts/v1/accounts/count", "/contacts/v4/contacts"):
        answers = [client.post(path, content=content) for content in (b"{}", b"", b"null", b" null\n")]
        statuses = {answer.status_code for answer in answers}
        assert len(statuses) == 1, path
        if statuses == {400}:
            assert len({answer.text for answer in answers}) == 1, path


def test_a_call_that_is_refused_changes_nothing(client: TestClient) -> None:
    """1.6: 400 for a body that is no JSON, also where a call needs none; the program stays as it is, and no key is made."""
    before = client.get("/loyalty-programs/v1/program").json()
    for path in CHANGES:
        assert client.post(path, content=b"{").status_code == 400
    assert client.get("/loyalty-programs/v1/program").json() == before
    assert client.get("/pointport/v1/webhook-keys").json() == {"keys": []}


def test_a_body_is_json_whatever_its_content_type_says(client: TestClient, story: Story) -> None:
    """1.2: Content-Type is for bodies; curl sends its own or none, and neither is a reason to refuse what is JSON."""
    url = story.upload(b"Email,Points\r\n")
    content = json.dumps({"fileUrl": url}).encode()
    for content_type in (None, "application/json", "application/json; charset=utf-8", "text/plain", "nonsense"):
        headers = {"Content-Type": content_type} if content_type else {}
        assert client.post(IMPORTS, content=content, headers=headers).status_code == 200
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post(IMPORTS, content=content, headers=form).status_code == 200
    answer = client.post(IMPORTS, content=b"fileUrl=a", headers=form)
    assert (answer.status_code, answer.json()) == (400, NO_JSON)


def test_a_json_body_over_one_mebibyte_is_413(client: TestClient, app: App, site: Site) -> None:
    """1.6: a limit that is enforced with a clear error, in one piece and in many, and not a byte too early."""
    expected = invalid(violation("body", "is larger than 1048576 bytes", "MAX_SIZE", threshold=1_048_576))
    too_large = b'{"fileUrl": "' + b"x" * (1024 * 1024 - 14) + b'"}'
    for path in POSTS:
        answer = client.post(path, content=too_large)
        assert (answer.status_code, answer.json()) == (413, expected)
        chunks = (too_large[start : start + 65_536] for start in range(0, len(too_large), 65_536))
        assert send_in_pieces(app, "POST", path, chunks, site.headers) == (413, expected)
    allowed = too_large.replace(b"xx", b"x", 1)
    assert len(allowed) == 1024 * 1024
    assert client.post(IMPORTS, content=allowed).status_code == 400


def all_calls(client: TestClient) -> list[httpx2.Response]:
    """Call every method of the imports API."""
    found = {"loyaltyImportId": str(NOBODY)}
    mappings = [{"columnName": "EMAIL", "columnIndex": 0}, {"columnName": "POINTS", "columnIndex": 1}]
    return [
        client.post(f"{IMPORTS}/wixmp-upload-url", json={}),
        client.post(IMPORTS, json={"fileUrl": f"/sites/{NOBODY}/{NOBODY}.csv"}),
        client.get(IMPORTS, params=found),
        client.post(f"{IMPORTS}/execute", json={**found, "headerMappingInfo": {"headerMappings": mappings}}),
        client.get(f"{IMPORTS}/error-file-download-url", params=found),
        client.post(f"{IMPORTS}/query", json={"query": {}}),
    ]


def test_a_fault_of_ours_is_told_to_nobody_but_the_log(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """1.6: 5xx errors deliberately carry no body content: `{}`; the log has the cause under the answer's name."""
    for name in ("create_slot", "create", "find", "query"):
        monkeypatch.setattr(steps, name, broken)
    with structlog.testing.capture_logs() as logged:
        answers = all_calls(client)
    assert [(answer.status_code, answer.json()) for answer in answers] == [(500, {})] * 6
    for answer in answers:
        assert answer.headers["content-type"] == "application/json"
        assert SECRET not in answer.text + str(answer.headers)
    assert [line["event"] for line in logged] == ["request failed"] * 6
    assert [line["exc_info"] for line in logged] == [True] * 6


def test_a_fault_of_ours_while_uploading_tells_the_log_no_ticket(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1.6, 2.2: the URL is the secret, so it does not stand in the log."""
    url = client.post(f"{IMPORTS}/wixmp-upload-url", json={}).json()["uploadUrl"]
    monkeypatch.setattr(steps, "check_slot", broken)
    with structlog.testing.capture_logs() as logged:
        answer = client.put(url, content=b"x")
    assert (answer.status_code, answer.json()) == (500, {})
    assert [(line["method"], line["path"]) for line in logged] == [("PUT", "/files")]
    assert url.rpartition("/")[2] not in str(logged)


def test_what_passes_by_itself_says_when_to_come_back(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """1.6: 503 while the database or the files do not answer, with Retry-After; nothing was changed."""

    def gone(*_: object, **__: object) -> None:
        raise Unavailable("the database is not available just now; try again in a moment")

    monkeypatch.setattr(steps, "find", gone)
    answer = client.get(IMPORTS, params={"loyaltyImportId": str(NOBODY)})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json() == failed("UNAVAILABLE", "the database is not available just now; try again in a moment")


def test_no_answer_of_200_is_anything_but_json(client: TestClient, story: Story) -> None:
    """1.4: success is 200 exactly, and its body is JSON, on every method."""
    story.add_contacts("ada@example.com")
    path = story.upload(b"Email,Points\r\n")
    made = story.parse(b"Email,Points\r\nnobody@example.com,1\r\n")
    done = story.run(b"Email,Points\r\nnobody@example.com,1\r\n")
    mappings = [{"columnName": "EMAIL", "columnIndex": 0}, {"columnName": "POINTS", "columnIndex": 1}]
    answers = [
        client.post(f"{IMPORTS}/wixmp-upload-url", json={}),
        client.post(IMPORTS, json={"fileUrl": path}),
        client.get(IMPORTS, params={"loyaltyImportId": str(made.id)}),
        client.post(
            f"{IMPORTS}/execute",
            json={"loyaltyImportId": str(made.id), "headerMappingInfo": {"headerMappings": mappings}},
        ),
        client.get(f"{IMPORTS}/error-file-download-url", params={"loyaltyImportId": str(done.id)}),
        client.post(f"{IMPORTS}/query", json={"query": {}}),
    ]
    assert [(answer.status_code, answer.headers["content-type"]) for answer in answers] == [
        (200, "application/json")
    ] * 6


def test_the_api_describes_itself_without_a_warning(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """design.md 1: OpenAPI at `/openapi.json`; each operation is there once, and the aliases are not."""
    with caplog.at_level(logging.WARNING):
        answer = client.get("/openapi.json")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    operations = [one["operationId"] for path in paths.values() for one in path.values()]
    assert len(operations) == len(set(operations))
    assert IMPORTS in paths
    assert "/v1/loyalty-imports" not in paths
    assert caplog.records == []


def test_a_key_may_be_held_to_a_rate(
    client: TestClient, app: App, site: Site, make_site: Callable[[str], Site]
) -> None:
    """1.6 and 8, row 29: 429 RESOURCE_EXHAUSTED with `Retry-After`; each key has a count of its own."""
    limited = replace(app, settings=app.settings.model_copy(update={"requests_per_minute_max": 3}))
    path = f"{IMPORTS}/query"
    with TestClient(create_api(limited)) as held:
        mine = [held.post(path, json={"query": {}}, headers=site.headers) for _ in range(4)]
        other = held.post(path, json={"query": {}}, headers=make_site("Other Shop").headers)
    told = "the API key has made more than 3 requests in a minute; wait a minute and go on"
    assert [answer.status_code for answer in mine] == [200, 200, 200, 429]
    assert (mine[3].json(), mine[3].headers["Retry-After"]) == (failed("RESOURCE_EXHAUSTED", told), "60")
    assert other.status_code == 200
    assert client.post(path, json={"query": {}}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        f"{IMPORTS}/query",
        "/loyalty-accounts/v1/accounts/query",
        "/loyalty-transactions/v1/loyalty-transactions/query",
        "/contacts/v4/contacts/query",
    ],
)
def test_what_is_piled_up_is_refused(client: TestClient, path: str) -> None:
    """1.7: a thousand nested `$and`, a filter of 10 MB, a cursor cut off or altered: each its 4xx, soon."""
    for depth, told in (
        (50, violation("query.filter", "must not be nested deeper than 20", "MAX", threshold=20)),
        (1_000, violation("body", "is nested too deeply", "MAX")),
    ):
        nested = '{"$and": [' * depth + "{}" + "]}" * depth
        answer = client.post(path, content=f'{{"query": {{"filter": {nested}}}}}')
        assert (answer.status_code, answer.json()) == (400, invalid(told))
    answer = client.post(path, content=b'{"query": {"filter": {"id": "' + b"x" * 10_000_000 + b'"}}}')
    too_large = violation("body", "is larger than 1048576 bytes", "MAX_SIZE", threshold=1_048_576)
    assert (answer.status_code, answer.json()) == (413, invalid(too_large))
    cursors: list[object] = ["x", "x" * 16_001, "\0", 7, {}]
    for cursor in cursors:
        answer = client.post(path, json={"query": {"cursorPaging": {"cursor": cursor}}})
        assert answer.status_code == 400
        (found,) = answer.json()["details"]["validationError"]["fieldViolations"]
        assert found["field"] == "query.cursorPaging.cursor"
