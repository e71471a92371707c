"""What is done to a request before it is sent."""

from typing import Any

import schemathesis

PARTS_MAX = 100
"""Fewer than the conditions that a filter may have; tests/unit/test_queries_filters.py goes to the limit."""


@schemathesis.hook
def before_call(_: Any, case: Any, __: Any) -> None:
    """Take out what no schema can tell is wrong: cursors that were not given out, and filters of very many parts."""
    body = case.body if isinstance(case.body, dict) else {}
    for holder in (body, body.get("query"), body.get("search")):
        if not isinstance(holder, dict):
            continue
        paging = holder.get("cursorPaging")
        if isinstance(paging, dict) and isinstance(paging.get("cursor"), str):
            del paging["cursor"]
        if _parts(holder.get("filter")) > PARTS_MAX:
            del holder["filter"]
    if case.query:
        case.query.pop("cursorPaging.cursor", None)


def _parts(value: Any) -> int:
    """Count a value and all that is in it."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_parts, inner))
