"""A run's events as server-sent events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.upcoming import upcoming
from engine.mentions import literal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.run import Event

PING_S = 15
"""Keeps proxies from closing a stream of a run that builds for minutes."""


def stream(events: AsyncIterator[Event]) -> EventSourceResponse:
    """Each event with its sequence number as id, so that a follower can come back. Ends with the
    run, or when the server stops: then in between two events, and well-formed."""
    stopping = anyio.Event()
    return EventSourceResponse(
        _until(events, stopping), ping=PING_S, shutdown_event=stopping, shutdown_grace_period=2
    )


async def _until(
    events: AsyncIterator[Event], stopping: anyio.Event
) -> AsyncIterator[ServerSentEvent]:
    stopped = asyncio.create_task(stopping.wait())
    coming = upcoming(events)
    try:
        while True:
            await asyncio.wait((coming, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not coming.done() or (event := coming.result()) is None:
                return
            yield ServerSentEvent(
                data=literal(event.model_dump_json()), event=event.kind.value, id=str(event.seq)
            )
            coming = upcoming(events)
    finally:
        coming.cancel()
        stopped.cancel()
