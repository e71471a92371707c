"""An import that runs: how far it is, without anybody doing anything; stopped by hand; and every way to end."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

import pointport
from pointport.app import App
from pointport.imports import steps
from pointport.imports.status import Status
from pointport.settings import Settings
from tests.conftest import Site, Story
from tests.journeys.console.conftest import Console, check_page, served, sign_in
from tests.journeys.console.imports import CONTACTS, MIXED, address, see_fact

pytestmark = pytest.mark.parametrize("works", [False])

TEMPLATES = Path(pointport.__file__).parent / "entrypoints" / "console" / "templates" / "status"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Chunks of one row, so that there is something between two."""
    return settings.model_copy(update={"chunk_rows": 1, "apply_sessions": 1})


def never() -> bool:
    return False


def test_every_status_has_its_partial(works: bool) -> None:
    assert {path.name for path in TEMPLATES.glob("*")} == {f"_{status.lower()}.html" for status in Status}


def test_progress_is_live_and_survives_a_reload(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    begun = story.execute(MIXED, 1, 2)
    page.goto(address(console, begun))
    expect(page.get_by_text("0 of 6 rows")).to_be_visible()
    check_page(page)
    steps.stage(story.app, story.site_id, begun.id)
    expect(page.get_by_text("3 of 6 rows")).to_be_visible()
    expect(page.locator("progress")).to_have_attribute("value", "3")
    steps.apply_chunk(story.app, story.site_id, begun.id)
    expect(page.get_by_text("4 of 6 rows")).to_be_visible()
    page.reload()
    expect(page.get_by_text("4 of 6 rows")).to_be_visible()
    check_page(page)
    story.finish(begun)
    expect(page.locator(".heading .state")).to_have_text("Done")
    expect(page.locator("#teller")).to_have_text("file.csv: Done")
    see_fact(page, "Balances changed", "2")


def test_a_page_that_is_open_goes_on_when_the_server_comes_back(
    browser: Browser, works: bool, app: App, site: Site, story: Story
) -> None:
    story.add_contacts(*CONTACTS)
    begun = story.execute(MIXED, 1, 2)
    context = browser.new_context()
    page = context.new_page()
    with served(app) as console:
        sign_in(page, console, site.key)
        page.goto(address(console, begun))
        expect(page.get_by_text("0 of 6 rows")).to_be_visible()
    story.finish(begun)
    with served(app, int(console.url.rpartition(":")[2])):
        expect(page.locator(".heading .state")).to_have_text("Done")
    context.close()


def test_it_is_stopped_by_hand_after_being_asked(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    begun = story.execute(MIXED, 1, 2)
    steps.stage(story.app, story.site_id, begun.id)
    steps.apply_chunk(story.app, story.site_id, begun.id)
    page.goto(address(console, begun))
    page.get_by_role("link", name="Stop this import").click()
    expect(page.get_by_text("4 of 6 rows of “file.csv” are done.")).to_be_visible()
    check_page(page)
    page.get_by_role("button", name="Stop it now").click()
    expect(page.get_by_text("It stops at the next safe place")).to_be_visible()
    check_page(page)
    steps.stop(story.app, story.site_id, begun.id, never)
    expect(page.get_by_text("This import was stopped by hand.")).to_be_visible()
    expect(page.get_by_text("1 balance had been changed by then")).to_be_visible()
    expect(page.get_by_role("button", name="Try these 5 rows again")).to_be_visible()
    check_page(page)
    page.goto(address(console, begun, "/cancel"))
    expect(page).to_have_url(address(console, begun))


def test_stopping_what_has_ended_is_told(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    begun = story.execute(MIXED, 1, 2)
    page.goto(address(console, begun, "/cancel"))
    story.finish(begun)
    page.get_by_role("button", name="Stop it now").click()
    expect(page.get_by_role("alert")).to_contain_text("This import has gone on meanwhile")
    check_page(page)


def test_a_limit_that_held_it_back_is_told(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    page.goto(address(console, story.run(MIXED, 1, 2, max_total_change=5)))
    expect(page.get_by_text("A limit that you set held this import back.")).to_be_visible()
    expect(page.get_by_text("more than the 5 that you allowed")).to_be_visible()
    check_page(page)
    page.goto(address(console, story.run(MIXED, 1, 2, fail_if_more_than=2)))
    expect(page.get_by_text("3 rows fail, more than the 2 that you put up with.")).to_be_visible()
    check_page(page)


def test_a_fault_of_ours_is_said_to_be_one(page: Page, console: Console, story: Story) -> None:
    story.add_contacts(*CONTACTS)
    begun = story.execute(MIXED, 1, 2)
    steps.fail(story.app, story.site_id, begun.id, reason="INTERNAL_ERROR", message="Sorry.")
    page.goto(address(console, begun))
    expect(page.get_by_text("This import stopped by a fault of ours.")).to_be_visible()
    check_page(page)
    unread = story.create(MIXED)
    steps.fail(story.app, story.site_id, unread.id, reason="INTERNAL_ERROR", message="Sorry.")
    page.goto(address(console, unread))
    expect(page.get_by_role("heading", name="Something went wrong on our side")).to_be_visible()
    check_page(page)


def test_a_file_that_cannot_be_read_can_be_read_otherwise(page: Page, console: Console, story: Story) -> None:
    page.goto(address(console, story.parse(b"Email Points\na@example.com 5\n" * 3 + b"x")))
    expect(
        page.get_by_role("heading", name="This file cannot be read").or_(page.get_by_role("group", name="Which column"))
    ).to_be_visible()
    page.goto(address(console, story.parse(b"Only one column\nvalue\n")))
    expect(page.get_by_text("has only one column")).to_be_visible()
    page.get_by_text("Does something look wrong?").click()
    check_page(page)
    page.get_by_label("Between the cells").select_option("bar  |")
    page.get_by_role("button", name="Read it again like this").click()
    expect(page.get_by_text("Your file has arrived.")).to_be_visible()


def test_stopping_works_without_a_script(
    open_context: Callable[..., BrowserContext], console: Console, site: Site, story: Story
) -> None:
    story.add_contacts(*CONTACTS)
    begun = story.execute(MIXED, 1, 2)
    steps.stage(story.app, story.site_id, begun.id)
    page = open_context(java_script_enabled=False).new_page()
    sign_in(page, console, site.key)
    page.goto(address(console, begun))
    expect(page.get_by_text("3 of 6 rows")).to_be_visible()
    page.get_by_role("link", name="Stop this import").click()
    page.get_by_role("button", name="Stop it now").click()
    steps.stop(story.app, story.site_id, begun.id, never)
    expect(page.get_by_text("This import was stopped by hand.")).to_be_visible()
    assert re.search("Stopped", page.title())
