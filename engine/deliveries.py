"""Wishes that were acknowledged: whatever becomes of this process, each is handled, once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.control_plane import Outcome, Request
from engine.feed import changed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.feed import Feed
    from engine.store.inbox import Inbox
    from engine.store.journal import Journal


@dataclass(frozen=True)
class Deliveries:
    """`perform` carries a request out; its failures are the request's."""

    inbox: Inbox
    journal: Journal
    feed: Feed
    perform: Callable[[Request], Awaitable[Outcome]]
    handling: dict[str, asyncio.Event] = field(default_factory=dict)
    """What this process is at."""

    async def handle(self, delivery: str) -> Outcome | None:
        if (under_way := self.handling.get(delivery)) is not None:
            await under_way.wait()
            return None
        self.handling[delivery] = asyncio.Event()
        try:
            return await self._handle(delivery)
        finally:
            self.handling.pop(delivery).set()

    async def _handle(self, delivery: str) -> Outcome | None:
        while (request := await self.inbox.open(delivery)) is None:
            if not await self.inbox.under_way(delivery):
                return None
            await changed(self.feed.watch(), at_most_s=0.5)  # another replica is at it
        started = await self.journal.by_delivery(delivery)
        if started is not None:
            await self.inbox.close(delivery)
            return Outcome(run=started)
        try:
            outcome = await self.perform(request)
        except Exception:
            await self.inbox.close(delivery)
            raise
        await self.inbox.close(delivery)
        return outcome
