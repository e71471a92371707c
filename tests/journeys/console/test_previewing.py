"""What would happen, in numbers, pictures and words; and that exactly this is set going, once."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from pointport.imports import previews
from pointport.imports.options import Mode
from pointport.imports.runs import Kind
from pointport.imports.status import Status
from tests.conftest import Site, Story
from tests.journeys.console.conftest import Console, check_page, sign_in
from tests.journeys.console.imports import CONTACTS, GOOD, MIXED, address, do_preview, see_fact

pytestmark = pytest.mark.parametrize("works", [False])


def test_a_preview_goes_on_by_itself_and_shows_everything(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    story.run(b"e,p\nada@example.com,2000\n")
    parsed = story.parse(MIXED)
    page.goto(address(console, parsed))
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("We look at what would happen.")).to_be_visible()
    do_preview(story, parsed.id)
    expect(page.get_by_text("Nothing has changed yet.")).to_be_visible()
    for word, value in (
        ("Balances that change", "2"),
        ("Already right", "1"),
        ("New accounts", "2"),
        ("Points added", "20"),
        ("Points taken away", "750"),
        ("Rows that would fail", "3"),
    ):
        see_fact(page, word, value)
    expect(page.locator(".total")).to_contain_text(re.compile("2,000 →\\s*would become 1,270"))
    chart = page.get_by_role("img", name=re.compile("How much the balances change"))
    expect(chart).to_have_attribute(
        "aria-label", re.compile("101 to 1,000 less: 1; 1 to 100 less: 0; No change: 1; 1 to 100")
    )
    expect(page.get_by_role("img", name=re.compile("Unknown customer: 1"))).to_be_visible()
    page.get_by_text("As a table").first.click()
    expect(
        page.get_by_role("cell", name="101 to 1,000 less").or_(page.get_by_role("rowheader", name="101 to 1,000 less"))
    ).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("2 ada@example.com 2,000 1,250 .750"))).to_be_visible()
    expect(page.get_by_role("button", name="Set 2 balances, add 20 points, take 750 away")).to_be_visible()
    check_page(page)
    assert len(page.content()) < 100_000


def test_any_line_can_be_looked_at_and_problems_filtered(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    parsed = story.parse(MIXED)
    story.preview(parsed, 1, 2)
    page.goto(address(console, parsed, "/preview"))
    for line, told in (
        ("3", re.compile("The balance changes: 0 →\\s*becomes 20")),
        ("7", '"n/a" in column "Points balance" is not a number.'),
        ("99", "No row starts at line 99."),
        ("seven", "No row starts at line seven."),
    ):
        page.get_by_label("Look at any line of the file").fill(line)
        page.get_by_role("button", name="Show line").click()
        expect(page.locator(".card[role=status]")).to_contain_text(told)
    check_page(page)
    page.get_by_role("link", name="Unknown customer 1").click()
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    expect(page.locator("#rows tbody")).to_contain_text("You have no customer with the e-mail address")
    check_page(page)


def test_many_failures_come_page_by_page(page: Page, console: Console, story: Story) -> None:
    parsed = story.parse(b"Email,Points\n" + b"".join(b"nobody%d@example.com,5\n" % index for index in range(30)))
    story.preview(parsed, 0, 1)
    page.goto(address(console, parsed, "/preview"))
    expect(page.get_by_text("There is nothing to do: no balance would change.")).to_be_visible()
    page.get_by_role("link", name="Later rows").click()
    expect(page.locator("#rows tbody tr")).to_have_count(5)
    page.get_by_role("link", name="Earlier rows").click()
    expect(page.locator("#rows tbody tr")).to_have_count(25)


def test_limits_hold_it_back_before_it_is_begun(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    parsed = story.parse(MIXED)
    limits = {
        "max_points_per_row": 100,
        "max_total_change": 500,
        "max_accounts_changed_percent": 1,
        "fail_if_more_than": 1,
    }
    story.preview(parsed, 1, 2, **limits)
    page.goto(address(console, parsed, "/preview"))
    for told in (
        "1 row with more than 100 points, up to 1,250.",
        "1,270 points would move in all, more than the 500 that you allowed.",
        "3 rows would fail, more than the 1 that you put up with.",
    ):
        expect(page.get_by_text(told)).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Set"))).not_to_be_visible()
    check_page(page)
    page.get_by_role("link", name="Change something").click()
    expect(page.get_by_label("Most points in one row")).to_have_value("100")


def test_a_file_is_added_again_only_when_that_is_said(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    story.run(GOOD, 1, 2, mode=Mode.ADD)
    again = story.parse(GOOD)
    story.preview(again, 1, 2, mode=Mode.ADD)
    page.goto(address(console, again, "/preview"))
    expect(page.get_by_text("Its points would be added a second time.")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Add"))).not_to_be_visible()
    check_page(page)
    page.get_by_role("link", name="Change something").click()
    page.get_by_label("Add this file again").check()
    page.get_by_role("button", name="Preview").click()
    do_preview(story, again.id)
    expect(page.get_by_text("You chose to add its points again.")).to_be_visible()
    expect(page.get_by_role("button", name="Add 1,270 points to 2 balances")).to_be_visible()


def test_what_is_set_going_is_what_was_looked_at(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    parsed = story.parse(MIXED)
    story.preview(parsed, 1, 2)
    page.goto(address(console, parsed, "/preview"))
    # Somebody looks at something else meanwhile.
    story.preview(parsed, 1, 2, mode=Mode.ADD)
    page.get_by_role("button", name=re.compile("^Set 2 balances")).click()
    expect(page.get_by_role("alert")).to_contain_text("There is a newer preview, with other choices.")
    check_page(page)
    assert story.find(parsed.id).status is Status.PARSED
    page.get_by_role("link", name="See the newest preview").click()
    page.get_by_role("button", name=re.compile("^Add 1,270 points")).click()
    begun = story.find(parsed.id)
    assert (begun.status, begun.options.mode) == (Status.IMPORTING, Mode.ADD)
    assert begun.preview_id == previews.find(story.app, story.site_id, parsed.id, Kind.PREVIEW).id


def test_the_second_of_two_windows_is_told(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    parsed = story.parse(MIXED)
    story.preview(parsed, 1, 2)
    page.goto(address(console, parsed, "/preview"))
    choosing = page.context.new_page()
    choosing.goto(address(console, parsed))
    other = page.context.new_page()
    other.goto(address(console, parsed, "/preview"))
    other.get_by_role("button", name=re.compile("^Set 2 balances")).click()
    expect(other.get_by_text("The import is running.")).to_be_visible()
    for late, name in ((page, re.compile("^Set 2 balances")), (choosing, re.compile("^Preview$"))):
        late.get_by_role("button", name=name).click()
        expect(late.get_by_role("alert")).to_contain_text("This import has gone on meanwhile")
        expect(late.locator(".state")).to_have_text("Running")
        check_page(late)
        late.get_by_role("link", name="See where it stands").click()
        expect(late.get_by_text("The import is running.")).to_be_visible()


def test_a_preview_that_could_not_be_made_says_so(page: Page, console: Console, story: Story) -> None:
    parsed = story.parse(MIXED)
    page.goto(address(console, parsed, "/preview"))
    expect(page).to_have_url(re.compile(f"{parsed.id}$"))
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("We look at what would happen.")).to_be_visible()
    story.app.objects.put(parsed.file_url.removeprefix("/"), iter([GOOD]))
    do_preview(story, parsed.id)
    expect(page.get_by_role("alert")).to_contain_text("The uploaded file is not the one that was parsed.")
    check_page(page)


def test_waiting_for_a_preview_without_a_script(
    open_context: Callable[..., BrowserContext], console: Console, site: Site, story: Story
) -> None:
    parsed = story.parse(MIXED)
    page = open_context(java_script_enabled=False).new_page()
    sign_in(page, console, site.key)
    page.goto(address(console, parsed))
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("We look at what would happen.")).to_be_visible()
    do_preview(story, parsed.id)
    expect(page.get_by_text("Nothing has changed yet.")).to_be_visible()
