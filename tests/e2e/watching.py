"""Looks at a channel while something goes on there, and remembers everything that was shown."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.chat import Message, Person


@dataclass
class Seen:
    """What one person saw, in order: every message once for each time its words changed."""

    began: float = field(default_factory=time.monotonic)
    sights: list[tuple[float, Message]] = field(default_factory=list)
    """Seconds since the beginning, and the message as it was then."""

    def versions(self, *words: str) -> list[Message]:
        """Every version of the messages that hold all these words."""
        return [m for _, m in self.sights if all(word in m for word in words)]

    def moment(self, *words: str, private: bool | None = None) -> float:
        """When these words were first seen."""
        for at, message in self.sights:
            if private in (None, message.private) and all(word in message for word in words):
                return at
        raise AssertionError(f"{words} never seen in {[m.text for _, m in self.sights]}")

    def longest_silence(self, until: float) -> float:
        """Seconds without anything new, from the beginning until then."""
        moments = [0.0, *(at for at, _ in self.sights if at <= until), until]
        return max(later - at for at, later in itertools.pairwise(moments))


@asynccontextmanager
async def watching(person: Person) -> AsyncIterator[Seen]:
    """This person looks at the channel and all its threads, ten times a second."""
    seen = Seen()
    shown = {message.ts: message.words for message in await person.everything()}
    looking = asyncio.create_task(_look(person, seen, shown))
    try:
        yield seen
    finally:
        looking.cancel()
        await asyncio.wait([looking])


async def _look(person: Person, seen: Seen, shown: dict[str, str]) -> None:
    while True:
        for message in await person.everything():
            if shown.get(message.ts) != message.words:
                shown[message.ts] = message.words
                seen.sights.append((time.monotonic() - seen.began, message))
        await asyncio.sleep(0.1)
