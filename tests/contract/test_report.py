"""GET /v1/loyalty-imports/report-download-url, and the report of all rows behind it (design.md 8)."""

import csv
import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from itsdangerous import TimestampSigner
from psycopg.rows import DictRow
from starlette.testclient import TestClient

from pointport.app import App
from pointport.imports import outcomes, steps
from pointport.imports.reading.corrected import REPORT_COLUMNS
from pointport.ledger.transactions import entry_id
from pointport.plumbing.database.pool import Connection, Database
from pointport.plumbing.objects.tickets import Ticket
from tests.conftest import Site, Story
from tests.contract.conftest import IMPORTS, NOBODY, Clock, failed, invalid, kept_files, violation

URL = f"{IMPORTS}/report-download-url"
CONTENT = (
    b"Name,Email,Points\r\n"
    b"Ada,ada@example.com,15\r\n"
    b"\r\n"
    b"Bob,bob@example.com,lots\r\n"
    b'"Cy ""the man"",\n D.",cyd@example.com,5\r\n'
    b"=Dan,dan@example.com,5,more\r\n"
)
"""With a blank line, a cell of two lines and a row that is too long."""


@pytest.fixture
def done(story: Story, clock: Clock) -> UUID:
    """An import of those rows: one changes a balance, one does not, two fail."""
    story.add_contacts("ada@example.com", "bob@example.com", "cyd@example.com")
    story.run(b"Email,Points\r\nada@example.com,3\r\ncyd@example.com,5\r\n")
    clock.advance(60)
    return story.run(CONTENT, email=1, points=2).id


def url_of(client: TestClient, import_id: UUID) -> str:
    answer = client.get(URL, params={"loyaltyImportId": str(import_id)})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"url"}
    return str(body["url"])


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_the_report_has_every_row_and_is_had_by_anyone_with_its_url(
    client: TestClient, stranger: TestClient, done: UUID
) -> None:
    """UTF-8 with BOM, CRLF, RFC 4180: the original columns untouched, then ours."""
    url = url_of(client, done)
    assert url.startswith("http://testserver/files/report/")
    answer = stranger.get(url)
    assert answer.status_code == 200
    rows = answer.content.decode()
    balances = "5,5," if ",UNCHANGED,,,5,5," in rows else ",,"
    assert rows == (
        "\ufeffName,Email,Points,,Import line,Import status,Error code,Error reason,Points before,Points after,Transaction"
        "\r\n"
        f"Ada,ada@example.com,15,,2,IMPORTED,,,3,15,{entry_id(done, 2)}\r\n"
        'Bob,bob@example.com,lots,,4,FAILED,POINTS_NOT_A_NUMBER,"""lots"" in column ""Points"" is not a number.'
        ' Write digits only, like 1250.",,,\r\n'
        f'"Cy ""the man"",\n D.",cyd@example.com,5,,5,UNCHANGED,,,{balances}\r\n'
        '\'=Dan,dan@example.com,5,more,7,FAILED,CELL_EXTRA,"The row has 4 cells for 3 columns; ""more"" is one too many.'
        ' Put quotes around a text that has the delimiter in it, and take it out of numbers.",,,\r\n'
    )
    assert dict(answer.headers) == {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": "attachment; filename*=UTF-8''file-report.csv",
        "x-content-type-options": "nosniff",
        "x-wix-request-id": answer.headers["x-wix-request-id"],
    }


def test_a_report_that_is_sent_back_is_the_file_again(
    client: TestClient, stranger: TestClient, story: Story, done: UUID
) -> None:
    """Our columns are recognised and ignored, and what was guarded is as it was; so it can be corrected and imported."""
    story.add_contacts("dan@example.com")
    content = stranger.get(url_of(client, done)).content
    again = story.parse(content.replace(b",lots,", b",30,").replace(b",more,", b",,"))
    assert again.header == ["Name", "Email", "Points", ""]
    assert again.sample_rows == [
        ["Ada", "ada@example.com", "15", ""],
        ["Bob", "bob@example.com", "30", ""],
        ['Cy "the man",\n D.', "cyd@example.com", "5", ""],
        ["=Dan", "dan@example.com", "5", ""],
    ]
    ended = story.run(content.replace(b",lots,", b",30,").replace(b",more,", b",,"), email=1, points=2)
    assert (ended.success_count, ended.failure_count) == (4, 0)
    assert story.balances() == {
        "ada@example.com": 15,
        "bob@example.com": 30,
        "cyd@example.com": 5,
        "dan@example.com": 5,
    }
    # And the report of that has our columns once.
    header, *rows = rows_of(stranger.get(url_of(client, ended.id)).content)
    assert header == ["Name", "Email", "Points", "", *REPORT_COLUMNS]
    assert [row[0] for row in rows] == ["Ada", "Bob", 'Cy "the man",\n D.', "'=Dan"]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_report_that_a_spreadsheet_saved_is_recognised(
    client: TestClient, stranger: TestClient, story: Story, done: UUID, delimiter: str
) -> None:
    """With another delimiter and other line ends."""
    saved = io.StringIO()
    writer = csv.writer(saved, delimiter=delimiter, lineterminator="\n")
    writer.writerows(rows_of(stranger.get(url_of(client, done)).content))
    again = story.parse(saved.getvalue().encode())
    assert (again.header, again.parsed_row_count) == (["Name", "Email", "Points", ""], 4)


@pytest.mark.parametrize("fetch_rows", [1, 2, 3, 1_000])
def test_rows_are_fetched_page_by_page_while_no_transaction_is_open(
    story: Story, monkeypatch: pytest.MonkeyPatch, fetch_rows: int
) -> None:
    """Whatever the size of a page, each row has its own outcome; between two blocks nothing waits in the database."""
    monkeypatch.setattr(outcomes, "FETCH_ROWS", fetch_rows)
    monkeypatch.setattr("pointport.imports.reporting.BLOCK_CHARACTERS_MIN", 1)
    story.add_contacts(*(f"c{number}@example.com" for number in range(0, 30, 2)))
    lines = "".join(f"c{number}@example.com,{number + 1}\n" for number in range(30))
    made = story.run(f"Email,Points\n{lines}".encode())
    watched = Watched(story.app.database)
    blocks = []
    for block in steps.report(replace(story.app, database=watched), story.site_id, made.id):
        assert watched.running == 0
        blocks.append(block)
    assert len(blocks) > 30
    _, *rows = rows_of(b"".join(blocks))
    assert [(row[0], row[2], row[3]) for row in rows] == [
        (f"c{number}@example.com", str(number + 2), "FAILED" if number % 2 else "IMPORTED") for number in range(30)
    ]
    assert [row[7] for row in rows] == ["" if number % 2 else str(number + 1) for number in range(30)]
    assert watched.begun >= 2 * (15 // fetch_rows)


class Watched(Database):
    """A database that tells how many transactions are open."""

    def __init__(self, inner: Database) -> None:
        self.inner = inner
        self.running = self.begun = 0

    @contextmanager
    def transaction(self, site_id: UUID) -> Iterator[Connection]:
        """See Database."""
        with self.inner.transaction(site_id) as connection:
            self.running, self.begun = self.running + 1, self.begun + 1
            yield connection
        self.running -= 1

    def look_up(self, *asked: Any, **options: Any) -> list[DictRow]:
        """See Database."""
        return self.inner.look_up(*asked, **options)


def test_nothing_is_written_for_a_report(client: TestClient, stranger: TestClient, app: App, done: UUID) -> None:
    """It is made while it is had, each time anew."""
    before = sorted(kept_files(app))
    first, second = (stranger.get(url_of(client, done)).content for _ in range(2))
    assert first == second
    assert sorted(kept_files(app)) == before


def test_a_report_is_there_once_an_import_has_ended(client: TestClient, story: Story) -> None:
    """404 when it was not executed, 428 while it runs, and then also of one that failed: nothing was reached."""
    for made in (story.create(CONTENT), story.parse(CONTENT), story.parse(b"")):
        answer = client.get(URL, params={"loyaltyImportId": str(made.id)})
        assert (answer.status_code, answer.json()) == (
            404,
            failed("REPORT_NOT_FOUND", f"import {made.id} was not executed, so there is nothing to report"),
        )
    running = story.execute(CONTENT, email=1, points=2)
    answer = client.get(URL, params={"loyaltyImportId": str(running.id)})
    assert (answer.status_code, answer.json()) == (
        428,
        failed(
            "INVALID_IMPORT_STATUS",
            f"import {running.id} has not ended yet; its report can be had when it has",
            status="IMPORTING",
        ),
    )
    steps.fail(story.app, story.site_id, running.id, reason="INTERNAL", message="A fault of ours.")
    _, *rows = rows_of(client.get(url_of(client, running.id)).content)
    assert [row[4:7] for row in rows] == [[str(line), "UNPROCESSED", "NOT_REACHED"] for line in (2, 4, 5, 7)]


def test_rows_that_were_settled_together_name_each_other(client: TestClient, story: Story) -> None:
    """And a customer's row names the line that it went along with."""
    story.add_contacts("ada@example.com")
    done = story.run(b"Email,Points\nada@example.com,2\nnobody@example.com,1\n")
    with story.app.database.owner_transaction() as connection:
        connection.execute(
            "UPDATE import_row SET outcome = 'MERGED', problem = NULL, detail = '{\"line\": 2}'"
            " WHERE site_id = %s AND import_id = %s",
            [done.site_id, done.id],
        )
    _, first, second = rows_of(client.get(url_of(client, done.id)).content)
    assert first[2:] == ["2", "IMPORTED", "", "", "0", "2", str(entry_id(done.id, 2))]
    assert second[2:] == ["3", "MERGED", "", "Settled together with line 2.", "", "", ""]


@pytest.mark.usefixtures("own_database")
def test_a_report_is_gone_with_its_file(client: TestClient, stranger: TestClient, story: Story, clock: Clock) -> None:
    """design.md 12: kept 30 days; then there is no URL, and one that was given out leads nowhere."""
    lost = story.run(CONTENT, email=1, points=2)
    story.app.objects.delete(lost.file_url.removeprefix("/"))
    old = story.run(CONTENT, email=1, points=2)
    url = url_of(client, old.id)
    clock.now += timedelta(days=31)
    steps.erase_expired(story.app)
    for answer, made in (
        (client.get(URL, params={"loyaltyImportId": str(lost.id)}), lost),
        (client.get(URL, params={"loyaltyImportId": str(old.id)}), old),
        (stranger.get(url), old),
    ):
        gone = failed("REPORT_NOT_FOUND", f"the file of import {made.id} is kept no longer")
        assert (answer.status_code, answer.json()) == (404, gone)


def test_an_id_must_be_a_guid_of_an_import_of_the_site(
    client: TestClient, app: App, make_site: Callable[[str], Site]
) -> None:
    """1.6, 8 row 28: 400 without an id or with a malformed one; 404 for an unknown and for another site's."""
    theirs = Story(app, make_site("Other Shop").id).run(CONTENT, email=1, points=2)
    cases: list[tuple[dict[str, str], Any]] = [
        ({}, violation("loyaltyImportId", "is missing", "REQUIRED_FIELD")),
        (
            {"loyaltyImportId": "nope"},
            violation("loyaltyImportId", "value 'nope' is not a valid GUID", "FORMAT", type="GUID"),
        ),
    ]
    for params, expected in cases:
        answer = client.get(URL, params=params)
        assert (answer.status_code, answer.json()) == (400, invalid(expected))
    for wanted in (NOBODY, theirs.id):
        answer = client.get(URL, params={"loyaltyImportId": str(wanted)})
        assert (answer.status_code, answer.json()) == (404, failed("NOT_FOUND", f"loyalty import {wanted} not found"))


def test_a_reports_url_opens_that_report_for_an_hour(
    client: TestClient, stranger: TestClient, app: App, site: Site, done: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """403 when it has expired, was altered, or is for something else."""
    url = url_of(client, done)
    with monkeypatch.context() as earlier:
        earlier.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - 3602)
        expired = url_of(client, done)
    answer = stranger.get(expired)
    assert (answer.status_code, answer.json()) == (
        403,
        failed("REPORT_URL_EXPIRED", "this report URL has expired; ask for a new one"),
    )
    base, _, ticket = url.rpartition("/")
    other_purpose = app.tickets.issue(Ticket("download", site.id, str(done)))
    for one in ("nothing", f"{ticket}A", other_purpose):
        answer = stranger.get(f"{base}/{one}")
        assert (answer.status_code, answer.json()["details"]["applicationError"]["code"]) == (403, "REPORT_URL_INVALID")
    assert stranger.get(f"{base.removesuffix('report')}download/{ticket}").status_code == 403
