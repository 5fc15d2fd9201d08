"""The Railway provider against the real stand-in: one process, emptied between tests."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prometheus_client import generate_latest

from engine.capabilities import RestartPolicy, ServiceSettings
from engine.clock import SystemClock
from providers.railway.provider import RailwayProvider
from tests.canaries import found, logged, spellings, variables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from engine.capabilities import Service, Space

ROOT = Path(__file__).parents[3]
SPEED = 1000
REPO = "LuthienResearch/luthien-proxy"
STARTS_WITHIN_S = 20
GATEWAY = ServiceSettings(
    dockerfile="docker/Dockerfile.gateway",
    health_path="/health",
    health_timeout=timedelta(seconds=60),
    restart=RestartPolicy.ON_FAILURE,
    restart_retries=3,
)
"""How the gateway's repository is built and run."""
TOKENS = {"sandbox-account": "account token", "sandbox-workspace": "workspace token"}


@dataclass(frozen=True)
class Sandbox:
    """The stand-in and its controls."""

    url: str
    http: httpx.Client

    @property
    def railway(self) -> str:
        return f"{self.url}/railway/graphql/v2"

    @property
    def gateway_url(self) -> str:
        return "http://{domain}:" + self.url.rsplit(":", 1)[1]

    def control(self, path: str, **body: Any) -> Any:
        """POST /control/<path>."""
        answer = self.http.post(f"/control/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def fault(self, operation: str, kind: str, nth: int = 1) -> None:
        """The nth request of this operation from now on goes wrong."""
        where = {"vendor": "railway", "operation": operation, "nth": nth}
        self.control("faults", **where, kind=kind, retry_after=0)

    def state(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.http.get("/control/state").json()["railway"]
        return shown

    def put(self, **changes: Any) -> None:
        """Change parts of the Railway world's state."""
        answer = self.http.put("/control/state", json={"railway": {**self.state(), **changes}})
        assert answer.is_success, answer.text

    def settings(self, **changes: Any) -> None:
        """Change how this Railway behaves."""
        self.put(settings={**self.state()["settings"], **changes})

    def asked(self) -> list[str]:
        """Operations in order, from the journal."""
        return [entry["operation"] for entry in self.requests()]

    def requests(self) -> list[dict[str, Any]]:
        """The journal's lines about Railway's API."""
        entries = self.http.get("/control/journal").json()["entries"]
        return [entry for entry in entries if entry["vendor"] == "railway"]


async def a_gateway(provider: RailwayProvider, space: Space, name: str = "gateway") -> Service:
    """A service without a source, with what the gateway's repository is built and run with."""
    service = await provider.create_service(space, name)
    await provider.write_settings(space, service.id, GATEWAY)
    return service


@pytest.fixture(scope="session")
def process() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    running = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", str(port), "--speed", str(SPEED)],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        _wait_until_ready(url, running)
        yield url
    finally:
        running.terminate()
        running.wait(10)


def _wait_until_ready(url: str, running: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        assert running.poll() is None, "the sandbox ended by itself"
        try:
            if httpx.get(f"{url}/control/ready", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"the sandbox was not ready within {STARTS_WITHIN_S} s")


@pytest.fixture
def sandbox(process: str) -> Iterator[Sandbox]:
    with httpx.Client(base_url=process, verify=False, trust_env=False, timeout=20) as http:
        sandbox = Sandbox(process, http)
        sandbox.control("reset")
        with logged(logging.DEBUG) as lines:
            yield sandbox
        spelt = spellings({value: name for name, value in variables(sandbox.state())} | TOKENS)
        said = "\n".join(lines).encode() + generate_latest()
        assert not (escaped := found(spelt, said)), f"secrets in log or metrics: {escaped}"


@pytest.fixture
async def connect(sandbox: Sandbox) -> AsyncIterator[Callable[..., RailwayProvider]]:
    """Opens providers for any of the sandbox's tokens."""
    opened: list[RailwayProvider] = []

    def open_(token: str = "sandbox-account", workspace_id: str | None = None) -> RailwayProvider:
        provider = RailwayProvider(
            sandbox.railway,
            token,
            workspace_id,
            sandbox.gateway_url,
            clock=SystemClock(SPEED),
            transport=httpx.AsyncHTTPTransport(verify=False),  # reading certificates takes longer
        )
        opened.append(provider)
        return provider

    yield open_
    for provider in opened:
        await provider.aclose()


@pytest.fixture
def provider(connect: Callable[..., RailwayProvider]) -> RailwayProvider:
    return connect()
