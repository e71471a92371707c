"""How calls are run."""

import threading
from collections.abc import Generator
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.testclient import TestClient

from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.files import upload_file
from pointport.entrypoints.api.server import SERVICES


def test_every_call_but_the_upload_is_run_in_one_thread() -> None:
    others = [route for service in SERVICES for call in service.calls for route in call.router.routes]
    assert {type(route) for route in others if route not in upload_file.router.routes} == {Call}


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
    api.include_router(router)
    api.include_router(ordinary)
    with TestClient(api) as client:
        assert client.get("/call").json() == {"calls": 2}
        assert len(set(threads)) == 1
        assert client.get("/loop").json() not in threads


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
    api.include_router(router)
    with TestClient(api) as client, pytest.raises(RuntimeError, match="waits for the event loop"):
        client.get("/call")
