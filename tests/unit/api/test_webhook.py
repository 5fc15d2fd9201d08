"""Railway's webhook wakes the watch, and does nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.webhook import MOST_A_MINUTE, MOST_BYTES, webhook
from engine.clock import SystemClock

# Source of the shape: Railway docs, observability/webhooks.
TODAY = {
    "type": "Deployment.crashed",
    "details": {"id": "d-1", "status": "CRASHED"},
    "resource": {"project": {"id": "p-1", "name": "luthien-acme"}, "service": {"id": "s-1"}},
    "severity": "CRITICAL",
    "timestamp": "2025-11-21T23:48:42.311Z",
}
EARLIER = {"type": "DEPLOY", "status": "CRASHED", "project": {"id": "p-2"}}


@dataclass
class Clock(SystemClock):
    seconds: float = 0.0

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, duration: timedelta) -> None:
        self.seconds += duration.total_seconds()


@dataclass
class Hook:
    clock: Clock = field(default_factory=Clock)
    woken: list[str] = field(default_factory=list)

    async def _wake(self, project: str) -> None:
        self.woken.append(project)

    async def post(self, content: str | bytes | Any, secret: str = "long-and-random") -> int:
        app = FastAPI()
        if not hasattr(self, "_router"):
            self._router = webhook("long-and-random", self._wake, self.clock)
        app.include_router(self._router)
        body = content if isinstance(content, str | bytes) else json.dumps(content)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            return (await http.post(f"/hooks/railway/{secret}", content=body)).status_code


async def test_it_wakes_the_watch_for_the_project_it_names() -> None:
    hook = Hook()
    assert await hook.post(TODAY) == 202
    assert await hook.post(EARLIER) == 202
    assert hook.woken == ["p-1", "p-2"]


@pytest.mark.parametrize("secret", ["", "wrong", "long-and-random-", "ölig"])
async def test_who_does_not_know_the_secret_finds_nothing(secret: str) -> None:
    hook = Hook()
    assert await hook.post(TODAY, secret) == 404
    assert hook.woken == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        '"p-1"',
        {"resource": []},
        {"project": {"id": 7}},
        {"project": {"id": ""}},
        b"\xff",
    ],
)
async def test_what_names_no_project_wakes_nobody(body: Any) -> None:
    hook = Hook()
    assert await hook.post(body) == 202
    assert hook.woken == []


async def test_a_long_body_is_not_read_to_its_end() -> None:
    hook = Hook()
    assert await hook.post({"project": {"id": "p-1"}, "fill": "x" * MOST_BYTES}) == 413
    assert hook.woken == []


async def test_masses_are_refused_for_a_minute() -> None:
    hook = Hook()
    for _ in range(MOST_A_MINUTE):
        assert await hook.post(TODAY) == 202
    assert await hook.post(TODAY) == 429
    hook.clock.seconds += 61
    assert await hook.post(TODAY) == 202
