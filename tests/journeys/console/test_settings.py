"""Keys, webhooks, limits and history, as the owner of a shop sets and reads them."""

import ast
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

import pointport
from pointport.app import App
from pointport.entrypoints.console.trail import ACTIONS
from pointport.entrypoints.console.webhook import answer
from pointport.entrypoints.console.webhooks import EVENTS
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.sites import signing, sites
from pointport.plumbing.webhooks import subscriptions
from pointport.plumbing.webhooks.event_types import EventType
from tests.conftest import Site, Story
from tests.journeys.console.conftest import Console, check_page, sign_in

TARGET = "https://1.1.1.1/hooks/loyalty"
"""An address that needs no looking up, and to which nothing is sent here."""
PRIVATE = "https://127.0.0.1/hooks"
"""An address that the worker refuses to send to."""


def open_settings(page: Page, name: str) -> None:
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("main").get_by_role("link", name=name).first.click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def make_key(app: App, site: Site, name: str, *scopes: str) -> str:
    return sites.create_key(app.database, site.id, name=name, scopes=scopes, actor="test", now=app.clock())[1]


def make_webhook(app: App, site: Site, *events: EventType, target: str = PRIVATE) -> subscriptions.Row:
    return subscriptions.create(
        app.database,
        site.id,
        target,
        events or [EventType.IMPORT_CREATED],
        private_allowed=True,
        secret=app.secret,
        actor="test",
        now=app.clock(),
    )


def happen(app: App, site: Site, webhook: subscriptions.Row, *answers: int | str) -> None:
    """Let something have happened an hour ago, and be told once for each answer; the last one says what became of it."""
    event_id, now = new_id(), app.clock()
    has_arrived = answers[-1] == 200
    values = {
        "site_id": site.id,
        "webhook_id": webhook["id"],
        "event_id": event_id,
        "event_type": EventType.IMPORT_CREATED,
        "status": "DELIVERED" if has_arrived else "PENDING",
        "attempts": len(answers),
        "next": None if has_arrived else now + timedelta(hours=1),
        "now": now,
    }
    with app.database.transaction(site.id) as connection:
        connection.execute(
            "INSERT INTO event (site_id, id, event_type, entity_id, sequence, payload, actor, created_date)"
            " VALUES (%(site_id)s, %(event_id)s, %(event_type)s, %(site_id)s, 1, '{}', 'test', %(now)s)",
            values,
        )
        connection.execute(
            "INSERT INTO webhook_delivery (site_id, webhook_id, event_id, status, attempts, retries, next_attempt_date,"
            " created_date, updated_date) VALUES (%(site_id)s, %(webhook_id)s, %(event_id)s, %(status)s, %(attempts)s,"
            " 0, %(next)s, %(now)s, %(now)s)",
            values,
        )
        for attempt, answered in enumerate(answers, start=1):
            code, error = (answered, None) if isinstance(answered, int) else (None, answered)
            connection.execute(
                "INSERT INTO webhook_attempt (site_id, webhook_id, event_id, attempt, attempted_date,"
                " duration_milliseconds, status_code, error) VALUES (%(site_id)s, %(webhook_id)s, %(event_id)s,"
                " %(attempt)s, %(now)s, 20, %(code)s, %(error)s)",
                {**values, "attempt": attempt, "code": code, "error": error},
            )


def refuse_scripts_own_checks(page: Page) -> None:
    """Have the server check a form, as for who has a browser that does not."""
    page.locator("form.form").evaluate("(form) => { form.noValidate = true }")


def test_settings_say_what_there_is(page: Page) -> None:
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    expect(page.get_by_text("1 in use")).to_be_visible()
    check_page(page)


def test_a_key_is_made_and_shown_once(page: Page, app: App, site: Site, console: Console) -> None:
    open_settings(page, "API keys")
    check_page(page)
    page.get_by_role("link", name="New key").click()
    check_page(page)
    page.get_by_label("Name").fill("Till at the front")
    page.get_by_label("See customers").check()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("heading", name="Your new API key")).to_be_visible()
    check_page(page)
    key = page.locator("#new-key").inner_text()
    assert sites.find_key(app.database, site.id, key)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=console.url)
    page.get_by_role("button", name="Copy the key").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == key
    page.reload()
    expect(page.get_by_role("heading", name="This key was made already")).to_be_visible()
    check_page(page)
    assert len(sites.list_keys(app.database, site.id)) == 2
    page.get_by_role("main").get_by_role("link", name="All keys").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("Till at the front")
    assert key not in page.content()


def test_a_key_without_name_or_scope_is_refused_and_nothing_typed_is_lost(page: Page, app: App, site: Site) -> None:
    open_settings(page, "API keys")
    page.get_by_role("link", name="New key").click()
    refuse_scripts_own_checks(page)
    page.get_by_label("See customers").check()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_accessible_description(re.compile("Please give it a name"))
    expect(page.get_by_label("See customers")).to_be_checked()
    expect(page.get_by_text("Please choose at least one.")).to_have_count(0)
    check_page(page)
    page.get_by_label("Name").fill("Maria")
    page.get_by_label("See customers").uncheck()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_text("Please choose at least one.")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Maria")
    check_page(page)
    page.get_by_label("Imports").check()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("heading", name="Your new API key")).to_be_visible()


def test_a_key_is_revoked_after_one_question(page: Page, app: App, site: Site) -> None:
    make_key(app, site, "Old till", "accounts:write")
    open_settings(page, "API keys")
    page.get_by_role("link", name="Revoke the key Old till").click()
    expect(page.get_by_text("signs you out")).to_have_count(0)
    check_page(page)
    other = page.context.new_page()
    other.goto(page.url)
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_role("status")).to_contain_text("The key is revoked")
    check_page(page)
    other.get_by_role("button", name="Revoke the key").click()
    expect(other.get_by_role("status")).to_contain_text("had been revoked already")
    other.go_back()
    other.reload()
    expect(other.get_by_text("There is nothing left to do")).to_be_visible()
    check_page(other)
    page.goto(page.url.partition("/keys")[0] + f"/keys/{site.id}/revoke")
    expect(page.get_by_role("alert")).to_contain_text("There is no such key")


def test_who_revokes_their_own_key_is_told_and_signed_out(page: Page) -> None:
    open_settings(page, "API keys")
    expect(page.get_by_role("row").nth(1)).to_contain_text("You are signed in with it")
    page.get_by_role("link", name="Revoke the key first key").click()
    expect(page.get_by_text("revoking it signs you out")).to_be_visible()
    expect(page.get_by_text("the last key that opens these settings")).to_be_visible()
    check_page(page)
    page.get_by_role("button", name="Revoke it and sign me out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    check_page(page)
    page.get_by_role("link", name="Sign in with another key").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_webhook_is_added_changed_switched_and_deleted(page: Page, app: App, site: Site) -> None:
    open_settings(page, "Webhooks")
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    check_page(page)
    page.get_by_role("link", name="Add a webhook").first.click()
    check_page(page)
    page.get_by_label("Address").fill(TARGET)
    page.get_by_label("A customer's points change").check()
    page.get_by_role("button", name="Add the webhook").click()
    expect(page.get_by_role("status")).to_contain_text("The webhook is added")
    expect(page.get_by_text("Nothing was sent yet")).to_be_visible()
    check_page(page)
    page.get_by_role("link", name="Change").click()
    expect(page.get_by_label("Address")).to_have_value(TARGET)
    expect(page.get_by_label("A customer's points change")).to_be_checked()
    page.get_by_label("An import is started").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("saved")
    page.get_by_role("button", name="Turn it off").click()
    expect(page.get_by_text("Nothing is sent to it until you turn it on")).to_be_visible()
    check_page(page)
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("button", name="Turn it off")).to_be_visible()
    (known,) = subscriptions.list_all(app.database, site.id)
    assert known["event_types"] == sorted([EventType.IMPORT_CREATED, EventType.ACCOUNT_POINTS_UPDATED])
    page.get_by_role("link", name="All webhooks").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("An import is started")
    check_page(page)
    page.get_by_role("link", name=TARGET).click()
    page.get_by_role("link", name="Delete").click()
    check_page(page)
    page.get_by_role("button", name="Delete the webhook").click()
    expect(page.get_by_role("status")).to_contain_text("The webhook is deleted")
    assert subscriptions.list_all(app.database, site.id) == []


def test_what_is_wrong_with_a_webhook_is_said_beside_the_field(page: Page, app: App, site: Site) -> None:
    make_webhook(app, site, target=TARGET)
    open_settings(page, "Webhooks")
    page.get_by_role("link", name="Add a webhook").click()
    refuse_scripts_own_checks(page)
    page.get_by_role("button", name="Add the webhook").click()
    expect(page.get_by_label("Address")).to_have_accessible_description(re.compile("Please enter the address"))
    expect(page.get_by_text("Please choose at least one.")).to_be_visible()
    check_page(page)
    page.get_by_label("An import is started").check()
    for typed, told in (
        ("http://1.1.1.1/", "must be a URL that begins with https://"),
        ("https://127.0.0.1/", "not on the public internet. Whoever runs Pointport for you can allow it."),
        (TARGET, "There is a webhook for this address already"),
    ):
        refuse_scripts_own_checks(page)
        page.get_by_label("Address").fill(typed)
        page.get_by_role("button", name="Add the webhook").click()
        expect(page.locator("#target-wrong")).to_contain_text(told)
        expect(page.get_by_label("Address")).to_have_value(typed)
        expect(page.get_by_label("An import is started")).to_be_checked()
    check_page(page)


def test_a_webhook_that_was_deleted_in_another_window(page: Page, app: App, site: Site, console: Console) -> None:
    webhook = make_webhook(app, site)
    address = f"{console.root}settings/webhooks/{webhook['id']}"
    asked, shown = page.context.new_page(), page.context.new_page()
    page.goto(f"{address}/change")
    asked.goto(f"{address}/delete")
    shown.goto(address)
    subscriptions.delete(app.database, site.id, webhook["id"], actor="test", now=app.clock())
    asked.get_by_role("button", name="Delete the webhook").click()
    expect(asked.get_by_role("status")).to_contain_text("had been deleted already")
    check_page(asked)
    shown.get_by_role("button", name="Turn it off").click()
    page.get_by_role("button", name="Save").click()
    for one in (shown, page):
        expect(one.get_by_role("alert")).to_contain_text("it was deleted, perhaps in another window")
        check_page(one)


def test_what_became_of_each_message_and_sending_it_again(page: Page, app: App, site: Site, console: Console) -> None:
    webhook = make_webhook(app, site)
    happen(app, site, webhook, 500, 200)
    happen(app, site, webhook, "no answer within 1.25 seconds")
    page.goto(f"{console.root}settings/webhooks/{webhook['id']}")
    rows = page.get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("No answer within 1.25 seconds")
    expect(rows.nth(1)).to_contain_text("next try")
    expect(rows.nth(2)).to_contain_text("Received (answer 200)")
    rows.nth(2).get_by_text("2 tries").click()
    expect(rows.nth(2)).to_contain_text("It had a fault of its own (answer 500)")
    check_page(page)
    page.get_by_role("link", name="Arrived").click()
    expect(rows).to_have_count(2)
    page.get_by_role("link", name="Given up").click()
    expect(page.get_by_text("There are no such messages.")).to_be_visible()
    check_page(page)
    page.get_by_role("link", name="All", exact=True).click()
    rows.nth(2).get_by_role("button", name="Send again").click()
    expect(page.get_by_role("status")).to_contain_text("on its way again")
    page.get_by_role("button", name="Turn it off").click()
    expect(rows.nth(1)).to_contain_text("until you turn the webhook on")
    expect(page.get_by_role("button", name="Send again")).to_have_count(0)
    check_page(page)


def test_a_message_that_is_sent_again_to_a_webhook_that_is_off_meanwhile(
    page: Page, app: App, site: Site, console: Console
) -> None:
    webhook = make_webhook(app, site)
    happen(app, site, webhook, 404)
    page.goto(f"{console.root}settings/webhooks/{webhook['id']}")
    expect(page.get_by_text("There is nothing at this address (answer 404)")).to_be_visible()
    subscriptions.change(
        app.database,
        site.id,
        webhook["id"],
        {"is_enabled": False},
        private_allowed=True,
        actor="test",
        now=app.clock(),
    )
    page.get_by_role("button", name="Send now").click()
    expect(page.get_by_role("alert")).to_contain_text("This webhook is off")


def test_the_signing_key_is_shown_followed_and_replaced(page: Page, app: App, site: Site) -> None:
    open_settings(page, "Webhooks")
    page.get_by_role("link", name="Each message is signed.").click()
    check_page(page)
    page.get_by_role("button", name="Make the key").click()
    (first,) = signing.list_keys(app.database, site.id)
    expect(page.locator("#key-now")).to_have_text(first["public_key"].strip())
    check_page(page)
    page.get_by_role("button", name="Make the next key").click()
    expect(page.get_by_role("heading", name="The next key", exact=True)).to_be_visible()
    check_page(page)
    page.get_by_role("link", name="Let it take over").click()
    check_page(page)
    other = page.context.new_page()
    other.goto(page.url)
    page.get_by_role("button", name="Let it take over").click()
    expect(page.get_by_text("The new key signs from now on")).to_be_visible()
    expect(page.get_by_role("heading", name="The next key", exact=True)).to_have_count(0)
    other.get_by_role("button", name="Let it take over").click()
    expect(other.get_by_role("heading", name="The key that signs now")).to_be_visible()
    assert [key["status"] for key in signing.list_keys(app.database, site.id)] == ["SIGNING", "RETIRED"]
    page.get_by_role("link", name="Replace it at once").click()
    check_page(page)
    page.get_by_role("button", name="Replace it now").click()
    expect(page.get_by_text("The new key signs from now on")).to_be_visible()


def test_limits_name_the_setting_to_ask_for(page: Page) -> None:
    open_settings(page, "Limits")
    expect(page.get_by_role("row").nth(1)).to_contain_text("30 days")
    expect(page.get_by_role("row").nth(2)).to_contain_text("10.5 MB")
    expect(page.get_by_role("row").nth(4)).to_contain_text("999,999,999 points")
    check_page(page)


def test_the_history_says_who_did_what(page: Page, app: App, site: Site, story: Story, console: Console) -> None:
    ended = story.run(b"email,points\nann@example.com,1\n", unknown_contacts="CREATE")
    webhook = make_webhook(app, site)
    for n in range(24):
        make_key(app, site, f"key {n}", "imports")
    open_settings(page, "API keys")
    page.get_by_role("link", name="Revoke the key key 23").click()
    page.get_by_role("button", name="Revoke the key").click()
    page.get_by_role("link", name="History").click()
    rows = page.get_by_role("row")
    expect(rows).to_have_count(26)
    expect(rows.nth(1)).to_contain_text("Revoked an API key")
    expect(rows.nth(1)).to_contain_text("The key “first key”")
    expect(rows.nth(1).get_by_role("link", name="key 23")).to_be_visible()
    check_page(page)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("link", name=PRIVATE)).to_have_attribute(
        "href", f"/console/settings/webhooks/{webhook['id']}"
    )
    expect(page.get_by_role("link", name="file.csv").first).to_have_attribute("href", f"/console/imports/{ended.id}")
    expect(rows.last).to_contain_text("Opened this shop")
    check_page(page)
    page.get_by_role("link", name="Back to the newest").click()
    expect(rows).to_have_count(26)
    page.goto(f"{console.root}settings/trail?before={site.id}")
    expect(page.get_by_text("There is nothing older")).to_be_visible()


def test_what_was_typed_when_the_session_ended_is_still_there(page: Page, site: Site, console: Console) -> None:
    page.goto(f"{console.root}settings/keys/new")
    page.get_by_label("Name").fill("Till at the front")
    page.get_by_label("See customers").check()
    page.context.clear_cookies()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("heading", name="Please sign in again")).to_be_visible()
    check_page(page)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="sign-in page in a new tab").click()
    opened.value.get_by_label("API key").fill(site.key)
    opened.value.get_by_role("button", name="Sign in").click()
    expect(opened.value.get_by_role("button", name="Sign out")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Name")).to_have_value("Till at the front")
    expect(page.get_by_label("See customers")).to_be_checked()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("heading", name="Your new API key")).to_be_visible()


def test_settings_by_keyboard_alone(page: Page, console: Console) -> None:
    page.goto(f"{console.root}settings/keys/new")
    page.get_by_label("Name").focus()
    page.keyboard.type("Maria")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your new API key")).to_be_visible()


def test_settings_without_a_script(
    open_context: Callable[..., BrowserContext], console: Console, app: App, site: Site
) -> None:
    page = open_context(java_script_enabled=False).new_page()
    sign_in(page, console, site.key)
    open_settings(page, "API keys")
    page.get_by_role("link", name="New key").click()
    page.get_by_label("Name").fill("Maria")
    page.get_by_label("Everything").check()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("button", name="Copy the key")).to_be_hidden()
    assert sites.find_key(app.database, site.id, page.locator("#new-key").inner_text())
    open_settings(page, "Webhooks")
    page.get_by_role("link", name="Add a webhook").first.click()
    page.get_by_label("Address").fill(TARGET)
    page.get_by_label("An import is started").check()
    page.get_by_role("button", name="Add the webhook").click()
    page.get_by_role("button", name="Turn it off").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete the webhook").click()
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()


def test_everything_that_is_noted_has_words() -> None:
    package = Path(pointport.__file__).parent
    noted = {
        keyword.value.value
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "action" and isinstance(keyword.value, ast.Constant)
    }
    assert "key.revoke" in noted
    assert {str(action) for action in noted} <= set(ACTIONS)


def test_every_event_has_words() -> None:
    assert set(EVENTS) == set(EventType)


def test_every_answer_has_words() -> None:
    assert answer({"status_code": 204, "error": None}).startswith("It answered, but not with 200")
    assert answer({"status_code": 302, "error": None}).startswith("The address leads elsewhere")
    assert answer({"status_code": 418, "error": None}) == "It did not accept the message (answer 418)"
    assert answer({"status_code": 999, "error": None}) == "It answered with something unknown (answer 999)"
    assert answer({"status_code": None, "error": "not sent: a fault of ours; the log says more"}) == (
        "Not sent: a fault of ours"
    )
