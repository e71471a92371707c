"""GET /v1/loyalty-imports?loyaltyImportId= (contract.md 2.4), and the object of section 3 in each status of section 4."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from pointport.app import App
from pointport.imports import record, steps
from pointport.imports.record import LoyaltyImport
from tests.conftest import Site, Story
from tests.contract.conftest import (
    DEFAULT_OPTIONS,
    IMPORTS,
    NOBODY,
    Clock,
    Json,
    begin_parsing,
    failed,
    invalid,
    violation,
)

CONTENT = b"Name,Email,Points\r\nAda,ada@example.com,15\r\nBob,bob@example.com,lots\r\n"
ROWS = [{"values": ["Ada", "ada@example.com", "15"]}, {"values": ["Bob", "bob@example.com", "lots"]}]
DETECTED: Json = {
    "encoding": "utf-8",
    "delimiter": ",",
    "quote": '"',
    "escape": None,
    "lineEnding": "CRLF",
    "headingLine": 1,
    "sheet": None,
    "system": None,
    "suggestedMapping": {
        "email": 1,
        "points": 2,
        "why": '"Email" names the e-mail address. "Points" names the points.',
    },
    "numberFormat": {"group": None, "decimal": None, "evidence": "plain digits"},
    "warnings": [],
}
MAPPING = {"headerMappings": [{"columnName": "EMAIL", "columnIndex": 1}, {"columnName": "POINTS", "columnIndex": 2}]}


def test_who_asks_and_what_for_take_a_round_trip_each(
    client: TestClient, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large the object or the page is: the key is looked up, and then the rows, each in one message."""
    made = story.run(CONTENT, email=1, points=2)
    wait, round_trips = psycopg.Connection.wait, []

    def counted(connection: psycopg.Connection[Any], *waiting: Any, **options: Any) -> Any:
        round_trips.append(connection)
        return wait(connection, *waiting, **options)

    monkeypatch.setattr(psycopg.Connection, "wait", counted)
    assert get(client, made)["loyaltyImport"]["status"] == "IMPORTED"
    assert len(round_trips) == 2
    assert len(client.post(f"{IMPORTS}/query", json={"query": {}}).json()["loyaltyImports"]) == 1
    assert len(round_trips) == 4


def get(client: TestClient, made: LoyaltyImport) -> Json:
    answer = client.get(IMPORTS, params={"loyaltyImportId": str(made.id)})
    assert answer.status_code == 200
    body = answer.json()
    assert isinstance(body, dict)
    return body


def file_metadata(made: LoyaltyImport, **found: object) -> Json:
    return {"size": len(CONTENT), "name": "file.csv", "url": made.file_url, "sampleDataRows": []} | found


def test_initiated_and_parsing_know_the_file_alone(client: TestClient, story: Story, clock: Clock) -> None:
    """3, 4: INITIATED: id, file name, size, url; PARSING the same; every edge bumps revision and updatedDate."""
    made = story.create(CONTENT)
    known = {
        "id": str(made.id),
        "revision": "1",
        "createdDate": "2026-03-04T05:06:07.089Z",
        "updatedDate": "2026-03-04T05:06:07.089Z",
        "status": "INITIATED",
        "fileMetadata": file_metadata(made),
        "pointport": {},
    }
    assert get(client, made) == {"loyaltyImport": known}
    clock.advance(0.011)
    with story.app.database.transaction(story.site_id) as connection:
        record.change(connection, "begin_parsing", made, now=clock())
    changed = {"revision": "2", "updatedDate": "2026-03-04T05:06:07.100Z", "status": "PARSING"}
    assert get(client, made) == {"loyaltyImport": known | changed}


def test_parsed_knows_header_sample_and_rows(client: TestClient, story: Story) -> None:
    """3, 4: PARSED: + header, sampleDataRows, parsedRowCount; neither mapping nor importResult nor asyncImportJobId."""
    made = story.parse(CONTENT)
    assert get(client, made) == {
        "loyaltyImport": {
            "id": str(made.id),
            "revision": "3",
            "createdDate": "2026-03-04T05:06:07.089Z",
            "updatedDate": "2026-03-04T05:06:07.089Z",
            "status": "PARSED",
            "fileMetadata": file_metadata(made, header={"values": ["Name", "Email", "Points"]}, sampleDataRows=ROWS),
            "parseResult": {"parsedRowCount": 2},
            "pointport": {"detected": DETECTED},
        }
    }


def test_importing_has_a_job_and_a_mapping_but_no_counts_yet(client: TestClient, story: Story) -> None:
    """3, 4: IMPORTING: + asyncImportJobId, headerMappingInfo, errorFileExists=false; the counts are left out."""
    made = story.execute(CONTENT, email=1, points=2)
    assert made.job_id is not None
    assert get(client, made) == {
        "loyaltyImport": {
            "id": str(made.id),
            "asyncImportJobId": str(made.job_id),
            "revision": "4",
            "createdDate": "2026-03-04T05:06:07.089Z",
            "updatedDate": "2026-03-04T05:06:07.089Z",
            "status": "IMPORTING",
            "fileMetadata": file_metadata(
                made,
                header={"values": ["Name", "Email", "Points"]},
                headerMappingInfo=MAPPING,
                sampleDataRows=ROWS,
            ),
            "parseResult": {"parsedRowCount": 2},
            "importResult": {"errorFileExists": False},
            "pointport": {
                "detected": DETECTED,
                "options": DEFAULT_OPTIONS,
                "progress": {"rowsDone": 0, "rowsTotal": 2},
            },
        }
    }


def test_imported_tells_how_many_rows_went_through(client: TestClient, story: Story, clock: Clock) -> None:
    """3, 4: IMPORTED: + successCount, failureCount, errorFileExists; it does not promise that every row succeeded."""
    story.add_contacts("ada@example.com", "bob@example.com")
    begun = story.execute(CONTENT, email=1, points=2)
    clock.advance(0.5)
    steps.run(story.app, story.site_id, begun.id, lambda: False)
    made = story.find(begun.id)
    assert get(client, made) == {
        "loyaltyImport": {
            "id": str(made.id),
            "asyncImportJobId": str(made.job_id),
            "revision": str(made.revision),
            "createdDate": "2026-03-04T05:06:07.089Z",
            "updatedDate": "2026-03-04T05:06:07.589Z",
            "status": "IMPORTED",
            "fileMetadata": file_metadata(
                made,
                header={"values": ["Name", "Email", "Points"]},
                headerMappingInfo=MAPPING,
                sampleDataRows=ROWS,
            ),
            "parseResult": {"parsedRowCount": 2},
            "importResult": {"errorFileExists": True, "successCount": 1, "failureCount": 1},
            "pointport": {
                "detected": DETECTED,
                "options": DEFAULT_OPTIONS,
                "progress": {"rowsDone": 2, "rowsTotal": 2, "ratePerSecond": 4.0},
                "totals": {"accountsCreated": 1, "accountsChanged": 1, "pointsAdded": 15, "pointsRemoved": 0},
                "stillFailedCount": 1,
            },
        }
    }


def test_a_count_of_0_is_shown(client: TestClient, story: Story) -> None:
    """3, 8 row 21: failureCount `0` and errorFileExists `false` are shown explicitly; a header-only file is 0/0."""
    story.add_contacts("ada@example.com")
    sound = story.run(b"Email,Points\r\nada@example.com,15\r\n")
    empty = story.run(b"Email,Points\r\n")
    results = [get(client, made)["loyaltyImport"]["importResult"] for made in (sound, empty)]
    assert results == [
        {"errorFileExists": False, "successCount": 1, "failureCount": 0},
        {"errorFileExists": False, "successCount": 0, "failureCount": 0},
    ]


def test_an_import_whose_rows_all_fail_is_imported(client: TestClient, story: Story) -> None:
    """4: even 100 % failing rows end in `IMPORTED` with `successCount: 0`."""
    answer = get(client, story.run(CONTENT, email=1, points=2))["loyaltyImport"]
    assert answer["status"] == "IMPORTED"
    assert answer["importResult"] == {"errorFileExists": True, "successCount": 0, "failureCount": 2}


def test_failed_at_parsing_tells_the_reason(client: TestClient, story: Story) -> None:
    """3, 4: FAILED by the file: parseErrorReason, a reason code; no parsedRowCount, no header, no importResult."""
    made = story.parse(b"")
    message = "The file is empty. Export it again and look at its size."
    assert get(client, made) == {
        "loyaltyImport": {
            "id": str(made.id),
            "revision": "3",
            "createdDate": "2026-03-04T05:06:07.089Z",
            "updatedDate": "2026-03-04T05:06:07.089Z",
            "status": "FAILED",
            "fileMetadata": file_metadata(made, size=0),
            "parseResult": {"parseErrorReason": "EMPTY_FILE"},
            "pointport": {"failureReason": "EMPTY_FILE", "failureMessage": message},
        }
    }


def test_failed_at_importing_keeps_what_was_known(client: TestClient, story: Story) -> None:
    """4: FAILED by the import: what IMPORTING knew, parseErrorReason absent, and why in what is ours."""
    begun = story.execute(CONTENT, email=1, points=2)
    story.app.objects.put(begun.file_url.removeprefix("/"), iter([CONTENT.replace(b"15", b"51")]))
    steps.run(story.app, story.site_id, begun.id, lambda: False)
    answer = get(client, begun)["loyaltyImport"]
    assert (answer["status"], answer["asyncImportJobId"]) == ("FAILED", str(begun.job_id))
    assert answer["fileMetadata"]["headerMappingInfo"] == MAPPING
    assert answer["parseResult"] == {"parsedRowCount": 2}
    assert answer["importResult"] == {"errorFileExists": False}
    assert answer["pointport"]["failureReason"] == "FILE_CHANGED"


def test_the_revision_is_text_and_grows_with_every_edge(client: TestClient, story: Story) -> None:
    """1.5, 4: int64 is a JSON string; 1 INITIATED, 2 PARSING, 3 PARSED, 4 IMPORTING, and more at IMPORTED."""
    story.add_contacts("ada@example.com")
    stages = [
        story.create(CONTENT),
        begin_parsing(story, CONTENT),
        story.parse(CONTENT),
        story.execute(CONTENT, email=1, points=2),
        story.run(CONTENT, email=1, points=2),
    ]
    found = [get(client, made)["loyaltyImport"] for made in stages]
    assert [one["status"] for one in found] == ["INITIATED", "PARSING", "PARSED", "IMPORTING", "IMPORTED"]
    assert [one["revision"] for one in found[:4]] == ["1", "2", "3", "4"]
    assert isinstance(found[4]["revision"], str)
    assert int(found[4]["revision"]) > 4


def test_a_sample_is_5_rows_of_20_values_of_1000_characters(client: TestClient, story: Story) -> None:
    """3, 8 row 19: the header may have 100 columns of 1000 characters; the sample is cut to the first 20 and to 1000."""
    header = ["Email", "Points", "h" * 1_000, *(f"c{index}" for index in range(97))]
    cells = ["ada@example.com", "1", "v" * 1_001, *(f"v{index}" for index in range(97))]
    lines = [",".join(header), *[",".join(cells)] * 6]
    answer = get(client, story.parse("\r\n".join(lines).encode()))["loyaltyImport"]
    assert answer["fileMetadata"]["header"] == {"values": header}
    assert answer["fileMetadata"]["sampleDataRows"] == [{"values": [*cells[:2], "v" * 1_000, *cells[3:20]]}] * 5
    assert answer["parseResult"] == {"parsedRowCount": 6}


def test_cells_are_shown_as_they_are(client: TestClient, story: Story) -> None:
    """3, 8 row 20: values are the unmodified cell texts; duplicate and empty headings are kept verbatim."""
    answer = get(client, story.parse(b'Email,,Email, Points \r\n ada@x.com ,"a\n""b",,"1 5"\r\n'))
    assert answer["loyaltyImport"]["fileMetadata"]["header"] == {"values": ["Email", "", "Email", " Points "]}
    assert answer["loyaltyImport"]["fileMetadata"]["sampleDataRows"] == [
        {"values": [" ada@x.com ", 'a\n"b', "", "1 5"]}
    ]


@pytest.mark.usefixtures("own_database")
def test_an_erased_import_keeps_its_counts_but_has_no_error_file(
    client: TestClient, story: Story, clock: Clock
) -> None:
    """3: errorFileExists says whether there is one to be had; it and the sample go when the file is kept no longer."""
    made = story.run(CONTENT, email=1, points=2)
    clock.advance(31 * 24 * 3600)
    assert steps.erase_expired(story.app) == 1
    answer = get(client, made)["loyaltyImport"]
    assert answer["importResult"] == {"errorFileExists": False, "successCount": 0, "failureCount": 2}
    assert answer["fileMetadata"]["sampleDataRows"] == []


def test_an_id_must_be_given(client: TestClient) -> None:
    """2.4: 400 for a missing id."""
    answer = client.get(IMPORTS)
    assert answer.status_code == 400
    assert answer.json() == invalid(violation("loyaltyImportId", "is missing", "REQUIRED_FIELD"))


def test_a_malformed_id_is_answered_with_the_violation_of_the_contract(client: TestClient, story: Story) -> None:
    """1.6: the first worked example, letter by letter; 1.5: an id is a GUID with dashes, in either case."""
    answer = client.get(IMPORTS, params={"loyaltyImportId": "nope"})
    assert answer.status_code == 400
    assert answer.json() == {
        "message": "INVALID_ARGUMENT: \"loyaltyImportId\" value 'nope' is not a valid GUID",
        "details": {
            "validationError": {
                "fieldViolations": [
                    {
                        "field": "loyaltyImportId",
                        "description": "value 'nope' is not a valid GUID",
                        "violatedRule": "FORMAT",
                        "data": {"type": "GUID"},
                    }
                ]
            }
        },
    }
    made = story.create(CONTENT)
    for spelling in ("", " ", made.id.hex, f"{{{made.id}}}", f"urn:uuid:{made.id}", f"{made.id}\n", "\u0661" * 8, "1"):
        answer = client.get(IMPORTS, params={"loyaltyImportId": spelling})
        told = f"value '{spelling}' is not a valid GUID"
        assert (answer.status_code, answer.json()) == (
            400,
            invalid(violation("loyaltyImportId", told, "FORMAT", type="GUID")),
        )
    answer = client.get(IMPORTS, params={"loyaltyImportId": str(made.id).upper()})
    assert answer.json()["loyaltyImport"]["id"] == str(made.id)


@pytest.mark.parametrize("whose", ["nobody's", "another site's"])
def test_an_import_that_is_not_the_sites_is_not_found(
    client: TestClient, app: App, make_site: Callable[[str], Site], whose: str
) -> None:
    """2.4, 8 row 28: 404 for an unknown id, and the same for another site's: its existence does not leak."""
    theirs = Story(app, make_site("Other Shop").id).create(CONTENT)
    wanted = NOBODY if whose == "nobody's" else theirs.id
    answer = client.get(IMPORTS, params={"loyaltyImportId": str(wanted)})
    assert answer.status_code == 404
    assert answer.json() == failed("NOT_FOUND", f"loyalty import {wanted} not found")


def test_there_is_no_path_with_the_id_in_it(client: TestClient, story: Story) -> None:
    """2: the id is a query parameter on the collection path; there is no `/v1/loyalty-imports/{id}`, and no DELETE."""
    made = story.create(CONTENT)
    assert client.get(f"{IMPORTS}/{made.id}").status_code == 404
    answer = client.delete(IMPORTS, params={"loyaltyImportId": str(made.id)})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
