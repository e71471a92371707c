"""GET /v1/loyalty-imports/error-file-download-url (contract.md 2.6) and the error file behind it (5.4, design.md 5)."""

import csv
import io
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from itsdangerous import TimestampSigner
from starlette.testclient import TestClient

from pointport.app import App
from pointport.imports import steps
from pointport.plumbing.objects.tickets import Ticket, TicketOffice
from tests.conftest import Site, Story
from tests.contract.conftest import IMPORTS, NOBODY, Clock, begin_parsing, failed, invalid, violation

URL = f"{IMPORTS}/error-file-download-url"
CONTENT = (
    b"Name,Email,Points\r\n"
    b"Ada,ada@example.com,15\r\n"
    b"Bob,bob@example.com,lots\r\n"
    b'"Dan ""the man"", D.",dan@example.com,5\r\n'
)
ERRORS = (
    "\ufeffName,Email,Points,Import line,Import status,Error code,Error reason\r\n"
    'Bob,bob@example.com,lots,3,FAILED,POINTS_NOT_A_NUMBER,"""lots"" in column ""Points"" is not a number.'
    ' Write digits only, like 1250."\r\n'
    '"Dan ""the man"", D.",dan@example.com,5,4,FAILED,CONTACT_NOT_FOUND,"No contact of this site has the e-mail address'
    ' ""dan@example.com"". Check the spelling, or add the contact first."\r\n'
)
INVALID = failed(
    "DOWNLOAD_URL_INVALID", "this download URL was not made by this server, or was altered; ask for a new one"
)


def with_errors(story: Story) -> UUID:
    """Run an import of three rows of which two fail, and return its id."""
    story.add_contacts("ada@example.com", "bob@example.com")
    return story.run(CONTENT, email=1, points=2).id


def url_of(client: TestClient, import_id: UUID) -> str:
    answer = client.get(URL, params={"loyaltyImportId": str(import_id)})
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"url"}
    url = body["url"]
    assert isinstance(url, str)
    return url


def test_the_error_file_is_had_by_anyone_with_its_url(client: TestClient, stranger: TestClient, story: Story) -> None:
    """2.6: `{"url": …}`, downloadable by plain GET without auth headers. 5.4: CSV, UTF-8, CRLF, failed rows only."""
    url = url_of(client, with_errors(story))
    assert url.startswith("http://testserver/files/download/")
    answer = stranger.get(url)
    assert answer.status_code == 200
    assert "authorization" not in answer.request.headers
    assert answer.content.decode() == ERRORS
    assert dict(answer.headers) == {
        "content-type": "text/csv; charset=utf-8",
        "content-length": str(len(ERRORS.encode())),
        "content-disposition": "attachment; filename*=UTF-8''file-errors.csv",
        "x-content-type-options": "nosniff",
        "x-wix-request-id": answer.headers["x-wix-request-id"],
    }


def test_the_error_file_is_saved_under_the_files_name(client: TestClient, stranger: TestClient, story: Story) -> None:
    """2.6: whatever the name is, it stays in its header."""
    path = story.upload(CONTENT)
    name = 'Stand März "1"; a=b\r\nSet-Cookie: c=d/../点.csv'
    made = client.post(IMPORTS, json={"fileUrl": path, "fileName": name}).json()["loyaltyImport"]
    import_id = UUID(made["id"])
    steps.parse(story.app, story.site_id, import_id, lambda: False)
    mapping = [{"columnName": "EMAIL", "columnIndex": 1}, {"columnName": "POINTS", "columnIndex": 2}]
    client.post(
        f"{IMPORTS}/execute",
        json={"loyaltyImportId": made["id"], "headerMappingInfo": {"headerMappings": mapping}},
    )
    steps.run(story.app, story.site_id, import_id, lambda: False)
    answer = stranger.get(url_of(client, import_id))
    assert answer.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''Stand%20M%C3%A4rz%20%221%22%3B%20a%3Db%0D%0A"
        "Set-Cookie%3A%20c%3Dd%2F..%2F%E7%82%B9-errors.csv"
    )
    assert "set-cookie" not in answer.headers


def test_without_an_error_file_there_is_no_url(client: TestClient, story: Story) -> None:
    """2.6, 8 row 10: 404 ERROR_FILE_NOT_FOUND, in every status and when every row went through."""
    story.add_contacts("ada@example.com")
    imports = [
        story.create(CONTENT),
        begin_parsing(story, CONTENT),
        story.parse(CONTENT),
        story.execute(CONTENT, email=1, points=2),
        story.run(b"Email,Points\r\nada@example.com,15\r\n"),
        story.parse(b""),
    ]
    answers = [client.get(URL, params={"loyaltyImportId": str(made.id)}) for made in imports]
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (404, failed("ERROR_FILE_NOT_FOUND", f"import {made.id} has no error file")) for made in imports
    ]


def test_an_id_must_be_a_guid_of_an_import_of_the_site(
    client: TestClient, app: App, make_site: Callable[[str], Site]
) -> None:
    """1.6, 2.6, 8 row 28: 400 without an id or with a malformed one; 404 for an unknown and for another site's."""
    theirs = with_errors(Story(app, make_site("Other Shop").id))
    answer = client.get(URL)
    assert (answer.status_code, answer.json()) == (
        400,
        invalid(violation("loyaltyImportId", "is missing", "REQUIRED_FIELD")),
    )
    answer = client.get(URL, params={"loyaltyImportId": "nope"})
    assert (answer.status_code, answer.json()) == (
        400,
        invalid(violation("loyaltyImportId", "value 'nope' is not a valid GUID", "FORMAT", type="GUID")),
    )
    for wanted in (NOBODY, theirs):
        answer = client.get(URL, params={"loyaltyImportId": str(wanted)})
        assert (answer.status_code, answer.json()) == (
            404,
            failed("NOT_FOUND", f"loyalty import {wanted} not found"),
        )


@pytest.mark.usefixtures("own_database")
def test_a_file_that_is_kept_no_longer_is_not_found(
    client: TestClient, stranger: TestClient, story: Story, clock: Clock
) -> None:
    """design.md 12: files are kept 30 days; then there is no URL, and one that was given out leads nowhere."""
    import_id = with_errors(story)
    url = url_of(client, import_id)
    clock.now += timedelta(days=31)
    steps.erase_expired(story.app)
    answer = client.get(URL, params={"loyaltyImportId": str(import_id)})
    assert answer.status_code == 404
    assert answer.json() == failed("ERROR_FILE_NOT_FOUND", f"the error file of import {import_id} is kept no longer")
    answer = stranger.get(url)
    assert answer.status_code == 404
    assert answer.json()["details"]["applicationError"]["code"] == "FILE_NOT_FOUND"


def test_a_download_url_lives_for_an_hour(
    client: TestClient, stranger: TestClient, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """design.md 12: download URL life 1 h; after it 403, and the next call gives a new one."""
    import_id = with_errors(story)
    with monkeypatch.context() as earlier:
        earlier.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - 3590)
        still_good = url_of(client, import_id)
        earlier.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - 3602)
        expired = url_of(client, import_id)
    assert stranger.get(still_good).status_code == 200
    answer = stranger.get(expired)
    assert answer.status_code == 403
    assert answer.json() == failed("DOWNLOAD_URL_EXPIRED", "this download URL has expired; ask for a new one")
    assert stranger.get(url_of(client, import_id)).status_code == 200


def test_a_url_that_was_altered_or_made_elsewhere_opens_nothing(
    client: TestClient, stranger: TestClient, story: Story, app: App
) -> None:
    """2.6: what the URL opens is in its signature: this file, to be read, and nothing else."""
    url = url_of(client, with_errors(story))
    base, _, ticket = url.rpartition("/")
    payload, stamp, signature = ticket.rsplit(".", 2)
    wanted = Ticket("download", story.site_id, "secret")
    forged = [
        "nothing",
        f"{payload}A.{stamp}.{signature}",
        f"{payload}.A{stamp}.{signature}",
        f"{payload}.{stamp}.A{signature}",
        TicketOffice(b"the secret of another server, 32").issue(wanted),
        app.tickets.issue(replace(wanted, purpose="upload")),
    ]
    answers = [stranger.get(f"{base}/{one}") for one in forged]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(403, INVALID)] * len(forged)
    answer = stranger.put(url, content=b"something else")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert stranger.get(url).content.decode() == ERRORS


def sent_back(client: TestClient, stranger: TestClient, url: str, change: Callable[[bytes], bytes]) -> str:
    """Download an error file, change it, upload it to a new slot, make an import of it, and return its id."""
    corrected = change(stranger.get(url).content)
    slot = client.post(f"{IMPORTS}/wixmp-upload-url", json={}).json()
    assert stranger.put(slot["uploadUrl"], content=corrected).status_code == 200
    made = client.post(IMPORTS, json={"fileUrl": slot["filePath"]}).json()["loyaltyImport"]
    return str(made["id"])


def test_a_corrected_error_file_is_imported_as_it_is(client: TestClient, stranger: TestClient, story: Story) -> None:
    """5.4: to be fixed and re-imported with the same column indexes; design.md 5: our four columns are ignored."""
    story.add_contacts("dan@example.com")
    story.add_contacts("ada@example.com", "bob@example.com")
    first = story.run(CONTENT.replace(b"dan@example.com,5", b"dan@example.com,5.5"), email=1, points=2)
    import_id = UUID(
        sent_back(
            client,
            stranger,
            url_of(client, first.id),
            lambda content: content.replace(b",lots,", b",30,").replace(b",5.5,", b",50,"),
        )
    )
    steps.parse(story.app, story.site_id, import_id, lambda: False)
    parsed = client.get(IMPORTS, params={"loyaltyImportId": str(import_id)}).json()["loyaltyImport"]
    assert parsed["fileMetadata"]["header"] == {"values": ["Name", "Email", "Points"]}
    assert parsed["fileMetadata"]["sampleDataRows"] == [
        {"values": ["Bob", "bob@example.com", "30"]},
        {"values": ['Dan "the man", D.', "dan@example.com", "50"]},
    ]
    begun = client.post(
        f"{IMPORTS}/execute",
        json={
            "loyaltyImportId": str(import_id),
            "headerMappingInfo": {
                "headerMappings": [
                    {"columnName": "EMAIL", "columnIndex": 1},
                    {"columnName": "POINTS", "columnIndex": 2},
                ]
            },
        },
    )
    assert begun.status_code == 200
    steps.run(story.app, story.site_id, import_id, lambda: False)
    done = client.get(IMPORTS, params={"loyaltyImportId": str(import_id)}).json()["loyaltyImport"]
    assert done["importResult"] == {"errorFileExists": False, "successCount": 2, "failureCount": 0}
    assert story.balances() == {"ada@example.com": 15, "bob@example.com": 30, "dan@example.com": 50}


def test_no_cell_of_an_error_file_runs_in_a_spreadsheet_and_all_come_back_as_they_were(
    client: TestClient, stranger: TestClient, story: Story
) -> None:
    """5.4, design.md 5: a leading `'` before `= + - @` and tab, unless it is a number; taken off again on the way back."""
    cells = {
        "=1+1": "'=1+1",
        "+49 30 123": "'+49 30 123",
        "-5": "-5",
        "+3.5": "+3.5",
        "-rm": "'-rm",
        "@SUM(A1)": "'@SUM(A1)",
        "\t=1": "'\t=1",
        "'=already": "''=already",
        "'quoted'": "'quoted'",
        "plain, with = inside": "plain, with = inside",
    }
    header = ["Email", "Points", *cells, "=HYPERLINK(1)"]
    content = io.StringIO()
    csv.writer(content).writerows([header, ["x@example.com", "1", *cells, "end"]])
    made = story.run(content.getvalue().encode())

    shown = list(csv.reader(io.StringIO(story.error_file(made))))
    assert shown[0][2:-4] == [*cells.values(), "'=HYPERLINK(1)"]
    assert shown[1][2:-4] == [*cells.values(), "end"]

    again = UUID(sent_back(client, stranger, url_of(client, made.id), lambda content: content))
    steps.parse(story.app, story.site_id, again, lambda: False)
    parsed = client.get(IMPORTS, params={"loyaltyImportId": str(again)}).json()["loyaltyImport"]
    assert parsed["fileMetadata"]["header"]["values"] == header
    assert parsed["fileMetadata"]["sampleDataRows"] == [{"values": ["x@example.com", "1", *cells, "end"]}]
