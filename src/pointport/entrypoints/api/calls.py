"""How a call is run: in one thread, from who asks to the answer's JSON."""

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute


class Call(APIRoute):
    """A route whose dependencies and endpoint run one after the other in a single thread.

    Left alone, FastAPI goes to a thread for each of them that is not asynchronous, and once more to check the answer:
    four times in a call that reads one row, each as dear as the reading. What it is told is asynchronous it calls where
    it is itself, so that is what it is told of all of them, and it is itself in a thread. None of them may await
    anything; a dependency is `async def` without an `await`.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, _told_asynchronous(endpoint), **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what FastAPI does with a request, to be done in a thread once the body has come."""
        handle = super().get_route_handler()
        takes_body = self.body_field is not None

        async def handle_in_thread(request: Request) -> Response:
            if takes_body:
                await request.body()
            return await run_in_threadpool(_run, handle, request)

        return handle_in_thread


def _told_asynchronous(endpoint: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(endpoint)
    async def call(**values: Any) -> Any:
        return endpoint(**values)

    return call


def _run(handle: Callable[[Request], Coroutine[Any, Any, Response]], request: Request) -> Response:
    """Run what awaits nothing to its end."""
    handling = handle(request)
    try:
        handling.send(None)
    except StopIteration as done:
        response: Response = done.value
        return response
    handling.close()
    raise RuntimeError("a call waits for the event loop, outside of which it runs")
