"""An engineer at a terminal: the real command, an embedded database of its own, no server."""

import csv
import json
import re
from pathlib import Path

import pytest

from tests.journeys.commands import Run, read_json
from tests.journeys.processes import Programs, until


def test_one_file_from_contacts_to_statement(run: Run, site_id: str, home: Path) -> None:
    contacts = home / "contacts.csv"
    contacts.write_text("Email,First name\nada@example.com,Ada\nbob@example.com,Bob\nnot an address,X\n")
    loaded = read_json(run("contacts", "load", contacts, "--site", site_id, "--json", code=1))
    assert (loaded["created"], loaded["failed"], loaded["failures"][0]["line"]) == (2, 1, 4)
    assert (loaded["columns"], loaded["ignoredColumns"]) == ({"email": "Email", "firstName": "First name"}, [])

    points = home / "points.csv"
    points.write_text("E-Mail;Punkte\nADA@example.com;120\nbob@example.com;abc\nzoe@example.com;7\n")
    seen = read_json(run("inspect", points, "--json"))
    assert (seen["delimiter"], seen["rowCount"], seen["suggestedMapping"]["email"]) == (";", 3, 0)

    refused = run("import", points, "--site", site_id, code=2)
    assert "--yes" in refused.stderr

    done = read_json(run("import", points, "--site", site_id, "--yes", "--json", code=1))
    assert done["loyaltyImport"]["importResult"] == {"errorFileExists": True, "successCount": 1, "failureCount": 2}
    assert done["errorFile"] == str(home / "points-errors.csv")
    with Path(done["errorFile"]).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[:5] for row in rows[1:]] == [
        ["bob@example.com", "abc", "3", "FAILED", "POINTS_NOT_A_NUMBER"],
        ["zoe@example.com", "7", "4", "FAILED", "CONTACT_NOT_FOUND"],
    ]

    statement = read_json(run("account", "show", " Ada@EXAMPLE.com", "--site", site_id, "--json"))
    assert statement["account"]["points"]["balance"] == 120
    assert statement["transactions"][0]["pointport"]["line"] == 2
    assert read_json(run("ledger", "verify", "--site", site_id, "--json"))["sound"] is True


def test_the_error_file_is_corrected_and_imported_as_it_is(run: Run, site_id: str, home: Path) -> None:
    contacts = home / "more.csv"
    contacts.write_text("email\ncyd@example.com\ndan@example.com\n")
    run("contacts", "load", contacts, "--site", site_id)
    points = home / "second.csv"
    points.write_text("Note,email,points\n=1+1,cyd@example.com,ten\nfine,dan@example.com,5\n")
    run("import", points, "--site", site_id, "--yes", code=1)
    errors = home / "second-errors.csv"
    assert "'=1+1" in errors.read_text(encoding="utf-8-sig")
    errors.write_text(errors.read_text(encoding="utf-8-sig").replace(",ten,", ",10,", 1), encoding="utf-8-sig")
    run("import", errors, "--site", site_id, "--yes")
    found = read_json(run("account", "show", "cyd@example.com", "--site", site_id, "--json"))
    assert found["account"]["points"]["balance"] == 10


def test_a_load_of_contacts_says_which_columns_it_used(run: Run, site_id: str, home: Path) -> None:
    contacts = home / "named.csv"
    contacts.write_text("Email,First,Rufname\neve@example.com,Eve,E\n")
    told = run("contacts", "load", contacts, "--site", site_id).stdout
    assert 'named.csv: e-mail address from "Email", first name from "First".' in told
    assert 'Not used: "Rufname". --last-name would choose one for names.' in told
    told = run("contacts", "load", contacts, "--last-name", "Rufname", "--site", site_id).stdout
    assert 'last name from "Rufname".' in told
    assert "Not used" not in told
    told = run("contacts", "load", contacts, "--first-name", "Given", "--site", site_id, code=2).stderr
    assert '--first-name "Given" is no column; there are Email, First, Rufname' in told


def test_a_file_that_cannot_be_read_fails_with_its_reason(run: Run, site_id: str, home: Path) -> None:
    empty = home / "empty.csv"
    empty.write_text("")
    assert "EMPTY_FILE" in run("import", empty, "--site", site_id, "--yes", code=3).stderr


def test_columns_that_cannot_be_told_are_asked_for_by_name(run: Run, site_id: str, home: Path) -> None:
    contacts, file = home / "odd-contacts.csv", home / "odd.csv"
    contacts.write_text("email\nada@example.com\n")
    run("contacts", "load", contacts, "--site", site_id)
    file.write_text("who,how many\nada@example.com,1\n")
    told = run("import", file, "--site", site_id, "--yes", code=2).stderr
    assert '1 "who", 2 "how many"' in told
    run("import", file, "--site", site_id, "--yes", "--email", "who", "--points", "2")


def test_imports_are_listed_shown_and_their_errors_saved(run: Run, site_id: str, home: Path) -> None:
    file = home / "listed.csv"
    file.write_text("email,points\nnobody@example.com,1\n")
    done = read_json(run("import", file, "--site", site_id, "--yes", "--json", code=1))
    import_id = done["loyaltyImport"]["id"]
    listed = read_json(run("imports", "list", "--site", site_id, "--status", "imported", "--limit", "1", "--json"))
    assert [one["id"] for one in listed] == [import_id]
    shown = read_json(run("imports", "show", import_id, "--site", site_id, "--json"))
    assert shown["summary"]["problems"] == [{"code": "CONTACT_NOT_FOUND", "title": "Unknown customer", "count": 1}]
    assert [entry["action"] for entry in shown["summary"]["trail"]] == ["import.create", "import.execute"]
    saved = read_json(run("imports", "errors", import_id, "--site", site_id, "-o", home / "saved.csv", "--json"))
    assert Path(saved["errorFile"]).read_bytes() == Path(done["errorFile"]).read_bytes()
    run("imports", "show", "00000000-0000-7000-8000-000000000000", "--site", site_id, code=2)


def test_a_certificate_is_saved_and_verified(run: Run, home: Path) -> None:
    at = ("--site", read_json(run("site", "create", "Certified shop", "--json"))["siteId"])
    (home / "owners.csv").write_text("email\nada@example.com\nbob@example.com\n")
    run("contacts", "load", "owners.csv", *at)
    (home / "march.csv").write_text("email,points\nada@example.com,12\nbob@example.com,none\n")
    done = read_json(run("import", "march.csv", *at, "--yes", "--json", code=1))
    import_id = done["loyaltyImport"]["id"]

    told = run("imports", "certificate", import_id, *at).stdout
    assert f"Saved {home / 'march-certificate.json'}\n" in told
    again = read_json(run("imports", "certificate", import_id, *at, "--page", "march.html", "--json"))
    assert again["certificateFile"] == str(home / "march-certificate-2.json")
    assert "Certificate of import" in (home / "march.html").read_text(encoding="utf-8")
    file = home / "saved.json"
    run("imports", "certificate", import_id, *at, "-o", file)
    text = file.read_text(encoding="utf-8")
    saved = json.loads(text)
    assert set(saved) == {"certificate", "signature"}
    assert saved["certificate"]["rows"] | {"inFile": 2, "imported": 1, "failed": 1} == saved["certificate"]["rows"]
    printed = read_json(run("imports", "certificate", import_id, *at, "-o", "-"))
    assert {**printed["certificate"], "issuedDate": ""} == {**saved["certificate"], "issuedDate": ""}
    told = run("imports", "certificate", import_id, *at, "-o", home / "nowhere" / "x.json", code=2).stderr
    assert "cannot be written" in told

    told = run("ledger", "verify", "--certificate", file, *at).stdout
    assert told.startswith("The certificate is sound:")
    verdict = read_json(run("ledger", "verify", "--certificate", "-", *at, "--json", given=text))
    assert (verdict["sound"], verdict["loyaltyImportId"]) == (True, import_id)


def test_a_certificate_that_does_not_hold_says_why(run: Run, home: Path) -> None:
    at = ("--site", read_json(run("site", "create", "Strict shop", "--json"))["siteId"])
    (home / "april.csv").write_text("email,points\nada@example.com,12\n")
    done = read_json(run("import", "april.csv", *at, "--yes", "--json", code=1))
    text = run("imports", "certificate", done["loyaltyImport"]["id"], *at, "-o", "-").stdout
    file = home / "given.json"

    def told(changed: str, code: int, *site: str) -> str:
        file.write_text(changed, encoding="utf-8")
        ended = run("ledger", "verify", "--certificate", file, *(site or at), code=code)
        return ended.stdout if code == 1 else ended.stderr

    forged = told(text.replace('"failed": 1', '"failed": 0'), 1)
    assert "CERTIFICATE_ALTERED: This site signed a certificate, but it was altered since: not this one.\n" in forged
    assert re.search(r"^rows\.failed +0 +1 *$", forged, re.MULTILINE)
    forged = told(re.sub(r'\.[\w-]{20}([\w-]+)"', r'.AAAAAAAAAAAAAAAAAAAA\1"', text), 1)
    assert "SIGNATURE_FORGED: The signature was not made by the key that it names.\n" in forged
    assert "Its values are those of the ledger; it is the signature that does not hold." in forged
    other = read_json(run("site", "create", "Third party", "--json"))["siteId"]
    assert "ANOTHER_SITE: It is a certificate of the site" in told(text, 1, "--site", other)
    for kept in (40, 400, len(text) - 3):
        assert f"{file} is no certificate: it is cut off (" in told(text[:kept], 2)
    assert f"{file} is empty" in told("", 2)
    assert "is no certificate: it is no JSON (" in told("Dear auditor,", 2)
    assert 'it must have the members "certificate" and "signature"' in told('{"certificate": {}}', 2)
    assert 'it has "failed" twice' in told(text.replace('"failed": 1', '"failed": 1, "failed": 1'), 2)
    assert "is larger than" in told(" " * 600_000, 2)
    assert "nowhere.json cannot be read" in run("ledger", "verify", "--certificate", "nowhere.json", *at, code=2).stderr
    standard = run("ledger", "verify", "--certificate", "-", *at, code=2, given="{")
    assert "standard input is no certificate: it is cut off" in standard.stderr


def test_a_key_is_made_shown_once_and_revoked(run: Run, site_id: str) -> None:
    made = read_json(
        run("key", "create", "till", "--scope", "imports", "--scope", "accounts:read", "--site", site_id, "--json")
    )
    listed = run("key", "list", "--site", site_id, "--json")
    assert made["apiKey"] not in listed.stdout
    assert made["keyId"] in listed.stdout
    run("key", "revoke", made["keyId"], "--site", site_id)
    assert [k["keyId"] for k in read_json(run("key", "list", "--site", site_id, "--json")) if k["revokedDate"]] == [
        made["keyId"]
    ]
    run("key", "create", "x", "--scope", "everything", "--site", site_id, code=2)


def test_the_site_that_is_meant(run: Run, site_id: str) -> None:
    other = read_json(run("site", "create", "Second shop", "--json"))["siteId"]
    assert "--site" in run("ledger", "verify", code=2).stderr
    third = read_json(run("site", "create", "Third shop", "--default", "--json"))["siteId"]
    assert read_json(run("ledger", "verify", "--json"))["siteId"] == third
    assert {one["siteId"] for one in read_json(run("site", "list", "--json"))} >= {site_id, other, third}


def test_the_database_says_its_state_and_settings_their_source(run: Run) -> None:
    assert read_json(run("db", "migrate", "--json")) == {"applied": []}
    state = read_json(run("db", "status", "--json"))
    assert state["pending"] == []
    assert "0001_foundation.sql" in state["applied"]
    found = {one["name"]: one for one in read_json(run("settings", "--json", POINTPORT_CHUNK_ROWS="7"))}
    assert (found["chunk_rows"]["value"], found["chunk_rows"]["source"]) == (7, "environment")
    assert found["upload_bytes_max"]["source"] == "default"
    assert "POINTPORT_CHUNK_ROWS" in run("settings", code=2, POINTPORT_CHUNK_ROWS="many").stderr


def test_a_server_that_is_not_there_is_exit_code_4(run: Run) -> None:
    told = run("--url", "http://127.0.0.1:9", "--key", "x", "imports", "list", code=4)
    assert "cannot be reached" in told.stderr


@pytest.mark.parametrize("url", ["notaurl", "localhost:8640", "http://", "ftp://127.0.0.1/", "http://127.0.0.1:port"])
def test_a_url_that_is_none_is_wrong_use(run: Run, url: str) -> None:
    told = run("--url", url, "--key", "x", "imports", "list", code=2).stderr
    assert f"--url must be a URL that begins with http:// or https://, not '{url}'" in told


def test_wrong_use_is_exit_code_2(run: Run) -> None:
    run("import", "no-such-file.csv", code=2)
    run("nonsense", code=2)
    assert "Exit codes" in run("--help").stdout


def test_the_program_is_paused_and_activated(run: Run, site_id: str) -> None:
    assert read_json(run("program", "show", "--site", site_id, "--json"))["status"] == "ACTIVE"
    assert "Status  PAUSED" in run("program", "pause", "--site", site_id).stdout
    assert "Status  ACTIVE" in run("program", "activate", "--site", site_id).stdout


def test_webhooks_are_made_looked_at_and_taken_back(run: Run, site_id: str) -> None:
    allowed = {"POINTPORT_WEBHOOK_PRIVATE_TARGETS": "true"}
    created, updated = "wix.loyalty.imports.v1.loyalty_import_created", "wix.loyalty.imports.v1.loyalty_import_updated"
    events = ("--event", created, "--event", updated)
    refused = run("webhook", "create", "https://127.0.0.1/hook", *events, "--site", site_id, code=2)
    assert "not on the public internet" in refused.stderr
    url = "http://127.0.0.1:9/hook"
    made = read_json(run("webhook", "create", url, *events, "--site", site_id, "--json", **allowed))
    assert made["eventTypes"] == [created, updated]
    assert url in run("webhook", "list", "--site", site_id).stdout

    pem = run("webhook", "key", "show", "--site", site_id).stdout
    assert pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert pem.endswith("-----END PUBLIC KEY-----\n")
    assert "there is no such key" in run("webhook", "key", "show", "--next", "--site", site_id, code=2).stderr
    assert "WAITING" in run("webhook", "key", "create", "--site", site_id).stdout
    rotated = read_json(run("webhook", "key", "rotate", "--site", site_id, "--json"))
    assert [key["status"] for key in rotated] == ["SIGNING", "RETIRED"]

    told = run("webhook", "update", made["id"], "--site", site_id, code=2).stderr
    assert "say what with --url or --event" in told
    told = run("webhook", "update", made["id"], "--url", "http://127.0.0.1/", "--site", site_id, code=2).stderr
    assert "--url must be a URL that begins with https://; POINTPORT_WEBHOOK_PRIVATE_TARGETS allows http:// too" in told
    told = run("webhook", "update", made["id"], "--event", "all", "--site", site_id, code=2).stderr
    assert "--event must be" in told
    new = f"{url}/new"
    told = run("webhook", "update", made["id"], "--url", new, "--event", updated, "--site", site_id, **allowed).stdout
    assert (f"Target   {new}\n" in told, created in told, updated in told) == (True, False, True)

    nobody = "5cc0b472-e488-4de3-92ba-bd718a44933a"
    assert "no delivery" in run("webhook", "send-again", made["id"], nobody, "--site", site_id, code=2).stderr
    assert "disabled" in run("webhook", "disable", made["id"], "--site", site_id).stdout
    assert read_json(run("webhook", "deliveries", made["id"], "--site", site_id, "--json")) == []
    assert "enable it first" in run("webhook", "send-again", made["id"], nobody, "--site", site_id, code=2).stderr
    assert "is deleted" in run("webhook", "delete", made["id"], "--site", site_id).stdout


def test_a_server_is_asked_with_key_and_site(run: Run, home: Path) -> None:
    """The log of deliveries, page by page, of a server that tries to tell somebody who is not there."""
    made = read_json(run("site", "create", "Far shop", "--json"))
    with Programs(home / "data", POINTPORT_WEBHOOK_PRIVATE_TARGETS="true") as programs:
        server = ("--url", programs.server().wait_until_ready().url, "--key", made["apiKey"])
        assert "--site must name the site that the API key belongs to" in run(*server, "program", "show", code=2).stderr
        at = ("--site", made["siteId"])
        told = run("--url", server[1], "--key", "x", "program", "show", *at, code=2).stderr
        assert "the API key in --key or POINTPORT_API_KEY is unknown or revoked" in told

        event = ("--event", "wix.loyalty.v1.program_updated")
        webhook = read_json(run(*server, "webhook", "create", "http://127.0.0.1:9/", *event, *at, "--json"))["id"]
        for change in ("pause", "activate", "pause"):
            run(*server, "program", change, *at)
        log = (*server, "webhook", "deliveries", webhook, *at)
        until(lambda: run(*log).stdout.count("  try 1  ") == 3, "all were tried")
        told = run(*log, "--limit", "2", "--status", "pending").stdout
        assert re.fullmatch(
            r"(\S{36}  program_updated  \S{36}  PENDING\n"
            r"  try 1  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC  \d+ ms  no answer: .+\n"
            r"  next   \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n){2}"
            r"There are more: --limit asks for more of them, --all for all\.\n",
            told,
        )
        told = run(*log, "--all").stdout
        assert (told.count("program_updated"), "There are more" in told) == (3, False)
        assert len(read_json(run(*log, "--limit", "2", "--json"))) == 2
        assert "--status must be" in run(*log, "--status", "lost", code=2).stderr
