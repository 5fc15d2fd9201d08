"""The API keeps what its own specification promises: schemathesis makes up requests, sound ones
and faulty ones, and compares every answer with it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from concurrent.futures import Future
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
import uvicorn
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.server import create_app
from app.wiring import knows
from tests.serving import serving
from tests.unit.commands.clock import FakeClock
from tests.unit.commands.host import FakeHost
from tests.unit.commands.test_create_whole import create, plane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

# The server uses `random` in its own thread, which hypothesis takes for a strategy's doing.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)

EXCLUDED = (
    positive_data_acceptance,  # names of instances and the like have rules that no schema can say
    not_a_server_error,  # 502 to 504 say what stood in the way; 500 is looked for beside it
)
EXAMPLES = 2
"""Requests for each operation and each way of making them up."""


async def _ready() -> dict[str, bool]:
    return {"database": True}


@contextlib.contextmanager
def served(folder: Path, *, broken: bool = False) -> Iterator[str]:
    """The API over a real control plane, in a thread with a loop of its own: schemathesis asks
    over a socket and blocks. `broken`: one answer is not as promised."""
    listener = socket.create_server(("127.0.0.1", 0))
    up: Future[None] = Future()
    stop = asyncio.Event()
    loop: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loop.append(asyncio.get_running_loop())
        async with plane(folder, FakeHost(FakeClock())) as opened:
            await create(opened)
            app = create_app(opened, token="owner", knows=knows(opened.people), ready=_ready)
            if broken:
                _break(app)
            config = uvicorn.Config(app, log_config=None, lifespan="off")
            async with serving(config, [listener]):
                up.set_result(None)
                await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if up.done():
                raise
            up.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        up.result(60)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1"
    finally:
        if up.done() and up.exception() is None:
            loop[0].call_soon_threadsafe(stop.set)
        thread.join(60)


def _break(app: FastAPI) -> None:
    """The list of runs loses a field that the specification promises."""

    async def runs() -> JSONResponse:
        return JSONResponse({"runs": []})

    api: Any = next(route for route in app.routes if getattr(route, "path", "") == "/api/v1")
    promised = api.app.openapi()
    api.app.openapi = lambda: promised
    api.app.router.routes.insert(0, APIRoute("/runs", runs, include_in_schema=False))


def keeps_its_promises(address: str, mode: GenerationMode, only: str = "") -> int:
    """Returns how many operations were tried. Raises what schemathesis finds."""
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    tried = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.definition.raw.get("x-live") or (only and operation.path != only):
            continue
        if mode is GenerationMode.NEGATIVE and not _can_be_faulty(operation):
            continue

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            answer = case.call(headers={"Authorization": "Bearer owner"}, timeout=20)
            case.validate_response(answer, excluded_checks=EXCLUDED)
            assert answer.status_code != HTTPStatus.INTERNAL_SERVER_ERROR

        ask()
        tried += 1
    return tried


def _can_be_faulty(operation: Any) -> bool:
    """Of those without a body only the address could be faulty, which is not found then."""
    return bool(operation.body or operation.query)


@pytest.mark.timeout(120)
def test_every_answer_is_as_the_specification_promises(tmp_path: Path) -> None:
    with served(tmp_path) as address:
        assert keeps_its_promises(address, GenerationMode.POSITIVE) > 40
        assert keeps_its_promises(address, GenerationMode.NEGATIVE) > 30


def test_an_answer_that_is_not_as_promised_is_found(tmp_path: Path) -> None:
    with served(tmp_path, broken=True) as address, pytest.raises(FailureGroup):
        keeps_its_promises(address, GenerationMode.POSITIVE, only="/runs")
