"""One address before several replicas: a small reverse proxy that takes them in turns.

What Slack posts it delivers several times, each time to another replica, as Slack does when it
is unsure whether it was heard.
"""

from __future__ import annotations

import contextlib
import itertools
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.serving import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.requests import Request

SLACK = "/slack/events"
_BETWEEN_TWO = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}


class Balancer:
    """`answered` says which replica answered which request; `deliveries` counts what Slack sent
    and what arrived of it."""

    def __init__(self, addresses: Sequence[str], seed: int = 1) -> None:
        self._addresses = list(addresses)
        self._turn = itertools.count()
        self._random = random.Random(seed)
        # Each request on a connection of its own: none of them meets one that is being closed.
        self._http = httpx.AsyncClient(
            trust_env=False,
            timeout=httpx.Timeout(120, connect=30),
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self.answered: list[tuple[str, str]] = []
        self.sent = self.arrived = 0
        self.most = 4
        """Times that what Slack posts arrives, at most."""

    async def __call__(self, request: Request) -> Response:
        body = await request.body()
        answers = await self._in_turn(request, body, self._copies(request))
        if not answers:
            return Response("no replica answered", 502)
        first, *more = answers
        for again in more:
            await again.aclose()
        answered = (request.url.path, str(first.url.copy_with(path="", query=None)))
        self.answered.append(answered)
        response = StreamingResponse(
            _passed_on(first), first.status_code, background=BackgroundTask(first.aclose)
        )
        response.raw_headers = [
            (name, value)
            for name, value in first.headers.raw
            if name.decode().lower() not in _BETWEEN_TWO
        ]
        return response

    def _copies(self, request: Request) -> int:
        if request.url.path != SLACK:
            return 1
        copies = self._random.randint(1, self.most)
        self.sent += 1
        self.arrived += copies
        return copies

    async def _in_turn(self, request: Request, body: bytes, copies: int) -> list[httpx.Response]:
        answers: list[httpx.Response] = []
        lost = 0
        for _ in range(copies + len(self._addresses)):
            address = self._addresses[next(self._turn) % len(self._addresses)]
            headers = [(n, v) for n, v in request.headers.raw if n.decode() not in _BETWEEN_TWO]
            target = f"{address}{request.url.path}"
            if request.url.query:
                target += f"?{request.url.query}"
            sent = self._http.build_request(
                request.method, target, headers=[*headers, (b"host", _host(request))], content=body
            )
            try:
                answers.append(await self._http.send(sent, stream=True))
            except httpx.ConnectError:
                continue  # this one is down: the next
            except httpx.TransportError:
                lost += 1  # it died over it, and what it did is not known
            if len(answers) + lost == copies:
                break
        return answers

    async def close(self) -> None:
        await self._http.aclose()


async def _passed_on(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Ends where the replica that answers ends, as if it had said all: it was killed."""
    with contextlib.suppress(httpx.TransportError):
        async for part in answer.aiter_raw():
            yield part


def _host(request: Request) -> bytes:
    return request.headers["host"].encode()


@asynccontextmanager
async def balanced(port: int, addresses: Sequence[str]) -> AsyncIterator[Balancer]:
    """It listens as long as the block."""
    balancer = Balancer(addresses)
    methods = ["GET", "POST", "PUT", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", balancer.__call__, methods=methods)])
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, timeout_graceful_shutdown=1
    )
    try:
        async with serving(config):
            yield balancer
    finally:
        await balancer.close()
