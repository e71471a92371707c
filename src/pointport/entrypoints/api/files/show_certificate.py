"""GET of a certificate's page: one sheet to print, for whoever holds the signed URL."""

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.imports.get_certificate import certified
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import NotFound, PermissionDenied, PreconditionFailed

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).parent.parent / "templates"
NAME_CHARACTERS_MAX = 120
"""A longer name would not leave the sheet room for anything else."""
BEARER = "bearer of a certificate's URL"
"""Who causes what showing the page may do: make the site's first key, should it have none."""

router = APIRouter(route_class=Call)


@router.get(
    "/files/certificate/{ticket}",
    response_class=HTMLResponse,
    responses=can_fail(NotFound, PermissionDenied, PreconditionFailed),
)
def show_certificate(ticket: str, app: TheApp) -> HTMLResponse:
    """Show the certificate of an import as a page to print."""
    slot = app.tickets.check(ticket, "certificate", app.settings.download_url_seconds)
    import_id, _, issued = slot.path.partition("/")
    answer = certified(app, slot.site_id, UUID(import_id), issued_date=datetime.fromisoformat(issued), actor=BEARER)
    page, policy = _page()
    return HTMLResponse(
        page.render(certificate=answer["certificate"], seal=_seal(answer["signature"])),
        headers={
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            # Its URL is the secret.
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "private, no-store",
        },
    )


@functools.cache
def _page() -> tuple["Template", str]:
    """Return the template, and the policy that lets its own style in and nothing else; loaded by the first who asks."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    style = (TEMPLATES / "certificate.css").read_text(encoding="utf-8")
    pages = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"number": _number, "signed": _signed, "moment": _moment, "short": _short}
    pages.globals["style"] = Markup(style)  # noqa: S704  (our own file)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return pages.get_template("certificate.html"), policy


def _seal(signature: str) -> Mapping[str, Any]:
    """Return what the page prints of a signature: the key, and the signature itself without what is signed."""
    header, _, seal = signature.split(".")
    told: Mapping[str, Any] = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    return {"key_id": told["kid"], "text": seal}


def _number(value: int) -> str:
    """Return a number with a narrow blank between thousands, which no language takes for a decimal sign."""
    return f"{abs(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _signed(value: int) -> str:
    """Return a change with its sign."""
    return "0" if value == 0 else ("\N{MINUS SIGN}" if value < 0 else "+") + _number(value)


def _moment(text: str) -> str:
    """Return a timestamp as people read it."""
    moment = datetime.fromisoformat(text)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _short(text: str) -> str:
    """Return a name that may be very long, cut."""
    return text if len(text) <= NAME_CHARACTERS_MAX else f"{text[:NAME_CHARACTERS_MAX]}…"
