"""What has become of an import; failed rows put right in place; and all of it taken back."""

import re

import pytest
from playwright.sync_api import Page, expect

from pointport.imports.applying import WhenNegative
from pointport.imports.options import Mode
from pointport.imports.runs import Kind
from tests.conftest import Story
from tests.journeys.console.conftest import Console, check_page, in_each_look, late_script
from tests.journeys.console.imports import (
    AMBIGUOUS,
    CONTACTS,
    GOOD,
    MIXED,
    address,
    do_import,
    do_preview,
    do_undo,
    id_of,
    see_fact,
)

pytestmark = pytest.mark.parametrize("works", [False])


def test_the_result_is_there_in_numbers_and_files(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    ended = story.run(MIXED, 1, 2)
    page.goto(address(console, ended))
    for word, value in (
        ("Balances changed", "2"),
        ("Already right", "1"),
        ("New accounts", "3"),
        ("Rows that failed", "3"),
    ):
        see_fact(page, word, value)
    expect(page.get_by_role("img", name=re.compile("Balance changed: 2; Already that balance: 1"))).to_be_visible()
    for name, ends, first in (
        ("Failed rows as a file", "file-errors.csv", "\ufeffName,Email,Points balance,Import line"),
        ("All rows with their outcome", "file-report.csv", "\ufeffName,Email,Points balance,Import line"),
    ):
        with page.expect_download() as saved:
            page.get_by_role("link", name=name).click()
        assert saved.value.suggested_filename == ends
        assert saved.value.path().read_text(encoding="utf-8").startswith(first)
    check_page(page)
    page.get_by_role("link", name="Certificate").click()
    expect(page.get_by_text(str(ended.id)).first).to_be_visible()


def test_rows_that_count_together_are_told_apart_from_those_that_were_right(
    page: Page, console: Console, story: Story
) -> None:
    story.add_contacts(*CONTACTS)
    ended = story.run(b"e,p\nada@example.com,5\nada@example.com,7\nbob@example.com,0\n", duplicates="SUM")
    page.goto(address(console, ended))
    see_fact(page, "Already right", "1")
    told = "Balance changed: 1; Already that balance: 1; Counted with another row of the same customer: 1"
    expect(page.get_by_role("img", name=re.compile(told))).to_be_visible()
    check_page(page)


def test_rows_that_differ_from_the_preview_are_shown(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    parsed = story.parse(MIXED)
    story.preview(parsed, 1, 2)
    story.run(b"e,p\nbob@example.com,5\n")
    story.add_contacts("dan@example.com")
    story.finish(story.begin(parsed, 1, 2))
    page.goto(address(console, parsed))
    page.get_by_role("link", name="2 rows came out in another way than the preview said.").click()
    table = page.get_by_role("region", name="Rows that came out in another way")
    expect(table.get_by_role("row", name=re.compile("3 bob@example.com 0 → 20 5 becomes 20"))).to_be_visible()
    expect(table.get_by_role("row", name=re.compile("5 dan@example.com Unknown customer 0 becomes 7"))).to_be_visible()
    check_page(page)


@in_each_look
def test_failed_rows_are_put_right_in_place(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS, "carl@example.com")
    ended = story.run(MIXED, 1, 2)
    page.goto(address(console, ended))
    expect(page.get_by_label("E-mail address in line 5")).to_have_value("dan@example.com")
    expect(page.get_by_label("Points in line 7")).to_have_value("n/a")
    page.get_by_label("E-mail address in line 6").fill("carl@example.com")
    page.get_by_label("Points in line 7").fill("33")
    page.get_by_label("Try line 5 again").uncheck()
    page.get_by_role("button", name="Try these 2 rows again").click()
    expect(page.get_by_text("Your file has arrived.")).to_be_visible()
    do_import(story, id_of(page))
    expect(page.get_by_text("These are rows of an import before that had failed, tried again.")).to_be_visible()
    see_fact(page, "Rows that failed", "0")
    check_page(page)
    balances = story.balances()
    assert (balances["carl@example.com"], balances["zoe@example.com"]) == (5, 33)
    page.goto(address(console, ended))
    expect(page.get_by_text("1 row of this import has not gone through yet.")).to_be_visible()
    expect(page.get_by_role("link", name="It has gone through in a later try")).to_have_count(2)
    expect(page.get_by_role("button", name="Try this row again")).to_be_visible()
    check_page(page)


def test_a_row_that_was_left_out_before_the_script_was_there_is_not_counted(
    page: Page, console: Console, story: Story
) -> None:
    story.add_contacts(*CONTACTS)
    ended = story.run(MIXED, 1, 2)
    with late_script(page):
        page.goto(address(console, ended), wait_until="commit")
        page.get_by_label("Try line 5 again").uncheck()
    expect(page.get_by_role("button", name="Try these 2 rows again")).to_be_visible()


def test_a_number_that_can_be_read_in_two_ways_is_filled_in(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    ended = story.run(AMBIGUOUS)
    page.goto(address(console, ended))
    expect(page.get_by_label("Points in line 2")).to_have_value("52620")
    expect(page.get_by_text("We have filled in 52620 for “52,620”. Change it if that is not meant.")).to_be_visible()
    check_page(page)
    page.get_by_role("button", name="Try this row again").click()
    do_import(story, id_of(page))
    see_fact(page, "Points added", "52,620")


def test_rows_that_went_through_meanwhile_are_told(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS, "carl@example.com")
    ended = story.run(MIXED, 1, 2)
    page.goto(address(console, ended))
    other = page.context.new_page()
    other.goto(address(console, ended))
    other.get_by_label("E-mail address in line 6").fill("carl@example.com")
    other.get_by_role("button", name="Try these 3 rows again").click()
    do_import(story, id_of(other))
    page.get_by_role("button", name="Try these 3 rows again").click()
    expect(page.get_by_role("alert")).to_contain_text("went through meanwhile")
    check_page(page)
    for one in page.locator("input[name=line]").all():
        one.uncheck()
    expect(page.get_by_role("button", name=re.compile("^Try these 0"))).to_be_disabled()


def test_failures_are_filtered_and_paged(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    many = b"".join(b"nobody%d@example.com,5\n" % index for index in range(30))
    ended = story.run(b"Email,Points\nada@example.com,5\nbob@example.com,x\n" + many)
    page.goto(address(console, ended))
    # The page with all that it needs, as it comes over the wire.
    kinds = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
    assert 20_000 < page.evaluate(f"{kinds}.reduce((bytes, one) => bytes + one.encodedBodySize, 0)") < 100_000
    page.get_by_role("link", name="Points are not a number 1").click()
    expect(page.get_by_label("Points in line 3")).to_have_value("x")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Unknown customer 30").click()
    page.get_by_role("link", name="Later rows").click()
    expect(page.locator("#rows tbody tr")).to_have_count(5)
    check_page(page)
    assert len(page.content()) < 100_000


def test_an_import_is_taken_back_after_a_look(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    ended = story.run(GOOD, 1, 2, mode=Mode.ADD)
    story.run(b"e,p\nada@example.com,-500\n", mode=Mode.ADD)
    page.goto(address(console, ended))
    page.get_by_role("link", name="Take it back").click()
    check_page(page)
    page.get_by_role("button", name="See what would happen").click()
    expect(page.get_by_text("We look at what would be taken back.")).to_be_visible()
    check_page(page)
    do_preview(story, ended.id, Kind.UNDO_PREVIEW)
    see_fact(page, "Balances as before", "1")
    see_fact(page, "Kept, at least in part", "1")
    expect(page.get_by_text("These customers have less by now than would have to be taken away.")).to_be_visible()
    expect(page.get_by_role("button", name="Take 20 points away again")).to_be_visible()
    check_page(page)
    page.get_by_label("Take what is left").check()
    page.get_by_role("button", name="Look again").click()
    do_preview(story, ended.id, Kind.UNDO_PREVIEW)
    page.get_by_role("button", name="Take 770 points away again").click()
    expect(page.get_by_role("heading", name="This import is being taken back")).to_be_visible()
    check_page(page)
    do_undo(story, ended.id)
    expect(page.get_by_role("heading", name="This import was taken back")).to_be_visible()
    expect(page.get_by_text("770 points taken away, 0 points given back.")).to_be_visible()
    check_page(page)
    assert story.balances() == {"ada@example.com": 0, "bob@example.com": 0}


def test_what_stands_in_the_way_of_taking_back_is_told(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    ended = story.run(GOOD, 1, 2)
    later = story.run(b"e,p\nada@example.com,9\nbob@example.com,9\n")
    story.preview_undo(ended)
    page.goto(address(console, ended, "/undo"))
    see_fact(page, "Not possible", "2")
    expect(page.get_by_text("A later import has set these balances anew. Take that one back first.")).to_be_visible()
    expect(page.get_by_role("link", name="See it")).to_have_attribute("href", f"/console/imports/{later.id}")
    expect(page.get_by_text("There is nothing that could be taken back.")).to_be_visible()
    check_page(page)


def test_the_second_of_two_windows_takes_nothing_back(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    ended = story.run(GOOD, 1, 2)
    story.preview_undo(ended)
    page.goto(address(console, ended, "/undo"))
    story.undo(ended, WhenNegative.SKIP)
    page.get_by_role("button", name=re.compile("points away again$")).click()
    expect(page.get_by_role("alert")).to_contain_text("This import is undone already")
    check_page(page)


def test_details_that_are_kept_no_longer_are_said_to_be_gone(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    ended = story.run(MIXED, 1, 2)
    with story.app.database.owner_transaction() as connection:
        connection.execute("UPDATE loyalty_import SET erased_date = finished_date, sample_rows = '[]'")
    page.goto(address(console, ended))
    expect(page.get_by_text("The rows of this import are kept no longer; the counts stay.")).to_be_visible()
    check_page(page)
