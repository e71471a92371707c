"""Safe to press the button without a server: the command itself works, and is stopped half way."""

from pathlib import Path

from tests.journeys.commands import Corner, Run
from tests.journeys.terminal import INTERRUPT, Terminal


def test_an_interrupted_import_says_where_it_is_and_is_cancelled(
    run: Run, home: Path, environment: dict[str, str]
) -> None:
    """With chunks so small that it is sure to be under way."""
    emails = [f"c{number}@x.com" for number in range(3_000)]
    corner = Corner(run, home, "Interrupted", emails, None)
    file = corner.file("long", *(f"{email},5" for email in emails))
    slow = {**environment, "POINTPORT_CHUNK_ROWS": "1", "POINTPORT_APPLY_SESSIONS": "1"}
    with Terminal("import", file, "--yes", "--site", corner.site, environment=slow, folder=corner.home) as terminal:
        terminal.wait_for_match(r"Importing \S+ [1-9]\d* rows").enter(INTERRUPT)
        told = terminal.end(130)
    assert "Traceback" not in told
    assert "stops once the rows at work are done" in told
    import_id = corner.json("imports", "list")[0]["id"]
    assert f"pointport imports cancel {import_id}" in told
    stopped = corner.json("imports", "cancel", import_id)
    assert stopped["loyaltyImport"]["pointport"]["failureReason"] == "CANCELLED"
    outcomes = stopped["summary"]["outcomes"]
    assert outcomes["imported"] + outcomes["unprocessed"] == 3_000
    told = corner("imports", "show", import_id).stdout
    assert "CANCELLED: It was cancelled." in told
    assert f"Not reached              {outcomes['unprocessed']:,}" in told
    refused = corner("imports", "cancel", import_id, code=2).stderr
    assert "only an import that is IMPORTING can be cancelled, and this one is FAILED" in refused

    corner("imports", "errors", import_id, "-o", "rest.csv")
    rest = corner.json("imports", "retry", import_id, "rest.csv", "--yes")
    assert rest["family"] == {"loyaltyImportId": import_id, "stillFailedCount": 0}
    assert corner.balance(emails[-1]) == 5
    undone = corner.json("imports", "undo", import_id, "--yes")["loyaltyImport"]["pointport"]["undo"]
    assert undone["reversed"] == outcomes["imported"]
    assert corner.balance(emails[-1]) == (5 if outcomes["unprocessed"] else 0)
    assert corner.json("ledger", "verify")["sound"] is True


def test_a_dry_run_needs_no_server_and_changes_nothing(run: Run, home: Path) -> None:
    corner = Corner(run, home, "Dry", ["ada@x.com"], None)
    told = corner("import", corner.file("dry", "ada@x.com,60", "bob@x.com,1"), "--dry-run", code=1).stdout
    assert "Rows      1 would be set, 1 fail\n" in told
    assert corner.balance("ada@x.com") is None
