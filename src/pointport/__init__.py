"""Pointport moves loyalty points in bulk, safely."""

__version__ = "0.1.0"
