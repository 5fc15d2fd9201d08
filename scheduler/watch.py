"""The status watch: look at the instances as often as a small share of the host's limit allows.

All of them are read at even intervals. What something is going on with is looked at more often,
and at once when the host's webhook names it: by itself, or with all where that asks for less.
"""

from __future__ import annotations

import logging
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from engine.actor import Door, Origin
from engine.errors import OpsError
from scheduler.clock import Tick
from scheduler.expiry import SCHEDULER, Performs

if TYPE_CHECKING:
    from engine.capabilities import Allowance
    from engine.clock import Clock
    from engine.peers import Peers

log = logging.getLogger(__name__)

SHARE = 0.05
"""Of the requests that the host allows an hour."""
EVENLY = 0.8
"""Of that share, for reading all of them at even intervals; the rest is for the restless."""
SPARE = 0.1
"""While less than this is left of the hour's requests, runs go first."""
UNTOLD_LIMIT = 1_000
"""An hour, where the host has not told: the smallest of its paid plans."""
ALL_EVERY = timedelta(minutes=1)
RESTLESS_EVERY = timedelta(seconds=10)
TICK = timedelta(seconds=5)
SETTLES = timedelta(minutes=2)
"""For so long after a run that went wrong, trouble is what that run told itself."""
CLAIM = "watch"
"""For good: the budget is counted by the one who spends it."""
MOST_WOKEN = 1_000
_HOUR = 3600.0


class Meter(Protocol):
    def allowance(self) -> Allowance:
        """Nothing is asked for this."""


class Watcher:
    """`pace` divides our own waiting, as it does the stand-in's hour. One process at a time."""

    def __init__(
        self, control: Performs, peers: Peers, meter: Meter, clock: Clock, pace: float = 1.0
    ) -> None:
        self._control = control
        self._peers = peers
        self._meter = meter
        self._clock = clock
        self._pace = pace
        self._asked: deque[tuple[float, int]] = deque()
        self._all_at = clock.monotonic()
        self._interval = 0.0
        self._some_at = clock.monotonic()
        self._restless: frozenset[str] = frozenset()
        self._woken: set[str] = set()
        peers.on(CLAIM, self._wake)

    async def wake(self, project: str) -> None:
        """Look at it soon, whichever replica watches. What is not watched is ignored, and so is
        what comes in masses."""
        self._wake(project)
        await self._peers.tell(CLAIM, project)

    def _wake(self, project: str) -> None:
        if len(self._woken) < MOST_WOKEN:
            self._woken.add(project)

    def tick(self) -> Tick:
        return Tick(name="watch", every=max(TICK / self._pace, TICK / 50), act=self.act)

    async def act(self) -> None:
        """Safe to repeat and to miss."""
        now = self._clock.monotonic()
        soon = bool(self._woken) or (bool(self._restless) and now >= self._some_at)
        if now < self._all_at and not soon:
            return
        allowance = self._meter.allowance()
        if _short(allowance):
            return
        if not await self._peers.claim(CLAIM):
            self._woken.clear()  # whoever has it was told, too
            return
        few = self._woken | self._restless
        affordable = self._affordable(allowance, now)
        if now >= self._all_at or len(few) >= allowance.listing:
            if affordable >= allowance.listing:
                await self._look_at_all(now)
        elif few and affordable >= 1:
            await self._look(sorted(few, key=lambda p: p not in self._woken)[: int(affordable)])
            self._some_at = now + RESTLESS_EVERY.total_seconds() / self._pace

    async def _look_at_all(self, now: float) -> None:
        calls = await self._look([])
        allowance = self._meter.allowance()
        evenly = max(calls, 1) * self._hour / (_share(allowance) * EVENLY)
        self._interval = max(ALL_EVERY.total_seconds() / self._pace, evenly)
        self._all_at = now + self._interval
        self._some_at = now + RESTLESS_EVERY.total_seconds() / self._pace

    async def _look(self, projects: list[str]) -> int:
        """How many requests it took; empty: at all of them."""
        settles = max(SETTLES.total_seconds() / self._pace, 2 * self._interval)
        asked: dict[str, Any] = {"project": projects, "settles": int(settles)}
        watch = self._control.registry.command("watch").parse(asked)
        calls = max(1, len(projects)) if projects else self._meter.allowance().listing
        self._woken -= set(projects) if projects else self._woken
        try:
            outcome = await self._control.perform(SCHEDULER, watch, Origin(door=Door.TIMER))
        except OpsError as missed:
            log.warning("instances not looked at: %s", missed)
        else:
            data = outcome.answer.data if outcome.answer else {}
            calls = int(data.get("calls", calls))
            found = frozenset(data.get("restless", ()))
            seen = frozenset(projects)
            self._restless = (self._restless - seen) | found if projects else found
        self._asked.append((self._clock.monotonic(), calls))
        return calls

    def _affordable(self, allowance: Allowance, now: float) -> float:
        """Requests that may still be made within an hour of now."""
        while self._asked and self._asked[0][0] <= now - self._hour:
            self._asked.popleft()
        return _share(allowance) - sum(calls for _, calls in self._asked)

    @property
    def _hour(self) -> float:
        return _HOUR / self._pace


def _share(allowance: Allowance) -> float:
    return max(1.0, (allowance.limit or UNTOLD_LIMIT) * SHARE)


def _short(allowance: Allowance) -> bool:
    if allowance.limit is None or allowance.remaining is None:
        return False
    return allowance.remaining < allowance.limit * SPARE
