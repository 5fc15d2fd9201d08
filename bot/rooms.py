"""Where the bot can speak: asked before anything starts, remembered for a while."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from engine.capabilities import Channel
from engine.errors import ProviderError, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.voice import Voice
    from engine.clock import Clock

REMEMBERED = 300.0
"""Seconds for which a membership is believed; a missing one is asked again each time."""
PATIENCE = 1.5
"""Seconds; Slack must have its acknowledgement within three."""

_ID = re.compile(r"[CG][A-Z0-9]{2,}")


class Rooms:
    """Membership of the bot, by channel. `bot_name`: the bot as people see it."""

    def __init__(self, voice: Voice, clock: Clock, bot_name: Callable[[], str]) -> None:
        self._voice = voice
        self._clock = clock
        self._open_until: dict[str, float] = {}
        self._bot_name = bot_name

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

    @property
    def invitation(self) -> str:
        """What people type in a channel so that the bot becomes a member."""
        return f"/invite @{self._bot_name()}"

    async def find_channel(self, wanted: str) -> Channel | None:
        """By id, or by name among those where the bot is a member."""
        if not _ID.fullmatch(wanted):
            return await self._named(wanted.lower())
        try:
            info = await self._voice.read("conversations.info", channel=wanted)
        except Rejected:
            return None
        return _channel(info.get("channel") or {})

    async def _named(self, name: str) -> Channel | None:
        cursor = ""
        while True:
            page = await self._voice.read(
                "users.conversations",
                types="public_channel,private_channel",
                exclude_archived=True,
                limit=200,
                **({"cursor": cursor} if cursor else {}),
            )
            for room in page.get("channels", []):
                if room.get("name") == name:
                    return _channel(room | {"is_member": True})
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None

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


def _channel(room: dict[str, Any]) -> Channel | None:
    if not room.get("id"):
        return None
    open_ = bool(room.get("is_member")) and not room.get("is_archived")
    return Channel(str(room["id"]), str(room.get("name") or room["id"]), open_)
