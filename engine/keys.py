"""Keys with which programs ask over the HTTP API: the port behind which they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.actor import Actor, Role


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key: never the key itself."""

    id: str
    """The part by which people recognise it; it begins the key's text."""
    name: str
    role: Role
    """What it may at most; never more than its creator may at the moment of asking."""
    creator: str
    """`slack:U0ADA`, `cli:root`."""
    creator_name: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    used_at: datetime | None = None
    """To the minute."""

    def alive(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


class ApiKeys(Protocol):
    """Durable and audited when a method returns."""

    async def create(
        self, name: str, role: Role, creator: Actor, expires_at: datetime
    ) -> tuple[ApiKey, str]:
        """The key and its text, which cannot be had again. Raises AlreadyExists when a living key
        has this name."""

    async def all(self) -> Sequence[ApiKey]:
        """Dead ones included, newest first."""

    async def find(self, wanted: str) -> ApiKey:
        """By id, or by name: then a living one before a dead one. Raises NotFound."""

    async def revoke(self, actor: Actor, key_id: str) -> ApiKey:
        """From now on it opens nothing. Idempotent. Raises NotFound."""

    async def check(self, presented: str) -> ApiKey | None:
        """The living key of this text, noted as used; None for anything else."""
