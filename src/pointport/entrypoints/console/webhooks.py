"""Webhooks: which other programs are told of what happens here."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from pointport.entrypoints.console import wording
from pointport.entrypoints.console.pages import ROOT, Visit, page, redirect
from pointport.errors import InvalidRequest
from pointport.plumbing.webhooks import subscriptions
from pointport.plumbing.webhooks.event_types import EventType
from pointport.plumbing.webhooks.targets import URL_CHARACTERS_MAX

LIST = f"{ROOT}/settings/webhooks"

EVENTS: Mapping[EventType, str] = {
    EventType.IMPORT_CREATED: "An import is started",
    EventType.IMPORT_UPDATED: "An import moves on to its next step",
    EventType.IMPORT_FINISHED: "An import has ended, well or not",
    EventType.ACCOUNT_CREATED: "A customer gets an account",
    EventType.ACCOUNT_UPDATED: "Something about a customer's account changes",
    EventType.ACCOUNT_POINTS_UPDATED: "A customer's points change",
    EventType.PROGRAM_UPDATED: "The loyalty program is changed, or paused",
}
NOTICES: Mapping[str, str] = {
    "deleted": "The webhook is deleted. Nothing more is sent to it.",
    "was-deleted": "That webhook had been deleted already. Nothing was changed.",
}


@page("admin")
def webhooks(visit: Visit) -> Response:
    """List the webhooks, oldest first."""
    return visit.render(
        "webhooks.html",
        webhooks=subscriptions.list_all(visit.app.database, visit.site_id),
        events=EVENTS,
        notice=NOTICES.get(visit.asked("done"), ""),
    )


@page("admin")
def ask(visit: Visit) -> Response:
    """Show the form for a new webhook."""
    return form(visit, "", [])


@page("admin")
def create(visit: Visit) -> Response:
    """Add a webhook; the same form sent twice adds one."""
    wrong = check(visit)
    for known in subscriptions.list_all(visit.app.database, visit.site_id):
        if known["target_url"] == visit.text("target_url") and not wrong["events"]:
            wrong["target_url"] = "There is a webhook for this address already. Change that one instead."
    if any(wrong.values()):
        return form(visit, visit.text("target_url"), chosen_events(visit), wrong=wrong)
    try:
        made = subscriptions.create(
            visit.app.database,
            visit.site_id,
            visit.text("target_url"),
            chosen_events(visit),
            private_allowed=visit.app.settings.webhook_private_targets,
            secret=visit.app.secret,
            actor=visit.actor,
            now=visit.app.clock(),
        )
    except InvalidRequest as error:
        told = {"target_url": told_of_target(error), "events": ""}
        return form(visit, visit.text("target_url"), chosen_events(visit), wrong=told)
    return redirect(f"{LIST}/{made['id']}?done=created")


def check(visit: Visit) -> dict[str, str]:
    """Return what is wrong with the fields of a form before anything is looked up."""
    return {
        "target_url": "" if visit.text("target_url") else "Please enter the address that the other program gave you.",
        "events": "" if chosen_events(visit) else "Please choose at least one.",
    }


def chosen_events(visit: Visit) -> list[EventType]:
    """Return the events that are ticked."""
    return [event for event in EVENTS if str(event) in visit.form.getlist("events")]


def told_of_target(error: InvalidRequest) -> str:
    """Return what is wrong with an address, to who cannot set settings."""
    told, _, setting = error.violations[0].description.partition(";")
    return wording.sentence(f"this address {told}") + (
        " Whoever runs Pointport for you can allow it." if setting else ""
    )


def form(
    visit: Visit,
    target_url: str,
    chosen: list[EventType],
    *,
    wrong: Mapping[str, str] | None = None,
    webhook_id: str = "",
) -> Response:
    """Show the form of a new webhook, or of one that is to be changed."""
    return visit.render(
        "webhook_form.html",
        HTTPStatus.BAD_REQUEST if wrong else HTTPStatus.OK,
        webhook_id=webhook_id,
        target_url=target_url,
        chosen=chosen,
        events=EVENTS,
        url_characters_max=URL_CHARACTERS_MAX,
        private_allowed=visit.app.settings.webhook_private_targets,
        wrong=wrong or {"target_url": "", "events": ""},
    )
