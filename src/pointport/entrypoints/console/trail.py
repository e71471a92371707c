"""The history of a site: who did what, newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.responses import Response

from pointport.entrypoints.console.pages import ROOT, Visit, page
from pointport.imports import steps
from pointport.ledger import customers
from pointport.plumbing.queries import CursorSigner, plan
from pointport.plumbing.sites import sites
from pointport.plumbing.webhooks import subscriptions
from pointport.wire.contacts import CONTACTS

PAGE_ENTRIES = 25
OPERATOR, WORKER = "operator", "worker"
ROOMS = ("import", "webhook", "contact", "account")
"""What is looked up to be named."""

ACTIONS: Mapping[str, str] = {
    "account.adjust": "Changed a customer's points",
    "account.create": "Opened a customer's account",
    "accounts.adjust": "Changed the points of many customers at once",
    "contact.create": "Added a customer",
    "contact.delete": "Deleted a customer",
    "contact.update": "Changed a customer's details",
    "import.cancel": "Stopped an import",
    "import.create": "Brought in a file",
    "import.execute": "Ran an import",
    "import.retry": "Tried the failed rows of an import again",
    "import.undo": "Took an import back",
    "key.create": "Made an API key",
    "key.revoke": "Revoked an API key",
    "program.activate": "Turned the loyalty program on",
    "program.expiration": "Changed when points expire",
    "program.pause": "Paused the loyalty program",
    "program.update": "Changed the loyalty program",
    "site.create": "Opened this shop",
    "webhook.change": "Changed a webhook",
    "webhook.create": "Added a webhook",
    "webhook.delete": "Deleted a webhook",
    "webhook.key.create": "Made a key that signs webhooks",
    "webhook.key.rotate": "Let another key sign webhooks",
    "webhook.send-again": "Sent a webhook's message again",
}

Row = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """What something was done to, and where to see it."""

    name: str
    place: str


@page("admin")
def trail(visit: Visit) -> Response:
    """Show who did what, page by page."""
    before = _id(visit.asked("before"))
    found = sites.newest_of_trail(visit.app.database, visit.site_id, limit=PAGE_ENTRIES + 1, before_id=before)
    entries = found[:PAGE_ENTRIES]
    keys = {key["id"]: key["name"] for key in sites.list_keys(visit.app.database, visit.site_id)}
    subjects = _subjects(visit, entries, keys)
    return visit.render(
        "trail.html",
        entries=[
            {
                **entry,
                "who": _who(entry["actor"], keys),
                "what": ACTIONS.get(entry["action"], "Did something that this page has no words for yet"),
                "subject": subjects.get(entry["subject_id"]),
            }
            for entry in entries
        ],
        older=entries[-1]["id"] if len(found) > PAGE_ENTRIES else None,
        is_newest=before is None,
    )


def _who(actor: str, keys: Mapping[UUID, str]) -> str:
    """Return who it was: by the name of their key."""
    kind, _, key_id = actor.partition(" ")
    if kind == "key":
        found = _id(key_id)
        name = keys.get(found) if found else None
        return f"The key “{name}”" if name else "A key that is not known any more"
    return {OPERATOR: "Whoever runs Pointport", WORKER: "Pointport itself"}.get(actor, actor)


def _subjects(visit: Visit, entries: list[Row], keys: Mapping[UUID, str]) -> dict[UUID, Subject]:
    """Return what the entries are about, as far as it is still there."""
    ids = {room: {one["subject_id"] for one in entries if one["action"].startswith(f"{room}.")} for room in ROOMS}
    found = {key_id: Subject(name, f"{ROOT}/settings/keys") for key_id, name in keys.items()}
    if ids["import"]:
        names = steps.file_names(visit.app, visit.site_id, ids["import"])
        found |= {import_id: Subject(name, f"{ROOT}/imports/{import_id}") for import_id, name in names.items()}
    if ids["webhook"]:
        known = subscriptions.list_all(visit.app.database, visit.site_id)
        found |= {one["id"]: Subject(one["target_url"], f"{ROOT}/settings/webhooks/{one['id']}") for one in known}
    if people := ids["contact"] | ids["account"]:
        query = {"filter": {"id": {"$in": [str(one) for one in people]}}}
        wanted = plan(CONTACTS, query, CursorSigner(visit.app.secret, visit.site_id))
        rows, _ = customers.query(visit.app.database, visit.site_id, wanted)
        found |= {row["id"]: Subject(row["email"], f"{ROOT}/accounts/{row['id']}") for row in rows}
    return found


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
