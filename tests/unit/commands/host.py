"""A host in memory: keeps what it is told, shows it after a while, loses answers on demand."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from engine.capabilities import (
    DOCKERFILE,
    SETTING_NAMES,
    Access,
    AdministersGateways,
    Allowance,
    Channel,
    Course,
    Database,
    Deployment,
    DeployState,
    Failure,
    HostsSpaces,
    KeepsDatabases,
    Listing,
    LogLine,
    MeasuresUse,
    Period,
    Probe,
    ProbesUrls,
    ReadsRepositories,
    RepositoryAccess,
    RestartPolicy,
    RunsServices,
    Service,
    ServiceSettings,
    Space,
    SpeaksInChannels,
    TellsAccess,
    Used,
    Volume,
    Waiting,
)
from engine.errors import NotConfigured, OutcomeUnknown, Rejected
from engine.world import Toolbox
from tests.unit.commands.gateways import FakeGateways

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from tests.unit.commands.clock import FakeClock

T = TypeVar("T")

UNSET = ServiceSettings(
    health_timeout=timedelta(minutes=5),
    restart=RestartPolicy.ON_FAILURE,
    restart_retries=10,
    replicas=1,
    defaults=frozenset(SETTING_NAMES),
)
"""What this host does with a service that nobody has set anything of."""


@dataclass
class Kept:
    """A service as the host keeps it."""

    service: Service
    shows_at: datetime
    variables: dict[str, str] = field(default_factory=dict)
    port: int | None = None
    follows_pushes: bool = False


@dataclass
class Held:
    """A space as the host keeps it."""

    space: Space
    shows_at: datetime
    services: dict[str, Kept] = field(default_factory=dict)


class FakeHost:
    """All the capabilities that the commands use."""

    vendor = "Host"
    space_name_limit = 32

    def __init__(self, clock: FakeClock, *, lag: timedelta = timedelta()) -> None:
        self.clock = clock
        self.began = clock.now()
        self.lag = lag
        """How long a write takes to show in what is read."""
        self.held: dict[str, Held] = {}
        self.ahead: timedelta | None = timedelta()
        """How far its clock is ahead of ours; None: it tells no time."""
        self.busy_for = timedelta()
        """How long a creation waits for its turn."""
        self.calls: list[str] = []
        self.askers: list[str] = []
        """For whom spaces were made."""
        self.lost: dict[str, str] = {}
        """Call → how the next one goes wrong: `before` and `after` it is done its answer is lost;
        `rejected`."""
        self.phases = [
            ("QUEUED", DeployState.PENDING),
            ("BUILDING", DeployState.BUILDING),
            ("DEPLOYING", DeployState.DEPLOYING),
            ("SUCCESS", DeployState.RUNNING),
        ]
        self.failure = Failure("BUILD_IMAGE", "The build failed.", ("line 1", "line 2"))
        self.repositories: dict[str, RepositoryAccess] = {}
        self.probes: dict[str, Probe] = {}
        """Path → what it answers, when it is not what the wiring would make it."""
        self.tells_builder = True
        """Whether a deployment that is over says what built it."""
        self.warming_up = 0
        """How many more probes find the service not ready."""
        self.logs: dict[str, list[LogLine]] = {}
        """Deployment → its log; `build of <deployment>` → that of its build. Oldest first."""
        self.earlier: dict[str, list[Deployment]] = {}
        """Service → its deployments before the latest one, newest first."""
        self.gateways = FakeGateways(self)
        self.known_as: Access | None = None
        """None: the token is not accepted."""
        self.hourly: dict[str, Decimal] = defaultdict(lambda: Decimal("0.004"))
        """Service → dollars an hour."""
        self._numbers: Counter[str] = Counter()

    def toolbox(self) -> Toolbox:
        ports: tuple[type[Any], ...] = (
            HostsSpaces,
            RunsServices,
            KeepsDatabases,
            SpeaksInChannels,
            MeasuresUse,
            ReadsRepositories,
            ProbesUrls,
            TellsAccess,
        )
        return Toolbox({**dict.fromkeys(ports, self), AdministersGateways: self.gateways})

    # ── HostsSpaces ───────────────────────────────────────────────────────────────────────────

    async def spaces(self, *, recent: bool = False) -> Listing:
        self.calls.append("spaces")
        return Listing(self._seen(h) for h in self.held.values() if self._shows(h))

    def allowance(self) -> Allowance:
        return Allowance(10_000, 9_900, max(1, -(-len(self.held) // 500)))

    async def find_space(self, name: str) -> Space | None:
        self.calls.append("find_space")
        seen = [self._seen(h) for h in self.held.values() if self._shows(h)]
        return next((s for s in seen if s.name == name), None)

    async def space(self, space_id: str) -> Space | None:
        self.calls.append("space")
        held = self.held.get(space_id)
        return self._seen(held) if held and self._shows(held) else None

    async def volumes(self, space: Space) -> Sequence[Volume]:
        self.calls.append("volumes")
        services = [kept.service for kept in self.held[space.id].services.values()]
        databases = [s for s in services if s.name in ("Postgres", "Redis")]
        return [Volume(s.id, "/data", 120.5, 5000) for s in databases]

    async def create_space(
        self, name: str, *, mark: str, waiting: Waiting | None = None, asker: str = ""
    ) -> Space:
        self.askers.append(asker)
        if self.busy_for and waiting:
            await waiting(self.busy_for)
        space_id = self._id("space")

        def make() -> Space:
            space = Space(
                id=space_id,
                environment_id=f"env-of-{space_id}",
                name=name,
                mark=mark,
                created_at=self.clock.now(),
                workspace="workspace-1",
                console_url=f"https://console.test/{space_id}",
            )
            self.held[space_id] = Held(space, self.clock.now() + self.lag)
            return space

        return self._write("create_space", make)

    async def mark_space(self, space_id: str, mark: str) -> None:
        def make() -> None:
            held = self._held(space_id)
            held.space = replace(held.space, mark=mark)

        self._write("mark_space", make)

    def host_time(self) -> datetime | None:
        return None if self.ahead is None else self.clock.now() + self.ahead

    async def delete_space(self, space_id: str) -> None:
        def make() -> None:
            self.held.pop(space_id, None)

        self._write("delete_space", make)

    # ── RunsServices, KeepsDatabases ──────────────────────────────────────────────────────────

    async def create_service(self, space: Space, name: str) -> Service:
        return self._write("create_service", lambda: self._add_service(space.id, name))

    async def add_database(self, space: Space, kind: Database, *, name: str) -> Service:
        def make() -> Service:
            service = self._add_service(space.id, name, image=f"{kind}:latest")
            kept = self._kept(space.id, service.id)
            kept.variables[f"{'REDIS' if kind == Database.REDIS else 'DATABASE'}_URL"] = (
                f"{kind}://secret@{name}.internal"
            )
            kept.service = replace(kept.service, deployment=self._deployment("SUCCESS"))
            return kept.service

        return self._write("add_database", make)

    async def variables(self, space: Space, service_id: str) -> Mapping[str, str]:
        self.calls.append("variables")
        return dict(self._kept(space.id, service_id).variables)

    async def resolved_variables(self, space: Space, service_id: str) -> Mapping[str, str]:
        self.calls.append("resolved_variables")
        return self._resolved(space.id, service_id)

    async def write_variables(
        self, space: Space, service_id: str, variables: Mapping[str, str | None]
    ) -> None:
        def make() -> None:
            kept = self._kept(space.id, service_id).variables
            kept.update({name: value for name, value in variables.items() if value is not None})
            for name in [name for name, value in variables.items() if value is None]:
                kept.pop(name, None)

        self._write("write_variables", make)

    async def named_dockerfile(self, space: Space, service_id: str) -> str:
        self.calls.append("named_dockerfile")
        return self._kept(space.id, service_id).variables.get("DOCKERFILE", "")

    async def write_settings(
        self, space: Space, service_id: str, settings: ServiceSettings
    ) -> None:
        def make() -> None:
            kept = self._kept(space.id, service_id)
            assert kept.service.settings is not None
            kept.service = replace(kept.service, settings=settings.over(kept.service.settings))

        self._write("write_settings", make)

    async def expose(self, space: Space, service_id: str, *, port: int) -> Service:
        def make() -> Service:
            kept = self._kept(space.id, service_id)
            domain = kept.service.domain or f"{self._id('domain')}.host.test"
            kept.port = port
            kept.service = replace(kept.service, domain=domain, url=f"https://{domain}")
            return kept.service

        return self._write("expose", make)

    async def connect_source(
        self, space: Space, service_id: str, *, repo: str, branch: str
    ) -> Deployment:
        def make() -> Deployment:
            kept = self._kept(space.id, service_id)
            there = kept.service.deployment
            if there is not None and there.branch != branch:
                kept.service = replace(kept.service, deployment=replace(there, branch=branch))
                self._replace(space, service_id, "b" * 40)
                there = kept.service.deployment
            deployment = there or self._deployment("QUEUED", branch=branch)
            kept.service = replace(kept.service, repo=repo, deployment=deployment)
            kept.follows_pushes = True
            return deployment

        return self._write("connect_source", make)

    async def stop_following_pushes(self, space: Space, service_id: str) -> None:
        def make() -> None:
            self._kept(space.id, service_id).follows_pushes = False

        self._write("stop_following_pushes", make)

    async def watch(self, space: Space, deployment_id: str) -> AsyncIterator[Deployment]:
        kept = self._deployed_by(deployment_id)
        for phase, state in self.phases:
            await self.clock.sleep(timedelta(seconds=20))
            assert kept.service.deployment is not None
            seen = replace(kept.service.deployment, phase=phase, state=state)
            if state.settled:
                seen = self._finished(kept, seen)
            kept.service = replace(kept.service, deployment=seen)
            yield seen

    async def deployments(
        self, space: Space, service_id: str, *, limit: int = 20
    ) -> Sequence[Deployment]:
        self.calls.append("deployments")
        latest = self._kept(space.id, service_id).service.deployment
        known = [latest] if latest and self._has_appeared(latest) else []
        return (known + self.earlier.get(service_id, []))[:limit]

    async def deploy(
        self, space: Space, service_id: str, *, commit: str = "", after: str = ""
    ) -> Deployment:
        return self._write("deploy", lambda: self._replace(space, service_id, commit or "f" * 40))

    async def roll_back(
        self, space: Space, service_id: str, deployment_id: str, *, after: str = ""
    ) -> Deployment:
        found = next(d for d in self.earlier[service_id] if d.id == deployment_id)

        def make() -> Deployment:
            self._replace(space, service_id, found.commit)
            kept = self._kept(space.id, service_id)
            assert kept.service.deployment is not None
            back = replace(
                kept.service.deployment, builder=found.builder, health_path=found.health_path
            )
            kept.service = replace(kept.service, deployment=back)
            return back

        return self._write("roll_back", make)

    async def restart(self, space: Space, deployment_id: str) -> None:
        def make() -> None:
            kept = self._deployed_by(deployment_id)
            assert kept.service.deployment is not None
            again = replace(
                kept.service.deployment,
                state=DeployState.DEPLOYING,
                phase="DEPLOYING",
                updated_at=self.clock.now(),
            )
            kept.service = replace(kept.service, deployment=again)

        self._write("restart", make)

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
        self.calls.append("log")
        found = self.logs.get(f"build of {deployment_id}" if build else deployment_id, [])
        fits = [ln for ln in found if wanted in ln.text and (since is None or ln.at >= since)]
        return fits[-lines:]

    async def failure_of(self, deployment_id: str, *, lines: int = 30) -> Failure:
        self.calls.append("failure_of")
        return replace(self.failure, log=self.failure.log[-lines:])

    # ── MeasuresUse ───────────────────────────────────────────────────────────────────────────

    async def billing_period(self) -> Period:
        start = self.clock.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return Period(start, start + timedelta(days=30))

    async def used(self, space: Space, *, since: datetime) -> Mapping[str, Used]:
        self.calls.append("used")
        hours = (self.clock.now() - since).total_seconds() / 3600
        return {
            service_id: Used(
                cpu_hours=0.05 * hours,
                memory_gb_hours=0.26 * hours,
                disk_gb_hours=0.12 * hours,
                sent_gb=0.0021,
                received_gb=0.0009,
                cost_usd=self.hourly[kept.service.name] * Decimal(round(hours)),
            )
            for service_id, kept in self.held[space.id].services.items()
        }

    async def used_by_space(self, *, since: datetime) -> Mapping[str, Used]:
        self.calls.append("used_by_space")
        return {
            space_id: sum((await self.used(held.space, since=since)).values(), Used())
            for space_id, held in self.held.items()
        }

    async def expected_cost(self, space: Space) -> Decimal:
        return Decimal("6.10")

    async def course(
        self, space: Space, *, since: datetime, until: datetime, points: int
    ) -> Mapping[str, Course]:
        level = tuple(round(0.01 * step, 2) for step in range(points))
        return {
            service_id: Course(cpu=level, memory_gb=tuple(4 * one for one in level))
            for service_id in self.held[space.id].services
        }

    # ── SpeaksInChannels ──────────────────────────────────────────────────────────────────────

    invitation = "/invite @luthien"

    async def find_channel(self, wanted: str) -> Channel | None:
        """`#ops` is C0OPS; it is no member of `#closed`, and knows of no `#nowhere`."""
        if wanted == "nowhere":
            return None
        number = wanted if wanted.startswith("C0") else f"C0{wanted.upper()}"
        return Channel(number, number[2:].lower(), open=number != "C0CLOSED")

    # ── TellsAccess ───────────────────────────────────────────────────────────────────────────

    async def access(self) -> Access:
        if self.known_as is None:
            raise NotConfigured("The host does not accept the token.", next_step="/luthien doctor")
        return self.known_as

    # ── ReadsRepositories, ProbesUrls ─────────────────────────────────────────────────────────

    async def repository_access(self, repo: str) -> RepositoryAccess:
        self.calls.append("repository_access")
        public = RepositoryAccess(readable=False, public=True)
        return self.repositories.get(repo, public)

    async def branches(self, repo: str) -> Sequence[str] | None:
        self.calls.append("branches")
        return ["dev", "main"]

    async def probe(self, url: str, *, timeout: timedelta = timedelta(seconds=10)) -> Probe:
        """As the gateway behaves: alive once deployed, ready when its databases are wired."""
        self.calls.append("probe")
        found = re.fullmatch(r"https://([^/]+)(/.*)", url)
        assert found, url
        domain, path = found.groups()
        if path in self.probes:
            return self.probes[path]
        latency = timedelta(milliseconds=20)
        owners = [
            (space_id, kept)
            for space_id, held in self.held.items()
            for kept in held.services.values()
            if kept.service.domain == domain
        ]
        if not owners:
            return Probe(404, latency, "Application not found")
        space_id, kept = owners[0]
        if _state(kept.service) != DeployState.RUNNING:
            return Probe(502, latency, "Application failed to respond")
        if self.warming_up > 0:
            self.warming_up -= 1
            return Probe(503, latency, "starting")
        wired = self._resolved(space_id, kept.service.id).get("DATABASE_URL", "")
        if path == "/ready" and not wired:
            return Probe(503, latency, "database unreachable")
        return Probe(200, latency)

    # ── inside ────────────────────────────────────────────────────────────────────────────────

    def put(self, space: Space) -> None:
        """A space that was there before, with its services."""
        held = Held(replace(space, services=()), space.created_at)
        for service in space.services:
            held.services[service.id] = Kept(service, space.created_at)
        self.held[space.id] = held

    def service(self, space_id: str, name: str) -> Kept:
        """What is kept under this name, whether it shows or not."""
        services = self._held(space_id).services.values()
        return next(k for k in services if k.service.name == name)

    @property
    def writes(self) -> list[str]:
        reads = {
            "spaces",
            "used",
            "used_by_space",
            "find_space",
            "space",
            "volumes",
            "variables",
            "named_dockerfile",
            "resolved_variables",
            "failure_of",
            "branches",
            "deployments",
            "log",
            "repository_access",
            "probe",
        }
        return [call for call in self.calls if call not in reads]

    def _write(self, call: str, make: Callable[[], T]) -> T:
        self.calls.append(call)
        how = self.lost.pop(call, "")
        if how == "rejected":
            raise Rejected("The host said no.", vendor="host", call=call)
        if how == "before":
            raise OutcomeUnknown("No answer came.", vendor="host", call=call)
        made = make()
        if how == "after":
            raise OutcomeUnknown("No answer came.", vendor="host", call=call)
        return made

    def _add_service(self, space_id: str, name: str, *, image: str = "") -> Service:
        """Two calls make one: the capability adopts one of exactly this name, if it shows."""
        held = self._held(space_id)
        for kept in held.services.values():
            if kept.service.name == name and self._shows(kept):
                return kept.service
        service = Service(id=self._id("service"), name=name, image=image, settings=UNSET)
        held.services[service.id] = Kept(service, self.clock.now() + self.lag)
        return service

    def _deployment(self, phase: str, *, branch: str = "") -> Deployment:
        number = self._id("deployment")
        state = DeployState.RUNNING if phase == "SUCCESS" else DeployState.PENDING
        return Deployment(
            id=number,
            state=state,
            phase=phase,
            created_at=self.clock.now(),
            commit="c0ffee" * 6 + "c0ff",
            branch=branch,
            url=f"https://console.test/{number}",
            can_roll_back=True,
        )

    def _finished(self, kept: Kept, deployment: Deployment) -> Deployment:
        """What it was built and checked with: as was set when it was over, or as it was before."""
        settings = kept.service.settings or UNSET
        if deployment.builder or not self.tells_builder:
            return deployment
        builder = DOCKERFILE if settings.dockerfile else "railpack"
        return replace(deployment, builder=builder, health_path=settings.health_path or "")

    def _deployed_by(self, deployment_id: str) -> Kept:
        for held in self.held.values():
            for kept in held.services.values():
                if kept.service.deployment and kept.service.deployment.id == deployment_id:
                    return kept
        raise AssertionError(f"no deployment {deployment_id}")

    def _replace(self, space: Space, service_id: str, commit: str) -> Deployment:
        """A new deployment in place of the one before."""
        kept = self._kept(space.id, service_id)
        before = kept.service.deployment
        branch = before.branch if before else ""
        started = replace(self._deployment("QUEUED", branch=branch), commit=commit)
        if before is not None:
            gone = replace(before, state=DeployState.REMOVED, phase="REMOVED")
            self.earlier.setdefault(service_id, []).insert(0, gone)
        kept.service = replace(kept.service, deployment=started)
        return started

    def _has_appeared(self, deployment: Deployment) -> bool:
        """What is started shows after the lag; what was there before shows at once."""
        age = self.clock.now() - deployment.created_at
        return deployment.created_at <= self.began or age >= self.lag

    def _resolved(self, space_id: str, service_id: str) -> dict[str, str]:
        """References resolve with exact case, and to nothing when they lead nowhere."""
        services = {k.service.name: k for k in self._held(space_id).services.values()}
        own = self._kept(space_id, service_id).variables

        def value(match: re.Match[str]) -> str:
            owner, _, name = match.group(1).rpartition(".")
            source = services[owner].variables if owner in services else {}
            return (source if owner else own).get(name, "")

        return {k: re.sub(r"\$\{\{([^}]+)\}\}", value, v) for k, v in own.items()}

    def _held(self, space_id: str) -> Held:
        return self.held[space_id]

    def _kept(self, space_id: str, service_id: str) -> Kept:
        return self._held(space_id).services[service_id]

    def _seen(self, held: Held) -> Space:
        services = tuple(k.service for k in held.services.values() if self._shows(k))
        return replace(held.space, services=services)

    def _shows(self, thing: Held | Kept) -> bool:
        return thing.shows_at <= self.clock.now()

    def _id(self, kind: str) -> str:
        self._numbers[kind] += 1
        return f"{kind}-{self._numbers[kind]}"


def _state(service: Service) -> DeployState:
    return service.deployment.state if service.deployment else DeployState.NONE
