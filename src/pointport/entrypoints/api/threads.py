"""The threads that calls are run in."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")


class Threads:
    """Threads that calls are run in, at most so many; one more is begun when none is free.

    Going to a thread and back is a tenth of what it costs with anyio, which most calls of the API would notice.
    """

    def __init__(self, count_max: int) -> None:
        self._count_max = count_max
        self._count = 0
        self._calls = 0
        self._waiting: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Run a function in a thread, with the caller's context, and return what it returns."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        context = contextvars.copy_context()

        def do() -> None:
            try:
                result = context.run(function, *arguments)
            except BaseException as error:  # noqa: BLE001  (it is raised where the result is waited for)
                _tell(loop, _fail, done, error)
            else:
                _tell(loop, _succeed, done, result)

        self._calls += 1
        try:
            if self._count < min(self._calls, self._count_max):
                self._count += 1
                threading.Thread(target=self._work, name=f"call-{self._count}", daemon=True).start()
            self._waiting.put(do)
            return await done
        finally:
            self._calls -= 1

    def close(self) -> None:
        """End the threads once they have nothing to do."""
        for _ in range(self._count):
            self._waiting.put(None)
        self._count = 0

    def _work(self) -> None:
        while (do := self._waiting.get()) is not None:
            do()


def _tell(loop: asyncio.AbstractEventLoop, tell: Callable[..., None], *arguments: Any) -> None:
    with suppress(RuntimeError):  # A loop that has ended waits for nothing.
        loop.call_soon_threadsafe(tell, *arguments)


def _succeed(done: asyncio.Future[Result], result: Result) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: asyncio.Future[Result], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
