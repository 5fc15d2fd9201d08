"""What lies between the bot and the stand-ins in a simulation: latency, and everything that can go
wrong on the way. No socket is opened; the applications are called."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextvars import Context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import httpx
from multidict import CIMultiDict
from typing_extensions import override

from sandbox import fault_replies, times
from tests.fault.simulated.loop import OWNER
from tests.fault.tap import Kind

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.types import ASGIApp

LATENCY_S = (0.02, 0.2)
SLOWLY_S = 40.0
"""An answer that comes later than most of our patience."""
DRIP_EVERY_S = 10.0
"""An answer that drips, byte by byte: none of them comes too late, and there is hardly an end."""


def elsewhere() -> Context:
    """A context in which nobody's tasks are noted as the bot's."""
    context = Context()
    context.run(OWNER.set, None)
    return context


@dataclass
class Weather:
    """What is wrong now; each party's calls are counted from 1."""

    draw: random.Random
    planned: dict[tuple[str, int], Kind] = field(default_factory=dict)
    """By party and number of the call: `railway`, `slack`, `response_url` or `gateway`."""
    slack_limited_until: float = 0.0
    replies_dead_until: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter)
    """By kind and party."""
    kill: Callable[[], None] = lambda: None

    def strike(self, party: str) -> Kind | None:
        number = self.counts[party] = self.counts.get(party, 0) + 1
        kind = self.planned.pop((party, number), None)
        if kind is not None:
            self.struck[f"{kind} {party}"] += 1
        return kind


class Lost(Exception):
    """No answer came; `sent` says whether the vendor may have got it, `late` that somebody's
    patience ended instead of the connection."""

    def __init__(self, *, sent: bool, late: bool = False) -> None:
        super().__init__("lost")
        self.sent = sent
        self.late = late


class Wire:
    """Calls the sandbox's application, as the weather lets it."""

    def __init__(self, sandbox: ASGIApp, weather: Weather) -> None:
        self._sandbox = httpx.ASGITransport(sandbox, raise_app_exceptions=False)
        self._weather = weather

    async def send(self, request: httpx.Request, patience_s: float) -> httpx.Response:
        """Raises Lost."""
        weather, loop = self._weather, asyncio.get_running_loop()
        party, operation = _name(request)
        kind = weather.strike(party)
        await asyncio.sleep(weather.draw.uniform(*LATENCY_S))
        now = loop.time()
        if party == "slack" and now < weather.slack_limited_until:
            left = int(weather.slack_limited_until - now) + 1
            return _answer(request, fault_replies.rate_limited("slack", left))
        if party == "response_url" and now < weather.replies_dead_until:
            return httpx.Response(404, text="no_service", request=request)
        if kind is not None and not kind.arrives:
            return await self._instead(request, kind, party, operation, sent=False)
        # In a task of the sandbox's: it goes on when the bot dies in the middle.
        passing = loop.create_task(self._pass_on(request), context=elsewhere())
        answer = await asyncio.shield(passing)
        await asyncio.sleep(weather.draw.uniform(*LATENCY_S))
        match kind:
            case None:
                return answer
            case Kind.TIMEOUT_AFTER:
                return _answer(request, fault_replies.gateway_timeout())
            case Kind.TRUNCATED:
                half = answer.content[: len(answer.content) // 2]
                kept = {"content-type": answer.headers.get("content-type", "application/json")}
                return httpx.Response(answer.status_code, content=half, headers=kept)
            case Kind.DELAY:
                await asyncio.sleep(min(SLOWLY_S, patience_s))
                if patience_s < SLOWLY_S:
                    raise Lost(sent=True, late=True)
                return answer
            case Kind.DRIP if party in ("slack", "response_url"):
                # aiohttp's patience is with the whole answer.
                await asyncio.sleep(patience_s)
                raise Lost(sent=True, late=True)
            case Kind.DRIP:
                kept = {k: v for k, v in answer.headers.items() if k != "content-length"}
                drops = _Drops(answer.content)
                return httpx.Response(answer.status_code, stream=drops, headers=kept)
            case _:
                return await self._instead(request, kind, party, operation, sent=True)

    async def _pass_on(self, request: httpx.Request) -> httpx.Response:
        answer = await self._sandbox.handle_async_request(request)
        await answer.aread()
        date = format_datetime(datetime.fromtimestamp(times.now(), UTC), usegmt=True)
        answer.headers["Date"] = date
        return answer

    async def _instead(
        self, request: httpx.Request, kind: Kind, party: str, operation: str, *, sent: bool
    ) -> httpx.Response:
        if kind.kills:
            self._weather.kill()
            await asyncio.Event().wait()
        if kind in (Kind.LOST_BEFORE, Kind.LOST_AFTER):
            raise Lost(sent=sent)
        vendor = "railway" if party == "railway" else "slack"
        return _answer(request, fault_replies.instead(vendor, operation, str(kind), 5))


def _answer(request: httpx.Request, response: Any) -> httpx.Response:
    return httpx.Response(
        response.status_code, content=bytes(response.body), headers=dict(response.headers)
    )


def _name(request: httpx.Request) -> tuple[str, str]:
    path = request.url.path
    if path.startswith("/railway/"):
        return "railway", str(json.loads(request.content).get("operationName"))
    if path.startswith("/slack/api/"):
        return "slack", path.rsplit("/", 1)[-1]
    return ("response_url", path) if path.startswith("/slack/") else ("gateway", path)


class _Drops(httpx.AsyncByteStream):
    def __init__(self, whole: bytes) -> None:
        self._whole = whole

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(len(self._whole)):
            await asyncio.sleep(DRIP_EVERY_S)
            yield self._whole[at : at + 1]


class RailwayTransport(httpx.AsyncBaseTransport):
    """For httpx's clients of the bot."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        patience = (request.extensions.get("timeout") or {}).get("read") or 30.0
        try:
            return await self._wire.send(request, patience)
        except Lost as lost:
            if lost.late:
                raise httpx.ReadTimeout("no answer in time") from None
            if lost.sent:
                raise httpx.ReadError("the connection broke") from None
            raise httpx.RemoteProtocolError("the connection broke") from None


class SlackSession:
    """What slack_sdk uses of aiohttp's session."""

    def __init__(self, wire: Wire, patience_s: float) -> None:
        self.closed = False
        self._wire = wire
        self._patience_s = patience_s

    def request(self, method: str, url: str, **given: Any) -> _Exchange:
        kept = {
            name: given[name]
            for name in ("headers", "params", "data", "json")
            if given.get(name) is not None
        }
        return _Exchange(httpx.Request(method, url, **kept), self._wire, self._patience_s)

    async def close(self) -> None:
        self.closed = True

    async def hook(self, url: str, body: dict[str, Any]) -> tuple[int, str]:
        """For response_urls."""
        async with self.request("POST", url, json=body) as answer:
            return answer.status, await answer.text()


class _Exchange:
    """A request, and its answer once it is entered."""

    def __init__(self, request: httpx.Request, wire: Wire, patience_s: float) -> None:
        self._request = request
        self._wire = wire
        self._patience_s = patience_s

    async def __aenter__(self) -> Self:
        try:
            answer = await self._wire.send(self._request, self._patience_s)
        except Lost as lost:
            if lost.late:
                raise TimeoutError from None
            raise aiohttp.ServerDisconnectedError from None
        self._answer = answer
        self.status = answer.status_code
        self.headers = CIMultiDict(answer.headers.items())
        self.content_type = answer.headers.get("content-type", "").partition(";")[0]
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def text(self) -> str:
        return self._answer.text

    async def read(self) -> bytes:
        return self._answer.content

    async def json(self) -> Any:
        if self.content_type != "application/json":
            raise aiohttp.ContentTypeError(None, ())  # type: ignore[arg-type]
        return json.loads(self._answer.content)


class ToTheBot(httpx.AsyncBaseTransport):
    """What Slack posts to the bot: each payload once to four times, and in any order."""

    def __init__(
        self, bot: Callable[[], tuple[ASGIApp, Context] | None], weather: Weather
    ) -> None:
        self._bot = bot
        self._weather = weather
        self._under_way: set[asyncio.Task[None]] = set()
        self.copies: list[tuple[float, ...]] = []
        """For each payload to come: after how many seconds it arrives, and arrives again."""

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        first, *others = self.copies.pop(0) if self.copies else (0.01,)
        loop = asyncio.get_running_loop()
        for delay in others:
            again = loop.create_task(self._again(request, delay), context=elsewhere())
            self._under_way.add(again)
            again.add_done_callback(self._under_way.discard)
        await asyncio.sleep(first)
        return await self._deliver(request)

    async def _again(self, request: httpx.Request, delay: float) -> None:
        await asyncio.sleep(delay)
        try:
            await self._deliver(request)
        except httpx.TransportError:
            return

    async def _deliver(self, request: httpx.Request) -> httpx.Response:
        bot = self._bot()
        if bot is None:
            raise httpx.ConnectError("nobody is there")
        application, context = bot
        transport = httpx.ASGITransport(application)
        copy = httpx.Request(
            request.method, request.url, headers=request.headers, content=request.content
        )

        async def answered() -> httpx.Response:
            answer = await transport.handle_async_request(copy)
            await answer.aread()
            return answer

        task = asyncio.get_running_loop().create_task(answered(), context=context)
        done: Awaitable[Any] = asyncio.wait({task})
        await done
        if task.cancelled():
            raise httpx.ReadError("the bot died")
        return task.result()
