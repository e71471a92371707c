"""POST /v1/loyalty-imports/execute (contract.md 2.5)."""

import json
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from pointport.app import App
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

URL = f"{IMPORTS}/execute"
CONTENT = b"Name,Email,Points\r\nAda,ada@example.com,15\r\n"
EMAIL = {"columnName": "EMAIL", "columnIndex": 1}
POINTS = {"columnName": "POINTS", "columnIndex": 2}
PATH = "headerMappingInfo.headerMappings"


def body(made: LoyaltyImport, *mappings: Any) -> Json:
    return {"loyaltyImportId": str(made.id), "headerMappingInfo": {"headerMappings": list(mappings)}}


def answers(client: TestClient, bodies: list[Any]) -> list[tuple[int, Json]]:
    # In ASCII, so that a lone surrogate can be sent too.
    found = [client.post(URL, content=json.dumps(one)) for one in bodies]
    return [(answer.status_code, answer.json()) for answer in found]


def test_execute_stores_the_mapping_and_sets_the_import_going(
    client: TestClient, story: Story, clock: Clock, app: App
) -> None:
    """2.5: the answer is the import: IMPORTING with asyncImportJobId, the stored mapping, parsedRowCount, no counts."""
    made = story.parse(CONTENT)
    clock.advance(1)
    answer = client.post(URL, json=body(made, EMAIL, POINTS))
    assert answer.status_code == 200
    assert answer.json() == {
        "loyaltyImport": {
            "id": str(made.id),
            "asyncImportJobId": str(story.find(made.id).job_id),
            "revision": "4",
            "createdDate": "2026-03-04T05:06:07.089Z",
            "updatedDate": "2026-03-04T05:06:08.089Z",
            "status": "IMPORTING",
            "fileMetadata": {
                "size": len(CONTENT),
                "name": "file.csv",
                "url": made.file_url,
                "header": {"values": ["Name", "Email", "Points"]},
                "headerMappingInfo": {"headerMappings": [EMAIL, POINTS]},
                "sampleDataRows": [{"values": ["Ada", "ada@example.com", "15"]}],
            },
            "parseResult": {"parsedRowCount": 1},
            "importResult": {"errorFileExists": False},
            "pointport": {
                "detected": {
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
                },
                "options": DEFAULT_OPTIONS,
                "progress": {"rowsDone": 0, "rowsTotal": 1},
            },
        }
    }
    with app.database.owner_transaction() as connection:
        jobs = connection.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name = 'run_import' AND args ->> 'site_id' = %s",
            [str(story.site_id)],
        ).fetchall()
    assert jobs == [{"args": {"site_id": str(story.site_id), "subject_id": str(made.id)}}]


def test_the_two_mappings_come_in_any_order(client: TestClient, story: Story) -> None:
    """2.5: one EMAIL, one POINTS, any order; unknown members beside them are ignored (1.5)."""
    made = story.parse(CONTENT)
    answer = client.post(URL, json=body(made, POINTS | {"name": "x"}, EMAIL) | {"options": None, "more": 1})
    assert answer.status_code == 200
    assert answer.json()["loyaltyImport"]["fileMetadata"]["headerMappingInfo"] == {"headerMappings": [EMAIL, POINTS]}


def test_an_absent_column_index_is_0(client: TestClient, story: Story) -> None:
    """2.5: `columnIndex` is a non-nullable int: absent, or null, is 0."""
    for email in ({"columnName": "EMAIL"}, {"columnName": "EMAIL", "columnIndex": None}):
        made = story.parse(b"Email,Points\r\nada@example.com,15\r\n")
        answer = client.post(URL, json=body(made, email, {"columnName": "POINTS", "columnIndex": 1}))
        assert answer.status_code == 200
        assert answer.json()["loyaltyImport"]["fileMetadata"]["headerMappingInfo"] == {
            "headerMappings": [
                {"columnName": "EMAIL", "columnIndex": 0},
                {"columnName": "POINTS", "columnIndex": 1},
            ]
        }


def test_columns_are_chosen_by_index_not_by_name(client: TestClient, story: Story) -> None:
    """5.1: by index at execute time; headings are not asked, nor is the same heading twice a fault (8 row 20)."""
    made = story.parse(b"Points,Email,Email\r\nada@example.com,15,x\r\n")
    mappings = ({"columnName": "EMAIL", "columnIndex": 0}, {"columnName": "POINTS", "columnIndex": 1})
    assert client.post(URL, json=body(made, *mappings)).status_code == 200


def test_a_mapping_must_be_given(client: TestClient, story: Story) -> None:
    """2.5, 8 row 8: execute without a mapping is 400: nothing is guessed from header names."""
    made = story.parse(CONTENT)
    identified = {"loyaltyImportId": str(made.id)}
    no_info = (400, invalid(violation("headerMappingInfo", "is missing", "REQUIRED_FIELD")))
    no_mappings = (400, invalid(violation(PATH, "is missing", "REQUIRED_FIELD")))
    no_object = (400, invalid(violation("headerMappingInfo", "must be an object", "FORMAT", type="object")))
    no_array = (400, invalid(violation(PATH, "must be an array", "FORMAT", type="array")))
    expected: list[tuple[Json, tuple[int, Json]]] = [
        (identified, no_info),
        (identified | {"headerMappingInfo": None}, no_info),
        (identified | {"headerMappingInfo": {}}, no_mappings),
        (identified | {"headerMappingInfo": {"headerMappings": None}}, no_mappings),
        (identified | {"headerMappingInfo": []}, no_object),
        (identified | {"headerMappingInfo": "EMAIL"}, no_object),
        (identified | {"headerMappingInfo": {"headerMappings": {"EMAIL": 1}}}, no_array),
    ]
    assert answers(client, [one for one, _ in expected]) == [answer for _, answer in expected]
    assert story.find(made.id).status == "PARSED"


def test_a_mapping_has_exactly_two_items(client: TestClient, story: Story) -> None:
    """2.5, and the second worked example of 1.6: none and one are MIN_SIZE, three are MAX_SIZE."""
    made = story.parse(CONTENT)
    too_few = (400, invalid(violation(PATH, "must contain exactly 2 items", "MIN_SIZE", threshold=2)))
    too_many = (400, invalid(violation(PATH, "must contain exactly 2 items", "MAX_SIZE", threshold=2)))
    mappings: list[list[Any]] = [[], [EMAIL], [EMAIL, POINTS, EMAIL]]
    assert answers(client, [body(made, *some) for some in mappings]) == [too_few, too_few, too_many]


def test_each_fault_of_a_mapping_is_named_where_it_is(client: TestClient, story: Story) -> None:
    """2.5, 1.6: duplicate or unknown `columnName`, negative index, index beyond the header; wire paths, `[i]`."""
    made = story.parse(CONTENT)

    def at(place: str, description: str, rule: str, **data: Any) -> tuple[int, Json]:
        return 400, invalid(violation(f"{PATH}{place}", description, rule, **data))

    no_number = ("must be a whole number", "FORMAT")
    beyond = "but the file's 3 columns are 0 to 2"
    wanted = "must be 'EMAIL' or 'POINTS'"
    name, index = {"columnName": "POINTS"}, "[1].columnIndex"
    expected: list[tuple[Json, tuple[int, Json]]] = [
        (
            body(made, EMAIL, EMAIL | {"columnIndex": 2}),
            at("[1].columnName", "EMAIL is mapped twice; map one EMAIL and one POINTS", "OTHER"),
        ),
        (
            body(made, POINTS, POINTS),
            at("[1].columnName", "POINTS is mapped twice; map one EMAIL and one POINTS", "OTHER"),
        ),
        (
            body(made, EMAIL, name | {"columnIndex": 1}),
            at(index, "column 1 is mapped twice; choose two columns", "OTHER"),
        ),
        (
            body(made, EMAIL, {"columnName": "NAME", "columnIndex": 2}),
            at("[1].columnName", wanted, "INVALID_ENUM_VALUE"),
        ),
        (body(made, {"columnName": "email"}, POINTS), at("[0].columnName", wanted, "INVALID_ENUM_VALUE")),
        (body(made, EMAIL, {"columnName": 1}), at("[1].columnName", wanted, "INVALID_ENUM_VALUE")),
        (body(made, EMAIL, {"columnIndex": 2}), at("[1].columnName", "is missing", "REQUIRED_FIELD")),
        (body(made, EMAIL, name | {"columnIndex": -1}), at(index, "must be at least 0", "MIN", threshold=0)),
        (body(made, EMAIL, name | {"columnIndex": 3}), at(index, f"is 3, {beyond}", "MAX", threshold=2)),
        (
            body(made, name | {"columnIndex": 10**20}, EMAIL),
            at("[0].columnIndex", f"is {10**20}, {beyond}", "MAX", threshold=2),
        ),
        (body(made, EMAIL, name | {"columnIndex": "2"}), at(index, *no_number, type="integer")),
        (body(made, EMAIL, name | {"columnIndex": 1.5}), at(index, *no_number, type="integer")),
        (body(made, EMAIL, name | {"columnIndex": True}), at(index, *no_number, type="integer")),
        (body(made, EMAIL, None), at("[1]", "must be an object", "FORMAT", type="object")),
        (body(made, EMAIL, 2), at("[1]", "must be an object", "FORMAT", type="object")),
    ]
    assert answers(client, [one for one, _ in expected]) == [answer for _, answer in expected]
    assert story.find(made.id).status == "PARSED"


def test_an_id_must_be_given_and_be_a_guid(client: TestClient) -> None:
    """2.5: `loyaltyImportId` is required, and ids are GUIDs."""
    mapping = {"headerMappingInfo": {"headerMappings": [EMAIL, POINTS]}}
    missing = (400, invalid(violation("loyaltyImportId", "is missing", "REQUIRED_FIELD")))
    assert answers(client, [mapping, mapping | {"loyaltyImportId": None}]) == [missing, missing]
    wrong: list[Any] = ["nope", 5, "\ud800", "{}", "{value} {type}"]
    told = ["nope", "5", "\\ud800", "{}", "{value} {type}"]
    assert answers(client, [mapping | {"loyaltyImportId": one} for one in wrong]) == [
        (400, invalid(violation("loyaltyImportId", f"value '{one}' is not a valid GUID", "FORMAT", type="GUID")))
        for one in told
    ]


def test_an_import_that_is_not_the_sites_is_not_found(
    client: TestClient, app: App, make_site: Callable[[str], Site]
) -> None:
    """2.5, 8 row 28: 404 for an unknown import, and for another site's, which stays as it was."""
    other = Story(app, make_site("Other Shop").id)
    theirs = other.parse(CONTENT)
    unknown = body(theirs, EMAIL, POINTS) | {"loyaltyImportId": str(NOBODY)}
    assert answers(client, [body(theirs, EMAIL, POINTS), unknown]) == [
        (404, failed("NOT_FOUND", f"loyalty import {wanted} not found")) for wanted in (theirs.id, NOBODY)
    ]
    assert other.find(theirs.id).status == "PARSED"


def test_an_import_that_is_not_parsed_cannot_be_executed(client: TestClient, story: Story) -> None:
    """2.5, 8 row 9: 428 INVALID_IMPORT_STATUS with `data.status`, in every status but PARSED."""
    story.add_contacts("ada@example.com")
    imports = {
        "INITIATED": story.create(CONTENT),
        "PARSING": begin_parsing(story, CONTENT),
        "IMPORTING": story.execute(CONTENT, email=1, points=2),
        "IMPORTED": story.run(CONTENT, email=1, points=2),
        "FAILED": story.parse(b""),
    }
    assert answers(client, [body(made, EMAIL, POINTS) for made in imports.values()]) == [
        (428, failed("INVALID_IMPORT_STATUS", "import must be PARSED to execute", status=status)) for status in imports
    ]
    assert [story.find(made.id) for made in imports.values()] == list(imports.values())


def test_executing_twice_does_it_once(client: TestClient, story: Story, app: App) -> None:
    """4: execute a second time is 428, and the first one's mapping and job stay."""
    made = story.parse(CONTENT)
    first = client.post(URL, json=body(made, EMAIL, POINTS)).json()["loyaltyImport"]
    again = client.post(URL, json=body(made, POINTS | {"columnIndex": 0}, EMAIL))
    assert again.status_code == 428
    assert again.json() == failed("INVALID_IMPORT_STATUS", "import must be PARSED to execute", status="IMPORTING")
    now = client.get(IMPORTS, params={"loyaltyImportId": str(made.id)}).json()["loyaltyImport"]
    assert now == first
    with app.database.owner_transaction() as connection:
        jobs = connection.execute(
            "SELECT FROM procrastinate_jobs WHERE task_name = 'run_import' AND args ->> 'subject_id' = %s",
            [str(made.id)],
        ).fetchall()
    assert len(jobs) == 1
