"""How calls are run."""

import asyncio
import threading
from collections.abc import Generator
from contextvars import ContextVar
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.params import Param
from starlette.testclient import TestClient

from pointport.entrypoints.api.calls import Call, Calls
from pointport.entrypoints.api.files import upload_file
from pointport.entrypoints.api.parameters import Taken
from pointport.entrypoints.api.server import SERVICES
from pointport.entrypoints.api.threads import Threads


def test_every_call_but_the_upload_is_run_in_one_thread() -> None:
    others = [route for service in SERVICES for call in service.calls for route in call.router.routes]
    assert {type(route) for route in others if route not in upload_file.router.routes} == {Call}


def test_a_call_takes_what_its_description_says() -> None:
    """What is read from a request is found out by us, and what is said of it by FastAPI."""

    def sent(taken: Taken) -> set[tuple[str, str]]:
        found = {(one.source.value, one.alias) for one in taken._parameters}
        return found.union(*(sent(inner) for _, inner in taken._inner))

    def told(dependant: Dependant) -> set[tuple[str, str]]:
        fields = (*dependant.path_params, *dependant.query_params, *dependant.header_params, *dependant.cookie_params)
        marks = ((field.field_info, field.alias) for field in fields)
        found = {(mark.in_.value, alias) for mark, alias in marks if isinstance(mark, Param)}
        return found.union(*(told(inner) for inner in dependant.dependencies))

    calls = [(service, route) for service in SERVICES for route in service.routes]
    assert len(calls) > 60
    for service, call in calls:
        described = call.described(service.prefix)
        assert sent(call._taken) == told(described.dependant), call.path
        assert call._taken.has_body == (described.body_field is not None), call.path


def test_dependencies_and_endpoint_run_in_one_thread_which_is_not_the_loop_s() -> None:
    threads: list[int] = []

    async def loop_thread() -> int:
        return threading.get_ident()

    async def note() -> None:
        threads.append(threading.get_ident())

    def noted_twice(_: Annotated[None, Depends(note)]) -> dict[str, int]:
        threads.append(threading.get_ident())
        return {"calls": len(threads)}

    api, router, ordinary = FastAPI(), APIRouter(route_class=Call), APIRouter()
    router.get("/call")(noted_twice)
    ordinary.get("/loop")(loop_thread)
    api.router.routes.append(Calls(("", route) for route in router.routes if isinstance(route, Call)))
    api.include_router(ordinary)
    api.state.threads = Threads(2)
    with TestClient(api) as client:
        assert client.get("/call").json() == {"calls": 2}
        assert len(set(threads)) == 1
        assert client.get("/loop").json() not in threads


def test_as_many_calls_run_at_once_as_there_may_be_threads_and_the_others_after_them() -> None:
    running, most = 0, 0
    lock, all_here = threading.Lock(), threading.Barrier(2)

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        all_here.wait(10)
        with lock:
            running -= 1
        return number

    async def run_all(threads: Threads) -> list[int]:
        return await asyncio.gather(*(threads.run(work, number) for number in range(6)))

    threads = Threads(2)
    assert asyncio.run(run_all(threads)) == list(range(6))
    assert most == 2
    threads.close()
    assert asyncio.run(run_all(threads)) == list(range(6)), "closed, it begins anew"
    threads.close()


def test_what_a_call_raises_is_raised_where_it_is_waited_for_and_its_context_is_the_caller_s() -> None:
    name: ContextVar[str] = ContextVar("name")
    threads = Threads(1)

    def fail() -> None:
        raise LookupError(name.get())

    async def run() -> None:
        name.set("of the caller")
        await threads.run(fail)

    with pytest.raises(LookupError, match="of the caller"):
        asyncio.run(run())
    threads.close()


class Pending:
    """What is not done yet."""

    def __await__(self) -> Generator[None]:
        """Wait once."""
        yield


def test_a_call_that_waits_for_the_loop_is_a_fault() -> None:
    async def waits() -> None:
        await Pending()

    def answer() -> None:
        return None

    router, api = APIRouter(route_class=Call), FastAPI()
    router.get("/call", dependencies=[Depends(waits)])(answer)
    api.router.routes.append(Calls(("", route) for route in router.routes if isinstance(route, Call)))
    api.state.threads = Threads(2)
    with TestClient(api) as client, pytest.raises(RuntimeError, match="waits for the event loop"):
        client.get("/call")
