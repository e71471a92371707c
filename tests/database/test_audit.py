"""`ledger verify` finds every kind of damage, and nothing in a sound ledger."""

# ruff: noqa: S608 (the SQL is put together of constants)

from collections.abc import Callable
from typing import LiteralString

import pytest

from pointport.imports import steps
from pointport.ledger.audit import Finding
from tests.conftest import Site, Story

FIRST = b"Email,Points\nada@example.com,10\nbob@example.com,20\ncyd@example.com,0\nnobody,5\n"
SECOND = b"Email,Points\nada@example.com,7\nbob@example.com,20\n"

ADA = "(SELECT id FROM contact WHERE email = 'ada@example.com')"
BOB = "(SELECT id FROM contact WHERE email = 'bob@example.com')"

# What somebody who owns the tables might do to them, and the proofs that must fail then.
DAMAGE: list[tuple[LiteralString, set[str]]] = [
    (
        f"UPDATE account SET balance = balance + 5, adjusted = adjusted + 5 WHERE id = {ADA}",
        {"balances_equal_entries"},
    ),
    (
        f"UPDATE account SET earned = earned + 5, adjusted = adjusted - 5 WHERE id = {ADA}",
        {"balances_equal_entries"},
    ),
    (
        f"UPDATE account SET expired = expired + 5, adjusted = adjusted + 5 WHERE id = {ADA}",
        {"balances_equal_entries"},
    ),
    (f"UPDATE account SET revision = revision + 1 WHERE id = {ADA}", {"balances_equal_entries"}),
    (
        f"DELETE FROM transaction WHERE account_id = {ADA} AND revision = 3",
        {"balances_equal_entries", "counts_equal_rows"},
    ),
    (
        f"DELETE FROM transaction WHERE account_id = {ADA} AND revision = 2",
        {"balances_equal_entries", "entries_follow", "counts_equal_rows"},
    ),
    (
        (
            "INSERT INTO transaction SELECT site_id, gen_random_uuid(), account_id, revision + 1, transaction_type, amount,"
            " amount_before, amount_after, description, created_date, import_id, line"
            f" FROM transaction WHERE account_id = {BOB}"
        ),
        {"balances_equal_entries", "entries_follow", "counts_equal_rows"},
    ),
    (
        # An account that has no entry at all.
        "UPDATE account SET balance = 9, adjusted = 9 WHERE id = (SELECT id FROM contact WHERE email LIKE 'cyd%')",
        {"balances_equal_entries"},
    ),
    (
        (
            "UPDATE transaction SET amount_before = amount_before + 1, amount_after = amount_after + 1"
            f" WHERE account_id = {ADA} AND revision = 3"
        ),
        {"entries_follow"},
    ),
    (
        f"UPDATE transaction SET transaction_type = 'EARN' WHERE account_id = {BOB}",
        {"balances_equal_entries"},
    ),
    (f"DELETE FROM account WHERE id = {ADA}", {"entries_have_accounts"}),
    (f"DELETE FROM contact WHERE id = {ADA}", {"accounts_have_contacts"}),
    (
        (
            "UPDATE loyalty_import SET success_count = 4, failure_count = 0, error_file_path = NULL"
            " WHERE parsed_row_count = 4"
        ),
        {"counts_equal_rows"},
    ),
    (
        "UPDATE loyalty_import SET success_count = 2, failure_count = 2 WHERE parsed_row_count = 4",
        {"counts_equal_rows"},
    ),
    ("UPDATE loyalty_import SET accounts_changed = 9 WHERE parsed_row_count = 4", {"counts_equal_rows"}),
    ("UPDATE loyalty_import SET points_added = 9 WHERE parsed_row_count = 4", {"counts_equal_rows"}),
    (
        # Both by the same: their difference still is what it was.
        "UPDATE loyalty_import SET points_added = points_added + 5, points_removed = points_removed + 5",
        {"counts_equal_rows"},
    ),
    ("DELETE FROM import_row WHERE outcome = 'FAILED'", {"counts_equal_rows"}),
    ("DELETE FROM import_row WHERE outcome = 'UNCHANGED'", {"counts_equal_rows"}),
    ("UPDATE import_row SET outcome = 'UNCHANGED', problem = NULL", {"counts_equal_rows"}),
    (
        "UPDATE import_row SET import_id = gen_random_uuid() WHERE outcome = 'FAILED'",
        {"counts_equal_rows", "rows_have_imports"},
    ),
    (
        f"UPDATE transaction SET import_id = gen_random_uuid() WHERE account_id = {BOB}",
        {"counts_equal_rows", "entries_have_imports"},
    ),
]


@pytest.fixture
def sound(story: Story) -> Story:
    """A site after two imports, with an account that was changed twice, once, and never."""
    story.add_contacts("ada@example.com", "bob@example.com", "cyd@example.com")
    story.run(FIRST)
    story.run(SECOND)
    return story


def findings(story: Story, damage: LiteralString) -> list[Finding]:
    """What is found after the owner has run a statement; it is undone then."""
    with story.app.database.owner_transaction() as connection:
        connection.execute("CREATE TABLE before_account AS SELECT * FROM account")
        for table in ("transaction", "contact", "loyalty_import", "import_row"):
            connection.execute(f"CREATE TABLE before_{table} AS SELECT * FROM {table}".encode())
        connection.execute(damage.encode())
    try:
        return steps.verify(story.app, story.site_id)
    finally:
        with story.app.database.owner_transaction() as connection:
            for table in ("import_row", "loyalty_import", "contact", "transaction", "account"):
                connection.execute(f"DELETE FROM {table}".encode())
            for table in ("account", "transaction", "contact", "loyalty_import", "import_row"):
                connection.execute(f"INSERT INTO {table} SELECT * FROM before_{table}".encode())
                connection.execute(f"DROP TABLE before_{table}".encode())


def test_every_kind_of_damage_is_found_and_nothing_else(sound: Story) -> None:
    # All in one database, since each is undone: a database for each would take most of the time.
    for damage, proofs in DAMAGE:
        assert {finding.proof for finding in findings(sound, damage)} == proofs, damage
        assert steps.verify(sound.app, sound.site_id) == []


def test_nothing_is_found_where_nothing_is(story: Story) -> None:
    assert steps.verify(story.app, story.site_id) == []


def test_a_finding_names_what_and_where(sound: Story) -> None:
    (finding,) = findings(sound, DAMAGE[0][0])
    assert finding.count == 1
    assert len(finding.examples) == 1
    assert finding.examples[0].endswith(": balance 12, sum of entries 7, revision 3, last entry 3 after 2 entries")


def test_of_many_findings_the_first_are_shown_and_all_are_counted(story: Story) -> None:
    emails = [f"c{number}@example.com" for number in range(25)]
    story.add_contacts(*emails)
    story.run(b"Email,Points\n" + b"".join(f"{email},5\n".encode() for email in emails))
    (finding,) = findings(story, "UPDATE account SET balance = 6, adjusted = 6")
    assert (finding.count, len(finding.examples)) == (25, 10)


def test_damage_on_one_site_is_no_other_sites(sound: Story, make_site: Callable[[str], Site]) -> None:
    other = Story(sound.app, make_site("Other Shop").id)
    other.add_contacts("ada@example.com")
    other.run(SECOND)
    with sound.app.database.owner_transaction() as connection:
        connection.execute("DELETE FROM transaction WHERE amount = 10")
    assert steps.verify(sound.app, sound.site_id) != []
    assert steps.verify(sound.app, other.site_id) == []
