"""A site's keys that sign what leaves it, webhooks and documents: RSA of 2,048 bits for RS256 (contract.md 7.2).

A site has at most one key that signs and one that waits. The one that waits is the next: its public half can be handed
out before it signs, so that no receiver meets a signature it cannot verify.

A document names the key that signed it, and a retired key still verifies what it signed. Its `typ` says what kind of
document it is, so that nothing which was signed as one thing is taken for another.

Private keys are kept encrypted with the server's secret. When that is lost, so are they: what signs is replaced by
`rotate`, and a next key that nobody can read any more gives its place up as soon as somebody asks for one.

The cryptography is loaded by the first that signs: it is a tenth of all that a server loads to start.
"""

import functools
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pointport.errors import PreconditionFailed, SetupError
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection, Database, one
from pointport.plumbing.sites import sites

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

QUERIES = load(__file__)

KEY_BITS = 2048
ALGORITHM = "RS256"
SIGNING, WAITING, RETIRED = "SIGNING", "WAITING", "RETIRED"

Row = dict[str, Any]


class NotSigned(Exception):
    """A signature that does not hold: `reason` is a word for programs, the text a sentence for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def list_keys(database: Database, site_id: UUID) -> list[Row]:
    """Return a site's keys, newest first: id, status, public_key (PEM), created_date, updated_date."""
    with database.transaction(site_id) as connection:
        return connection.execute(QUERIES["list_signing_keys"], {"site_id": site_id}).fetchall()


def create(database: Database, site_id: UUID, *, secret: bytes, actor: str, now: datetime) -> list[Row]:
    """Make the first key, or the next one, which waits; nothing if one waits already. Returns all keys."""
    made = _new_key(secret)
    with database.transaction(site_id) as connection:
        status = WAITING if SIGNING in _usable(connection, site_id, secret, now) else SIGNING
        _insert(connection, site_id, made, status, actor, now)
    return list_keys(database, site_id)


def ensure(connection: Connection, site_id: UUID, *, secret: bytes, actor: str, now: datetime) -> None:
    """Make a key that signs if there is none."""
    if SIGNING not in _in_use(connection, site_id):
        _insert(connection, site_id, _new_key(secret), SIGNING, actor, now)


def rotate(database: Database, site_id: UUID, *, secret: bytes, actor: str, now: datetime) -> list[Row]:
    """Let the next key sign from now on, and retire the one that did. Returns all keys.

    Without a next one, or with one that cannot be read any more, one is made.
    """
    made = _new_key(secret)
    with database.transaction(site_id) as connection:
        in_use = _usable(connection, site_id, secret, now)
        if SIGNING in in_use:
            _set(connection, site_id, in_use[SIGNING]["id"], RETIRED, now)
        if WAITING in in_use:
            _set(connection, site_id, in_use[WAITING]["id"], SIGNING, now)
        else:
            _insert(connection, site_id, made, SIGNING, actor, now)
        sites.note(connection, site_id, actor=actor, action="webhook.key.rotate", subject_id=site_id, now=now)
    return list_keys(database, site_id)


def sign(database: Database, site_id: UUID, claims: Mapping[str, Any], *, secret: bytes) -> str:
    """Return the claims as a JWT signed with the site's key. Raises SetupError when it cannot be read."""
    with database.transaction(site_id) as connection:
        row = connection.execute(QUERIES["find_signing_key"], {"site_id": site_id}).fetchone()
    if row is None:
        raise SetupError("the site has no key to sign webhooks with; make one with `pointport webhook key create`")
    from joserfc import jwt

    return jwt.encode({"alg": ALGORITHM}, dict(claims), _read(row["private_key"], secret), default_type=None)


def sign_document(
    database: Database, site_id: UUID, content: bytes, *, kind: str, secret: bytes, actor: str, now: datetime
) -> str:
    """Return a document as a compact JWS that names its key; the site's first key is made if there is none.

    Raises PreconditionFailed when the key cannot be read.
    """
    with database.transaction(site_id) as connection:
        ensure(connection, site_id, secret=secret, actor=actor, now=now)
        row = one(connection.execute(QUERIES["find_signing_key"], {"site_id": site_id}).fetchone())
    try:
        key = _read(row["private_key"], secret)
    except SetupError as error:
        raise PreconditionFailed(error.message, code="SIGNING_KEY_UNREADABLE") from error
    from joserfc import jws

    return jws.serialize_compact({"alg": ALGORITHM, "kid": str(row["id"]), "typ": kind}, content, key)


def check_document(database: Database, site_id: UUID, signature: str, *, kind: str) -> tuple[str, bytes]:
    """Return the id of the site's key that signed a document, be it retired, and what was signed. Raises NotSigned."""
    from joserfc import jws
    from joserfc.errors import JoseError
    from joserfc.jwk import RSAKey

    try:
        read = jws.extract_compact(signature.encode("ascii"))
        header = read.headers()
        key_id = UUID(header["kid"])
    except (JoseError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise NotSigned("SIGNATURE_MALFORMED", "The signature is none: it is cut off, or was never one.") from error
    if header.get("typ") != kind or header.get("alg") != ALGORITHM:
        raise NotSigned("SIGNATURE_OF_ANOTHER_KIND", "What was signed is something else, not such a document.")
    with database.transaction(site_id) as connection:
        row = connection.execute(QUERIES["find_public_key"], {"site_id": site_id, "id": key_id}).fetchone()
    if row is None:
        raise NotSigned(
            "SIGNATURE_OF_UNKNOWN_KEY", f"The key {key_id} that is said to have signed it is none of this site."
        )
    try:
        found = jws.deserialize_compact(signature.encode("ascii"), RSAKey.import_key(row["public_key"]), [ALGORITHM])
    except (JoseError, ValueError) as error:
        raise NotSigned("SIGNATURE_FORGED", "The signature was not made by the key that it names.") from error
    return str(key_id), found.payload


def _new_key(secret: bytes) -> tuple[str, str]:
    """Return a key's public half, and the whole of it encrypted, both as PEM."""
    from joserfc.jwk import RSAKey

    key = RSAKey.generate_key(KEY_BITS)
    return key.as_pem().decode(), key.as_pem(private=True, password=_passphrase(secret)).decode()


@functools.lru_cache(maxsize=1_000)
def _read(private_key: str, secret: bytes) -> "RSAKey":
    """Decrypting is slow on purpose, so each key is read once."""
    from joserfc.jwk import RSAKey

    try:
        return RSAKey.import_key(private_key, password=_passphrase(secret))
    except ValueError as error:
        raise SetupError(
            "the key that signs webhooks and certificates was made with another POINTPORT_SECRET; set that again, or make"
            " a new key with `pointport webhook key rotate`"
        ) from error


def _passphrase(secret: bytes) -> str:
    return hmac.new(secret, b"pointport.webhooks.signing-key", hashlib.sha256).hexdigest()


def _in_use(connection: Connection, site_id: UUID) -> dict[str, Row]:
    """Return the key that signs and the one that waits, by status, held against other changes."""
    rows = connection.execute(QUERIES["lock_signing_keys"], {"site_id": site_id}).fetchall()
    return {row["status"]: row for row in rows}


def _usable(connection: Connection, site_id: UUID, secret: bytes, now: datetime) -> dict[str, Row]:
    """Return the keys in use, without a next one that was made with another secret: it could never sign, so it goes."""
    in_use = _in_use(connection, site_id)
    if WAITING in in_use:
        try:
            _read(in_use[WAITING]["private_key"], secret)
        except SetupError:
            _set(connection, site_id, in_use.pop(WAITING)["id"], RETIRED, now)
    return in_use


def _insert(
    connection: Connection, site_id: UUID, made: tuple[str, str], status: str, actor: str, now: datetime
) -> None:
    public_key, private_key = made
    key_id = new_id()
    values = {"site_id": site_id, "id": key_id, "status": status, "public_key": public_key, "private_key": private_key}
    if connection.execute(QUERIES["insert_signing_key"], {**values, "now": now}).rowcount:
        sites.note(connection, site_id, actor=actor, action="webhook.key.create", subject_id=key_id, now=now)


def _set(connection: Connection, site_id: UUID, key_id: UUID, status: str, now: datetime) -> None:
    values = {"site_id": site_id, "id": key_id, "status": status, "now": now}
    connection.execute(QUERIES["set_signing_key_status"], values)
