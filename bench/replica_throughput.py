"""How much several replicas get done over one Postgres."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from app.demo import clean_environment
from bench.figures import Spread, figure
from bench.processes import end, python_module, scratch
from bench.result import BenchFailed, Goal, Result, Table
from bench.step_overhead import gaps, merged
from tests import postgres

if TYPE_CHECKING:
    from bench.result import Effort

TITLE = "Throughput of one, two and four replicas over Postgres"
AT_ONCE = 24
GOAL = 300

HOW = f"""\
Processes of their own with the real engine, over one Postgres (the wheel's, its settings as they \
come, so every commit is on the disk before it is answered), and a command whose steps do nothing \
and each wait for the one before. *Steps a second* counts the steps of {AT_ONCE} runs, spread \
evenly over the replicas and submitted together, from the first submit to the last end; each \
step's result and audit row are committed with the beginning of the step that follows. \
*Per step* is the time from one step's body to the next one's. Replicas, Postgres and the \
measuring share the machine's cores, so more replicas do not mean more power here."""


async def measure(effort: Effort) -> Result:
    each = effort.count(60, 5)
    rows, best = [], 0.0
    with postgres.server(durable=True) as server:
        with server.database() as url:
            alone = gaps(await _runs(url, 1, 1, effort.count(200, 20)))
        for replicas in (1, 2, 4):
            with server.database() as url:
                found = await _runs(url, replicas, AT_ONCE // replicas, each)
            seconds = max(r["ended"] for r in found) - min(r["submitted"] for r in found)
            throughput = AT_ONCE * each / seconds
            best = max(best, throughput)
            spread = gaps(found)
            rows.append((str(replicas), figure(throughput), *_figures(spread)))
    return Result(
        TITLE,
        HOW,
        (
            Table(
                f"{AT_ONCE} runs of {each} steps at once",
                ("replicas", "steps a second", "per step p50, ms", "p99, ms", "most, ms"),
                tuple(rows),
            ),
            Table(
                "One run alone, per step, ms",
                ("", "p50", "p99", "most"),
                (("", *_figures(alone)),),
            ),
        ),
        (Goal(f"at least {GOAL} steps a second on Postgres", f"{best:.0f}", best >= GOAL),),
    )


async def _runs(url: str, replicas: int, runs: int, steps: int) -> list[dict[str, Any]]:
    """What the engines tell, which begin together."""
    folder = scratch() / "replicas"
    folder.mkdir(parents=True, exist_ok=True)
    words = (str(folder), str(runs), str(steps), url)
    command = python_module("bench.noop_engine", *words)
    async with AsyncExitStack() as closing:
        engines = []
        for _ in range(replicas):
            engine = await asyncio.create_subprocess_exec(
                *command,
                env=clean_environment({}),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=2**24,
            )
            closing.callback(end, engine)
            engines.append(engine)
        for engine in engines:
            assert engine.stdout is not None
            if await engine.stdout.readline() != b"ready\n":
                await _failed(engine)
        told = await asyncio.gather(*(engine.communicate(b"go\n") for engine in engines))
    for engine, (_, complaint) in zip(engines, told, strict=True):
        if engine.returncode != 0:
            raise BenchFailed(f"an engine ended with {engine.returncode}:\n{complaint.decode()}")
    return merged([json.loads(said) for said, _ in told])


async def _failed(engine: asyncio.subprocess.Process) -> None:
    _, complaint = await engine.communicate()
    raise BenchFailed(f"an engine did not begin:\n{complaint.decode()}")


def _figures(spread: Spread) -> tuple[str, ...]:
    return tuple(map(figure, (spread.p50, spread.p99, spread.most)))
