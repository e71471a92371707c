"""The certificate of an import: its shape, the one way to write it that is signed, and how it is held to the ledger."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pointport.imports.certifying import Proof, Undo
from pointport.imports.options import Duplicates, Mode, Options, UnknownContacts
from pointport.imports.record import LoyaltyImport
from pointport.wire.base import Guid, Json, Timestamp, camel, timestamp, without_none

VERSION = 1
KIND = "pointport-certificate+jws"
"""The `typ` in the header of its signature."""
DONE = "DONE"

ROW_DETAILS = ("unchanged", "merged", "failed", "unprocessed")
"""The outcomes that are known for as long as the row details are kept."""
AT_ISSUE_ONLY = frozenset({"issuedDate"})
"""What no ledger can tell again."""
DEPTH_MAX = 3
"""A certificate has no objects further inside; what is there all the same is compared as a whole."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["9f86d081884c7d659a2feaa0c55ad015" * 2])]
Count = Annotated[int, Field(ge=0)]


class CertifiedColumn(TypedDict):
    """A column that was chosen at execute."""

    columnName: Annotated[str, Field(description="Its heading")]
    columnIndex: Annotated[int, Field(ge=0, description="From 0")]


class CertifiedMapping(TypedDict):
    """Which columns were which."""

    email: CertifiedColumn
    points: CertifiedColumn


class CertifiedOptions(TypedDict):
    """All that was chosen at execute, or holds by default; null is a guard rail that was not set."""

    mode: Mode
    duplicates: Duplicates
    unknownContacts: UnknownContacts
    atomic: bool
    failIfMoreThan: int | None
    maxPointsPerRow: int | None
    maxTotalChange: int | None
    maxAccountsChangedPercent: int | None
    description: str | None
    allowRepeat: bool
    notify: bool


class CertifiedRows(TypedDict):
    """What became of the rows; `inFile` is the sum of the others."""

    inFile: Count
    imported: Annotated[int, Field(ge=0, description="Changed a balance: each has an entry in the ledger")]
    unchanged: NotRequired[Annotated[int, Field(ge=0, description="The balance already was that")]]
    merged: NotRequired[Annotated[int, Field(ge=0, description="Settled by another row of the same customer")]]
    failed: NotRequired[Count]
    unprocessed: NotRequired[Annotated[int, Field(ge=0, description="Not reached before the import stopped")]]
    unproven: NotRequired[
        Annotated[int, Field(ge=0, description="In the place of the four before it once the row details are erased")]
    ]


class CertifiedAccounts(TypedDict):
    """How many accounts were made, and how many changed."""

    created: Count
    changed: Count


class CertifiedPoints(TypedDict):
    """The points of the accounts that changed: `sumBefore` + `sumOfChanges` = `sumAfter`."""

    sumBefore: Count
    sumOfChanges: Annotated[int, Field(description="`added` - `removed`")]
    sumAfter: Count
    added: Count
    removed: Count


class CertifiedUndo(TypedDict):
    """How it was taken back, as far as that had come when the certificate was issued."""

    id: Guid
    status: Annotated[str, Field(json_schema_extra={"enum": ["RUNNING", DONE, "FAILED"]})]
    date: Timestamp
    reversed: Annotated[int, Field(ge=0, description="Entries in the ledger that take one back")]
    sumOfChanges: int


class CertificateShape(TypedDict):
    """What an ended import did, proven from the ledger."""

    version: Annotated[int, Field(json_schema_extra={"enum": [VERSION]})]
    siteId: Guid
    loyaltyImportId: Guid
    issuedDate: Timestamp
    fileName: str
    fileSha256: Sha256
    fileBytes: Count
    mapping: CertifiedMapping
    options: CertifiedOptions
    createdDate: Timestamp
    executedDate: Timestamp
    finishedDate: Timestamp
    status: Annotated[str, Field(json_schema_extra={"enum": ["IMPORTED", "FAILED"]})]
    failureReason: NotRequired[str]
    rows: CertifiedRows
    rowDetailsErasedDate: NotRequired[
        Annotated[Timestamp, Field(description="Since when only `imported` can be proven of the rows")]
    ]
    accounts: CertifiedAccounts
    points: CertifiedPoints
    ledgerDigest: Annotated[
        Sha256,
        Field(
            description="SHA-256 of the entries in the order of their lines, each as `account id,line,points before,"
            "change,points after` and a line feed"
        ),
    ]
    undo: NotRequired[CertifiedUndo]


class CertificateAnswer(TypedDict):
    """A certificate, its signature, and where it can be seen without a key."""

    certificate: CertificateShape
    signature: Annotated[
        str,
        Field(
            description="A compact JWS (RS256) over the certificate as JSON with its members sorted, without blanks, in"
            " UTF-8; its header names the site's key as `kid`",
            examples=["eyJhbGciOi…"],
        ),
    ]
    pageUrl: Annotated[
        str, Field(json_schema_extra={"format": "uri"}, description="A page to print; holds for an hour")
    ]


class CertificateProblem(TypedDict):
    """Why a certificate is not sound, before any of its values is looked at."""

    code: Annotated[str, Field(examples=["SIGNATURE_FORGED"])]
    message: str


class CertificateDifference(TypedDict):
    """A value that is another one in the ledger; a side that has none is left out."""

    name: Annotated[str, Field(examples=["points.sumAfter"])]
    certificate: NotRequired[Any]
    ledger: NotRequired[Any]


class CertificateVerdict(TypedDict):
    """Whether a certificate is sound: signed by the site, and still what the ledger says."""

    siteId: Guid
    loyaltyImportId: NotRequired[Annotated[str, Field(description="The import that it says it is of")]]
    sound: bool
    keyId: NotRequired[Annotated[Guid, Field(description="The key that signed it")]]
    problems: list[CertificateProblem]
    differences: list[CertificateDifference]
    remarks: Annotated[list[str], Field(description="What to know besides; it does not make the certificate unsound")]


# --- How it is made -----------------------------------------------------------------------------------------------------


def certificate(proof: Proof, issued_date: datetime) -> Json:
    """Return the certificate of an import; what there is none of is left out."""
    found, points = proof.of, proof.points
    return without_none(
        {
            "version": VERSION,
            "siteId": str(found.site_id),
            "loyaltyImportId": str(found.id),
            "issuedDate": timestamp(issued_date),
            "fileName": found.file_name,
            "fileSha256": (found.file_sha256 or b"").hex(),
            "fileBytes": found.file_bytes,
            "mapping": {
                "email": _column(found, found.email_index or 0),
                "points": _column(found, found.points_index or 0),
            },
            "options": _options(found.options),
            "createdDate": timestamp(found.created_date),
            "executedDate": timestamp(found.executed_date) if found.executed_date else None,
            "finishedDate": timestamp(found.finished_date) if found.finished_date else None,
            "status": str(found.status),
            "failureReason": found.failure_reason,
            "rows": without_none({"inFile": proof.rows.in_file, **asdict(proof.rows)}),
            "rowDetailsErasedDate": timestamp(found.erased_date) if found.erased_date else None,
            "accounts": {"created": found.accounts_created, "changed": proof.accounts_changed},
            "points": {
                "sumBefore": points.before,
                "sumOfChanges": points.changes,
                "sumAfter": points.after,
                "added": points.added,
                "removed": points.removed,
            },
            "ledgerDigest": proof.ledger_sha256,
            "undo": _undo(proof.undo) if proof.undo else None,
        }
    )


def canonical(value: Any) -> bytes:
    """Return the one way to write a value as JSON: members sorted, no blanks, UTF-8.

    Half a character, which JSON can name, is written as it is: nothing that we signed has any.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def readable(value: Json) -> Json:
    """Return what somebody sent as it can be sent back: no halves of characters, and no numbers that are none."""
    found: Json = json.loads(canonical(value).decode("utf-8", "replace"), parse_constant=str)
    return found


def _column(found: LoyaltyImport, index: int) -> Json:
    header = found.header or []
    return {"columnName": header[index] if index < len(header) else "", "columnIndex": index}


def _options(options: Options) -> Json:
    return {camel(name): value for name, value in asdict(options).items()}


def _undo(undo: Undo) -> Json:
    return {
        "id": str(undo.id),
        "status": undo.status,
        "date": timestamp(undo.finished_date or undo.created_date),
        "reversed": undo.entries,
        "sumOfChanges": undo.changes,
    }


# --- How it is held to the ledger ---------------------------------------------------------------------------------------


def compare(given: Json, now: Json) -> tuple[list[Json], list[str]]:
    """Return where a certificate differs from one of now, and what has happened since that is no difference."""
    now = {**now}
    remarks = [*_erased_since(given, now), *_undone_since(given, now)]
    said, found = dict(_values(given)), dict(_values(now))
    differences = []
    for name in {**found, **said}:
        sides = {side: values[name] for side, values in (("certificate", said), ("ledger", found)) if name in values}
        written = {canonical(value) for value in sides.values()}
        if name.partition(".")[0] not in AT_ISSUE_ONLY and (len(sides) == 1 or len(written) > 1):
            differences.append({"name": name, **sides})
    return differences, remarks


def _erased_since(given: Json, now: Json) -> Iterator[str]:
    """Let stand what can no longer be counted, as long as it comes to as many rows as are left."""
    rows = given.get("rows")
    if "rowDetailsErasedDate" not in now or "rowDetailsErasedDate" in given or not isinstance(rows, dict):
        return
    details = {name: rows.get(name) for name in ROW_DETAILS}
    counts = [count for count in details.values() if type(count) is int and count >= 0]
    erased_date, unproven = now.pop("rowDetailsErasedDate"), now["rows"]["unproven"]
    if len(counts) == len(details) and sum(counts) == unproven:
        now["rows"] = {**{name: now["rows"][name] for name in ("inFile", "imported")}, **details}
    yield (
        f"The row details were erased on {erased_date}, after the certificate was issued: how many rows were unchanged,"
        " merged, failed or not reached is signed, but can be counted no more, except that they come to as many together."
    )


def _undone_since(given: Json, now: Json) -> Iterator[str]:
    """Pass over an undo that came, or came further, after the certificate: the import's entries stay as they are."""
    undo, told = now.get("undo"), given.get("undo")
    if undo is None:
        return
    if told is None:
        del now["undo"]
        done = "was undone" if undo["status"] == DONE else "is being undone, or was in part,"
        yield (
            f"The import {done} after the certificate was issued ({undo['date']}, {undo['reversed']:,} entries reversed,"
            f" {undo['sumOfChanges']:+,} points). What it did before that stands in the ledger as certified."
        )
    elif isinstance(told, Mapping) and told.get("status") == "RUNNING" and told.get("id") == undo["id"]:
        now["undo"] = told
        yield (
            f"The undo that was on its way when the certificate was issued is {undo['status']} now:"
            f" {undo['reversed']:,} entries reversed, {undo['sumOfChanges']:+,} points."
        )


def _values(part: Mapping[str, Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    """Return each value with its name, dotted."""
    for name, value in part.items():
        if isinstance(value, dict) and value and depth < DEPTH_MAX:
            yield from _values(value, f"{prefix}{name}.", depth + 1)
        else:
            yield f"{prefix}{name}", value
