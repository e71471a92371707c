"""What goes to an upload URL and comes from a download URL (contract.md 2.2, 5.4), or from a certificate's."""

from collections.abc import Mapping

from pointport.entrypoints.api.examples.example import TRANSACTION_ID, Example

ERROR_FILE = (
    "Name,Email,Points balance,Import line,Import status,Error code,Error reason\r\n"
    'Dan Brown,dan@example.com,5,4,FAILED,CONTACT_NOT_FOUND,"No contact of this site has the e-mail address'
    ' ""dan@example.com"". Check the spelling, or add the contact first."\r\n'
)
REPORT = (
    "Name,Email,Points balance,Import line,Import status,Error code,Error reason,Points before,Points after,Transaction\r\n"
    f"Bob Smith,bob@example.com,20,3,IMPORTED,,,5,20,{TRANSACTION_ID}\r\n"
    'Dan Brown,dan@example.com,5,4,FAILED,CONTACT_NOT_FOUND,"No contact of this site has the e-mail address'
    ' ""dan@example.com"". Check the spelling, or add the contact first.",,,\r\n'
)

PAGE = "<!doctype html>…"

EXAMPLES: Mapping[str, Example] = {
    "upload_file": Example({}),
    "upload_file_by_post": Example({}),
    "download_file": Example(ERROR_FILE),
    "show_certificate": Example(PAGE),
    "download_report": Example(REPORT),
}
