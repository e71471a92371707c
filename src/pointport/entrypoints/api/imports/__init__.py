"""The Imports API: one file per call (contract.md 2)."""
