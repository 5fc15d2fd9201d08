"""A lock that those who wait for it get in turns."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class FairLock:
    """It goes from one asker to the next among those who wait, and for each of them to who came
    first: whoever wants it once does not wait for somebody who wants it a hundred times."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """By asker, whose turn is next first."""

    def before(self, asker: str) -> int:
        """How many turns come before that of somebody who comes now."""
        own = len(self._waiting.get(asker, ()))
        count, earlier = int(self._taken) + own, asker in self._waiting
        passed = False
        for other, waiting in self._waiting.items():
            if other == asker:
                passed = True
                continue
            ahead = own + 1 if not (earlier and passed) else own
            count += min(len(waiting), ahead)
        return count

    @asynccontextmanager
    async def turn(self, asker: str = "") -> AsyncIterator[None]:
        if self._taken:
            await self._wait(asker)
        self._taken = True
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, asker: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(asker, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had come
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """It stays taken, by whose turn it is now."""
        while self._waiting:
            asker, waiting = self._waiting.popitem(last=False)
            turn = waiting.popleft()
            if waiting:
                self._waiting[asker] = waiting
            if not turn.done():
                turn.set_result(None)
                return
        self._taken = False
