"""Signed tickets: a URL part that lets its bearer put, get or see one thing until a moment, and nothing else."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from pointport.errors import PermissionDenied

Purpose = Literal["upload", "download", "certificate", "report"]


@dataclass(frozen=True)
class Ticket:
    """What a ticket is good for: one purpose, one site's one file, its largest size, the name a download is saved under.

    Of a report, which is made as it is had, the path is the id of the import.
    """

    purpose: Purpose
    site_id: UUID
    path: str
    bytes_max: int = 0
    file_name: str = ""


class TicketOffice:
    """Issues tickets and checks them, with one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, ticket: Ticket) -> str:
        """Return the ticket as URL-safe text."""
        return self._serializer(ticket.purpose).dumps(
            [str(ticket.site_id), ticket.path, ticket.bytes_max, ticket.file_name]
        )

    def check(self, text: str, purpose: Purpose, life_seconds: int) -> Ticket:
        """Return what a ticket is good for. Raises PermissionDenied when it is altered, expired or for another purpose."""
        try:
            site_id, path, bytes_max, file_name = self._serializer(purpose).loads(text, max_age=life_seconds)
        except SignatureExpired as error:
            raise PermissionDenied(
                f"this {purpose} URL has expired; ask for a new one", code=f"{purpose.upper()}_URL_EXPIRED"
            ) from error
        except BadData as error:
            raise PermissionDenied(
                f"this {purpose} URL was not made by this server, or was altered; ask for a new one",
                code=f"{purpose.upper()}_URL_INVALID",
            ) from error
        return Ticket(purpose, UUID(site_id), path, bytes_max, file_name)

    def _serializer(self, purpose: Purpose) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._secret, salt=f"pointport.{purpose}")
