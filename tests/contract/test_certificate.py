"""The certificate of an import: what it says, who vouches for it, its page, and what is found when it was tampered with."""

import base64
import copy
import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any, LiteralString
from uuid import UUID

import pytest
from itsdangerous import TimestampSigner
from joserfc import jws
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from pointport.app import App
from pointport.imports import record, steps
from pointport.imports.record import LoyaltyImport
from pointport.imports.shapes import Mapping
from pointport.ledger.transactions import entry_id
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.objects.tickets import Ticket, TicketOffice
from pointport.wire import certificates as wire
from tests.conftest import Site, Story
from tests.contract.conftest import IMPORTS, NOBODY, Clock, begin_parsing, failed, invalid, violation

URL = f"{IMPORTS}/certificate"
VERIFY = "/pointport/v1/ledger/verify-certificate"
KEYS = "/pointport/v1/webhook-keys"
FIRST = b"Email,Points\r\nada@example.com,40\r\nbob@example.com,20\r\n"
CONTENT = (
    b"Name,Email,Points\r\n"
    b"Ada,ada@example.com,15\r\n"
    b"Bob,bob@example.com,20\r\n"
    b"Cyd,cyd@example.com,7\r\n"
    b"Dan,dan@example.com,lots\r\n"
    b"Eve,eve@example.com,0\r\n"
)
MOMENT = "2026-03-04T05:06:07.089Z"

Json = dict[str, Any]


@pytest.fixture
def ended(story: Story) -> LoyaltyImport:
    """An import after another: of its rows one takes points, one leaves them, two make accounts, and one fails."""
    story.add_contacts("ada@example.com", "bob@example.com", "cyd@example.com", "dan@example.com", "eve@example.com")
    story.run(FIRST)
    return story.run(CONTENT, email=1, points=2)


def get(client: TestClient, import_id: UUID) -> Json:
    answer = client.get(URL, params={"loyaltyImportId": str(import_id)})
    assert answer.status_code == 200, answer.json()
    body: Json = answer.json()
    return body


def verify(client: TestClient, given: Json) -> Json:
    answer = client.post(VERIFY, json=given)
    assert answer.status_code == 200, answer.json()
    verdict: Json = answer.json()
    return verdict


def codes(verdict: Json) -> list[str]:
    return [problem["code"] for problem in verdict["problems"]]


def damage(app: App, statement: LiteralString, *values: Any) -> None:
    """Do what only the owner of the tables can."""
    with app.database.owner_transaction() as connection:
        assert connection.execute(statement, values).rowcount == 1


# --- What it says ---------------------------------------------------------------------------------------------------------


def test_a_certificate_says_what_the_import_did(client: TestClient, ended: LoyaltyImport, story: Story) -> None:
    answer = get(client, ended.id)
    assert set(answer) == {"certificate", "signature", "pageUrl"}
    with story.app.database.transaction(story.site_id) as connection:
        accounts = {
            row["email"].partition("@")[0]: row["id"]
            for row in connection.execute("SELECT id, email FROM contact WHERE site_id = %s", [story.site_id])
        }
    entries = f"{accounts['ada']},2,40,-25,15\n{accounts['cyd']},4,0,7,7\n"
    assert answer["certificate"] == {
        "version": 1,
        "siteId": str(story.site_id),
        "loyaltyImportId": str(ended.id),
        "issuedDate": MOMENT,
        "fileName": "file.csv",
        "fileSha256": hashlib.sha256(CONTENT).hexdigest(),
        "fileBytes": len(CONTENT),
        "mapping": {
            "email": {"columnName": "Email", "columnIndex": 1},
            "points": {"columnName": "Points", "columnIndex": 2},
        },
        "options": {
            "mode": "SET",
            "duplicates": "REJECT",
            "unknownContacts": "REJECT",
            "atomic": False,
            "failIfMoreThan": None,
            "maxPointsPerRow": None,
            "maxTotalChange": None,
            "maxAccountsChangedPercent": None,
            "description": None,
            "allowRepeat": False,
            "notify": True,
        },
        "createdDate": MOMENT,
        "executedDate": MOMENT,
        "finishedDate": MOMENT,
        "status": "IMPORTED",
        "rows": {"inFile": 5, "imported": 2, "unchanged": 2, "merged": 0, "failed": 1, "unprocessed": 0},
        "accounts": {"created": 2, "changed": 2},
        "points": {"sumBefore": 40, "sumOfChanges": -18, "sumAfter": 22, "added": 7, "removed": 25},
        "ledgerDigest": hashlib.sha256(entries.encode()).hexdigest(),
    }


def test_it_is_the_same_when_it_is_asked_for_again(client: TestClient, ended: LoyaltyImport, clock: Clock) -> None:
    first = get(client, ended.id)
    assert get(client, ended.id) == first
    clock.advance(3_600)
    later = get(client, ended.id)
    assert later["certificate"] == {**first["certificate"], "issuedDate": "2026-03-04T06:06:07.089Z"}


def test_an_import_that_failed_on_its_way_is_certified_as_far_as_it_came(client: TestClient, story: Story) -> None:
    story.add_contacts("ada@example.com", "bob@example.com")
    app = replace(story.app, settings=story.app.settings.model_copy(update={"chunk_rows": 1, "apply_sessions": 1}))
    begun = story.execute(FIRST)
    steps.stage(app, story.site_id, begun.id)
    assert steps.apply_chunk(app, story.site_id, begun.id)
    steps.fail(app, story.site_id, begun.id, reason="INTERNAL_ERROR", message="A fault.")
    certificate = get(client, begun.id)["certificate"]
    assert (certificate["status"], certificate["failureReason"]) == ("FAILED", "INTERNAL_ERROR")
    rows = {"inFile": 2, "imported": 1, "unchanged": 0, "merged": 0, "failed": 0, "unprocessed": 1}
    assert certificate["rows"] == rows


def test_an_import_that_failed_before_its_first_row_changed_nothing(client: TestClient, story: Story) -> None:
    begun = story.execute(FIRST)
    steps.fail(story.app, story.site_id, begun.id, reason="FILE_CHANGED", message="Another file.")
    answer = get(client, begun.id)
    rows = {"inFile": 2, "imported": 0, "unchanged": 0, "merged": 0, "failed": 0, "unprocessed": 2}
    assert answer["certificate"]["rows"] == rows
    assert answer["certificate"]["ledgerDigest"] == hashlib.sha256(b"").hexdigest()
    assert verify(client, answer)["sound"]


def test_what_has_not_ended_or_was_never_executed_is_not_certified(client: TestClient, story: Story) -> None:
    imports = [
        story.create(FIRST),
        begin_parsing(story, FIRST),
        story.parse(FIRST),
        story.execute(FIRST),
        story.parse(b""),
    ]
    answers = [client.get(URL, params={"loyaltyImportId": str(made.id)}) for made in imports]
    told = "an import must have been executed and have ended to be certified"
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (428, failed("INVALID_IMPORT_STATUS", told, status=status))
        for status in ("INITIATED", "PARSING", "PARSED", "IMPORTING", "FAILED")
    ]


def test_an_id_must_be_that_of_an_import_of_the_site(
    client: TestClient, app: App, make_site: Callable[[str], Site]
) -> None:
    theirs = Story(app, make_site("Other Shop").id).run(FIRST).id
    assert client.get(URL).json() == invalid(violation("loyaltyImportId", "is missing", "REQUIRED_FIELD"))
    for import_id in (theirs, NOBODY):
        answer = client.get(URL, params={"loyaltyImportId": str(import_id)})
        assert (answer.status_code, answer.json()) == (
            404,
            failed("NOT_FOUND", f"loyalty import {import_id} not found"),
        )


# --- Who vouches for it ---------------------------------------------------------------------------------------------------


def test_anybody_with_the_public_key_can_check_the_signature(client: TestClient, ended: LoyaltyImport) -> None:
    assert client.get(KEYS).json()["keys"] == []
    answer = get(client, ended.id)
    (key,) = client.get(KEYS).json()["keys"]
    read = jws.deserialize_compact(answer["signature"], RSAKey.import_key(key["publicKey"]), ["RS256"])
    assert read.headers() == {"alg": "RS256", "kid": key["id"], "typ": "pointport-certificate+jws"}
    written = json.dumps(answer["certificate"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert read.payload == written.encode()


def test_a_retired_key_still_verifies_what_it_signed(client: TestClient, ended: LoyaltyImport) -> None:
    before = get(client, ended.id)
    client.post(f"{KEYS}/rotate")
    after = get(client, ended.id)
    assert before["certificate"] == after["certificate"]
    verdicts = [verify(client, answer) for answer in (before, after)]
    assert [verdict["sound"] for verdict in verdicts] == [True, True]
    assert verdicts[0]["keyId"] != verdicts[1]["keyId"]


def test_a_key_that_cannot_be_read_any_more_is_told(
    client: TestClient, app: App, ended: LoyaltyImport, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = get(client, ended.id)
    monkeypatch.setattr(client.app.state, "pointport", replace(app, secret=b"x" * 32))  # type: ignore[attr-defined]
    refused = client.get(URL, params={"loyaltyImportId": str(ended.id)})
    assert refused.status_code == 428
    assert refused.json()["details"]["applicationError"]["code"] == "SIGNING_KEY_UNREADABLE"
    # Its public half needs no secret.
    assert verify(client, answer)["sound"]


# --- Whether it holds -----------------------------------------------------------------------------------------------------


def test_a_certificate_holds(client: TestClient, ended: LoyaltyImport, site: Site) -> None:
    answer = get(client, ended.id)
    (key,) = client.get(KEYS).json()["keys"]
    assert verify(client, answer) == {
        "siteId": str(site.id),
        "loyaltyImportId": str(ended.id),
        "sound": True,
        "keyId": key["id"],
        "problems": [],
        "differences": [],
        "remarks": [],
    }
    assert verify(client, {**answer, "certificate": dict(reversed(answer["certificate"].items()))})["sound"]


def test_what_comes_after_an_import_leaves_its_certificate_sound(
    client: TestClient, ended: LoyaltyImport, story: Story
) -> None:
    answer = get(client, ended.id)
    story.run(FIRST)
    assert verify(client, answer)["sound"]


def test_a_forged_number_is_named_beside_the_ledgers(client: TestClient, ended: LoyaltyImport) -> None:
    answer = get(client, ended.id)
    forged = copy.deepcopy(answer)
    forged["certificate"]["points"]["sumAfter"] = 2_200
    forged["certificate"]["rows"]["failed"] = 0
    verdict = verify(client, forged)
    assert not verdict["sound"]
    assert codes(verdict) == ["CERTIFICATE_ALTERED"]
    assert verdict["differences"] == [
        {"name": "rows.failed", "certificate": 0, "ledger": 1},
        {"name": "points.sumAfter", "certificate": 2_200, "ledger": 22},
    ]


def test_a_forged_date_of_issue_is_found_by_the_signature_alone(client: TestClient, ended: LoyaltyImport) -> None:
    answer = get(client, ended.id)
    answer["certificate"]["issuedDate"] = "2020-01-01T00:00:00.000Z"
    verdict = verify(client, answer)
    assert (verdict["sound"], codes(verdict), verdict["differences"]) == (False, ["CERTIFICATE_ALTERED"], [])


def test_a_forged_signature_is_told(client: TestClient, ended: LoyaltyImport) -> None:
    answer = get(client, ended.id)
    header, payload, seal = answer["signature"].split(".")
    key_id = client.get(KEYS).json()["keys"][0]["id"]
    own = RSAKey.generate_key(2048)

    def signed(**changes: str) -> str:
        made = {"alg": "RS256", "kid": key_id, "typ": wire.KIND, **changes}
        return jws.serialize_compact(made, wire.canonical(answer["certificate"]), own)

    forgeries = {
        signed(): "SIGNATURE_FORGED",
        signed(kid=str(NOBODY)): "SIGNATURE_OF_UNKNOWN_KEY",
        signed(typ="JWT"): "SIGNATURE_OF_ANOTHER_KIND",
        f"{header}.{payload}.{seal[::-1]}": "SIGNATURE_FORGED",
        f"{header}.{payload}": "SIGNATURE_MALFORMED",
        answer["signature"][:-20]: "SIGNATURE_FORGED",
        "ünsigned": "SIGNATURE_MALFORMED",
        "": "SIGNATURE_MALFORMED",
    }
    for forgery, code in forgeries.items():
        verdict = verify(client, {**answer, "signature": forgery})
        assert (verdict["sound"], codes(verdict), verdict["differences"]) == (False, [code], []), forgery
        assert "keyId" not in verdict


def test_the_signature_of_another_certificate_is_not_this_ones(
    client: TestClient, ended: LoyaltyImport, story: Story
) -> None:
    other = get(client, story.run(FIRST).id)
    verdict = verify(client, {**get(client, ended.id), "signature": other["signature"]})
    assert (codes(verdict), verdict["differences"]) == (["CERTIFICATE_ALTERED"], [])


def test_another_sites_certificate_is_told_from_ones_own(
    client: TestClient, api: TestClient, app: App, make_site: Callable[[str], Site], ended: LoyaltyImport, site: Site
) -> None:
    other = make_site("Other Shop")
    made = Story(app, other.id).run(FIRST)
    theirs = api.get(URL, params={"loyaltyImportId": str(made.id)}, headers=other.headers).json()
    verdict = verify(client, theirs)
    assert (verdict["sound"], codes(verdict)) == (False, ["ANOTHER_SITE"])
    assert verdict["problems"][0]["message"] == (f"It is a certificate of the site {other.id}, and this is {site.id}.")
    # Nor does a new name make it one's own.
    theirs["certificate"]["siteId"] = str(site.id)
    assert codes(verify(client, theirs)) == ["SIGNATURE_OF_UNKNOWN_KEY", "IMPORT_NOT_FOUND"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"certificate": {}, "signature": ""}', "NOT_A_CERTIFICATE"),
        ('{"certificate": {"version": 2}, "signature": ""}', "NOT_A_CERTIFICATE"),
        ('{"certificate": {"version": true}, "signature": ""}', "NOT_A_CERTIFICATE"),
        ('{"certificate": {"version": 1, "siteId": "\\ud800"}, "signature": ""}', "ANOTHER_SITE"),
        ('{"certificate": {"version": 1, "siteId": NaN}, "signature": ""}', "ANOTHER_SITE"),
    ],
)
def test_what_is_no_certificate_is_told(client: TestClient, text: str, code: str) -> None:
    assert codes(client.post(VERIFY, content=text).json()) == [code]


def test_whatever_is_sent_is_answered(client: TestClient, site: Site, ended: LoyaltyImport) -> None:
    answer = get(client, ended.id)
    for odd in ("NaN", "1e999", '"\\ud800"', "[[[[{}]]]]", '{"a":{"b":{"c":{"\\udc00":1}}}}', "[" * 50 + "]" * 50):
        given = json.dumps(answer).replace('"certificate": {', f'"certificate": {{"odd": {odd}, ', 1)
        done = client.post(VERIFY, content=given)
        assert done.status_code == 200, odd
        assert {one["name"].partition(".")[0] for one in done.json()["differences"]} == {"odd"}
    for depth in (101, 500, 960, 50_000):
        nested = "[" * depth + "]" * depth
        deep = f'{{"certificate": {{"version": 1, "siteId": "{site.id}", "x": {nested}}}, "signature": ""}}'
        assert client.post(VERIFY, content=deep).status_code == 400, depth
    bodies: tuple[Json, ...] = (
        {},
        {"certificate": 1, "signature": ""},
        {"certificate": {}},
        {"certificate": {}, "signature": 1},
    )
    for body in bodies:
        assert client.post(VERIFY, json=body).status_code == 400


TAMPERED: list[tuple[LiteralString, set[str]]] = [
    (
        "UPDATE transaction SET amount_before = amount_before + 1, amount_after = amount_after + 1 WHERE id = %s",
        {"points.sumBefore", "points.sumAfter", "ledgerDigest"},
    ),
    (
        "UPDATE transaction SET amount = amount + 1, amount_after = amount_after + 1 WHERE id = %s",
        {"points.sumOfChanges", "points.sumAfter", "points.removed", "ledgerDigest"},
    ),
    ("UPDATE transaction SET line = 9 WHERE id = %s", {"ledgerDigest"}),
    (
        "UPDATE transaction SET account_id = import_id WHERE id = %s",
        {"ledgerDigest"},
    ),
    (
        "DELETE FROM transaction WHERE id = %s",
        {
            *("rows.inFile", "rows.imported", "accounts.changed", "ledgerDigest"),
            *("points.sumBefore", "points.sumOfChanges", "points.sumAfter", "points.removed"),
        },
    ),
]


@pytest.mark.parametrize(("statement", "names"), TAMPERED, ids=[statement for statement, _ in TAMPERED])
def test_whoever_tampers_with_an_entry_is_found_out(
    client: TestClient, app: App, ended: LoyaltyImport, statement: LiteralString, names: set[str]
) -> None:
    answer = get(client, ended.id)
    damage(app, statement, entry_id(ended.id, 2))
    verdict = verify(client, answer)
    assert (verdict["sound"], verdict["problems"]) == (False, [])
    assert {one["name"] for one in verdict["differences"]} == names


def test_two_entries_that_are_exchanged_are_found_out(client: TestClient, app: App, ended: LoyaltyImport) -> None:
    """Every sum is as it was."""
    answer = get(client, ended.id)
    ada, cyd, spare = (entry_id(ended.id, line) for line in (2, 4, 9))
    for old, new, line in ((ada, spare, 9), (cyd, ada, 2), (spare, cyd, 4)):
        damage(app, "UPDATE transaction SET id = %s, line = %s WHERE id = %s", new, line, old)
    assert [one["name"] for one in verify(client, answer)["differences"]] == ["ledgerDigest"]


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("DELETE FROM import_row WHERE import_id = %s AND line = 5", {"rows.inFile", "rows.failed"}),
        (
            "UPDATE import_row SET outcome = 'UNCHANGED', problem = NULL WHERE import_id = %s AND line = 5",
            {"rows.unchanged", "rows.failed"},
        ),
        ("UPDATE loyalty_import SET file_name = 'other.csv' WHERE id = %s", {"fileName"}),
        ("UPDATE loyalty_import SET file_sha256 = sha256('') WHERE id = %s", {"fileSha256"}),
        ('UPDATE loyalty_import SET options = \'{"mode": "ADD"}\' WHERE id = %s', {"options.mode"}),
        (
            "UPDATE loyalty_import SET points_index = 0 WHERE id = %s",
            {"mapping.points.columnIndex", "mapping.points.columnName"},
        ),
        ("UPDATE loyalty_import SET accounts_created = 0 WHERE id = %s", {"accounts.created"}),
    ],
)
def test_whoever_tampers_with_an_import_is_found_out(
    client: TestClient, app: App, ended: LoyaltyImport, statement: LiteralString, names: set[str]
) -> None:
    answer = get(client, ended.id)
    damage(app, statement, ended.id)
    assert {one["name"] for one in verify(client, answer)["differences"]} == names


def test_what_does_not_add_up_is_not_certified(client: TestClient, app: App, ended: LoyaltyImport) -> None:
    damage(app, "DELETE FROM transaction WHERE id = %s", entry_id(ended.id, 2))
    answer = client.get(URL, params={"loyaltyImportId": str(ended.id)})
    assert answer.status_code == 428
    assert answer.json()["details"]["applicationError"]["data"] == {"name": "rows.inFile", "expected": 5, "found": 4}


# --- What has happened since ----------------------------------------------------------------------------------------------


def undo(app: App, ended: LoyaltyImport, status: str = "DONE") -> UUID:
    """Take the change of line 2 back, as an undo does."""
    undo_id, now = new_id(), app.clock()
    with app.database.transaction(ended.site_id) as connection:
        connection.execute(
            "INSERT INTO import_run (site_id, id, import_id, kind, status, options, actor, ready_rows, applied_rows,"
            " summary, created_date, updated_date, finished_date)"
            " VALUES (%s, %s, %s, 'UNDO', %s, '{}', 'test', 1, 1, %s, %s, %s, %s)",
            [
                *(ended.site_id, undo_id, ended.id, status, "{}" if status == "DONE" else None, now, now),
                now if status == "DONE" else None,
            ],
        )
        connection.execute(
            "INSERT INTO transaction (site_id, id, account_id, revision, transaction_type, amount, amount_before,"
            " amount_after, description, created_date, import_id, line)"
            " SELECT site_id, %s, account_id, revision + 1, 'ADJUST', -amount, amount_after, amount_before, 'Undo', %s,"
            " %s, line FROM transaction WHERE site_id = %s AND id = %s",
            [entry_id(undo_id, 2), now, undo_id, ended.site_id, entry_id(ended.id, 2)],
        )
    return undo_id


def test_an_import_that_was_undone_since_still_verifies(
    client: TestClient, app: App, ended: LoyaltyImport, clock: Clock
) -> None:
    before = get(client, ended.id)
    clock.advance(60)
    undo_id = undo(app, ended)
    verdict = verify(client, before)
    assert verdict["sound"]
    (remark,) = verdict["remarks"]
    assert remark == (
        "The import was undone after the certificate was issued (2026-03-04T05:07:07.089Z, 1 entries reversed, +25"
        " points). What it did before that stands in the ledger as certified."
    )
    after = get(client, ended.id)
    assert after["certificate"]["undo"] == {
        "id": str(undo_id),
        "status": "DONE",
        "date": "2026-03-04T05:07:07.089Z",
        "reversed": 1,
        "sumOfChanges": 25,
    }
    assert (verify(client, after)["sound"], verify(client, after)["remarks"]) == (True, [])
    damage(app, "DELETE FROM transaction WHERE id = %s", entry_id(undo_id, 2))
    assert {one["name"] for one in verify(client, after)["differences"]} == {"undo.reversed", "undo.sumOfChanges"}


def erase(app: App, ended: LoyaltyImport) -> datetime:
    """Erase the row details as is done after their time."""
    then = app.clock() + timedelta(days=31)
    steps.erase_expired(replace(app, clock=lambda: then))
    return then


@pytest.mark.usefixtures("own_database")
def test_what_is_erased_is_not_made_up(client: TestClient, app: App, ended: LoyaltyImport) -> None:
    before = get(client, ended.id)
    erase(app, ended)
    after = get(client, ended.id)
    assert after["certificate"]["rows"] == {"inFile": 5, "imported": 2, "unproven": 3}
    assert after["certificate"]["rowDetailsErasedDate"] == "2026-04-04T05:06:07.089Z"
    same = {name: value for name, value in after["certificate"].items() if name not in {"rows", "rowDetailsErasedDate"}}
    assert same == {name: value for name, value in before["certificate"].items() if name != "rows"}
    assert verify(client, after)["sound"]
    assert verify(client, after)["remarks"] == []
    # The one from before holds as far as it can be counted.
    verdict = verify(client, before)
    assert verdict["sound"]
    assert "erased on 2026-04-04T05:06:07.089Z" in verdict["remarks"][0]
    damage(app, "DELETE FROM transaction WHERE id = %s", entry_id(ended.id, 4))
    names = {one["name"] for one in verify(client, before)["differences"]}
    assert {"rows.imported", "ledgerDigest", "points.added"} <= names


# --- The page -------------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser takes in: its tags and attributes, and the text that is shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self._texts: list[str] = []
        self._inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what there is."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Keep cells apart."""
        self._inside.append("")
        if tag in {"th", "td", "sup"}:
            self._texts.append(" ")

    def handle_data(self, data: str) -> None:
        """Keep what is text."""
        if self._inside[-1:] != ["style"]:
            self._texts.append(data)

    @property
    def text(self) -> str:
        """All that is to be read, every blank a single one."""
        return re.sub(r"\s+", " ", "".join(self._texts))


def test_the_page_says_it_in_plain_words_to_whoever_has_its_url(
    client: TestClient, stranger: TestClient, ended: LoyaltyImport
) -> None:
    answer = get(client, ended.id)
    shown = stranger.get(answer["pageUrl"])
    assert "authorization" not in shown.request.headers
    assert shown.status_code == 200
    style = re.search(r"<style>(.*?)</style>", shown.text, re.DOTALL)
    assert style
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert shown.headers["cache-control"] == "private, no-store"
    page = Page(shown.text)
    assert page.tags & {"script", "img", "link", "iframe", "form", "object", "a"} == set()
    assert {name for name in page.attributes if name.startswith("on")} | page.attributes & {"style", "src"} == set()
    text = page.text
    for told in (
        "Certificate of import",
        "file.csv",
        "On 4 March 2026, 05:06 UTC the import of this file of loyalty points ended with every row read.",
        "It changed the points of 2 customers and opened 2 new accounts.",
        "Points changed 2 Already had these points 2 Settled by another row of the same customer 0 Failed,",
        "Failed, nothing changed 1 Not reached, nothing changed 0 Rows in the file = 5",
        "Points before 40 Added +7 Removed \N{MINUS SIGN}25 Points after = 22",
        "Change in all: \N{MINUS SIGN}18.",
        answer["certificate"]["fileSha256"],
        answer["certificate"]["ledgerDigest"],
        answer["signature"].rpartition(".")[2],
        "pointport ledger verify --certificate certificate.json",
    ):
        assert told in text, told


def test_the_policy_is_that_of_the_pages_own_style(client: TestClient, ended: LoyaltyImport) -> None:
    shown = client.get(get(client, ended.id)["pageUrl"])
    style = shown.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in shown.headers["content-security-policy"]


def test_whatever_a_file_is_called_it_is_only_text(client: TestClient, story: Story) -> None:
    name = '<script>alert(1)</script>"><img src=x onerror=alert(1)>{{ 7*7 }}\u202e.csv'
    content = b'"<b>Email</b>","</style><script>x</script>"\r\nada@example.com,1\r\n'
    made = steps.create(story.app, story.site_id, file_url=story.upload(content), file_name=name, actor="test")
    steps.parse(story.app, story.site_id, made.id, lambda: False)
    steps.execute(story.app, story.site_id, made.id, columns=Mapping(0, 1), actor="test")
    steps.run(story.app, story.site_id, made.id, lambda: False)
    page = Page(client.get(get(client, made.id)["pageUrl"]).text)
    assert page.tags & {"script", "img", "b"} == set()
    assert name in page.text
    assert "</style><script>x</script>" in page.text


def test_the_longest_names_are_certified_and_verified(client: TestClient, story: Story) -> None:
    longest = "\N{ROLLER COASTER}" * 1_000
    content = f"a{longest[1:]},b{longest[1:]}\r\nada@example.com,1\r\n".encode()
    made = steps.create(story.app, story.site_id, file_url=story.upload(content), file_name=longest, actor="test")
    steps.parse(story.app, story.site_id, made.id, lambda: False)
    steps.execute(story.app, story.site_id, made.id, columns=Mapping(0, 1), actor="test")
    steps.run(story.app, story.site_id, made.id, lambda: False)
    answer = get(client, made.id)
    assert verify(client, answer)["sound"]
    assert f"{longest[:120]}…" in client.get(answer["pageUrl"]).text


@pytest.mark.usefixtures("own_database")
def test_the_page_tells_of_an_undo_and_of_what_was_erased(client: TestClient, app: App, ended: LoyaltyImport) -> None:
    undo(app, ended)
    erase(app, ended)
    text = Page(client.get(get(client, ended.id)["pageUrl"]).text).text
    assert "Taken back. The import was undone on 4 March 2026, 05:06 UTC: 1 change reversed, +25 points." in text
    assert "Points changed 2 Other outcomes1 3 Rows in the file = 5" in text
    assert "were erased on 4 April 2026, 05:06 UTC" in text


def test_the_pages_url_holds_for_an_hour_and_for_nothing_else(
    client: TestClient, stranger: TestClient, app: App, ended: LoyaltyImport, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = get(client, ended.id)["pageUrl"]
    altered = stranger.get(url[:-3] + ("aaa" if url[-3:] != "aaa" else "bbb"))
    told = "this certificate URL was not made by this server, or was altered; ask for a new one"
    assert (altered.status_code, altered.json()) == (403, failed("CERTIFICATE_URL_INVALID", told))
    for purpose in ("upload", "download"):
        ticket = app.tickets.issue(Ticket(purpose, ended.site_id, f"{ended.id}/{MOMENT}"))
        assert stranger.get(f"/files/certificate/{ticket}").status_code == 403
    assert isinstance(app.tickets, TicketOffice)
    later = int(time.time()) + 3_602
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: later)
    late = stranger.get(url)
    told = "this certificate URL has expired; ask for a new one"
    assert (late.status_code, late.json()) == (403, failed("CERTIFICATE_URL_EXPIRED", told))


def test_the_page_is_of_the_very_certificate_that_was_given_out(
    client: TestClient, stranger: TestClient, ended: LoyaltyImport, clock: Clock
) -> None:
    answer = get(client, ended.id)
    clock.advance(600)
    text = Page(stranger.get(answer["pageUrl"]).text).text
    assert "Issued 4 March 2026, 05:06 UTC" in text
    assert answer["signature"].rpartition(".")[2] in text


def test_nobody_is_told_of_a_change(client: TestClient, ended: LoyaltyImport, story: Story) -> None:
    """To certify is to read: the import stays as it is."""
    get(client, ended.id)
    with story.app.database.transaction(story.site_id) as connection:
        assert record.find(connection, story.site_id, ended.id).revision == ended.revision
