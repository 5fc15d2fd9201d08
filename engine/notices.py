"""Things that people are told without a run: the port behind which they wait until a door has
told them, once each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from engine.answer import Offer, Part


@dataclass(frozen=True)
class Notice:
    """`key` (at most 100 characters) tells it apart: one with the same key is told only once."""

    key: str
    text: str
    """Makes sense alone; `*bold*` and the like mean what they do in an answer."""
    offers: tuple[Offer, ...] = ()
    parts: tuple[Part, ...] = ()
    """More than a sentence: stands below the text as it does in an answer."""
    channel: str = ""
    """Where it is told; empty: where the bot speaks by itself."""
    thread: str = ""
    """The key of the notice whose thread it belongs into; told in the channel when nobody knows
    that one any more."""
    broadcast: bool = False
    """Seen in the channel, too, although it belongs into a thread."""
    to: str = ""
    """The key of the one person who is told (`slack:U0ADA`); empty: everybody who reads there."""


@dataclass(frozen=True)
class Waiting:
    """A notice that nobody was told yet."""

    notice: Notice
    since: datetime


class Notices(Protocol):
    """Durable: when a method returns, its effect survives a crash."""

    async def announce(self, notice: Notice) -> None:
        """Have it told. While it was not, its words are replaced; afterwards nothing happens."""

    async def withdraw(self, prefix: str, *, keep: Collection[str]) -> None:
        """Forget what was not told yet, of this prefix, and holds no longer."""

    async def told(self, keys: Collection[str]) -> Mapping[str, datetime]:
        """When each was told; those that were not are left out."""

    async def untold(self) -> Sequence[Waiting]:
        """Oldest first."""

    async def tell(self, key: str) -> None:
        """It was told now. Idempotent: the first time counts."""
