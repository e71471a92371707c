"""The Transactions API: one file per call (contract.md 6.3)."""
