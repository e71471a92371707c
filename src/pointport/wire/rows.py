"""A row of an import (design.md 8): what became of it, and what rows can be asked for."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pointport.imports.outcomes import OUTCOMES, Pages, Rows
from pointport.imports.problems import CATALOGUE
from pointport.ledger.addresses import normal_form
from pointport.plumbing.queries import CursorSigner, Kind, PagingMetadata, Resource, Seek, Sort, Stored, plan
from pointport.plumbing.queries import Field as QueryField
from pointport.wire.base import Guid, Json, without_none

OUTCOME_NAMES, CODES = frozenset(OUTCOMES), frozenset(CATALOGUE)
DIFFERS = QueryField("(foretold.line IS NOT NULL)", Kind.BOOLEAN, sortable=False)
LINE = QueryField("import_row.line", Kind.INTEGER)

ROWS = Resource(
    name="import-rows",
    fields={
        "line": LINE,
        "outcome": QueryField("import_row.outcome", Kind.ENUM, values=OUTCOME_NAMES, sortable=False),
        "code": QueryField("import_row.problem", Kind.ENUM, nullable=True, values=CODES, sortable=False),
        "email": QueryField(
            "import_row.email",
            Kind.TEXT,
            nullable=True,
            sortable=False,
            normal=lambda text: normal_form(text) or text,
        ),
        "differsFromPreview": DIFFERS,
    },
    id_field=LINE,
    default_sort=(Sort("line"),),
)
"""Rows that changed no balance, and all rows of a preview. Those that changed one have the same fields elsewhere."""

BY_CUSTOMER = Seek(
    # One look into the contacts for the whole statement, which has the site for a parameter.
    "transaction.account_id = ANY(ARRAY("
    "SELECT one.id FROM contact AS one WHERE one.site_id = %(site_id)s AND one.email = ANY({})))",
    (Kind.TEXT,),
    lambda emails: (list(emails),),
)


def plan_rows(rows: Rows, query: Any, cursors: CursorSigner) -> Pages:
    """Plan one page of rows in both places where they stand. Raises InvalidRequest as `plan` does.

    A cursor leads on in the rows that it was given out for, and in no others.
    """
    name = f"{ROWS.name}:{rows.whose}:{rows.id}"
    return Pages(
        entries=plan(replace(_entries_of(rows), name=name), query, cursors),
        outcomes=plan(replace(ROWS, name=name), query, cursors),
    )


def _entries_of(rows: Rows) -> Resource:
    """Return the fields as they are of rows that are entries of the ledger: by its id, an entry is found by its line."""
    line = QueryField("transaction.line", Kind.INTEGER, stored=Stored("transaction.id", Kind.GUID, rows.entry_id))
    return replace(
        ROWS,
        fields={
            "line": line,
            "outcome": replace(ROWS.fields["outcome"], column="'IMPORTED'::text"),
            "code": replace(ROWS.fields["code"], column="NULL::text"),
            "email": replace(ROWS.fields["email"], column="contact.email", seek=BY_CUSTOMER),
            "differsFromPreview": DIFFERS,
        },
        id_field=line,
    )


OutcomeName = Annotated[str, Field(json_schema_extra={"enum": list(OUTCOMES)})]
Code = Annotated[str, Field(json_schema_extra={"enum": list(CATALOGUE)}, description="What is wrong with the row")]


class ForetoldRow(TypedDict):
    """What the preview had said of a row."""

    outcome: OutcomeName
    code: NotRequired[Code]
    balanceBefore: NotRequired[int]
    balanceAfter: NotRequired[int]


class ImportRow(TypedDict):
    """What became of one row of a file."""

    line: Annotated[int, Field(description="Where the row starts in the file, from 1")]
    email: NotRequired[Annotated[str, Field(description="In normal form; without one the row has no address")]]
    points: NotRequired[
        Annotated[int, Field(description="The value that counted; of rows that were added up, their sum")]
    ]
    outcome: OutcomeName
    code: NotRequired[Code]
    message: NotRequired[
        Annotated[str, Field(description="What is wrong and what to do; left out once the file is gone that it quotes")]
    ]
    balanceBefore: NotRequired[int]
    balanceAfter: NotRequired[int]
    transactionId: NotRequired[Guid]
    mergedInto: NotRequired[Annotated[int, Field(description="The line of the same customer that it was settled with")]]
    preview: NotRequired[
        Annotated[ForetoldRow, Field(description="There when the row came out in another way than the preview said")]
    ]


class RowsAnswer(TypedDict):
    """A page of rows, in the order of the file."""

    rows: list[ImportRow]
    pagingMetadata: PagingMetadata


class ReportUrlAnswer(TypedDict):
    """Where the report of all rows can be had, without a key."""

    url: Annotated[str, Field(json_schema_extra={"format": "uri"})]


def row(found: Mapping[str, Any]) -> Json:
    """Return a row: what does not apply to it is left out."""
    merged = found["outcome"] == "MERGED"
    return without_none(
        {
            "line": found["line"],
            "email": found["email"],
            "points": found["points"],
            "outcome": found["outcome"],
            "code": found["problem"],
            "message": found["message"],
            "balanceBefore": found["balance_before"],
            "balanceAfter": found["balance_after"],
            "transactionId": str(found["transaction_id"]) if found["transaction_id"] else None,
            "mergedInto": (found["detail"] or {}).get("line") if merged else None,
            "preview": _foretold(found) if found["foretold_outcome"] else None,
        }
    )


def _foretold(found: Mapping[str, Any]) -> Json:
    return without_none(
        {
            "outcome": found["foretold_outcome"],
            "code": found["foretold_problem"],
            "balanceBefore": found["foretold_before"],
            "balanceAfter": found["foretold_after"],
        }
    )
