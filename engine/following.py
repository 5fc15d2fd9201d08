"""Events as they are committed, from any of them on: nothing is missed, and nothing told twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.feed import changed
from engine.run import EventKind
from engine.store.journal import EVENTS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.feed import Feed
    from engine.run import Event
    from engine.store.journal import Journal


async def follow(journal: Journal, feed: Feed, run_id: str, after: int) -> AsyncIterator[Event]:
    """Of one run; ends after ENDED when the run is over."""
    may_be_over = True
    while True:
        woken = feed.watch(run_id)
        events = await journal.events(run_id=run_id, after=after)
        for event in events:
            after = event.seq
            may_be_over = event.kind == EventKind.ENDED
            yield event
        if len(events) == EVENTS_AT_ONCE:
            continue
        if may_be_over and (await journal.run(run_id)).status.over:
            return
        may_be_over = False
        await changed(woken, at_most_s=feed.look_every_s)


async def follow_all(journal: Journal, feed: Feed, after: int | None) -> AsyncIterator[Event]:
    """Of every run; None: from now on. Never ends."""
    seen = await journal.last_seq() if after is None else after
    while True:
        woken = feed.watch()
        events = await journal.events(run_id=None, after=seen)
        for event in events:
            seen = event.seq
            yield event
        if len(events) < EVENTS_AT_ONCE:
            await changed(woken, at_most_s=feed.look_every_s)
