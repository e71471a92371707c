"""How a file is written may be told when an import of it is made (design.md 4, 8): `pointport` in the body of create."""

import io
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from starlette.testclient import TestClient

from pointport.imports import steps
from tests.conftest import Story
from tests.contract.conftest import IMPORTS, Json, invalid, violation

CONTENT = "Liste;;\nName;E-Mail;Punkte\nM\xfcller, A;ada@example.com;1.200\n".encode("windows-1252")


def parsed(client: TestClient, story: Story, content: bytes, told: object) -> Json:
    """The import of a file, parsed, as the API shows it."""
    body = {"fileUrl": story.upload(content), "pointport": told}
    made = client.post(IMPORTS, json=body)
    assert made.status_code == 200, made.text
    import_id = made.json()["loyaltyImport"]["id"]
    steps.parse(story.app, story.site_id, import_id, lambda: False)
    found: Json = client.get(IMPORTS, params={"loyaltyImportId": import_id}).json()["loyaltyImport"]
    return found


def test_what_is_not_told_is_found_out(client: TestClient, story: Story) -> None:
    found = parsed(client, story, CONTENT, None)
    detected = found["pointport"]["detected"]
    assert {name: detected[name] for name in ("encoding", "delimiter", "quote", "headingLine", "sheet")} == {
        "encoding": "windows-1252",
        "delimiter": ";",
        "quote": '"',
        "headingLine": 2,
        "sheet": None,
    }
    assert found["fileMetadata"]["header"] == {"values": ["Name", "E-Mail", "Punkte"]}
    assert [warning["code"] for warning in detected["warnings"]] == ["LINES_SKIPPED"]


def test_what_is_told_is_not_found_out(client: TestClient, story: Story) -> None:
    told = {"encoding": "latin1", "delimiter": ",", "quote": "", "headingLine": 0}
    found = parsed(client, story, CONTENT, {**told, "encoding": "ISO-8859-15"})
    detected = found["pointport"]["detected"]
    assert {name: detected[name] for name in told} == {**told, "encoding": "iso-8859-15"}
    assert found["fileMetadata"]["header"] == {"values": ["Column 1", "Column 2"]}
    assert found["parseResult"] == {"parsedRowCount": 3}


def test_a_workbook_is_read_like_a_file_and_its_sheet_may_be_told(client: TestClient, story: Story) -> None:
    story.add_contacts("ada@example.com", "bob@example.com")
    book = openpyxl.Workbook()
    book.active.append(["Email", "Points"])
    book.active.append(["ada@example.com", 120.0])
    other = book.create_sheet("Bonus")
    other.append(["Mail", "Score"])
    other.append(["bob@example.com", 7])
    file = io.BytesIO()
    book.save(file)
    first = parsed(client, story, file.getvalue(), {})
    assert first["fileMetadata"]["sampleDataRows"] == [{"values": ["ada@example.com", "120"]}]
    second = parsed(client, story, file.getvalue(), {"sheet": "bonus"})
    assert second["pointport"]["detected"]["sheet"] == "Bonus"
    assert second["fileMetadata"]["header"] == {"values": ["Mail", "Score"]}
    story.run(file.getvalue())
    assert story.balances() == {"ada@example.com": 120}


def test_what_was_told_and_does_not_fit_fails_the_import_with_the_reason(client: TestClient, story: Story) -> None:
    found = parsed(client, story, CONTENT, {"headingLine": 7})
    assert (found["status"], found["parseResult"]) == ("FAILED", {"parseErrorReason": "HEADING_NOT_FOUND"})
    assert "line 7" in found["pointport"]["failureMessage"]


@pytest.mark.parametrize(
    ("told", "field", "rule"),
    [
        ({"encoding": "klingon"}, "encoding", "INVALID_ENUM_VALUE"),
        ({"encoding": 5}, "encoding", "FORMAT"),
        ({"encoding": "utf-7"}, "encoding", "INVALID_ENUM_VALUE"),
        ({"encoding": "\0"}, "encoding", "INVALID_ENUM_VALUE"),
        ({"delimiter": "ab"}, "delimiter", "INVALID_ENUM_VALUE"),
        ({"delimiter": "a"}, "delimiter", "INVALID_ENUM_VALUE"),
        ({"delimiter": ""}, "delimiter", "INVALID_ENUM_VALUE"),
        ({"quote": ","}, "quote", "INVALID_ENUM_VALUE"),
        ({"headingLine": -1}, "headingLine", "MIN"),
        ({"headingLine": 1001}, "headingLine", "MAX"),
        ({"headingLine": "1"}, "headingLine", "FORMAT"),
        ({"sheet": ""}, "sheet", "MIN_LENGTH"),
        ({"sheet": "x" * 256}, "sheet", "MAX_LENGTH"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_stands(
    client: TestClient, story: Story, told: Any, field: str, rule: str
) -> None:
    """1.6: the violation names the field; no import is made."""
    answer = client.post(IMPORTS, json={"fileUrl": story.upload(CONTENT), "pointport": told})
    assert answer.status_code == 400
    (found,) = answer.json()["details"]["validationError"]["fieldViolations"]
    assert (found["field"], found["violatedRule"]) == (f"pointport.{field}", rule)
    assert client.post(f"{IMPORTS}/query", json={"query": {}}).json()["loyaltyImports"] == []


def test_it_is_an_object(client: TestClient, story: Story) -> None:
    answer = client.post(IMPORTS, json={"fileUrl": story.upload(CONTENT), "pointport": "utf-8"})
    expected = invalid(violation("pointport", "must be an object", "FORMAT", type="object"))
    assert (answer.status_code, answer.json()) == (400, expected)
