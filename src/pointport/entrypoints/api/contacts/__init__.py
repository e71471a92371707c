"""Contacts: one file per call (contract.md 6.5)."""
