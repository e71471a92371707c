"""Corners in which a step once did what it must not, each as small as it can be."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from pointport.app import App
from pointport.errors import Unavailable
from pointport.imports import retries, steps, undo
from pointport.imports.applying import WhenNegative
from pointport.imports.record import LoyaltyImport
from pointport.imports.retries import Correction
from pointport.ledger import contacts, customers
from pointport.ledger.customers import Details
from tests.conftest import Site, Story


def test_too_large_a_change_in_all_is_told(story: Story) -> None:
    story.add_contacts("ada@example.com")
    done = story.run(b"Email,Points\nada@example.com,500\n", max_total_change=100)
    assert (done.status, done.failure_reason, story.balances()) == ("FAILED", "GUARD_RAIL", {})
    assert done.failure_message == (
        "All rows together would change balances by 500 points, more than the 100 of maxTotalChange; the largest changes"
        " are in the lines 2. Nothing was applied."
    )


def test_rows_that_share_the_fate_of_a_failed_one_are_failed_rows_too(story: Story) -> None:
    story.add_contacts("ada@example.com", "bob@example.com")
    content = b"Email,Points\nada@example.com,-5\nada@example.com,-5\nbob@example.com,5\n"
    options: dict[str, Any] = {"mode": "ADD", "duplicates": "FIRST", "atomic": True, "fail_if_more_than": 1}
    told = story.preview(story.parse(content), **options)
    assert [(rail["rule"], rail["found"]) for rail in told["guard_rails"]] == [("fail_if_more_than", 2)]
    done = story.run(content, **options)
    assert (done.status, done.failure_reason, story.balances()) == ("FAILED", "TOO_MANY_FAILED_ROWS", {})


def test_sessions_side_by_side_put_up_with_no_more_failed_rows_than_one(app: App, site: Site) -> None:
    settings = app.settings.model_copy(update={"chunk_rows": 1, "apply_sessions": 2})
    story = Story(App(**{**vars(app), "settings": settings}), site.id)
    story.add_contacts("ada@example.com", "bob@example.com")
    begun = story.execute(b"Email,Points\nada@example.com,-5\nbob@example.com,-5\n", mode="ADD", fail_if_more_than=1)
    steps.stage(story.app, site.id, begun.id)
    both = threading.Barrier(2)

    def clock() -> datetime:
        # Each session asks the time once it has its chunk.
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=5)
        return app.clock()

    slow = App(**{**vars(story.app), "clock": clock})
    with ThreadPoolExecutor(2) as beside:
        ended = [beside.submit(steps.apply_chunk, slow, site.id, begun.id) for _ in range(2)]
    assert sorted(type(one.exception()).__name__ for one in ended) == ["ImportStopped", "NoneType"]
    done = story.finish(begun)
    assert (done.status, done.failure_reason, done.failure_count) == ("FAILED", "TOO_MANY_FAILED_ROWS", 2)


# --- After a crash of the server, which empties the tables that are not logged -----------------------------------------


def crash(story: Story) -> None:
    with story.app.database.owner_transaction() as connection:
        for table in ("import_stage", "import_ready", "import_chunk"):
            connection.execute(f"DELETE FROM {table} WHERE site_id = %s", [story.site_id])  # noqa: S608


def rename(story: Story, email: str, to: str) -> None:
    app, site_id = story.app, story.site_id
    with app.database.transaction(site_id) as connection:
        known = contacts.find(connection, site_id, email)
    details = Details(to, None, None)
    customers.update(
        app.database, site_id, known["id"], details, revision=known["revision"], actor="test", now=app.clock()
    )


@pytest.fixture
def small(app: App, site: Site) -> Story:
    """A site whose chunks have one row."""
    settings = app.settings.model_copy(update={"chunk_rows": 1, "apply_sessions": 1})
    return Story(App(**{**vars(app), "settings": settings}), site.id)


def begun_with_one_chunk(story: Story, content: bytes, **options: Any) -> LoyaltyImport:
    begun = story.execute(content, **options)
    steps.stage(story.app, story.site_id, begun.id)
    assert steps.apply_chunk(story.app, story.site_id, begun.id)
    return begun


def test_a_row_that_went_through_does_not_fail_because_its_contact_is_renamed_afterwards(small: Story) -> None:
    small.add_contacts("ada@example.com", "bob@example.com")
    begun = begun_with_one_chunk(small, b"Email,Points\nada@example.com,5\nbob@example.com,7\n")
    rename(small, "ada@example.com", "ada.l@example.com")
    crash(small)
    done = small.finish(begun)
    assert small.outcomes(done) == {2: "IMPORTED", 3: "IMPORTED"}
    assert (done.status, done.success_count, done.failure_count) == ("IMPORTED", 2, 0)
    assert small.balances() == {"ada.l@example.com": 5, "bob@example.com": 7}


def test_rows_that_were_summed_up_do_not_fail_because_their_contact_is_renamed_afterwards(small: Story) -> None:
    small.add_contacts("ada@example.com", "bob@example.com")
    content = b"Email,Points\nada@example.com,5\nada@example.com,2\nbob@example.com,7\n"
    begun = begun_with_one_chunk(small, content, mode="ADD", duplicates="SUM")
    rename(small, "ada@example.com", "ada.l@example.com")
    crash(small)
    done = small.finish(begun)
    assert small.outcomes(done) == {2: "IMPORTED", 3: "MERGED", 4: "IMPORTED"}
    assert small.balances() == {"ada.l@example.com": 7, "bob@example.com": 7}


def test_an_import_that_is_given_up_lists_the_rows_that_it_did_not_come_to(small: Story) -> None:
    small.add_contacts("ada@example.com", "bob@example.com")
    begun = begun_with_one_chunk(small, b"Email,Points\nada@example.com,5\nbob@example.com,7\n")
    crash(small)
    steps.fail(small.app, small.site_id, begun.id, reason="INTERNAL_ERROR", message="A fault of ours.")
    done = small.find(begun.id)
    assert small.outcomes(done) == {2: "IMPORTED", 3: "NOT_REACHED"}
    assert (done.status, done.success_count, done.failure_count) == ("FAILED", 1, 1)


def test_an_import_whose_rows_are_lost_does_not_end(small: Story) -> None:
    small.add_contacts("ada@example.com", "bob@example.com")
    content = b"Email,Points\nada@example.com,5\nada@example.com,5\nbob@example.com,7\n"
    begun = begun_with_one_chunk(small, content, duplicates="FIRST")
    crash(small)
    with pytest.raises(Unavailable):
        steps.finish(small.app, small.site_id, begun.id)
    done = small.finish(begun)
    assert small.outcomes(done) == {2: "IMPORTED", 3: "MERGED", 4: "IMPORTED"}


# --- Taking back --------------------------------------------------------------------------------------------------------


def half_undone(story: Story, ended: LoyaltyImport) -> UUID:
    begun = undo.begin(story.app, story.site_id, ended.id, when_negative=WhenNegative.SKIP, actor="test")
    assert begun.undo is not None
    undo_id = UUID(begun.undo["id"])
    assert undo.stage(story.app, story.site_id, undo_id)
    assert undo.apply_chunk(story.app, story.site_id, undo_id)
    undo.fail(story.app, story.site_id, undo_id, message="A fault of ours.")
    return undo_id


def test_an_undo_that_goes_on_after_a_later_import_leaves_what_that_has_set(small: Story) -> None:
    small.add_contacts("ada@example.com", "bob@example.com")
    done = small.run(b"Email,Points\nada@example.com,5\nbob@example.com,7\n")
    half_undone(small, done)
    small.run(b"Email,Points\nada@example.com,50\nbob@example.com,70\n")
    told = small.undo(done)
    assert (told["reversed"], told["kept"], told["impossible"]) == (1, 0, 1)
    assert small.balances() == {"ada@example.com": 50, "bob@example.com": 70}


def test_the_preview_of_an_undo_that_has_stopped_half_way_says_what_the_undo_comes_to(small: Story) -> None:
    small.add_contacts("ada@example.com", "bob@example.com", "cyd@example.com")
    done = small.run(b"Email,Points\nada@example.com,5\nbob@example.com,7\ncyd@example.com,9\n")
    half_undone(small, done)
    foreseen = small.preview_undo(done)
    told = small.undo(done)
    assert (told["reversed"], told["points_removed"]) == (3, 21)
    assert told.items() >= foreseen["undo"].items()


# --- Trying again -------------------------------------------------------------------------------------------------------


def test_a_row_with_a_cell_too_many_does_not_go_through_because_the_error_file_has_room_for_it(story: Story) -> None:
    story.add_contacts("ada@example.com", "bob@example.com")
    done = story.run(b"Email,Points\nada@example.com,1,250\nbob@example.com,many\n")
    assert story.outcomes(done) == {2: "CELL_EXTRA", 3: "POINTS_NOT_A_NUMBER"}
    errors = story.error_file(done)
    again = story.retry(done, errors.replace("many", "7").encode())
    assert story.outcomes(again) == {2: "CELL_EXTRA", 3: "IMPORTED"}
    uploaded = story.run(errors.encode())
    assert story.outcomes(uploaded) == {2: "CELL_EXTRA", 3: "POINTS_NOT_A_NUMBER"}
    mended = story.correct(done, Correction(2, points="1250"))
    assert story.outcomes(mended) == {2: "IMPORTED"}
    assert story.balances() == {"ada@example.com": 1250, "bob@example.com": 7}


def test_a_retry_reads_numbers_as_the_file_that_they_come_from(story: Story) -> None:
    story.add_contacts("ada@example.com", "bob@example.com")
    # Twice the same sign shows that the point groups; the row that failed does not show it by itself.
    ended = story.run(b"Email;Points\nada@example.com;1.234.567\nbo@example.com;52.620\n")
    assert story.outcomes(ended) == {2: "IMPORTED", 3: "CONTACT_NOT_FOUND"}
    again = story.correct(ended, Correction(3, email="bob@example.com"))
    assert story.outcomes(again) == {2: "IMPORTED"}
    assert story.balances() == {"ada@example.com": 1_234_567, "bob@example.com": 52_620}


def test_a_retry_is_of_the_file_whose_lines_were_looked_at(story: Story) -> None:
    story.add_contacts("ada@example.com", "bob@example.com")
    ended = story.run(b"Email,Points\nada@example.com,x\nbob@example.com,y\n", mode="ADD")
    corrected = story.error_file(ended).replace(",x,", ",5,").replace(",y,", ",7,")
    path = story.upload(corrected.encode())
    made = retries.from_file(story.app, story.site_id, ended.id, file_url=path, file_name="again.csv", actor="test")
    # An upload that began before, and ends after: the same line twice.
    twice = corrected.replace("bob@example.com,7,3,", "bob@example.com,7,2,")
    assert twice != corrected
    story.app.objects.put(path.removeprefix("/"), iter([twice.encode()]))
    again = story.finish_retry(made)
    assert (again.status, again.failure_reason, story.balances()) == ("FAILED", "FILE_CHANGED", {})
    # The lines are free to be tried once more.
    assert story.retry(ended, corrected.encode()).status == "IMPORTED"
    assert story.balances() == {"ada@example.com": 5, "bob@example.com": 7}
