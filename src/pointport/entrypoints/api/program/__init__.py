"""The Programs API: one file per call (contract.md 6.4)."""
