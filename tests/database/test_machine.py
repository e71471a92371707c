"""Imports, undos, retries and all that changes balances beside them, in any order, dying anywhere, against other books.

The machine does one thing at a time to the program and tells the same to `bookkeeping.py`; after each step both must
agree, and the ledger must be sound.
"""

# ruff: noqa: D102 (the names of the steps say what they do)

import csv
import io
import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from pointport.app import App
from pointport.errors import Conflict, ImportStopped, InvalidRequest, PreconditionFailed
from pointport.imports import previews, retries, steps, undo
from pointport.imports.applying import WhenNegative
from pointport.imports.reading.corrected import unguarded
from pointport.imports.runs import Kind
from pointport.ledger import adjusting, customers, postings
from pointport.ledger.adjusting import Wish
from pointport.ledger.customers import Details
from pointport.ledger.postings import Adjustment, Earning
from pointport.ledger.transactions import entry_id
from pointport.plumbing.queries import plan_filter
from pointport.plumbing.sites import sites
from pointport.wire.accounts import ACCOUNTS
from tests.conftest import Story
from tests.database import bookkeeping as books
from tests.database.bookkeeping import POINTS_MAX, Import, Outcome, Stopped, Undo, World
from tests.database.test_model import ALL_CELLS, AMBIGUOUS, MISSING, NO_ADDRESS, csv_bytes

EMAILS = [f"c{number}@example.com" for number in range(9)]
FIRST_CONTACTS = EMAILS[:6]
SAME = {spelling: email for email in EMAILS for spelling in (email, email.upper(), f"mailto:{email}", f" C <{email}>")}
STAGING = ("import_stage", "import_ready", "import_chunk")

# --- What is drawn ------------------------------------------------------------------------------------------------------

good_points = st.sampled_from(["0", "3", "5", "7", "40", "-1", "-120", "999999999", "999999990"])
any_points = st.sampled_from(sorted({**ALL_CELLS, **AMBIGUOUS}))
spellings = st.sampled_from(sorted(SAME))
good_rows = st.tuples(spellings, good_points, st.just("note"))
bad_rows = st.one_of(
    st.tuples(st.sampled_from(EMAILS), any_points, st.just("note")),
    st.tuples(st.sampled_from(sorted(NO_ADDRESS | MISSING)), good_points, st.just("note")),
    st.tuples(spellings, good_points, st.just("note"), st.just("too"), st.just("long")),
    st.tuples(spellings),
)
rows = st.one_of(good_rows, good_rows, good_rows, bad_rows).map(list)
tables = st.one_of(
    st.lists(rows, min_size=4, max_size=9, unique_by=lambda row: SAME.get(row[0], row[0])),
    st.lists(rows, min_size=1, max_size=9),
)
choices = st.fixed_dictionaries(
    {"mode": st.sampled_from(["SET", "ADD"])},
    optional={
        "duplicates": st.sampled_from(["REJECT", "FIRST", "LAST", "SUM", "MAX"]),
        "unknown_contacts": st.sampled_from(["REJECT", "CREATE"]),
        "atomic": st.booleans(),
        "description": st.just("A present"),
    },
)
limits = st.one_of(
    st.just({}),
    st.just({}),
    st.fixed_dictionaries({"fail_if_more_than": st.integers(0, 5)}),
    st.fixed_dictionaries({"max_points_per_row": st.sampled_from([10, POINTS_MAX])}),
    st.fixed_dictionaries({"max_total_change": st.sampled_from([60, 10**10])}),
    st.fixed_dictionaries({"max_accounts_changed_percent": st.sampled_from([30, 100])}),
)
emails = st.sampled_from(EMAILS)
picks = st.integers(0, 99)
amounts = st.sampled_from([-7, -1, 1, 3, 500, POINTS_MAX])
balances = st.sampled_from([0, 1, 5, 600, POINTS_MAX])
policies = st.sampled_from([WhenNegative.SKIP, WhenNegative.CLAMP])


Step = Callable[[st.DataObject], None]


class Machine(RuleBasedStateMachine):
    """One site's life. `running` is the import that is at work, or being taken back: there is one at a time."""

    app: App
    chunk_rows = 2
    sessions = 1

    @initialize()
    def open(self) -> None:
        chosen = {"chunk_rows": self.chunk_rows, "apply_sessions": self.sessions}
        app = App(**{**vars(self.app), "settings": self.app.settings.model_copy(update=chosen)})
        made, _ = sites.create_site(app.database, "Machine", default=False, actor="test", now=app.clock())
        self.story, self.world = Story(app, made.id), World()
        self.imports: list[Import] = []
        self.running: Import | None = None
        self.count = 0
        for email in FIRST_CONTACTS:
            self.add_contact(email)

    @rule(data=st.data())
    def do(self, data: st.DataObject) -> None:
        """Do one thing that can be done now."""
        data.draw(st.sampled_from(self.possible()), label="step")(data)

    def possible(self) -> list[Step]:
        """Return what can be done now, the likely things more than once."""
        beside = [self.make_contact, *(self.rename_contact, self.delete_contact) * bool(self.world.contacts)]
        beside += [self.earn] * bool(self.world.contacts) + [self.adjust] * bool(self.world.balances)
        if self.running is None:
            again = [self.retry_from_a_file, self.retry_with_corrections] * 2 if self.failed() else []
            back = [self.begin_undo] * 3 if self.undoable() else []
            return [*beside, self.adjust_all, *again, *back, *[self.begin] * 4]
        if self.is_undoing():
            chunks = [self.undo_a_chunk] * 4 if self.asked_undo().chunks else []
            return [*beside, *chunks, self.stage_undo, self.crash, self.give_up_undo, *[self.run_undo] * 2]
        chunks = [self.apply_a_chunk] * 5 if self.running.chunks else [self.stage] * 3
        late = [self.give_up] * self.running.was_staged + [self.stop] * 3 * self.running.cancelled
        return [*beside, *chunks, *late, self.stage, *[self.crash] * 2, self.cancel, *[self.run] * 3]

    # --- An import and how it ends --------------------------------------------------------------------------------------

    def begin(self, data: st.DataObject) -> None:
        table = data.draw(tables)
        options: dict[str, Any] = {**data.draw(choices), **data.draw(limits)}
        previewed = data.draw(st.booleans())
        self.count += 1
        # No two files are the same: that is told to be a repetition.
        table = [row if len(row) < 3 else [*row[:2], f"note {self.count}", *row[3:]] for row in table]
        parsed = self.story.parse(csv_bytes([*table, ["nobody", "", f"note {self.count}"]]))
        lines = dict(enumerate([*table, ["nobody", "", f"note {self.count}"]], 2))
        if self.sessions > 1 and "fail_if_more_than" in options and not options.get("atomic"):
            del options["fail_if_more_than"]  # which chunks come before that is not told
        this = Import(parsed.id, lines, options, self.chunk_rows, self.sessions)
        if previewed:
            self.story.preview(parsed, **options)
            seen = previews.find(self.story.app, self.story.site_id, parsed.id, Kind.PREVIEW)
            this.foreseen = self.outcomes_of(seen.id)
        self.story.begin(parsed, **options)
        self.imports.append(this)
        self.running = this

    def stage(self, _: st.DataObject) -> None:
        this = self.at_work()
        staged = steps.stage(self.story.app, self.story.site_id, this.id)
        books.stage(self.world, this, SAME)
        assert (staged.status, staged.failure_reason) == (this.status, this.reason)
        self.look_whether_it_has_ended()

    def apply_a_chunk(self, _: st.DataObject) -> None:
        this = self.at_work()
        try:
            expected: bool | None = books.apply_chunk(self.world, this, entry_id)
        except Stopped:
            expected = None
        if expected is None:
            with pytest.raises(ImportStopped):
                steps.apply_chunk(self.story.app, self.story.site_id, this.id)
        else:
            assert steps.apply_chunk(self.story.app, self.story.site_id, this.id) == expected

    def run(self, _: st.DataObject) -> None:
        self.bring_to_its_end()

    def bring_to_its_end(self) -> None:
        this = self.at_work()
        steps.run(self.story.app, self.story.site_id, this.id, lambda: False)
        books.run(self.world, this, SAME, entry_id)
        self.look_whether_it_has_ended()

    def cancel(self, _: st.DataObject) -> None:
        this = self.at_work()
        steps.cancel(self.story.app, self.story.site_id, this.id, actor="test")
        this.cancelled = True

    def stop(self, _: st.DataObject) -> None:
        this = self.at_work()
        steps.stop(self.story.app, self.story.site_id, this.id, lambda: False)
        books.stop(self.world, this, SAME)
        self.look_whether_it_has_ended()

    def give_up(self, _: st.DataObject) -> None:
        this = self.at_work()
        steps.fail(self.story.app, self.story.site_id, this.id, reason="INTERNAL_ERROR", message="A fault of ours.")
        # What a crash of the server has emptied is lined up once more, so that no row vanishes.
        books.stage(self.world, this, SAME)
        books.end(this, "FAILED", "INTERNAL_ERROR", "NOT_REACHED")
        self.look_whether_it_has_ended()

    def crash(self, _: st.DataObject) -> None:
        """The server comes back from a crash: it has emptied the tables that are not logged."""
        this = self.at_work()
        with self.story.app.database.owner_transaction() as connection:
            for table in STAGING:
                connection.execute(f"DELETE FROM {table} WHERE site_id = %s", [self.story.site_id])  # noqa: S608
        if this.undo is not None and this.ended:
            this.undo.chunks = None if this.entries else this.undo.chunks
        elif this.ready_rows:
            this.chunks = None

    # --- Trying again ---------------------------------------------------------------------------------------------------

    def retry_from_a_file(self, data: st.DataObject) -> None:
        """Correct some rows of an error file, leave others as they are, take some out, in any order."""
        pick = data.draw(picks)
        this = self.failed()[pick % len(self.failed())]
        record = self.story.find(this.id)
        heading, *listed = csv.reader(io.StringIO(self.story.error_file(record), newline=""))
        closed = this.failed_lines() - this.open_lines()
        chosen = data.draw(st.lists(st.sampled_from(listed), unique_by=lambda row: row[-4], min_size=1))
        corrected = []
        for row in chosen:
            mended = data.draw(st.one_of(st.none(), st.tuples(spellings, good_points)))
            corrected.append(row if mended is None else [*mended, *row[2:]])
        text = io.StringIO()
        csv.writer(text).writerows([heading, *corrected])
        lines = [int(row[-4]) for row in corrected]
        upload = partial(
            retries.from_file,
            self.story.app,
            self.story.site_id,
            this.id,
            file_url=self.story.upload(text.getvalue().encode()),
            file_name="again.csv",
            actor="test",
        )
        if closed & set(lines):
            with pytest.raises(InvalidRequest):
                upload()
            return
        cells = [[unguarded(cell) for cell in row[:-4]] for row in corrected]
        self.take_up_retry(this, upload().id, cells, lines)

    def retry_with_corrections(self, data: st.DataObject) -> None:
        pick = data.draw(picks)
        this = self.failed()[pick % len(self.failed())]
        chosen = data.draw(st.lists(st.sampled_from(sorted(this.failed_lines())), unique=True, min_size=1))
        corrections = [
            retries.Correction(line, data.draw(st.none() | spellings), data.draw(st.none() | good_points))
            for line in chosen
        ]
        ask = partial(
            retries.from_corrections,
            self.story.app,
            self.story.site_id,
            this.id,
            corrections=corrections,
            actor="test",
        )
        if set(chosen) - this.open_lines():
            with pytest.raises(InvalidRequest):
                ask()
            return
        made = ask()
        header = self.story.find(this.id).header or []
        cells = []
        for correction in sorted(corrections, key=lambda one: one.line):
            row = (this.rows[correction.line] + [""] * len(header))[: max(len(header), len(this.rows[correction.line]))]
            row[0] = row[0] if correction.email is None else correction.email
            row[1] = row[1] if correction.points is None else correction.points
            # Who says what is right says that nothing is behind it.
            cells.append(row if correction.email is None and correction.points is None else row[: books.COLUMNS])
        self.take_up_retry(this, made.id, cells, sorted(chosen))

    def take_up_retry(self, before: Import, retry_id: UUID, cells: list[list[str]], lines: list[int]) -> None:
        retry = Import(
            retry_id,
            dict(enumerate(cells, 2)),
            before.options,
            self.chunk_rows,
            self.sessions,
            root=before.family,
            root_lines={number: before.root_lines.get(line, line) for number, line in enumerate(lines, 2)},
        )
        before.family.retries.append(retry)
        steps.parse(self.story.app, self.story.site_id, retry_id, lambda: False)
        self.imports.append(retry)
        self.running = retry

    # --- Taking back ----------------------------------------------------------------------------------------------------

    def begin_undo(self, data: st.DataObject) -> None:
        pick = data.draw(picks)
        policy = data.draw(policies)
        previewed = data.draw(st.booleans())
        this = self.undoable()[pick % len(self.undoable())]
        if previewed:
            # One that has stopped half way goes on where it was.
            done = this.undo or Undo(this.id, policy)
            foreseen = Undo(this.id, policy, reversals=dict(done.reversals), problems=dict(done.problems))
            books.run_undo(World({}, dict(self.world.balances)), self.imports, this, foreseen)
            assert self.story.preview_undo(self.story.find(this.id), policy)["undo"].items() >= (
                foreseen.summary(this.entries).items()
            )
        begun = undo.begin(self.story.app, self.story.site_id, this.id, when_negative=policy, actor="test")
        assert begun.undo is not None
        if this.undo is None:
            this.undo = Undo(UUID(begun.undo["id"]), policy)
        # What was lined up before may be so no longer.
        this.undo.status, this.undo.policy, this.undo.chunks = "RUNNING", policy, None
        self.running = this

    def stage_undo(self, _: st.DataObject) -> None:
        this, asked = self.at_work(), self.asked_undo()
        assert undo.stage(self.story.app, self.story.site_id, asked.id)
        books.stage_undo(self.imports, this, asked)

    def undo_a_chunk(self, _: st.DataObject) -> None:
        asked = self.asked_undo()
        expected = books.apply_undo_chunk(self.world, asked)
        assert undo.apply_chunk(self.story.app, self.story.site_id, asked.id) == expected

    def run_undo(self, _: st.DataObject) -> None:
        self.bring_undo_to_its_end()

    def bring_undo_to_its_end(self) -> None:
        this, asked = self.at_work(), self.asked_undo()
        undo.run(self.story.app, self.story.site_id, asked.id, lambda: False)
        books.run_undo(self.world, self.imports, this, asked)
        told = self.story.find(this.id).undo
        assert told is not None
        assert told.items() >= {"status": "DONE", **asked.summary(this.entries)}.items()
        with pytest.raises(PreconditionFailed):
            undo.begin(self.story.app, self.story.site_id, this.id, when_negative=WhenNegative.SKIP, actor="test")
        self.running = None

    def give_up_undo(self, _: st.DataObject) -> None:
        this, asked = self.at_work(), self.asked_undo()
        undo.fail(self.story.app, self.story.site_id, asked.id, message="A fault of ours.")
        asked.status = "FAILED"
        assert this.undo is asked
        self.running = None

    # --- What happens beside it -----------------------------------------------------------------------------------------

    def make_contact(self, data: st.DataObject) -> None:
        self.add_contact(data.draw(emails))

    def add_contact(self, email: str) -> None:
        details = Details(email, None, None)
        make = partial(customers.create, self.story.app.database, self.story.site_id, details, allow_duplicates=False)
        if email in self.world.contacts:
            with pytest.raises(Conflict):
                make(actor="test", now=self.story.app.clock())
        else:
            self.world.contacts[email] = make(actor="test", now=self.story.app.clock())["id"]

    def rename_contact(self, data: st.DataObject) -> None:
        pick = data.draw(picks)
        email = data.draw(emails)
        old = sorted(self.world.contacts)[pick % len(self.world.contacts)]
        contact, database, site_id = self.world.contacts[old], self.story.app.database, self.story.site_id
        revision = customers.find(database, site_id, contact)["revision"]
        rename = partial(
            customers.update, database, site_id, contact, Details(email, None, None), revision=revision, actor="test"
        )
        if email in self.world.contacts and email != old:
            with pytest.raises(Conflict):
                rename(now=self.story.app.clock())
        else:
            rename(now=self.story.app.clock())
            del self.world.contacts[old]
            self.world.contacts[email] = contact

    def delete_contact(self, data: st.DataObject) -> None:
        pick = data.draw(picks)
        email = sorted(self.world.contacts)[pick % len(self.world.contacts)]
        contact = self.world.contacts[email]
        delete = partial(customers.delete, self.story.app.database, self.story.site_id, contact, actor="test")
        if contact in self.world.balances:
            with pytest.raises(Conflict):
                delete(now=self.story.app.clock())
        else:
            delete(now=self.story.app.clock())
            del self.world.contacts[email]

    def earn(self, data: st.DataObject) -> None:
        pick = data.draw(picks)
        amount = data.draw(amounts.filter(lambda amount: amount > 0))
        contact, app = self.anybody(pick), self.story.app
        if contact not in self.world.balances:
            postings.create_account(app.database, self.story.site_id, contact, actor="test", now=app.clock())
            self.world.balances[contact] = 0
        self.count += 1
        give = partial(
            postings.earn,
            app.database,
            self.story.site_id,
            contact,
            Earning(amount, "Birthday", f"key {self.count}", {}),
            points_max=POINTS_MAX,
            actor="test",
            now=app.clock(),
        )
        self.post(contact, self.world.balances[contact] + amount, give)

    def adjust(self, data: st.DataObject) -> None:
        pick = data.draw(picks)
        amount = data.draw(st.none() | amounts)
        balance = data.draw(balances)
        contact, app = sorted(self.world.balances)[pick % len(self.world.balances)], self.story.app
        wanted = balance if amount is None else self.world.balances[contact] + amount
        change = partial(
            postings.adjust,
            app.database,
            self.story.site_id,
            contact,
            Adjustment(balance if amount is None else None, amount, "By hand", None),
            points_max=POINTS_MAX,
            actor="test",
            now=app.clock(),
        )
        self.post(contact, wanted, change)

    def post(self, contact: UUID, wanted: int, do: Any) -> None:
        if 0 <= wanted <= POINTS_MAX:
            do()
            self.world.balances[contact] = wanted
        else:
            with pytest.raises(PreconditionFailed):
                do()

    def adjust_all(self, data: st.DataObject) -> None:
        amount = data.draw(st.none() | amounts)
        balance = data.draw(balances)
        app, site_id = self.story.app, self.story.site_id
        wish = Wish(balance if amount is None else None, amount, {}, {})
        adjusting.run(
            app.database,
            site_id,
            adjusting.begin(app.database, site_id, wish, actor="test", now=app.clock()),
            lambda: False,
            chosen=partial(plan_filter, ACCOUNTS),
            chunk_rows=self.chunk_rows,
            points_max=POINTS_MAX,
            clock=app.clock,
        )
        for contact, before in self.world.balances.items():
            wanted = balance if amount is None else before + amount
            self.world.balances[contact] = wanted if 0 <= wanted <= POINTS_MAX else before

    # --- What must be so after every step -------------------------------------------------------------------------------

    @invariant()
    def the_ledger_is_sound(self) -> None:
        assert steps.verify(self.story.app, self.story.site_id) == []

    @invariant()
    def balances_are_as_in_the_other_books(self) -> None:
        found = self.story.balances()
        assert found == self.world.by_email()
        assert all(0 <= balance <= POINTS_MAX for balance in found.values())

    @invariant()
    def nothing_is_left_over(self) -> None:
        at_work = self.asked_undo().id if self.is_undoing() else self.running and self.running.id
        with self.story.app.database.transaction(self.story.site_id) as connection:
            for table in STAGING:
                found = connection.execute(
                    f"SELECT count(*) AS rows FROM {table}"  # noqa: S608
                    " WHERE site_id = %s AND import_id IS DISTINCT FROM %s",
                    [self.story.site_id, at_work],
                ).fetchone()
                assert found == {"rows": 0}, table

    def look_whether_it_has_ended(self) -> None:
        """Compare an import that has ended with the other books, row by row."""
        this = self.at_work()
        done = self.story.find(this.id)
        assert (done.status, done.failure_reason) == (this.status, this.reason), done.failure_message
        if not this.ended:
            return
        self.running = None
        found = self.outcomes_of(this.id)
        assert found == this.outcomes
        assert found.keys() == this.rows.keys()
        failed = this.failed_lines()
        assert done.parsed_row_count == len(this.rows)
        assert (done.success_count, done.failure_count) == (len(this.rows) - len(failed), len(failed))
        assert (done.accounts_created, done.accounts_changed) == (this.accounts_created, len(this.entries))
        changes = [amount for _, amount in this.entries.values()]
        assert done.points_added == sum(amount for amount in changes if amount > 0)
        assert done.points_removed == -sum(amount for amount in changes if amount < 0)
        self.check_error_file(this)
        self.check_family(this.family)
        if this.foreseen is not None:
            assert done.differing_rows == sum(differs(row, found[line]) for line, row in this.foreseen.items())

    def check_error_file(self, this: Import) -> None:
        """Every failed line is in the error file, as it was, and only those."""
        done = self.story.find(this.id)
        assert (done.error_file_path is None) == (not this.failed_lines())
        if done.error_file_path is None:
            return
        listed = list(csv.reader(io.StringIO(self.story.error_file(done), newline="")))[1:]
        assert [(int(row[-4]), row[-3], row[-2]) for row in listed] == [
            (line, *this.outcomes[line][:2]) for line in sorted(this.failed_lines())
        ]
        for row in listed:
            cells = this.rows[int(row[-4])]
            assert [unguarded(cell) for cell in row[: len(cells)]] == cells

    def check_family(self, root: Import) -> None:
        """No row goes through twice, and those that are still to be mended are counted."""
        through = Counter(
            retry.root_lines[line] for retry in root.retries for line, row in retry.outcomes.items() if not row.problem
        )
        assert set(through.values()) <= {1}
        assert through.keys() <= root.failed_lines()
        found = self.story.find(root.id)
        assert found.still_failed_count == len(root.failed_lines() - root.mended())
        assert found.retries == [retry.id for retry in root.retries]

    def teardown(self) -> None:
        """Bring what runs to its end."""
        if not hasattr(self, "story"):
            return
        if self.is_importing():
            self.bring_to_its_end()
        elif self.is_undoing():
            self.bring_undo_to_its_end()
        self.the_ledger_is_sound()
        self.balances_are_as_in_the_other_books()
        self.nothing_is_left_over()
        for this in self.imports:
            assert self.outcomes_of(this.id) == this.outcomes
            if this.undo:
                assert self.amounts_of(this.undo.id) == this.undo.reversals

    # --- Looking --------------------------------------------------------------------------------------------------------

    def at_work(self) -> Import:
        assert self.running is not None
        return self.running

    def asked_undo(self) -> Undo:
        asked = self.at_work().undo
        assert asked is not None
        return asked

    def is_importing(self) -> bool:
        return self.running is not None and not self.running.ended

    def is_undoing(self) -> bool:
        return self.running is not None and self.running.ended

    def failed(self) -> list[Import]:
        return [this for this in self.imports if this.failed_lines()]

    def undoable(self) -> list[Import]:
        return [this for this in self.imports if this.entries and (this.undo is None or this.undo.status == "FAILED")]

    def anybody(self, pick: int) -> UUID:
        return sorted(self.world.contacts.values())[pick % len(self.world.contacts)]

    def outcomes_of(self, cause_id: UUID) -> dict[int, Outcome]:
        """What became of each line; one outcome each."""
        with self.story.app.database.transaction(self.story.site_id) as connection:
            found = connection.execute(
                "SELECT line, outcome, problem, balance_before, balance_after FROM import_row"
                " WHERE site_id = %(site)s AND import_id = %(this)s"
                " UNION ALL SELECT line, 'IMPORTED', NULL, amount_before, amount_after FROM transaction"
                " WHERE site_id = %(site)s AND import_id = %(this)s",
                {"site": self.story.site_id, "this": cause_id},
            ).fetchall()
        outcomes = {
            row["line"]: Outcome(row["outcome"], row["problem"], row["balance_before"], row["balance_after"])
            for row in found
        }
        assert len(outcomes) == len(found), "a line has two outcomes"
        return outcomes

    def amounts_of(self, cause_id: UUID) -> dict[int, int]:
        with self.story.app.database.transaction(self.story.site_id) as connection:
            found = connection.execute(
                "SELECT line, amount FROM transaction WHERE site_id = %s AND import_id = %s",
                [self.story.site_id, cause_id],
            ).fetchall()
        return {row["line"]: row["amount"] for row in found}


def differs(foreseen: Outcome, became: Outcome) -> bool:
    """Whether a row came out in another way than foreseen."""
    if foreseen.outcome == "IMPORTED":
        return foreseen != became
    return foreseen._replace(before=None) != became._replace(before=None)


EXAMPLES = int(os.environ.get("POINTPORT_MACHINE_EXAMPLES", "60"))
machine_settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.mark.parametrize(("sessions", "chunk_rows", "share"), [(1, 2, 2), (1, 3, 2), (2, 2, 4)])
def test_both_books_agree_whatever_happens(app: App, sessions: int, chunk_rows: int, share: int) -> None:
    kind = type("OneMachine", (Machine,), {"app": app, "sessions": sessions, "chunk_rows": chunk_rows})
    run_state_machine_as_test(kind, settings=settings(machine_settings, max_examples=max(EXAMPLES // share, 1)))
