"""Sees to it that every run is told in Slack to its end, across restarts."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.lasting import ended, following, lasting
from bot.telling import Telling

if TYPE_CHECKING:
    from bot.scrub import Scrubber
    from bot.telling import Stage

RECONCILE_EVERY = timedelta(seconds=15)
"""How often it is looked up what is not told yet, should an event have been missed."""
REST = 15.0
"""Seconds before a telling that failed is taken up again."""
ELSEWHERE = 3.0
"""Seconds before it is looked anew whether another replica still tells a run."""


class Narrator:
    """Follows all runs; each one that has something untold gets a telling of its own."""

    def __init__(self, stage: Stage, scrubber: Scrubber) -> None:
        self._stage = stage
        self._scrubber = scrubber
        self._tellings: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._resting: dict[str, float] = {}
        self._watchers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        clock = self._stage.clock
        follows = following(
            self._stage.control,
            lambda event: self._told_of(event.run_id),
            rest=lambda _: clock.sleep(timedelta(seconds=1)),
            broke=self._broke,
        )
        reconciles = lasting(
            self._reconcile, rest=lambda _: clock.sleep(RECONCILE_EVERY), broke=self._broke
        )
        self._watchers = [
            asyncio.create_task(follows, name="narrator follows"),
            asyncio.create_task(reconciles, name="narrator reconciles"),
        ]

    async def stop(self) -> None:
        """At once: what is untold is told by the next process."""
        await ended([*self._watchers, *self._tellings.values()])

    def tell(self, run_id: str) -> None:
        """Make sure that this run is being told."""
        if run_id in self._tellings:
            self._again.add(run_id)
            return
        self._tellings[run_id] = asyncio.create_task(self._one(run_id), name=f"telling {run_id}")

    async def _one(self, run_id: str) -> None:
        peers, telling = self._stage.peers, f"telling:{run_id}"
        try:
            if not await peers.claim(telling):
                self._resting[run_id] = self._stage.clock.monotonic() + ELSEWHERE
                return
            while True:
                self._again.discard(run_id)
                await Telling(self._stage, run_id).run()
                # An event may have come between the end and now: a retry, say.
                if run_id not in self._again or run_id not in await self._stage.told.unfinished():
                    self._resting.pop(run_id, None)
                    await peers.release(telling)
                    return
        except Exception as error:  # noqa: BLE001 - one run's trouble must not silence the others
            self._resting[run_id] = self._stage.clock.monotonic() + REST
            self._stage.log.warning(
                "telling of %s interrupted, again in %d s: %s",
                run_id,
                REST,
                self._scrubber.trace(error),
            )
        finally:
            self._tellings.pop(run_id, None)

    async def _reconcile(self) -> None:
        for run_id in await self._stage.told.unfinished():
            self._told_of(run_id)

    def _broke(self, error: Exception) -> None:
        self._stage.log.warning("runs not followed: %s", self._scrubber.trace(error))

    def _told_of(self, run_id: str) -> None:
        if self._resting.get(run_id, 0.0) <= self._stage.clock.monotonic():
            self.tell(run_id)
