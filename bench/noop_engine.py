"""An engine of its own whose steps do nothing, so that only the engine is measured.

Run: python -m bench.noop_engine FOLDER RUNS STEPS. Prints JSON: for each run the moments (seconds)
at which it was submitted, its steps were carried out, and its end was durable. With the address of
a Postgres and a number as fourth and fifth word it is one of so many that share it: it says
`ready`, and begins when a line comes in, as the others do.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import sys
import time
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engine.actor import Actor, Door, Origin, Role
from engine.clock import SystemClock
from engine.command import Change, Risk
from engine.lease import Lease
from engine.plan import Plan
from engine.plane import PlaneSettings, open_plane
from engine.registry import Registry
from engine.run import EventKind, RunStatus
from engine.secrets import parse_keys
from engine.step import Result, Step, StepContext
from engine.world import Limits, Toolbox, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.plane import Plane

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
"""Replicas have to know the same."""
OWNER = Actor(door=Door.CLI, id="bench", name="bench", role=Role.ADMIN)


class Moments:
    """When each run's steps were carried out."""

    def __init__(self) -> None:
        self.of: dict[str, list[float]] = defaultdict(list)


class Nothing(Step):
    kind: ClassVar[str] = "nothing"

    def describe(self) -> str:
        return "Do nothing"

    async def run(self, ctx: StepContext) -> Result:
        ctx.use(Moments).of[ctx.run_id].append(time.perf_counter())
        return {"done": self.key}


class DoNothing(Change):
    """Do nothing, in steps that each wait for the one before."""

    name: ClassVar[str] = "nothing"
    risk: ClassVar[Risk] = Risk.ADDS
    instance: str
    steps: int

    def locks(self) -> Sequence[str]:
        return [f"nothing:{self.instance}"]

    async def plan(self, world: World) -> Plan:
        del world
        keys = [f"step-{number}" for number in range(self.steps)]
        before = [(), *((key,) for key in keys)]
        return Plan(
            title=f"Do nothing for {self.instance}",
            subject=self.instance,
            steps=tuple(
                Nothing(key=key, after=after) for key, after in zip(keys, before, strict=False)
            ),
            risk=self.risk,
            expected=timedelta(seconds=1),
        )


async def carry_out(
    plane: Plane, moments: Moments, subjects: Sequence[str], steps: int
) -> dict[str, Any]:
    """Submit one run for each subject at once, and wait until all are over; one follower sees
    them, and those of other replicas, as the bot does."""
    ended: dict[str, float] = {}
    heard = asyncio.Event()

    async def follow() -> None:
        async for event in plane.follow_all():
            if event.kind is EventKind.ENDED:
                if event.data["status"] != RunStatus.SUCCEEDED:
                    raise RuntimeError(f"run {event.run_id} ended {event.data['status']}")
                ended[event.run_id] = time.perf_counter()
                heard.set()

    async def submit(subject: str) -> tuple[str, float]:
        began = time.perf_counter()
        command = DoNothing(instance=subject, steps=steps)
        return (await plane.submit(OWNER, command, Origin(door=Door.CLI))).id, began

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.1)  # it starts at the events that there are
    submitted = dict(await asyncio.gather(*(submit(subject) for subject in subjects)))
    while not submitted.keys() <= ended.keys():
        heard.clear()
        listening = asyncio.create_task(heard.wait())
        await asyncio.wait({following, listening}, return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            await following  # it raises
    following.cancel()
    return {"submitted": submitted, "steps": moments.of, "ended": ended}


async def main() -> None:
    folder, runs, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    shared = sys.argv[4] if len(sys.argv) > 4 else ""
    me = secrets.token_hex(4)
    moments = Moments()
    plane = await open_plane(
        PlaneSettings(
            database_url=shared or f"sqlite+aiosqlite:///{folder}/engine.db",
            dispatch_url=shared or f"sqlite:///{folder}/dispatch.db",
            keys=parse_keys(KEY),
            limits=Limits(timedelta(days=7), timedelta(hours=24)),
            lease=Lease(timedelta(minutes=5)),  # a busy machine loses a shorter one
        ),
        registry=Registry({DoNothing.name: DoNothing}, {Nothing.kind: Nothing}),
        toolbox=Toolbox({Moments: moments}),
        blueprints={},
        clock=SystemClock(),
    )
    await plane.launch()
    try:
        await carry_out(plane, moments, [f"warm-{me}"], 5)
        if shared:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.readline)
        moments.of.clear()
        subjects = [f"run-{me}-{n}" for n in range(runs)]
        done = await carry_out(plane, moments, subjects, steps)
    finally:
        await plane.close()
    sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
