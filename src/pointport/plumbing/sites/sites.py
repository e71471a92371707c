"""Sites and API keys (contract.md 1.3), and the trail of what people asked for.

A key is `pp_` and 48 bytes in base64url: the site's 16 and 32 random ones. It names its site, so that looking it up is
a statement on one site like every other; its SHA-256 is all that is kept.
"""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pointport.errors import Conflict, InvalidRequest, NotFound, PreconditionFailed, Violation
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, Database

QUERIES = load(__file__)

SCOPES = ("imports", "accounts:read", "accounts:write", "admin")
KEY_PREFIX = "pp_"
SITE_BYTES = 16
SECRET_BYTES = 32
NAME_CHARACTERS_MAX = 100
LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True)
class Site:
    """A tenant."""

    id: UUID
    name: str
    is_default: bool
    created_date: datetime


@dataclass(frozen=True)
class Key:
    """A key as it is kept: everything but the secret."""

    id: UUID
    scopes: frozenset[str]


def create_site(database: Database, name: str, *, default: bool, actor: str, now: datetime) -> tuple[Site, str]:
    """Add a site with its program and first key, and return site and key.

    With `default`, commands that name no site mean this one.

    Raises InvalidRequest for the name.
    """
    site = Site(new_id(), _named(name), default, now)
    with database.owner_transaction() as connection:
        connection.execute(QUERIES["insert_site"], {"site_id": site.id, "name": site.name, "now": now})
        connection.execute(QUERIES["insert_program"], {"site_id": site.id, "now": now})
        if default:
            connection.execute(QUERIES["mark_default"], {"site_id": site.id})
        key_id, text = _insert_key(connection, site.id, name="first key", scopes=("admin",), now=now)
        note(connection, site.id, actor=actor, action="site.create", subject_id=site.id, now=now)
        note(connection, site.id, actor=actor, action="key.create", subject_id=key_id, now=now)
    return site, text


def list_sites(database: Database) -> list[Site]:
    """Return all sites, oldest first."""
    with database.owner_transaction() as connection:
        rows = connection.execute(QUERIES["list_sites"]).fetchall()
    return [Site(row["site_id"], row["name"], row["is_default"], row["created_date"]) for row in rows]


def choose_site(sites: Sequence[Site]) -> Site:
    """Return the site that is meant when none is named: the only one, else the default.

    Raises PreconditionFailed when there is none, or no way to tell.
    """
    chosen = sites if len(sites) == 1 else [site for site in sites if site.is_default]
    if len(chosen) == 1:
        return chosen[0]
    if not sites:
        raise PreconditionFailed("there is no site yet; make one with `pointport site create NAME`", code="NO_SITE")
    raise PreconditionFailed(
        "there are several sites and none is the default; say which with --site ID (`pointport site list` shows them)",
        code="SITE_NOT_CHOSEN",
    )


def create_key(
    database: Database,
    site_id: UUID,
    *,
    name: str,
    scopes: Sequence[str],
    actor: str,
    now: datetime,
    key_id: UUID | None = None,
) -> tuple[UUID, str]:
    """Add a key and return its id and the key itself, which is shown this once.

    Who gives the id of the new key makes one key with it, however often they ask. Raises InvalidRequest, and Conflict
    when there is a key of that id.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise InvalidRequest(
            Violation("scopes", f"must be one or more of {', '.join(SCOPES)}", "INVALID_ENUM_VALUE", {"value": unknown})
        )
    with database.transaction(site_id) as connection:
        made_id, text = _insert_key(connection, site_id, name=_named(name), scopes=scopes, now=now, key_id=key_id)
        note(connection, site_id, actor=actor, action="key.create", subject_id=made_id, now=now)
    return made_id, text


def site_of_key(text: str) -> UUID | None:
    """Return the site that a key says it opens; None for what is no key. Says nothing yet about whether it is good."""
    try:
        raw = base64.b64decode(text.removeprefix(KEY_PREFIX), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if not text.startswith(KEY_PREFIX) or len(raw) != SITE_BYTES + SECRET_BYTES:
        return None
    return UUID(bytes=raw[:SITE_BYTES])


def find_key(database: Database, site_id: UUID, text: str) -> Key | None:
    """Return the key if it is one of this site's and not revoked."""
    rows = database.look_up(site_id, QUERIES["find_key"], {"site_id": site_id, "secret_hash": _hash(text)})
    return Key(rows[0]["id"], frozenset(rows[0]["scopes"])) if rows else None


def scopes_of_key(database: Database, site_id: UUID, key_id: UUID) -> frozenset[str] | None:
    """Return what a key opens; None for one that is unknown or revoked."""
    rows = database.look_up(site_id, QUERIES["find_scopes"], {"site_id": site_id, "id": key_id})
    return frozenset(rows[0]["scopes"]) if rows else None


def name_of_site(database: Database, site_id: UUID) -> str | None:
    """Return what a site is called; None for one that is not there."""
    rows = database.look_up(site_id, QUERIES["find_site_name"], {"site_id": site_id})
    return str(rows[0]["name"]) if rows else None


def list_keys(database: Database, site_id: UUID) -> list[dict[str, Any]]:
    """Return a site's keys: id, name, scopes, created_date, revoked_date."""
    with database.transaction(site_id) as connection:
        return connection.execute(QUERIES["list_keys"], {"site_id": site_id}).fetchall()


def revoke_key(database: Database, site_id: UUID, key_id: UUID, *, actor: str, now: datetime) -> None:
    """Make a key open nothing any more; once more is no error. Raises NotFound."""
    key = {"site_id": site_id, "id": key_id}
    with database.transaction(site_id) as connection:
        if connection.execute(QUERIES["find_key_by_id"], key).fetchone() is None:
            raise NotFound(f"there is no key {key_id}")
        connection.execute(QUERIES["revoke_key"], {**key, "now": now})
        note(connection, site_id, actor=actor, action="key.revoke", subject_id=key_id, now=now)


def note(connection: Connection, site_id: UUID, *, actor: str, action: str, subject_id: UUID, now: datetime) -> None:
    """Write down who did what, in the transaction that does it."""
    connection.execute(
        QUERIES["insert_audit_entry"],
        {"site_id": site_id, "id": new_id(), "actor": actor, "action": action, "subject_id": subject_id, "now": now},
    )


def newest_of_trail(
    database: Database, site_id: UUID, *, limit: int, before_id: UUID | None = None
) -> list[dict[str, Any]]:
    """Return who did what at a site, newest first: of all, or of what came before an entry."""
    values = {"site_id": site_id, "before_id": before_id or LAST_ID, "limit": limit}
    with database.transaction(site_id) as connection:
        return connection.execute(QUERIES["list_newest_audit_entries"], values).fetchall()


def trail(connection: Connection, site_id: UUID, subject_id: UUID) -> list[dict[str, Any]]:
    """Return what was done to one thing, in order: actor, action, created_date."""
    return connection.execute(QUERIES["list_audit_entries"], {"site_id": site_id, "subject_id": subject_id}).fetchall()


def _insert_key(
    connection: Connection,
    site_id: UUID,
    *,
    name: str,
    scopes: Sequence[str],
    now: datetime,
    key_id: UUID | None = None,
) -> tuple[UUID, str]:
    text = KEY_PREFIX + base64.urlsafe_b64encode(site_id.bytes + secrets.token_bytes(SECRET_BYTES)).decode()
    made_id = key_id or new_id()
    values = {
        "site_id": site_id,
        "id": made_id,
        "name": name,
        "secret_hash": _hash(text),
        "scopes": sorted(set(scopes), key=SCOPES.index),
        "now": now,
    }
    if not connection.execute(QUERIES["insert_key"], values).rowcount:
        raise Conflict(f"the key {made_id} was made already, and is shown once")
    return made_id, text


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _named(name: str) -> str:
    named = name.strip()
    if not 1 <= len(named) <= NAME_CHARACTERS_MAX or "\0" in named:
        raise InvalidRequest(Violation("name", f"must have 1 to {NAME_CHARACTERS_MAX} characters", "MAX_LENGTH"))
    return named
