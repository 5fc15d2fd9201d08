"""One budget for the workspace: a post a second and channel, forty edits a minute.

Slack's own limits are 1 message/s/channel and 50 chat.update a minute for all of an app's
messages (tier 3), so every run shares these. Source: Slack docs, apis/web-api/rate-limits.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
from abc import ABC, abstractmethod
from collections import deque
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from typing_extensions import override

from bot.waiting import happened
from engine.peers import NoPeers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.clock import Clock
    from engine.peers import Peers

POST_EVERY = 1.0
EDITS_PER_MINUTE = 40
ROUTINE_EVERY = 1.6
ROUTINE_BURST = 2
"""Progress has 37 a minute and two at once, enough for nine runs of which none is silent for
15 seconds; the rest is kept for results."""
SHARED_BURST = 5
"""Edits that all replicas together may make at once; with it they stay below Slack's 50."""
MINUTE = 60.0
SHORTEST = 0.01


class Urgency(IntEnum):
    """Who goes first."""

    PRIVATE = 0
    """Credentials. Ephemeral messages have a rate of their own (tier 4), so they wait for nobody;
    what comes after one waits its second all the same."""
    RESULT = 1
    """Results, failures, a run's first sign."""
    LOG = 2
    PROGRESS = 3
    """Elapsed time and phases: the newest content counts, an older one is never sent."""


class _Lane(ABC):
    """Grants one turn after another, the most urgent waiter first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[tuple[int, int]] = []
        self._numbers = itertools.count()
        self._changed = asyncio.Event()
        self._held_until = 0.0

    def hold(self, seconds: float) -> None:
        self._held_until = max(self._held_until, self._clock.monotonic() + seconds)

    @abstractmethod
    def _take(self, urgency: Urgency) -> float | None:
        """Take the turn, or say in how many seconds somebody this urgent may ask again."""

    async def turn(
        self, urgency: Urgency, allowed: Callable[[], Awaitable[timedelta]] | None = None
    ) -> None:
        """`allowed` asks the other replicas, too, and says for how long to wait."""
        ticket = (int(urgency), next(self._numbers))
        bisect.insort(self._waiting, ticket)
        self._wake()
        try:
            while True:
                seconds = MINUTE
                if self._waiting[0] == ticket:
                    held = self._held_until - self._clock.monotonic()
                    wait = held if held > 0 else self._take(urgency)
                    if wait is None:
                        while allowed and (more := await allowed()):
                            await self._clock.sleep(more)
                        return
                    seconds = max(wait, SHORTEST)
                await happened(self._changed, self._clock, seconds)
        finally:
            self._waiting.remove(ticket)
            self._wake()

    def _wake(self) -> None:
        """Who waits looks again: somebody came, or left."""
        self._changed.set()
        self._changed = asyncio.Event()


class _Posts(_Lane):
    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._free_at = 0.0

    @override
    def _take(self, urgency: Urgency) -> float | None:
        now = self._clock.monotonic()
        if now < self._free_at and urgency is not Urgency.PRIVATE:
            return self._free_at - now
        self._free_at = now + POST_EVERY
        return None


class _Edits(_Lane):
    """At most forty in any minute; routine ones evenly spread, so that no burst of one run's
    leaves the others silent."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._made: deque[float] = deque()
        self._routine_at = 0.0

    @override
    def _take(self, urgency: Urgency) -> float | None:
        now = self._clock.monotonic()
        while self._made and self._made[0] <= now - MINUTE:
            self._made.popleft()
        if len(self._made) >= EDITS_PER_MINUTE:
            return self._made[0] + MINUTE - now
        if urgency > Urgency.RESULT:
            if now < self._routine_at:
                return self._routine_at - now
            burst = now - ROUTINE_BURST * ROUTINE_EVERY
            self._routine_at = max(self._routine_at, burst) + ROUTINE_EVERY
        self._made.append(now)
        return None


class Budget:
    """Awaiting a turn is asking for leave to make one call."""

    def __init__(self, clock: Clock, peers: Peers | None = None) -> None:
        self._clock = clock
        self._peers = peers or NoPeers()
        self._posts: dict[str, _Posts] = {}
        self._edits = _Edits(clock)

    async def post(self, channel: str, urgency: Urgency) -> None:
        async def allowed() -> timedelta:
            return await self._peers.spend(f"slack:post:{channel}", timedelta(seconds=POST_EVERY))

        shared = None if urgency is Urgency.PRIVATE else allowed
        await self._channel(channel).turn(urgency, shared)

    async def edit(self, urgency: Urgency) -> None:
        every = timedelta(seconds=MINUTE / EDITS_PER_MINUTE)

        async def allowed() -> timedelta:
            return await self._peers.spend("slack:edit", every, burst=SHARED_BURST)

        await self._edits.turn(urgency, allowed)

    def hold_posts(self, channel: str, seconds: float) -> None:
        """Slack answered 429: nobody posts there before its Retry-After is over."""
        self._channel(channel).hold(seconds)

    def hold_edits(self, seconds: float) -> None:
        self._edits.hold(seconds)

    def _channel(self, channel: str) -> _Posts:
        return self._posts.setdefault(channel, _Posts(self._clock))
