"""What somebody is at work on."""

from uuid import UUID

from pointport.plumbing.database.named_sql import load
from pointport.plumbing.database.pool import Connection

QUERIES = load(__file__)


def subjects_at_work(connection: Connection) -> list[UUID]:
    """Return what the jobs are about that wait or run: imports, jobs over accounts, subscribers."""
    rows = connection.execute(QUERIES["list_subjects"]).fetchall()
    return [UUID(row["subject_id"]) for row in rows if row["subject_id"]]
