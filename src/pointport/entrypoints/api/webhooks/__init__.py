"""Webhooks: who is told of what, and what was sent (contract.md 7)."""
