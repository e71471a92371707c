"""`pointport webhook …`: who is told of what, what was sent, and the keys that sign."""

import itertools
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.client import OURS, Client, CommandError, Exit, connect, fields_are
from pointport.entrypoints.cli.options import Json, Site

WEBHOOKS = f"{OURS}/webhooks"
KEYS = f"{OURS}/webhook-keys"

application = typer.Typer(name="webhook", help="Who is told of what happens, by signed webhooks.", no_args_is_help=True)
keys = typer.Typer(name="key", help="The keys that sign webhooks.", no_args_is_help=True)
application.add_typer(keys)

Webhook = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id, as `webhook list` shows it.")]
Event = Annotated[
    list[str],
    typer.Option(
        "--event",
        metavar="TYPE",
        help="wix.loyalty.imports.v1.loyalty_import_created, …_updated, …_finished, wix.loyalty.v1.account_created,"
        " …account_updated, …account_points_updated, …program_updated; may be given more than once.",
    ),
]
PAGE_MAX = 100


@application.command("create")
def create(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to, beginning with https://.")],
    event: Event,
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Have a URL told of some types of events."""
    with connect(context, site=site) as client, fields_are(targetUrl="URL", eventTypes="--event"):
        made = client.post(WEBHOOKS, {"targetUrl": url, "eventTypes": event})["webhook"]
    if as_json:
        bars.say_json(made)
        return
    bars.say(f"Webhook {made['id']}")
    bars.say("What it is sent is signed: `pointport webhook key show > public.pem` writes the key to verify it with.")


@application.command("list")
def list_(context: typer.Context, site: Site = None, as_json: Json = False) -> None:
    """List the webhooks of a site."""
    with connect(context, site=site) as client:
        found = client.get(WEBHOOKS)["webhooks"]
    if as_json:
        bars.say_json(found)
        return
    bars.table(
        ["Webhook", "Target", "Events", "On"],
        [
            (one["id"], one["targetUrl"], "\n".join(one["eventTypes"]), "yes" if one["enabled"] else "no")
            for one in found
        ],
        whole=(0,),
    )


@application.command("show")
def show(context: typer.Context, webhook: Webhook, site: Site = None, as_json: Json = False) -> None:
    """Show one webhook."""
    with connect(context, site=site) as client:
        found = client.get(f"{WEBHOOKS}/{webhook}")["webhook"]
    _tell(found, as_json)


@application.command("update")
def update(
    context: typer.Context,
    webhook: Webhook,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="Where to from now on.")] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(
            "--event", metavar="TYPE", help="Of what from now on, instead of before; may be given more than once."
        ),
    ] = None,
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Tell another URL, or of other types of events; what is on its way already goes to the new URL."""
    wanted = ({"targetUrl": url} if url else {}) | ({"eventTypes": event} if event else {})
    if not wanted:
        raise CommandError("nothing is to change: say what with --url or --event")
    with connect(context, site=site) as client, fields_are(targetUrl="--url", eventTypes="--event"):
        changed = client.patch(f"{WEBHOOKS}/{webhook}", wanted)["webhook"]
    _tell(changed, as_json)


@application.command("enable")
def enable(context: typer.Context, webhook: Webhook, site: Site = None, as_json: Json = False) -> None:
    """Tell it again; what waited meanwhile is sent."""
    _switch(context, webhook, site, as_json, enabled=True)


@application.command("disable")
def disable(context: typer.Context, webhook: Webhook, site: Site = None, as_json: Json = False) -> None:
    """Tell it of nothing new, and let wait what was on its way."""
    _switch(context, webhook, site, as_json, enabled=False)


@application.command("delete")
def delete(context: typer.Context, webhook: Webhook, site: Site = None, as_json: Json = False) -> None:
    """Tell it no more, and forget what it was sent."""
    with connect(context, site=site) as client:
        client.delete(f"{WEBHOOKS}/{webhook}")
    if as_json:
        bars.say_json({"id": webhook})
    else:
        bars.say(f"Webhook {webhook} is deleted.")


@application.command("deliveries")
def deliveries(
    context: typer.Context,
    webhook: Webhook,
    status: Annotated[str | None, typer.Option(help="PENDING, DELIVERED or FAILED.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    all_: Annotated[bool, typer.Option("--all", help="All that there are.")] = False,
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Show what was sent, or is to be, with every try of each."""
    with connect(context, site=site) as client, fields_are(status="--status"):
        # One more than wanted shows whether there are more.
        found = _log(client, webhook, status, PAGE_MAX if all_ else min(limit + 1, PAGE_MAX))
        wanted = found if all_ else itertools.islice(found, limit)
        if as_json:
            bars.say_json(list(wanted))
            return
        told = 0
        for delivery in wanted:
            _tell_delivery(delivery)
            told += 1
        if told == 0:
            bars.say("There are none.")
        elif next(found, None) is not None:
            bars.say("There are more: --limit asks for more of them, --all for all.")


@application.command("send-again")
def send_again(
    context: typer.Context,
    webhook: Webhook,
    event: Annotated[str, typer.Argument(metavar="EVENT", help="Its id, as `webhook deliveries` shows it.")],
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Send an event once more, now, whatever became of it; a webhook that is disabled is to be enabled first."""
    with connect(context, site=site) as client:
        client.post(f"{WEBHOOKS}/{webhook}/deliveries/{event}/send-again", {})
    if as_json:
        bars.say_json({"webhookId": webhook, "eventId": event})
    else:
        bars.say(f"Event {event} is on its way again.")


@keys.command("list")
def list_keys(context: typer.Context, site: Site = None, as_json: Json = False) -> None:
    """List the keys: one signs, one may wait to be the next."""
    with connect(context, site=site) as client:
        _tell_keys(client.get(KEYS)["keys"], as_json)


@keys.command("create")
def create_key(context: typer.Context, site: Site = None, as_json: Json = False) -> None:
    """Make the first key, or the next one, which does not sign before `webhook key rotate`."""
    with connect(context, site=site) as client:
        _tell_keys(client.post(KEYS, {})["keys"], as_json)


@keys.command("rotate")
def rotate_key(context: typer.Context, site: Site = None, as_json: Json = False) -> None:
    """Let the next key sign from now on, and retire the one that did; without a next one that can be read, make one."""
    with connect(context, site=site) as client:
        _tell_keys(client.post(f"{KEYS}/rotate", {})["keys"], as_json)


@keys.command("show")
def show_key(
    context: typer.Context,
    waiting: Annotated[bool, typer.Option("--next", help="The key that waits to be the next.")] = False,
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Print the public key as PEM, to verify signatures with."""
    with connect(context, site=site) as client:
        found = _key(client, "WAITING" if waiting else "SIGNING")
    if as_json:
        bars.say_json(found)
    else:
        bars.say(found["publicKey"].rstrip("\n"))


def _tell(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        bars.say_json(found)
        return
    bars.say(f"Webhook  {found['id']}")
    bars.say(f"Target   {bars.plain(found['targetUrl'])}")
    for event_type in found["eventTypes"]:
        bars.say(f"Event    {event_type}")
    bars.say(f"On       {'yes' if found['enabled'] else 'no'}")
    bars.say(f"Created  {bars.moment(found['createdDate'])} UTC")
    bars.say(f"Changed  {bars.moment(found['updatedDate'])} UTC")


def _switch(context: typer.Context, webhook: str, site: str | None, as_json: bool, *, enabled: bool) -> None:
    with connect(context, site=site) as client:
        changed = client.patch(f"{WEBHOOKS}/{webhook}", {"enabled": enabled})["webhook"]
    if as_json:
        bars.say_json(changed)
    else:
        bars.say(f"Webhook {changed['id']} is {'enabled' if changed['enabled'] else 'disabled'}.")


def _log(client: Client, webhook: str, status: str | None, at_once: int) -> Iterator[dict[str, Any]]:
    """Read the log of deliveries, newest first, page by page as it is asked for."""
    asked = {"status": status.upper()} if status else {}
    while True:
        page = client.get(f"{WEBHOOKS}/{webhook}/deliveries", **asked, **{"cursorPaging.limit": at_once})
        yield from page["deliveries"]
        if not page["pagingMetadata"]["hasNext"]:
            return
        asked = {"cursorPaging.cursor": page["pagingMetadata"]["cursors"]["next"]}  # It carries the status too.


def _tell_delivery(one: dict[str, Any]) -> None:
    name = one["eventType"].rpartition(".")[2]
    bars.say(f"[bold]{one['eventId']}[/]  {name}  {one['entityId']}  [bold]{one['status']}[/]")
    for attempt in one["attempts"]:
        outcome = bars.plain(attempt.get("statusCode") or attempt["error"])
        took = f"{attempt['durationMilliseconds']:,} ms"
        bars.say(f"  try {attempt['attempt']}  {bars.moment(attempt['date'])} UTC  {took}  {outcome}")
    if "nextAttemptDate" in one:
        bars.say(f"  next   {bars.moment(one['nextAttemptDate'])} UTC")


def _key(client: Client, status: str) -> dict[str, Any]:
    for key in client.get(KEYS)["keys"]:
        if key["status"] == status:
            return dict(key)
    raise CommandError("there is no such key; make one with `pointport webhook key create`", Exit.WRONG_USE)


def _tell_keys(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        bars.say_json(found)
        return
    bars.table(
        ["Key", "Status", "Created (UTC)", "Changed (UTC)"],
        [(one["id"], one["status"], bars.moment(one["createdDate"]), bars.moment(one["updatedDate"])) for one in found],
        whole=(0, 1, 2, 3),
    )
