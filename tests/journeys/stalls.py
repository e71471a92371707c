"""Sites with the same customers and the same past: one is made, and every test gets a copy in a moment."""

from psycopg import sql

from pointport.plumbing.sites import sites
from tests.conftest import Story

TABLES = ("contact", "account", "loyalty_import", "import_row", "transaction")


def copied(model: Story) -> tuple[Story, str]:
    """Make a site with all that is on another; returns it with its key."""
    app = model.app
    made, key = sites.create_site(app.database, "Stall", default=False, actor="test", now=app.clock())
    with app.database.owner_transaction() as connection:
        for table in TABLES:
            named = connection.execute(
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND table_name = %s AND column_name <> 'site_id'",
                [table],
            ).fetchall()
            columns = sql.SQL(", ").join(sql.Identifier(row["column_name"]) for row in named)
            copy = sql.SQL("INSERT INTO {} (site_id, {}) SELECT %s, {} FROM {} WHERE site_id = %s")
            connection.execute(
                copy.format(sql.Identifier(table), columns, columns, sql.Identifier(table)),
                [made.id, model.site_id],
            )
    return Story(app, made.id), key
