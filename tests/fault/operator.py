"""The bot and the sandbox as real processes, and the operator who uses them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from app.demo import ROOT, Sandbox, clean_environment, sandbox_command, server_settings

if TYPE_CHECKING:
    from types import TracebackType

SPEED = 300.0
"""Railway's waits and our own are this much shorter: minutes become a second."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class SandboxProcess:
    """The stand-ins, as a process of their own."""

    def __init__(self, folder: Path, *, speed: float = SPEED) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._command = [
            word for word in sandbox_command(self.port, speed, folder) if word != "--expect-bot"
        ]

    def start(self) -> None:
        with (self._folder / "sandbox.log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=clean_environment({}),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def until_ready(self) -> Sandbox:
        async with httpx.AsyncClient(trust_env=False) as client:
            await until(lambda: _answers(client, f"{self.url}/control/ready"), 30)
        return await asyncio.to_thread(Sandbox.at, self.port)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


class BotProcess:
    """`luthien serve`, pointed at `through` (a tap, or the sandbox itself)."""

    def __init__(self, sandbox: Sandbox, folder: Path, *, through: str, pace: float) -> None:
        self._folder = folder
        self._settings = server_settings(
            sandbox, listen=free_port(), pace=pace, data=folder / "luthien"
        ) | {
            "RAILWAY_API_URL": f"{through}/railway/graphql/v2",
            "SLACK_API_URL": f"{through}/slack/api/",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        folder = self._folder
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "luthien.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app", "serve"],
                cwd=folder,
                env=clean_environment(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(15)

    @property
    def log(self) -> str:
        return (self._folder / "luthien.log").read_text(errors="replace")


class Person:
    """Somebody in the workspace, through the sandbox's controls alone."""

    def __init__(self, sandbox_url: str, name: str, channel: str = "#ops") -> None:
        self._client = httpx.AsyncClient(base_url=sandbox_url, trust_env=False, timeout=30)
        self.name = name
        self.channel = channel

    async def __aenter__(self) -> Person:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def types(self, text: str) -> dict[str, Any]:
        answer = await self._client.post(
            "/control/slack/command",
            json={"user": self.name, "channel": self.channel, "text": text},
        )
        answer.raise_for_status()
        return dict(answer.json())

    async def reads(self, thread_ts: str | None = None) -> list[dict[str, Any]]:
        asked = {"channel": self.channel, "as": self.name}
        if thread_ts:
            asked["thread_ts"] = thread_ts
        answer = await self._client.get("/control/slack/messages", params=asked)
        answer.raise_for_status()
        return list(answer.json()["messages"])

    async def projects(self) -> list[dict[str, Any]]:
        answer = await self._client.get("/control/railway/summary")
        return [p for p in answer.json()["projects"] if p["deleted_at"] is None]

    async def bot_is_up(self) -> bool:
        answer = await self._client.get("/control/ready")
        return bool(answer.json()["bot"])


async def until(condition: Any, seconds: float, what: str = "") -> Any:
    """The condition's first true value. Raises AssertionError after `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        value = await condition()
        if value:
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}")
        await asyncio.sleep(0.05)


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx.TransportError:
        return False


def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="luthien-fault-"))
