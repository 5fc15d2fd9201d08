"""What a provider can do, in our words. A vendor's folder translates.

Methods raise ProviderError: Unreachable, RateLimited, Rejected or OutcomeUnknown (a write whose
answer was lost). Providers wait in line for the vendor's throttles and rate limits by themselves;
they raise RateLimited only when the wait would be unreasonable (more than a few minutes).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence


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
    can_roll_back: bool | None = None
    """Whether the vendor still can put it back in place; None: not asked."""


@dataclass(frozen=True)
class LogLine:
    """One line that a build or a service wrote; known secrets already masked."""

    at: datetime
    text: str


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
        return next((s for s in self.services if s.name == name), None)


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

    async def spaces(self) -> Sequence[Space]:
        """All spaces that the token can see in the configured workspace, deleted ones left out,
        with services, latest deployment, domain and mark; at most 3 calls for 1,000."""

    def allowance(self) -> Allowance:
        """Nothing is asked for this."""

    async def find_space(self, name: str) -> Space | None:
        """By exact name, the oldest when there are several."""

    async def space(self, space_id: str) -> Space | None:
        """One space as `spaces` shows it; None when it is gone."""

    async def volumes(self, space: Space) -> Sequence[Volume]:
        """The data that its services keep. Of the space only the ids are relied on."""

    async def create_space(self, name: str, *, mark: str, waiting: Waiting | None = None) -> Space:
        """Not idempotent: two calls make two. Waits in line for the creation throttle; `waiting`
        hears for about how long."""

    async def mark_space(self, space_id: str, mark: str) -> None:
        """Replace the mark. Idempotent."""

    def host_time(self) -> datetime | None:
        """The host's own clock, as its latest answer bore it; None before the first, or where it
        tells none."""

    async def delete_space(self, space_id: str) -> None:
        """Delete with everything in it. Idempotent: one that is gone is fine."""


class RunsServices(Protocol):
    """Runs containers from a repository.

    Of a `space` only `id`, `environment_id` and `workspace` may be relied on: a step may hold one
    that is minutes old, so what it contains is always read afresh.
    """

    async def create_service(self, space: Space, name: str) -> Service:
        """An empty service without a source; adopts one of exactly this name."""

    async def variables(self, space: Space, service_id: str) -> Mapping[str, str]:
        """Values with references left as written. May hold secrets: never log or keep them."""

    async def resolved_variables(self, space: Space, service_id: str) -> Mapping[str, str]:
        """Values with references resolved. May hold secrets: never log or keep them."""

    async def write_variables(
        self, space: Space, service_id: str, variables: Mapping[str, str | None]
    ) -> None:
        """Set these (None removes), leave the others: all at once, deploying nothing.
        Idempotent."""

    async def expose(self, space: Space, service_id: str, *, port: int) -> Service:
        """Give it a public domain that leads to `port`; adopts an existing domain."""

    async def connect_source(
        self, space: Space, service_id: str, *, repo: str, branch: str
    ) -> Deployment:
        """Connect the repository and return the one deployment that this starts: adopts the one
        that appears, starts it when none does or when the latest one is dead. Safe to repeat."""

    async def stop_following_pushes(self, space: Space, service_id: str) -> None:
        """A push to the repository must deploy nothing; read back before returning."""

    def watch(self, space: Space, deployment_id: str) -> AsyncIterator[Deployment]:
        """Yields the deployment now and at every change, until it is settled. All watchers of a
        process share one poll."""

    async def deployments(
        self, space: Space, service_id: str, *, limit: int = 20
    ) -> Sequence[Deployment]:
        """The latest ones, newest first, each saying whether it can be rolled back to."""

    async def deploy(
        self, space: Space, service_id: str, *, commit: str = "", after: str = ""
    ) -> Deployment:
        """Build and start this commit, or the newest one of the connected branch. Not idempotent;
        an answer that is lost is looked for among what is newer than the deployment `after`."""

    async def roll_back(
        self, space: Space, service_id: str, deployment_id: str, *, after: str = ""
    ) -> Deployment:
        """Put an earlier deployment back in place, with its image, variables and settings: a new
        deployment, newer than `after`. Not idempotent."""

    async def restart(self, space: Space, deployment_id: str) -> None:
        """Start what is deployed once more, without a build; harmless twice."""

    async def log(
        self,
        space: Space,
        service_id: str,
        deployment_id: str,
        *,
        build: bool = False,
        lines: int = 100,
        since: datetime | None = None,
        wanted: str = "",
    ) -> Sequence[LogLine]:
        """The last lines of what a deployment wrote, or of its build, oldest first; `wanted` is a
        filter in the vendor's own language."""

    async def failure_of(self, deployment_id: str, *, lines: int = 30) -> Failure:
        """Where a failed deployment stopped, with the tail of the log that tells why."""


@dataclass(frozen=True)
class Failure:
    phase: str
    """The vendor's word for the failed phase, e.g. `BUILD_IMAGE`."""
    reason: str
    log: tuple[str, ...]
    """Last lines, oldest first; known secrets already masked."""


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


@dataclass(frozen=True)
class Used:
    """What was used in a span of time, and what that cost. A vCPU that runs for an hour, a GB
    that is held for an hour."""

    cpu_hours: float = 0.0
    memory_gb_hours: float = 0.0
    disk_gb_hours: float = 0.0
    """Volumes with their backups."""
    sent_gb: float = 0.0
    received_gb: float = 0.0
    cost_usd: Decimal = Decimal(0)

    def __add__(self, other: Used) -> Used:
        return Used(
            self.cpu_hours + other.cpu_hours,
            self.memory_gb_hours + other.memory_gb_hours,
            self.disk_gb_hours + other.disk_gb_hours,
            self.sent_gb + other.sent_gb,
            self.received_gb + other.received_gb,
            self.cost_usd + other.cost_usd,
        )


@dataclass(frozen=True)
class Period:
    """What one bill is about."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Course:
    """How a service went, at even intervals; 0 while it did not run."""

    cpu: tuple[float, ...]
    """vCPUs."""
    memory_gb: tuple[float, ...]


class MeasuresUse(Protocol):
    """Knows what runs at what expense. Of a space only the ids are relied on."""

    async def billing_period(self) -> Period:
        """The one that is under way; the calendar month where the vendor does not tell."""

    async def used(self, space: Space, *, since: datetime) -> Mapping[str, Used]:
        """Until now, by service id."""

    async def used_by_space(self, *, since: datetime) -> Mapping[str, Used]:
        """Until now, of everything that the token can see, by space id."""

    async def expected_cost(self, space: Space) -> Decimal:
        """Of the whole billing period, if everything goes on as it does, in dollars."""

    async def course(
        self, space: Space, *, since: datetime, until: datetime, points: int
    ) -> Mapping[str, Course]:
        """By service id."""


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
class GatewayAccess:
    """Where a running gateway is, and a key of it."""

    url: str
    key: str = field(repr=False)


class KeyKind(StrEnum):
    """Which of a gateway's doors a key opens."""

    CLIENT = "client"
    ADMIN = "admin"


@dataclass(frozen=True)
class GatewayPolicy:
    """What a gateway does with the messages that pass it."""

    class_ref: str
    """`package.module:ClassName`."""
    config: Mapping[str, Any] = field(default_factory=dict)
    set_by: str = ""


@dataclass(frozen=True)
class PolicyKind:
    """A policy that a gateway could have."""

    class_ref: str
    description: str = ""


@dataclass(frozen=True)
class PolicyVerdict:
    """What a gateway says to a policy that it was given."""

    accepted: bool
    message: str = ""
    faults: tuple[tuple[str, str], ...] = ()
    """Field and what is wrong with it."""
    advice: tuple[str, ...] = ()


class AdministersGateways(Protocol):
    """Speaks to running gateways themselves; what is set takes effect without a deployment."""

    async def policy(self, gateway: GatewayAccess) -> GatewayPolicy:
        """The one in force."""

    async def policies(self, gateway: GatewayAccess) -> Sequence[PolicyKind]: ...

    async def set_policy(
        self, gateway: GatewayAccess, policy: GatewayPolicy, *, by: str
    ) -> PolicyVerdict:
        """Idempotent; one that is not accepted changes nothing."""

    async def accepts(self, gateway: GatewayAccess, kind: KeyKind) -> bool:
        """Whether its key opens this door now. Costs nothing."""


@dataclass(frozen=True)
class Probe:
    """One HTTP GET from outside. `status` 0 means that no answer came (`detail` says why)."""

    status: int
    latency: timedelta
    detail: str = ""
    body: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        return self.status == 200


class ProbesUrls(Protocol):
    """Looks at a public URL as a client would; `*.localhost` leads to this machine."""

    async def probe(self, url: str, *, timeout: timedelta = timedelta(seconds=10)) -> Probe:
        """Never raises: what goes wrong is the answer."""
