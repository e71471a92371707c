"""The machine that is measured on: what it is, and how much two processes on it are worth."""

import multiprocessing
import os
import platform
import statistics
import time
from multiprocessing.pool import Pool

NUMBERS = range(200_000)
TIMES = 100
ROUNDS = 10


def facts() -> str:
    """Return what a reader has to know of the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, Python"
        f" {platform.python_version()}, the embedded PostgreSQL with its own settings"
    )


def slowdown_of_two() -> float:
    """Return how many times as long a process takes that computes while another one does, by the medians.

    1 on a machine of two cores; up to 2 where they are two threads of a single one, or its host lends them out: then what
    it has is given to one process or to the other.
    No division of work in two can be faster than half of that.
    """
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        _computing(pool, 2)  # The first time they are still starting.
        rounds = [(_computing(pool, 2), _computing(pool, 1)) for _ in range(ROUNDS)]
    return statistics.median(two for two, _ in rounds) / statistics.median(one for _, one in rounds)


def _computing(pool: Pool, processes: int) -> float:
    return max(pool.map(_compute, range(processes), chunksize=1))


def _compute(_: int) -> float:
    """Sum up numbers, which needs nothing that another process could have; returns the seconds."""
    begun = time.perf_counter()
    for _ in range(TIMES):
        sum(NUMBERS)
    return time.perf_counter() - begun
