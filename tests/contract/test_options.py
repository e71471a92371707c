"""`options` of execute (design.md 8): each is kept with the import, does what it says, and is refused when it is none."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from pointport.app import App
from pointport.plumbing.webhooks.event_types import EventType
from tests.conftest import Site, Story
from tests.contract.conftest import (
    DEFAULT_OPTIONS,
    Clock,
    Door,
    Json,
    failed,
    invalid,
    mapped,
    nothing_changed,
    subscribe,
    violation,
    work,
)

CONTENT = b"Email,Points\r\nada@example.com,15\r\nbob@example.com,20\r\n"
TWICE = b"Email,Points\r\nada@example.com,15\r\nada@example.com,40\r\nada@example.com,5\r\n"
EVERY_OPTION: Json = {
    "mode": "ADD",
    "duplicates": "SUM",
    "unknownContacts": "CREATE",
    "atomic": True,
    "failIfMoreThan": 0,
    "maxPointsPerRow": 100,
    "maxTotalChange": 9_007_199_254_740_991,
    "maxAccountsChangedPercent": 100,
    "description": "Märzaktion",
    "allowRepeat": True,
    "notify": False,
}


@pytest.fixture(autouse=True)
def _customers(story: Story) -> None:
    story.add_contacts("ada@example.com", "bob@example.com")


def refuse(door: Door, import_id: str, **options: Any) -> Json:
    """Execute with options that are wrong: 400, and nothing has changed."""
    with nothing_changed(door.story):
        answer = door.post("execute", import_id, **mapped(), options=options)
        previewed = door.post("preview", import_id, **mapped(), options=options)
    assert answer.status_code == previewed.status_code == 400
    assert previewed.json() == answer.json()
    found: Json = answer.json()
    return found


# --- Kept and shown -----------------------------------------------------------------------------------------------------


def test_every_option_is_kept_with_the_import_and_shown(door: Door) -> None:
    """8: from the answer to execute on, and unchanged to the end."""
    made = door.parse(CONTENT)
    answer = door.post("execute", made, **mapped(), options=EVERY_OPTION)
    assert answer.json()["loyaltyImport"]["pointport"]["options"] == EVERY_OPTION
    work(door.story)
    assert door.show(made)["pointport"]["options"] == EVERY_OPTION


@pytest.mark.parametrize("options", [None, {}, dict.fromkeys(EVERY_OPTION), {"somethingElse": 1}, DEFAULT_OPTIONS])
def test_what_is_not_chosen_is_as_by_default(door: Door, options: Json | None) -> None:
    """1.5: null is absent, and what is unknown is ignored. A client of the contract chooses nothing."""
    answer = door.post("execute", door.parse(CONTENT), **mapped(), options=options)
    assert answer.status_code == 200
    assert answer.json()["loyaltyImport"]["pointport"]["options"] == DEFAULT_OPTIONS


def test_before_it_is_executed_an_import_has_no_options(door: Door) -> None:
    assert "options" not in door.show(door.parse(CONTENT))["pointport"]


# --- What each does -----------------------------------------------------------------------------------------------------


def test_set_sets_and_add_adds(door: Door, story: Story) -> None:
    door.run(CONTENT)
    door.run(b"Email,Points\r\nada@example.com,-5\r\nbob@example.com,1\r\n", mode="ADD")
    assert story.balances() == {"ada@example.com": 10, "bob@example.com": 21}
    ended = door.run(b"Email,Points\r\nada@example.com,-11\r\nbob@example.com,999999999\r\n", mode="ADD")
    assert ended["importResult"] == {"errorFileExists": True, "successCount": 0, "failureCount": 2}
    assert story.balances() == {"ada@example.com": 10, "bob@example.com": 21}
    assert door.errors(ended["id"]) == (
        "Email,Points,Import line,Import status,Error code,Error reason\r\n"
        'ada@example.com,-11,2,FAILED,BALANCE_WOULD_BE_NEGATIVE,"""-11"" in column ""Points"" would take the balance'
        ' below 0. Take away no more than the account holds."\r\n'
        'bob@example.com,999999999,3,FAILED,BALANCE_TOO_LARGE,"""999999999"" in column ""Points"" would take the'
        ' balance above the most an account can hold. Add less."\r\n'
    )
    assert door.run(b"Email,Points\r\nada@example.com,-11\r\n")["importResult"]["failureCount"] == 1


@pytest.mark.parametrize(
    ("duplicates", "balance", "success"),
    [("REJECT", None, 0), ("FIRST", 15, 3), ("LAST", 5, 3), ("SUM", 60, 3), ("MAX", 40, 3)],
)
@pytest.mark.parametrize("mode", ["SET", "ADD"])
def test_several_rows_of_one_customer(
    door: Door, story: Story, mode: str, duplicates: str, balance: int | None, success: int
) -> None:
    ended = door.run(TWICE, mode=mode, duplicates=duplicates)
    assert (ended["importResult"]["successCount"], ended["importResult"]["failureCount"]) == (success, 3 - success)
    assert story.balances() == ({} if balance is None else {"ada@example.com": balance})
    assert ended["pointport"]["totals"]["accountsChanged"] == (0 if balance is None else 1)


def test_an_unknown_address_is_refused_or_becomes_a_contact(door: Door, story: Story) -> None:
    content = b"Email,Points\r\nNew@Example.com,7\r\n"
    assert door.run(content)["importResult"]["failureCount"] == 1
    ended = door.run(content, unknownContacts="CREATE")
    assert ended["importResult"] == {"errorFileExists": False, "successCount": 1, "failureCount": 0}
    assert ended["pointport"]["totals"] == {
        "accountsCreated": 1,
        "accountsChanged": 1,
        "pointsAdded": 7,
        "pointsRemoved": 0,
    }
    assert story.balances() == {"new@example.com": 7}


def test_atomic_is_all_good_rows_in_one_chunk(door: Door, app: App, story: Story) -> None:
    """8: all good rows in one transaction, or none, whatever the size of a chunk is."""
    door.story.app = replace(app, settings=app.settings.model_copy(update={"chunk_rows": 1}))
    door.post("execute", made := door.parse(CONTENT), **mapped(), options={"atomic": True})
    work(story)
    assert door.show(made)["status"] == "IMPORTED"
    assert len({one["createdDate"] for one in door.transactions()}) == 1
    # The import's row changes once for its one chunk: executed, staged, applied, finished.
    assert door.show(made)["revision"] == "7"


def test_more_failed_rows_than_are_put_up_with_stop_it_before_the_first_write(door: Door, story: Story) -> None:
    content = CONTENT + b"nobody@example.com,1\r\nada@example,2\r\n"
    ended = door.run(content, failIfMoreThan=1)
    assert ended["status"] == "FAILED"
    assert ended["importResult"] == {"errorFileExists": True, "successCount": 0, "failureCount": 4}
    assert ended["pointport"]["failureReason"] == "TOO_MANY_FAILED_ROWS"
    assert ended["pointport"]["failureMessage"] == (
        "2 rows fail, more than the 1 that failIfMoreThan puts up with. Nothing more is applied: correct the rows, or"
        " allow for more."
    )
    assert ended["pointport"]["totals"] == dict.fromkeys(
        ("accountsCreated", "accountsChanged", "pointsAdded", "pointsRemoved"), 0
    )
    assert story.balances() == {}
    assert [line.split(",")[2:5] for line in door.errors(ended["id"]).splitlines()[1:]] == [
        ["2", "UNPROCESSED", "NOT_REACHED"],
        ["3", "UNPROCESSED", "NOT_REACHED"],
        ["4", "FAILED", "CONTACT_NOT_FOUND"],
        ["5", "FAILED", "EMAIL_INVALID"],
    ]
    assert door.run(content, failIfMoreThan=2)["status"] == "IMPORTED"


RAILS = [
    (
        {"maxPointsPerRow": 15},
        "1 rows have more than 15 points (maxPointsPerRow), up to 20: first in the lines 3. Nothing was applied.",
        "GUARD_RAIL",
    ),
    (
        {"maxTotalChange": 34},
        (
            "All rows together would change balances by 35 points, more than the 34 of maxTotalChange; the largest"
            " changes are in the lines 3, 2. Nothing was applied."
        ),
        "NOT_REACHED",
    ),
]


@pytest.mark.parametrize(("options", "message", "code"), RAILS)
def test_a_guard_rail_stops_it_before_the_first_write(
    door: Door, story: Story, options: Json, message: str, code: str
) -> None:
    ended = door.run(CONTENT, **options)
    assert (ended["status"], ended["pointport"]["failureReason"]) == ("FAILED", "GUARD_RAIL")
    assert ended["pointport"]["failureMessage"] == message
    assert ended["importResult"] == {"errorFileExists": True, "successCount": 0, "failureCount": 2}
    assert story.balances() == {}
    assert door.transactions() == []
    assert [line.split(",")[2:5] for line in door.errors(ended["id"]).splitlines()[1:]] == [
        ["2", "UNPROCESSED", "NOT_REACHED"],
        ["3", "UNPROCESSED", code],
    ]
    just_enough = {name: limit + 5 for name, limit in options.items()}
    assert door.run(CONTENT, **just_enough)["status"] == "IMPORTED"


def test_a_guard_rail_of_accounts_counts_those_that_there_are(door: Door, story: Story) -> None:
    """8: half of two accounts is 50 %; accounts that are made are no change of what there was."""
    assert door.run(CONTENT, maxAccountsChangedPercent=1)["status"] == "IMPORTED"
    changed = b"Email,Points\r\nada@example.com,16\r\nbob@example.com,20\r\n"
    ended = door.run(changed, maxAccountsChangedPercent=49)
    assert (ended["status"], ended["pointport"]["failureReason"]) == ("FAILED", "GUARD_RAIL")
    assert ended["pointport"]["failureMessage"] == (
        "1 accounts would change, 50 % of all, more than the 49 % of maxAccountsChangedPercent; the largest changes are"
        " in the lines 2. Nothing was applied."
    )
    assert door.run(changed, maxAccountsChangedPercent=50)["status"] == "IMPORTED"
    assert story.balances() == {"ada@example.com": 16, "bob@example.com": 20}


def test_the_description_is_in_every_transaction(door: Door, clock: Clock) -> None:
    door.run(CONTENT)
    clock.advance(1)
    door.run(CONTENT, mode="ADD", allowRepeat=True, description="Märzaktion 🎁")
    told = [(one["description"], one["amount"]) for one in door.transactions()]
    assert sorted(told) == sorted(
        [("Imported balance", 15), ("Imported balance", 20), ("Märzaktion 🎁", 15), ("Märzaktion 🎁", 20)]
    )


def test_without_notify_no_event_of_an_account_is_told(door: Door, app: App, site: Site, clock: Clock) -> None:
    """8: the import itself is told all the same."""
    subscribe(app, site.id)

    def told() -> set[str]:
        with app.database.owner_transaction() as connection:
            rows = connection.execute("SELECT event_type FROM event WHERE site_id = %s", [site.id]).fetchall()
        return {row["event_type"] for row in rows}

    imports = {EventType.IMPORT_CREATED, EventType.IMPORT_UPDATED, EventType.IMPORT_FINISHED}
    door.run(CONTENT, notify=False)
    assert told() == imports
    clock.advance(1)
    door.run(CONTENT, mode="ADD", allowRepeat=True, notify=True)
    assert told() == imports | {EventType.ACCOUNT_UPDATED, EventType.ACCOUNT_POINTS_UPDATED}


# --- The same file again ------------------------------------------------------------------------------------------------


def repeated(first: str) -> Json:
    return failed(
        "FILE_REPEATED",
        f"this very file was imported before, on 2026-03-04 by import {first}: its points would be added a second time."
        " If that is meant, say so with allowRepeat.",
        loyaltyImportId=first,
        executedDate="2026-03-04T05:06:07.089Z",
    )


@pytest.mark.parametrize("mode", ["SET", "ADD"])
def test_the_points_of_the_same_file_are_not_added_twice(door: Door, story: Story, mode: str) -> None:
    """7: whatever the first one did with it, and whatever it is called now."""
    first = door.run(CONTENT, mode=mode)["id"]
    again = door.parse(CONTENT)
    with nothing_changed(story):
        answer = door.post("execute", again, **mapped(), options={"mode": "ADD"})
    assert (answer.status_code, answer.json()) == (428, repeated(first))
    assert door.done("execute", again, **mapped(), options={"mode": "ADD", "allowRepeat": True})["status"] == "IMPORTED"
    assert story.balances() == {"ada@example.com": 30, "bob@example.com": 40}


def test_to_set_the_same_file_again_changes_nothing(door: Door, story: Story) -> None:
    door.run(CONTENT)
    ended = door.run(CONTENT)
    assert ended["importResult"] == {"errorFileExists": False, "successCount": 2, "failureCount": 0}
    assert ended["pointport"]["totals"]["accountsChanged"] == 0
    assert story.balances() == {"ada@example.com": 15, "bob@example.com": 20}


def test_a_file_that_was_undone_may_be_added_again(door: Door, story: Story, clock: Clock) -> None:
    first = door.run(CONTENT, mode="ADD")["id"]
    clock.advance(1)
    door.done("undo", first)
    assert door.run(CONTENT, mode="ADD")["status"] == "IMPORTED"
    assert story.balances() == {"ada@example.com": 15, "bob@example.com": 20}


def test_a_file_that_changed_nothing_may_be_added_again(door: Door, story: Story) -> None:
    """One that its guard rails held back."""
    assert door.run(CONTENT, mode="ADD", maxTotalChange=1)["status"] == "FAILED"
    assert door.run(CONTENT, mode="ADD")["status"] == "IMPORTED"
    assert story.balances() == {"ada@example.com": 15, "bob@example.com": 20}


def test_the_same_file_of_another_site_is_nothing_to_this_one(
    door: Door, app: App, make_site: Callable[[str], Site]
) -> None:
    other = Story(app, make_site("Other Shop").id)
    other.add_contacts("ada@example.com", "bob@example.com")
    other.run(CONTENT)
    assert door.run(CONTENT, mode="ADD")["status"] == "IMPORTED"


def test_of_two_at_the_same_time_exactly_one_adds(door: Door, story: Story) -> None:
    """7: ten times, so that each may be first; the other is told which one was."""
    for number in range(10):
        content = CONTENT + b"\r\n" * number
        waiting = [door.parse(content), door.parse(content)]

        def execute(import_id: str) -> tuple[int, Json]:
            answer = door.post("execute", import_id, **mapped(), options={"mode": "ADD"})
            return answer.status_code, answer.json()

        with ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(execute, waiting))
        assert sorted(status for status, _ in answers) == [200, 428]
        ((loser, told),) = [(place, body) for place, (status, body) in enumerate(answers) if status == 428]
        assert told == repeated(waiting[1 - loser])
        work(story)
    assert story.balances() == {"ada@example.com": 150, "bob@example.com": 200}


# --- What is nonsense ---------------------------------------------------------------------------------------------------

LIMITS = {
    "failIfMoreThan": (0, 2**53 - 1),
    "maxPointsPerRow": (1, 2**53 - 1),
    "maxTotalChange": (1, 2**53 - 1),
    "maxAccountsChangedPercent": (1, 100),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_number_that_is_none_or_beyond_its_limits_is_refused(door: Door, name: str) -> None:
    made, (least, most) = door.parse(CONTENT), LIMITS[name]
    too_small = invalid(violation(f"options.{name}", f"must be at least {least}", "MIN", threshold=least))
    too_large = invalid(violation(f"options.{name}", f"must be at most {most}", "MAX", threshold=most))
    no_number = invalid(violation(f"options.{name}", "must be a whole number", "FORMAT", type="integer"))
    for value in (least - 1, -1, -(10**30)):
        assert refuse(door, made, **{name: value}) == too_small, value
    for value in (most + 1, 2**63, 10**30):
        assert refuse(door, made, **{name: value}) == too_large, value
    wrong: list[Any] = ["5", "", True, 1.5, [], {}, [1]]
    for value in wrong:
        assert refuse(door, made, **{name: value}) == no_number, value
    # JSON knows no whole numbers of its own: 5.0 is 5.
    assert door.post("execute", made, **mapped(), options={name: 5.0}).status_code == 200


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("mode", "must be 'SET' or 'ADD'"),
        ("duplicates", "must be 'REJECT', 'FIRST', 'LAST', 'SUM' or 'MAX'"),
        ("unknownContacts", "must be 'REJECT' or 'CREATE'"),
    ],
)
def test_a_value_that_there_is_not_is_refused(door: Door, name: str, wanted: str) -> None:
    made = door.parse(CONTENT)
    told = invalid(violation(f"options.{name}", wanted, "INVALID_ENUM_VALUE"))
    wrong: list[Any] = ["set", "", "NOTHING", 1, True, [], {}]
    for value in wrong:
        assert refuse(door, made, **{name: value}) == told, value


@pytest.mark.parametrize("name", ["atomic", "allowRepeat", "notify"])
def test_yes_or_no_is_no_text_and_no_number(door: Door, name: str) -> None:
    made = door.parse(CONTENT)
    told = invalid(violation(f"options.{name}", "must be true or false", "FORMAT", type="boolean"))
    wrong: list[Any] = ["true", "yes", 1, 0, []]
    for value in wrong:
        assert refuse(door, made, **{name: value}) == told, value


def test_a_description_is_of_1_to_100_characters(door: Door) -> None:
    made = door.parse(CONTENT)

    def told(description: str, rule: str, **data: Any) -> Json:
        return invalid(violation("options.description", description, rule, **data))

    too_long = told("must have at most 100 characters", "MAX_LENGTH", threshold=100)
    assert refuse(door, made, description="x" * 10_000) == too_long
    assert refuse(door, made, description="🎁" * 101) == too_long
    assert refuse(door, made, description="") == told("must have at least 1 characters", "MIN_LENGTH", threshold=1)
    unstorable = told("must not hold NUL characters or lone surrogates", "FORMAT", type="text")
    assert refuse(door, made, description="a\0b") == unstorable
    # A lone surrogate is no text to begin with.
    wrong: list[Any] = ["\ud800", 5, True, [], {}]
    for value in wrong:
        assert refuse(door, made, description=value) == told("must be text", "FORMAT", type="text")
    assert door.done("execute", made, **mapped(), options={"description": "🎁" * 100})["status"] == "IMPORTED"


def test_options_that_contradict_each_other_are_refused(door: Door) -> None:
    made = door.parse(CONTENT)
    assert refuse(door, made, allowRepeat=True) == invalid(
        violation(
            "options.allowRepeat",
            "goes with the mode ADD alone: to set balances a second time changes nothing",
            "FIELD_NOT_ALLOWED",
        )
    )
    assert refuse(door, made, mode="ADD", maxPointsPerRow=11, maxTotalChange=10) == invalid(
        violation(
            "options.maxPointsPerRow",
            "is 11, but all rows together may change no more than the 10 of maxTotalChange",
            "MAX",
            threshold=10,
        )
    )
    # A balance of 11 may be set by a change of 1.
    answer = door.post("execute", made, **mapped(), options={"maxPointsPerRow": 11, "maxTotalChange": 10})
    assert answer.status_code == 200


def test_options_are_an_object(door: Door) -> None:
    made = door.parse(CONTENT)
    told = invalid(violation("options", "must be an object", "FORMAT", type="object"))
    for value in ("SET", [], [{"mode": "SET"}], 5, True):
        with nothing_changed(door.story):
            answer = door.post("execute", made, **mapped(), options=value)
        assert (answer.status_code, answer.json()) == (400, told)
