"""The next event of a stream as something that can be waited for beside other things."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.run import Event


def upcoming(events: AsyncIterator[Event]) -> asyncio.Task[Event | None]:
    """None when the stream ends. Whoever stops waiting cancels it."""

    async def take() -> Event | None:
        return await anext(events, None)

    return asyncio.create_task(take())
