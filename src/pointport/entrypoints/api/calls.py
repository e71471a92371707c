"""How a call is found and answered: in one thread, from who asks to the answer's JSON."""

import functools
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException, Request, Response, params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.routing import BaseRoute, Match, compile_path
from starlette.types import Receive, Scope, Send

from pointport.entrypoints.api.parameters import Taken
from pointport.entrypoints.api.problems import NO_JSON, TOO_DEEP
from pointport.entrypoints.api.threads import Threads
from pointport.errors import InvalidRequest, Violation

JSON_BYTES_MAX = 1024 * 1024
"""Every body but an upload's is small."""

BODY_TOO_LARGE = InvalidRequest(
    Violation("body", f"is larger than {JSON_BYTES_MAX} bytes", "MAX_SIZE", {"threshold": JSON_BYTES_MAX})
)


class Call(APIRoute):
    """A path, its methods and the function that answers; a router makes one of each function (`route_class=Call`).

    To a router it is a route of FastAPI's. What FastAPI makes of a function is wanted for the description alone, and made
    when that is asked for: so the model of an answer is there to describe it, and that answers are of it is for the tests
    to show.

    Who asks, the parameters and the function run one after the other in a single thread. None of them may await
    anything; a dependency is `async def` without an `await`. A function that is asynchronous itself is left to the loop,
    and so is all that it takes.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        methods: Iterable[str],
        dependencies: Sequence[params.Depends],
        **options: Any,
    ) -> None:
        self.path = path
        self.endpoint = endpoint
        self.methods = set(methods)
        self.path_regex, _, names = compile_path(path)
        self.path_names = frozenset(names)
        self._dependencies = dependencies
        self._options = options
        self._is_for_the_loop = inspect.iscoroutinefunction(endpoint)

    def described(self, prefix: str, **options: Any) -> APIRoute:
        """Return the route as FastAPI has them, with all that is to be said of it."""
        told = {"methods": self.methods, "dependencies": self._dependencies, **self._options, **options}
        return APIRoute(prefix + self.path, self.endpoint, **told)

    async def answer(self, request: Request) -> Response:
        """Answer a request. Raises PointportError, RequestValidationError."""
        body = await _body(request) if self._taken.has_body else b""
        if self._is_for_the_loop:
            return _response(await self.endpoint(**self._read(request, body)))
        threads: Threads = request.app.state.threads
        return await threads.run(self._answer, request, body)

    def _answer(self, request: Request, body: bytes) -> Response:
        return _response(self.endpoint(**self._read(request, body)))

    def _read(self, request: Request, body: bytes) -> dict[str, Any]:
        values, wrong = self._taken.read(request, _json(body) if self._taken.has_body else None, {})
        if wrong:
            raise RequestValidationError(wrong)
        return values

    @functools.cached_property
    def _taken(self) -> Taken:
        """What it takes, found out when it is called first: there are many calls, and most programs use few."""
        return Taken(self.endpoint, self.path_names, self._dependencies)


class Calls(BaseRoute):
    """All calls as one route, found by their path: those without a name in it in one step."""

    def __init__(self, calls: Iterable[tuple[str, Call]]) -> None:
        """Take each call with each prefix that it has; of two that a path fits, the first is meant."""
        self._fixed: dict[str, dict[str, Call]] = {}
        self._patterned: list[tuple[str, Call]] = []
        for prefix, call in calls:
            if call.path_names:
                self._patterned.append((prefix, call))
                continue
            there = self._fixed.setdefault(prefix + call.path, {})
            for method in call.methods or ():
                there.setdefault(method, call)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Find the call of a request; one that has another method is half of an answer."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path, method = scope["path"], scope["method"]
        call = self._fixed.get(path, {}).get(method)
        if call is not None:
            return Match.FULL, {"call": call}
        fitting = list(self._fitting(path))
        for call, names in fitting:
            if method in (call.methods or ()):
                return Match.FULL, {"call": call, "path_params": names}
        return (Match.PARTIAL, {}) if fitting or path in self._fixed else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if "call" not in scope:
            # Which methods there are is found out where it is answered: other routes may have more of them.
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": ""})
        response = await scope["call"].answer(Request(scope, receive, send))
        await response(scope, receive, send)

    def _fitting(self, path: str) -> Iterator[tuple[Call, Mapping[str, str]]]:
        for prefix, call in self._patterned:
            if path.startswith(prefix) and (found := call.path_regex.match(path.removeprefix(prefix))):
                yield call, found.groupdict()


async def _body(request: Request) -> bytes:
    """Read a body, and refuse one over the limit without reading it to its end."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > JSON_BYTES_MAX:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE) from BODY_TOO_LARGE
    return body


def _json(body: bytes) -> Any:
    """Read a body as JSON, whatever its Content-Type said. No body is an empty one, and so is null (contract.md 1.2).

    Raises InvalidRequest.
    """
    if body == b"" or body.strip() == b"null":
        return {}
    try:
        return json.loads(body)
    except RecursionError as error:
        raise TOO_DEEP from error
    except ValueError as error:
        raise NO_JSON from error


def _response(answer: Any) -> Response:
    if isinstance(answer, Response):
        return answer
    return Response(to_json(answer), media_type="application/json")
