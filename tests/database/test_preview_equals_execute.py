"""What a preview says is what happens: the same rows, the same counts, the same totals, for a thousand files.

And where something changes in between, exactly the rows that come out in another way are counted.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from pointport.app import App
from pointport.imports import previews, steps
from pointport.imports.options import Duplicates, Mode, UnknownContacts
from pointport.imports.problems import CATALOGUE
from pointport.imports.record import LoyaltyImport
from pointport.imports.runs import Kind
from pointport.ledger import customers, postings
from pointport.ledger.customers import Details
from pointport.ledger.postings import Adjustment
from pointport.plumbing.sites import sites
from tests.conftest import Story
from tests.database.test_model import ALL_CELLS, AMBIGUOUS, CUSTOMERS, KNOWN, MISSING, NO_ADDRESS, csv_bytes

FILES = 1_000
BATCHES = 10
"""Files of one batch come to one site, each to the balances that the one before it left."""
CHANGED_FILES = 100
CHANGED_BATCHES = 2

PLAIN = [f"c{number:02d}@example.com" for number in range(25)]
SPELLINGS = sorted(spelling for email in KNOWN for spelling in CUSTOMERS[email])
PLAIN_CELLS = ["0", "5", "7", "120", "999999999", "999999990", "-1", "-5", "-120"]
ANY_CELLS = sorted({**ALL_CELLS, **AMBIGUOUS})
LIMITS = {
    "max_points_per_row": (100, 5_000, 10**9),
    "max_total_change": (100, 100_000, 10**10),
    "max_accounts_changed_percent": (1, 50, 100),
    "fail_if_more_than": (0, 1, 5),
}
OFTEN_SEEN = {"IMPORTED", "UNCHANGED", "MERGED"} | CATALOGUE.keys() - {
    # What shows only while rows are applied or taken back, or has a test of its own.
    *("CELL_TOO_LONG", "CONTACT_CHANGED", "GUARD_RAIL", "POINTS_SPENT", "LATER_IMPORT", "CANCELLED", "NOT_REACHED"),
}
"""What is among the files of every batch."""


class Outcome(NamedTuple):
    """What became, or will become, of a row."""

    outcome: str
    problem: str | None
    before: int | None
    after: int | None


# --- Files --------------------------------------------------------------------------------------------------------------


def make_content(chance: random.Random, number: int) -> bytes:
    """Make a file of a few customers, known and unknown, with good cells and bad ones; no two files are the same."""
    emails = [*SPELLINGS, *PLAIN, *(f"n{number}-{one}@example.com" for one in range(6))]
    chosen = chance.sample(emails, chance.randint(1, len(emails)))
    few_bad, few_doubled = chance.random() < 0.6, chance.random() < 0.6
    rows = []
    for row in range(chance.randint(1, 30)):
        email = chosen[row] if few_doubled and row < len(chosen) else chance.choice(chosen)
        points = chance.choice(PLAIN_CELLS if few_bad else ANY_CELLS)
        kind = chance.random()
        if kind < 0.05:
            email = chance.choice(sorted(NO_ADDRESS | MISSING))
        if kind > 0.98:
            rows.append([email])
        elif kind > 0.96:
            rows.append([email, points, f"file {number}", "too", "long"])
        else:
            rows.append([email, points, f"file {number}"])
    content = csv_bytes(rows)
    if chance.random() < 0.1:
        content += f'ada@example.com,5,"never closed {number}\r\n'.encode()
    if len(rows) > 15 and chance.random() < 0.3:
        content += b"bob+tag@example.com,5,caf\xc3 \xa9\xff\r\n"
    return content


def make_options(chance: random.Random) -> dict[str, Any]:
    """Choose how a file counts, mostly without a limit."""
    options: dict[str, Any] = {
        "mode": chance.choice(list(Mode)),
        "duplicates": chance.choice(list(Duplicates)),
        "unknown_contacts": chance.choice(list(UnknownContacts)),
        "atomic": chance.random() < 0.3,
    }
    if chance.random() < 0.3:
        rule = chance.choice(sorted(LIMITS))
        options[rule] = chance.choice(LIMITS[rule])
    return options


def files(chance: random.Random, story: Story, count: int) -> Iterator[tuple[LoyaltyImport, dict[str, Any]]]:
    """Make files and parse them; those that cannot be read at all are no files."""
    for number in range(count):
        parsed = story.parse(make_content(chance, number))
        if parsed.status == "PARSED":
            yield parsed, make_options(chance)


def make_story(app: App, chance: random.Random) -> Story:
    """A site with customers, of whom some have a balance, and chunks that are small, or not."""
    settings = app.settings.model_copy(update={"chunk_rows": chance.choice([2, 5, 1_000])})
    made, _ = sites.create_site(app.database, "Twice", default=False, actor="test", now=app.clock())
    story = Story(App(**{**vars(app), "settings": settings}), made.id)
    story.add_contacts(*KNOWN, *PLAIN)
    some = [*KNOWN[:3], *PLAIN[::2]]
    story.run(csv_bytes([[email, str(chance.choice([0, 7, 120, 10**9 - 8])), "start"] for email in some]))
    return story


# --- What is there to compare -------------------------------------------------------------------------------------------


def rows_of(story: Story, cause_id: UUID) -> dict[int, Outcome]:
    """What became, or will become, of each line."""
    with story.app.database.transaction(story.site_id) as connection:
        rows = connection.execute(
            "SELECT line, outcome, problem, balance_before, balance_after FROM import_row"
            " WHERE site_id = %(site)s AND import_id = %(cause)s"
            " UNION ALL SELECT line, 'IMPORTED', NULL, amount_before, amount_after FROM transaction"
            " WHERE site_id = %(site)s AND import_id = %(cause)s",
            {"site": story.site_id, "cause": cause_id},
        ).fetchall()
    found = {
        row["line"]: Outcome(row["outcome"], row["problem"], row["balance_before"], row["balance_after"])
        for row in rows
    }
    assert len(found) == len(rows), "a line has two outcomes"
    return found


def finish(story: Story, begun: LoyaltyImport) -> LoyaltyImport:
    steps.run(story.app, story.site_id, begun.id, lambda: False)
    return story.find(begun.id)


def preview_id(story: Story, parsed: LoyaltyImport) -> UUID:
    return previews.find(story.app, story.site_id, parsed.id, Kind.PREVIEW).id


def total(story: Story) -> int:
    return sum(story.balances().values())


def assert_same(story: Story, told: dict[str, Any], foreseen: dict[int, Outcome], done: LoyaltyImport) -> None:
    """The import did what its preview said, in every count and every row."""
    outcomes = rows_of(story, done.id)
    assert outcomes == foreseen
    assert done.differing_rows == 0
    assert len(outcomes) == done.parsed_row_count == sum(told["rows"].values())
    assert told["rows"] == dict(Counter(row.outcome for row in outcomes.values()))
    failed = told["rows"].get("FAILED", 0)
    assert (done.success_count, done.failure_count) == (len(outcomes) - failed, failed)
    problems = {one["code"]: one["count"] for one in told["problems"]}
    assert problems == dict(Counter(row.problem for row in outcomes.values() if row.problem))
    assert list(problems) == list(steps.summary(story.app, story.site_id, done.id)["problems"])
    for one in told["problems"]:
        assert one["lines"] == [line for line in sorted(outcomes) if outcomes[line].problem == one["code"]][:5]
    changed = {line: row for line, row in outcomes.items() if row.outcome == "IMPORTED"}
    assert told["accounts"]["created"] == done.accounts_created
    assert len(changed) == done.accounts_changed
    unchanged = sum(row.outcome == "UNCHANGED" for row in outcomes.values())
    accounts = told["accounts"]
    assert accounts["created"] + accounts["changed"] + accounts["unchanged"] == len(changed) + unchanged
    assert (told["points"]["added"], told["points"]["removed"]) == (done.points_added, done.points_removed)
    assert told["points"]["after"] == total(story)
    moved = sorted(changed, key=lambda line: (-abs((changed[line].after or 0) - (changed[line].before or 0)), line))
    assert [mover["line"] for mover in told["movers"]] == moved[:10]
    assert sum(bar["count"] for bar in told["histogram"]) == len(changed) + unchanged
    assert [sample["line"] for sample in told["samples"]] == sorted(outcomes)[:10]


# --- The tests ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_thousand_files_do_what_their_previews_say(app: App, batch: int) -> None:
    chance = random.Random(batch)  # noqa: S311 (chance that comes again)
    story = make_story(app, chance)
    ended: Counter[str] = Counter()
    seen: Counter[str | None] = Counter()
    for parsed, options in files(chance, story, FILES // BATCHES):
        told = story.preview(parsed, **options)
        assert story.find(parsed.id) == parsed
        foreseen, before = rows_of(story, preview_id(story, parsed)), total(story)
        assert told["points"]["before"] == before
        done = finish(story, story.begin(parsed, **options))
        ended[done.status] += 1
        seen.update(row.problem or row.outcome for row in foreseen.values())
        if not told["guard_rails"]:
            assert done.status == "IMPORTED", (done.failure_message, options)
            assert_same(story, told, foreseen, done)
            continue
        assert done.status == "FAILED", (told["guard_rails"], options)
        broken = {rail["rule"] for rail in told["guard_rails"]}
        assert done.failure_reason == ("TOO_MANY_FAILED_ROWS" if "fail_if_more_than" in broken else "GUARD_RAIL")
        # Rows that are refused because of their balance show when they are applied.
        if options["atomic"] or done.failure_reason == "GUARD_RAIL":
            assert (total(story), done.success_count) == (before, 0)
    assert ended["IMPORTED"] > ended["FAILED"] > 0
    assert seen.keys() >= OFTEN_SEEN
    assert steps.verify(story.app, story.site_id) == []


def disturb(chance: random.Random, story: Story, number: int) -> None:
    """Change contacts and balances: what a preview has seen is so no longer."""
    app, site_id = story.app, story.site_id
    with app.database.transaction(site_id) as connection:
        known = connection.execute(
            "SELECT contact.id, contact.email, contact.revision, account.balance FROM contact"
            " LEFT JOIN account USING (site_id, id) WHERE site_id = %s AND email = any(%s) ORDER BY email",
            [site_id, [*KNOWN, *PLAIN]],
        ).fetchall()
    for _ in range(chance.randint(0, 12)):
        one, now = chance.choice(known), app.clock()
        kind = chance.choice(["create", "rename", "delete", "adjust"])
        if kind == "create":
            story.add_contacts(f"n{number}-{chance.randrange(6)}@example.com")
        elif kind == "rename":
            known.remove(one)
            away = Details(f"away{number}-{one['id']}@example.com", None, None)
            customers.update(app.database, site_id, one["id"], away, revision=one["revision"], actor="test", now=now)
            story.add_contacts(*chance.sample([*KNOWN, *PLAIN], 2))
        elif kind == "delete" and one["balance"] is None:
            known.remove(one)
            customers.delete(app.database, site_id, one["id"], actor="test", now=now)
        elif kind == "adjust" and one["balance"] is not None:
            wanted = Adjustment(chance.choice([0, 5, 7, 120, 10**9 - 2]), None, "Between", None)
            postings.adjust(app.database, site_id, one["id"], wanted, points_max=10**9 - 1, actor="test", now=now)


def differs(foreseen: Outcome, became: Outcome) -> bool:
    """Whether a row came out in another way: by its outcome, its problem, or the balances of one that changes."""
    if foreseen.outcome == "IMPORTED":
        return foreseen != became
    return foreseen._replace(before=None) != became._replace(before=None)


@pytest.mark.parametrize("batch", range(CHANGED_BATCHES))
def test_what_came_out_in_another_way_than_the_preview_said_is_counted(app: App, batch: int) -> None:
    chance = random.Random(1_000 + batch)  # noqa: S311
    story = make_story(app, chance)
    counted: Counter[bool] = Counter()
    for number, (parsed, options) in enumerate(files(chance, story, CHANGED_FILES // CHANGED_BATCHES)):
        story.preview(parsed, **options)
        foreseen = rows_of(story, preview_id(story, parsed))
        disturb(chance, story, number)
        # A guard rail is no part of what becomes of a row: another one leaves the preview as good as it was.
        done = finish(story, story.begin(parsed, **{**options, **dict.fromkeys(LIMITS)}))
        became = rows_of(story, done.id)
        assert became.keys() == foreseen.keys()
        expected = sum(differs(foreseen[line], became[line]) for line in foreseen)
        assert done.differing_rows == expected, (options, foreseen, became)
        counted[expected > 0] += 1
        assert asdict(done.options).items() >= {**options, **dict.fromkeys(LIMITS)}.items()
    assert counted[True] > 10
    assert counted[False] > 5
    assert steps.verify(story.app, story.site_id) == []
