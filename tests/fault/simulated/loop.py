"""Simulated time: a loop that never waits but jumps to the next thing that is due."""

from __future__ import annotations

import asyncio
import selectors
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    pass

EPOCH = datetime(2026, 3, 1, 12, tzinfo=UTC)

OWNER: ContextVar[set[asyncio.Task[Any]] | None] = ContextVar("owner", default=None)
"""Where the tasks begun in this context are noted, so that they can be ended together."""


A_TURN_S = 1e-5
"""What a turn of the loop takes: without it, whoever waits for less than a clock can show would
wait for ever."""


class Stuck(Exception):
    """Everybody waits, and nothing will ever happen."""


class _Jump(selectors.SelectSelector):
    """Instead of waiting, time goes on."""

    loop: SimulatedLoop

    @override
    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise Stuck
        self.loop.moment += max(timeout, A_TURN_S)
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """`moment` is the seconds since its begin."""

    def __init__(self) -> None:
        selector = _Jump()
        selector.loop = self
        self.moment = 0.0
        super().__init__(selector)
        self.set_task_factory(_noted)

    @override
    def time(self) -> float:
        return self.moment


def _noted(loop: asyncio.AbstractEventLoop, work: Any, /, **named: Any) -> asyncio.Task[Any]:
    task = asyncio.Task(work, loop=loop, **named)
    context = named.get("context")
    owner = context.get(OWNER) if context is not None else OWNER.get()
    if owner is not None:
        owner.add(task)
        task.add_done_callback(owner.discard)
    return task


class SimulatedClock:
    """Of one of the parties; `ahead` is how far its wall clock is wrong."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self.ahead = timedelta()

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.moment) + self.ahead

    def monotonic(self) -> float:
        return self._loop.moment

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())
