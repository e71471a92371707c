"""The same import as a Django or SQLAlchemy project would write it: run with .venv/bench, a process each."""
