"""What happens by itself when its time has come: scheduled messages."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from sandbox import times
from sandbox.slack import messages

if TYPE_CHECKING:
    from sandbox.slack.records import Scheduled
    from sandbox.slack.world import World


class Clock:
    """Sleeps until the next deadline; `wake` makes it look at the deadlines again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            due = min((entry.post_at for entry in self._scheduled()), default=None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if due is None else max(0.0, due - times.now())):
                    await self._wake.wait()
            self._post_what_is_due()

    def _scheduled(self) -> list[Scheduled]:
        return list(self._world.state.scheduled.values())

    def _post_what_is_due(self) -> None:
        now = times.now()
        for entry in self._scheduled():
            if entry.post_at <= now:
                del self._world.state.scheduled[entry.id]
                messages.post_as_bot(
                    self._world,
                    self._world.state.channels[entry.channel],
                    text=entry.text,
                    blocks=entry.blocks,
                    attachments=entry.attachments,
                    metadata=entry.metadata,
                    thread_ts=entry.thread_ts,
                    reply_broadcast=entry.reply_broadcast,
                )
