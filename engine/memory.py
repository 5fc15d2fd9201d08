"""What is remembered between two looks at the world, or between two firings of a timer: the port.

Every entry has a version, and whoever changes one names the version that they saw. What has to be
told because of a change is announced in the same transaction, so it is told exactly once however
many processes look at the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.notices import Notice


@dataclass(frozen=True)
class Remembered:
    version: int
    value: Mapping[str, Any]


@dataclass(frozen=True)
class Revision:
    """`seen` is the version that it replaces, 0 for an entry that was not there; `value` None
    forgets it."""

    kind: str
    key: str
    seen: int
    value: Mapping[str, Any] | None


class Memory(Protocol):
    """Durable: when a method returns, its effect survives a crash."""

    async def recall(self, kind: str) -> Mapping[str, Remembered]:
        """Every entry of a kind, by key."""

    async def revise(self, revisions: Sequence[Revision], notices: Sequence[Notice] = ()) -> bool:
        """All of it or nothing: False when somebody else has changed one of the entries since."""
