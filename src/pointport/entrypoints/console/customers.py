"""The customers: found by e-mail address or name, page by page, each with their points."""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from pointport.entrypoints.console.pages import ROOT, Visit, page, redirect
from pointport.errors import InvalidRequest
from pointport.ledger import statements
from pointport.ledger.addresses import normal_form
from pointport.plumbing.queries import CursorSigner, Field, Kind, Page, Sort, plan
from pointport.plumbing.queries.search import EXPRESSION_CHARACTERS_MAX
from pointport.wire.contacts import CONTACTS

PAGE_ROWS = 25
EMAIL = "primaryInfo.email"
CUSTOMERS = replace(CONTACTS, name="customers", default_sort=(Sort(EMAIL),), limit_default=PAGE_ROWS)
FOUND = replace(
    CUSTOMERS,
    name="customers-found",
    # Free text is held by no index. Ordered by what no index has either, a site's contacts are read in the order in which
    # they lie, by several at once: three times as fast as along the index of their addresses.
    fields={EMAIL: CONTACTS.fields[EMAIL], "order": Field("contact.email || ''", Kind.TEXT)},
    default_sort=(Sort("order"),),
    search={"name": "contact.first_name || ' ' || contact.last_name", "email": "contact.email"},
)


@page("accounts:read")
def customers(visit: Visit) -> Response:
    """List the customers, or those that were found, page by page."""
    found = visit.asked("found")
    try:
        cursor = found or visit.asked("page")
        wanted = _plan(visit, FOUND if found else CUSTOMERS, {"cursorPaging": {"cursor": cursor or None}})
    except InvalidRequest:
        return redirect(f"{ROOT}/accounts")  # An address that was cut short, or of before the server's secret changed.
    text = _text_of(wanted) if found else ""
    rows, told = statements.query_customers(visit.app.database, visit.site_id, wanted)
    return visit.render(
        "customers.html",
        customers=rows,
        cursors=told["cursors"],
        way="found" if found else "page",
        text=text,
        text_characters_max=EXPRESSION_CHARACTERS_MAX,
        wrong="",
        totals=None if found else statements.totals(visit.app.database, visit.site_id),
        is_first_page=not cursor,
    )


@page("accounts:read")
def find(visit: Visit) -> Response:
    """Lead to the customers that a text finds: to the one with that address, or else to all that hold each word.

    The way there is a signed text, since an address in a URL would stand in the log of every proxy.
    """
    text = visit.text("find")
    if not text:
        return redirect(f"{ROOT}/accounts")
    try:
        wanted = _plan(visit, FOUND, {"search": {"expression": text, "mode": "AND"}})
        if normal_form(text) is not None:
            exactly = _plan(visit, FOUND, {"filter": {EMAIL: text}})
            rows, _ = statements.query_customers(visit.app.database, visit.site_id, exactly)
            wanted = exactly if rows else wanted
    except InvalidRequest:
        return visit.render(
            "customers.html",
            HTTPStatus.BAD_REQUEST,
            customers=[],
            cursors={},
            way="found",
            text=text,
            text_characters_max=EXPRESSION_CHARACTERS_MAX,
            wrong=f"Please search for at most {EXPRESSION_CHARACTERS_MAX} letters.",
            totals=None,
            is_first_page=True,
        )
    signed = wanted.cursors.sign(FOUND.name, wanted.cursor)
    return redirect(f"{ROOT}/accounts?found={signed}")


def _plan(visit: Visit, resource: Any, query: Mapping[str, Any]) -> Page:
    return plan(resource, query, CursorSigner(visit.app.secret, visit.site_id), path="search")


def _text_of(wanted: Page) -> str:
    """Return what was searched for, as it was typed."""
    searched = wanted.cursor.search or {}
    return str(searched.get("expression") or wanted.cursor.filter.get(EMAIL, ""))
