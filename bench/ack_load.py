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
    control,
    running_echo,
    running_sandbox,
    running_server,
    scratch,
)
from bench.result import BenchFailed, Goal, Result, Table
from bench.slack_client import SlackClient, replies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.processes import Echo, Server
    from bench.result import Effort

TITLE = "Acknowledgements under load"
CLIENTS = 24
"""Requests under way at once where as many as possible are asked for."""
BURST_S = 5
RATE, CREATIONS, WHILE_S = 50, 20, 15
ROUNDS = 3
"""Beside creations; one stall of a shared disk of 200 ms is more than a hundredth of a round."""
SPEED = 10
"""Of the stand-in and of our polling; Railway's own is 1."""
GOAL_RATE, GOAL_P99_MS = 500, 25
QUESTION = "help"

HOW = f"""\
The same requests as above. *As many as possible*: {CLIENTS} at once for {BURST_S} s, each \
followed by the next, to ours and to the echo in turn; what follows an acknowledgement (reading \
the row, answering over response_url, closing the row) goes on beside it and is part of what \
the server does. *CPU per acknowledgement* is what the server process used in that time, \
whatever else the machine did. *Beside creations*: {RATE} a second for {WHILE_S} s, sent when \
due, from the moment on when the last of {CREATIONS} creations was submitted. At Railway's own \
pace all of them are really under way at once: the stand-in's limit of one project per 30 s is \
lifted for it. *Durable echo* is a bare async Bolt app that appends one page to a file, waits \
until the disk has it, and acknowledges; it is asked in turn with ours, as often. Of \
{ROUNDS} such rounds the one with the middle p99 is told. At speed {SPEED} the limit holds, a few \
are under way at once, and each asks, tells and commits {SPEED} times as often as it ever \
would."""


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


@dataclass(frozen=True)
class Beside:
    """Acknowledgements while creations went on."""

    took: Spread
    floor: Spread
    """Of the durable echo, asked in between."""
    started: int
    """Creations that had a project after the last acknowledgement."""
    unfinished: int
    cpu_s: float
    seconds: float


async def measure(effort: Effort) -> Result:
    folder = scratch() / "ack-load"
    with (
        running_sandbox(folder, speed=SPEED) as sandbox,
        running_server(folder, sandbox, pace=SPEED, socket_mode=False) as server,
        running_echo(folder) as echo,
    ):
        async with replies() as replied, aiohttp.ClientSession(trust_env=False) as http:
            client = SlackClient(http, SIGNING_SECRET, sandbox.admin, sandbox.channel, replied.url)
            ours_url, echo_url = f"{server.url}/slack/events", f"{echo.url}/slack/events"
            for url in (ours_url, echo_url):
                await _burst(client, url, server.pid, 1)  # warm
            bursts: dict[str, list[Burst]] = {"ours": [], "echo": []}
            for _ in range(effort.count(2, 1)):
                for name, url, pid in (
                    ("echo", echo_url, echo.pid),
                    ("ours", ours_url, server.pid),
                ):
                    seconds = effort.count(BURST_S, 1)
                    bursts[name].append(await _burst(client, url, pid, seconds))
                await _all_handled(server)
            hurried = await _while_creating(client, server, echo, effort)
    rounds = [await _beside_all_at_once(effort, n) for n in range(effort.count(ROUNDS, 1))]
    return _result(bursts, sorted(rounds, key=lambda one: one.took.p99), hurried)


async def _beside_all_at_once(effort: Effort, number: int) -> Beside:
    folder = scratch() / f"ack-beside-{number}"
    with (
        running_sandbox(folder, speed=1) as sandbox,
        running_server(folder, sandbox, pace=1, socket_mode=False) as server,
        running_echo(folder) as echo,
    ):
        lifted = {"railway": {"settings": {"project_interval": 0}}}
        await control(sandbox, "PUT", "state", lifted)
        async with replies() as replied, aiohttp.ClientSession(trust_env=False) as http:
            client = SlackClient(http, SIGNING_SECRET, sandbox.admin, sandbox.channel, replied.url)
            await _burst(client, f"{server.url}/slack/events", server.pid, 1)  # warm
            await _all_handled(server)
            return await _while_creating(client, server, echo, effort)


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
    client: SlackClient, server: Server, echo: Echo, effort: Effort
) -> Beside:
    """Raises BenchFailed when the creations were over before."""
    creations = effort.count(CREATIONS, 3)
    process = psutil.Process(server.pid)
    for number in range(creations):
        await server.command("create", instance=f"load-{number}")
    before, began = process.cpu_times(), time.perf_counter()
    sent: list[list[asyncio.Task[float]]] = [[], []]
    for number in range(2 * RATE * effort.count(WHILE_S, 2)):
        await asyncio.sleep(max(0.0, began + number / RATE / 2 - time.perf_counter()))
        url = f"{echo.url}/durable/events" if number % 2 else f"{server.url}/slack/events"
        sent[number % 2].append(asyncio.create_task(client.acknowledged_ms(url, QUESTION)))
    took, floor = [Spread.of(await asyncio.gather(*under_way)) for under_way in sent]
    lasted, after = time.perf_counter() - began, process.cpu_times()
    used = after.user + after.system - before.user - before.system
    left = _count(server, "SELECT count(*) FROM runs WHERE status IN ('queued', 'running')")
    if _count(server, "SELECT count(*) FROM runs") != creations or left == 0:
        raise BenchFailed(f"{left} of {creations} creations were still under way")
    started = _count(server, "SELECT count(DISTINCT run_id) FROM created")
    return Beside(took, floor, started, left, used, lasted)


def _result(bursts: dict[str, list[Burst]], rounds: Sequence[Beside], hurried: Beside) -> Result:
    """`rounds`: at Railway's own pace, the best first."""
    real = rounds[len(rounds) // 2]
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
    rows += [
        (
            f"{name}, {RATE} a second beside {CREATIONS} creations, {pace}",
            figure(RATE),
            "",
            figure(took.p50),
            figure(took.p99),
        )
        for pace, beside in (
            ("all at once, at Railway's own pace", real),
            (f"at {SPEED} times its pace", hurried),
        )
        for name, took in (("ours", beside.took), ("durable echo", beside.floor))
    ]
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
                f"p50 {figure(real.took.p50)} ms, p99 {figure(real.took.p99)} ms, the durable echo"
                f" {figure(real.floor.p50)} and {figure(real.floor.p99)} ms; at {SPEED} times"
                f" Railway's pace {figure(hurried.took.p50)} and {figure(hurried.took.p99)} ms,"
                f" the durable echo {figure(hurried.floor.p50)} and"
                f" {figure(hurried.floor.p99)} ms",
                real.took.p99 <= GOAL_P99_MS,
            ),
        ),
        (
            f"After the last acknowledgement {real.started} of the creations had their project and"
            f" {real.unfinished} were not over ({hurried.started} and {hurried.unfinished} at"
            f" {SPEED} times the pace). Our process was busy for {figure(real.cpu_s)} s of"
            f" {figure(real.seconds)} s, and for {figure(hurried.cpu_s)} s of"
            f" {figure(hurried.seconds)} s.",
            "p99 of all rounds at Railway's own pace, ours and the durable echo's: "
            + ", ".join(f"{figure(r.took.p99)} and {figure(r.floor.p99)} ms" for r in rounds)
            + ".",
            "The floor is the echo's: Bolt, uvicorn and the measuring client, which has the other"
            f" core, let {figure(echo.rate)} a second through without any work of ours.",
        ),
    )
