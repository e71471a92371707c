"""Who sits at the console: a signed cookie, and the one-time links that `serve` prints.

Somebody signs in with an API key, whose site and scopes they have from then on, for as long as the key is good; or with a
one-time link, which opens the default site as the operator of this machine.
"""

import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from itsdangerous import BadData, URLSafeTimedSerializer

from pointport.app import App
from pointport.plumbing.sites import sites

COOKIE = "pointport_console"
SESSION_SECONDS_MAX = 12 * 3_600
LINK_LIFE = timedelta(minutes=30)
TOKEN_BYTES = 24
OPERATOR_SCOPES = frozenset({"admin"})


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in. `key_id` is None for the operator; `form_token` proves that a form is one of ours."""

    site_id: UUID
    site_name: str
    key_id: UUID | None
    scopes: frozenset[str]
    form_token: str

    @property
    def actor(self) -> str:
        """What the audit trail calls them."""
        return "operator" if self.key_id is None else f"key {self.key_id}"

    def may(self, *scopes: str) -> bool:
        """Tell whether they have one of these scopes."""
        return bool(self.scopes & {*scopes, "admin"})


class OneTimeLinks:
    """The links of this process that nobody has used yet."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._unused: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def issue(self) -> str:
        """Return the token of a new link."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self._lock:
            self._unused[token] = self._clock()
        return token

    def use(self, token: str) -> bool:
        """Tell whether a token is good; it is so once."""
        with self._lock:
            issued = self._unused.pop(token, None)
        return issued is not None and self._clock() - issued <= LINK_LIFE


def sign_in_with_key(app: App, text: str) -> str | None:
    """Return the cookie of a session for an API key; None for one that nobody was given, or that is revoked."""
    site_id = sites.site_of_key(text)
    key = sites.find_key(app.database, site_id, text) if site_id is not None else None
    return None if key is None or site_id is None else _cookie(app, site_id, key.id)


def sign_in_as_operator(app: App, site_id: UUID | None = None) -> str:
    """Return the cookie of a session of the operator, at a site or else the default one. Raises PreconditionFailed."""
    chosen = site_id or sites.choose_site(sites.list_sites(app.database)).id
    return _cookie(app, chosen, None)


def find(app: App, cookie: str | None) -> Session | None:
    """Return the session of a cookie; None when it is none of ours, has ended, or its key was revoked."""
    if not cookie:
        return None
    try:
        site, key, form_token = _serializer(app).loads(cookie, max_age=SESSION_SECONDS_MAX)
        site_id, key_id = UUID(site), UUID(key) if key else None
    except (BadData, ValueError, TypeError):
        return None
    scopes = OPERATOR_SCOPES if key_id is None else sites.scopes_of_key(app.database, site_id, key_id)
    name = sites.name_of_site(app.database, site_id)
    if scopes is None or name is None:
        return None
    return Session(site_id, name, key_id, scopes, form_token)


def is_own_form(session: Session, token: str) -> bool:
    """Tell whether a form was rendered for this session."""
    return hmac.compare_digest(session.form_token.encode(), token.encode())


def _cookie(app: App, site_id: UUID, key_id: UUID | None) -> str:
    return _serializer(app).dumps([str(site_id), str(key_id) if key_id else "", secrets.token_urlsafe(TOKEN_BYTES)])


def _serializer(app: App) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(app.secret, salt="pointport.console.session")
