"""What many runs under way cost, and how soon a run begins after the click that lets it."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from app.demo import clean_environment
from bench.figures import Spread, figure
from bench.processes import end, python_module, scratch
from bench.result import BenchFailed, Goal, Result, Table
from tests import postgres

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from bench.result import Effort

TITLE = "Runs in flight"
RUNS, CLICKS = 1000, 100
MIB = 2**20
GOAL_MIB, GOAL_MS, GOAL_APART_MS = 200, 50, 1000

HOW = f"""\
A process of its own with the real engine on SQLite. {CLICKS} runs that need another person's \
word are approved one after another: *click to apply* is from the call that a click makes to \
the body of the run's first step, with the commit of the approval, the dispatcher and the \
commit of the step's start between. *Of another replica* is the same with two processes over \
one Postgres, where one has asked and the click comes to the other. Then {RUNS:,} runs are \
submitted at once, and each waits in its first step; the memory is compared with that before, \
garbage collected both times."""


async def measure(effort: Effort) -> Result:
    runs, clicks = effort.count(RUNS, 50), effort.count(CLICKS, 5)
    folder = scratch() / "flight"
    folder.mkdir(parents=True)
    process = await asyncio.create_subprocess_exec(
        *python_module("bench.flight", str(folder), str(runs), str(clicks)),
        env=clean_environment({}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaint = await process.communicate()
    if process.returncode != 0:
        raise BenchFailed(f"the engine ended with {process.returncode}:\n{complaint.decode()}")
    told: dict[str, Any] = json.loads(said)
    more = (told["during"] - told["before"]) / MIB
    applied = Spread.of(told["applied_ms"])
    apart = await _apart(clicks)
    rows = (
        ("memory before, MiB", figure(told["before"] / MIB)),
        (f"more with {runs:,} runs in flight, MiB", figure(more)),
        ("per run, KiB", figure(more * 1024 / runs)),
        ("submitting all of them at once, s", figure(told["submitted_s"])),
        ("per submission, ms", figure(told["submitted_s"] * 1000 / runs)),
        ("from letting them go to the last end, s", figure(told["ended_s"])),
    )
    clicked = tuple(
        (where, *map(figure, (spread.p50, spread.p99, spread.most)))
        for where, spread in (("one process", applied), ("of another replica", apart))
    )
    return Result(
        TITLE,
        HOW,
        (
            Table("In flight", ("", "figure"), rows),
            Table(
                f"Click to apply, {applied.count} clicks, ms", ("", "p50", "p99", "most"), clicked
            ),
        ),
        (
            Goal(
                f"{RUNS:,} runs in flight within {GOAL_MIB} MB more",
                f"{figure(more)} MiB more with {runs:,}",
                more <= GOAL_MIB and runs >= RUNS,
            ),
            Goal(
                f"click to apply in at most {GOAL_MS} ms in one process",
                f"p50 {figure(applied.p50)} ms, p99 {figure(applied.p99)} ms",
                applied.p99 <= GOAL_MS,
            ),
            Goal(
                f"click to apply in at most {GOAL_APART_MS} ms across replicas",
                f"p50 {figure(apart.p50)} ms, p99 {figure(apart.p99)} ms",
                apart.p99 <= GOAL_APART_MS,
            ),
        ),
    )


async def _apart(clicks: int) -> Spread:
    """From the click at one replica to the first step of what another one was asked for."""
    with postgres.server(durable=True) as server, server.database() as url:
        async with AsyncExitStack() as closing:
            asks = await _replica(closing, url, "asks", clicks + 3)
            ids = await _line(asks)
            clicking = await _replica(closing, url, "clicks", clicks + 3)
            assert clicking.stdin is not None
            clicking.stdin.write(ids)
            await _line(clicking)  # all have begun
            told = [json.loads((await one.communicate(b"end\n"))[0]) for one in (asks, clicking)]
    arrived = told[0]["arrived"] | told[1]["arrived"]
    took = [(arrived[run_id] - at) * 1000 for run_id, at in told[1]["clicked"].items()]
    return Spread.of(took[3:])  # the first ones warm it up


async def _replica(closing: AsyncExitStack, url: str, *words: object) -> Process:
    folder = scratch() / "clicks"
    folder.mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *python_module("bench.clicks", str(folder), url, *map(str, words)),
        env=clean_environment({}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    closing.callback(end, process)
    return process


async def _line(process: Process) -> bytes:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        _, complaint = await process.communicate()
        raise BenchFailed(f"a replica ended with {process.returncode}:\n{complaint.decode()}")
    return line
