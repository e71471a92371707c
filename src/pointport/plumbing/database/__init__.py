"""PostgreSQL: the embedded server, the pool and its transactions, named queries, migrations."""
