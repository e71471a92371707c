"""What the tests of the import pages have in common: a file with every kind of row, and the jobs done when asked."""

from uuid import UUID

from playwright.sync_api import Page, expect

from pointport.imports import previews, steps, undo
from pointport.imports.record import LoyaltyImport
from pointport.imports.runs import Kind
from tests.conftest import Story
from tests.journeys.console.conftest import Console

CONTACTS = ("ada@example.com", "bob@example.com", "eve@example.com", "zoe@example.com")
MIXED = (
    b"Name,Email,Points balance\r\nAda,ada@example.com,1250\r\nBob,bob@example.com,20\r\nEve,eve@example.com,0\r\n"
    b"Dan,dan@example.com,7\r\nNobody,,5\r\nZoe,zoe@example.com,n/a\r\n"
)
GOOD = b"Name,Email,Points balance\r\nAda,ada@example.com,1250\r\nBob,bob@example.com,20\r\n"
AMBIGUOUS = b'Email,Points balance\nada@example.com,"52,620"\nbob@example.com,7\n'


def address(console: Console, found: LoyaltyImport, more: str = "") -> str:
    """Return where the page of an import is."""
    return f"{console.root}imports/{found.id}{more}"


def id_of(page: Page) -> UUID:
    """Return the import that a page is of."""
    return UUID(page.url.partition("/imports/")[2][:36])


def do_preview(story: Story, import_id: UUID, kind: Kind = Kind.PREVIEW) -> None:
    """Make the preview that was asked for."""
    run = previews.find(story.app, story.site_id, import_id, kind)
    previews.run(story.app, story.site_id, run.id, lambda: False)


def do_import(story: Story, import_id: UUID) -> LoyaltyImport:
    """Bring an import that was set going to its end, be it one that tries rows again."""
    steps.parse(story.app, story.site_id, import_id, lambda: False)
    return story.finish(story.find(import_id))


def do_undo(story: Story, import_id: UUID) -> None:
    """Take an import back, as was asked."""
    told = story.find(import_id).undo
    assert told is not None
    undo.run(story.app, story.site_id, UUID(told["id"]), lambda: False)
    assert steps.verify(story.app, story.site_id) == []


def see_fact(page: Page, word: str, value: str) -> None:
    """Expect a number among the facts of a page."""
    expect(page.locator(".fact", has=page.get_by_text(word, exact=True)).locator("dd")).to_have_text(value)
