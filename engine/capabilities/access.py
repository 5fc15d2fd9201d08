"""As whom a vendor sees us, and where something can be said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Access:
    """What the credentials that a provider works with are, and what they are good for."""

    kind: str
    """The vendor's own word, e.g. `account token`."""
    owner: str
    places: tuple[str, ...]
    """Names of what it reaches (at Railway: workspaces)."""
    rights: tuple[str, ...]
    """What it may do, one short line each."""
    limits: tuple[str, ...] = ()
    """What it may not do, one short line each."""
    remaining: int | None = None
    """Requests left until `resets_at`; None when the vendor does not tell."""
    limit: int | None = None
    resets_at: datetime | None = None


class TellsAccess(Protocol):
    """Knows as whom, and with which rights, the vendor sees us."""

    vendor: str
    """The vendor's name, as people say it."""

    async def access(self) -> Access:
        """As of now. Raises NotConfigured for credentials that are not accepted."""


@dataclass(frozen=True)
class Channel:
    """A room where people talk."""

    id: str
    name: str
    """Without a sign before it."""
    open: bool
    """Whether what is said there arrives."""


class SpeaksInChannels(Protocol):
    """Knows where something can be said to everybody; a door that is open has it."""

    @property
    def invitation(self) -> str:
        """What people type in a channel so that it can be said there."""

    async def find_channel(self, wanted: str) -> Channel | None:
        """By id, or by name among those that it is in. Raises ProviderError without an answer."""
