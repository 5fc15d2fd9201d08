"""Where roles come from: settings, grants to people, grants to groups; and the ports behind which
grants and groups are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from engine.actor import Role
from engine.mentions import mention

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from engine.actor import Actor


class Source(StrEnum):
    """Where a role comes from, strongest first."""

    SETTING = "setting"
    GRANT = "grant"
    GROUP = "group"
    DEFAULT = "default"


@dataclass(frozen=True)
class FixedRoles:
    """What the settings say, by key (`slack:U0ADA`). `default` None: strangers may do nothing."""

    admins: frozenset[str] = frozenset()
    deployers: frozenset[str] = frozenset()
    default: Role | None = Role.VIEWER


@dataclass(frozen=True)
class Somebody:
    """A person or a group as a directory knows them; `key` is an actor's key or a group's."""

    key: str
    name: str
    is_group: bool = False

    @property
    def mention(self) -> str:
        """How they are named in text."""
        return mention(self.key)


@dataclass(frozen=True)
class Grant:
    """A role given to a person or to everybody in a group; one for each of them."""

    to: Somebody
    role: Role
    by: str
    at: datetime


@dataclass(frozen=True)
class Standing:
    """A role, and where it comes from; `grant` is set where one gives it."""

    role: Role
    source: Source
    grant: Grant | None = None

    @property
    def words(self) -> str:
        """`the setting LUTHIEN_ADMINS`, `a grant by root to @sre`."""
        if self.source is Source.SETTING:
            return f"the setting LUTHIEN_{'ADMINS' if self.role is Role.ADMIN else 'DEPLOYERS'}"
        if self.grant is None:
            return "the setting LUTHIEN_DEFAULT_ROLE, as for everybody"
        by = f"a grant by {mention(self.grant.by)}"
        return f"{by} to {self.grant.to.mention}" if self.grant.to.is_group else by


class Grants(Protocol):
    """Where grants are kept. Durable when a method returns."""

    async def all(self) -> Sequence[Grant]:
        """Oldest first."""

    async def put(self, grant: Grant, by: Actor, check: Callable[[Sequence[Grant]], None]) -> None:
        """In the place of an earlier one to the same, audited and told to them. `check` is given
        what would stand then and raises to prevent it; nothing can come between."""

    async def remove(
        self, to: Somebody, by: Actor, check: Callable[[Sequence[Grant]], None]
    ) -> None:
        """Idempotent; audited and told to them; `check` as above."""


class Directory(Protocol):
    """Who is who in the place where people are (Slack). Never raises: what cannot be learned now
    is what was known last, or nothing."""

    async def members(self, group: str) -> Collection[str]:
        """The keys of the people in a group."""

    async def find(self, word: str) -> Somebody | None:
        """By id, by key, or by name with or without `@`."""

    async def name_of(self, key: str) -> str:
        """What people call a person or a group; empty where that is not known."""


class NoDirectory:
    """Where nobody can be asked: keys are understood, names are not, groups are empty."""

    async def members(self, group: str) -> Collection[str]:  # noqa: ARG002
        return ()

    async def find(self, word: str) -> Somebody | None:  # noqa: ARG002
        return None

    async def name_of(self, key: str) -> str:  # noqa: ARG002
        return ""


def mention_actor(actor: Actor) -> str:
    """Somebody in text; of an API key also whose it is."""
    if not actor.behalf:
        return mention(actor.key)
    return f"{actor.name} (an API key of {mention(actor.behalf)})"
