"""The messages about one run, each posted once whatever happens in between."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.blocks import NEWER
from bot.voice import Place
from engine.errors import OutcomeUnknown, Rejected
from engine.told import Post, PostState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.blocks import Render
    from bot.budget import Urgency
    from bot.voice import Voice
    from engine.clock import Clock
    from engine.told import Told

SETTLE = timedelta(seconds=1)
"""How long an unanswered post may take to show up before it is looked for."""


class Posting:
    """What was told is kept before and after each post; a post that Slack never answered is
    looked for before it is repeated. `since`: no message of this run is older."""

    def __init__(
        self,
        run_id: str,
        posts: Mapping[str, Post],
        *,
        told: Told,
        voice: Voice,
        clock: Clock,
        since: datetime,
    ) -> None:
        self._run_id = run_id
        self._posts = dict(posts)
        self._told = told
        self._voice = voice
        self._clock = clock
        self._since = since

    def known(self, key: str) -> Post | None:
        return self._posts.get(key)

    def results(self, until: int) -> list[Post]:
        """The final messages of executions that ended with or before this event."""
        return [
            post
            for post in self._posts.values()
            if post.key.startswith("final:")
            and post.state is PostState.SENT
            and int(post.key.partition(":")[2]) <= until
        ]

    async def once(
        self,
        key: str,
        channel: str,
        render: Render,
        thread: str | None,
        urgency: Urgency,
        *,
        broadcast: bool = False,
    ) -> Post:
        """The post with this key, made unless it is there already. Raises Rejected."""
        known = self._posts.get(key)
        if known and known.state is PostState.SENT:
            return known
        doubtful = known is not None and known.channel == channel
        post = Post(self._run_id, key, channel, PostState.SENDING, digest(render))
        while True:
            place = await self._look(key, channel, thread) if doubtful else None
            if place is not None:
                post = replace(post, digest="")  # what it says is not known
            else:
                await self.keep(post)
                try:
                    place = await self._voice.post(
                        channel,
                        render,
                        urgency,
                        thread=thread,
                        broadcast=broadcast,
                        run=self._run_id,
                        key=key,
                    )
                except OutcomeUnknown:
                    doubtful = True
                    await self._clock.sleep(SETTLE)
                    continue
            post = replace(post, state=PostState.SENT, channel=place.channel, ts=place.ts)
            await self.keep(post)
            return post

    async def edit(self, post: Post, render: Render, urgency: Urgency) -> None:
        """Have a message say this, unless it does already. One that Slack does not let us edit
        (somebody deleted it) stays as it is."""
        said = digest(render)
        if post.digest == said:
            return
        with suppress(Rejected):
            place = Place(post.channel, post.ts)
            await self._voice.edit(place, lambda: render, urgency, asyncio.Lock())
        await self.keep(replace(post, digest=said))

    async def settle_log(self, thread: str) -> int:
        """The last event that the thread tells, after looking for what may have been posted."""
        last = 0
        for post in list(self._posts.values()):
            if not post.key.startswith("log:"):
                continue
            if await self.settled(post.key, thread):
                last = max(last, int(post.key.rpartition("-")[2]))
        return last

    async def settled(self, key: str, thread: str | None) -> Post | None:
        """The post with this key, looked for where nobody knows whether it was made; None when
        there is none."""
        post = self._posts.get(key)
        if post is None or post.state is PostState.SENT:
            return post
        found = await self._look(key, post.channel, thread)
        if found is None:
            return None
        post = replace(post, state=PostState.SENT, ts=found.ts, digest="")
        await self.keep(post)
        return post

    async def keep(self, post: Post) -> None:
        self._posts[post.key] = post
        await self._told.put(post)

    async def _look(self, key: str, channel: str, thread: str | None) -> Place | None:
        return await self._voice.find(channel, self._run_id, key, thread=thread, since=self._since)


def digest(render: Render) -> str:
    """Of a message's content."""
    message = render(NEWER)
    content: Mapping[str, object] = {"text": message.text, "blocks": message.blocks}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
