"""The database refuses by itself what must never be: each CHECK of the foundation is tried to be broken."""

import itertools
import secrets
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Jsonb

from pointport.imports.status import ALLOWED, Status
from tests.conftest import ADVISORY_LOCK

SITE = UUID(int=1)
NOW = "2026-01-02 03:04:05Z"

Values = dict[str, Any]


@pytest.fixture(scope="module")
def shared(server: str, template: str) -> Iterator[psycopg.Connection]:
    """One database for all these tests, since none of them ever commits."""
    database = f"pointport_schema_{secrets.token_hex(8)}"
    name = sql.Identifier(database)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template)))
        connection.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
        with psycopg.connect(make_conninfo(server, dbname=database)) as opened:
            yield opened
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def owner(shared: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A connection as the owner, to whom only the CHECKs stand in the way, with a site."""
    insert(shared, "site", {"site_id": SITE, "name": "Corner Shop", "is_default": False, "created_date": NOW})
    yield shared
    shared.rollback()


def insert(connection: psycopg.Connection, table: str, values: Values) -> None:
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        ),
        list(values.values()),
    )


def refused_by(connection: psycopg.Connection, table: str, values: Values) -> str | None:
    """The constraint, or the column that must not be empty, that refuses a row; None for one that is taken."""
    try:
        with connection.transaction(force_rollback=True):
            insert(connection, table, values)
    except psycopg.errors.NotNullViolation as error:
        return f"{error.diag.column_name} NOT NULL"
    except psycopg.errors.IntegrityError as error:
        return error.diag.constraint_name
    return None


# --- The status of an import ----------------------------------------------------------------------------------------------

BARE: Values = {
    "revision": 1,
    "created_date": NOW,
    "updated_date": NOW,
    "file_url": "/sites/x/y.csv",
    "file_name": "file.csv",
    "file_bytes": 10,
    "applied_rows": 0,
    "done_rows": 0,
    "accounts_created": 0,
}
PARSED: Values = {
    "file_sha256": bytes(32),
    "header": ["Email", "Points"],
    "sample_rows": Jsonb([]),
    "detected": Jsonb({}),
    "parsed_row_count": 3,
}
EXECUTED: Values = {"email_index": 0, "points_index": 1, "job_id": UUID(int=7), "executed_date": NOW}
ENDED: Values = {"finished_date": NOW}
COUNTED: Values = {
    "success_count": 2,
    "failure_count": 1,
    "accounts_changed": 2,
    "points_added": 5,
    "points_removed": 0,
    "error_file_path": "sites/x/errors.csv",
    "ready_rows": 3,
    "done_rows": 3,
}
FAILURE: Values = {"failure_reason": "NOT_CSV", "failure_message": "It is no CSV file."}

# What each status needs, and what it came from.
NEEDS: dict[Status, tuple[Status | None, Values]] = {
    Status.INITIATED: (None, {}),
    Status.PARSING: (Status.INITIATED, {}),
    Status.PARSED: (Status.PARSING, PARSED),
    Status.IMPORTING: (Status.PARSED, {**PARSED, **EXECUTED}),
    Status.IMPORTED: (Status.IMPORTING, {**PARSED, **EXECUTED, **COUNTED, **ENDED}),
    Status.FAILED: (Status.PARSING, {**ENDED, **FAILURE}),
}
# An import that failed may have come from two statuses; this is the other one.
FAILED_LATE: Values = {**PARSED, **EXECUTED, **COUNTED, **ENDED, **FAILURE}

EVERYTHING = dict.fromkeys(sorted({*PARSED, *EXECUTED, *ENDED, *COUNTED, *FAILURE}))


def an_import(status: Status, **changes: Any) -> Values:
    """A row of an import in a status with everything that this status needs, and the changes."""
    before, needs = NEEDS[status]
    return {
        "site_id": SITE,
        "id": UUID(int=2),
        **EVERYTHING,
        **BARE,
        "status": status.value,
        "status_before": before and before.value,
        **needs,
        **changes,
    }


@pytest.mark.parametrize("status", Status)
def test_an_import_can_be_in_every_status(owner: psycopg.Connection, status: Status) -> None:
    assert refused_by(owner, "loyalty_import", an_import(status)) is None


def test_a_late_failure_keeps_its_counts(owner: psycopg.Connection) -> None:
    late = an_import(Status.FAILED, **FAILED_LATE, status_before="IMPORTING")
    assert refused_by(owner, "loyalty_import", late) is None


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Status, Status)))
def test_the_database_allows_the_ways_that_the_program_allows(
    owner: psycopg.Connection, before: Status, after: Status
) -> None:
    insert(owner, "loyalty_import", an_import(before))
    # All that the new status needs, and nothing that it must not have: only the way itself can be refused.
    given = {**EVERYTHING, **{name: BARE[name] for name in BARE if name in EVERYTHING}, **NEEDS[after][1]}
    if after is Status.FAILED and before is Status.IMPORTING:
        given |= FAILED_LATE
    change = sql.SQL("UPDATE loyalty_import SET status_before = status, status = {}, {}").format(
        sql.Placeholder(),
        sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in given),
    )
    refusing = None
    try:
        with owner.transaction(force_rollback=True):
            owner.execute(change, [after.value, *given.values()])
    except psycopg.errors.CheckViolation as error:
        refusing = error.diag.constraint_name
    assert refusing == (None if after in ALLOWED[before] else "loyalty_import_status_follows")


@pytest.mark.parametrize("status", ["UNKNOWN", "CANCELLED", "parsed", ""])
@pytest.mark.parametrize("before", [None, "PARSED", "IMPORTING"])
def test_there_are_no_other_statuses(owner: psycopg.Connection, status: str, before: str | None) -> None:
    row = {**an_import(Status.FAILED), "status": status, "status_before": before}
    assert refused_by(owner, "loyalty_import", row) is not None


P, R, D, F = Status.PARSED, Status.IMPORTING, Status.IMPORTED, Status.FAILED


@pytest.mark.parametrize(
    ("status", "changes", "constraint"),
    [
        (P, {"file_sha256": None}, "loyalty_import_parsed_is_known"),
        (P, {"header": None}, "loyalty_import_parsed_is_known"),
        (P, {"sample_rows": None}, "loyalty_import_parsed_is_known"),
        (P, {"detected": None}, "loyalty_import_parsed_is_known"),
        (P, {"parsed_row_count": None}, "loyalty_import_parsed_is_known"),
        (P, {"file_sha256": bytes(31)}, "loyalty_import_file_sha256_check"),
        (P, {"header": ["one"]}, "loyalty_import_header_check"),
        (P, {"header": ["x"] * 101}, "loyalty_import_header_check"),
        (P, {"header": []}, "loyalty_import_header_check"),
        (P, {"sample_rows": Jsonb({})}, "loyalty_import_sample_rows_check"),
        (P, {"detected": Jsonb([])}, "loyalty_import_detected_check"),
        (P, {"parsed_row_count": -1}, "loyalty_import_check2"),
        (P, EXECUTED, "loyalty_import_mapping_is_whole"),
        (R, {"email_index": None}, "loyalty_import_mapping_is_whole"),
        (R, {"points_index": None}, "loyalty_import_mapping_is_whole"),
        (R, {"job_id": None}, "loyalty_import_mapping_is_whole"),
        (R, {"executed_date": None}, "loyalty_import_mapping_is_whole"),
        (R, dict.fromkeys(EXECUTED), "loyalty_import_mapping_is_whole"),
        (R, {"points_index": 2}, "loyalty_import_mapping_is_whole"),
        (R, {"email_index": 2}, "loyalty_import_mapping_is_whole"),
        (R, {"points_index": 0}, "loyalty_import_check"),
        (R, {"email_index": -1}, "loyalty_import_email_index_check"),
        (R, {"points_index": -1}, "loyalty_import_check"),
        (R, {"ready_rows": -1}, "loyalty_import_check1"),
        (R, {"applied_rows": 1}, "loyalty_import_check1"),
        (R, {"applied_rows": 4, "ready_rows": 3}, "loyalty_import_check1"),
        (R, {"done_rows": 4}, "loyalty_import_check2"),
        (R, {"done_rows": -1}, "loyalty_import_check2"),
        (R, {**COUNTED, "error_file_path": None}, "loyalty_import_counts_are_whole"),
        (R, ENDED, "loyalty_import_end_is_dated"),
        (R, FAILURE, "loyalty_import_failure_has_reason"),
        (D, {"success_count": None}, "loyalty_import_counts_are_whole"),
        (D, {"failure_count": None}, "loyalty_import_counts_are_whole"),
        (D, {"accounts_changed": None}, "loyalty_import_counts_are_whole"),
        (D, {"points_added": None}, "loyalty_import_counts_are_whole"),
        (D, {"points_removed": None}, "loyalty_import_counts_are_whole"),
        (D, dict.fromkeys([name for name in COUNTED if name not in BARE]), "loyalty_import_counts_are_whole"),
        (D, {"success_count": 3}, "loyalty_import_counts_are_whole"),
        (D, {"failure_count": 0}, "loyalty_import_counts_are_whole"),
        (D, {"done_rows": 2}, "loyalty_import_counts_are_whole"),
        (D, {"error_file_path": None}, "loyalty_import_counts_are_whole"),
        (D, {"success_count": 3, "failure_count": 0}, "loyalty_import_counts_are_whole"),
        (D, {"success_count": -1, "failure_count": 4}, "loyalty_import_success_count_check"),
        (D, {"failure_count": -1, "success_count": 4, "error_file_path": None}, "loyalty_import_failure_count_check"),
        (D, {"accounts_changed": -1}, "loyalty_import_accounts_changed_check"),
        (D, {"points_added": -1}, "loyalty_import_points_added_check"),
        (D, {"points_removed": -1}, "loyalty_import_points_removed_check"),
        (D, {"accounts_created": -1}, "loyalty_import_accounts_created_check"),
        (D, {"finished_date": None}, "loyalty_import_end_is_dated"),
        (D, FAILURE, "loyalty_import_failure_has_reason"),
        (F, {"finished_date": None}, "loyalty_import_end_is_dated"),
        (F, {"failure_reason": None}, "loyalty_import_failure_has_reason"),
        (F, {"failure_message": None}, "loyalty_import_failure_has_reason"),
        (F, {"failure_reason": ""}, "loyalty_import_failure_reason_check"),
        (F, {"failure_message": "x" * 2001}, "loyalty_import_failure_message_check"),
        (F, {"status_before": None}, "loyalty_import_status_follows"),
        (F, {"revision": 0}, "loyalty_import_revision_check"),
        (F, {"file_url": "x"}, "loyalty_import_file_url_check"),
        (F, {"file_bytes": -1}, "loyalty_import_file_bytes_check"),
        (F, {"site_id": UUID(int=9)}, "loyalty_import_site_id_fkey"),
        (F, {"accounts_created": None}, "accounts_created NOT NULL"),
    ],
)
def test_an_import_that_is_not_whole_is_refused(
    owner: psycopg.Connection, status: Status, changes: Values, constraint: str
) -> None:
    found = refused_by(owner, "loyalty_import", an_import(status, **changes))
    assert found == constraint


# --- The ledger -----------------------------------------------------------------------------------------------------------

ACCOUNT: Values = {
    "site_id": SITE,
    "id": UUID(int=3),
    "balance": 9,
    "earned": 10,
    "adjusted": 5,
    "redeemed": 4,
    "expired": 2,
    "revision": 4,
    "created_date": NOW,
    "updated_date": NOW,
    "last_activity_date": NOW,
}
ENTRY: Values = {
    "site_id": SITE,
    "id": UUID(int=4),
    "account_id": UUID(int=3),
    "revision": 2,
    "transaction_type": "ADJUST",
    "amount": -3,
    "amount_before": 5,
    "amount_after": 2,
    "description": "Imported balance",
    "created_date": NOW,
    "import_id": UUID(int=2),
    "line": 2,
    "idempotency_key": None,
}
BY_REQUEST: Values = {**ENTRY, "import_id": None, "line": None, "idempotency_key": "key"}
ROW: Values = {
    "site_id": SITE,
    "import_id": UUID(int=2),
    "line": 2,
    "outcome": "FAILED",
    "problem": "EMAIL_INVALID",
}
CONTACT: Values = {
    "site_id": SITE,
    "id": UUID(int=3),
    "email": "ada@example.com",
    "first_name": "",
    "last_name": "",
    "revision": 1,
    "created_date": NOW,
    "updated_date": NOW,
}
KEY: Values = {
    "site_id": SITE,
    "id": UUID(int=5),
    "name": "Till",
    "secret_hash": bytes(32),
    "scopes": ["imports"],
    "created_date": NOW,
}
ANSWERED: Values = {
    "site_id": SITE,
    "key": "key",
    "call": "create_import",
    "body_sha256": bytes(32),
    "answer": Jsonb({}),
    "created_date": NOW,
}


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("account", ACCOUNT),
        ("account", {**ACCOUNT, "balance": 0, "adjusted": -4}),
        ("transaction", ENTRY),
        ("transaction", BY_REQUEST),
        ("contact", CONTACT),
        ("api_key", KEY),
        ("idempotency_key", ANSWERED),
        ("idempotency_key", {**ANSWERED, "key": "x" * 255, "answer": None}),
    ],
)
def test_a_sound_row_is_taken(owner: psycopg.Connection, table: str, row: Values) -> None:
    assert refused_by(owner, table, row) is None


@pytest.mark.parametrize(
    ("table", "row", "constraint"),
    [
        ("idempotency_key", {**ANSWERED, "key": ""}, "idempotency_key_key_check"),
        ("idempotency_key", {**ANSWERED, "key": "x" * 256}, "idempotency_key_key_check"),
        ("idempotency_key", {**ANSWERED, "body_sha256": bytes(31)}, "idempotency_key_body_sha256_check"),
        ("idempotency_key", {**ANSWERED, "answer": Jsonb([])}, "idempotency_key_answer_check"),
        *(("idempotency_key", {**ANSWERED, part: None}, f"{part} NOT NULL") for part in ("call", "created_date")),
        ("account", {**ACCOUNT, "balance": 10}, "account_balance_adds_up"),
        *(("account", {**ACCOUNT, part: 99}, "account_balance_adds_up") for part in ("earned", "adjusted", "redeemed")),
        ("account", {**ACCOUNT, "expired": 99}, "account_balance_adds_up"),
        ("account", {**ACCOUNT, "balance": -1, "adjusted": -5}, "account_balance_check"),
        ("account", {**ACCOUNT, "revision": 0}, "account_revision_check"),
        *(
            ("account", {**ACCOUNT, part: None}, f"{part} NOT NULL")
            for part in ("balance", "earned", "adjusted", "redeemed", "expired")
        ),
        ("transaction", {**ENTRY, "amount_after": 3}, "transaction_amounts_add_up"),
        ("transaction", {**ENTRY, "amount_before": 6}, "transaction_amounts_add_up"),
        ("transaction", {**ENTRY, "amount": 0, "amount_after": 5}, "transaction_amount_check"),
        ("transaction", {**ENTRY, "amount": -6, "amount_after": -1}, "transaction_amount_after_check"),
        (
            "transaction",
            {**ENTRY, "amount": 6, "amount_before": -1, "amount_after": 5},
            "transaction_amount_before_check",
        ),
        ("transaction", {**ENTRY, "revision": 1}, "transaction_revision_check"),
        ("transaction", {**ENTRY, "transaction_type": "GIFT"}, "transaction_transaction_type_check"),
        ("transaction", {**ENTRY, "description": "x" * 101}, "transaction_description_check"),
        ("transaction", {**ENTRY, "line": 0}, "transaction_line_check"),
        ("transaction", {**ENTRY, "idempotency_key": "key"}, "transaction_has_one_cause"),
        ("transaction", {**ENTRY, "import_id": None, "line": None}, "transaction_has_one_cause"),
        ("transaction", {**ENTRY, "import_id": None}, "transaction_has_one_cause"),
        ("transaction", {**ENTRY, "line": None}, "transaction_has_one_cause"),
        ("transaction", {**BY_REQUEST, "line": 2}, "transaction_has_one_cause"),
        ("transaction", {**BY_REQUEST, "idempotency_key": ""}, "transaction_idempotency_key_check"),
        ("transaction", {**BY_REQUEST, "idempotency_key": "x" * 257}, "transaction_idempotency_key_check"),
        ("contact", {**CONTACT, "email": "a"}, "contact_email_check"),
        ("contact", {**CONTACT, "email": "a" * 321}, "contact_email_check"),
        ("contact", {**CONTACT, "first_name": "x" * 101}, "contact_first_name_check"),
        ("contact", {**CONTACT, "last_name": "x" * 101}, "contact_last_name_check"),
        ("contact", {**CONTACT, "revision": 0}, "contact_revision_check"),
        ("contact", {**CONTACT, "site_id": UUID(int=9)}, "contact_site_id_fkey"),
        ("api_key", {**KEY, "scopes": []}, "api_key_scopes_check"),
        ("api_key", {**KEY, "scopes": ["imports", "everything"]}, "api_key_scopes_check"),
        ("api_key", {**KEY, "secret_hash": bytes(31)}, "api_key_secret_hash_check"),
        ("api_key", {**KEY, "name": ""}, "api_key_name_check"),
        ("site", {"site_id": UUID(int=9), "name": "", "is_default": False, "created_date": NOW}, "site_name_check"),
    ],
)
def test_an_unsound_row_is_refused(owner: psycopg.Connection, table: str, row: Values, constraint: str) -> None:
    assert refused_by(owner, table, row) == constraint


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({}, None),
        ({"outcome": "UNPROCESSED"}, None),
        ({"outcome": "UNCHANGED", "problem": None}, None),
        ({"problem": None}, "import_row_failure_has_problem"),
        ({"outcome": "UNPROCESSED", "problem": None}, "import_row_failure_has_problem"),
        ({"outcome": "UNCHANGED"}, "import_row_failure_has_problem"),
        ({"outcome": "IMPORTED", "problem": None}, None),
        ({"outcome": "MERGED", "problem": None}, None),
        ({"outcome": "MERGED"}, "import_row_failure_has_problem"),
        ({"outcome": "VANISHED"}, "import_row_outcome_check"),
        ({"line": 0}, "import_row_line_check"),
    ],
)
def test_an_outcome_has_a_problem_just_when_the_row_failed(
    owner: psycopg.Connection, changes: Values, constraint: str | None
) -> None:
    insert(owner, "loyalty_import", an_import(Status.INITIATED))
    assert refused_by(owner, "import_row", {**ROW, **changes}) == constraint


@pytest.mark.parametrize(
    ("table", "row", "again"),
    [
        # The second lock against applying a row twice: one entry for a line of an import, whatever the account.
        ("transaction", ENTRY, {"account_id": UUID(int=8), "revision": 5}),
        # Entries of an account are numbered without doubles.
        ("transaction", ENTRY, {"id": UUID(int=8)}),
        ("transaction", BY_REQUEST, {"id": UUID(int=8), "account_id": UUID(int=8)}),
        ("contact", CONTACT, {"id": UUID(int=8)}),
        ("account", ACCOUNT, {}),
        ("api_key", KEY, {"id": UUID(int=8)}),
    ],
)
def test_what_is_unique_is_unique_within_a_site(
    owner: psycopg.Connection, table: str, row: Values, again: Values
) -> None:
    other = uuid4()
    insert(owner, "site", {"site_id": other, "name": "Other Shop", "is_default": False, "created_date": NOW})
    insert(owner, table, row)
    assert refused_by(owner, table, {**row, **again}) is not None
    assert refused_by(owner, table, {**row, **again, "site_id": other}) is None
