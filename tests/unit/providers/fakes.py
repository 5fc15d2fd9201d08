"""Hand-written fakes: a clock whose time passes when everybody waits, and a scripted Railway."""

from __future__ import annotations

import asyncio
import heapq
import inspect
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

START = datetime(2026, 1, 1, tzinfo=UTC)
_ROUNDS = 60
"""How often everybody else may run before time passes."""


class FakeClock:
    """Sleepers wake in order; time jumps to the next one as soon as nothing else can run."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0
        self._driver: asyncio.Task[None] | None = None

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration.total_seconds())
        wakes: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        at = self.elapsed + duration.total_seconds()
        heapq.heappush(self._sleepers, (at, self._count, wakes))
        if self._driver is None or self._driver.done():
            self._driver = asyncio.create_task(self._drive())
        await wakes

    async def _drive(self) -> None:
        while self._sleepers:
            for _ in range(_ROUNDS):
                await asyncio.sleep(0)
            at, _, wakes = heapq.heappop(self._sleepers)
            if wakes.cancelled():
                continue
            self.elapsed = max(self.elapsed, at)
            wakes.set_result(None)


@dataclass
class Asked:
    """One request as the fake saw it."""

    operation: str
    variables: dict[str, Any]
    headers: httpx.Headers
    at: float
    url: httpx.URL


@dataclass
class FakeRailway:
    """Answers by operation: with data (anything JSON), a whole response, or an exception.

    A list is used up in order; its last entry stays.
    """

    clock: FakeClock
    script: dict[str, Any] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    _heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    def on(self, operation: str, *replies: Any) -> FakeRailway:
        self.script[operation] = list(replies)
        return self

    async def heard(self, operation: str, times: int = 1) -> None:
        """Returns once it was asked this often."""
        async with self._heard:
            await self._heard.wait_for(lambda: self.counts[operation] >= times)

    @property
    def counts(self) -> Counter[str]:
        return Counter(asked.operation for asked in self.asked)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        asked = Asked(
            body["operationName"],
            body["variables"],
            request.headers,
            self.clock.monotonic(),
            request.url,
        )
        self.asked.append(asked)
        async with self._heard:
            self._heard.notify_all()
        replies = self.script.get(asked.operation)
        if replies is None:
            raise AssertionError(f"the fake has no answer to {asked.operation}")
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if callable(reply):
            reply = reply(asked)
        if inspect.isawaitable(reply):
            reply = await reply
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, httpx.Response):
            return reply
        return data(asked.operation, reply, self.headers)


def data(operation: str, value: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    """A whole answer; `Whole` values stand for `data` itself."""
    body = value.data if isinstance(value, Whole) else {operation: value}
    return httpx.Response(200, json={"data": body}, headers=headers)


@dataclass(frozen=True)
class Whole:
    """An answer with several root fields."""

    data: dict[str, Any]


def error(message: str, *, code: str = "INTERNAL_SERVER_ERROR", **extra: Any) -> httpx.Response:
    """HTTP 200 with an error, as Railway answers."""
    entry = {
        "message": message,
        "extensions": {"code": code},
        "traceId": "7205759403792793601",
        **extra,
    }
    return httpx.Response(200, json={"errors": [entry], "data": None})


WORKSPACE = {"id": "w-1", "name": "Luthien"}
ME = {"name": "Ada", "email": "ada@example.com", "workspaces": [WORKSPACE]}


def edges(*nodes: Any, more: str | None = None) -> dict[str, Any]:
    return {
        "edges": [{"node": node} for node in nodes],
        "pageInfo": {"hasNextPage": more is not None, "endCursor": more},
    }


def a_deployment(id_: str = "d-1", status: str = "BUILDING", **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "status": status,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "statusUpdatedAt": "2026-01-01T00:00:01.000Z",
        "projectId": "p-1",
        "environmentId": "e-1",
        "serviceId": "s-1",
        "meta": {"branch": "main", "commitHash": "c" * 40, "commitMessage": "Fix it"},
        **more,
    }


def an_instance(name: str, id_: str = "s-1", **more: Any) -> dict[str, Any]:
    return {
        "serviceId": id_,
        "serviceName": name,
        "source": None,
        "domains": {"serviceDomains": [], "customDomains": []},
        "latestDeployment": None,
        **more,
    }


def a_project(
    name: str = "luthien-acme", id_: str = "p-1", *instances: Any, **more: Any
) -> dict[str, Any]:
    return {
        "id": id_,
        "name": name,
        "description": "ready",
        "createdAt": "2026-01-01T00:00:00.000Z",
        "deletedAt": None,
        "workspaceId": "w-1",
        "primaryEnvironmentId": "e-1",
        "services": edges(*({"id": i["serviceId"], "name": i["serviceName"]} for i in instances)),
        "environments": edges(
            {"id": "e-1", "name": "production", "serviceInstances": edges(*instances)}
        ),
        **more,
    }
