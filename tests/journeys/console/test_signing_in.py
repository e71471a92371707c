"""Signing in and out, and what everybody meets on the way."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

import pointport
from pointport.app import App
from pointport.plumbing.sites import sites
from tests.conftest import Site
from tests.journeys.console.conftest import Console, check_page, sign_in

STATIC = Path(pointport.__file__).parent / "entrypoints" / "console" / "static"


def test_who_has_no_session_is_led_to_sign_in_and_back(
    open_context: Callable[..., BrowserContext], console: Console, site: Site
) -> None:
    page = open_context().new_page()
    page.goto(f"{console.root}?show=done")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    check_page(page)
    page.get_by_label("API key").fill("pp_nonsense")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("This key is unknown or was revoked")
    check_page(page)
    page.get_by_label("API key").fill(site.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{console.root}?show=done")


def test_nobody_is_led_elsewhere(open_context: Callable[..., BrowserContext], console: Console, site: Site) -> None:
    page = open_context().new_page()
    page.goto(f"{console.root}sign-in?next=https://evil.example/console/")
    page.get_by_label("API key").fill(site.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(re.escape(console.url) + "/console/?$"))


def test_a_one_time_link_signs_in_once(
    open_context: Callable[..., BrowserContext], console: Console, site: Site
) -> None:
    link = f"{console.root}link/{console.links.issue()}"
    page = open_context().new_page()
    page.goto(link)
    check_page(page)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Corner Shop")).to_be_visible()
    other = open_context().new_page()
    other.goto(link)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("alert")).to_contain_text("This link was used before")
    check_page(other)


def test_a_revoked_key_ends_its_sessions(page: Page, app: App, site: Site) -> None:
    (key,) = sites.list_keys(app.database, site.id)
    sites.revoke_key(app.database, site.id, key["id"], actor="test", now=app.clock())
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_first_page_leads_to_the_first_import(page: Page) -> None:
    expect(page.get_by_role("heading", name="Move your first points")).to_be_visible()
    check_page(page)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download a sample file").click()
    assert saved.value.path().read_text(encoding="utf-8").startswith("Name,Email,Points balance\n")


def test_who_signs_out_is_out(page: Page, console: Console) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(console.root)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_form_from_elsewhere_is_refused(page: Page, console: Console) -> None:
    answer = page.request.post(f"{console.root}sign-out", form={"form_token": "made up"})
    assert answer.status == 403
    assert "this form is out of date" in answer.text().lower()


def test_every_answer_has_the_headers_of_a_careful_page(page: Page, console: Console) -> None:
    answer = page.request.get(console.root)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/console")


def test_what_others_wrote_is_what_they_wrote() -> None:
    listed = re.findall(r"^\| `(\S+)` .* `([0-9a-f]{64})` \|$", (STATIC / "THIRD_PARTY.md").read_text(), re.MULTILINE)
    assert {name for name, _ in listed} == {path.name for path in STATIC.glob("*.min.js")}
    for name, checksum in listed:
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == checksum


def test_the_main_pages_work_without_a_script(
    open_context: Callable[..., BrowserContext], console: Console, site: Site
) -> None:
    page = open_context(java_script_enabled=False).new_page()
    sign_in(page, console, site.key)
    expect(page.get_by_role("heading", name="Move your first points")).to_be_visible()
