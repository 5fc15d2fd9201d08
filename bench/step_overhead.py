"""What the engine adds to every step: two durable transactions, with event and audit row."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from app.demo import clean_environment
from bench.figures import Spread, figure
from bench.processes import python_module, scratch
from bench.result import BenchFailed, Goal, Result, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.result import Effort

TITLE = "Overhead of the engine's steps"
AT_ONCE = 20
GOAL_P50_MS, GOAL_P99_MS, GOAL_A_SECOND = 5, 20, 500

HOW = f"""\
A process of its own with the real engine (DBOS, SQLite in WAL with synchronous=FULL) and a \
command whose steps do nothing and each wait for the one before. *Per step* is the time from \
one step's body to the next one's: finding out what can follow, and committing the result with \
its event and its audit row and the start of what follows with its event, in one transaction \
(of several runs, whatever comes while the one before is committed shares the next). *Whole run* \
is from `submit` to the moment a follower has seen the end. *Steps a second* counts the steps \
of {AT_ONCE} runs submitted together, from the first submit to the last end, with their planning, \
locks, dispatch and ends."""


async def measure(effort: Effort) -> Result:
    steps = effort.count(200, 20)
    single = await _runs("one", 1, steps)
    short = [(await _runs(f"short-{n}", 1, 1))[0] for n in range(effort.count(3, 1))]
    steps_each = effort.count(30, 5)
    many = await _runs("many", AT_ONCE, steps_each)
    seconds = max(r["ended"] for r in many) - min(r["submitted"] for r in many)
    rows = (
        _row(f"1 run of {steps} steps", single),
        _row(f"{AT_ONCE} runs of {steps_each} steps at once", many),
    )
    whole = Spread.of([(r["ended"] - r["submitted"]) * 1000 for r in short])
    throughput = AT_ONCE * steps_each / seconds
    alone = gaps(single)
    return Result(
        TITLE,
        HOW,
        (
            Table("Per step, ms", ("", "steps", "p50", "p99", "most"), rows),
            Table(
                "Runs",
                ("", "figure"),
                (
                    ("whole run of one step, ms (median)", figure(whole.p50)),
                    (f"steps a second, {AT_ONCE} runs at once", figure(throughput)),
                ),
            ),
        ),
        (
            Goal(
                f"overhead of a step: p50 at most {GOAL_P50_MS} ms, p99 at most {GOAL_P99_MS} ms",
                f"p50 {figure(alone.p50)} ms, p99 {figure(alone.p99)} ms (one run)",
                alone.p50 <= GOAL_P50_MS and alone.p99 <= GOAL_P99_MS,
            ),
            Goal(
                f"at least {GOAL_A_SECOND} steps a second on SQLite",
                figure(throughput),
                throughput >= GOAL_A_SECOND,
            ),
        ),
    )


async def _runs(name: str, runs: int, steps: int) -> list[dict[str, Any]]:
    """What `bench.noop_engine` tells, in a fresh folder."""
    folder = scratch() / "steps" / name
    folder.mkdir(parents=True)
    command = python_module("bench.noop_engine", str(folder), str(runs), str(steps))
    process = await asyncio.create_subprocess_exec(
        *command,
        env=clean_environment({}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaint = await process.communicate()
    if process.returncode != 0:
        raise BenchFailed(f"the engine ended with {process.returncode}:\n{complaint.decode()}")
    return merged([json.loads(said)])


def merged(told: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run by run, what the engines tell that carried them out together."""
    submitted = {run: at for engine in told for run, at in engine["submitted"].items()}
    steps = {run: at for engine in told for run, at in engine["steps"].items()}
    ended: dict[str, float] = {}
    for engine in told:  # whoever carries a run out knows first that it is over
        for run, at in engine["ended"].items():
            ended[run] = min(at, ended.get(run, at))
    return [
        {"submitted": at, "steps": steps[run], "ended": ended[run]}
        for run, at in submitted.items()
    ]


def gaps(runs: list[dict[str, Any]]) -> Spread:
    return Spread.of([(b - a) * 1000 for run in runs for a, b in pairwise(run["steps"])])


def _row(name: str, runs: list[dict[str, Any]]) -> tuple[str, ...]:
    spread = gaps(runs)
    return (name, str(spread.count), *map(figure, (spread.p50, spread.p99, spread.most)))
