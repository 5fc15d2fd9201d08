"""Wishes that were acknowledged: whatever becomes of this process, each is handled, once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.control_plane import Outcome, Request
from engine.feed import changed
from engine.subject import about

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.control_plane import Tell
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

    async def handle(self, delivery: str, tell: Tell | None = None) -> Outcome | None:
        if (under_way := self.handling.get(delivery)) is not None:
            await under_way.wait()
            return None
        self.handling[delivery] = asyncio.Event()
        try:
            return await self._handle(delivery, tell)
        finally:
            self.handling.pop(delivery).set()

    async def _handle(self, delivery: str, tell: Tell | None) -> Outcome | None:
        untried = self.inbox.untried(delivery)
        while (request := await self.inbox.open(delivery)) is None:
            if not await self.inbox.under_way(delivery):
                return None
            await changed(self.feed.watch(), at_most_s=0.5)  # another replica is at it
        came = await self._come_of(request, untried=untried)
        try:
            if tell is not None:
                await tell(came)
        except Exception:
            await self.inbox.close(delivery)
            raise
        # Not when it is cancelled: whoever comes after this process tells it.
        await self.inbox.close(delivery)
        if isinstance(came, Outcome):
            return came
        if tell is None:
            raise came
        return None

    async def _come_of(self, request: Request, *, untried: bool) -> Outcome | Exception:
        started = None if untried else await self.journal.by_delivery(request.delivery)
        if started is not None:
            return Outcome(run=started)
        try:
            with about(actor=request.actor.key, request=request.delivery):
                return await self.perform(request)
        except Exception as error:  # noqa: BLE001 (it is the request's, and told or raised)
            return error
