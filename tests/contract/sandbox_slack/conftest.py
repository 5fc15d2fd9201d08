"""A real sandbox on a free port, and a real slack-bolt app to drive it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.server import DroppableProtocol, Settings, create_app
from tests.serving import serving

Json = dict[str, Any]
ADA, BEN, CLEO = "U0ADA00001", "U0BEN00001", "U0CLEO0001"
OPS, GENERAL, DM_ADA = "C0OPS00001", "C0GENERAL1", "D0ADA00001"
BOT_USER = "U0LUTHIEN1"
NO_LIMITS = {"rates": {"t1": 0, "t2": 0, "t3": 0, "t4": 0, "special": 0, "posts_per_second": 0.0}}


@dataclass
class Sandbox:
    """A running sandbox, seen through its controls and through Slack's own client."""

    port: int
    http: httpx.AsyncClient
    bots: list[AsyncSocketModeHandler] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> AsyncWebClient:
        return AsyncWebClient(token="xoxb-sandbox", base_url=f"{self.url}/slack/api/")

    async def control(self, what: str, expected: int = 200, /, **fields: Any) -> Json:
        answer = await self.http.post(f"/control/slack/{what}", json=fields)
        assert answer.status_code == expected, answer.text
        body: Json = answer.json()
        return body

    async def messages(self, channel: str = "#ops", **params: str) -> list[Json]:
        params["channel"] = channel
        answer = await self.http.get("/control/slack/messages", params=params)
        assert answer.status_code == 200, answer.text
        found: list[Json] = answer.json()["messages"]
        return found

    async def views(self, person: str) -> Json:
        answer = await self.http.get("/control/slack/views", params={"as": person})
        body: Json = answer.json()
        return body

    async def settings(self, **settings: Any) -> None:
        body = {"slack": {"settings": settings}}
        assert (await self.http.put("/control/state", json=body)).status_code == 200

    async def journal(self, operation: str) -> list[Json]:
        entries = (await self.http.get("/control/journal")).json()["entries"]
        return [entry for entry in entries if entry["operation"] == operation]

    async def api(self, method: str, *, token: str | None = "xoxb-sandbox", **kw: Any) -> Json:
        """A raw call; `kw` goes to httpx."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= kw.pop("headers", {})
        answer = await self.http.post(f"/slack/api/{method}", headers=headers, **kw)
        body: Json = answer.json()
        return body

    async def connect(self, app: AsyncApp) -> AsyncSocketModeHandler:
        handler = AsyncSocketModeHandler(app, "xapp-sandbox")
        self.bots.append(handler)
        await handler.connect_async()  # type: ignore[no-untyped-call]
        await until(self.bot_is_up)
        return handler

    async def disconnect(self) -> None:
        """Close every app of this test, and wait until the sandbox knows."""
        if not self.bots:
            return
        while self.bots:
            await self.bots.pop().close_async()  # type: ignore[no-untyped-call]

        async def alone() -> bool:
            return not await self.bot_is_up()

        await until(alone)

    async def bot_is_up(self) -> bool:
        return bool((await self.http.get("/control/ready")).json()["bot"])

    def app(self) -> AsyncApp:
        """A Bolt app as the project makes it: acks go out after the listener."""
        return AsyncApp(
            client=self.client,
            signing_secret="sandbox-signing-secret",
            process_before_response=True,
        )


async def until(met: Callable[[], Awaitable[Any]], seconds: float = 5.0) -> Any:
    """Wait until a condition is met; answers what it returned."""
    async with asyncio.timeout(seconds):
        while not (result := await met()):  # noqa: ASYNC110  (the condition is remote)
            await asyncio.sleep(0.01)
        return result


async def error_of(call: Awaitable[Any]) -> str:
    """The error code that a call is refused with."""
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


def free_port() -> socket.socket:
    """A bound socket. It names TCP, else asyncio leaves TCP_NODELAY off: 40 ms a call."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    return listener


@contextlib.asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Sandbox]:
    """A sandbox that lasts as long as the block."""
    listener = free_port()
    port = listener.getsockname()[1]
    config = uvicorn.Config(
        create_app(Settings(port=port, **settings)),
        http=DroppableProtocol,
        ws="websockets-sansio",
        log_level="error",
        timeout_graceful_shutdown=1,
    )
    async with (
        serving(config, [listener]),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        sandbox = Sandbox(port, http)
        try:
            yield sandbox
        finally:
            await sandbox.disconnect()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_sandbox() -> AsyncIterator[Sandbox]:
    """One process for all tests of a file."""
    async with running() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox(shared_sandbox: Sandbox) -> AsyncIterator[Sandbox]:
    """A sandbox as after its first start, without rate limits."""
    await shared_sandbox.http.post("/control/reset")
    await shared_sandbox.settings(**NO_LIMITS)
    yield shared_sandbox
    await shared_sandbox.disconnect()


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Path]:
    """Writes a manifest with the given scopes, events and commands."""

    def write(
        scopes: str = "commands chat:write",
        events: str = "",
        commands: list[Json] | None = None,
        shortcuts: list[Json] | None = None,
        *,
        home: bool = True,
        interactive: bool = True,
    ) -> Path:
        path = tmp_path / "manifest.json"
        content = {
            "display_information": {"name": "Ops Bot"},
            "features": {
                "app_home": {"home_tab_enabled": home},
                "bot_user": {"display_name": "opsbot"},
                "slash_commands": commands
                or [{"command": "/ops", "description": "d", "should_escape": False}],
                "shortcuts": shortcuts or [],
            },
            "oauth_config": {"scopes": {"bot": scopes.split()}},
            "settings": {
                "event_subscriptions": {"bot_events": events.split()},
                "interactivity": {"is_enabled": interactive},
            },
        }
        path.write_text(json.dumps(content))
        return path

    return write


@pytest.fixture(scope="session")
def slack_specs() -> Path:
    """The folder with Slack's published reference."""
    folder = os.environ.get("LUTHIEN_SPECS")
    if not folder:
        pytest.skip("LUTHIEN_SPECS does not name the folder with Slack's published reference")
    return Path(folder) / "slack"
