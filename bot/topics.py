"""What a thread or a message of ours is about: a run, an instance, or nothing that we know."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bot import grammar
from bot.plain_words import Topic
from engine.errors import OpsError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bot.voice import Voice
    from engine.control_plane import ControlPlane
    from engine.registry import Registry
    from engine.told import Told

PATIENCE = 1.5
"""Seconds; Slack must have its acknowledgement within three."""


class Topics:
    """Known from what was told; of a message that tells of no run, from its buttons."""

    def __init__(self, control: ControlPlane, told: Told, voice: Voice) -> None:
        self._control = control
        self._told = told
        self._voice = voice

    async def of_thread(self, channel: str, thread: str) -> Topic:
        """What the thread under this message is about."""
        known = await self._of_run(channel, thread)
        return known or from_buttons(await self._root(channel, thread), self._control.registry)

    async def of_message(self, channel: str, message: Mapping[str, Any]) -> Topic:
        """What a message is about: itself, else the thread in which it stands."""
        for ts in dict.fromkeys((message.get("ts"), message.get("thread_ts"))):
            if ts and (known := await self._of_run(channel, ts)):
                return known
        said = from_buttons(message, self._control.registry)
        thread = message.get("thread_ts")
        if said == Topic() and thread and thread != message.get("ts"):
            return await self.of_thread(channel, thread)
        return said

    async def _of_run(self, channel: str, ts: str) -> Topic | None:
        post = await self._told.at(channel, ts)
        if post is None:
            return None
        try:
            view = await self._control.show(post.run_id)
        except OpsError:
            return None  # told of something else than a run
        return Topic(run=view.id, instance=view.subject)

    async def _root(self, channel: str, thread: str) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(PATIENCE):
                page = await self._voice.read(
                    "conversations.replies", channel=channel, ts=thread, limit=1
                )
        except (ProviderError, TimeoutError):
            return {}
        return next(iter(page.get("messages", [])), {})


def from_buttons(message: Mapping[str, Any], registry: Registry) -> Topic:
    """What the buttons of a message are about, if they agree. Only of messages of bots: people
    post no buttons."""
    found = [t for line in _lines(message.get("blocks", [])) if (t := _about(line, registry))]
    instances = {topic.instance for topic in found if topic.instance}
    runs = {topic.run for topic in found if topic.run}
    return Topic(
        run=next(iter(runs)) if len(runs) == 1 else "",
        instance=next(iter(instances)) if len(instances) == 1 else "",
    )


def _lines(blocks: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for block in blocks:
        for element in block.get("elements", ()) if block.get("type") == "actions" else ():
            if isinstance(element.get("value"), str):
                yield element["value"]


def _about(line: str, registry: Registry) -> Topic | None:
    try:
        wish = grammar.read(line, registry, escaped=False)
    except OpsError:
        return None
    values = {
        parameter.completes: str(wish.raw[parameter.name])
        for parameter in wish.command.parameters()
        if parameter.completes in ("instance", "run") and parameter.name in wish.raw
    }
    if not values:
        return None
    return Topic(run=values.get("run", ""), instance=values.get("instance", ""))
