"""Runs a fixed set of ticks at their times; the only user of APScheduler."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apscheduler.executors.asyncio import AsyncIOExecutor  # type: ignore[import-untyped]
from apscheduler.jobstores.memory import MemoryJobStore  # type: ignore[import-untyped]
from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import timedelta

log = logging.getLogger(__name__)

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Ticks fall on the same moments in every process and after every restart."""


@dataclass(frozen=True)
class Tick:
    """Something done now and then. It must be safe to repeat and to miss."""

    name: str
    every: timedelta
    act: Callable[[], Awaitable[None]]


class Timetable:
    """Needs a running loop to start. A tick that is still at work is not started again; missed
    ones are made up for by a single one."""

    def __init__(self, ticks: Iterable[Tick]) -> None:
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": AsyncIOExecutor()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 300},
            timezone=UTC,
        )
        for tick in ticks:
            self._scheduler.add_job(
                _safely,
                IntervalTrigger(
                    seconds=tick.every.total_seconds(), start_date=EPOCH, timezone=UTC
                ),
                args=[tick],
                id=tick.name,
            )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Starts nothing more; a tick at work is cancelled."""
        self._scheduler.shutdown(wait=False)


async def _safely(tick: Tick) -> None:
    """A tick that breaks is logged and comes again at its next time."""
    try:
        await tick.act()
    except asyncio.CancelledError:
        log.info("tick %s was at work when the timetable stopped", tick.name)
    except Exception:
        log.exception("tick %s broke", tick.name)
