"""Tells people what concerns them without a run, once each, across restarts."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import messages
from bot.budget import Urgency
from bot.identity import id_of
from bot.lasting import ended, lasting
from bot.posting import Posting
from engine.answer import Offers
from engine.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.blocks import Render
    from bot.scrub import Scrubber
    from bot.telling import Stage
    from engine.notices import Notice, Waiting
    from engine.told import Post

LOOK_EVERY = timedelta(seconds=1)
REST = timedelta(seconds=30)
"""After trouble with Slack or our own database."""
LONGEST_REST = timedelta(hours=1)
CLAIM = "notices"
"""One process at a time tells them."""
NO_RUN = "notice"
"""Stands where the id of a run would, in what is kept of a message and in its metadata."""


class Announcer:
    """Posts in the notice's own channel, to the one person it is for, or where the bot speaks by
    itself. What has no place to be told in does not count as told."""

    def __init__(self, stage: Stage, scrubber: Scrubber) -> None:
        self._stage = stage
        self._notices = stage.notices
        self._scrubber = scrubber
        self._task: asyncio.Task[None] | None = None
        self._tried: dict[str, int] = {}
        self._rests_until: dict[str, float] = {}

    def start(self) -> None:
        clock = self._stage.clock
        tells = lasting(
            self._look,
            rest=lambda well: clock.sleep(LOOK_EVERY if well else REST),
            broke=self._broke,
        )
        self._task = asyncio.create_task(tells, name="announcer")

    async def stop(self) -> None:
        """At once: what is untold is told by the next process."""
        if self._task is not None:
            await ended([self._task])

    async def _look(self) -> None:
        waiting = await self._notices.untold()
        if waiting and await self._stage.peers.claim(CLAIM):
            await self._tell_all(waiting)

    def _broke(self, error: Exception) -> None:
        self._stage.log.warning("notices not told: %s", self._scrubber.trace(error))

    async def _tell_all(self, waiting: Sequence[Waiting]) -> None:
        """One that cannot be told rests, longer each time, and holds up no other, except those
        of the thread that it begins."""
        clock = self._stage.clock
        for one in waiting:
            notice = one.notice
            if self._rests_until.get(notice.key, 0.0) > clock.monotonic():
                continue
            if any(notice.thread == other.notice.key for other in waiting):
                continue
            try:
                await self._tell(one)
            except ProviderError as missed:
                tried = self._tried[notice.key] = self._tried.get(notice.key, 0) + 1
                rest = min(REST * 2.0 ** min(tried - 1, 10), LONGEST_REST)
                self._rests_until[notice.key] = clock.monotonic() + rest.total_seconds()
                self._stage.log.warning("%s could not be told yet: %s", notice.key, missed)
            else:
                self._tried.pop(notice.key, None)
                self._rests_until.pop(notice.key, None)

    async def _place(self, notice: Notice, root: Post | None) -> str | None:
        """A conversation's id. Raises ProviderError."""
        if notice.to:
            user = id_of(notice.to)
            return await self._stage.voice.direct(user) if user else None
        in_thread = root.channel if root else ""
        return notice.channel or in_thread or self._stage.default_channel

    async def _tell(self, waiting: Waiting) -> None:
        """Post it, unless an earlier process did and had no time to say so; edit what was amended
        since."""
        stage, notice = self._stage, waiting.notice
        posts = await stage.told.posts(NO_RUN)
        posting = Posting(
            NO_RUN,
            posts,
            told=stage.told,
            voice=stage.voice,
            clock=stage.clock,
            since=waiting.since,
        )
        if waiting.told:
            if (post := posts.get(notice.key)) and post.ts:
                await posting.edit(post, drawn(notice), Urgency.LOG)
            await self._notices.tell(notice)
            return
        root = posts.get(notice.thread)
        if waiting.withdrawn:
            thread = root.ts if root else None
            if post := await posting.settled(notice.key, thread or None):
                await posting.edit(post, drawn(notice), Urgency.LOG)
                await self._notices.tell(notice)
            else:
                await self._notices.forget(notice.key)
            return
        channel = await self._place(notice, root)
        if not channel:
            return
        post = await posting.once(
            notice.key,
            channel,
            drawn(notice),
            root.ts if root and root.channel == channel and root.ts else None,
            Urgency.RESULT,
            broadcast=notice.broadcast,
        )
        await posting.edit(post, drawn(notice), Urgency.LOG)  # found: in the words of before
        await self._notices.tell(notice)


def drawn(notice: Notice) -> Render:
    parts = (*notice.parts, *([Offers(offers=notice.offers)] if notice.offers else []))
    return messages.told(notice.text, parts)
