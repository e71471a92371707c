"""The header `Idempotency-Key` of calls that may be sent again (design.md 7).

An endpoint takes it as a parameter, and hands on what its step needs to do the request once::

    def create_import(body: CreateImport, app: TheApp, who: Importer, key: IdempotencyKey = None) -> Json:
        made = steps.create(…, keyed=keyed(key, "create_import", body))
"""

import hashlib
import json
import re
from typing import Annotated

from fastapi import Header
from pydantic import AfterValidator, BeforeValidator, Field, StrictStr
from pydantic_core import PydanticCustomError

from pointport.entrypoints.api.bodies import Body
from pointport.plumbing.idempotency.once import HEADER, KEY_CHARACTERS_MAX, KeyedRequest

VISIBLE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""What every client and every proxy hands on alike; beyond ASCII the same text may be other bytes another time."""


def _without_blanks(text: str) -> str:
    """Blanks around a header's value are none of it (RFC 9110, 5.5), but servers leave those at its end."""
    return text.strip(" \t")


def _visible(text: str) -> str:
    if not VISIBLE.fullmatch(text):
        raise PydanticCustomError("FORMAT", "must be of visible ASCII characters, with blanks between them at most", {})
    return text


Key = Annotated[
    StrictStr,
    Field(min_length=1, max_length=KEY_CHARACTERS_MAX, json_schema_extra={"pattern": f"^{VISIBLE.pattern}$"}),
    BeforeValidator(_without_blanks),
    AfterValidator(_visible),
]
IdempotencyKey = Annotated[
    Key | None,
    Header(
        alias=HEADER,
        description="A name for this request, so that it can be sent again when no answer came: the same key with the"
        " same body is answered as it was the first time, and done once. Kept for 24 hours, unless the server is set"
        " otherwise; what failed is not kept.",
    ),
]


def keyed(key: str | None, call: str, body: Body) -> KeyedRequest | None:
    """Return the request as its step wants it to be done once; None without a key.

    `call` is the endpoint's name. Bodies are the same that say the same: in other order, with members that are ignored,
    or with defaults spelled out.
    """
    if key is None:
        return None
    said = json.dumps(body.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
    return KeyedRequest(key, call, hashlib.sha256(said.encode()).digest())
