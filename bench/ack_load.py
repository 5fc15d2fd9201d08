"""How many commands are acknowledged in a second, and how soon while creations go on."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import psutil

from bench.figures import Spread, figure
from bench.processes import (
    SIGNING_SECRET,
    answers,
    free_port,
    python_module,
    running_sandbox,
    running_server,
    scratch,
    started,
)
from bench.result import BenchFailed, Goal, Result, Table
from bench.slack_client import SlackClient, replies

if TYPE_CHECKING:
    from bench.processes import Server
    from bench.result import Effort

TITLE = "Acknowledgements under load"
CLIENTS = 24
"""Requests under way at once where as many as possible are asked for."""
BURST_S = 5
RATE, CREATIONS = 50, 20
SPEED = 10
GOAL_RATE, GOAL_P99_MS = 500, 25
QUESTION = "help"

HOW = f"""\
The same requests as above. *As many as possible*: {CLIENTS} at once for {BURST_S} s, each \
followed by the next, to ours and to the echo in turn; what follows an acknowledgement (reading \
the row, answering over response_url, closing the row) goes on beside it and is part of what \
the server does. *CPU per acknowledgement* is what the server process used in that time, \
whatever else the machine did. *While creations run*: {RATE} a second, sent when due, beside \
{CREATIONS} creations that were submitted just before, against the stand-in at speed {SPEED}."""


@dataclass(frozen=True)
class Burst:
    """What one server did in a while."""

    count: int
    seconds: float
    cpu_s: float
    took: Spread

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    @property
    def cpu_ms(self) -> float:
        return self.cpu_s * 1000 / self.count


async def measure(effort: Effort) -> Result:
    folder = scratch() / "ack-load"
    port = free_port()
    echo = python_module("bench.echo_app", str(port), SIGNING_SECRET)
    echo_url = f"http://127.0.0.1:{port}"
    with (
        running_sandbox(folder, speed=SPEED) as sandbox,
        running_server(folder, sandbox, pace=SPEED, socket_mode=False) as server,
        started("echo", echo, folder) as child,
    ):
        child.until(lambda: answers(f"{echo_url}/readyz"))
        async with replies() as replied, aiohttp.ClientSession(trust_env=False) as http:
            client = SlackClient(http, SIGNING_SECRET, sandbox.admin, sandbox.channel, replied.url)
            ours_url = f"{server.url}/slack/events"
            for url in (ours_url, f"{echo_url}/slack/events"):
                await _burst(client, url, server.pid, 1)  # warm
            bursts: dict[str, list[Burst]] = {"ours": [], "echo": []}
            for _ in range(effort.count(2, 1)):
                for name, url, pid in (
                    ("echo", f"{echo_url}/slack/events", child.pid),
                    ("ours", ours_url, server.pid),
                ):
                    seconds = effort.count(BURST_S, 1)
                    bursts[name].append(await _burst(client, url, pid, seconds))
                await _all_handled(server)
            loaded, under_way = await _while_creating(client, server, effort)
    return _result(bursts, loaded, under_way)


_WAITING = "SELECT count(*) FROM deliveries WHERE handled_at IS NULL"


async def _burst(client: SlackClient, url: str, pid: int, seconds: float) -> Burst:
    process = psutil.Process(pid)
    before, began = process.cpu_times(), time.perf_counter()
    took: list[float] = []

    async def again_and_again() -> None:
        while time.perf_counter() - began < seconds:
            took.append(await client.acknowledged_ms(url, QUESTION))

    await asyncio.gather(*(again_and_again() for _ in range(CLIENTS)))
    lasted, after = time.perf_counter() - began, process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return Burst(len(took), lasted, used, Spread.of(took))


async def _all_handled(server: Server) -> None:
    """Until nothing of a burst is left to be answered."""
    while _count(server, _WAITING):  # noqa: ASYNC110 - another process's rows
        await asyncio.sleep(0.2)


def _count(server: Server, query: str) -> int:
    with sqlite3.connect(f"file:{server.database}?mode=ro", uri=True) as connection:
        (found,) = connection.execute(query).fetchone()
    return int(found)


async def _while_creating(
    client: SlackClient, server: Server, effort: Effort
) -> tuple[Spread, int]:
    """The acknowledgements, and how many creations were still under way after the last one."""
    creations = effort.count(CREATIONS, 3)
    for number in range(creations):
        await server.command("create", instance=f"load-{number}")
    began, under_way = time.perf_counter(), []
    for number in range(RATE * effort.count(15, 2)):
        await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        sending = client.acknowledged_ms(f"{server.url}/slack/events", QUESTION)
        under_way.append(asyncio.create_task(sending))
    took = await asyncio.gather(*under_way)
    alive = "SELECT count(*) FROM runs WHERE status IN ('queued', 'running')"
    left = _count(server, alive)
    if _count(server, "SELECT count(*) FROM runs") != creations or left == 0:
        raise BenchFailed(f"{left} of {creations} creations were still under way")
    return Spread.of(took), left


def _result(bursts: dict[str, list[Burst]], loaded: Spread, left: int) -> Result:
    best = {name: max(found, key=lambda burst: burst.rate) for name, found in bursts.items()}
    rows = [
        (
            f"{name}, as many as possible",
            figure(burst.rate),
            figure(burst.cpu_ms),
            figure(burst.took.p50),
            figure(burst.took.p99),
        )
        for name, burst in best.items()
    ]
    rows.append(
        (
            f"ours, {RATE} a second beside {CREATIONS} creations",
            figure(RATE),
            "",
            figure(loaded.p50),
            figure(loaded.p99),
        )
    )
    ours, echo = best["ours"], best["echo"]
    return Result(
        TITLE,
        HOW,
        (Table("Load", ("", "a second", "CPU ms each", "p50 ms", "p99 ms"), tuple(rows)),),
        (
            Goal(
                f"at least {GOAL_RATE} acknowledgements a second on 2 cores",
                f"{figure(ours.rate)} a second; the echo {figure(echo.rate)}",
                ours.rate >= GOAL_RATE,
            ),
            Goal(
                f"p99 at most {GOAL_P99_MS} ms at {RATE} a second while {CREATIONS} creations run",
                f"p50 {figure(loaded.p50)} ms, p99 {figure(loaded.p99)} ms",
                loaded.p99 <= GOAL_P99_MS,
            ),
        ),
        (
            f"{left} of the creations were still under way after the last acknowledgement.",
            "The floor is the echo's: Bolt, uvicorn and the measuring client, which has the other"
            f" core, let {figure(echo.rate)} a second through without any work of ours.",
        ),
    )
