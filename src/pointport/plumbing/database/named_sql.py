"""Queries in `.sql` files, each with a name and a sentence, loaded once.

A file holds blocks like this, and lies beside the only module that runs it::

    -- name: find_contact
    -- The contact of an e-mail address.
    SELECT id FROM contact WHERE site_id = %(site_id)s AND email = %(email)s;
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import LiteralString, cast

NAME = re.compile(r"^-- name: ([a-z0-9_]+)\s*$", re.MULTILINE)


def load(python_file: str) -> Mapping[str, LiteralString]:
    """Return the queries of the `.sql` file beside a module, by name.

    Call it as `QUERIES = load(__file__)`. Raises ValueError when a name stands twice or text stands before the first.
    """
    path = Path(python_file).with_suffix(".sql")
    head, *blocks = NAME.split(path.read_text(encoding="utf-8"))
    if re.sub(r"(?m)^--.*$", "", head).strip():
        raise ValueError(f"{path.name}: text before the first '-- name:'")
    queries: dict[str, LiteralString] = {}
    for name, body in zip(blocks[::2], blocks[1::2], strict=True):
        if name in queries:
            raise ValueError(f"{path.name}: the name {name} stands twice")
        # The text comes from our own package, so it is as good as a literal in the source.
        queries[name] = cast("LiteralString", body.strip().rstrip(";"))
    return MappingProxyType(queries)
