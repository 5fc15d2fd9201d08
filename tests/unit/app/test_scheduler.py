from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from engine.clock import SystemClock
from scheduler.clock import Tick, Timetable
from scheduler.housekeeping import KEEP, housekeeping

if TYPE_CHECKING:
    import pytest

OFTEN = timedelta(milliseconds=20)


async def test_a_tick_comes_again_and_again_until_the_timetable_stops() -> None:
    seen = asyncio.Semaphore(0)

    async def act() -> None:
        seen.release()

    timetable = Timetable([Tick("often", OFTEN, act)])
    timetable.start()
    async with asyncio.timeout(5):
        for _ in range(3):
            await seen.acquire()
    timetable.stop()


async def test_a_tick_that_breaks_is_logged_and_comes_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries, again = 0, asyncio.Event()

    async def act() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ValueError("no luck")
        again.set()

    timetable = Timetable([Tick("unlucky", OFTEN, act)])
    with caplog.at_level(logging.ERROR):
        timetable.start()
        async with asyncio.timeout(5):
            await again.wait()
        timetable.stop()
    assert "tick unlucky broke" in caplog.text


async def test_a_slow_tick_is_not_started_beside_itself() -> None:
    at_work, most, done = 0, 0, asyncio.Semaphore(0)

    async def act() -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(3 * OFTEN.total_seconds())
        at_work -= 1
        done.release()

    timetable = Timetable([Tick("slow", OFTEN, act)])
    timetable.start()
    async with asyncio.timeout(5):
        for _ in range(2):
            await done.acquire()
    timetable.stop()
    assert most == 1


async def test_housekeeping_forgets_what_is_a_month_old() -> None:
    asked: list[datetime] = []

    class Plane:
        async def forget_deliveries(self, before: datetime) -> int:
            asked.append(before)
            return 0

    await housekeeping(Plane(), SystemClock()).act()
    assert abs(datetime.now(UTC) - KEEP - asked[0]) < timedelta(seconds=5)
