"""The message shortcut "What happened here?": what one of our messages is about, in private."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot import messages
from engine.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.blocks import Render
    from bot.desk import Ask, Desk
    from bot.topics import Topics

EXPLAIN = "explain"
"""The shortcut's callback id."""


class Explaining:
    """Answers with the run of a message, else with the state of its instance."""

    def __init__(self, desk: Desk, topics: Topics) -> None:
        self._desk = desk
        self._topics = topics

    async def take(self, ask: Ask, message: Mapping[str, Any]) -> Render | None:
        """What is to be said at once; None means that an answer comes."""
        try:
            await self._desk.actor(ask)
        except OpsError as stranger:
            return self._desk.refusal(stranger, "", ask)
        topic = await self._topics.of_message(ask.channel or "", message)
        if topic.run:
            return await self._desk.take_line(ask, f"run {topic.run}", escaped=False)
        if topic.instance:
            return await self._desk.take_line(ask, f"status {topic.instance}", escaped=False)
        return messages.cannot_explain()


def place_of(message: Mapping[str, Any]) -> str | None:
    """The thread in which the answer belongs; None: the channel, where the message stands too."""
    thread = message.get("thread_ts")
    alone = thread in (None, message.get("ts")) or message.get("subtype") == "thread_broadcast"
    return None if alone else str(thread)
