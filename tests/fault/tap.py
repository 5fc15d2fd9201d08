"""A tap on the wire between the bot and the stand-ins: sees every call in order and can break the
bot off exactly before or after one of them.

The bot is pointed at the tap instead of at the sandbox, so neither knows of it.
"""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tests.serving import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from starlette.requests import Request


class Moment(StrEnum):
    """Where the bot is broken off."""

    BEFORE = "before"
    """The call was made and never reached the vendor."""
    AFTER = "after"
    """The vendor did it, and the answer reached nobody."""
    LOST = "lost"
    """As AFTER, but the bot lives and sees its connection break."""


@dataclass(frozen=True)
class Call:
    """One call of the bot: `railway ProjectCreate`, `slack chat.postMessage`; `nth` counts equal
    ones from 1."""

    vendor: str
    operation: str
    nth: int
    write: bool

    def __str__(self) -> str:
        return f"{self.vendor} {self.operation} #{self.nth}"


class Tap:
    """Forwards to `upstream`; `strike` plans one break."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self.calls: list[Call] = []
        self._seen: dict[tuple[str, str], int] = {}
        self._target: tuple[str, str, int] | None = None
        self._moment = Moment.BEFORE
        self._act: Callable[[], None] = lambda: None
        self.struck = asyncio.Event()
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._sock.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._sock.getsockname()[1]}"

    def strike(self, call: Call, moment: Moment, act: Callable[[], None]) -> None:
        """At this call's moment do `act` (kill the bot), once; counting begins anew."""
        self._seen.clear()
        self.struck = asyncio.Event()
        self._target, self._moment, self._act = (
            (call.vendor, call.operation, call.nth),
            moment,
            act,
        )

    async def __aenter__(self) -> Tap:
        self._client = httpx.AsyncClient(timeout=60, trust_env=False)
        app = Starlette(routes=[Route("/{path:path}", self._forward, methods=["GET", "POST"])])
        config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none")
        self._server = Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._sock]))
        await self._server.up.wait()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        await self._serving
        await self._client.aclose()
        self._sock.close()

    async def _forward(self, request: Request) -> Response:
        body = await request.body()
        vendor, operation, write = _name(request, body)
        nth = self._seen[vendor, operation] = self._seen.get((vendor, operation), 0) + 1
        self.calls.append(Call(vendor, operation, nth, write))
        hit = self._target == (vendor, operation, nth) and not self.struck.is_set()
        if hit and self._moment is Moment.BEFORE:
            self._act()
            self.struck.set()
            return Response(status_code=502)
        answer = await self._client.request(
            request.method,
            f"{self._upstream}{request.url.path}",
            params=request.url.query.encode(),
            content=body,
            headers={k: v for k, v in request.headers.items() if k not in _HOP_BY_HOP},
        )
        if hit:
            self._act()
            self.struck.set()
            return _Broken()
        return Response(
            answer.content,
            status_code=answer.status_code,
            headers={k: v for k, v in answer.headers.items() if k not in _HOP_BY_HOP},
        )


_HOP_BY_HOP = {"content-length", "transfer-encoding", "connection", "host", "content-encoding"}


class _Broken(Response):
    """Promises more than it sends, so that the reader sees its connection break."""

    def __init__(self) -> None:
        super().__init__(b"{", headers={"content-length": "4096"})


def _name(request: Request, body: bytes) -> tuple[str, str, bool]:
    if request.url.path.startswith("/railway/"):
        asked = json.loads(body)
        document = str(asked.get("query", "")).lstrip()
        return (
            "railway",
            str(asked.get("operationName") or "anonymous"),
            (document.startswith("mutation")),
        )
    method = request.url.path.rsplit("/", 1)[-1]
    return "slack", method, method.startswith(("chat.post", "chat.update", "views."))
