"""The worker goes on whatever fails beside the jobs, and ends when it is told to."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from pointport.app import App
from pointport.entrypoints import worker
from pointport.errors import Unavailable
from pointport.imports import steps
from pointport.plumbing import queue
from pointport.plumbing.database.ids import new_id
from tests.conftest import Site

PATIENCE_SECONDS = 30.0
"""Only a test that fails waits so long."""


@contextmanager
def at_work(app: App) -> Iterator[worker.Worker]:
    """Run a worker for the length of the block."""
    running = worker.Worker(app)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.stop()
        thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def enqueue(app: App, site: Site, done: dict[UUID, threading.Event]) -> threading.Event:
    """Add a job, and return what is set once it is done."""
    subject_id = new_id()
    done[subject_id] = threading.Event()
    with app.database.owner_transaction() as connection:
        queue.enqueue(connection, steps.RUN_TASK, site_id=site.id, subject_id=subject_id, lock=str(subject_id))
    return done[subject_id]


def warnings(told: list[Any]) -> list[str]:
    """Return what was said aloud."""
    return [one["event"] for one in told if one["log_level"] in {"warning", "error"}]


def give_up_never(*_: object) -> None:
    raise AssertionError("nothing is given up here")


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> dict[UUID, threading.Event]:
    """What is set when a job is done, by what the job is about; the worker can do no others."""
    seen: dict[UUID, threading.Event] = {}

    def do(_: App, __: UUID, subject_id: UUID, ___: object) -> None:
        seen[subject_id].set()

    monkeypatch.setattr(worker, "STEPS", {steps.RUN_TASK: (do, do)})
    return seen


def test_what_cannot_be_erased_keeps_nobody_from_work(
    app: App, site: Site, done: dict[UUID, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def refuse(_: App) -> int:
        tried.set()
        raise Unavailable("the file store is not available just now")

    monkeypatch.setattr(steps, "erase_expired", refuse)
    with capture_logs() as told, at_work(app):
        assert tried.wait(PATIENCE_SECONDS)
        assert enqueue(app, site, done).wait(PATIENCE_SECONDS)
    assert warnings(told) == ["what is kept no longer was not erased; that is tried again in an hour"]


def test_a_fault_in_the_sweep_is_logged_and_the_worker_sweeps_on(
    app: App, site: Site, done: dict[UUID, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    again = threading.Event()

    def fail_once(_: App) -> int:
        looked.append(1)
        if len(looked) == 1:
            raise KeyError("a fault of ours")
        again.set()
        return 0

    quick = app.settings.model_copy(update={"sweep_seconds": 0.05})
    monkeypatch.setattr(steps, "enqueue_lost", fail_once)
    with capture_logs() as told, at_work(App(**{**vars(app), "settings": quick})):
        assert again.wait(PATIENCE_SECONDS)
        assert enqueue(app, site, done).wait(PATIENCE_SECONDS)
    assert warnings(told) == ["lost work was not looked for; that is tried again soon"]


def test_whatever_fails_beside_the_jobs_is_logged_and_the_worker_begins_anew(
    app: App, site: Site, done: dict[UUID, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    async def fail_once(_: worker.Worker) -> None:
        held.append(1)
        if len(held) == 1:
            raise KeyError("a fault of ours")
        await asyncio.sleep(PATIENCE_SECONDS)

    monkeypatch.setattr(worker.Worker, "_hold_on", fail_once)
    monkeypatch.setattr(worker, "REVIVE_SECONDS", 0)
    with capture_logs() as told, at_work(app):
        assert enqueue(app, site, done).wait(PATIENCE_SECONDS)
        while len(held) < 2:
            assert enqueue(app, site, done).wait(PATIENCE_SECONDS)
        assert enqueue(app, site, done).wait(PATIENCE_SECONDS)
    assert warnings(told) == ["the worker failed; it begins anew"]


def test_a_job_stops_where_it_can_when_its_worker_begins_anew(
    app: App, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody says meanwhile that its worker lives, and another one would take it up beside it."""
    begun, stopped, done = threading.Event(), threading.Event(), threading.Event()

    def work(_: App, __: UUID, ___: UUID, is_stopping: Callable[[], bool]) -> None:
        if stopped.is_set():
            done.set()
            return
        begun.set()
        while not is_stopping():
            time.sleep(0.001)
        stopped.set()
        raise Unavailable("the worker is stopping; another goes on")

    async def fail_once(_: worker.Worker) -> None:
        while not begun.is_set():
            await asyncio.sleep(0.001)
        if not stopped.is_set():
            raise KeyError("a fault of ours")
        await asyncio.sleep(PATIENCE_SECONDS)

    monkeypatch.setattr(worker, "STEPS", {steps.RUN_TASK: (work, give_up_never)})
    monkeypatch.setattr(worker.Worker, "_hold_on", fail_once)
    monkeypatch.setattr(worker, "REVIVE_SECONDS", 0)
    monkeypatch.setattr(worker, "RETRY_WHEN_UNAVAILABLE_SECONDS_MAX", 0)
    with at_work(app):
        enqueue(app, site, {})
        assert stopped.wait(PATIENCE_SECONDS)
        assert done.wait(PATIENCE_SECONDS)


def test_outages_and_deaths_do_not_count_as_tries_of_a_job_that_fails_by_a_fault_of_ours(
    app: App, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[int] = []
    given_up: list[UUID] = []

    def fail(*_: object) -> None:
        faults.append(1)
        raise RuntimeError

    def give_up(_: App, __: UUID, subject_id: UUID) -> None:
        given_up.append(subject_id)
        running.stop()

    monkeypatch.setattr(worker, "STEPS", {steps.RUN_TASK: (fail, give_up)})
    monkeypatch.setattr(worker, "RETRY_SECONDS_MAX", 0)
    subject_id = new_id()
    with app.database.owner_transaction() as connection:
        queue.enqueue(connection, steps.RUN_TASK, site_id=site.id, subject_id=subject_id, lock=str(subject_id))
        connection.execute("UPDATE procrastinate_jobs SET attempts = 7")
    running = worker.Worker(app)
    running.run()
    assert given_up == [subject_id]
    assert len(faults) == app.settings.attempts_max


def test_a_worker_ends_even_if_one_of_its_helpers_misses_that_it_is_to_end(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []

    async def miss_it_once(_: worker.Worker) -> None:
        """Wait as `asyncio.wait_for` does before Python 3.12 when the answer comes together with the cancellation."""
        running.stop()
        while len(told) < 2:
            try:
                await asyncio.sleep(PATIENCE_SECONDS)
            except asyncio.CancelledError:
                told.append(1)

    monkeypatch.setattr(worker, "ASK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(worker.Worker, "_hold_on", miss_it_once)
    running = worker.Worker(app)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert len(told) == 2
