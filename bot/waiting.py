"""Waiting for whichever comes first: something happened, or time is up."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.clock import Clock


async def happened(event: asyncio.Event, clock: Clock, seconds: float) -> bool:
    """Wait for the event, at most so long; whether it is set."""
    if event.is_set() or seconds <= 0:
        return event.is_set()
    waits = {
        asyncio.ensure_future(event.wait()),
        asyncio.ensure_future(clock.sleep(timedelta(seconds=seconds))),
    }
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    return event.is_set()
