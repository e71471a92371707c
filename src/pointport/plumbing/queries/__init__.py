"""The Wix query language for every resource alike: filter JSON to SQL, sorting, and cursors that lead both ways.

A resource is declared once, as a `Resource` of `Field`s. Every query of it then takes two steps::

    page = plan(IMPORTS, body.get("query"), CursorSigner(key, site_id))
    rows, paging_metadata = read_page(database, QUERIES["query"], page, site_id)

where the statement has places for what the caller asked::

    SELECT loyalty_import.*, {keys} FROM loyalty_import
    WHERE site_id = %(site_id)s AND {where} ORDER BY {order_by} LIMIT {limit}

The caller's words reach the database as parameters only, named `q_…`. The language is contract.md 1.7; whatever is
not in it raises InvalidRequest with the wire path of what is wrong, and nothing is ignored that would change the rows.

`fields` declares, `values` reads JSON, `filters` makes a tree of it and `conditions` SQL of the tree, `letters` knows
upper and lower case, `keyset` orders and continues, `cursors` signs, `pages` puts it together.
"""

from pointport.plumbing.queries.cursors import CursorSigner
from pointport.plumbing.queries.fields import Field, Kind, Resource, Seek, Sort, Stored
from pointport.plumbing.queries.pages import (
    SEARCH_SORTS_MAX,
    Page,
    PagingMetadata,
    finish,
    plan,
    plan_filter,
    read_merged,
    read_page,
)

__all__ = [
    "SEARCH_SORTS_MAX",
    "CursorSigner",
    "Field",
    "Kind",
    "Page",
    "PagingMetadata",
    "Resource",
    "Seek",
    "Sort",
    "Stored",
    "finish",
    "plan",
    "plan_filter",
    "read_merged",
    "read_page",
]
