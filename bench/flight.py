"""An engine with many runs in flight at once, each waiting in a step, and people who click.

Run: python -m bench.flight FOLDER RUNS CLICKS. Prints JSON: resident memory before and while they
are in flight, how long submitting and ending them took, and the milliseconds from each click on an
approval to the first step of its run.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import psutil

from bench.noop_engine import KEY
from engine.actor import Actor, Door, Origin, Role
from engine.clock import SystemClock
from engine.command import Change, Risk
from engine.lease import Lease
from engine.plan import Plan
from engine.plane import PlaneSettings, open_plane
from engine.registry import Registry
from engine.roles import FixedRoles
from engine.secrets import parse_keys
from engine.step import Result, Step, StepContext
from engine.world import Limits, Toolbox, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.plane import Plane

ASKER = Actor(door=Door.SLACK, id="U0ADA", name="ada", role=Role.ADMIN)
APPROVER = Actor(door=Door.SLACK, id="U0ZOE", name="zoe", role=Role.ADMIN)
ORIGIN = Origin(door=Door.SLACK, channel="C0OPS")


class Gate:
    """Counts who has come, and lets all of them through together."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        self.open = asyncio.Event()
        self.news = asyncio.Event()

    async def all_here(self, count: int) -> None:
        while len(self.arrived) < count:
            self.news.clear()
            await self.news.wait()


class Wait(Step):
    kind: ClassVar[str] = "wait"
    waits: ClassVar[bool] = True

    def describe(self) -> str:
        return "Wait for the gate"

    async def run(self, ctx: StepContext) -> Result:
        gate = ctx.use(Gate)
        gate.arrived[ctx.run_id] = time.perf_counter()
        gate.news.set()
        await gate.open.wait()
        return {}


class Go(Change):
    """Wait in a step, as a create waits for its build."""

    name: ClassVar[str] = "go"
    risk: ClassVar[Risk] = Risk.ADDS
    instance: str
    asked: bool = False

    @property
    def approvals(self) -> int:
        return int(self.asked)

    def locks(self) -> Sequence[str]:
        return [f"instance:{self.instance}"]

    async def plan(self, world: World) -> Plan:
        del world
        return Plan(
            title=f"Wait with {self.instance}",
            subject=self.instance,
            steps=(Wait(key="wait"), Wait(key="again", after=("wait",))),
            risk=self.risk,
            expected=timedelta(seconds=1),
        )


async def open_flight(folder: Path, gate: Gate, shared: str = "") -> Plane:
    """On a Postgres that others share, or in files of its own."""
    return await open_plane(
        PlaneSettings(
            database_url=shared or f"sqlite+aiosqlite:///{folder}/engine.db",
            dispatch_url=shared or f"sqlite:///{folder}/dispatch.db",
            keys=parse_keys(KEY),
            limits=Limits(timedelta(days=7), timedelta(hours=24)),
            lease=Lease(timedelta(minutes=5)),  # a busy machine loses a shorter one
            roles=FixedRoles(admins=frozenset({ASKER.key, APPROVER.key})),
        ),
        registry=Registry({Go.name: Go}, {Wait.kind: Wait}),
        toolbox=Toolbox({Gate: gate}),
        blueprints={},
        clock=SystemClock(),
    )


async def main() -> None:
    folder, runs, clicks = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    gate = Gate()
    plane = await open_flight(folder, gate)
    await plane.launch()
    memory = psutil.Process().memory_info

    async def submit(instance: str, *, asked: bool = False) -> str:
        return (await plane.submit(ASKER, Go(instance=instance, asked=asked), ORIGIN)).id

    applied = []
    for number in range(clicks + 3):
        run_id = await submit(f"asked-{number}", asked=True)
        began = time.perf_counter()
        await plane.approve(APPROVER, run_id)
        while run_id not in gate.arrived:
            gate.news.clear()
            await gate.news.wait()
        applied.append((gate.arrived[run_id] - began) * 1000)
    gc.collect()
    before, began = memory().rss, time.perf_counter()
    ids = await asyncio.gather(*(submit(f"customer-{number}") for number in range(runs)))
    submitted = time.perf_counter() - began
    await gate.all_here(runs + clicks + 3)
    gc.collect()
    during, let_go = memory().rss, time.perf_counter()
    gate.open.set()
    for run_id in ids:
        async for _ in plane.follow(run_id):
            pass
    ended = time.perf_counter() - let_go
    await plane.close()
    told = {
        "before": before,
        "during": during,
        "submitted_s": submitted,
        "ended_s": ended,
        "applied_ms": applied[3:],
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
