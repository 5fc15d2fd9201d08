"""Projects are created one at a time, as far apart as the vendor wants, by whichever process."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.peers import NoPeers
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


async def test_who_wants_few_does_not_wait_for_who_wants_many() -> None:
    clock = FakeClock()
    workspace = Workspace(clock)
    order: list[str] = []
    one = line(clock, NoPeers())
    told: dict[str, timedelta] = {}

    async def take(asker: str, number: int) -> None:
        async def waiting(left: timedelta) -> None:
            told[f"{asker}{number}"] = left

        await one.take(workspace.create, waiting, asker)
        order.append(f"{asker}{number}")

    tasks = [asyncio.create_task(take("ada", n)) for n in range(90)]
    await clock.advance(EVERY * 2.5)
    tasks += [asyncio.create_task(take("ben", n)) for n in range(3)]
    tasks += [asyncio.create_task(take("cleo", 0))]
    await clock.advance((len(tasks) - 1) * EVERY / 0.95)
    assert all(task.done() for task in tasks)
    assert order[:11] == [
        *("ada0", "ada1", "ada2"),  # nobody else was there
        "ada3",  # it was her turn already
        *("ada4", "ben0", "cleo0"),
        *("ada5", "ben1", "ada6", "ben2"),
    ]
    assert order[11:] == [f"ada{n}" for n in range(7, 90)], "each one's own in their order"
    assert workspace.turned_away == 1, "so it is learned that there is a throttle"
    # Told beforehand: not more than a turn off, although others came later.
    assert abs(told["ben2"] - timedelta(seconds=7.5 * EVERY)) <= timedelta(seconds=EVERY)


async def test_whoever_gives_up_leaves_the_line_to_the_others() -> None:
    clock = FakeClock()
    workspace = Workspace(clock)
    one = line(clock, NoPeers())
    tasks = [asyncio.create_task(one.take(workspace.create, None, f"p{n % 2}")) for n in range(6)]
    await clock.advance(1)
    for gone in (tasks[1], tasks[2], tasks[5]):
        gone.cancel()
    await clock.advance(3 * EVERY)
    assert [task.done() for task in tasks] == [True] * 6
    assert [task.cancelled() for task in tasks] == [False, True, True, False, False, True]
    tasks = [asyncio.create_task(one.take(workspace.create, None, "p0")) for _ in range(2)]
    await clock.advance(EVERY + 1)
    tasks[1].cancel()  # while its turn is on
    await clock.advance(1)
    last = asyncio.create_task(one.take(workspace.create))
    await clock.advance(3 * EVERY)
    assert last.done()


async def test_another_interval_is_learned_when_the_vendor_says_so() -> None:
    clock = FakeClock()
    one = line(clock, NoPeers())
    times: list[float] = []

    async def create() -> None:
        if times and clock.monotonic() < times[-1] + 60:
            raise Fault(Verdict.THROTTLED, "too quickly: 1 project per 60 seconds")
        times.append(clock.monotonic())

    tasks = [asyncio.create_task(one.take(create)) for _ in range(4)]
    await clock.advance(3 * 60 + 10)
    assert all(task.done() for task in tasks)
    assert [b - a for a, b in itertools.pairwise(times)] == [60, 60, 60]
