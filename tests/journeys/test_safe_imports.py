"""Safe to press the button: look before, choose, say no, stop, take back, try again, at the command line."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.commands import Corner, Run, Shop
from tests.journeys.processes import Programs, until
from tests.journeys.terminal import INTERRUPT, Terminal

ROWS = 3_000
"""So many that an import of them, a row in each chunk, is sure to be under way."""
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def url(run: Run, home: Path) -> Iterator[str]:
    """Where a server serves: most is tried at it, since a command that speaks to one is there at once."""
    assert run("db", "status")
    with Programs(home / "data", POINTPORT_CHUNK_ROWS="1", POINTPORT_APPLY_SESSIONS="1") as programs:
        yield programs.server().wait_until_ready().url


@pytest.fixture(scope="module")
def shop(run: Run, home: Path, url: str) -> Shop:
    """Makes shops, at the server."""

    def make(name: str, *customers: str) -> Corner:
        return Corner(run, home, name, list(customers) or ["ada@x.com", "bob@x.com", "cyd@x.com"], url)

    return make


def test_a_dry_run_says_what_would_happen_and_changes_nothing(shop: Shop) -> None:
    corner = shop("Dry")
    corner.imported(corner.file("before", "ada@x.com,100"))
    file = corner.file("dry", "ada@x.com,60", "bob@x.com,1500", "cyd@x.com,0", "zoe@x.com,1", "zoe@x.com,2")
    told = corner("import", file, "--dry-run", code=1).stdout
    assert "Rows      2 would be set, 1 are that already, 2 fail\n" in told
    assert "Accounts  2 created, 1 changed, 0 unchanged\n" in told
    assert "Points    1,500 added, 40 removed; in all 100 → 1,560\n" in told
    assert "Problems  2  The same customer more than once: lines 5, 6\n" in told
    assert "Largest   0 → 1,500 (+1,500) bob@x.com, line 3\n" in told
    assert told.endswith("Nothing was changed: this was a dry run.\n")
    assert (corner.balance("ada@x.com"), corner.balance("bob@x.com")) == (100, None)

    seen = corner.json("import", file, "--dry-run", code=1)
    assert set(seen) == {"loyaltyImport", "preview"}
    assert seen["loyaltyImport"]["status"] == "PARSED"
    assert seen["preview"]["result"]["rows"] == {"imported": 2, "unchanged": 1, "merged": 0, "failed": 2}
    corner("import", corner.file("good", "ada@x.com,60"), "--dry-run")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--max-points-per-row", "50"], "2 rows are over --max-points-per-row 50, up to 1,500: lines 2, 3"),
        (["--max-total-change", "1000"], "1,560 points would change, more than --max-total-change 1000: lines 3, 2"),
        (["--max-accounts-changed", "40"], "more than --max-accounts-changed 40"),
        (["--fail-if-more-than", "0"], "1 rows fail, more than --fail-if-more-than 0"),
    ],
)
def test_a_guard_rail_holds_an_import_back_and_says_so_before(shop: Shop, options: list[str], told: str) -> None:
    corner = shop(f"Rails {options[0]}")
    corner.imported(corner.file("first", "ada@x.com,0", "bob@x.com,0", "cyd@x.com,0"))
    file = corner.file("rails", "ada@x.com,60", "bob@x.com,1500", "zoe@x.com,1")
    assert told in corner("import", file, *options, "--dry-run", code=3).stdout
    done = corner("import", file, *options, "--yes", code=3).stdout
    assert "FAILED\n" in done
    assert f"({options[0]})" in done or f"{options[0]} puts up with" in done or f"of {options[0]}" in done
    assert corner.balance("ada@x.com") == 0


def test_points_are_added_and_the_same_file_only_if_that_is_meant(shop: Shop) -> None:
    corner = shop("Adding")
    file = corner.file("bonus", "ada@x.com,10", "bob@x.com,0")
    told = corner("import", file, "--yes", "--mode", "ADD", "--description", "Summer bonus").stdout
    assert "Points added                  1\nUnchanged, nothing to add     1\n" in told
    statement = corner.json("account", "show", "ada@x.com")["transactions"]
    assert statement[0]["description"] == "Summer bonus"

    refused = corner("import", file, "--yes", "--mode", "add", code=2).stderr
    assert "this very file was imported before, on " in refused
    assert "If that is meant, say so with --allow-repeat." in refused
    seen = corner("import", file, "--dry-run", "--mode", "add", code=2).stdout
    assert "to add its points a second time, say --allow-repeat." in seen
    corner("import", file, "--yes", "--mode", "add", "--allow-repeat")
    assert corner.balance("ada@x.com") == 20
    assert "Same file" in corner("import", file, "--dry-run").stdout


def test_a_warning_names_the_option_that_it_advises(run: Run, shop: Shop) -> None:
    corner = shop("Heeding")
    changes = corner.file("changes", "ada@x.com,10", "bob@x.com,-3")
    assert "choose --mode add" in corner("import", changes, "--dry-run", code=1).stdout
    assert "choose --mode add" in run("inspect", changes).stdout
    moves = corner.file("moves", "ada@x.com,10,order 7", "ada@x.com,5,order 9", heading="email,points,reason")
    assert "choose --duplicates sum" in corner("import", moves, "--dry-run", code=1).stdout


@pytest.mark.parametrize(
    ("wanted", "balance", "merged"),
    [("first", 5, 1), ("last", 7, 1), ("sum", 12, 1), ("max", 7, 1), ("reject", None, 0)],
)
def test_which_of_several_rows_counts_is_chosen(shop: Shop, wanted: str, balance: int | None, merged: int) -> None:
    corner = shop(f"Twice {wanted}")
    file = corner.file("twice", "ada@x.com,5", "ada@x.com,7")
    done = corner.json("import", file, "--duplicates", wanted, "--yes", code=0 if merged else 1)
    assert done["summary"]["outcomes"] == {
        "imported": merged,
        "unchanged": 0,
        "merged": merged,
        "failed": 0 if merged else 2,
        "unprocessed": 0,
    }
    assert corner.balance("ada@x.com") == balance
    told = corner("imports", "show", done["loyaltyImport"]["id"]).stdout
    assert ("Merged into another row of the customer     1\n" in told) is bool(merged)
    assert (f"Options  --duplicates {wanted}\n" in told) is bool(merged)


def test_unknown_customers_are_made_when_that_is_chosen(shop: Shop) -> None:
    corner = shop("Making")
    file = corner.file("made", "new@x.com,5")
    options = ("--unknown-contacts", "create", "--atomic", "--no-notify")
    assert "1 created, 0 changed, 0 unchanged; 1 new customers" in corner("import", file, *options, "--dry-run").stdout
    import_id = corner.imported(file, *options)
    assert corner.balance("new@x.com") == 5
    told = corner("imports", "show", import_id).stdout
    assert "Options  --unknown-contacts create --atomic --no-notify\n" in told


def test_options_that_contradict_each_other_are_told_by_their_names(shop: Shop) -> None:
    corner = shop("Contradicting")
    file = corner.file("contradicting", "ada@x.com,1")
    told = corner("import", file, "--yes", "--allow-repeat", code=2).stderr
    assert "Error: --allow-repeat goes with --mode add alone" in told
    rails = ("--max-points-per-row", "9", "--max-total-change", "5")
    told = corner("import", file, "--dry-run", "--mode", "add", *rails, code=2).stderr
    assert (
        "--max-points-per-row is 9, but all rows together may change no more than the 5 of --max-total-change" in told
    )
    assert (
        "--description must have at most 100"
        in corner("import", file, "--yes", "--description", "x" * 101, code=2).stderr
    )
    assert "--mode" in corner("import", file, "--yes", "--mode", "subtract", code=2).stderr
    assert "--max-accounts-changed" in corner("import", file, "--yes", "--max-accounts-changed", "101", code=2).stderr
    assert "add --yes" in corner("import", file, "--json", code=2).stderr


@pytest.mark.parametrize("columns", [80, 120])
def test_at_a_terminal_the_preview_is_shown_and_then_asked(
    shop: Shop, environment: dict[str, str], columns: int
) -> None:
    corner = shop(f"Asking {columns}")
    file = corner.file("asking", "ada@x.com,1500", "bob@x.com,2", "cyd@x.com,abc")
    arguments = corner.at("import", file)
    with Terminal(*arguments, environment=environment, folder=corner.home, columns=columns) as terminal:
        terminal.wait_for("Set 2 balances (1,502 points added, 0 removed)? [y/N]:").enter("n\n")
        told = terminal.end(2)
    assert "Problems  1  Points are not a number: line 4" in told
    assert "Error: nothing was changed" in told
    assert corner.balance("ada@x.com") is None
    with Terminal(*arguments, environment=environment, folder=corner.home, columns=columns) as terminal:
        terminal.wait_for("[y/N]:").enter("y\n")
        told = terminal.end(1)
    assert max(len(line) for line in told.partition("\n\nRows")[2].partition("\nSet 2")[0].splitlines()) <= columns
    assert "came out in another way" not in told
    assert corner.balance("ada@x.com") == 1500
    with Terminal(*arguments, environment=environment, folder=corner.home) as terminal:
        terminal.wait_for("No balance would change. Import the file all the same? [y/N]:")
        assert "Traceback" not in terminal.break_off(2)


def test_what_is_held_back_is_not_asked_for(shop: Shop, environment: dict[str, str]) -> None:
    corner = shop("Not asked")
    file = corner.file("held", "ada@x.com,1500")
    arguments = corner.at("import", file, "--max-total-change", "10")
    with Terminal(*arguments, environment=environment, folder=corner.home) as terminal:
        told = terminal.end(3)
    assert "[y/N]" not in told
    assert "Held back  1,500 points would change, more than --max-total-change 10" in told


def test_an_ended_or_unknown_import_is_not_cancelled(shop: Shop) -> None:
    corner = shop("Ended")
    import_id = corner.imported(corner.file("ended", "ada@x.com,1"))
    told = corner("imports", "cancel", import_id, code=2).stderr
    assert told == "Error: only an import that is IMPORTING can be cancelled, and this one is IMPORTED\n"
    assert "not found" in corner("imports", "cancel", NOBODY, code=2).stderr


def test_an_import_is_taken_back_as_far_as_that_is_right(shop: Shop, environment: dict[str, str]) -> None:
    corner = shop("Undoing")
    import_id = corner.imported(corner.file("undone", "ada@x.com,100", "bob@x.com,50", "cyd@x.com,20"))
    corner.imported(corner.file("spent", "ada@x.com,-30"), "--mode", "add")
    corner.imported(corner.file("later", "cyd@x.com,25"))

    told = corner("imports", "undo", import_id, "--dry-run", code=1).stdout
    assert "Entries  1 reversed, 1 kept since their points are spent, 1 impossible\n" in told
    assert "Points   0 given back, 50 taken back; in all 145 → 95\n" in told
    assert "1  The points are spent: line 2\n" in told
    assert "1  A later import set the balance: line 4\n" in told
    assert "--policy clamp takes back what is left" in told
    clamped = corner.json("imports", "undo", import_id, "--dry-run", "--policy", "clamp", code=1)
    assert set(clamped) == {"loyaltyImport", "preview"}
    assert clamped["preview"]["result"]["points"]["removed"] == 120
    assert "add --yes" in corner("imports", "undo", import_id, code=2).stderr

    arguments = corner.at("imports", "undo", import_id)
    with Terminal(*arguments, environment=environment, folder=corner.home) as terminal:
        terminal.wait_for("Change 1 balance back (50 points taken back, 0 given back)? [y/N]:").enter("n\n")
        assert "nothing was changed" in terminal.end(2)
    assert corner.balance("bob@x.com") == 50
    done = corner.json("imports", "undo", import_id, "--policy", "clamp", "--yes", code=1)["loyaltyImport"]
    assert done["pointport"]["undo"]["pointsRemoved"] == 120
    assert [corner.balance(email) for email in ("ada@x.com", "bob@x.com", "cyd@x.com")] == [0, 0, 25]
    assert "undone already" in corner("imports", "undo", import_id, "--yes", code=2).stderr
    assert "Undo  DONE at " in corner("imports", "show", import_id).stdout


def test_what_nothing_stands_in_the_way_of_is_taken_back_whole(shop: Shop) -> None:
    corner = shop("Whole")
    import_id = corner.imported(corner.file("whole", "ada@x.com,1000"))
    told = corner("imports", "undo", import_id, "--yes").stdout
    assert "undone\n" in told
    assert "1,000 points taken back, 0 given back.\n" in told
    assert corner.balance("ada@x.com") == 0


def test_failed_rows_are_corrected_and_tried_again_until_none_is_left(shop: Shop, environment: dict[str, str]) -> None:
    corner = shop("Retrying")
    file = corner.file("wrong", "ada@x.com,1", "bob@x.com,abc", "cyd@x.com,x", "zoe@x.com,7")
    told = corner("import", file, "--mode", "add", "--yes", code=1).stdout
    import_id = corner.json("imports", "list")[0]["id"]
    assert f"Correct them there, then: pointport imports retry {import_id} " in told

    errors = corner.home / "wrong-errors.csv"
    rows = list(csv.reader(io.StringIO(errors.read_text(encoding="utf-8-sig"))))
    rows[1][1] = "12"
    with errors.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(rows)
    told = corner("imports", "retry", import_id, errors, "--yes", code=1).stdout
    assert "Points added                  1\n" in told
    assert f"2 rows of wrong.csv (import {import_id}) still failed, after all retries.\n" in told
    assert "wrong-errors-2.csv" in told
    assert corner.balance("bob@x.com") == 12
    again = corner("imports", "retry", import_id, errors, "--yes", code=2).stderr
    assert "wrong-errors.csv: the lines 3 went through meanwhile" in again

    shown = corner.json("imports", "show", import_id)["loyaltyImport"]["pointport"]
    child_id = shown["retries"][0]
    assert f"Retry of  {import_id}\n" in corner("imports", "show", child_id).stdout
    arguments = ("imports", "retry", import_id, "--correct", "4 points='1 000'", "--correct", "5 email=ada@x.com")
    with Terminal(*corner.at(*arguments), environment=environment, folder=corner.home) as terminal:
        terminal.wait_for("Import 2 corrected lines in place of those that failed, adding to balances? [y/N]:")
        told = terminal.enter("y\n").end(0)
    assert "Every row of wrong.csv has gone through by now." in told
    assert [corner.balance(email) for email in ("ada@x.com", "bob@x.com", "cyd@x.com")] == [8, 12, 1000]


def test_a_retry_of_what_did_not_fail_is_refused_in_the_words_of_the_command(shop: Shop) -> None:
    corner = shop("Refusing")
    import_id = corner.imported(corner.file("refused", "ada@x.com,1", "bob@x.com,abc"), code=1)
    foreign = corner.file("foreign", "ada@x.com,1")
    told = corner("imports", "retry", import_id, foreign, "--yes", code=2).stderr
    assert "foreign.csv: is no error file of ours" in told
    told = corner("imports", "retry", import_id, "--correct", "2 points=3", "--yes", code=2).stderr
    assert "--correct: the lines 2 did not fail" in told
    assert "say either FILE" in corner("imports", "retry", import_id, "--yes", code=2).stderr
    assert (
        "say either FILE"
        in corner("imports", "retry", import_id, foreign, "--correct", "3 points=3", "--yes", code=2).stderr
    )
    for wrong in ("3", "points=3", "0 points=3", "3 colour=red", "3 points=1 points=2", '3 points="', ""):
        told = corner("imports", "retry", import_id, "--correct", wrong, "--yes", code=2).stderr
        assert '--correct must be like "3 points=250"' in told
    assert "add --yes" in corner("imports", "retry", import_id, foreign, code=2).stderr


def test_an_import_that_is_interrupted_goes_on_at_the_server(shop: Shop, environment: dict[str, str]) -> None:
    """And is cancelled there, tried again and taken back."""
    emails = [f"c{number}@x.com" for number in range(ROWS)]
    corner = shop("Interrupted", *emails, "extra@x.com")
    file = corner.file("served", *(f"{email},5" for email in emails), "nobody@x.com,1")
    with Terminal(*corner.at("import", file, "--yes"), environment=environment, folder=corner.home) as terminal:
        terminal.wait_for("Importing").enter(INTERRUPT)
        told = terminal.end(130)
    assert "goes on at the server" in told
    assert "Traceback" not in told
    import_id = corner.json("imports", "list")[0]["id"]

    def shown() -> Any:
        return corner.json("imports", "show", import_id)["loyaltyImport"]

    until(lambda: bool(shown()["pointport"]["progress"]["rowsDone"] > 1), "it has gone on at the server")
    assert f" of {ROWS + 1:,} rows done." in corner("imports", "show", import_id).stdout
    assert f"Import {import_id} stops" in corner("imports", "cancel", import_id, "--no-wait").stdout
    until(lambda: bool(shown()["status"] == "FAILED"), "it has stopped")
    tried = corner("imports", "retry", import_id, "--correct", f"{ROWS + 2} email=extra@x.com", "--yes").stdout
    assert "Balance set                 1\n" in tried
    undone = corner.json("imports", "undo", import_id, "--yes")["loyaltyImport"]
    assert undone["pointport"]["undo"]["status"] == "DONE"
