"""Acknowledgements come before the work that they promise.

Both share one loop. Slack waits three seconds for an acknowledgement and shows an error then; for
an answer people wait. So in a rush the work begins little by little, and is caught up with later.
Runs that began together go on in step, too: they would all ask, compute and commit in the same
moment, and whoever comes then waits behind all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

APART = timedelta(milliseconds=20)
"""Between the beginnings of two pieces of work while acknowledgements are waited for."""
CALLS_APART = timedelta(milliseconds=30)
"""Between two requests to a vendor, always: a request with what follows it takes about 5 ms of
computing, so that acknowledgements find room between them, and no vendor lets us ask 30 times a
second for long."""


class Precedence:
    """Knows how many deliveries are not acknowledged yet."""

    def __init__(self, apart: timedelta = APART, calls_apart: timedelta = CALLS_APART) -> None:
        self._apart_s = apart.total_seconds()
        self._calls_apart_s = calls_apart.total_seconds()
        self._open = 0
        self._all_acknowledged = asyncio.Event()
        self._all_acknowledged.set()
        self._first = asyncio.Lock()  # asyncio wakes its waiters in the order they came
        self._next_call = 0.0

    @contextlib.contextmanager
    def delivery(self) -> Iterator[None]:
        """Around one, until it is acknowledged."""
        self._open += 1
        self._all_acknowledged.clear()
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._all_acknowledged.set()

    async def turn(self) -> None:
        """Returns when the next piece of work may begin, first come, first served."""
        async with self._first:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._apart_s):
                    await self._all_acknowledged.wait()

    async def call(self) -> None:
        """Returns when the next request to a vendor may be sent on behalf of a run."""
        loop = asyncio.get_running_loop()
        begin = max(loop.time(), self._next_call)
        self._next_call = begin + self._calls_apart_s
        await asyncio.sleep(begin - loop.time())
        await self.turn()
