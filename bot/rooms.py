"""Where the bot can speak: asked before anything starts, remembered for a while."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.errors import ProviderError, Rejected

if TYPE_CHECKING:
    from bot.voice import Voice
    from engine.clock import Clock

REMEMBERED = 300.0
"""Seconds for which a membership is believed; a missing one is asked again each time."""
PATIENCE = 1.5
"""Seconds; Slack must have its acknowledgement within three."""


class Rooms:
    """Membership of the bot, by channel."""

    def __init__(self, voice: Voice, clock: Clock) -> None:
        self._voice = voice
        self._clock = clock
        self._open_until: dict[str, float] = {}

    async def can_speak(self, channel: str) -> bool:
        """Whether a post there would arrive; True when Slack does not say in time."""
        if self._open_until.get(channel, 0.0) > self._clock.monotonic():
            return True
        try:
            async with asyncio.timeout(PATIENCE):
                open_ = await self.is_member(channel)
        except (ProviderError, TimeoutError):
            return True
        if open_:
            self._open_until[channel] = self._clock.monotonic() + REMEMBERED
        return open_

    async def is_member(self, channel: str) -> bool:
        """Raises ProviderError when Slack gives no answer."""
        try:
            return await self.look(channel)
        except Rejected:
            return False

    async def look(self, channel: str) -> bool:
        """The same; raises Rejected where Slack lets the bot see no such channel."""
        if channel.startswith("D"):
            # Only a conversation with the bot itself can be read.
            await self._voice.read("conversations.history", channel=channel, limit=1)
            return True
        info = await self._voice.read("conversations.info", channel=channel)
        room = info.get("channel") or {}
        return bool(room.get("is_member")) and not room.get("is_archived")
