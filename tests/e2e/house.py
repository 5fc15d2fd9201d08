"""The whole product as real processes: the sandbox, `luthien serve`, and the command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from app.demo import Sandbox, clean_environment, sandbox_command, server_settings
from tests.e2e import canaries
from tests.nursery import nursery
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from tests.nursery import Child

SPEED = 100.0
"""Railway's waits and our own are this much shorter: a create takes about two seconds."""


async def until(
    condition: Callable[[], Awaitable[Any]], *, within: float, what: Callable[[], str] | str = ""
) -> Any:
    """The condition's first true value. Raises AssertionError saying `what` was waited for."""
    deadline = time.monotonic() + within
    while not (value := await condition()):
        if time.monotonic() > deadline:
            said = what() if callable(what) else what
            raise AssertionError(f"not within {within:g} s: {said}")
        await asyncio.sleep(0.03)
    return value


class Process:
    """One of our modules, run by the nursery, or anything else; its output goes to a file in its
    folder."""

    def __init__(self, name: str, command: list[str], settings: Mapping[str, str], folder: Path):
        self.log_file = folder / f"{name}.log"
        self._command = command
        self._settings = settings
        self._folder = folder
        self._running: Child | subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        env, python = clean_environment(self._settings), [sys.executable, "-m"]
        with self.log_file.open("ab") as log, Path(os.devnull).open("rb") as nothing:
            if self._command[:2] == python:
                _, _, module, *arguments = self._command
                streams = (nothing, log, log)
                self._running = nursery().start(
                    module, arguments, env=env, cwd=self._folder, streams=streams
                )
            else:
                self._running = subprocess.Popen(
                    self._command, env=env, cwd=self._folder, stdin=nothing, stdout=log, stderr=log
                )

    @property
    def pid(self) -> int:
        """0 before the first start."""
        return self._running.pid if self._running else 0

    @property
    def ended(self) -> int | None:
        """The exit code; None while it runs."""
        return self._running.poll() if self._running else 0

    def send(self, number: signal.Signals) -> None:
        if self._running is not None:
            self._running.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Returns the exit code."""
        if self._running is None:
            return 0
        if self._running.poll() is None:
            self.send(number)
        return self._running.wait(60)

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")


@dataclass(frozen=True)
class Ran:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class House:
    """A sandbox, and a `luthien serve` that can be started and stopped."""

    folder: Path
    sandbox: Process
    server: Process
    stand_in: Sandbox
    settings: dict[str, str]
    http: httpx.AsyncClient = field(repr=False)

    async def serve(self) -> None:
        """Start the server and wait until Slack reaches it."""
        self.server.start()

        async def connected() -> bool:
            assert self.server.ended is None, self.server.log
            return (await self.http.get("/control/ready")).status_code == 200

        await until(connected, within=60, what=lambda: f"bot ready\n{self.server.log}")

    async def luthien(self, *arguments: str, **settings: str) -> Ran:
        """A command line in this data folder; `settings` come on top."""
        return await asyncio.to_thread(self._run, arguments, settings)

    def _run(self, arguments: Sequence[str], settings: dict[str, str]) -> Ran:
        with (
            Path(os.devnull).open("rb") as nothing,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            child = nursery().start(
                "app",
                arguments,
                env=clean_environment(self.settings | settings),
                cwd=self.folder,
                streams=(nothing, out, err),
            )
            code = child.wait(120)
            out.seek(0)
            err.seek(0)
            return Ran(code, out.read().decode(), err.read().decode())

    def begin(self, *arguments: str, **terminal: Any) -> subprocess.Popen[str]:
        """A command line that goes on beside the test; its streams are pipes unless told."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        return subprocess.Popen(
            [sys.executable, "-m", "app", *arguments],
            cwd=self.folder,
            env=clean_environment(self.settings) | {"TERM": "xterm-256color", "COLUMNS": "120"},
            text=True,
            **(streams | {"stderr": subprocess.PIPE} | terminal),
        )

    def api(self) -> httpx.AsyncClient:
        """As the owner of the data folder."""
        told = json.loads((self.folder / "luthien" / "serve.json").read_text())
        headers = {"Authorization": f"Bearer {told['token']}", "X-Luthien-User": "tester"}
        return httpx.AsyncClient(base_url=told["address"], headers=headers, trust_env=False)

    async def control(self, verb: str, **body: Any) -> dict[str, Any]:
        """POST to the sandbox's controls."""
        answer = await self.http.post(f"/control/{verb}", json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def fault(self, vendor: str, operation: str, kind: str, nth: int = 1) -> None:
        await self.control("faults", vendor=vendor, operation=operation, nth=nth, kind=kind)

    async def slack_knows_no(self, *kinds: str) -> None:
        """Kinds of block that Slack refuses from now on."""
        known = (await self.http.get("/control/state")).json()["slack"]
        body = {"slack": {**known, "unsupported_blocks": list(kinds)}}
        assert (await self.http.put("/control/state", json=body)).is_success

    async def journal(self, vendor: str = "") -> list[dict[str, Any]]:
        """Requests and answers in order."""
        entries = (await self.http.get("/control/journal")).json()["entries"]
        return [entry for entry in entries if not vendor or entry["vendor"] == vendor]

    async def projects(self) -> list[dict[str, Any]]:
        """What exists at the Railway stand-in."""
        told = (await self.http.get("/control/railway/summary")).json()
        return [project for project in told["projects"] if project["deleted_at"] is None]


@asynccontextmanager
async def open_house(
    folder: Path, *, speed: float = SPEED, over_http: bool = False, **changed: str
) -> AsyncIterator[House]:
    """The sandbox runs, the server does not yet. `over_http`: Slack posts instead of Socket Mode;
    `changed` are settings that differ."""
    port, listen = free_port(), free_port()
    request_url = ["--request-url", f"http://127.0.0.1:{listen}/slack/events"]
    command = sandbox_command(port, speed, folder / "sandbox", *(request_url if over_http else ()))
    sandbox = Process("sandbox", command, {}, folder)
    sandbox.start()
    url = f"http://127.0.0.1:{port}"
    # Idle connections are given up before uvicorn closes them, which it does after five seconds.
    limits = httpx.Limits(keepalive_expiry=2)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30, limits=limits) as http:

        async def answers() -> bool:
            assert sandbox.ended is None, sandbox.log
            try:
                return "slack" in (await http.get("/control/ready")).json()
            except httpx.TransportError:
                return False

        await until(answers, within=60, what="the sandbox")
        stand_in = await asyncio.to_thread(Sandbox.at, port)
        settings = server_settings(stand_in, listen=listen, pace=speed, data=folder / "luthien")
        # A look at everything now and then would get in the way of counted requests.
        settings |= {"LUTHIEN_WATCH": "false"}
        settings |= ({"SLACK_APP_TOKEN": ""} if over_http else {}) | changed
        serve = [sys.executable, "-m", "app", "serve"]
        server = Process("luthien", serve, settings, folder)
        try:
            house = House(folder, sandbox, server, stand_in, settings, http)
            yield house
            if sandbox.ended is None:
                await canaries.assert_no_canary_escaped(house)
        finally:
            server.stop()
            sandbox.stop()
