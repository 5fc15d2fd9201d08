"""Projects are created one at a time, as far apart as the vendor wants, by whichever process."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from providers.railway.line import Line
from providers.railway.verdicts import Verdict
from providers.railway.wire import Fault
from tests.unit.bot.fakes import FakeClock
from tests.unit.together import Together

if TYPE_CHECKING:
    from engine.peers import Peers

EVERY = 30.0
TAKES = 0.3


class Workspace:
    """Creates one project per 30 seconds, and counts whom it turns away."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.created: list[float] = []
        self.turned_away = 0

    async def create(self) -> float:
        await self.clock.sleep(timedelta(seconds=TAKES))
        now = self.clock.monotonic()
        if self.created and now < self.created[-1] + EVERY:
            self.turned_away += 1
            raise Fault(Verdict.THROTTLED, "too quickly: 1 project per 30 seconds")
        self.created.append(now)
        return now


def line(clock: FakeClock, peers: Peers) -> Line:
    return Line(clock, "projectCreate", lambda: peers)


async def test_several_processes_stand_in_one_line() -> None:
    clock = FakeClock()
    together, workspace = Together(clock), Workspace(clock)
    lines = [line(clock, together.one()) for _ in range(4)]
    tasks = [asyncio.create_task(lines[n % 4].take(workspace.create)) for n in range(40)]
    # As long as the vendor wants, and a twentieth more.
    await clock.advance((len(tasks) - 1) * EVERY / 0.95)
    assert all(task.done() for task in tasks)
    assert len(workspace.created) == 40
    assert workspace.turned_away <= 4, "each process learns once that there is a throttle"


async def test_a_process_that_dies_at_its_turn_holds_nobody_up() -> None:
    clock = FakeClock()
    together, workspace = Together(clock), Workspace(clock)
    dying, other = together.one(), together.one()
    stuck = asyncio.create_task(line(clock, dying).take(asyncio.Event().wait))
    await clock.advance(1)
    waiting = asyncio.create_task(line(clock, other).take(workspace.create))
    await clock.advance(10)
    assert not waiting.done()
    dying.die()
    await clock.advance(2)
    assert waiting.done()
    stuck.cancel()
    await asyncio.gather(stuck, return_exceptions=True)
