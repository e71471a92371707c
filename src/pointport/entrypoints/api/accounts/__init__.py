"""The Accounts API: one file per call (contract.md 6.2)."""
