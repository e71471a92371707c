"""The paths under which the imports are served (contract.md 1.1)."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import Story
from tests.contract.conftest import IMPORTS, NOBODY

PREFIXES = ("/_api/loyalty-imports", "", "/loyalty-imports")
ROOT = "/v1/loyalty-imports"
CONTENT = b"Email,Points\r\nada@example.com,15\r\n"
MAPPINGS = [{"columnName": "EMAIL", "columnIndex": 0}, {"columnName": "POINTS", "columnIndex": 1}]


def test_the_prefix_is_the_one_of_the_sdk() -> None:
    """1.1: the import paths really contain the doubled name."""
    assert f"{PREFIXES[0]}{ROOT}" == IMPORTS


def test_what_is_read_is_the_same_under_every_prefix(client: TestClient, story: Story) -> None:
    """1.1: serve the prefixed path; alias the bare `/v1/…` path and `/loyalty-imports/v1/…`."""
    done = story.run(CONTENT)
    found = {"loyaltyImportId": str(done.id)}
    execute = found | {"headerMappingInfo": {"headerMappings": MAPPINGS}}
    calls: list[tuple[str, str, dict[str, str] | None, Any]] = [
        ("GET", "", found, None),
        ("GET", "", {"loyaltyImportId": str(NOBODY)}, None),
        ("GET", "", None, None),
        ("POST", "", None, {"fileUrl": "nothing"}),
        ("POST", "/execute", None, execute),
        ("POST", "/preview", None, execute),
        ("GET", "/preview", found, None),
        ("POST", "/cancel", None, found),
        ("POST", "/undo", None, {"loyaltyImportId": str(NOBODY)}),
        ("POST", "/undo-preview", None, {"loyaltyImportId": str(NOBODY)}),
        ("GET", "/undo-preview", found, None),
        ("POST", "/retry", None, found),
        ("POST", "/retry", None, found | {"corrections": [{"line": 9, "points": 1}]}),
        ("POST", "/query", None, {"query": {}}),
        ("POST", "/rows/query", None, {**found, "query": {}}),
        ("POST", "/rows/query", None, {**found, "of": "UNDO"}),
        ("POST", "/query", None, {"query": {"cursorPaging": {"limit": 0}}}),
        ("DELETE", "", None, None),
        ("GET", "/nothing", None, None),
    ]
    for method, path, params, body in calls:
        answers = [client.request(method, f"{prefix}{ROOT}{path}", params=params, json=body) for prefix in PREFIXES]
        told = [(answer.status_code, answer.json()) for answer in answers]
        assert told == [told[0]] * len(PREFIXES), (method, path)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_file_goes_its_whole_way_under_every_prefix(client: TestClient, story: Story, prefix: str) -> None:
    """1.1: each method answers 200 with its own body, and URLs that it gives out lead back here."""
    base = f"{prefix}{ROOT}"
    slot = client.post(f"{base}/wixmp-upload-url", json={}).json()
    assert client.put(slot["uploadUrl"], content=CONTENT).json() == {}
    made = client.post(base, json={"fileUrl": slot["filePath"]}).json()["loyaltyImport"]
    assert client.get(base, params={"loyaltyImportId": made["id"]}).json() == {"loyaltyImport": made}
    parsed = story.parse(CONTENT)
    begun = client.post(
        f"{base}/execute",
        json={"loyaltyImportId": str(parsed.id), "headerMappingInfo": {"headerMappings": MAPPINGS}},
    ).json()["loyaltyImport"]
    assert begun["status"] == "IMPORTING"
    listed = client.post(f"{base}/query", json={"query": {}}).json()["loyaltyImports"]
    assert [one["id"] for one in listed] == [begun["id"], made["id"]]
    done = story.run(CONTENT)
    url = client.get(f"{base}/error-file-download-url", params={"loyaltyImportId": str(done.id)}).json()["url"]
    assert client.get(url).status_code == 200
    url = client.get(f"{base}/report-download-url", params={"loyaltyImportId": str(done.id)}).json()["url"]
    assert client.get(url).status_code == 200
