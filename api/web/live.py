"""Parts of a page that follow what happens: drawn by the server anew whenever something did, and
put in place by `app.js`."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.events import PING_S
from api.upcoming import upcoming
from engine.answer import Code

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from engine.answer import Answer
    from engine.run import Event

_BREATH = timedelta(milliseconds=60)
"""Events that come so close after one another are shown in one go."""
_SHORTEST_S = 1.0
"""Whoever asks for less gets this."""
DRAWN, MORE, OVER = "drawn", "more", "over"


def live(
    events: AsyncIterator[Event], draw: Callable[[], Awaitable[str | None]]
) -> EventSourceResponse:
    """`draw` gives the part as HTML; None once whoever watches may not see it any more. Ends with
    the events."""
    stopping = anyio.Event()
    return _stream(_drawn(events, draw, stopping), stopping)


def growing(
    ask: Callable[[str], Awaitable[Answer | None]], line: str, every_s: float
) -> EventSourceResponse:
    """An answer that goes on (`engine.answer.Tail`): what is new since, as text, until nothing
    comes any more. `ask` gives None once whoever watches may not see it any more."""
    stopping = anyio.Event()
    return _stream(_grown(ask, line, every_s, stopping), stopping)


def _stream(events: AsyncIterator[ServerSentEvent], stopping: anyio.Event) -> EventSourceResponse:
    return EventSourceResponse(
        events, ping=PING_S, shutdown_event=stopping, shutdown_grace_period=2
    )


async def _grown(
    ask: Callable[[str], Awaitable[Answer | None]],
    line: str,
    every_s: float,
    stopping: anyio.Event,
) -> AsyncIterator[ServerSentEvent]:
    stopped = asyncio.create_task(stopping.wait())
    try:
        while not (await asyncio.wait((stopped,), timeout=max(every_s, _SHORTEST_S)))[0]:
            answer = await ask(line)
            if answer is None:
                return
            if text := "\n".join(p.text for p in answer.parts if isinstance(p, Code)):
                yield ServerSentEvent(data=text, event=MORE)
            if answer.tail is None:
                yield ServerSentEvent(data="", event=OVER)
                return
            line, every_s = answer.tail.line, answer.tail.every_s
    finally:
        stopped.cancel()


async def _drawn(
    events: AsyncIterator[Event],
    draw: Callable[[], Awaitable[str | None]],
    stopping: anyio.Event,
) -> AsyncIterator[ServerSentEvent]:
    stopped = asyncio.create_task(stopping.wait())
    coming = upcoming(events)
    last: Event | None = None
    fresh = True  # something may have happened since the page was drawn
    try:
        while True:
            pause = _BREATH.total_seconds() if fresh else None
            await asyncio.wait(
                (coming, stopped), timeout=pause, return_when=asyncio.FIRST_COMPLETED
            )
            if stopped.done():
                return
            event = coming.result() if coming.done() else None
            if event is not None:
                last, fresh, coming = event, True, upcoming(events)
                continue
            over = coming.done()
            if fresh:
                fresh = False
                html = await draw()
                if html is None:
                    return
                seq = str(last.seq) if last else None
                yield ServerSentEvent(data=html, event=DRAWN, id=seq)
            if over:
                yield ServerSentEvent(data="", event=OVER)
                return
    finally:
        coming.cancel()
        stopped.cancel()
