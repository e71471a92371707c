"""The server comes back from a crash without what was lined up, at any instant: nothing is lost, and nothing doubled."""

from typing import Any
from uuid import UUID

import psycopg
import pytest

from pointport.app import App
from pointport.errors import Unavailable
from pointport.imports import steps, undo
from pointport.imports.applying import WhenNegative
from pointport.imports.record import LoyaltyImport
from tests.conftest import Site, Story

EMAILS = [f"c{number}@example.com" for number in range(6)]


@pytest.fixture
def story(app: App, site: Site) -> Story:
    """A site whose imports have chunks of two rows."""
    small = App(**{**vars(app), "settings": app.settings.model_copy(update={"chunk_rows": 2, "apply_sessions": 1})})
    opened = Story(small, site.id)
    opened.add_contacts(*EMAILS)
    return opened


def sheet(points: int, emails: list[str] = EMAILS) -> bytes:
    return "\n".join(["Email,Points", *(f"{email},{points}" for email in emails), ""]).encode()


def lose(story: Story) -> None:
    """Do what the server does with unlogged tables when it comes back from a crash."""
    with psycopg.connect(story.app.database.conninfo) as connection:
        connection.execute("TRUNCATE import_stage, import_ready, import_chunk")


def begun(story: Story, content: bytes, **options: Any) -> UUID:
    """An import that is staged."""
    found = story.execute(content, **options)
    steps.stage(story.app, story.site_id, found.id)
    return found.id


def ended(story: Story, import_id: UUID) -> LoyaltyImport:
    steps.run(story.app, story.site_id, import_id, lambda: False)
    assert steps.verify(story.app, story.site_id) == []
    return story.find(import_id)


def test_an_import_whose_rows_are_lost_between_two_chunks_waits_until_they_are_lined_up_again(story: Story) -> None:
    import_id = begun(story, sheet(7))
    steps.apply_chunk(story.app, story.site_id, import_id)
    lose(story)
    assert not steps.apply_chunk(story.app, story.site_id, import_id), "there is nothing to apply"
    with pytest.raises(Unavailable, match="lined up"):
        steps.finish(story.app, story.site_id, import_id)
    assert ended(story, import_id).success_count == 6
    assert story.balances() == dict.fromkeys(EMAILS, 7)


def test_a_cancelled_import_whose_rows_are_lost_lists_those_that_it_did_not_come_to(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = begun(story, sheet(7))
    steps.apply_chunk(story.app, story.site_id, import_id)
    steps.cancel(story.app, story.site_id, import_id, actor="test")
    stage = steps.stage

    def staged_and_lost(*these: object) -> LoyaltyImport:
        found = stage(*these)  # type: ignore[arg-type]
        lose(story)
        return found

    with monkeypatch.context() as changed:
        changed.setattr(steps, "stage", staged_and_lost)
        with pytest.raises(Unavailable, match="lined up"):
            steps.stop(story.app, story.site_id, import_id, lambda: False)
    steps.stop(story.app, story.site_id, import_id, lambda: False)
    done = story.find(import_id)
    assert (done.status, done.failure_reason, done.success_count, done.failure_count) == ("FAILED", "CANCELLED", 2, 4)
    assert sorted(story.outcomes(done).values()) == ["CANCELLED"] * 4 + ["IMPORTED"] * 2


def test_an_import_that_is_stopped_by_its_failures_and_loses_its_rows_lists_them_all(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = begun(story, sheet(-7), mode="ADD", fail_if_more_than=1)
    apply_all = steps.apply_chunks

    def stopped_and_lost(*these: object) -> None:
        try:
            apply_all(*these)  # type: ignore[arg-type]
        finally:
            lose(story)

    with monkeypatch.context() as changed:
        changed.setattr(steps, "apply_chunks", stopped_and_lost)
        with pytest.raises(Unavailable, match="lined up"):
            steps.run(story.app, story.site_id, import_id, lambda: False)
    done = ended(story, import_id)
    assert (done.status, done.failure_reason) == ("FAILED", "TOO_MANY_FAILED_ROWS")
    assert (done.success_count, done.failure_count) == (0, 6)


def begun_undo(story: Story, done: LoyaltyImport) -> UUID:
    """An undo that has taken its first chunk back."""
    found = undo.begin(story.app, story.site_id, done.id, when_negative=WhenNegative.SKIP, actor="test")
    assert found.undo is not None
    run_id = UUID(found.undo["id"])
    undo.stage(story.app, story.site_id, run_id)
    undo.apply_chunk(story.app, story.site_id, run_id)
    return run_id


def test_an_undo_whose_rows_are_lost_between_two_chunks_waits_until_they_are_lined_up_again(story: Story) -> None:
    done = story.run(sheet(7))
    run_id = begun_undo(story, done)
    lose(story)
    assert not undo.apply_chunk(story.app, story.site_id, run_id), "there is nothing to apply"
    with pytest.raises(Unavailable, match="lined up"):
        undo.finish(story.app, story.site_id, run_id)
    undo.run(story.app, story.site_id, run_id, lambda: False)
    told = story.find(done.id).undo
    assert told is not None
    assert (told["status"], told["reversed"]) == ("DONE", 6)
    assert story.balances() == dict.fromkeys(EMAILS, 0)


@pytest.mark.parametrize("lost", [False, True], ids=["the rows are still there", "the rows are lost"])
@pytest.mark.parametrize("points", [9, 7], ids=["set to another balance", "set to the same balance"])
def test_an_undo_that_goes_on_after_a_fault_keeps_off_what_was_imported_meanwhile(
    story: Story, lost: bool, points: int
) -> None:
    done = story.run(sheet(7))
    run_id = begun_undo(story, done)
    undo.fail(story.app, story.site_id, run_id, message="A fault of ours")
    before = story.balances()
    first, last = EMAILS[0], EMAILS[-1]
    assert (before[first], before[last]) == (0, 7)
    story.run(sheet(points, [first, last]))
    if lost:
        lose(story)
    told = story.undo(done)
    assert (told["status"], told["reversed"], told["impossible"]) == ("DONE", 5, 1)
    assert told["reasons"] == {"LATER_IMPORT": 1}
    assert story.balances() == dict.fromkeys(EMAILS, 0) | {first: points, last: points}
