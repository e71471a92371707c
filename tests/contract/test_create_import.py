"""POST /v1/loyalty-imports (contract.md 2.3)."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from starlette.testclient import TestClient

from pointport.app import App
from pointport.plumbing.webhooks.event_types import EventType
from tests.conftest import Site, Story
from tests.contract.conftest import IMPORTS, Json, failed, invalid, subscribe, violation

CONTENT = b"Email,Points\r\nada@example.com,15\r\n"
NO_PATH = invalid(
    violation("fileUrl", "must be a filePath that this server gave out with an upload URL", "FORMAT"),
)


def refusals(client: TestClient, bodies: list[Any]) -> list[tuple[int, Json]]:
    # In ASCII, so that a lone surrogate can be sent too.
    answers = [client.post(IMPORTS, content=json.dumps(body)) for body in bodies]
    return [(answer.status_code, answer.json()) for answer in answers]


def test_an_import_is_made_of_an_uploaded_file(client: TestClient, story: Story) -> None:
    """2.3, 3: the request as the SDK sends it, and the example right after create, whole."""
    path = story.upload(CONTENT)
    answer = client.post(IMPORTS, json={"fileUrl": path, "fileName": "sample.csv", "fileSize": len(CONTENT)})
    assert answer.status_code == 200
    body = answer.json()
    assert body == {
        "loyaltyImport": {
            "id": body["loyaltyImport"]["id"],
            "revision": "1",
            "createdDate": "2026-03-04T05:06:07.089Z",
            "updatedDate": "2026-03-04T05:06:07.089Z",
            "status": "INITIATED",
            "fileMetadata": {"size": 34, "name": "sample.csv", "url": path, "sampleDataRows": []},
            "pointport": {},
        }
    }
    assert str(UUID(body["loyaltyImport"]["id"])) == body["loyaltyImport"]["id"]


def test_create_says_so_to_whoever_listens_and_sets_parsing_going(client: TestClient, story: Story, app: App) -> None:
    """2.3: it triggers the Loyalty Import Created webhook, and parsing starts without a further call."""
    subscribe(app, story.site_id, EventType.IMPORT_CREATED)
    made = client.post(IMPORTS, json={"fileUrl": story.upload(CONTENT)}).json()["loyaltyImport"]
    with app.database.transaction(story.site_id) as connection:
        events = connection.execute("SELECT event_type, entity_id::text FROM event").fetchall()
        jobs = connection.execute(
            "SELECT task_name, args FROM procrastinate_jobs WHERE args ->> 'site_id' = %s ORDER BY task_name DESC",
            [str(story.site_id)],
        ).fetchall()
    assert events == [{"event_type": "wix.loyalty.imports.v1.loyalty_import_created", "entity_id": made["id"]}]
    assert [job["task_name"] for job in jobs] == ["parse_import", "deliver_webhooks"]
    assert jobs[:1] == [
        {"task_name": "parse_import", "args": {"site_id": str(story.site_id), "subject_id": made["id"]}},
    ]


def test_what_is_left_out_is_known_from_the_file(client: TestClient, story: Story) -> None:
    """2.3, 8 rows 22 and 23: no fileName is the path's last segment; null is absent; the real size wins."""
    for extra in ({}, {"fileName": None, "fileSize": None}, {"fileName": "", "fileSize": 0}, {"fileSize": 9_999}):
        path = story.upload(CONTENT)
        answer = client.post(IMPORTS, json={"fileUrl": path, **extra})
        assert answer.status_code == 200
        assert answer.json()["loyaltyImport"]["fileMetadata"] == {
            "size": 34,
            "name": path.rpartition("/")[2],
            "url": path,
            "sampleDataRows": [],
        }


def test_unknown_members_are_ignored(client: TestClient, story: Story) -> None:
    """1.5: unknown request fields are ignored, those of other spellings too."""
    path = story.upload(CONTENT)
    body = {"fileUrl": path, "file_url": 5, "FileName": 7, "status": "IMPORTED", "pointport": {"a": [None]}}
    answer = client.post(IMPORTS, json=body)
    assert answer.status_code == 200
    assert answer.json()["loyaltyImport"]["status"] == "INITIATED"


def test_one_file_may_be_imported_twice(client: TestClient, story: Story) -> None:
    """8 row 6: one file, two imports: allowed."""
    path = story.upload(CONTENT)
    first, second = (client.post(IMPORTS, json={"fileUrl": path}).json()["loyaltyImport"] for _ in range(2))
    assert first["id"] != second["id"]
    assert first["fileMetadata"] == second["fileMetadata"]


def test_a_file_url_must_be_text_of_3_to_10000_characters(client: TestClient) -> None:
    """2.3: 400 for empty, short and over-long `fileUrl`; required; not a number (1.6: the violation names the field)."""
    length = "must have 3 to 10000 characters"
    missing = invalid(violation("fileUrl", "is missing", "REQUIRED_FIELD"))
    no_text = invalid(violation("fileUrl", "must be text", "FORMAT", type="text"))
    short = invalid(violation("fileUrl", length, "MIN_LENGTH", threshold=3))
    long = invalid(violation("fileUrl", length, "MAX_LENGTH", threshold=10_000))
    urls = {None: missing, 5: no_text, True: no_text, "": short, "/s": short, "/" * 10_001: long, "/" * 10_000: NO_PATH}
    assert refusals(client, [{}, *({"fileUrl": url} for url in urls)]) == [
        (400, expected) for expected in [missing, *urls.values()]
    ]
    assert refusals(client, [{"fileUrl": ["/sites"]}, {"fileUrl": {}}]) == [(400, no_text)] * 2


def test_a_file_size_must_be_a_number_within_the_limit(client: TestClient, story: Story) -> None:
    """2.3, 1.5: `fileSize` is a JSON number of bytes; 400 for a negative or too large one, and for text."""
    path = story.upload(CONTENT)
    negative = invalid(violation("fileSize", "must be at least 0", "MIN", threshold=0))
    too_large = invalid(
        violation("fileSize", "is more than the 10485760 bytes that a file may have", "MAX", threshold=10_485_760)
    )
    no_number = invalid(violation("fileSize", "must be a whole number", "FORMAT", type="integer"))
    sizes = {-1: negative, 10_485_761: too_large, 10**30: too_large}
    others: list[Any] = ["34", 1.5, True, [], {}]
    assert refusals(client, [{"fileUrl": path, "fileSize": size} for size in [*sizes, *others]]) == [
        (400, expected) for expected in [*sizes.values(), *[no_number] * len(others)]
    ]
    assert client.post(IMPORTS, json={"fileUrl": path, "fileSize": 10_485_760}).status_code == 200


def test_a_file_name_is_any_text_that_can_be_kept(client: TestClient, story: Story) -> None:
    """2.3, 3: `fileName` is free text; what the database cannot hold, or is no text, is 400 and not a fault of ours."""
    path = story.upload(CONTENT)
    no_text = invalid(violation("fileName", "must be text", "FORMAT", type="text"))
    unstorable = "must not hold NUL characters or lone surrogates"
    names: dict[Any, Json] = {
        5: no_text,
        "\ud800": no_text,
        "a\0b": invalid(violation("fileName", unstorable, "FORMAT", type="text")),
        "x" * 1_001: invalid(violation("fileName", "must have at most 1000 characters", "MAX_LENGTH", threshold=1_000)),
    }
    assert refusals(client, [{"fileUrl": path, "fileName": name} for name in names]) == [
        (400, expected) for expected in names.values()
    ]
    for name in ("Stand März — 点.csv", "../../etc/passwd", "x" * 1_000, "\r\nSet-Cookie: a=b", "'; DROP TABLE site"):
        answer = client.post(IMPORTS, json={"fileUrl": path, "fileName": name})
        assert answer.status_code == 200
        assert answer.json()["loyaltyImport"]["fileMetadata"]["name"] == name


def test_two_faults_are_told_at_once(client: TestClient) -> None:
    """1.6: `fieldViolations` is a list, and the message names them all."""
    assert refusals(client, [{"fileUrl": 1, "fileSize": -1}]) == [
        (
            400,
            invalid(
                violation("fileUrl", "must be text", "FORMAT", type="text"),
                violation("fileSize", "must be at least 0", "MIN", threshold=0),
            ),
        )
    ]


def test_a_file_that_was_never_uploaded_is_not_found(client: TestClient) -> None:
    """2.3, 8 row 5: 404 FILE_NOT_FOUND when nothing was uploaded there."""
    path = client.post(f"{IMPORTS}/wixmp-upload-url", json={}).json()["filePath"]
    assert refusals(client, [{"fileUrl": path}]) == [(404, failed("FILE_NOT_FOUND", f"no file was uploaded to {path}"))]


def test_a_file_of_another_site_is_not_found(client: TestClient, app: App, make_site: Callable[[str], Site]) -> None:
    """2.3, 8 row 28: 404 FILE_NOT_FOUND for another site's file, word for word as if it were not there."""
    theirs = Story(app, make_site("Other Shop").id).upload(CONTENT)
    absent = theirs.replace(theirs[-8:-4], "0000")
    assert refusals(client, [{"fileUrl": theirs}, {"fileUrl": absent}]) == [
        (404, failed("FILE_NOT_FOUND", f"no file was uploaded to {path}")) for path in (theirs, absent)
    ]


def test_only_a_path_that_was_given_out_is_a_path(client: TestClient, story: Story) -> None:
    """8 row 4: no foreign URL, no way up, no other spelling: only what create-file-URL gives out, letter by letter."""
    path = story.upload(CONTENT)
    _, _, folder, name = path.split("/")
    tricks = [
        f"http://testserver{path}",
        "http://169.254.169.254/latest/meta-data",
        "https://example.com/points.csv",
        "file:///etc/passwd",
        f"//testserver{path}",
        f"/sites/{folder}/../{folder}/{name}",
        f"/sites/../sites/{folder}/{name}",
        f"/sites/{folder}/./{name}",
        f"/sites//{folder}/{name}",
        path.replace("/sites/", "/sites%2F"),
        path.replace("-", "%2D"),
        f"/sites/%2e%2e/sites/{folder}/{name}",
        path.replace("/", "\\"),
        f"/sites/{folder.upper()}/{name}",
        f"/sites/{folder}/{name.upper()}",
        path.upper(),
        path.lstrip("/"),
        f" {path}",
        f"{path} ",
        f"{path}\n",
        f"{path}?a=b",
        f"{path}#",
        f"{path}/",
        f"{path}/../../secret",
        f"/sites/{folder}/imports/{name}",
        f"/sites/{folder}/{name.removesuffix('.csv')}.CSV",
        # Digits that are not ASCII are none of a GUID's.
        path.replace("0", "\u0660"),
        "secret",
    ]
    assert refusals(client, [{"fileUrl": trick} for trick in tricks]) == [(400, NO_PATH)] * len(tricks)
    unstorable = violation("fileUrl", "must not hold NUL characters or lone surrogates", "FORMAT", type="text")
    assert (
        refusals(client, [{"fileUrl": f"{path}\0"}, {"fileUrl": f"{path}\ud800"}]) == [(400, invalid(unstorable))] * 2
    )
