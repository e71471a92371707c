"""Answers that are no success (contract.md 1.6): each is an error as the code raises it, so its shape is the real one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from pointport.entrypoints.api.examples.example import (
    ACCOUNT_ID,
    EVENT_ID,
    FILE_URL,
    IMPORT_ID,
    JOB_ID,
    KEY_ID,
    TRANSACTION_ID,
    UNDO_ID,
    WEBHOOK_ID,
)
from pointport.entrypoints.api.examples.transactions import IDEMPOTENCY_KEY
from pointport.entrypoints.api.problems import STATUS
from pointport.errors import (
    Conflict,
    FileRejected,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    PointportError,
    PreconditionFailed,
    Rule,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Violation,
)


@dataclass(frozen=True)
class Failure:
    """One kind of answer, and the errors that are told by it, at least one."""

    errors: tuple[PointportError, ...]
    told_as: HTTPStatus | None = None
    """Another status than the table's."""

    @property
    def status(self) -> HTTPStatus:
        """The status of the answer."""
        return self.told_as or STATUS[type(self.errors[0])]


def _invalid(field: str, description: str, rule: Rule, **data: object) -> InvalidRequest:
    return InvalidRequest(Violation(field, description, rule, data))


def _inactive(to: str) -> PreconditionFailed:
    return PreconditionFailed(
        f"the loyalty program is DRAFT; to {to}, activate it (POST /loyalty-programs/v1/program/activate,"
        " or `pointport program activate`)",
        code="PROGRAM_NOT_ACTIVE",
        data={"status": "DRAFT"},
    )


NO_IMPORT = NotFound(f"loyalty import {IMPORT_ID} not found")
NO_FILE = NotFound(f"no file was uploaded to {FILE_URL}", code="FILE_NOT_FOUND")
NO_CONTACT = NotFound(f"there is no contact {ACCOUNT_ID}", code="CONTACT_NOT_FOUND")
NO_WEBHOOK = NotFound(f"there is no webhook {WEBHOOK_ID}", code="WEBHOOK_NOT_FOUND")
CHANGED = Conflict(
    "entity has already changed since the requested revision", code="INVALID_REVISION", data={"currentRevision": "7"}
)

BODY_TOO_LARGE = _invalid("body", "is larger than 1048576 bytes", "MAX_SIZE", threshold=1_048_576)
FILE_TOO_LARGE = TooLarge(
    "the file is larger than 10,485,760 bytes, the most this server takes here;"
    " split it, or have the server's operator raise the limit (`pointport settings`)",
    code="FILE_TOO_LARGE",
    data={"maxBytes": 10_485_760},
)


def _in_status(message: str, status: str) -> PreconditionFailed:
    return PreconditionFailed(message, code="INVALID_IMPORT_STATUS", data={"status": status})


FAILURES: Mapping[str, Failure] = {
    # 400
    "InvalidRequest": Failure((_invalid("body", "is not valid JSON", "FORMAT"),)),
    "InvalidParameter": Failure((_invalid("id", "value 'nope' is not a valid GUID", "FORMAT", type="GUID"),)),
    "InvalidImportId": Failure(
        (_invalid("loyaltyImportId", "value 'nope' is not a valid GUID", "FORMAT", type="GUID"),)
    ),
    "InvalidMapping": Failure(
        (_invalid("headerMappingInfo.headerMappings", "must contain exactly 2 items", "MIN_SIZE", threshold=2),)
    ),
    "InvalidRetry": Failure(
        (
            _invalid("fileUrl", "or corrections: one of them must be given, and not both", "OTHER"),
            _invalid(
                "fileUrl",
                "is no error file of ours: its last columns must be"
                ' "Import line", "Import status", "Error code", "Error reason".'
                " Correct the error file of this import, and leave its columns as they are.",
                "OTHER",
            ),
            _invalid(
                "fileUrl", "the lines 4 went through meanwhile, or are just being tried again; take them out", "OTHER"
            ),
            _invalid("corrections", "the lines 2 did not fail, so there is nothing to correct", "OTHER"),
        )
    ),
    "InvalidQuery": Failure((_invalid("query.cursorPaging.limit", "must be at most 100", "MAX", threshold=100),)),
    "InvalidSearch": Failure((_invalid("search.aggregations", "is not offered", "FIELD_NOT_ALLOWED"),)),
    "InvalidChoice": Failure((_invalid("contactId", "is needed, or else memberId", "REQUIRED_FIELD"),)),
    "InvalidAmount": Failure((_invalid("balance", "is missing, or else amount", "REQUIRED_FIELD"),)),
    "InvalidLength": Failure((_invalid("Content-Length", "must be a number of bytes", "FORMAT"),)),
    "UnreadableContacts": Failure(
        (
            _invalid("email", '"Mail" is no column; there are Name, Email', "VALIDATION"),
            FileRejected("The file is empty. Export it again and look at its size.", code="EMPTY_FILE"),
        )
    ),
    # 401, 403
    "Unauthenticated": Failure((Unauthenticated("the API key in the Authorization header is unknown or revoked"),)),
    "PermissionDenied": Failure(
        (PermissionDenied("the wix-site-id header must name the site that the API key belongs to"),)
    ),
    "NoMember": Failure(
        (
            PermissionDenied(
                "my-account is for a site member who has signed in, and an API key is none; use GET /v1/accounts/{id},"
                " or GET /v1/accounts/fetch-by?contactId=…",
                code="NO_MEMBER",
            ),
        )
    ),
    "OperatorOnly": Failure(
        (PermissionDenied("only the operator may do this: use the pointport command on the server's machine"),)
    ),
    "InvalidUploadUrl": Failure(
        (
            PermissionDenied("this upload URL has expired; ask for a new one", code="UPLOAD_URL_EXPIRED"),
            PermissionDenied(
                "this upload URL was not made by this server, or was altered; ask for a new one",
                code="UPLOAD_URL_INVALID",
            ),
        )
    ),
    "InvalidDownloadUrl": Failure(
        (
            PermissionDenied("this download URL has expired; ask for a new one", code="DOWNLOAD_URL_EXPIRED"),
            PermissionDenied(
                "this download URL was not made by this server, or was altered; ask for a new one",
                code="DOWNLOAD_URL_INVALID",
            ),
        )
    ),
    "InvalidCertificateUrl": Failure(
        (
            PermissionDenied("this certificate URL has expired; ask for a new one", code="CERTIFICATE_URL_EXPIRED"),
            PermissionDenied(
                "this certificate URL was not made by this server, or was altered; ask for a new one",
                code="CERTIFICATE_URL_INVALID",
            ),
        )
    ),
    "InvalidReportUrl": Failure(
        (
            PermissionDenied("this report URL has expired; ask for a new one", code="REPORT_URL_EXPIRED"),
            PermissionDenied(
                "this report URL was not made by this server, or was altered; ask for a new one",
                code="REPORT_URL_INVALID",
            ),
        )
    ),
    # 404
    "NotFound": Failure((NotFound("there is no such thing"),)),
    "ImportNotFound": Failure((NO_IMPORT,)),
    "ErrorFileNotFound": Failure(
        (NO_IMPORT, NotFound(f"import {IMPORT_ID} has no error file", code="ERROR_FILE_NOT_FOUND"))
    ),
    "RowsNotFound": Failure(
        (NO_IMPORT, NotFound(f"import {IMPORT_ID} has no preview that was finished", code="PREVIEW_NOT_FOUND"))
    ),
    "ReportNotFound": Failure(
        (
            NO_IMPORT,
            NotFound(f"import {IMPORT_ID} was not executed, so there is nothing to report", code="REPORT_NOT_FOUND"),
        )
    ),
    "ReportGone": Failure((NotFound(f"the file of import {IMPORT_ID} is kept no longer", code="REPORT_NOT_FOUND"),)),
    "PreviewNotFound": Failure(
        (NO_IMPORT, NotFound(f"import {IMPORT_ID} has no preview; ask for one", code="PREVIEW_NOT_FOUND"))
    ),
    "RetryNotFound": Failure((NO_IMPORT, NO_FILE)),
    "UploadNotFound": Failure((NO_FILE,)),
    "FileNotFound": Failure((NotFound(f"no file at {FILE_URL.removeprefix('/')}", code="FILE_NOT_FOUND"),)),
    "AccountNotFound": Failure((NotFound(f"there is no loyalty account {ACCOUNT_ID}", code="ACCOUNT_NOT_FOUND"),)),
    "TransactionNotFound": Failure(
        (NotFound(f"there is no loyalty transaction {TRANSACTION_ID}", code="TRANSACTION_NOT_FOUND"),)
    ),
    "JobNotFound": Failure((NotFound(f"there is no job {JOB_ID}", code="JOB_NOT_FOUND"),)),
    "ContactNotFound": Failure((NO_CONTACT,)),
    "AddressNotFound": Failure(
        (NotFound("no contact has the e-mail address 'ada@example.com'", code="CONTACT_NOT_FOUND"),)
    ),
    "WebhookNotFound": Failure((NO_WEBHOOK,)),
    "DeliveryNotFound": Failure(
        (
            NO_WEBHOOK,
            NotFound(f"webhook {WEBHOOK_ID} has no delivery of the event {EVENT_ID}", code="DELIVERY_NOT_FOUND"),
        )
    ),
    "KeyNotFound": Failure((NotFound(f"there is no key {KEY_ID}"),)),
    # 409
    "Conflict": Failure((CHANGED,)),
    "AccountExists": Failure((Conflict("the contact has a loyalty account already", data={"accountId": ACCOUNT_ID}),)),
    "KeyReused": Failure(
        (
            Conflict(
                f"the idempotency key {IDEMPOTENCY_KEY!r} was used for another request; a new request needs a key of"
                " its own",
                code="IDEMPOTENCY_KEY_REUSED",
            ),
        )
    ),
    "ContactExists": Failure((Conflict("there is a contact with the e-mail address 'ada@example.com' already"),)),
    "ContactChanged": Failure(
        (CHANGED, Conflict("there is another contact with the e-mail address 'ada@example.com'"))
    ),
    "ContactHasAccount": Failure(
        (
            Conflict(
                "the contact has a loyalty account, and what stands in the ledger stays; set its balance to 0 instead",
                code="CONTACT_HAS_ACCOUNT",
                data={"accountId": ACCOUNT_ID},
            ),
        )
    ),
    # 413
    "BodyTooLarge": Failure((BODY_TOO_LARGE,), HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    "TooLarge": Failure((FILE_TOO_LARGE,)),
    "BodyOrFileTooLarge": Failure((BODY_TOO_LARGE, FILE_TOO_LARGE), HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    # 428
    "PreconditionFailed": Failure((_inactive("adjust points"),)),
    "ImportNotParsed": Failure(
        (
            _in_status("import must be PARSED to execute", "IMPORTING"),
            _inactive("execute an import"),
            PreconditionFailed(
                f"this very file was imported before, on 2024-09-17 by import {IMPORT_ID}: its points would be added a"
                " second time. If that is meant, say so with allowRepeat.",
                code="FILE_REPEATED",
                data={
                    "loyaltyImportId": IMPORT_ID,
                    "executedDate": datetime(2024, 9, 17, 11, 5, 2, 22_000, tzinfo=UTC),
                },
            ),
        )
    ),
    "CannotPreview": Failure(
        (_in_status("only an import that is PARSED can be previewed, and this one is IMPORTING", "IMPORTING"),)
    ),
    "CannotCancel": Failure(
        (_in_status("only an import that is IMPORTING can be cancelled, and this one is IMPORTED", "IMPORTED"),)
    ),
    "CannotUndo": Failure(
        (
            _in_status("only an import that has ended can be undone, and this one is IMPORTING", "IMPORTING"),
            PreconditionFailed(
                "this import is undone already, or about to be", code="ALREADY_UNDONE", data={"undoId": UNDO_ID}
            ),
            PreconditionFailed("this import has changed no balance: there is nothing to undo", code="NOTHING_TO_UNDO"),
            PreconditionFailed(
                f"{UNDO_ID} is the undo of import {IMPORT_ID}, and an undo cannot be undone: import the file again",
                code="UNDO_OF_UNDO",
            ),
        )
    ),
    "CannotRetry": Failure(
        (
            _in_status(
                "only an import that was executed and has ended can be tried again, and this one is IMPORTING",
                "IMPORTING",
            ),
            PreconditionFailed(
                "no row of this import has failed: there is nothing to try again", code="NOTHING_TO_RETRY"
            ),
            PreconditionFailed(
                "the rows of this import are kept no longer: import them as a new file", code="ROWS_ERASED"
            ),
        )
    ),
    "NotCertified": Failure(
        (
            PreconditionFailed(
                "an import must have been executed and have ended to be certified",
                code="INVALID_IMPORT_STATUS",
                data={"status": "PARSED"},
            ),
            PreconditionFailed(
                "the ledger is not sound, so nothing is certified: points.added must be 35, and is 34;"
                " `pointport ledger verify` says more",
                code="LEDGER_NOT_SOUND",
                data={"name": "points.added", "expected": 35, "found": 34},
            ),
            PreconditionFailed(
                "the key that signs webhooks and certificates was made with another POINTPORT_SECRET; set that again, or"
                " make a new key with `pointport webhook key rotate`",
                code="SIGNING_KEY_UNREADABLE",
            ),
        )
    ),
    "ImportNotEnded": Failure(
        (
            PreconditionFailed(
                f"import {IMPORT_ID} has not ended yet; its report can be had when it has",
                code="INVALID_IMPORT_STATUS",
                data={"status": "IMPORTING"},
            ),
        )
    ),
    "ProgramNotActive": Failure((_inactive("make accounts"),)),
    "NothingToPause": Failure(
        (
            PreconditionFailed(
                "the program is a draft: nobody earns yet, so there is nothing to pause",
                code="PROGRAM_NOT_ACTIVE",
                data={"status": "DRAFT"},
            ),
        )
    ),
    "CannotEarn": Failure(
        (
            _inactive("earn points"),
            PreconditionFailed(
                "the balance would be 1000000018; it cannot be more than 999999999",
                code="BALANCE_TOO_LARGE",
                data={"balance": 1_000_000_018, "maxBalance": 999_999_999},
            ),
        )
    ),
    "CannotAdjust": Failure(
        (
            _inactive("adjust points"),
            PreconditionFailed(
                "the balance would be -5; it cannot be less than 0",
                code="BALANCE_WOULD_BE_NEGATIVE",
                data={"balance": -5},
            ),
        )
    ),
    "UploadUrlUsed": Failure(
        (
            PreconditionFailed(
                "this upload URL is used up: an import was made of its file; ask for a new one", code="UPLOAD_URL_USED"
            ),
        )
    ),
    # 429, 503
    "TooManyRequests": Failure(
        (TooManyRequests("the API key has made more than 600 requests in a minute; wait a minute and go on"),)
    ),
    "Unavailable": Failure((Unavailable("the database is not available just now; try again in a moment"),)),
}
"""By what the description calls them. Those called like an error are the answers of calls that have none of their own."""

BY_CALL: Mapping[str, tuple[str, ...]] = {
    "create_import": ("UploadNotFound", "BodyOrFileTooLarge"),
    "get_import": ("InvalidImportId", "ImportNotFound"),
    "execute_import": ("InvalidMapping", "ImportNotFound", "ImportNotParsed"),
    "preview_import": ("InvalidMapping", "ImportNotFound", "CannotPreview"),
    "get_preview": ("InvalidImportId", "PreviewNotFound"),
    "cancel_import": ("InvalidImportId", "ImportNotFound", "CannotCancel"),
    "undo_import": ("InvalidImportId", "ImportNotFound", "CannotUndo"),
    "preview_undo": ("InvalidImportId", "ImportNotFound", "CannotUndo"),
    "get_undo_preview": ("InvalidImportId", "PreviewNotFound"),
    "retry_import": ("InvalidRetry", "RetryNotFound", "BodyOrFileTooLarge", "CannotRetry"),
    "get_error_file_url": ("InvalidImportId", "ErrorFileNotFound"),
    "get_certificate": ("InvalidImportId", "ImportNotFound", "NotCertified"),
    "query_imports": ("InvalidQuery",),
    "query_rows": ("InvalidQuery", "RowsNotFound"),
    "get_report_url": ("InvalidImportId", "ReportNotFound", "ImportNotEnded"),
    "explain_import": ("InvalidImportId", "ImportNotFound"),
    "create_account": ("ContactNotFound", "AccountExists", "ProgramNotActive"),
    "fetch_account": ("InvalidChoice", "AccountNotFound"),
    "get_account": ("AccountNotFound",),
    "query_accounts": ("InvalidQuery",),
    "search_accounts": ("InvalidSearch",),
    "earn_points": ("AccountNotFound", "KeyReused", "CannotEarn"),
    "adjust_points": ("InvalidAmount", "AccountNotFound", "CannotAdjust"),
    "bulk_adjust": ("InvalidAmount",),
    "get_my_account": ("NoMember",),
    "get_async_job": ("JobNotFound",),
    "show_account": ("AddressNotFound",),
    "get_transaction": ("TransactionNotFound",),
    "query_transactions": ("InvalidQuery",),
    "pause_program": ("NothingToPause",),
    "create_contact": ("ContactExists",),
    "get_contact": ("ContactNotFound",),
    "update_contact": ("ContactNotFound", "ContactChanged"),
    "delete_contact": ("ContactNotFound", "ContactHasAccount"),
    "query_contacts": ("InvalidQuery",),
    "load_contacts": ("UnreadableContacts", "UploadNotFound"),
    "upload_file": ("InvalidLength", "InvalidUploadUrl", "TooLarge", "UploadUrlUsed"),
    "upload_file_by_post": ("InvalidLength", "InvalidUploadUrl", "TooLarge", "UploadUrlUsed"),
    "download_report": ("InvalidReportUrl", "ReportGone", "ImportNotEnded"),
    "download_file": ("InvalidDownloadUrl", "FileNotFound"),
    "show_certificate": ("InvalidCertificateUrl", "ImportNotFound", "NotCertified"),
    "get_webhook": ("WebhookNotFound",),
    "change_webhook": ("WebhookNotFound",),
    "delete_webhook": ("WebhookNotFound",),
    "list_deliveries": ("WebhookNotFound",),
    "send_again": ("DeliveryNotFound",),
    "list_sites": ("OperatorOnly",),
    "create_site": ("OperatorOnly",),
    "revoke_key": ("KeyNotFound",),
}
"""The answers that a call has of its own, by the call's name; each takes the place of the common one of its status."""
