"""What many runs under way cost, and how soon a run begins after the click that lets it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from app.demo import clean_environment
from bench.figures import Spread, figure
from bench.processes import python_module, scratch
from bench.result import BenchFailed, Goal, Result, Table

if TYPE_CHECKING:
    from bench.result import Effort

TITLE = "Runs in flight"
RUNS, CLICKS = 1000, 100
MIB = 2**20
GOAL_MIB, GOAL_MS = 200, 50

HOW = f"""\
A process of its own with the real engine on SQLite. {CLICKS} runs that need another person's \
word are approved one after another: *click to apply* is from the call that a click makes to \
the body of the run's first step, with the commit of the approval, the dispatcher and the \
commit of the step's start between. Then {RUNS:,} runs are submitted at once, and each waits in \
its first step; the memory is compared with that before, garbage collected both times."""


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
    rows = (
        ("memory before, MiB", figure(told["before"] / MIB)),
        (f"more with {runs:,} runs in flight, MiB", figure(more)),
        ("per run, KiB", figure(more * 1024 / runs)),
        ("submitting all of them at once, s", figure(told["submitted_s"])),
        ("per submission, ms", figure(told["submitted_s"] * 1000 / runs)),
        ("from letting them go to the last end, s", figure(told["ended_s"])),
    )
    clicked = ("click to apply, ms", *map(figure, (applied.p50, applied.p99, applied.most)))
    return Result(
        TITLE,
        HOW,
        (
            Table("In flight", ("", "figure"), rows),
            Table(f"{applied.count} clicks", ("", "p50", "p99", "most"), (clicked,)),
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
        ),
    )
