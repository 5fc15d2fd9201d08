"""Waiting in line for what a vendor lets us create only so often."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from providers.railway.verdicts import Verdict, throttle_interval
from providers.railway.wire import Fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.capabilities import Waiting
    from engine.clock import Clock

T = TypeVar("T")

_TRIES = 20
"""How often whoever stands first is turned away before we give up: more than three intervals."""
_PARTS = 6
"""An interval is tried out in so many parts while it is unknown when the last creation was: it may
have been somebody else's."""


class Line:
    """First come, first served; one attempt at a time, spaced as the vendor was heard to ask.

    Nothing is assumed until the vendor says "too quickly" for the first time: a workspace without
    the throttle never waits.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turn = asyncio.Lock()  # asyncio wakes its waiters in the order they came
        self._interval = timedelta()
        self._last: float | None = None
        self._standing = 0

    async def take(self, attempt: Callable[[], Awaitable[T]], waiting: Waiting | None = None) -> T:
        """Carry `attempt` out when its turn has come; `waiting` hears how long that takes, as far
        as it is known. Raises its Fault: THROTTLED only when the vendor keeps turning us away."""
        ahead = self._standing
        self._standing += 1
        try:
            await self._tell(waiting, self._left() + self._interval * ahead)
            return await self._in_turn(attempt, waiting)
        finally:
            self._standing -= 1

    async def _in_turn(self, attempt: Callable[[], Awaitable[T]], waiting: Waiting | None) -> T:
        async with self._turn:
            await self._clock.sleep(self._left())
            for tried in range(1, _TRIES + 1):
                try:
                    result = await attempt()
                except Fault as fault:
                    if fault.verdict in (Verdict.LOST, Verdict.UNCLEAR):
                        self._last = self._clock.monotonic()  # it may have been created
                    if fault.verdict is not Verdict.THROTTLED or tried == _TRIES:
                        raise
                    self._interval = throttle_interval(fault.message)
                    left = self._left()
                    await self._tell(waiting, left or self._interval)
                    await self._clock.sleep(left or self._interval / _PARTS)
                else:
                    self._last = self._clock.monotonic()
                    return result
            raise AssertionError("the loop above always returns or raises")

    async def _tell(self, waiting: Waiting | None, left: timedelta) -> None:
        if waiting is not None and left > timedelta():
            await waiting(left)

    def _left(self) -> timedelta:
        """Until the vendor takes the next one, as far as we know."""
        if self._last is None:
            return timedelta()
        since = timedelta(seconds=self._clock.monotonic() - self._last)
        return max(timedelta(), self._interval - since)
