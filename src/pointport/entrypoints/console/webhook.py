"""One webhook: what it is told, whether it is on, and what became of each message."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from pointport.entrypoints.console.pages import Visit, page, redirect
from pointport.entrypoints.console.webhooks import EVENTS, LIST, check, chosen_events, form, told_of_target
from pointport.errors import InvalidRequest, NotFound, PreconditionFailed
from pointport.plumbing.queries import CursorSigner, plan
from pointport.plumbing.webhooks import subscriptions
from pointport.wire.webhooks import DELIVERIES

PAGE_DELIVERIES = 25
FILTERS: Mapping[str, str] = {"": "", "waiting": "PENDING", "arrived": "DELIVERED", "failed": "FAILED"}
STATES: Mapping[str, str] = {"PENDING": "Waiting", "DELIVERED": "Arrived", "FAILED": "Given up"}
NOTICES: Mapping[str, str] = {
    "created": "The webhook is added and on. The first message is sent when one of its events happens.",
    "changed": "Your changes are saved.",
    "on": "The webhook is on. What waited for it is being sent.",
    "off": "The webhook is off. New events are not sent to it; messages that wait are kept until you turn it on.",
    "sent": "The message is on its way again. Reload this page in a moment to see what became of it.",
}
GONE = "this webhook is not there any more: it was deleted, perhaps in another window"
ANSWERS: Mapping[int, str] = {
    200: "Received",
    401: "It did not let us in",
    403: "It did not let us in",
    404: "There is nothing at this address",
    410: "There is nothing at this address any more",
    429: "It was too busy",
}
KINDS: Mapping[int, str] = {
    2: "It answered, but not with 200, which says received",
    3: "The address leads elsewhere, and was not followed",
    4: "It did not accept the message",
    5: "It had a fault of its own",
}

Row = dict[str, Any]


@page("admin")
def webhook(visit: Visit) -> Response:
    """Show a webhook and the log of its messages, newest first, page by page."""
    found, shown = _find(visit), visit.asked("show")
    status = FILTERS.get(shown, "")
    query: Row = {"filter": {"webhookId": str(found["id"])} | ({"status": status} if status else {})}
    cursor = visit.asked("page") or None
    try:
        paging = {"limit": PAGE_DELIVERIES, "cursor": cursor}
        signer = CursorSigner(visit.app.secret, visit.site_id)
        wanted = plan(DELIVERIES, {**query, "cursorPaging": paging}, signer)
    except InvalidRequest:
        return redirect(f"{LIST}/{found['id']}")
    rows, told = subscriptions.query_deliveries(visit.app.database, visit.site_id, found["id"], wanted)
    return visit.render(
        "webhook.html",
        webhook=found,
        deliveries=[_told(row, is_enabled=found["is_enabled"]) for row in rows],
        cursors=told["cursors"],
        chosen=shown if shown in FILTERS else "",
        events=EVENTS,
        notice=NOTICES.get(visit.asked("done"), ""),
    )


@page("admin")
def ask_to_change(visit: Visit) -> Response:
    """Show the form with what a webhook is."""
    found = _find(visit)
    return form(visit, found["target_url"], found["event_types"], webhook_id=str(found["id"]))


@page("admin")
def change(visit: Visit) -> Response:
    """Send to another address, or of other events."""
    found, wrong = _find(visit), check(visit)
    if not any(wrong.values()):
        try:
            _change(visit, {"target_url": visit.text("target_url"), "event_types": chosen_events(visit)})
        except InvalidRequest as error:
            wrong["target_url"] = told_of_target(error)
    if any(wrong.values()):
        typed = visit.text("target_url"), chosen_events(visit)
        return form(visit, *typed, wrong=wrong, webhook_id=str(found["id"]))
    return redirect(f"{LIST}/{found['id']}?done=changed")


@page("admin")
def switch(visit: Visit) -> Response:
    """Turn a webhook on or off, as the form says: sent twice, it does the same."""
    to = "on" if visit.text("to") == "on" else "off"
    _change(visit, {"is_enabled": to == "on"})
    return redirect(f"{LIST}/{visit.id('id')}?done={to}")


@page("admin")
def ask_to_delete(visit: Visit) -> Response:
    """Ask once before a webhook is deleted."""
    return visit.render("webhook_delete.html", webhook=_find(visit))


@page("admin")
def delete(visit: Visit) -> Response:
    """Delete a webhook and the log of its messages."""
    try:
        subscriptions.delete(
            visit.app.database, visit.site_id, visit.id("id"), actor=visit.actor, now=visit.app.clock()
        )
    except NotFound:
        return redirect(f"{LIST}?done=was-deleted")
    return redirect(f"{LIST}?done=deleted")


@page("admin")
def send_again(visit: Visit) -> Response:
    """Send a message once more, now."""
    webhook_id = _find(visit)["id"]
    try:
        subscriptions.send_again(
            visit.app.database,
            visit.site_id,
            webhook_id,
            visit.id("event_id"),
            actor=visit.actor,
            now=visit.app.clock(),
        )
    except PreconditionFailed:
        raise PreconditionFailed("this webhook is off, so nothing is sent to it; turn it on first") from None
    except NotFound:
        raise NotFound("this message is kept no longer") from None
    return redirect(f"{LIST}/{webhook_id}?done=sent")


def _find(visit: Visit) -> Row:
    try:
        return subscriptions.find(visit.app.database, visit.site_id, visit.id("id"))
    except NotFound:
        raise NotFound(GONE) from None


def _change(visit: Visit, wanted: Mapping[str, Any]) -> None:
    try:
        subscriptions.change(
            visit.app.database,
            visit.site_id,
            visit.id("id"),
            wanted,
            private_allowed=visit.app.settings.webhook_private_targets,
            actor=visit.actor,
            now=visit.app.clock(),
        )
    except NotFound:
        raise NotFound(GONE) from None


def _told(delivery: Row, *, is_enabled: bool) -> Row:
    """Return a delivery with what is said of it."""
    tries = [{**one, "answer": answer(one)} for one in delivery["tries"]]
    is_waiting = delivery["status"] == "PENDING"
    return {
        **delivery,
        "tries": tries,
        "state": STATES[delivery["status"]],
        "is_held": is_waiting and not is_enabled,
        "is_first": is_waiting and is_enabled and not tries,
        "next_date": delivery["next_attempt_date"] if is_enabled and tries else None,
    }


def answer(attempt: Row) -> str:
    """Return what came of a try, for who reads no codes; the number stands behind it, for who mends the receiver."""
    code = attempt["status_code"]
    if code is None:
        told = str(attempt["error"]).partition(";")[0]
        return told[:1].upper() + told[1:]
    words = ANSWERS.get(code) or KINDS.get(code // 100, "It answered with something unknown")
    return f"{words} (answer {code})"
