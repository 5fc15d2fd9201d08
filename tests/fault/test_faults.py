"""Operations are broken at the calls that they make: killed, cut off, refused, kept waiting.

Real processes and real SIGKILLs. `make faults` tries every fault of every call, and then random
schedules of up to five; elsewhere a few of them are drawn by SEED.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.fault.lane import open_lane
from tests.fault.ledger import Ledger
from tests.fault.operations import OPERATIONS
from tests.fault.schedule import Schedule, every_fault, survive

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SEED = os.environ.get("SEED", "1")
SCHEDULES = int(os.environ.get("SCHEDULES") or 0)
"""Random schedules; with any, every single fault is tried too."""
REPLAY = os.environ.get("REPLAY", "")
ONLY = os.environ.get("ONLY", "").split() or list(OPERATIONS)
"""Names of operations."""
RESULTS = os.environ.get("RESULTS", "")
"""A file that remembers what held, which is then not tried again."""
LANES = int(os.environ.get("LANES") or 0) or 3
"""Schedules under way at a time, each lane with stand-ins of its own."""
A_FEW = 4
"""Of each operation's faults, where not all are tried."""

pytestmark = pytest.mark.timeout(24 * 3600)


def single_faults() -> Iterator[Schedule]:
    """In any order, so that what is broken off has seen something of everything."""
    found = []
    for name in ONLY:
        every = every_fault(name)
        few = random.Random(f"{SEED} {name}").sample(every, A_FEW)
        found += [Schedule(name, (fault,)) for fault in (every if SCHEDULES else few)]
    random.Random(SEED).shuffle(found)
    yield from found


def several_faults() -> Iterator[Schedule]:
    draw = random.Random(f"{SEED} several")
    for number in range(SCHEDULES or len(ONLY)):
        name = ONLY[number % len(ONLY)]
        every = every_fault(name)
        yield Schedule(name, tuple(draw.sample(every, draw.randint(2, 5))))


async def all_survive(schedules: Sequence[Schedule], folder: Path) -> None:
    """Every failure is told with the line that repeats it. Operations that need a bot with
    settings of its own go one kind after another."""
    failures, ledger = list[str](), Ledger.at(RESULTS)
    schedules = [one for one in schedules if not ledger.held(str(one))]
    kinds = {tuple(OPERATIONS[s.operation].settings.items()) for s in schedules}
    for number, settings in enumerate(sorted(kinds)):
        mine = [s for s in schedules if {*OPERATIONS[s.operation].settings.items()} == {*settings}]
        failures += await _side_by_side(mine, folder / str(number), dict(settings), ledger)
    assert not failures, "\n\n".join([f"{len(failures)} of {len(schedules)}", *failures])


async def _side_by_side(
    schedules: Sequence[Schedule], folder: Path, settings: dict[str, str], ledger: Ledger
) -> list[str]:
    waiting = list(reversed(schedules))
    failures: list[str] = []

    async def work(place: Path) -> None:
        async with open_lane(place, **settings) as lane:
            while waiting:
                schedule = waiting.pop()
                failure = await survive(lane, schedule)
                ledger.note(
                    str(schedule),
                    [failure] if failure else [],
                    Counter(f"{f.kind} {f.call.vendor}" for f in lane.tap.struck),
                    kind="one fault" if len(schedule.faults) == 1 else "several faults",
                    operation=schedule.operation,
                    count=1,
                )
                if failure:
                    print(failure, flush=True)
                    failures.append(failure)
                    return  # what is left of this lane says nothing about the next schedule

    while waiting:
        lanes = range(min(LANES, len(waiting)))
        await asyncio.gather(*(work(folder / f"{len(waiting)}-{lane}") for lane in lanes))
    return failures


@pytest.mark.skipif(bool(REPLAY), reason="one schedule is repeated")
async def test_one_fault(tmp_path: Path) -> None:
    await all_survive(list(single_faults()), tmp_path)


@pytest.mark.skipif(bool(REPLAY), reason="one schedule is repeated")
async def test_several_faults(tmp_path: Path) -> None:
    await all_survive(list(several_faults()), tmp_path)


@pytest.mark.skipif(not REPLAY, reason="nothing is repeated")
async def test_replay(tmp_path: Path) -> None:
    await all_survive([Schedule.parse(REPLAY)], tmp_path)
