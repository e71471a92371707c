"""The way of one import, from file to ledger."""

from tests.conftest import Story


def test_a_file_sets_balances_and_says_row_by_row_what_happened(story: Story) -> None:
    story.add_contacts("ada@example.com", "bob@example.com", "cyd@example.com")
    done = story.run(
        b"Name,Email,Points balance\r\n"
        b"Ada,Ada@Example.com,120\r\n"
        b"Bob,bob@example.com,abc\r\n"
        b"Dan,dan@example.com,5\r\n"
        b"Cyd,cyd@example.com,0\r\n",
        email=1,
        points=2,
    )
    assert (done.status, done.success_count, done.failure_count) == ("IMPORTED", 2, 2)
    assert (done.accounts_created, done.accounts_changed) == (2, 1)
    assert (done.points_added, done.points_removed) == (120, 0)
    assert story.balances() == {"ada@example.com": 120, "cyd@example.com": 0}
    assert story.error_file(done) == (
        "Name,Email,Points balance,Import line,Import status,Error code,Error reason\r\n"
        'Bob,bob@example.com,abc,3,FAILED,POINTS_NOT_A_NUMBER,"""abc"" in column ""Points balance"" is not a number.'
        ' Write digits only, like 1250."\r\n'
        'Dan,dan@example.com,5,4,FAILED,CONTACT_NOT_FOUND,"No contact of this site has the e-mail address'
        ' ""dan@example.com"". Check the spelling, or add the contact first."\r\n'
    )
