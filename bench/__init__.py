"""Measurements: not run by the tests, written into the documentation."""
