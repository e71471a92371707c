"""The main path: a file goes up, is looked at, and is imported; with a script and without."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.conftest import Site, Story
from tests.journeys.console.conftest import Console, Look, check_page, in_each_look, sign_in
from tests.journeys.console.imports import CONTACTS, MIXED, see_fact

STATE = ".heading .state"


@in_each_look
def test_a_file_is_brought_looked_at_and_imported(page: Page, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    page.get_by_role("link", name="Choose a file").click()
    check_page(page)
    page.get_by_label("Your file").set_input_files({"name": "old shop.csv", "mimeType": "text/csv", "buffer": MIXED})
    expect(page.get_by_role("group", name="Which column is which?")).to_be_visible()
    expect(page.get_by_role("heading", name="old shop.csv")).to_be_visible()
    expect(page.get_by_text("6 rows in 3 columns")).to_be_visible()
    check_page(page)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="The largest changes")).to_be_visible()
    see_fact(page, "Balances that change", "2")
    see_fact(page, "Rows that would fail", "3")
    check_page(page)
    page.get_by_role("button", name="Set 2 balances, add 1,270 points").click()
    expect(page.locator(STATE)).to_have_text("Done")
    see_fact(page, "Balances changed", "2")
    expect(page.get_by_text("Every row came out as the preview said.")).to_be_visible()
    check_page(page)
    assert story.balances() == {"ada@example.com": 1250, "bob@example.com": 20, "eve@example.com": 0}


@in_each_look
def test_it_works_without_a_script(
    open_context: Callable[..., BrowserContext], console: Console, site: Site, story: Story, look: Look
) -> None:
    story.add_contacts(*CONTACTS)
    page = open_context(java_script_enabled=False, **look._asdict()).new_page()
    sign_in(page, console, site.key)
    page.get_by_role("link", name="Choose a file").click()
    page.get_by_label("Your file").set_input_files({"name": "liste “ü”.csv", "mimeType": "text/csv", "buffer": MIXED})
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("group", name="Which column is which?")).to_be_visible()
    expect(page.get_by_role("heading", name="liste “ü”.csv")).to_be_visible()
    page.get_by_label(re.compile("^Add to the balances")).check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="The largest changes")).to_be_visible()
    page.get_by_role("button", name="Add 1,270 points to 2 balances").click()
    expect(page.locator(STATE)).to_have_text("Done")
    page.get_by_label("E-mail address in line 5").fill("zoe@example.com")
    page.get_by_label("Try line 6 again").uncheck()
    page.get_by_label("Try line 7 again").uncheck()
    page.get_by_role("button", name="Try these 3 rows again").click()
    expect(page.locator(STATE)).to_have_text("Done")
    expect(page.get_by_text("By now every row has gone through")).not_to_be_visible()
    assert story.balances()["zoe@example.com"] == 7


@pytest.mark.parametrize("works", [False])
def test_another_language_has_its_numbers(
    open_context: Callable[..., BrowserContext], console: Console, site: Site, story: Story
) -> None:
    story.add_contacts(*CONTACTS)
    parsed = story.parse(MIXED)
    story.preview(parsed, 1, 2)
    page = open_context(locale="de-DE").new_page()
    sign_in(page, console, site.key)
    page.goto(f"{console.root}imports/{parsed.id}/preview")
    expect(page.get_by_role("button", name="Set 2 balances, add 1.270 points")).to_be_visible()


def test_who_has_another_site_sees_nothing(
    open_context: Callable[..., BrowserContext], console: Console, story: Story, make_site: Callable[[str], Site]
) -> None:
    parsed = story.parse(MIXED)
    page = open_context().new_page()
    sign_in(page, console, make_site("Other Shop").key)
    for more in ("", "/preview", "/undo", "/cancel", "/events", "/errors.csv", "/report.csv"):
        answer = page.request.get(f"{console.root}imports/{parsed.id}{more}")
        assert (answer.status, "example.com" in answer.text()) == (404, False), more
