"""A connection, for tests of what runs on one."""

from collections.abc import Iterator

import psycopg
import pytest


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a migrated database of the test's own, as the owner."""
    with psycopg.connect(database_url) as opened:
        yield opened
