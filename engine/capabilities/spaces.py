"""Isolated places, the services and databases in them, and whoever hosts them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

from engine.capabilities.service_settings import DOCKERFILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine.capabilities.service_settings import ServiceSettings


class DeployState(StrEnum):
    """How far a deployment is, in our words; the vendor's own word stands in `phase`."""

    NONE = "none"
    PENDING = "pending"
    BUILDING = "building"
    DEPLOYING = "deploying"
    RUNNING = "running"
    FAILED = "failed"
    CRASHED = "crashed"
    REMOVED = "removed"

    @property
    def settled(self) -> bool:
        return self not in (
            DeployState.NONE,
            DeployState.PENDING,
            DeployState.BUILDING,
            DeployState.DEPLOYING,
        )


@dataclass(frozen=True)
class Deployment:
    id: str
    state: DeployState
    phase: str
    """The vendor's own word, e.g. `BUILDING`."""
    created_at: datetime
    updated_at: datetime | None = None
    commit: str = ""
    """Full hash of the commit that is deployed; empty for images."""
    commit_message: str = ""
    branch: str = ""
    url: str = ""
    """The vendor's console page."""
    builder: str = ""
    """What built it, in lower case: `dockerfile`, or the host's own builder. Empty: the host does
    not tell, as long as it is not over."""
    health_path: str | None = None
    """Where the host asked whether it is healthy: empty when it did not ask, None when that is not
    told."""
    can_roll_back: bool | None = None
    """Whether the vendor still can put it back in place; None: not asked."""

    def fits(self, settings: ServiceSettings) -> bool:
        """Whether it was built and checked as these say; so does one that does not tell."""
        if not self.builder:
            return True
        built = settings.dockerfile is None or self.builder == DOCKERFILE
        return built and settings.health_path in (None, self.health_path)


@dataclass(frozen=True)
class Service:
    """One running part of a space: a gateway, a database."""

    id: str
    name: str
    deployment: Deployment | None = None
    domain: str = ""
    """Public host name without scheme; empty when it is not public."""
    url: str = ""
    repo: str = ""
    image: str = ""
    settings: ServiceSettings | None = None
    """Of its next deployment; None: not read."""


@dataclass(frozen=True)
class Volume:
    """Data that a service keeps; it goes with the space."""

    service_id: str
    """Empty when no service has it attached."""
    path: str
    used_mb: float
    size_mb: int


@dataclass(frozen=True)
class Space:
    """An isolated place that holds one environment (at Railway: a project with its production
    environment)."""

    id: str
    environment_id: str
    name: str
    mark: str
    """Free text that we own, kept by the vendor (Railway: the project's description)."""
    created_at: datetime
    workspace: str = ""
    """The workspace's id."""
    console_url: str = ""
    services: tuple[Service, ...] = ()

    def service(self, name: str) -> Service | None:
        """By exact name."""
        for service in self.services:  # for each of thousands, so no generator
            if service.name == name:
                return service
        return None


class Listing(Collection[Space]):
    """All spaces as they were read at one moment; whoever asks again may get the very same. What
    is made of it can be kept for as long as it lives, in a dictionary of weak keys."""

    def __init__(self, spaces: Iterable[Space]) -> None:
        self._spaces = tuple(spaces)

    @override
    def __iter__(self) -> Iterator[Space]:
        return iter(self._spaces)

    @override
    def __len__(self) -> int:
        return len(self._spaces)

    @override
    def __contains__(self, space: object) -> bool:
        return space in self._spaces


@dataclass(frozen=True)
class Allowance:
    """What the host lets us ask, as its latest answer told."""

    limit: int | None
    """Requests an hour; None: it has not told."""
    remaining: int | None
    listing: int
    """Requests that reading all spaces took last; 1 before the first time."""


Waiting = Callable[[timedelta], Awaitable[None]]
"""Hears that a vendor makes us wait, and for about how long."""


class HostsSpaces(Protocol):
    """Keeps isolated places apart. Source of truth for which instances exist."""

    space_name_limit: int
    """Characters."""

    async def spaces(self, *, recent: bool = False) -> Listing:
        """All spaces that the token can see in the configured workspace, deleted ones left out,
        with services, latest deployment, domain and mark; at most 3 calls for 1,000. With
        `recent`, what was read a few seconds ago will do if nothing was written since; nothing
        may be decided from that."""

    def allowance(self) -> Allowance:
        """Nothing is asked for this."""

    async def find_space(self, name: str) -> Space | None:
        """By exact name, the oldest when there are several."""

    async def space(self, space_id: str) -> Space | None:
        """One space as `spaces` shows it; None when it is gone."""

    async def volumes(self, space: Space) -> Sequence[Volume]:
        """The data that its services keep. Of the space only the ids are relied on."""

    async def create_space(
        self, name: str, *, mark: str, waiting: Waiting | None = None, asker: str = ""
    ) -> Space:
        """Not idempotent: two calls make two. Waits in line for the creation throttle, where
        those who ask (`asker`, any key) take turns; `waiting` hears for about how long."""

    async def mark_space(self, space_id: str, mark: str) -> None:
        """Replace the mark. Idempotent."""

    def host_time(self) -> datetime | None:
        """The host's own clock, as its latest answer bore it; None before the first, or where it
        tells none."""

    async def delete_space(self, space_id: str) -> None:
        """Delete with everything in it. Idempotent: one that is gone is fine."""


class Database(StrEnum):
    POSTGRES = "postgres"
    REDIS = "redis"


class KeepsDatabases(Protocol):
    """Creates managed databases inside a space (of which only the ids are relied on)."""

    async def add_database(self, space: Space, kind: Database, *, name: str) -> Service:
        """Create it as the vendor's own tools do and return its service once that is there
        (its deployment may still be on the way). Adopts one of exactly this name."""


@dataclass(frozen=True)
class RepositoryAccess:
    """Neither readable nor public: a build must fail."""

    readable: bool
    public: bool
    how: str = ""
    """What a person can do so that it becomes readable, in the vendor's own terms."""


class ReadsRepositories(Protocol):
    """Knows whether the vendor can build from a repository."""

    async def repository_access(self, repo: str) -> RepositoryAccess: ...

    async def branches(self, repo: str) -> Sequence[str] | None:
        """Their names; None when the vendor does not tell."""
