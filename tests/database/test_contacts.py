"""The other story: a file of contacts goes in, and each address is a contact of the site."""

from collections.abc import Callable

import pytest

from pointport.app import App
from pointport.errors import FileRejected, InvalidRequest, NotFound
from pointport.imports import contact_file
from pointport.imports.contact_file import Headings, State
from pointport.ledger import contacts
from pointport.wire.contacts import contact_load
from tests.conftest import Site, Story

FOUND_OUT = Headings(None, None, None)


def load(story: Story, content: bytes, wanted: Headings = FOUND_OUT) -> State:
    """Load a file of contacts to its end."""
    plan = contact_file.open_file(story.app, story.site_id, story.upload(content), wanted)
    *_, last = contact_file.load(story.app, story.site_id, plan)
    assert last.done
    assert last.rows == last.rows_total
    return last


def people(story: Story) -> dict[str, tuple[str, str, int]]:
    """First name, last name and revision of each contact."""
    with story.app.database.transaction(story.site_id) as connection:
        rows = connection.execute(
            "SELECT email, first_name, last_name, revision FROM contact WHERE site_id = %s", [story.site_id]
        ).fetchall()
    return {row["email"]: (row["first_name"], row["last_name"], row["revision"]) for row in rows}


def test_a_file_of_contacts_makes_contacts(story: Story) -> None:
    state = load(story, b"Email,First name,Last name\nAda@Example.com,Ada,Lovelace\nbob@example.com,,\n")
    assert (state.rows, state.created, state.changed, state.failed) == (2, 2, 0, 0)
    assert people(story) == {"ada@example.com": ("Ada", "Lovelace", 1), "bob@example.com": ("", "", 1)}


def test_spellings_of_one_address_are_one_contact(story: Story) -> None:
    spellings = ["Ada@Example.com", "mailto:ada@example.com", "\u200bADA@example.com"]
    spellings += ["x@xn--bcher-kva.example", "x@bücher.example"]
    assert load(story, "\n".join(["Email", *spellings]).encode()).created == 2
    assert people(story).keys() == {"ada@example.com", "x@bücher.example"}


def test_the_same_file_again_changes_nothing(story: Story) -> None:
    content = b"Email,First name\nada@example.com,Ada\nbob@example.com,\n"
    load(story, content)
    before = people(story)
    again = load(story, content)
    assert (again.created, again.changed, again.failed) == (0, 0, 0)
    assert people(story) == before


def test_names_are_brought_up_to_date_but_never_emptied(story: Story) -> None:
    load(story, b"Email,First name,Last name\nada@example.com,Ada,Byron\n")
    state = load(story, b"Email,First name,Last name\nada@example.com,,Lovelace\n")
    assert (state.created, state.changed) == (0, 1)
    assert people(story)["ada@example.com"] == ("Ada", "Lovelace", 2)


def test_of_two_rows_for_one_contact_the_last_name_that_is_there_counts(story: Story) -> None:
    # As it would be if the rows were in two files, or in two batches of one.
    content = b"Email,First name,Last name\nada@example.com,Ada,Byron\nADA@example.com,,Lovelace\n"
    assert load(story, content).created == 1
    assert people(story)["ada@example.com"] == ("Ada", "Lovelace", 1)


def test_batches_of_any_size_come_to_the_same(
    app: App, make_site: Callable[[str], Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"Email,First name\n" + b"".join(b"c%d@example.com,C%d\n" % (n % 7, n) for n in range(10)) + b"nobody,x\n"
    for batch_rows in (1, 2, 1000):
        monkeypatch.setattr(contact_file, "BATCH_ROWS", batch_rows)
        story = Story(app, make_site(f"In batches of {batch_rows}").id)
        state = load(story, content)
        assert (state.rows, state.created, state.failed) == (11, 7, 1)
        assert {email: name for email, (name, _, _) in people(story).items()} == {
            f"c{n}@example.com": f"C{n + 7 if n < 3 else n}" for n in range(7)
        }


def test_each_batch_tells_how_far_it_is(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_file, "BATCH_ROWS", 2)
    content = b"Email\na@example.com\nb@example.com\nc@example.com\n"
    plan = contact_file.open_file(story.app, story.site_id, story.upload(content), FOUND_OUT)
    states = list(contact_file.load(story.app, story.site_id, plan))
    assert [(state.rows, state.rows_total, state.done) for state in states] == [
        (2, 3, False),
        (3, 3, False),
        (3, 3, True),
    ]


def test_bad_rows_are_reported_with_their_line_and_cost_nobody_else(story: Story) -> None:
    state = load(
        story,
        'Name,E-Mail\n"A\nda",ada@example.com\n\nBöb,nobody\nCyd,\nDan,  \nÉve\n'.encode()
        + b"Fay,f\xe9@example.com\nGus,gus@example.com\n",
    )
    assert (state.rows, state.created, state.failed) == (7, 2, 5)
    assert [(line, code) for line, code, _ in state.failures] == [
        (5, "EMAIL_INVALID"),
        (6, "EMAIL_MISSING"),
        (7, "EMAIL_MISSING"),
        (8, "EMAIL_MISSING"),
        (9, "ENCODING_ERROR"),
    ]
    messages = [message for _, _, message in state.failures]
    assert messages[0].startswith('"nobody" in column "E-Mail" is not an e-mail address.')
    assert messages[1].startswith('The column "E-Mail" is empty.')
    assert messages[4].startswith("The row holds bytes that are no characters in UTF-8.")
    # What goes to the caller as JSON must be characters.
    assert "".join(messages).encode()


def test_no_more_than_the_first_failures_are_kept(story: Story) -> None:
    state = load(story, b"Email\n" + b"nobody\n" * 250)
    assert (state.failed, len(state.failures)) == (250, contact_file.EXAMPLES_MAX)
    assert state.failures[-1][0] == 101


def test_names_are_trimmed(story: Story) -> None:
    load(story, f"Email,First name,Last name\na@example.com,\u00a0 Ada \u200b,{'é' * 100} \n".encode())
    assert people(story)["a@example.com"] == ("Ada", "é" * 100, 1)


def test_a_name_that_a_contact_cannot_hold_fails_its_row(story: Story) -> None:
    rows = [f"a@example.com,Ada,{'é' * 101}", f"b@example.com,{'b' * 101},Bob", f"c@example.com,{'c' * 100},Cyd"]
    state = load(story, "\n".join(["Email,First name,Last name", *rows]).encode())
    assert (state.rows, state.created, state.failed) == (3, 1, 2)
    told = 'in column "{}" is longer than 100 characters. Shorten it, or leave it away.'
    assert state.failures == (
        (2, "NAME_TOO_LONG", f'"{"é" * 100}…" {told.format("Last name")}'),
        (3, "NAME_TOO_LONG", f'"{"b" * 100}…" {told.format("First name")}'),
    )
    assert people(story) == {"c@example.com": ("c" * 100, "Cyd", 1)}


def test_columns_are_found_by_alias_heading_or_number(app: App, make_site: Callable[[str], Site]) -> None:
    for header, wanted in [
        ("Email,First name,Last name,x", FOUND_OUT),
        ("E-Mail-Adresse,Vorname,Nachname,x", FOUND_OUT),
        ("Courriel;Prénom;Nom;x", FOUND_OUT),
        ("メールアドレス,名,姓,x", FOUND_OUT),
        ("Email,First,Last,x", FOUND_OUT),
        ("E-mail;Given name;Surname;x", FOUND_OUT),
        ("Contact,Given,Family,x", Headings("Contact", "Given", "Family")),
        ("Contact,Given,Family,x", Headings("contact", "GIVEN", " family ")),
        ("Contact,Given,Family,x", Headings("1", "2", "3")),
        # Two columns may be meant: the caller says which.
        ("Email,First name,Last name,Mail", Headings("Email", None, None)),
    ]:
        story = Story(app, make_site(header).id)
        row = "ada@example.com,Ada,Lovelace,other".replace(",", ";" if ";" in header else ",")
        load(story, f"{header}\n{row}\n".encode(), wanted)
        assert people(story) == {"ada@example.com": ("Ada", "Lovelace", 1)}, (header, wanted)


def test_a_column_that_is_not_there_is_named(story: Story) -> None:
    for wanted, field, said in [
        (Headings("Mail", None, None), "email", '"Mail" is no column; there are Kunde, Vor-Name'),
        (Headings("Kunde", "Given", None), "first_name", '"Given" is no column; there are Kunde, Vor-Name'),
        (Headings("Kunde", None, "3"), "last_name", '"3" is no column'),
        (Headings("0", None, None), "email", '"0" is no column'),
        (Headings("9" * 5000, None, None), "email", "is no column"),
        (Headings("Kunde", "1", None), "first_name", 'names "Kunde", the column that e-mail addresses are taken from'),
        (Headings("1", "2", "Vor-Name"), "last_name", 'names "Vor-Name", the column that first names are taken from'),
        (FOUND_OUT, "email", "names no column. "),
    ]:
        # An address would show which column is that of addresses.
        customer = b"ada" if wanted == FOUND_OUT else b"ada@example.com"
        with pytest.raises(InvalidRequest) as caught:
            load(story, b"Kunde,Vor-Name\n" + customer + b",Ada\n", wanted)
        (violation,) = caught.value.violations
        assert violation.field == field
        assert said in violation.description
    assert people(story) == {}


def test_a_load_says_which_columns_it_uses_and_which_not(story: Story) -> None:
    for header, wanted, used, ignored in [
        ("Email,First,Last", FOUND_OUT, {"email": "Email", "firstName": "First", "lastName": "Last"}, []),
        ("Note,Email,Rufname", FOUND_OUT, {"email": "Email"}, ["Note", "Rufname"]),
        ("Mail,Rufname", Headings(None, "2", None), {"email": "Mail", "firstName": "Rufname"}, []),
        # What was chosen as one thing is not found out to be another.
        ("Email,First name", Headings(None, None, "2"), {"email": "Email", "lastName": "First name"}, []),
        # Nobody knows which of the two is meant, so neither is.
        ("Email,First name,Vorname", FOUND_OUT, {"email": "Email"}, ["First name", "Vorname"]),
    ]:
        row = ",".join(["ada@example.com"] * len(header.split(",")))
        content = f"{header}\n{row}\n".encode()
        plan = contact_file.open_file(story.app, story.site_id, story.upload(content), wanted)
        for state in contact_file.load(story.app, story.site_id, plan):
            told = contact_load(plan, state)
            assert (told["columns"], told["ignoredColumns"]) == (used, ignored)


def test_two_columns_that_may_be_meant_are_both_named(story: Story) -> None:
    with pytest.raises(InvalidRequest, match='"Email" and "Mail" may each be the e-mail address'):
        load(story, b"Email,Mail\na@example.com,b@example.com\n")


def test_a_file_that_cannot_be_read_is_refused(story: Story) -> None:
    with pytest.raises(FileRejected) as caught:
        load(story, b"")
    assert caught.value.reason == "EMPTY_FILE"


def test_a_file_that_is_not_there_or_another_sites_is_not_found(story: Story) -> None:
    path = story.upload(b"Email\na@example.com\n")
    other = path.replace(str(story.site_id), "00000000-0000-7000-8000-000000000000")
    for missing in (other, path.replace(path[-10:-4], "000000")):
        with pytest.raises(NotFound) as caught:
            contact_file.open_file(story.app, story.site_id, missing, FOUND_OUT)
        assert caught.value.reason == "FILE_NOT_FOUND"


def test_a_contact_is_found_in_any_spelling(story: Story) -> None:
    story.add_contacts("ada@example.com")
    with story.app.database.transaction(story.site_id) as connection:
        assert contacts.find(connection, story.site_id, "Ada <ADA@example.com>")["email"] == "ada@example.com"
        for nobody in ("bob@example.com", "no address", ""):
            with pytest.raises(NotFound):
                contacts.find(connection, story.site_id, nobody)
