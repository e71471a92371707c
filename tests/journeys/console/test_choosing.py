"""What was found in a file, put right where it is not; and the choices, of which nothing that was typed is lost."""

import re

import pytest
from playwright.sync_api import Page, expect

from pointport.imports import previews, steps
from pointport.imports.options import Duplicates, Mode, UnknownContacts, from_chosen
from pointport.imports.runs import Kind
from tests.conftest import Story
from tests.journeys.console.conftest import Console, check_page, in_each_look, late_script
from tests.journeys.console.imports import CONTACTS, GOOD, MIXED, address, id_of

pytestmark = pytest.mark.parametrize("works", [False])


def test_waiting_goes_on_by_itself(page: Page, console: Console, story: Story) -> None:
    made = story.create(MIXED)
    page.goto(address(console, made))
    expect(page.get_by_text("Your file has arrived.")).to_be_visible()
    check_page(page)
    steps.parse(story.app, story.site_id, made.id, lambda: False)
    expect(page.get_by_role("group", name="Which column is which?")).to_be_visible()
    expect(page).to_have_title(re.compile("Ready for you"))
    expect(page.locator("#teller")).to_have_text("file.csv: Ready for you")


def test_how_the_file_is_written_can_be_put_right(page: Page, console: Console, story: Story) -> None:
    parsed = story.parse("Exported today\nName;Email;Points\nJürgen;j@example.com;5\n".encode("cp850"))
    page.goto(address(console, parsed))
    expect(page.get_by_text("with semicolons between the cells. The headings are in line 2.")).to_be_visible()
    page.get_by_text("Does something look wrong?").click()
    check_page(page)
    page.get_by_label("Line of the headings").fill("two")
    page.get_by_label("Characters").select_option("DOS 850")
    page.get_by_role("button", name="Read it again like this").click()
    expect(page.get_by_text("Write the number of the line")).to_be_visible()
    expect(page.get_by_label("Line of the headings")).to_have_value("two")
    expect(page.get_by_label("Characters")).to_have_value("cp850")
    check_page(page)
    page.get_by_label("Line of the headings").fill("2")
    page.get_by_role("button", name="Read it again like this").click()
    expect(page.get_by_text("Your file has arrived.")).to_be_visible()
    assert id_of(page) != parsed.id
    steps.parse(story.app, story.site_id, id_of(page), lambda: False)
    expect(page.get_by_role("cell", name="Jürgen")).to_be_visible()
    assert story.find(id_of(page)).reading.encoding == "cp850"


@in_each_look
def test_the_columns_are_chosen_by_keyboard_and_stand_out(page: Page, console: Console, story: Story) -> None:
    parsed = story.parse(b"Contact,Other,Value\na@example.com,b@example.com,5\n")
    page.goto(address(console, parsed))
    email = page.locator("input[name=email]")
    assert [one.is_checked() for one in email.all()] == [False, False, False]
    expect(page.get_by_text("Choose the column of the customers' own addresses")).to_be_visible()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose the column that holds the e-mail addresses.")
    check_page(page)
    email.nth(0).focus()
    page.keyboard.press("ArrowRight")
    expect(email.nth(1)).to_be_checked()
    expect(page.locator("tbody td").nth(1)).to_have_class(re.compile("is-email"))
    page.locator("th").nth(1).get_by_text("Points").click()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert")).to_contain_text("The same column cannot be both.")
    expect(email.nth(1)).to_be_checked()
    page.locator("th").nth(2).get_by_text("Points").click()
    expect(page.locator("tbody td").nth(2)).to_have_class(re.compile("is-points"))
    # With the pointer still on what was chosen.
    check_page(page)


def test_a_column_that_was_chosen_before_the_script_was_there_stands_out_as_well(
    page: Page, console: Console, story: Story
) -> None:
    parsed = story.parse(b"Contact,Other,Value\na@example.com,b@example.com,5\n")
    with late_script(page):
        page.goto(address(console, parsed), wait_until="commit")
        page.locator("th").nth(2).get_by_text("Points").click()
        expect(page.locator("input[name=points]").nth(2)).to_be_checked()
    expect(page.locator("tbody td").nth(2)).to_have_class(re.compile("is-points"))


def test_nothing_typed_is_lost_when_something_is_wrong(page: Page, console: Console, story: Story) -> None:
    parsed = story.parse(MIXED)
    page.goto(address(console, parsed))
    page.get_by_label(re.compile("^Add to the balances")).check()
    page.get_by_label("Add them").check()
    page.get_by_label("The same customer more than once").select_option("Add them up")
    page.get_by_text("Limits, and what customers see").click()
    page.get_by_label("All or nothing").check()
    page.get_by_label("Stop when more rows fail than").fill("a few")
    page.get_by_label("Most points in one row").fill("5 000")
    page.get_by_label("Most points moved in all").fill("1,000,000")
    page.get_by_label("Most balances changed").fill("120")
    page.get_by_label("Text on the customers' statement").fill("Welcome " * 20)
    page.get_by_label("Do not tell connected apps").check()
    page.get_by_role("button", name="Preview").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Stop when more rows fail than: Write a whole number, like 5000, or leave it empty.")
    expect(alert).to_contain_text("Most balances changed: Write a number from 1 to 100, or leave it empty.")
    expect(alert).to_contain_text("100 are the most")
    expect(page.get_by_label("Most points moved in all")).to_have_value("1,000,000")
    expect(page.get_by_label("Text on the customers' statement")).to_have_value("Welcome " * 20)
    expect(page.get_by_label("Stop when more rows fail than")).to_have_attribute("aria-invalid", "true")
    check_page(page)
    page.get_by_label("Stop when more rows fail than").fill("3")
    page.get_by_label("Most balances changed").fill("90")
    page.get_by_label("Text on the customers' statement").fill("Welcome")
    page.get_by_label("Most points moved in all").fill("10")
    page.get_by_role("button", name="Preview").click()
    expect(alert).to_contain_text("One row may not add more than all rows together may")
    page.get_by_label("Most points moved in all").fill("1.000.000")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("We look at what would happen.")).to_be_visible()
    check_page(page)
    run = previews.find(story.app, story.site_id, parsed.id, Kind.PREVIEW)
    options = from_chosen(run.options)
    assert (run.columns.email, run.columns.points) == (1, 2)
    assert (options.mode, options.duplicates, options.unknown_contacts) == (
        Mode.ADD,
        Duplicates.SUM,
        UnknownContacts.CREATE,
    )
    assert (options.atomic, options.notify, options.description) == (True, False, "Welcome")
    assert (options.fail_if_more_than, options.max_points_per_row, options.max_total_change) == (3, 5_000, 1_000_000)
    page.get_by_role("link", name="Change something").click()
    expect(page.get_by_label("The same customer more than once")).to_have_value("SUM")
    expect(page.get_by_label("Most points in one row")).to_have_value("5000")
    expect(page.get_by_label("Do not tell connected apps")).to_be_checked()


def test_a_file_that_was_imported_before_is_known(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    before = story.run(GOOD, 1, 2, mode=Mode.ADD)
    again = story.parse(GOOD)
    page.goto(address(console, again))
    expect(page.get_by_text("This very file was imported before, on")).to_be_visible()
    expect(page.get_by_role("link", name="see that import")).to_have_attribute("href", re.compile(str(before.id)))
    check_page(page)


def test_a_column_is_chosen_by_a_click_into_it(page: Page, console: Console, story: Story) -> None:
    content = b"First,E-mail,Second,Points,Old points\nAda,ada@example.com,second@example.com,5,6\n"
    page.goto(address(console, story.parse(content)))
    expect(page.locator("tbody td").nth(1)).to_have_class(re.compile("is-email"))
    page.locator("tbody td").nth(2).click()
    page.locator("tbody td").nth(4).click()
    expect(page.locator("tbody td").nth(2)).to_have_class(re.compile("is-email"))
    expect(page.locator("tbody td").nth(4)).to_have_class(re.compile("is-points"))


def test_a_file_without_rows_or_of_many_columns(page: Page, console: Console, story: Story) -> None:
    page.goto(address(console, story.parse(b"Email,Points\n")))
    expect(page.get_by_text("There are no rows below the headings.")).to_be_visible()
    check_page(page)
    wide = b",".join([b"Email", b"Points", *[b"Column %d of a very wide file" % index for index in range(98)]])
    page.goto(address(console, story.parse(wide + b"\n" + b",".join([b"a@example.com", b"5", *[b"x"] * 98]) + b"\n")))
    expect(page.get_by_text("1 row in 100 columns")).to_be_visible()
    check_page(page)
    assert len(page.content()) < 100_000
