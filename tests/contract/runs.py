"""Previews and undos written into the database by hand, row by row: what is read of them is told apart from the making."""

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from pointport.imports.record import LoyaltyImport
from pointport.ledger.transactions import entry_id
from pointport.plumbing.database.ids import new_id
from tests.conftest import Story


def add_run(story: Story, of: LoyaltyImport, kind: str, *rows: dict[str, Any], status: str = "DONE") -> UUID:
    """Write down a run and its rows, each with `line`, `outcome` and what else there is to it; returns the run's id."""
    run_id, now = new_id(), story.app.clock()
    mapping = (of.email_index or 0, 1 if of.points_index is None else of.points_index)
    with story.app.database.transaction(story.site_id) as connection:
        connection.execute(
            "INSERT INTO import_run (site_id, id, import_id, kind, status, email_index, points_index, options, actor,"
            " applied_rows, summary, created_date, updated_date, finished_date)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, '{}', 'test', 0, %s, %s, %s, %s)",
            [
                *(story.site_id, run_id, of.id, kind, status),
                *(mapping if kind == "PREVIEW" else (None, None)),
                *(Jsonb({}) if status == "DONE" else None, now, now, None if status == "RUNNING" else now),
            ],
        )
        for row in rows:
            connection.execute(
                "INSERT INTO import_row (site_id, import_id, line, outcome, problem, detail, email, points,"
                " balance_before, balance_after) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    *(story.site_id, run_id, row["line"], row["outcome"], row.get("problem")),
                    *(Jsonb(row["detail"]) if "detail" in row else None, row.get("email"), row.get("points")),
                    *(row.get("before"), row.get("after")),
                ],
            )
    return run_id


def note_preview(story: Story, of: LoyaltyImport, preview_id: UUID) -> None:
    """Write down that an import was executed after a preview."""
    with story.app.database.owner_transaction() as connection:
        connection.execute(
            "UPDATE loyalty_import SET preview_id = %s WHERE site_id = %s AND id = %s",
            [preview_id, of.site_id, of.id],
        )


def take_back(story: Story, run_id: UUID, of: LoyaltyImport, line: int) -> UUID:
    """Enter in the ledger that an undo took a line's points back; returns the entry's id."""
    undone = {"site_id": story.site_id, "run_id": run_id, "id": entry_id(run_id, line), "undone": entry_id(of.id, line)}
    with story.app.database.owner_transaction() as connection:
        connection.execute(
            "INSERT INTO transaction (site_id, id, account_id, revision, transaction_type, amount, amount_before,"
            " amount_after, description, created_date, import_id, line)"
            " SELECT site_id, %(id)s, account_id, revision + 1, 'ADJUST', -amount, amount_after, amount_before,"
            " 'Import undone', created_date, %(run_id)s, line"
            " FROM transaction WHERE site_id = %(site_id)s AND id = %(undone)s",
            undone,
        )
        connection.execute(
            "UPDATE account SET balance = balance + entry.amount, adjusted = adjusted + entry.amount,"
            " revision = entry.revision FROM transaction AS entry"
            " WHERE entry.site_id = account.site_id AND entry.account_id = account.id"
            " AND entry.site_id = %(site_id)s AND entry.id = %(id)s",
            undone,
        )
    return entry_id(run_id, line)
