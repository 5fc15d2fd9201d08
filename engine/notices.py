"""Things that people are told without a run: the port behind which they wait until a door has
told them, once each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from engine.answer import Text

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
    """A notice that nobody was told yet, or whose message does not say yet what it says now."""

    notice: Notice
    since: datetime
    told: bool = False
    """Its message is there, and is to be edited."""
    withdrawn: bool = False
    """It holds no longer. Only whoever tells it knows whether its message is already there: one
    that is there is edited, one that is not is never made."""


def amended(notice: Notice, offers: Collection[Offer], remark: str) -> Notice:
    """The same with only these offers; the remark stands in place of the others."""
    kept = tuple(offer for offer in notice.offers if offer in offers)
    return replace(notice, offers=kept, parts=(*notice.parts, Text(text=remark)))


class Notices(Protocol):
    """Durable: when a method returns, its effect survives a crash."""

    async def announce(self, notice: Notice) -> None:
        """Have it told. While it was not, its words are replaced; afterwards nothing happens."""

    async def withdraw(self, prefix: str, *, keep: Collection[str], remark: str) -> None:
        """What has this prefix and holds no longer: not told any more where it was not; where it
        was, the remark takes the place of what it offers (an empty one leaves it for later)."""

    async def forget(self, key: str) -> None:
        """It was withdrawn before it was told."""

    async def offering(self, word: str) -> Sequence[Notice]:
        """What offers a command line with this word in it, told or not."""

    async def amend(self, key: str, offers: Collection[Offer], remark: str) -> None:
        """It offers what cannot be done any more: only these offers stay, and the remark says
        why."""

    async def told(self, keys: Collection[str]) -> Mapping[str, datetime]:
        """When each was told; those that were not are left out."""

    async def untold(self) -> Sequence[Waiting]:
        """Oldest first; also what was amended since it was told."""

    async def tell(self, notice: Notice) -> None:
        """It was told now, in these words. Idempotent: the first time counts."""
