"""A tap on the wire between the bot and the stand-ins: sees every call in order and can spoil it,
or break the bot off exactly before or after it.

The bot is pointed at the tap instead of at the sandbox, so neither knows of it. Everything goes
through here: both vendors' APIs, the websocket of Socket Mode, response_urls, and the looks at the
gateways' public addresses.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp import web

from sandbox import fault_replies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType


class Kind(StrEnum):
    """What goes wrong with a call. Nothing was done by the vendor unless it is said."""

    KILL_BEFORE = "kill-before"
    """The bot dies; the call never reached the vendor."""
    KILL_AFTER = "kill-after"
    """The vendor did it, the bot dies, and the answer reaches nobody."""
    LOST_BEFORE = "lost-before"
    """The connection breaks on the way there."""
    LOST_AFTER = "lost-after"
    """The vendor did it; the connection breaks on the way back."""
    TIMEOUT_AFTER = "504-after"
    """The vendor did it; a proxy in front of it gave up waiting."""
    TRUNCATED = "truncated"
    """The vendor did it; half of the answer arrives."""
    DELAY = "delay"
    """The vendor did it; the answer comes later."""
    DRIP = "drip"
    """The vendor did it; the answer comes a few bytes at a time."""
    RATE_LIMITED = "429"
    SERVER_ERROR = "500"
    THROTTLE = "throttle"
    """Railway's own words for "too quickly", in a 200."""
    HTML = "html"
    """The block page of a proxy where JSON was expected."""

    @property
    def kills(self) -> bool:
        return self in (Kind.KILL_BEFORE, Kind.KILL_AFTER)

    @property
    def arrives(self) -> bool:
        """The vendor gets the call and does it."""
        return self in _ARRIVES


_ARRIVES = {
    Kind.KILL_AFTER,
    Kind.LOST_AFTER,
    Kind.TIMEOUT_AFTER,
    Kind.TRUNCATED,
    Kind.DELAY,
    Kind.DRIP,
}
DELAY_S = 0.5
DRIPS = 5
"""Parts of an answer that drips, a part of the delay between them."""
RETRY_AFTER_S = 1


@dataclass(frozen=True, order=True)
class Call:
    """One call of the bot: `railway.projectCreate.1`; `nth` counts equal ones from 1."""

    vendor: str
    operation: str
    nth: int = 1

    @property
    def name(self) -> str:
        return f"{self.vendor}.{self.operation}"

    def __str__(self) -> str:
        return f"{self.name}.{self.nth}"

    @classmethod
    def parse(cls, text: str) -> Self:
        vendor, _, rest = text.partition(".")
        operation, _, nth = rest.rpartition(".")
        return cls(vendor, operation, int(nth))


@dataclass(frozen=True)
class Fault:
    """`kill-after@railway.projectCreate.1`."""

    kind: Kind
    call: Call

    def __str__(self) -> str:
        return f"{self.kind}@{self.call}"

    @classmethod
    def parse(cls, text: str) -> Self:
        kind, _, call = text.partition("@")
        return cls(Kind(kind), Call.parse(call))


class Tap:
    """Forwards to `upstream`; `arm` plans what goes wrong."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        """Since the last `arm`."""
        self.struck: list[Fault] = []
        self.url = ""
        self._upstream = ""
        self._counts: dict[tuple[str, str], int] = {}
        self._planned: list[Fault] = []
        self._kill: Callable[[], None] = lambda: None
        self._sockets: set[web.WebSocketResponse] = set()

    @property
    def left(self) -> Sequence[Fault]:
        """What has not struck yet."""
        return tuple(self._planned)

    def arm(self, faults: Sequence[Fault], kill: Callable[[], None]) -> None:
        """Counting begins anew; `kill` ends the bot at once."""
        self.calls, self.struck, self._counts = [], [], {}
        self._planned, self._kill = list(faults), kill

    def disarm(self) -> None:
        """Nothing goes wrong from now on; calls are still counted."""
        self._planned = []

    # ── the server ────────────────────────────────────────────────────────────────────────────

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=60),
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=2),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        runner = web.ServerRunner(web.Server(self._handle))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def leads_to(self, upstream: str) -> None:
        self._upstream = upstream

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for socket in tuple(self._sockets):
            await socket.close()
        await self._client.close()
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._websocket(request)
        try:
            body = await request.read()
        except ConnectionResetError:  # the bot died while it asked
            return web.Response()
        fault = self._count(*_name(request, body))
        kind = fault.kind if fault else None
        if kind is not None and not kind.arrives:
            return self._instead(request, kind, _name(request, body))
        answer = await self._forward(request, body)
        match kind:
            case None:
                return answer
            case Kind.TIMEOUT_AFTER:
                return _reply(fault_replies.gateway_timeout())
            case Kind.TRUNCATED:
                whole = answer.body if isinstance(answer.body, bytes) else b""
                kept = {k: v for k, v in answer.headers.items() if k.lower() != "content-length"}
                return web.Response(
                    body=whole[: len(whole) // 2], status=answer.status, headers=kept
                )
            case Kind.DELAY:
                await asyncio.sleep(DELAY_S)
                return answer
            case Kind.DRIP:
                return await _drip(request, answer)
            case _:
                return self._instead(request, kind, _name(request, body))

    def _count(self, vendor: str, operation: str) -> Fault | None:
        """The fault that strikes this call, if one was planned for it."""
        nth = self._counts[vendor, operation] = self._counts.get((vendor, operation), 0) + 1
        call = Call(vendor, operation, nth)
        self.calls.append(call)
        for fault in self._planned:
            if fault.call == call:
                self._planned.remove(fault)
                self.struck.append(fault)
                return fault
        return None

    def _instead(
        self, request: web.BaseRequest, kind: Kind, named: tuple[str, str]
    ) -> web.StreamResponse:
        """What the bot gets instead of the vendor's answer."""
        if kind in (Kind.RATE_LIMITED, Kind.SERVER_ERROR, Kind.THROTTLE, Kind.HTML):
            vendor, operation = named
            return _reply(fault_replies.instead(vendor, operation, str(kind), RETRY_AFTER_S))
        if kind.kills:
            self._kill()
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=502)

    async def _forward(self, request: web.BaseRequest, body: bytes) -> web.Response:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        try:
            async with self._client.request(
                request.method,
                f"{self._upstream}{request.raw_path}",
                data=body,
                headers=headers,
                allow_redirects=False,
            ) as answer:
                kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
                return web.Response(body=await answer.read(), status=answer.status, headers=kept)
        except aiohttp.ClientError as broken:
            return web.Response(status=502, text=repr(broken))

    # ── Socket Mode ───────────────────────────────────────────────────────────────────────────

    async def _websocket(self, request: web.BaseRequest) -> web.StreamResponse:
        fault = self._count("slack", "socket")
        if fault is not None and fault.kind is not Kind.DELAY:
            return self._instead(request, fault.kind, ("slack", "socket"))
        ours = web.WebSocketResponse(autoping=False)
        await ours.prepare(request)
        self._sockets.add(ours)
        address = f"{self._upstream}{request.raw_path}"
        try:
            async with self._client.ws_connect(address, autoping=False) as theirs:
                down = asyncio.create_task(_pump(theirs, ours))
                try:
                    await self._acknowledge(request, ours, theirs)
                finally:
                    down.cancel()
                    await asyncio.gather(down, return_exceptions=True)
        except (aiohttp.ClientError, ConnectionError):
            pass
        finally:
            self._sockets.discard(ours)
            with contextlib.suppress(ConnectionError):
                await ours.close()
        return ours

    async def _acknowledge(
        self,
        request: web.BaseRequest,
        ours: web.WebSocketResponse,
        theirs: aiohttp.ClientWebSocketResponse,
    ) -> None:
        """Pass on what the bot says; an acknowledgement is a call like any other."""
        async for frame in ours:
            fault = None
            if frame.type is aiohttp.WSMsgType.TEXT and '"envelope_id"' in frame.data:
                fault = self._count("slack", "ack")
            if fault is None or fault.kind.arrives:
                await _send(theirs, frame)
            if fault is None:
                continue
            if fault.kind.kills:
                self._kill()
            if fault.kind is not Kind.DELAY and request.transport is not None:
                request.transport.abort()
                return


async def _drip(request: web.BaseRequest, whole: web.Response) -> web.StreamResponse:
    body = whole.body if isinstance(whole.body, bytes) else b""
    kept = {k: v for k, v in whole.headers.items() if k.lower() not in _HOP_BY_HOP}
    slowly = web.StreamResponse(status=whole.status, headers=kept)
    size = max(1, len(body) // DRIPS)
    with contextlib.suppress(ConnectionError):  # nobody waits for it any more
        await slowly.prepare(request)
        for start in range(0, len(body), size):
            await slowly.write(body[start : start + size])
            await asyncio.sleep(DELAY_S / DRIPS)
        await slowly.write_eof()
    return slowly


async def _pump(source: aiohttp.ClientWebSocketResponse, target: web.WebSocketResponse) -> None:
    async for frame in source:
        await _send(target, frame)
    await target.close()


async def _send(
    target: web.WebSocketResponse | aiohttp.ClientWebSocketResponse, frame: aiohttp.WSMessage
) -> None:
    with contextlib.suppress(ConnectionError, aiohttp.ClientError):
        match frame.type:
            case aiohttp.WSMsgType.TEXT:
                await target.send_str(frame.data)
            case aiohttp.WSMsgType.BINARY:
                await target.send_bytes(frame.data)
            case aiohttp.WSMsgType.PING:
                await target.ping(frame.data)
            case aiohttp.WSMsgType.PONG:
                await target.pong(frame.data)


_HOP_BY_HOP = {"content-length", "transfer-encoding", "connection", "content-encoding"}


def _reply(response: Any) -> web.Response:
    """What the stand-ins would send when they fail like this."""
    kept = {k: v for k, v in response.headers.items() if k.lower() not in _HOP_BY_HOP}
    return web.Response(body=bytes(response.body), status=response.status_code, headers=kept)


def _name(request: web.BaseRequest, body: bytes) -> tuple[str, str]:
    path = request.path
    if path.startswith("/railway/"):
        return "railway", str(json.loads(body).get("operationName") or "anonymous")
    if path.startswith("/slack/api/"):
        return "slack", path.rsplit("/", 1)[-1]
    if path.startswith("/slack/"):
        return "slack", "response_url"
    return "gateway", f"{request.method} {path}"
