"""Several replicas in one process: what `engine.peers` promises, without a database."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.peers import NoPeers

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.clock import Clock


class Together:
    """What they share."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock
        self.marks: dict[str, float] = {}
        self.claims: dict[str, object] = {}
        self.heard: dict[str, list[tuple[object, Callable[[str], None]]]] = defaultdict(list)

    def one(self) -> OneOfMany:
        return OneOfMany(self)


class OneOfMany(NoPeers):
    def __init__(self, together: Together) -> None:
        self._together = together

    async def claim(self, name: str) -> bool:
        return self._together.claims.setdefault(name, self) is self

    async def release(self, name: str) -> None:
        if self._together.claims.get(name) is self:
            del self._together.claims[name]

    def die(self) -> None:
        """The others found it gone."""
        for name, owner in list(self._together.claims.items()):
            if owner is self:
                del self._together.claims[name]
        for acts in self._together.heard.values():
            acts[:] = [(who, act) for who, act in acts if who is not self]

    async def mark(self, name: str) -> None:
        assert self._together.clock is not None
        self._together.marks[name] = self._together.clock.monotonic()

    async def since(self, name: str) -> timedelta | None:
        clock, marks = self._together.clock, self._together.marks
        if clock is None or name not in marks:
            return None
        return timedelta(seconds=clock.monotonic() - marks[name])

    def on(self, topic: str, act: Callable[[str], None]) -> None:
        self._together.heard[topic].append((self, act))

    async def tell(self, topic: str, text: str = "") -> None:
        for who, act in list(self._together.heard[topic]):
            if who is not self:
                act(text)
