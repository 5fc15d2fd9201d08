"""Wakes whoever follows events, as soon as a transaction that added some has committed."""

from __future__ import annotations

import asyncio
import contextlib


class Feed:
    """Followers read the events table; this only says when to look again. Another process's
    events are found by looking now and then, so nothing depends on a wake-up."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Everybody who waits looks again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def watch(self) -> asyncio.Event:
        """Take this before reading; it is set by the next wake-up."""
        return self._changed


async def changed(event: asyncio.Event, *, at_most_s: float) -> None:
    """Return when `event` is set or the time is over."""
    # Not `wait_for`: in Python 3.11 it swallows a cancellation that comes together with the event,
    # and whoever follows would never end.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(at_most_s):
            await event.wait()
