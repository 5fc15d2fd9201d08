"""The master key as commands see it: what hangs on it, and how it is exchanged. Never the key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from engine.errors import Refused


class KeyPlace(Protocol):
    """Where the master keys are kept when nobody gave them as a setting."""

    @property
    def where(self) -> str: ...

    def keep(self, text: str) -> None:
        """In the place of those that were there; durable when it returns."""


@dataclass(frozen=True)
class Waiting:
    """What only recognises something with an earlier key: made anew when it is used next."""

    what: str
    """`API key nightly-report`"""
    until: datetime
    """When it ends by itself."""


@dataclass(frozen=True)
class Census:
    """What hangs on which key, by the keys' public ids."""

    current: str
    earlier: tuple[str, ...]
    """The others that are known here."""
    where: str
    """`LUTHIEN_MASTER_KEY`, or a file."""
    ours: bool
    """Whether we keep it, and can make a new one."""
    sealed: Mapping[str, int] = field(default_factory=dict)
    """How many values each key has sealed."""
    api_keys: int = 0
    """Those alive that open something."""
    lost_api_keys: tuple[str, ...] = ()
    """Names of those alive that nobody here can recognise: their key is lost."""
    signed_by: str = ""
    """Which of the keys has signed the audit's end; empty: none that is known here."""
    waiting: tuple[Waiting, ...] = ()

    @property
    def values(self) -> int:
        """Sealed, with a key that is known here or not."""
        return sum(self.sealed.values())

    @property
    def stale(self) -> int:
        """Values that an earlier key has sealed."""
        return sum(self.sealed.get(key, 0) for key in self.earlier)

    @property
    def lost(self) -> int:
        """Values whose key nobody has here."""
        return self.values - self.stale - self.sealed.get(self.current, 0)

    @property
    def idle(self) -> bool:
        """Nothing needs the earlier keys any more."""
        signed = self.signed_by not in self.earlier
        return signed and not self.stale and not self.waiting


@dataclass(frozen=True)
class Resealed:
    """How far a pass has come."""

    done: int
    unreadable: int
    """Left as they were: no key here opens them."""
    after: str
    """Where the next pass goes on; empty: this was the last one."""


class Keyring(Protocol):
    """Every method may be repeated after any interruption."""

    async def census(self) -> Census: ...

    async def renew(self, replacing: str) -> str:
        """Make a new master key in the place of the one with this id, which is kept behind it;
        returns the present one's id. Nothing happens when another one is in its place already.
        Raises Refused when the key is a setting."""

    async def reseal(self, after: str = "") -> Resealed:
        """Seal some values of earlier keys with the present one, in one transaction."""

    async def retire(self) -> tuple[str, ...]:
        """Forget the earlier keys that nothing needs any more, where we keep them; returns their
        ids."""


def not_ours(where: str) -> Refused:
    """Only whoever sets it can exchange it."""
    return Refused(
        f"The new master key has to be set first: it is kept in {where}.",
        why="A key never passes through a chat or a plan, so it cannot be given here.",
        who="Whoever runs luthien-ops puts a new key in front of the present one, with a comma"
        f" between: {where}=<new>,<present>. Of several replicas each has to know it first:"
        " <present>,<new>, and the other way round with the next restart.",
        next_step="/luthien secrets",
    )
