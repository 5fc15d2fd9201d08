"""Wakes whoever follows events, as soon as a transaction that added some has committed."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from weakref import WeakValueDictionary

LOOK_EVERY = timedelta(seconds=1)
ALONE = timedelta(seconds=10)
"""Where no other process writes, so that every commit wakes whoever follows."""
SOON_S = 0.03


class Feed:
    """Followers read the events table; this only says when to look again. Another process
    signals its own (`engine.store.signals`); looking now and then finds them, too, so nothing
    depends on a wake-up."""

    def __init__(self, look_every: timedelta = LOOK_EVERY) -> None:
        self.look_every_s = look_every.total_seconds()
        self._changed = asyncio.Event()
        self._of_run: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        """As long as somebody watches that run."""
        self._soon: asyncio.TimerHandle | None = None

    def wake(self, *runs: str) -> None:
        """Whoever follows one of these runs, or all runs, looks again; where it is not known which
        runs they are, everybody does. Of many runs under way, each is read by its own followers
        only."""
        for run_id in runs or list(self._of_run):
            if (watched := self._of_run.pop(run_id, None)) is not None:
                watched.set()
        self._changed.set()
        self._changed = asyncio.Event()

    def wake_soon(self) -> None:
        """For wake-ups that come in quick succession: what comes meanwhile is one."""
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(SOON_S, self._now)

    def _now(self) -> None:
        self._soon = None
        self.wake()

    def watch(self, run_id: str | None = None) -> asyncio.Event:
        """Take this before reading; it is set by the next wake-up, of this run or of any."""
        if run_id is None:
            return self._changed
        return self._of_run.setdefault(run_id, asyncio.Event())


async def changed(event: asyncio.Event, *, at_most_s: float) -> None:
    """Return when `event` is set or the time is over."""
    # Not `wait_for`: in Python 3.11 it swallows a cancellation that comes together with the event,
    # and whoever follows would never end.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(at_most_s):
            await event.wait()
