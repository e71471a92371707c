"""Bytes in and out, by signed URLs."""
