from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY

import commands
from engine.clock import SystemClock
from engine.control_plane import AuditEntry, Outcome
from engine.errors import OpsError, Unreachable
from engine.locks import FORGOTTEN
from engine.registry import Registry, discover
from scheduler.anchor import anchor
from scheduler.clock import Tick, Timetable
from scheduler.digests import digests
from scheduler.expiry import expiry
from scheduler.forgotten_locks import forgotten_locks
from scheduler.housekeeping import DELIVERIES, housekeeping
from tests.unit.commands.fakes import FakeAudit

if TYPE_CHECKING:
    import pytest

    from engine.actor import Actor, Origin
    from engine.command import Command

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
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


async def test_where_the_audit_ends_is_said_outside_of_the_database(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        await anchor(FakeAudit([AuditEntry(1, NOON, "cli:ada", "test", "", "", {})])).act()
    assert f"audit anchor 1:{'ab12' * 16}" in caplog.text
    assert REGISTRY.get_sample_value("luthien_audit_entries") == 1


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


async def test_a_tick_at_work_ends_with_the_timetable_and_nothing_is_wrong(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def act() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    timetable = Timetable([Tick("long", OFTEN, act)])
    with caplog.at_level(logging.WARNING):
        timetable.start()
        async with asyncio.timeout(5):
            await begun.wait()
            timetable.stop()
            await ended.wait()
        for _ in range(3):
            await asyncio.sleep(0)  # so that APScheduler hears of the end
    assert [r for r in caplog.records if r.name.startswith("apscheduler.executors")] == []


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


async def test_housekeeping_forgets_what_is_old() -> None:
    ages: dict[str, timedelta] = {}

    class Plane:
        async def forget_deliveries(self, before: datetime) -> int:
            return self.forget("deliveries", before)

        async def forget_runs(self, before: datetime) -> int:
            return self.forget("runs", before)

        async def forget_notices(self, before: datetime) -> int:
            return self.forget("notices", before)

        def forget(self, what: str, before: datetime) -> int:
            ages[what] = timedelta(days=round((datetime.now(UTC) - before) / timedelta(days=1)))
            return 0

    keep = timedelta(days=180)
    await housekeeping(Plane(), SystemClock(), keep).act()
    assert ages == {"deliveries": DELIVERIES, "runs": keep, "notices": keep}


@dataclass
class Control:
    """Remembers what was asked for, and by whom."""

    registry: Registry = field(default_factory=lambda: discover(commands))
    trouble: OpsError | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def perform(self, actor: Actor, command: Command, origin: Origin) -> Outcome:
        self.asked.append((f"{actor.key} {origin.door}", command.line()))
        if self.trouble is not None:
            raise self.trouble
        return Outcome()


async def test_expiry_sweeps_in_the_schedulers_name() -> None:
    control = Control()
    await expiry(control, timedelta(days=7)).act()
    assert control.asked == [("timer:scheduler timer", "sweep")]


async def test_expiry_survives_a_host_that_does_not_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gone = Unreachable("Railway does not answer.", vendor="railway", call="projects")
    with caplog.at_level(logging.WARNING):
        await expiry(Control(trouble=gone), timedelta(days=7)).act()
    assert "Railway does not answer" in caplog.text


def test_the_shorter_the_grace_the_closer_it_is_watched() -> None:
    every = [expiry(Control(), grace).every for grace in (timedelta(days=7), timedelta(seconds=9))]
    assert every == [timedelta(minutes=10), timedelta(seconds=1)]


async def test_digests_are_asked_for_in_the_schedulers_name() -> None:
    control = Control()
    await digests(control).act()
    assert control.asked == [("timer:scheduler timer", "digest due")]


async def test_holders_of_forgotten_locks_are_asked() -> None:
    class Locks:
        asked: list[datetime] = []  # noqa: RUF012

        async def ask_about_forgotten(self, now: datetime) -> int:
            self.asked.append(now)
            return 0

    locks = Locks()
    tick = forgotten_locks(locks, SystemClock())
    await tick.act()
    assert len(locks.asked) == 1
    assert tick.every < FORGOTTEN
