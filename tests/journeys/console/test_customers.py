"""Finding customers, and reading where their points came from."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, expect

from pointport.app import App
from pointport.imports.record import LoyaltyImport
from pointport.ledger import contacts, transactions
from pointport.ledger.contacts import NewContact
from pointport.ledger.transactions import Entry
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.sites import sites
from tests.conftest import Site, Story
from tests.journeys.console.conftest import Console, check_page, sign_in

SHARED = ("Ann", "Lee")


def add(app: App, site: Site, *people: NewContact) -> None:
    with app.database.transaction(site.id) as connection:
        contacts.merge(connection, site.id, people, now=app.clock())


def fill(app: App, site: Site, story: Story) -> LoyaltyImport:
    """Thirty customers, of whom the last three have no account."""
    add(app, site, *[NewContact(f"c{n:02}@example.com", f"First{n}", f"Last{n}") for n in range(29)])
    add(app, site, NewContact("zoë@example.com"))
    rows = "".join(f"c{n:02}@example.com,{n * 1_000}\n" for n in range(27))
    return story.run(f"email,points\n{rows}".encode())


def open_customers(page: Page) -> None:
    page.get_by_role("link", name="Customers").click()
    expect(page.get_by_role("heading", name="Customers", exact=True)).to_be_visible()


def find(page: Page, text: str) -> None:
    page.get_by_label("Find a customer").fill(text)
    page.get_by_role("button", name="Search").click()


def test_a_shop_without_customers_is_told_how_they_come(page: Page) -> None:
    open_customers(page)
    expect(page.get_by_role("heading", name="No customers yet")).to_be_visible()
    check_page(page)
    expect(page.get_by_role("main").get_by_role("link", name="New import")).to_have_attribute(
        "href", "/console/imports/new"
    )


def test_customers_are_listed_page_by_page(page: Page, app: App, site: Site, story: Story) -> None:
    fill(app, site, story)
    open_customers(page)
    expect(page.get_by_text("351,000")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(26)
    first = page.get_by_role("row").nth(2)
    expect(first).to_contain_text("First1 Last1")
    expect(first).to_contain_text("c01@example.com")
    expect(first).to_contain_text("1,000")
    check_page(page)
    page.get_by_role("link", name="More customers").click()
    expect(page.get_by_role("row")).to_have_count(6)
    expect(page.get_by_role("row").last).to_contain_text("No points yet")
    check_page(page)
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_role("row")).to_have_count(26)


def test_customers_are_found_by_a_part_of_name_or_address(page: Page, app: App, site: Site, story: Story) -> None:
    fill(app, site, story)
    open_customers(page)
    for text, expected in (("c07@EXAMPLE.com", 1), ("last1 first1", 11), ("ZOË", 1), ("example", 25)):
        find(page, text)
        expect(page.get_by_role("row")).to_have_count(expected + 1)
        expect(page.get_by_label("Find a customer")).to_have_value(text)
    check_page(page)
    page.get_by_role("link", name="More customers").click()
    expect(page.get_by_role("row")).to_have_count(6)
    expect(page.get_by_label("Find a customer")).to_have_value("example")
    page.get_by_role("link", name="Show all customers").click()
    expect(page.get_by_role("row")).to_have_count(26)


def test_no_address_stands_in_an_address_of_ours(page: Page, app: App, site: Site, story: Story) -> None:
    fill(app, site, story)
    open_customers(page)
    find(page, "c07@example.com")
    expect(page.get_by_role("row")).to_have_count(2)
    assert "c07" not in urlsplit(page.url).query


def test_nobody_found_and_what_to_do(page: Page, app: App, site: Site, story: Story) -> None:
    fill(app, site, story)
    open_customers(page)
    find(page, "<b>nobody</b>")
    expect(page.get_by_text("holds “<b>nobody</b>”")).to_be_visible()
    check_page(page)
    find(page, "x" * 101)
    expect(page.get_by_role("alert")).to_have_text("Please search for at most 100 letters.")
    expect(page.get_by_label("Find a customer")).to_have_value("x" * 101)
    check_page(page)
    find(page, "")
    expect(page.get_by_role("row")).to_have_count(26)


def test_an_address_that_was_cut_short_leads_to_the_first_page(page: Page, console: Console) -> None:
    for query in ("found=made-up", "page=made-up"):
        page.goto(f"{console.root}accounts?{query}")
        expect(page).to_have_url(f"{console.root}accounts")


def test_a_statement_says_where_points_came_from(page: Page, app: App, site: Site, story: Story) -> None:
    add(app, site, NewContact("ann@example.com", *SHARED))
    story.run(b"email,points\nann@example.com,1200\n")
    ended = story.run(b"email,points\n\nann@example.com,-200\n", mode="ADD")
    story.undo(ended)
    open_customers(page)
    page.get_by_role("link", name="Ann Lee").click()
    expect(page.get_by_role("heading", name="Ann Lee")).to_be_visible()
    rows = page.get_by_role("row")
    expect(rows).to_have_count(4)
    expect(rows.nth(1)).to_contain_text("Taken back")
    expect(rows.nth(1)).to_contain_text("+200")
    expect(rows.nth(1)).to_contain_text("Undo of line 3 of file.csv")
    expect(rows.nth(2)).to_contain_text("\N{MINUS SIGN}200")
    expect(rows.nth(2).get_by_role("link", name="line 3 of file.csv")).to_have_attribute(
        "href", f"/console/imports/{ended.id}"
    )
    expect(rows.nth(3)).to_contain_text("1,200")
    check_page(page)


def test_a_long_statement_is_read_page_by_page(page: Page, app: App, site: Site, story: Story) -> None:
    add(app, site, NewContact("ann@example.com"))
    story.run(b"email,points\nann@example.com,100\n")
    with app.database.transaction(site.id) as connection:
        owner = contacts.find(connection, site.id, "ann@example.com")["id"]
        for n in range(29):
            entry = Entry(new_id(), owner, n + 3, "EARN", 1, 100 + n, f"Visit {n}", f"key {n}", app.clock())
            transactions.insert(connection, site.id, entry)
    page.goto(page.url.removesuffix("/") + f"/accounts/{owner}")
    expect(page.get_by_role("row")).to_have_count(26)
    expect(page.get_by_role("row").nth(1)).to_contain_text("Not from a file")
    page.get_by_role("link", name="Older entries").click()
    expect(page.get_by_role("row")).to_have_count(6)
    expect(page.get_by_role("row").last).to_contain_text("line 2 of file.csv")
    check_page(page)
    page.get_by_role("link", name="Back to the newest entries").click()
    expect(page.get_by_role("row")).to_have_count(26)
    page.goto(f"{page.url}?before=2")
    expect(page.get_by_text("There are no older entries")).to_be_visible()
    check_page(page)


def test_a_customer_without_an_account(page: Page, app: App, site: Site) -> None:
    add(app, site, NewContact("new@example.com"))
    open_customers(page)
    page.get_by_role("link", name="new@example.com").click()
    expect(page.get_by_role("heading", name="No points yet")).to_be_visible()
    check_page(page)


def test_a_customer_who_is_not_there(page: Page, console: Console) -> None:
    for name in (new_id(), "nonsense"):
        page.goto(f"{console.root}accounts/{name}")
        expect(page.get_by_role("alert")).to_contain_text("There is no such")
        check_page(page)


def test_who_may_see_customers_alone_gets_no_links_to_imports(
    open_context: Callable[..., BrowserContext], console: Console, app: App, site: Site, story: Story
) -> None:
    add(app, site, NewContact("ann@example.com", *SHARED))
    story.run(b"email,points\nann@example.com,1200\n")
    _, reader = sites.create_key(
        app.database, site.id, name="reader", scopes=["accounts:read"], actor="test", now=app.clock()
    )
    page = open_context().new_page()
    page.goto(f"{console.root}sign-in?next=/console/accounts")
    page.get_by_label("API key").fill(reader)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Ann Lee").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("line 2 of an import")
    expect(page.get_by_role("main").locator("a[href*=imports]")).to_have_count(0)
    expect(page.get_by_role("link", name="Settings")).to_have_count(0)
    page.goto(f"{console.root}settings/keys")
    expect(page.get_by_role("alert")).to_contain_text("Your API key does not open this page")
    check_page(page)


def test_customers_without_a_script(
    open_context: Callable[..., BrowserContext], console: Console, app: App, site: Site, story: Story
) -> None:
    fill(app, site, story)
    page = open_context(java_script_enabled=False).new_page()
    sign_in(page, console, site.key)
    open_customers(page)
    find(page, "First11")
    page.get_by_role("link", name="First11 Last11").click()
    expect(page.get_by_text("11,000").first).to_be_visible()
    expect(page.get_by_role("row").nth(1)).to_contain_text(re.compile(r"UTC"))
