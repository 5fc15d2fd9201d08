"""Tells everybody what concerns them without a run, once each, across restarts."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.blocks import Message, mrkdwn, sections
from bot.budget import Urgency
from bot.messages import offers
from bot.posting import Posting
from engine.errors import ProviderError

if TYPE_CHECKING:
    from bot.blocks import Render
    from bot.scrub import Scrubber
    from bot.telling import Stage
    from engine.notices import Notice, Notices, Waiting

LOOK_EVERY = timedelta(seconds=1)
REST = timedelta(seconds=30)
"""After trouble with Slack or our own database."""
NO_RUN = "notice"
"""Stands where the id of a run would, in what is kept of a message and in its metadata."""


class Announcer:
    """Posts in the channel where the bot speaks by itself. Without one nothing counts as told."""

    def __init__(self, stage: Stage, notices: Notices, scrubber: Scrubber) -> None:
        self._stage = stage
        self._notices = notices
        self._scrubber = scrubber
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._stage.default_channel:
            self._task = asyncio.create_task(self._watch(), name="announcer")

    async def stop(self) -> None:
        """At once: what is untold is told by the next process."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            pause = LOOK_EVERY
            try:
                for waiting in await self._notices.untold():
                    await self._tell(waiting)
            except ProviderError as missed:
                self._stage.log.warning("a notice could not be told yet: %s", missed)
                pause = REST
            except Exception as error:  # noqa: BLE001 - the database comes back
                self._stage.log.warning("notices not told: %s", self._scrubber.trace(error))
                pause = REST
            await self._stage.clock.sleep(pause)

    async def _tell(self, waiting: Waiting) -> None:
        """Post it, unless an earlier process did and had no time to say so."""
        stage, notice = self._stage, waiting.notice
        posting = Posting(
            NO_RUN,
            await stage.told.posts(NO_RUN),
            told=stage.told,
            voice=stage.voice,
            clock=stage.clock,
            since=waiting.since,
        )
        channel = stage.default_channel or ""
        await posting.once(notice.key, channel, drawn(notice), None, Urgency.RESULT)
        await self._notices.tell(notice.key)


def drawn(notice: Notice) -> Render:
    text = mrkdwn(notice.text)
    return lambda _: Message.of(text, [*sections(text), *offers(notice.offers)])
