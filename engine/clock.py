"""The one clock: injectable, so that tests and simulations own time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for records, monotonic time for durations, and the only sleep there is."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait `duration` of our own polling or back-off time."""


class StillClock:
    """Says that it is a given moment; everything else passes as it does."""

    def __init__(self, at: datetime, clock: Clock) -> None:
        self._at = at
        self._clock = clock

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        await self._clock.sleep(duration)


class SystemClock:
    """Real time; our own waits are divided by `pace` (LUTHIEN_PACE, 1 in production)."""

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds() / self._pace)
