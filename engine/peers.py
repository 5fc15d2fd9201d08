"""The other processes that share the work: each thing is done by exactly one of them, and what a
vendor allows is allowed to all of them together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Peers(Protocol):
    """A claim lasts until it is released or its owner is gone, whichever way it went."""

    @property
    def count(self) -> int:
        """How many there are, this one among them."""

    def check(self) -> None:
        """Right before a write at a vendor: does not return once the others may have taken this
        process for dead."""

    async def claim(self, name: str) -> bool:
        """Whether it is ours, now or already."""

    async def release(self, name: str) -> None:
        """Anybody may claim it again. Nothing happens when it is not ours."""

    async def take_slot(self, tick: str, slot: int) -> bool:
        """Whether this time of a tick is ours; each is given away once, and in order."""

    async def spend(self, name: str, every: timedelta, *, burst: int = 1) -> timedelta:
        """One of what is allowed `every` so often, `burst` at once: nothing when it is taken, else
        how long to wait before asking again."""

    async def hold(self, name: str, duration: timedelta) -> None:
        """Nobody is allowed this one before the time is over."""

    async def mark(self, name: str) -> None:
        """It was done just now."""

    async def since(self, name: str) -> timedelta | None:
        """How long ago anybody of the others, or this one, marked it; None: nobody did."""

    def on(self, topic: str, act: Callable[[str], None]) -> None:
        """`act` is given the text of what the others `tell` about this topic."""

    async def tell(self, topic: str, text: str = "") -> None:
        """Every other one, at once. Those who are not there miss it."""


class NoPeers:
    """The only process there is."""

    count = 1

    def check(self) -> None: ...

    async def claim(self, name: str) -> bool:  # noqa: ARG002
        return True

    async def release(self, name: str) -> None: ...

    async def take_slot(self, tick: str, slot: int) -> bool:  # noqa: ARG002
        return True

    async def spend(self, name: str, every: timedelta, *, burst: int = 1) -> timedelta:  # noqa: ARG002
        return timedelta()

    async def hold(self, name: str, duration: timedelta) -> None: ...

    async def mark(self, name: str) -> None: ...

    async def since(self, name: str) -> timedelta | None:  # noqa: ARG002
        return None

    def on(self, topic: str, act: Callable[[str], None]) -> None: ...

    async def tell(self, topic: str, text: str = "") -> None: ...
