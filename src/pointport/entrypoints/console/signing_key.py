"""The signing key: how who receives a webhook knows that it is from here."""

from collections.abc import Mapping

from starlette.responses import Response

from pointport.entrypoints.console.pages import Visit, page, redirect
from pointport.entrypoints.console.webhooks import LIST
from pointport.plumbing.sites import signing

HERE = f"{LIST}/signing-key"
NOTICES: Mapping[str, str] = {
    "made": "The key is made. Copy it to the programs that receive your webhooks.",
    "rotated": "The new key signs from now on, and the old one is retired.",
}


@page("admin")
def signing_key(visit: Visit) -> Response:
    """Show the public key that verifies what is sent, and the next one if it is made."""
    return visit.render("signing_key.html", keys=_keys(visit), notice=NOTICES.get(visit.asked("done"), ""))


@page("admin")
def create(visit: Visit) -> Response:
    """Make the first key, or the next one."""
    signing.create(visit.app.database, visit.site_id, secret=visit.app.secret, actor=visit.actor, now=visit.app.clock())
    return redirect(f"{HERE}?done=made")


@page("admin")
def ask_to_rotate(visit: Visit) -> Response:
    """Ask once before another key signs, and say what that means."""
    return visit.render("signing_key_rotate.html", keys=_keys(visit))


@page("admin")
def rotate(visit: Visit) -> Response:
    """Let the next key sign, unless that has happened since the form was shown."""
    now = _keys(visit)["now"]
    if visit.text("current") != (str(now["id"]) if now else ""):
        return redirect(HERE)
    signing.rotate(visit.app.database, visit.site_id, secret=visit.app.secret, actor=visit.actor, now=visit.app.clock())
    return redirect(f"{HERE}?done=rotated")


def _keys(visit: Visit) -> dict[str, signing.Row | None]:
    """Return the key that signs `now`, and the one `following` it; None for what there is not."""
    found = {key["status"]: key for key in signing.list_keys(visit.app.database, visit.site_id)}
    return {"now": found.get(signing.SIGNING), "following": found.get(signing.WAITING)}
