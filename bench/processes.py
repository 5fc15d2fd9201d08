"""The real processes that are measured: started on free ports of 127.0.0.1, stopped at the end."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from app.demo import ROOT, Sandbox, clean_environment, sandbox_command, server_settings
from bench.result import BenchFailed

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

PATIENCE_S = 60.0
SIGNING_SECRET = "sandbox-signing-secret"


@dataclass(frozen=True)
class Server:
    """A running `luthien serve`."""

    url: str
    token: str
    data: Path
    pid: int
    ready_s: float
    """From the process's start to the first 200 of /readyz."""

    @property
    def database(self) -> Path:
        return self.data / "luthien.db"

    async def command(self, name: str, **fields: Any) -> dict[str, Any]:
        """What the API answers."""
        async with self.client() as http:
            return await self.asked(http, name, **fields)

    def client(self) -> httpx.AsyncClient:
        """For many requests: making one (TLS, which nothing here speaks) takes some 20 ms."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=120)

    async def asked(self, http: httpx.AsyncClient, name: str, **fields: Any) -> dict[str, Any]:
        """The same, over a client that is there."""
        answer = await http.post(f"/api/v1/commands/{name}", json=fields)
        if not answer.is_success:
            raise BenchFailed(f"`{name}` was answered with {answer.status_code}: {answer.text}")
        return dict(answer.json())


async def control(sandbox: Sandbox, method: str, path: str, body: object = None) -> dict[str, Any]:
    """Ask the sandbox's controls."""
    async with httpx.AsyncClient(trust_env=False, timeout=120) as http:
        answer = await http.request(method, f"{sandbox.url}/control/{path}", json=body)
    if not answer.is_success:
        raise BenchFailed(f"/control/{path} was answered with {answer.status_code}: {answer.text}")
    return dict(answer.json())


async def asked_of_railway(sandbox: Sandbox, since: int = 0) -> list[dict[str, Any]]:
    """The journal's lines about Railway that came after the line numbered `since`."""
    lines = (await control(sandbox, "GET", "journal"))["entries"]
    return [line for line in lines if line["vendor"] == "railway" and line["seq"] > since]


async def last_line(sandbox: Sandbox) -> int:
    """The number of the journal's last line."""
    lines = (await control(sandbox, "GET", "journal"))["entries"]
    return int(lines[-1]["seq"]) if lines else 0


@contextlib.contextmanager
def running_sandbox(folder: Path, *, speed: float, seed: int = 1) -> Iterator[Sandbox]:
    """The stand-ins; their state lies in memory only, so that saving it disturbs nothing."""
    port = free_port()
    command = sandbox_command(port, speed, folder, "--seed", str(seed))
    at = command.index("--data")
    del command[at : at + 2]
    with started("sandbox", command, folder) as child:
        child.until(lambda: answers(f"http://127.0.0.1:{port}/control/journal"))
        yield Sandbox.at(port)


@contextlib.contextmanager
def running_server(
    folder: Path,
    sandbox: Sandbox,
    *,
    pace: float,
    socket_mode: bool = True,
    more: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """`luthien serve` against the sandbox, over Socket Mode or with Slack posting to it; `more`
    are further settings."""
    port, data = free_port(), folder / "luthien"
    settings = server_settings(sandbox, listen=port, pace=pace, data=data)
    settings["LUTHIEN_PERSON_RATE"] = "0"  # one person stands for all
    settings |= more or {}
    if not socket_mode:
        del settings["SLACK_APP_TOKEN"]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "app", "serve"]
    with started("luthien", command, folder, settings) as child:
        child.until(lambda: answers(f"{url}/readyz"))
        ready_s = time.perf_counter() - child.began
        token = json.loads((data / "serve.json").read_text())["token"]
        yield Server(url, token, data, child.pid, ready_s)


@dataclass(frozen=True)
class Echo:
    """The yardstick (`bench.echo_app`)."""

    url: str
    pid: int


@contextlib.contextmanager
def running_echo(folder: Path) -> Iterator[Echo]:
    port = free_port()
    command = python_module("bench.echo_app", str(port), SIGNING_SECRET, str(folder / "echo.bin"))
    with started("echo", command, folder) as child:
        child.until(lambda: answers(f"http://127.0.0.1:{port}/readyz"))
        yield Echo(f"http://127.0.0.1:{port}", child.pid)


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path
    began: float
    """By `time.perf_counter`."""

    @property
    def pid(self) -> int:
        return self.process.pid

    def until(self, ready: Callable[[], bool]) -> None:
        """Raises BenchFailed when the process ends first, or takes too long."""
        while not ready():
            if self.process.poll() is not None:
                raise BenchFailed(f"`{self.name}` ended by itself:\n{self.said()}")
            if time.perf_counter() - self.began > PATIENCE_S:
                raise BenchFailed(f"`{self.name}` is not ready in time:\n{self.said()}")
            time.sleep(0.01)

    def said(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])


@contextlib.contextmanager
def started(
    name: str, command: list[str], folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """A process in `folder`, where also its log lies."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=clean_environment(settings or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Child(name, process, log, began)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def python_module(module: str, *arguments: str) -> list[str]:
    """How one of our own modules is started."""
    return [sys.executable, "-m", module, *arguments]


def end(process: asyncio.subprocess.Process) -> None:
    """At once, if it has not ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scratch() -> Path:
    """Where data of measurements lies: on the disk that the project lies on, not in memory."""
    folder = ROOT / ".luthien" / "bench" / str(os.getpid())
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def answers(url: str) -> bool:
    """Whether it says 200. Asked many times a second of what is being measured, so it is cheap."""
    asked = urlsplit(url)
    connection = HTTPConnection(asked.netloc, timeout=5)
    try:
        connection.request("GET", asked.path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
