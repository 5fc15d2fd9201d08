"""What the engine adds to every step: two durable transactions, with event and audit row."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from app.demo import clean_environment
from bench.figures import Spread, figure
from bench.processes import python_module, scratch
from bench.result import BenchFailed, Result, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.result import Effort

TITLE = "Overhead of the engine's steps"
AT_ONCE = 20

HOW = f"""\
A process of its own with the real engine (DBOS, SQLite in WAL with synchronous=FULL) and a \
command whose steps do nothing and each wait for the one before. *Per step* is the time from \
one step's body to the next one's: committing the result, its event and its audit row in one \
transaction, finding out what is ready, and committing the start of the next step. *Whole run* \
is from `submit` to the moment a follower has seen the end. *Steps a second* counts the steps \
of {AT_ONCE} runs submitted together, from the first submit to the last end. The issue sets no \
goal for these."""


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
    ended, steps = told[0]["ended"], {r: s for e in told for r, s in e["steps"].items()}
    return [
        {"submitted": at, "steps": steps[run], "ended": ended[run]}
        for run, at in submitted.items()
    ]


def _row(name: str, runs: list[dict[str, Any]]) -> tuple[str, ...]:
    gaps = [(b - a) * 1000 for run in runs for a, b in pairwise(run["steps"])]
    spread = Spread.of(gaps)
    return (name, str(spread.count), *map(figure, (spread.p50, spread.p99, spread.most)))
