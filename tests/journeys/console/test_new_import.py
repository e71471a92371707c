"""Bringing a file: chosen or dropped, too large, empty, no table at all, or broken off half way."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from pointport.app import App
from pointport.settings import Settings
from tests.conftest import Site, Story
from tests.journeys.console.conftest import Console, check_page, late_script, sign_in
from tests.journeys.console.imports import GOOD

BYTES_MAX = 5_000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A small limit, so that a file over it is small, too."""
    return settings.model_copy(update={"upload_bytes_max": BYTES_MAX})


def file(content: bytes, name: str = "points.csv") -> Any:
    """Return a file as a browser takes it."""
    return {"name": name, "mimeType": "text/csv", "buffer": content}


MULTIPART = "multipart/form-data; boundary=edge"


def multipart(*parts: tuple[str, str | bytes | None]) -> bytes:
    """Return a form as a browser sends it; bytes are a file, and None is a file that nobody chose."""
    body = b""
    for name, value in parts:
        file_name = "" if isinstance(value, str) else f'; filename="{"points.csv" if value else ""}"'
        content = value.encode() if isinstance(value, str) else value or b""
        body += (
            f'--edge\r\nContent-Disposition: form-data; name="{name}"{file_name}\r\n\r\n'.encode() + content + b"\r\n"
        )
    return body + b"--edge--\r\n"


def test_a_file_can_be_dropped(page: Page, console: Console) -> None:
    page.goto(f"{console.root}imports/new")
    page.evaluate(
        """(text) => {
            const carried = new DataTransfer();
            carried.items.add(new File([text], "dropped.csv", {type: "text/csv"}));
            document.dispatchEvent(new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true}));
        }""",
        GOOD.decode(),
    )
    expect(page.get_by_role("heading", name="dropped.csv")).to_be_visible()
    expect(page.get_by_role("group", name="Which column is which?")).to_be_visible()


def test_a_file_that_was_chosen_before_the_script_was_there_goes_up_by_the_button(page: Page, console: Console) -> None:
    with late_script(page):
        page.goto(f"{console.root}imports/new", wait_until="commit")
        page.get_by_label("Your file").set_input_files(file(GOOD, "early.csv"))
    page.wait_for_load_state("load")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="early.csv")).to_be_visible()
    expect(page.get_by_role("group", name="Which column is which?")).to_be_visible()


def test_who_comes_back_to_the_page_is_asked_for_another_file(page: Page, console: Console) -> None:
    page.goto(f"{console.root}imports/new")
    page.get_by_label("Your file").set_input_files(file(b"", "empty.csv"))
    expect(page.get_by_role("alert")).to_contain_text("“empty.csv” is empty.")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(page.get_by_role("alert")).not_to_be_visible()
    expect(page.get_by_label("Your file")).to_have_value("")


def test_no_table_at_all_is_told_with_a_way_out(page: Page, console: Console) -> None:
    page.goto(f"{console.root}imports/new")
    page.get_by_label("Your file").set_input_files(file(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "points.pdf"))
    expect(page.get_by_role("heading", name="This file cannot be read")).to_be_visible()
    expect(page.get_by_text("The file is a PDF document, from which no table can be read.")).to_be_visible()
    check_page(page)
    page.get_by_role("link", name="Choose another file").click()
    expect(page.get_by_label("Your file")).to_be_visible()


@pytest.mark.parametrize("works", [False])
def test_what_is_no_use_is_told_before_it_goes_up(page: Page, console: Console) -> None:
    page.goto(f"{console.root}imports/new")
    page.get_by_label("Your file").set_input_files(file(b""))
    expect(page.get_by_role("alert")).to_contain_text("“points.csv” is empty")
    expect(page.get_by_role("button", name="Try again")).not_to_be_visible()
    check_page(page)
    page.get_by_role("button", name="Choose another file").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_label("Your file").set_input_files(file(b"x" * (BYTES_MAX + 1)))
    expect(page.get_by_role("alert")).to_contain_text("Split it into several files")
    assert asked == []


@pytest.mark.parametrize("works", [False])
def test_a_connection_that_breaks_off_can_be_tried_again(page: Page, console: Console) -> None:
    page.goto(f"{console.root}imports/new")
    page.route("**/files/upload/**", lambda route: route.abort("connectionreset"))
    page.get_by_label("Your file").set_input_files(file(GOOD))
    expect(page.get_by_role("alert")).to_contain_text("The connection broke off before “points.csv” had arrived")
    expect(page.get_by_role("button", name="Try again")).to_be_focused()
    check_page(page)
    page.unroute("**/files/upload/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Your file has arrived.")).to_be_visible()
    expect(page.get_by_role("heading", name="points.csv")).to_be_visible()


@pytest.mark.parametrize("works", [False])
def test_an_upload_can_be_stopped(page: Page, console: Console) -> None:
    page.goto(f"{console.root}imports/new")
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route("**/files/upload/**", hold)
    page.get_by_label("Your file").set_input_files(file(GOOD))
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_label("Your file")).to_be_visible()
    expect(page.get_by_label("Your file")).to_be_focused()
    for route in waiting:
        route.abort()


@pytest.mark.parametrize("works", [False])
def test_the_server_has_the_last_word_on_what_is_too_large(page: Page, console: Console) -> None:
    page.goto(f"{console.root}imports/new")
    page.evaluate("document.getElementById('upload').dataset.max = '100000'")
    page.get_by_label("Your file").set_input_files(file(b"x" * (BYTES_MAX + 1)))
    expect(page.get_by_role("alert")).to_contain_text("is too large: 5 kB are the most")
    expect(page.get_by_role("button", name="Try again")).not_to_be_visible()


@pytest.mark.parametrize("works", [False])
@pytest.mark.parametrize("length", [BYTES_MAX + 1, 200_000])
def test_without_a_script_a_file_over_the_limit_has_a_page(
    open_context: Callable[..., BrowserContext], console: Console, site: Site, app: App, length: int
) -> None:
    page = open_context(java_script_enabled=False).new_page()
    sign_in(page, console, site.key)
    page.goto(f"{console.root}imports/new")
    page.get_by_label("Your file").set_input_files(file(b"x" * length))
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("This file is too large: 5 kB are the most.")
    assert list((app.settings.data_dir / "files").rglob("*.csv")) == []


@pytest.mark.parametrize("works", [False])
def test_a_form_without_a_file_or_from_elsewhere_is_refused(page: Page, console: Console, story: Story) -> None:
    page.goto(f"{console.root}imports/new")
    token = page.locator("#upload [name=form_token]").input_value()
    where = f"{console.root}imports/new"
    for parts, status, told in (
        ((("form_token", token), ("file", None)), 400, "Choose a file first"),
        ((("form_token", "made up"), ("file", GOOD)), 403, "out of date"),
    ):
        answer = page.request.post(where, data=multipart(*parts), headers={"content-type": MULTIPART})
        assert (answer.status, told in answer.text()) == (status, True), parts
    no_form = page.request.post(where, data="text", headers={"content-type": "text/plain"})
    assert no_form.status == 400
    unknown = page.request.post(
        f"{console.root}imports/create",
        form={"form_token": token, "path": f"/sites/{story.site_id}/{story.site_id}.csv", "name": "a.csv"},
    )
    assert (unknown.status, "The file did not arrive" in unknown.text()) == (404, True)
