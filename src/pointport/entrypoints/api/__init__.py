"""The REST API: one file for each call, `wire` for its JSON, `problems.py` for its errors, `auth.py` for who may."""
