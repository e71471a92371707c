"""The worker: claims jobs and calls the step that each names, until it is told to stop.

It may die at any instant, and so may the database. A job that was left behind is found by any other worker within
seconds: it shows as stalled when its worker's heartbeat stops, and the sweep puts it back. An import that has no job at
all, whatever the cause, gets a new one.
"""

import asyncio
import threading
from asyncio import Task
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import procrastinate
import structlog
from procrastinate import JobContext, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.worker import Worker as Line
from psycopg import AsyncConnection, OperationalError

from pointport.app import App
from pointport.errors import PointportError, Unavailable
from pointport.imports import previews, steps, undo
from pointport.ledger import adjusting
from pointport.plumbing import queue
from pointport.plumbing.idempotency import once
from pointport.plumbing.queries import plan_filter
from pointport.plumbing.sites import signing
from pointport.plumbing.webhooks import delivering, outbox
from pointport.plumbing.webhooks.delivering import Sent
from pointport.wire import events
from pointport.wire.accounts import ACCOUNTS

logger = structlog.get_logger(__name__)

Step = Callable[[App, UUID, UUID, Callable[[], bool]], None]
GiveUp = Callable[[App, UUID, UUID], None]

GONE = (ConnectorException, OperationalError, Unavailable)
"""What is raised when the database has gone, or somebody is stopping."""

FAULT = "A fault of ours stopped it; the server's log says more under its id."

QUEUE_CONNECTIONS_MAX = 4
WEBHOOKS_AT_ONCE_MAX = 4
"""Subscribers that one worker serves side by side."""
HELPERS_MAX = 4
"""Threads beside the jobs': looking for lost work, erasing, reviving the database, looking up its address."""
RETRY_SECONDS_MAX = 60
RETRY_WHEN_UNAVAILABLE_SECONDS_MAX = 5
TIDY_SECONDS = 3_600.0
REVIVE_SECONDS = 0.5
ASK_AGAIN_SECONDS = 1.0
"""After which it is said once more to what works that it is to end."""


def _fail_import(app: App, site_id: UUID, import_id: UUID) -> None:
    told = f"{FAULT} What was applied before it stays, and the other rows are listed in the error file."
    steps.fail(app, site_id, import_id, reason="INTERNAL_ERROR", message=told)


def _fail_preview(app: App, site_id: UUID, run_id: UUID) -> None:
    previews.fail(app, site_id, run_id, reason="INTERNAL_ERROR", message=FAULT)


def _fail_undo(app: App, site_id: UUID, run_id: UUID) -> None:
    undo.fail(app, site_id, run_id, message=f"{FAULT} What was taken back before it stays; undo it again to go on.")


def _adjust_accounts(app: App, site_id: UUID, job_id: UUID, is_stopping: Callable[[], bool]) -> None:
    adjusting.run(
        app.database,
        site_id,
        job_id,
        is_stopping,
        chosen=partial(plan_filter, ACCOUNTS),
        chunk_rows=app.settings.chunk_rows,
        points_max=app.settings.points_max,
        clock=app.clock,
    )


def _fail_adjusting(app: App, site_id: UUID, job_id: UUID) -> None:
    told = f"{FAULT} What was changed before it stays."
    adjusting.fail(app.database, site_id, job_id, message=told, now=app.clock())


def _deliver_webhooks(app: App, site_id: UUID, webhook_id: UUID, is_stopping: Callable[[], bool]) -> None:
    from pointport.plumbing.webhooks import sending  # noqa: PLC0415  (most servers have nobody to tell)

    def tell(event: Mapping[str, Any]) -> Sent:
        return sending.send(
            event["target_url"],
            signing.sign(app.database, site_id, events.claims(event, app.clock()), secret=app.secret),
            timeout_seconds=app.settings.webhook_timeout_seconds,
            private_allowed=app.settings.webhook_private_targets,
        )

    delivering.run(app.database, site_id, webhook_id, is_stopping, tell=tell, clock=app.clock)


def _leave_pending(_: App, __: UUID, ___: UUID) -> None:
    """What was not sent stays due, and the sweep comes back to it."""


STEPS: Mapping[str, tuple[Step, GiveUp]] = {
    steps.PARSE_TASK: (steps.parse, _fail_import),
    steps.RUN_TASK: (steps.run, _fail_import),
    steps.STOP_TASK: (steps.stop, _fail_import),
    previews.TASK: (previews.run, _fail_preview),
    undo.TASK: (undo.run, _fail_undo),
    adjusting.TASK: (_adjust_accounts, _fail_adjusting),
    outbox.TASK: (_deliver_webhooks, _leave_pending),
}
"""What each job's name means, and what is done when a fault of ours stays after the last try."""


class Worker:
    """A worker and the way to stop it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._stop_wanted = threading.Event()
        self._faults: Counter[int | None] = Counter()
        """How often each job has failed here by a fault of ours. Its attempts say as much of outages and deaths."""

    def run(self) -> None:
        """Work until `stop` is called; jobs that run then come to the end of their chunk."""
        asyncio.run(self._work())

    def stop(self) -> None:
        """Stop soon; may be called from any thread, or from a signal handler."""
        self._stop_wanted.set()
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                loop.call_soon_threadsafe(stop.set)

    async def _work(self) -> None:
        """Work, and begin anew whenever the database has gone or something else fails, until told to stop."""
        self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
        # A thread for each job that may run: by default there are as many as the machine has cores and four more, and
        # receivers that are slow to answer would keep them from the imports.
        threads = self._app.settings.worker_imports_max + WEBHOOKS_AT_ONCE_MAX + HELPERS_MAX
        self._loop.set_default_executor(ThreadPoolExecutor(threads, thread_name_prefix="work"))
        if self._stop_wanted.is_set():
            return
        while not self._stop.is_set():
            try:
                await self._work_while_database_lives(self._stop)
            except GONE as error:
                logger.warning("the database has gone; trying again", error=str(error.__cause__ or error))
            except Exception:
                # Nobody would notice that there is no worker any more.
                logger.exception("the worker failed; it begins anew")
            if not self._stop.is_set():
                await self._revive()

    async def _revive(self) -> None:
        """Start the embedded server if it is ours to start, and wait a moment."""
        assert self._stop is not None  # noqa: S101  (set by _work, the only caller)
        try:
            await asyncio.to_thread(self._app.database.revive)
        except PointportError as error:
            logger.warning("the database cannot be started", error=error.message)
        except Exception:
            logger.exception("the database cannot be started")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), REVIVE_SECONDS)

    async def _work_while_database_lives(self, stop: asyncio.Event) -> None:
        settings = self._app.settings
        jobs = queue.worker_app(self._app.database.conninfo, QUEUE_CONNECTIONS_MAX)
        over = threading.Event()

        def is_stopping() -> bool:
            return over.is_set() or self._stop_wanted.is_set()

        for name, (step, give_up) in STEPS.items():
            jobs.task(name=name, pass_context=True, retry=_Patience())(partial(self._do, step, give_up, is_stopping))
        async with jobs.open_async():
            lines = [
                self._line(jobs, queue.WORK, settings.worker_imports_max),
                self._line(jobs, queue.WEBHOOKS, WEBHOOKS_AT_ONCE_MAX),
            ]
            working = [asyncio.create_task(line.run()) for line in lines]  # type: ignore[no-untyped-call]  # procrastinate does not annotate it
            helpers = [asyncio.create_task(one) for one in (self._sweep(jobs), self._tidy(), self._hold_on())]
            stopping = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait([*working, stopping, *helpers], return_when=asyncio.FIRST_COMPLETED)
            finally:
                # From here on nobody says that this worker lives: its jobs stop where they can, and go on with the next.
                over.set()
                stopping.cancel()
                # What ends here may have to tell the database so, and that may be what has gone.
                reviving = [] if stop.is_set() else [asyncio.create_task(self._revive())]
                await _end(lines, working, helpers)
                outcomes = await asyncio.gather(*working, *helpers, *reviving, return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, Exception):
                    raise outcome

    def _line(self, jobs: procrastinate.App, name: str, at_once_max: int) -> Line:
        settings = self._app.settings
        return Line(
            jobs,
            queues=[name],
            concurrency=at_once_max,
            install_signal_handlers=False,
            fetch_job_polling_interval=settings.sweep_seconds,
            update_heartbeat_interval=settings.heartbeat_seconds,
            stalled_worker_timeout=settings.stalled_seconds,
            delete_jobs="successful",
        )

    def _do(
        self,
        step: Step,
        give_up: GiveUp,
        is_stopping: Callable[[], bool],
        context: JobContext,
        *,
        site_id: str,
        subject_id: str,
    ) -> None:
        """Run one step about one subject; a fault of ours that stays after the last try ends the subject."""
        attempt = context.job.attempts + 1
        log = logger.bind(task=context.job.task_name, site_id=site_id, subject_id=subject_id, attempt=attempt)
        log.info("job started")
        try:
            step(self._app, UUID(site_id), UUID(subject_id), is_stopping)
        except Unavailable:
            raise
        except Exception:
            log.exception("job failed")
            self._faults[context.job.id] += 1
            if self._faults[context.job.id] < self._app.settings.attempts_max:
                raise
            give_up(self._app, UUID(site_id), UUID(subject_id))
        del self._faults[context.job.id]
        log.info("job done")

    async def _sweep(self, jobs: procrastinate.App) -> None:
        """Put back the jobs of workers that died, and give one to imports that lost theirs."""
        while True:
            await asyncio.sleep(self._app.settings.sweep_seconds)
            try:
                await self._sweep_once(jobs)
            except GONE:
                raise
            except Exception:
                logger.exception("lost work was not looked for; that is tried again soon")

    async def _sweep_once(self, jobs: procrastinate.App) -> None:
        seconds = self._app.settings.stalled_seconds
        for job in await jobs.job_manager.get_stalled_jobs(seconds_since_heartbeat=seconds):
            await self._put_back(jobs, job)
        lost = await asyncio.to_thread(self._find_lost)
        if lost:
            logger.warning("work without a job found", subjects=lost)

    def _find_lost(self) -> int:
        """Give a job to all that waits for one, and to the subscribers to whom something has come due."""
        database, now = self._app.database, self._app.clock()
        delivering.enqueue_due(database, before=now)
        found = steps.enqueue_lost(self._app) + previews.enqueue_lost(self._app) + undo.enqueue_lost(self._app)
        return found + adjusting.enqueue_lost(database, before=now - steps.LOST_AFTER)

    @staticmethod
    async def _put_back(jobs: procrastinate.App, job: Job) -> None:
        assert job.id is not None  # noqa: S101  (it comes from the database)
        # Another worker's sweep may have been faster; then the job is no longer there to be put back.
        with suppress(ConnectorException):
            await jobs.job_manager.retry_job_by_id_async(job.id, retry_at=datetime.now(UTC))
            logger.warning("a job was left behind and is taken up again", task=job.task_name, job_id=job.id)

    async def _hold_on(self) -> None:
        """Hold a connection, and fail with it when the database goes, be it for a moment.

        Procrastinate goes on then without a heartbeat, and without hearing of new jobs: it has to begin anew.
        """
        async with await AsyncConnection.connect(
            self._app.database.conninfo, autocommit=True, application_name="pointport-worker"
        ) as connection:
            while True:
                await asyncio.sleep(self._app.settings.sweep_seconds)
                await connection.execute("SELECT 1")

    def _erase(self) -> int:
        settings, now = self._app.settings, self._app.clock()
        once.erase(self._app.database, before=now - timedelta(hours=settings.idempotency_hours))
        delivering.erase(self._app.database, before=now - timedelta(days=settings.retention_days))
        previews.erase_old(self._app)
        return steps.erase_expired(self._app)

    async def _tidy(self) -> None:
        """Erase what is kept no longer, now and every hour. What cannot be erased keeps nobody from work."""
        while True:
            try:
                erased = await asyncio.to_thread(self._erase)
            except Unavailable as error:
                logger.warning(
                    "what is kept no longer was not erased; that is tried again in an hour", error=error.message
                )
            except Exception:
                logger.exception("what is kept no longer was not erased; that is tried again in an hour")
            else:
                if erased:
                    logger.info("files and row details erased", imports=erased)
            await asyncio.sleep(TIDY_SECONDS)


async def _end(lines: Sequence[Line], working: Sequence[Task[None]], helpers: Sequence[Task[None]]) -> None:
    """Let the lines end with the jobs that they are at, and cancel the helpers.

    It is said again and again: a cancellation is lost when it comes together with what was waited for (`asyncio.wait_for`
    before Python 3.12, in which the pool waits for connections). What missed it would go on for ever, and with it the wait
    for its end.
    """
    pending = {*working, *helpers}
    while pending:
        for line in lines:
            line.stop()  # type: ignore[no-untyped-call]  # procrastinate does not annotate it
        for helper in helpers:
            helper.cancel()
        _, pending = await asyncio.wait(pending, timeout=ASK_AGAIN_SECONDS)


class _Patience(procrastinate.BaseRetryStrategy):
    """Try again after 1, 2, 4 … seconds what has not been given up, and sooner while only the database is gone."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        seconds_max = RETRY_WHEN_UNAVAILABLE_SECONDS_MAX if isinstance(exception, Unavailable) else RETRY_SECONDS_MAX
        return RetryDecision(retry_in={"seconds": min(2**job.attempts, seconds_max)})


@contextmanager
def running(app: App) -> Iterator[Worker]:
    """Run a worker in a thread for the length of the block."""
    worker = Worker(app)
    thread = threading.Thread(target=worker.run, name="worker")
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join()
