"""A program at the API: a real server and worker, and nothing but HTTP."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pointport.app import App
from tests.conftest import Site, Story
from tests.journeys.processes import Programs, until

IMPORTS = "/_api/loyalty-imports/v1/loyalty-imports"


@pytest.fixture
def client(app: App, site: Site, data_dir: Path, database_url: str) -> Iterator[httpx2.Client]:
    """A client of a server process that shares the test's database and files."""
    with Programs(data_dir, DATABASE_URL=database_url) as programs:
        server = programs.server().wait_until_ready()
        with httpx2.Client(base_url=server.url, headers=site.headers, timeout=30) as opened:
            yield opened


def get(client: httpx2.Client, import_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(IMPORTS, params={"loyaltyImportId": import_id}).raise_for_status().json()
    return dict(found["loyaltyImport"])


def test_a_client_of_the_contract_brings_a_file_to_the_ledger(client: httpx2.Client, story: Story) -> None:
    story.add_contacts(*(f"c{number}@example.com" for number in range(2_000)))
    rows = [f"c{number}@example.com,{number}" for number in range(2_000)] + [
        "stranger@example.com,1",
        "c1 at example.com,2",
    ]
    content = "\r\n".join(["Email,Points", *rows]).encode()

    slot = client.post(f"{IMPORTS}/wixmp-upload-url", json={}).raise_for_status().json()
    assert httpx2.put(slot["uploadUrl"], content=content).raise_for_status().json() == {}
    made = client.post(IMPORTS, json={"fileUrl": slot["filePath"], "fileName": "points.csv", "fileSize": len(content)})
    import_id = made.raise_for_status().json()["loyaltyImport"]["id"]
    until(lambda: get(client, import_id)["status"] == "PARSED", "the file is parsed")

    mappings = [{"columnName": "POINTS", "columnIndex": 1}, {"columnName": "EMAIL", "columnIndex": 0}]
    body = {"loyaltyImportId": import_id, "headerMappingInfo": {"headerMappings": mappings}}
    begun = client.post(f"{IMPORTS}/execute", json=body).raise_for_status().json()["loyaltyImport"]
    assert (begun["status"], begun["importResult"]) == ("IMPORTING", {"errorFileExists": False})
    until(lambda: get(client, import_id)["status"] == "IMPORTED", "the import has ended")

    done = get(client, import_id)
    assert done["importResult"] == {"errorFileExists": True, "successCount": 2_000, "failureCount": 2}
    assert done["pointport"]["progress"]["rowsDone"] == 2_002
    assert story.balances() == {f"c{number}@example.com": number for number in range(2_000)}

    where = client.get(f"{IMPORTS}/error-file-download-url", params={"loyaltyImportId": import_id}).json()["url"]
    failed = list(csv.reader(io.StringIO(httpx2.get(where).raise_for_status().content.decode("utf-8-sig"))))
    assert [row[:5] for row in failed[1:]] == [
        ["stranger@example.com", "1", "2002", "FAILED", "CONTACT_NOT_FOUND"],
        ["c1 at example.com", "2", "2003", "FAILED", "EMAIL_INVALID"],
    ]
    listed = client.post(f"{IMPORTS}/query", json={"query": {"filter": {"status": "IMPORTED"}}}).json()
    assert [one["id"] for one in listed["loyaltyImports"]] == [import_id]


def test_a_server_says_whether_it_lives_and_can_work(client: httpx2.Client) -> None:
    assert client.get("/healthz").json() == {"alive": True}
    assert client.get("/readyz").json() == {"ready": True}


def test_contacts_are_loaded_with_their_progress_told_line_by_line(client: httpx2.Client, story: Story) -> None:
    slot = client.post("/pointport/v1/contacts/upload-url", json={}).raise_for_status().json()
    rows = [f"C{number}@Example.com" for number in range(60_000)]
    httpx2.put(slot["uploadUrl"], content="\n".join(["e-mail", *rows]).encode()).raise_for_status()
    told = client.post("/pointport/v1/contacts/load", json={"fileUrl": slot["filePath"]}).text.splitlines()
    assert len(told) == 4
    assert '"created": 60000' in told[-1]
    assert '"done": true' in told[-1]
    assert story.balances() == {}
