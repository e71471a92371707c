"""POST /v1/loyalty-imports/undo, POST and GET …/undo-preview (design.md 8): what an import did is taken back."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from pointport.app import App
from pointport.entrypoints.worker import STEPS
from pointport.imports import steps, undo
from pointport.plumbing.webhooks.event_types import EventType
from pointport.wire import events
from tests.conftest import Site, Story
from tests.contract.conftest import (
    NOBODY,
    Clock,
    Door,
    Json,
    begin_parsing,
    drop_job,
    failed,
    invalid,
    mapped,
    nothing_changed,
    subscribe,
    violation,
    waiting_jobs,
    whole_site,
    work,
)

ACCOUNTS = "/loyalty-accounts/v1/accounts"
CONTENT = b"Email,Points\r\nada@example.com,15\r\nbob@example.com,20\r\ncyd@example.com,5\r\nnobody@example.com,1\r\n"


@pytest.fixture(autouse=True)
def _customers(door: Door, clock: Clock) -> None:
    """Ada has 10 points and Bob 40; Cyd has no account."""
    door.story.add_contacts("ada@example.com", "bob@example.com", "cyd@example.com")
    door.run(b"Email,Points\r\nada@example.com,10\r\nbob@example.com,40\r\n")
    clock.advance(1)


@pytest.fixture
def ended(door: Door, clock: Clock) -> str:
    """An import that adds 5 points to Ada, takes 20 from Bob and makes an account of 5 for Cyd."""
    made = str(door.run(CONTENT)["id"])
    clock.advance(1)
    return made


def spend(door: Door, email: str, points: int) -> None:
    """Have a customer spend points."""
    account = door.client.post("/pointport/v1/account", json={"email": email}).json()["account"]["id"]
    answer = door.client.post(f"{ACCOUNTS}/{account}/adjust-points", json={"amount": -points})
    assert answer.status_code == 200, answer.text


def shown_undo(door: Door, import_id: str) -> Json:
    found: Json = door.show(import_id)["pointport"]["undo"]
    return found


# --- Taken back ---------------------------------------------------------------------------------------------------------


def test_an_import_is_taken_back_to_the_last_point(door: Door, story: Story, ended: str, clock: Clock) -> None:
    before = door.show(ended)
    answer = door.post("undo", ended)
    assert answer.status_code == 200
    begun = answer.json()["loyaltyImport"]
    undo_id = begun["pointport"]["undo"]["id"]
    running = {"id": undo_id, "status": "RUNNING", "policy": "SKIP"}
    assert begun == {
        **before,
        "revision": str(int(before["revision"]) + 1),
        "updatedDate": "2026-03-04T05:06:09.089Z",
        "pointport": {**before["pointport"], "undo": running},
    }
    clock.advance(1)
    assert work(story) == ["undo_import"]
    assert door.show(ended) == {
        **begun,
        "revision": str(int(before["revision"]) + 2),
        "updatedDate": "2026-03-04T05:06:10.089Z",
        "pointport": {
            **before["pointport"],
            "undo": {
                **running,
                "status": "DONE",
                "finishedDate": "2026-03-04T05:06:10.089Z",
                "reversed": 3,
                "kept": 0,
                "impossible": 0,
                "pointsAdded": 20,
                "pointsRemoved": 10,
                "reasons": [],
            },
        },
    }
    # The account that the import made stays, and has nothing.
    assert story.balances() == {"ada@example.com": 10, "bob@example.com": 40, "cyd@example.com": 0}
    back = [one for one in door.transactions() if one["description"] == "Import undone"]
    told = [(one["amount"], one["pointport"]["line"]) for one in back]
    assert sorted(told) == [(-5, 2), (-5, 4), (20, 3)]
    assert {(one["pointport"]["loyaltyImportId"], one["pointport"]["undo"]) for one in back} == {(ended, True)}


def test_an_undo_can_be_previewed(door: Door, story: Story, ended: str) -> None:
    before = whole_site(story)
    answer = door.post("undo-preview", ended, policy="CLAMP")
    assert answer.status_code == 200
    begun = answer.json()["preview"]
    assert begun == {
        "id": begun["id"],
        "loyaltyImportId": ended,
        "status": "RUNNING",
        "createdDate": "2026-03-04T05:06:09.089Z",
        "policy": "CLAMP",
    }
    assert door.preview("undo-preview", ended) == begun
    assert work(story) == ["preview_import"]
    found = door.preview("undo-preview", ended)
    result = found.pop("result")
    assert found == {**begun, "status": "DONE", "finishedDate": "2026-03-04T05:06:09.089Z"}
    assert result["rows"] == {"imported": 3, "unchanged": 0, "merged": 0, "failed": 0}
    assert result["points"] == {"added": 20, "removed": 10, "totalBefore": 40, "totalAfter": 50}
    assert result["accounts"] == {"created": 0, "changed": 3, "unchanged": 0, "contactsCreated": 0}
    assert [(one["line"], one["balanceBefore"], one["balanceAfter"]) for one in result["movers"]] == [
        (3, 20, 40),
        (2, 15, 10),
        (4, 5, 0),
    ]
    assert result["undo"] == {
        "reversed": 3,
        "kept": 0,
        "impossible": 0,
        "pointsAdded": 20,
        "pointsRemoved": 10,
        "reasons": [],
    }
    assert not {"guardRails", "sameFile"} & set(result)
    after = whole_site(story)
    assert {name for name in before if after[name] != before[name]} == {"import_run", "import_row"}
    # The preview of the import itself is something else.
    answer = door.client.get("/v1/loyalty-imports/preview", params={"loyaltyImportId": ended})
    assert answer.json()["details"]["applicationError"]["code"] == "PREVIEW_NOT_FOUND"
    done = shown_undo_after(door, ended, policy="CLAMP")
    assert {name: done[name] for name in result["undo"]} == result["undo"]


def shown_undo_after(door: Door, import_id: str, **body: object) -> Json:
    door.done("undo", import_id, **body)
    return shown_undo(door, import_id)


SPENT = {"code": "POINTS_SPENT", "title": "The points are spent", "count": 1}


@pytest.mark.parametrize(
    ("policy", "ada", "removed", "reasons"),
    [("SKIP", 3, 5, [SPENT]), ("CLAMP", 0, 8, [])],
)
def test_points_that_are_spent_are_left_or_taken_as_far_as_there_are(
    door: Door, story: Story, ended: str, policy: str, ada: int, removed: int, reasons: list[Json]
) -> None:
    """8: kept: Ada has 3 left of the 5 that she was given."""
    spend(door, "ada@example.com", 12)
    door.post("undo-preview", ended, policy=policy)
    work(story)
    foreseen = door.preview("undo-preview", ended)["result"]["undo"]
    done = shown_undo_after(door, ended, policy=policy)
    counts = {"reversed": 2, "kept": 1, "impossible": 0, "pointsAdded": 20, "pointsRemoved": removed}
    assert foreseen == {**counts, "reasons": reasons}
    assert {name: done[name] for name in (*counts, "reasons", "policy")} == {
        **counts,
        "reasons": reasons,
        "policy": policy,
    }
    assert story.balances() == {"ada@example.com": ada, "bob@example.com": 40, "cyd@example.com": 0}


def test_what_a_later_import_has_set_is_not_taken_back(door: Door, story: Story, ended: str, clock: Clock) -> None:
    """8: impossible: the later import is named where it is looked for, and once that is undone, so can this be."""
    later = door.run(b"Email,Points\r\nada@example.com,100\r\nbob@example.com,20\r\n")["id"]
    clock.advance(1)
    door.post("undo-preview", ended)
    work(story)
    result = door.preview("undo-preview", ended)["result"]
    told = {"code": "LATER_IMPORT", "title": "A later import set the balance", "count": 2, "laterImportIds": [later]}
    assert result["undo"] == {
        "reversed": 1,
        "kept": 0,
        "impossible": 2,
        "pointsAdded": 0,
        "pointsRemoved": 5,
        "reasons": [told],
    }
    assert [(problem["code"], problem["lines"]) for problem in result["problems"]] == [("LATER_IMPORT", [2, 3])]
    # Undo that import first, as the advice says.
    door.done("undo", later)
    clock.advance(1)
    done = shown_undo_after(door, ended)
    assert (done["reversed"], done["impossible"], done["reasons"]) == (3, 0, [])
    assert story.balances() == {"ada@example.com": 10, "bob@example.com": 40, "cyd@example.com": 0}


def test_a_later_import_that_adds_is_no_hindrance(door: Door, story: Story, ended: str) -> None:
    door.run(b"Email,Points\r\nada@example.com,100\r\n", mode="ADD")
    assert shown_undo_after(door, ended)["impossible"] == 0
    assert story.balances()["ada@example.com"] == 110


def test_the_part_of_a_stopped_import_is_taken_back(door: Door, story: Story) -> None:
    """8: a FAILED import too, when it has changed something."""
    made = story.execute(CONTENT)
    steps.stage(story.app, story.site_id, made.id)
    steps.apply_chunk(story.app, story.site_id, made.id)
    steps.fail(story.app, story.site_id, made.id, reason="INTERNAL_ERROR", message="A fault of ours.")
    drop_job(story, waiting_jobs(story)[-1]["id"])
    assert door.show(str(made.id))["pointport"]["totals"]["accountsChanged"] == 3
    assert shown_undo_after(door, str(made.id))["reversed"] == 3


def test_an_undo_waits_while_another_import_of_the_site_is_at_work(door: Door, story: Story, ended: str) -> None:
    """7: what changes a site's ledger goes one after the other."""
    made = door.parse(b"Email,Points\r\nada@example.com,100\r\n")
    door.post("execute", made, **mapped())
    assert door.post("undo", ended).status_code == 200
    first, second = waiting_jobs(story)
    assert (first["name"], second["name"]) == ("run_import", "undo_import")
    assert first["lock"] == second["lock"] == f"site:{story.site_id}"
    assert shown_undo(door, ended)["status"] == "RUNNING"
    work(story)
    assert shown_undo(door, ended)["impossible"] == 1
    assert story.balances()["ada@example.com"] == 100


def test_an_undo_that_a_fault_of_ours_has_ended_goes_on_where_it_was(door: Door, story: Story, ended: str) -> None:
    door.post("undo", ended)
    undo_id = shown_undo(door, ended)["id"]
    undo.stage(story.app, story.site_id, UUID(undo_id))
    undo.apply_chunk(story.app, story.site_id, UUID(undo_id))
    (job,) = waiting_jobs(story)
    _, give_up = STEPS[job["name"]]
    give_up(story.app, story.site_id, UUID(undo_id))
    drop_job(story, job["id"])
    told = shown_undo(door, ended)
    assert (told["id"], told["status"]) == (undo_id, "FAILED")
    assert told["message"].endswith("What was taken back before it stays; undo it again to go on.")
    done = shown_undo_after(door, ended)
    assert (done["id"], done["status"], done["reversed"]) == (undo_id, "DONE", 3)
    assert "message" not in done


def test_an_undo_is_told_as_an_update_of_the_import(door: Door, app: App, site: Site, ended: str) -> None:
    """8: the events carry what is ours, as GET does."""
    subscribe(app, site.id, EventType.IMPORT_UPDATED, EventType.IMPORT_FINISHED)
    door.done("undo", ended)
    with app.database.owner_transaction() as connection:
        rows = connection.execute("SELECT * FROM event WHERE site_id = %s ORDER BY sequence", [site.id]).fetchall()
    assert [row["event_type"] for row in rows] == [EventType.IMPORT_UPDATED] * 2
    entities = [events.claims(row, app.clock()) for row in rows]
    told = [json.loads(json.loads(claims["data"])["data"])["updatedEvent"]["currentEntity"] for claims in entities]
    assert [entity["pointport"]["undo"]["status"] for entity in told] == ["RUNNING", "DONE"]
    assert told[-1] == door.show(ended)


# --- What cannot be undone ----------------------------------------------------------------------------------------------


def refused(door: Door, import_id: str | UUID, body: Json) -> None:
    """Neither undone nor previewed, and nothing has changed."""
    for call in ("undo", "undo-preview"):
        with nothing_changed(door.story):
            answer = door.post(call, import_id)
        assert (answer.status_code, answer.json()) == (428, body), call


def test_an_import_that_has_not_ended_cannot_be_undone(door: Door, story: Story) -> None:
    imports = {
        "INITIATED": story.create(CONTENT),
        "PARSING": begin_parsing(story, CONTENT),
        "PARSED": story.parse(CONTENT),
        "IMPORTING": story.execute(CONTENT),
    }
    for status, made in imports.items():
        refused(
            door,
            made.id,
            failed(
                "INVALID_IMPORT_STATUS",
                f"only an import that has ended can be undone, and this one is {status}",
                status=status,
            ),
        )


def test_what_has_changed_nothing_cannot_be_undone(door: Door, story: Story) -> None:
    """Not executed, held back, all rows failed, all rows unchanged."""
    nothing = failed("NOTHING_TO_UNDO", "this import has changed no balance: there is nothing to undo")
    refused(door, story.parse(b"").id, nothing)
    refused(door, door.run(CONTENT, maxTotalChange=1)["id"], nothing)
    refused(door, door.run(b"Email,Points\r\nnobody@example.com,1\r\n")["id"], nothing)
    refused(door, door.run(b"Email,Points\r\nada@example.com,10\r\n")["id"], nothing)
    refused(door, door.run(b"Email,Points\r\n")["id"], nothing)


def test_an_import_is_undone_once(door: Door, story: Story, ended: str) -> None:
    door.post("undo", ended)
    body = failed(
        "ALREADY_UNDONE", "this import is undone already, or about to be", undoId=shown_undo(door, ended)["id"]
    )
    refused(door, ended, body)
    work(story)
    refused(door, ended, body)
    assert story.balances()["ada@example.com"] == 10


def test_an_undo_cannot_be_undone(door: Door, story: Story, ended: str) -> None:
    door.done("undo", ended)
    undo_id = shown_undo(door, ended)["id"]
    refused(
        door,
        undo_id,
        failed(
            "UNDO_OF_UNDO",
            f"{undo_id} is the undo of import {ended}, and an undo cannot be undone: import the file again",
        ),
    )
    # The file again, as it says.
    assert door.run(CONTENT)["importResult"]["successCount"] == 3
    assert story.balances() == {"ada@example.com": 15, "bob@example.com": 20, "cyd@example.com": 5}


def test_a_policy_that_there_is_not_is_refused(door: Door, ended: str) -> None:
    told = invalid(violation("policy", "must be 'SKIP' or 'CLAMP'", "INVALID_ENUM_VALUE"))
    for call in ("undo", "undo-preview"):
        wrong: list[Any] = ["REFUSE", "skip", "", 1, True, [], {}]
        for policy in wrong:
            with nothing_changed(door.story):
                answer = door.post(call, ended, policy=policy)
            assert (answer.status_code, answer.json()) == (400, told), policy
    # null is absent, and absent is SKIP.
    assert door.post("undo", ended, policy=None).json()["loyaltyImport"]["pointport"]["undo"]["policy"] == "SKIP"


def test_an_import_that_is_not_the_sites_is_not_found(
    door: Door, app: App, clock: Clock, make_site: Callable[[str], Site]
) -> None:
    """8 row 28: word for word as for an id that nothing has, an undo's of another site as well."""
    other = Story(app, make_site("Other Shop").id)
    other.add_contacts("ada@example.com")
    theirs, undone = other.run(CONTENT), other.run(CONTENT.replace(b"15", b"16"))
    clock.advance(1)
    undo_id = other.undo(undone)["id"]
    for wanted in (theirs.id, undone.id, undo_id, NOBODY):
        for call in ("undo", "undo-preview"):
            with nothing_changed(other), nothing_changed(door.story):
                answer = door.post(call, wanted)
            assert (answer.status_code, answer.json()) == (
                404,
                failed("NOT_FOUND", f"loyalty import {wanted} not found"),
            )
