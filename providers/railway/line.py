"""Waiting in line for what a vendor lets us create only so often."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from engine.fair_lock import FairLock
from engine.peers import NoPeers
from providers.railway.verdicts import Verdict, throttle_interval
from providers.railway.wire import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from engine.capabilities import Waiting
    from engine.clock import Clock
    from engine.peers import Peers

T = TypeVar("T")

_TRIES = 20
"""How often whoever stands first is turned away before we give up: more than three intervals."""
BETWEEN_LOOKS = timedelta(seconds=1)
"""While the turn is another process's."""
_PARTS = 6
"""An interval is tried out in so many parts while it is unknown when the last creation was: it may
have been somebody else's."""


class Line:
    """One attempt at a time, spaced as the vendor was heard to ask. Those for whom something is
    created take turns, so that whoever wants one does not wait for somebody who wants a hundred;
    what the same one wants comes in the order in which it was asked for.

    Nothing is assumed until the vendor says "too quickly" for the first time: a workspace without
    the throttle never waits. Processes that share the workspace take turns, too, and each knows
    when any of them was served last; `name` is what they know the line by.
    """

    def __init__(self, clock: Clock, name: str, peers: Callable[[], Peers] = NoPeers) -> None:
        self._clock = clock
        self._name = f"line:{name}"
        self._peers = peers
        self._turns = FairLock()
        self._interval = timedelta()
        self._last: float | None = None

    async def take(
        self,
        attempt: Callable[[], Awaitable[T]],
        waiting: Waiting | None = None,
        asker: str = "",
    ) -> T:
        """Carry `attempt` out when its turn has come; `waiting` hears how long that takes, as far
        as it is known. Raises its Fault: THROTTLED only when the vendor keeps turning us away."""
        await self._tell(waiting, self._left() + self._interval * self._turns.before(asker))
        async with self._turns.turn(asker), self._turn_of_all():
            return await self._in_turn(attempt, waiting)

    async def _in_turn(self, attempt: Callable[[], Awaitable[T]], waiting: Waiting | None) -> T:
        await self._clock.sleep(self._left())
        for tried in range(1, _TRIES + 1):
            try:
                result = await attempt()
            except Fault as fault:
                if fault.verdict in (Verdict.LOST, Verdict.UNCLEAR):
                    await self._served()  # it may have been created
                if fault.verdict is not Verdict.THROTTLED or tried == _TRIES:
                    raise
                self._interval = throttle_interval(fault.message)
                left = self._left()
                await self._tell(waiting, left or self._interval)
                await self._clock.sleep(left or self._interval / _PARTS)
            else:
                await self._served()
                return result
        raise AssertionError("the loop above always returns or raises")

    @asynccontextmanager
    async def _turn_of_all(self) -> AsyncIterator[None]:
        """Among the processes; nothing is waited for where there is only one."""
        peers = self._peers()
        while not await peers.claim(self._name):
            await self._clock.sleep(BETWEEN_LOOKS)
        try:
            since = await peers.since(self._name)
            if since is not None:  # perhaps another one was served meanwhile
                last = self._clock.monotonic() - since.total_seconds()
                self._last = max(last, self._last or last)
            yield
        finally:
            await peers.release(self._name)

    async def _served(self) -> None:
        self._last = self._clock.monotonic()
        await self._peers().mark(self._name)

    async def _tell(self, waiting: Waiting | None, left: timedelta) -> None:
        if waiting is not None and left > timedelta():
            await waiting(left)

    def _left(self) -> timedelta:
        """Until the vendor takes the next one, as far as we know."""
        if self._last is None:
            return timedelta()
        since = timedelta(seconds=self._clock.monotonic() - self._last)
        return max(timedelta(), self._interval - since)
