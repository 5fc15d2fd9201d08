"""Worlds for tests of commands, described in the few words that a case needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

import commands
from engine.actor import Actor, Door, Origin, Role
from engine.approval import Approval, ApprovalStatus, Consent, Vote
from engine.blueprint import load_all
from engine.capabilities import (
    Access,
    Deployment,
    DeployState,
    GatewayPolicy,
    LogLine,
    Probe,
    RepositoryAccess,
    Service,
    ServiceSettings,
    Space,
)
from engine.control_plane import AuditEntry, AuditFault, Disclosure
from engine.keyring import Census, Keyring, Waiting
from engine.keys import ApiKey
from engine.locks import Hold
from engine.permission import Permissions
from engine.policy import SelfApprove
from engine.policy_file import StandingPolicy
from engine.registry import discover
from engine.roles import Grant
from engine.run import Created, InLine, RunStatus, RunView, StepStatus, StepView, Trouble
from engine.world import Finding, Limits, Toolbox, World
from tests.unit.access import FakeKeys, FakeSessions
from tests.unit.commands.clock import NOW, FakeClock
from tests.unit.commands.fakes import (
    FakeAudit,
    FakeControl,
    FakeKeyring,
    FakeLocks,
    FakeMemory,
    FakeNotices,
    FakeRoles,
)
from tests.unit.commands.host import UNSET, FakeHost
from tests.unit.people import ADA, BEN, CLEO, SRE, MemoryGrants, some_people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.control_plane import ControlPlane
    from engine.locks import Locks
    from engine.world import Check

ROOT = Path(__file__).resolve().parents[3]
BLUEPRINTS = load_all(ROOT / "blueprints")
REGISTRY = discover(commands)
POLICIES = Path(__file__).with_name("policies")

PEOPLE = {
    "ada": Actor(door=Door.SLACK, id="U0ADA", name="ada", role=Role.ADMIN),
    "ben": Actor(door=Door.SLACK, id="U0BEN", name="ben", role=Role.DEPLOYER),
    "cleo": Actor(door=Door.SLACK, id="U0CLEO", name="cleo", role=Role.VIEWER),
    "owner": Actor(door=Door.CLI, id="root", name="root", role=Role.ADMIN),
    "bens key": Actor(door=Door.API, id="k1", name="ci", role=Role.VIEWER, behalf="slack:U0BEN"),
    "owners key": Actor(
        door=Door.API, id="k2", name="nightly", role=Role.ADMIN, behalf="cli:root"
    ),
    "scheduler": Actor(door=Door.TIMER, id="scheduler", name="scheduler", role=Role.ADMIN),
}

RUNNING_VARIABLES = {
    "DATABASE_URL": "${{Postgres.DATABASE_URL}}",
    "REDIS_URL": "${{Redis.REDIS_URL}}",
    "PORT": "8000",
    "GATEWAY_PORT": "${{PORT}}",
    "PROXY_API_KEY": "proxy-key-of-test",
    "CLIENT_API_KEY": "proxy-key-of-test",
    "ADMIN_API_KEY": "admin-key-of-test",
    "POLICY_SOURCE": "db-fallback-file",
}


class _Described(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DescribedDeployment(_Described):
    id: str
    commit: str
    age: timedelta
    state: DeployState = DeployState.REMOVED
    can_roll_back: bool = True
    message: str = ""
    builder: str = ""
    health_path: str | None = None


class DescribedService(_Described):
    name: str
    state: DeployState = DeployState.RUNNING
    deployed: timedelta = timedelta(hours=2)
    repo: str = ""
    branch: str = "main"
    image: str = ""
    domain: str = ""
    configured: bool = True
    """The gateway's settings are those of the blueprint; else none are set."""
    unset: tuple[str, ...] = ()
    """Names of those that are not set all the same."""
    variables: dict[str, str] = Field(default_factory=dict)
    log: tuple[str, ...] = ()
    """One line a minute, the last one a minute ago."""
    build_log: tuple[str, ...] = ()
    earlier: tuple[DescribedDeployment, ...] = ()
    """Before the latest one, newest first."""


class DescribedSpace(_Described):
    name: str
    mark: str = "ready"
    age: timedelta = timedelta(hours=3)
    services: Literal["whole"] | tuple[DescribedService, ...] = "whole"
    variables: dict[str, str] = Field(default_factory=dict)
    """On top of the usual ones of a whole instance's gateway."""
    configured: bool = True
    """Of a whole instance: how its gateway is built and run is set."""
    unset: tuple[str, ...] = ()


class DescribedApproval(_Described):
    status: ApprovalStatus = ApprovalStatus.WAITING
    approvers: tuple[str, ...] = ("deployer",)
    needed: int = 1
    votes: tuple[str, ...] = ()
    decided_by: str = ""
    reason: str = ""
    left: timedelta = timedelta(hours=3, minutes=50)


class DescribedRun(_Described):
    id: str
    line: str
    subject: str
    by: str = "ben"
    status: RunStatus = RunStatus.RUNNING
    age: timedelta = timedelta(minutes=3)
    lasted: timedelta | None = None
    holds: bool = False
    waits: int = 0
    """Its place in the line for its instance; 0: it does not wait."""
    made: tuple[str, ...] = ()
    trouble: Trouble | None = None
    approval: DescribedApproval | None = None


class DescribedHold(_Described):
    instance: str
    by: str = "ben"
    reason: str = "debugging the judge"
    age: timedelta = timedelta(hours=2)


class DescribedGrant(_Described):
    to: Literal["ada", "ben", "cleo", "sre-team"]
    role: Literal["viewer", "deployer", "admin"]
    by: str = "ada"
    age: timedelta = timedelta(days=2)


class DescribedDisclosure(_Described):
    subject: str
    to: str
    run: str = "r2made"
    ends_in: timedelta = timedelta(hours=21, minutes=30)
    open: bool = True


class DescribedEntry(_Described):
    actor: str
    action: str
    subject: str = ""
    run: str = ""
    age: timedelta = timedelta(minutes=3)
    detail: dict[str, Any] = Field(default_factory=dict)


class DescribedKey(_Described):
    name: str
    role: Literal["viewer", "deployer", "admin"] = "viewer"
    by: str = "ben"
    age: timedelta = timedelta(days=3)
    lasts: timedelta = timedelta(days=30)
    revoked: timedelta | None = None
    used: timedelta | None = None


class DescribedCensus(_Described):
    """What hangs on the master key, whose id is `new`."""

    earlier: tuple[str, ...] = ()
    where: str = "/data/master.key"
    ours: bool = True
    sealed: dict[str, int] = Field(default_factory=dict)
    api_keys: int = 0
    lost_api_keys: tuple[str, ...] = ()
    waiting: dict[str, timedelta] = Field(default_factory=dict)
    """What it is → how long still."""


class Described(_Described):
    """A whole world; what is left out is as usual."""

    actor: Literal["ada", "ben", "cleo", "owner", "scheduler", "bens key", "owners key"] = "ben"
    spaces: tuple[DescribedSpace, ...] = ()
    runs: tuple[DescribedRun, ...] = ()
    disclosures: tuple[DescribedDisclosure, ...] = ()
    closed_repositories: tuple[str, ...] = ()
    answers: dict[str, int] = Field(default_factory=dict)
    """Path → status, where it is not what the wiring would make it."""
    findings: tuple[Finding, ...] = ()
    access: Access | None = None
    audit: tuple[DescribedEntry, ...] = ()
    """Oldest first."""
    audit_broken_at: int | None = None
    audit_fault: AuditFault = AuditFault.ALTERED
    audit_unproven: int = 0
    policy: str = ""
    """The file in `policies` that is in force; empty: the built-in one."""
    created: int = 0
    """How many instances everybody created today."""
    warned: dict[str, timedelta] = Field(default_factory=dict)
    """Key of a notice → how long ago it was told."""
    held: tuple[DescribedHold, ...] = ()
    grants: tuple[DescribedGrant, ...] = ()
    nobody_is_admin: bool = False
    """By the settings, that is."""
    keys: tuple[DescribedKey, ...] = ()
    page: str = "https://ops.test"
    """Where people reach the web page; empty: they cannot, or nobody serves it."""
    local_page: str = ""
    """Where the machine that serves the page reaches it; empty: nobody serves it."""
    publishing: str = ""
    census: DescribedCensus | None = None
    gateway_policy: dict[str, Any] = Field(default_factory=dict)
    """`class` and `config` of what is in force in every gateway, where it is not the usual."""
    host_clock: timedelta | None = timedelta()
    """How far the host's clock is ahead of ours; None: it tells no time."""


class Given:
    """A described world, come to life."""

    def __init__(self, described: Described) -> None:
        self.clock = FakeClock()
        self.host = FakeHost(self.clock)
        self.host.ahead = described.host_clock
        for number, space in enumerate(described.spaces, 1):
            _put(self.host, number, space)
        for repo in described.closed_repositories:
            how = "Install the host's GitHub app on the repository."
            self.host.repositories[repo] = RepositoryAccess(readable=False, public=False, how=how)
        for path, status in described.answers.items():
            self.host.probes[path] = Probe(status, timedelta(milliseconds=35), "as the case says")
        self.notices = FakeNotices(self.clock, described.warned)
        roles = FakeRoles(list(PEOPLE.values())[:3], described.created)
        permissions = Permissions(
            _policy(described.policy), self.notices, roles, roles, REGISTRY, self.clock
        )
        self.control = FakeControl(
            REGISTRY,
            runs=[described_run(run) for run in described.runs],
            disclosures=[_disclosure(d) for d in described.disclosures],
            audit=FakeAudit(
                _entries(described.audit),
                described.audit_broken_at,
                described.audit_fault,
                described.audit_unproven,
            ),
            permissions=permissions,
            keys=FakeKeys(_keys(described.keys), self.clock.now),
            sessions=FakeSessions(self.clock.now),
        )
        self.host.known_as = described.access
        if given := described.gateway_policy:
            now = GatewayPolicy(given["class"], given["config"], "cli:root")
            self.host.gateways.now = now
        self.memory = FakeMemory(self.clock, self.notices)
        self.people = some_people(
            *(_grant(g) for g in described.grants),
            admins=() if described.nobody_is_admin else ("slack:U0ADA",),
            in_sre=["slack:U0CLEO"],
        )
        assert isinstance(self.people.kept, MemoryGrants)
        self.grants = self.people.kept
        self.locks = FakeLocks(self.clock, self.control, [_held(h) for h in described.held])
        actor = PEOPLE[described.actor]
        self.world = World(
            actor=actor,
            origin=Origin(door=actor.door, channel="C0OPS"),
            run_id="r2run",
            control=cast("ControlPlane", self.control),
            registry=REGISTRY,
            toolbox=self._toolbox(described.census),
            blueprints=BLUEPRINTS,
            clock=self.clock,
            limits=Limits(
                delete_grace=timedelta(days=7),
                credentials_window=timedelta(hours=24),
                public_url=described.page,
                local_url=described.local_page,
                publishing=described.publishing,
            ).seen_from(actor.door),
            notices=self.notices,
            memory=self.memory,
            people=self.people,
            locks=cast("Locks", self.locks),
            checks=[_check(described.findings)],
        )

    def _toolbox(self, census: DescribedCensus | None) -> Toolbox:
        toolbox = self.host.toolbox()
        if census is not None:
            waiting = [Waiting(what, NOW + left) for what, left in census.waiting.items()]
            given = census.model_dump(exclude={"waiting"})
            toolbox.add(
                Keyring, FakeKeyring(Census(current="new", waiting=tuple(waiting), **given))
            )
        return toolbox


def _policy(name: str) -> StandingPolicy:
    path = POLICIES / f"{name}.yaml" if name else None
    return StandingPolicy(path, {command.name: command for command in REGISTRY.commands})


def _put(host: FakeHost, number: int, described: DescribedSpace) -> None:
    made = NOW - described.age
    services = (
        _whole(number, configured=described.configured, unset=described.unset)
        if described.services == "whole"
        else described.services
    )
    host.put(
        Space(
            id=f"project-{number}",
            environment_id=f"environment-{number}",
            name=described.name,
            mark=described.mark,
            created_at=made,
            workspace="workspace-1",
            console_url=f"https://console.test/project-{number}",
            services=tuple(described_service(number, service) for service in services),
        )
    )
    for service in services:
        kept = host.service(f"project-{number}", service.name)
        kept.variables.update(service.variables)
        deployment = f"deployment-of-{kept.service.id}"
        host.earlier[kept.service.id] = [_earlier(d) for d in service.earlier]
        host.logs[deployment] = _log(service.log)
        host.logs[f"build of {deployment}"] = _log(service.build_log)
        if service.name == "gateway":
            kept.variables.update(described.variables)


def _earlier(described: DescribedDeployment) -> Deployment:
    running = described.state == DeployState.RUNNING
    return Deployment(
        id=described.id,
        state=described.state,
        phase="SUCCESS" if running else described.state.upper(),
        created_at=NOW - described.age,
        commit=described.commit,
        commit_message=described.message,
        branch="main",
        url=f"https://console.test/{described.id}",
        builder=described.builder,
        health_path=described.health_path,
        can_roll_back=described.can_roll_back,
    )


def _log(lines: Sequence[str]) -> list[LogLine]:
    ages = range(len(lines), 0, -1)
    return [
        LogLine(NOW - timedelta(minutes=age), line) for age, line in zip(ages, lines, strict=True)
    ]


def _whole(
    number: int, *, configured: bool = True, unset: tuple[str, ...] = ()
) -> tuple[DescribedService, ...]:
    return (
        DescribedService(
            name="Postgres",
            image="postgres-ssl:17",
            variables={"DATABASE_URL": "postgres://secret@postgres.internal"},
        ),
        DescribedService(
            name="Redis",
            image="redis:8.2",
            variables={"REDIS_URL": "redis://secret@redis.internal"},
        ),
        DescribedService(
            name="gateway",
            repo="LuthienResearch/luthien-proxy",
            domain=f"gateway-{number}.host.test",
            configured=configured,
            unset=unset,
            variables=RUNNING_VARIABLES,
        ),
    )


def described_service(number: int, described: DescribedService) -> Service:
    service_id = f"{described.name.lower()}-{number}"
    deployment = Deployment(
        id=f"deployment-of-{service_id}",
        state=described.state,
        phase="SUCCESS" if described.state == DeployState.RUNNING else described.state.upper(),
        created_at=NOW - described.deployed,
        commit="0c0da232" * 5 if described.repo else "",
        branch=described.branch if described.repo else "",
        url=f"https://console.test/deployment-of-{service_id}",
        builder="dockerfile" if described.repo else "",
        health_path="/health" if described.repo else None,
        can_roll_back=bool(described.repo),
    )
    return Service(
        id=service_id,
        name=described.name,
        deployment=None if described.state == DeployState.NONE else deployment,
        domain=described.domain,
        url=f"https://{described.domain}" if described.domain else "",
        repo=described.repo,
        image=described.image,
        settings=_settings(described),
    )


def _settings(described: DescribedService) -> ServiceSettings:
    if described.name != "gateway" or not described.configured:
        return UNSET
    wanted = BLUEPRINTS["luthien"].front.settings
    return replace(wanted, **_nothing(described.unset)).over(UNSET)


def _nothing(names: Sequence[str]) -> dict[str, Any]:
    return dict.fromkeys(names)


_LAST_STEP = {
    RunStatus.SUCCEEDED: StepStatus.DONE,
    RunStatus.FAILED: StepStatus.FAILED,
    RunStatus.ERRORED: StepStatus.ERRORED,
    RunStatus.CANCELLED: StepStatus.STOPPED,
    RunStatus.QUEUED: StepStatus.WAITING,
}


def described_run(described: DescribedRun) -> RunView:
    began = NOW - described.age
    ended = began + described.lasted if described.lasted is not None else None
    step = StepView(
        key="space",
        kind="create_space",
        title="Create the project",
        status=StepStatus.DONE,
        attempts=1,
        started_at=began,
        ended_at=began + timedelta(seconds=3),
        expected=timedelta(seconds=3),
        result={"id": "project-9"},
    )
    last = StepView(
        key="deployment-gateway",
        kind="wait_for_deployment",
        title="Wait until gateway is deployed",
        status=_LAST_STEP.get(described.status, StepStatus.RUNNING),
        attempts=2 if described.trouble else 1,
        started_at=began + timedelta(seconds=30),
        ended_at=ended,
        note="SUCCESS" if described.status == RunStatus.SUCCEEDED else "BUILDING",
        expected=timedelta(minutes=3),
    )
    return RunView(
        id=described.id,
        command=described.line.split()[0],
        line=described.line,
        title=f"Create instance {described.subject}",
        subject=described.subject,
        status=described.status,
        removing=False,
        actor=PEOPLE[described.by],
        origin=Origin(door=Door.SLACK, channel="C0OPS"),
        created_at=began,
        started_at=None if described.waits else began,
        ended_at=ended,
        expected=timedelta(minutes=3, seconds=40),
        steps=(step, last),
        created=tuple(
            Created(kind="project", id=f"id-of-{name}", name=name, step="space")
            for name in described.made
        ),
        trouble=described.trouble,
        locks=(f"instance:{described.subject}",) if described.holds else (),
        in_line=_in_line(described) if described.waits else None,
        thread_url="https://chat.test/thread" if described.holds else "",
        approval=_approval(described, described.approval) if described.approval else None,
    )


def _approval(run: DescribedRun, described: DescribedApproval) -> Approval:
    decided = described.status is not ApprovalStatus.WAITING
    return Approval(
        run_id=run.id,
        title=f"Delete instance {run.subject} at once",
        subject=run.subject,
        line=run.line,
        changes=(f"- project luthien-{run.subject}",),
        steps=(f"Delete the project luthien-{run.subject} with everything in it",),
        notes=(),
        asker=PEOPLE[run.by],
        status=described.status,
        consent=Consent(
            needed=described.needed,
            approvers=described.approvers,
            self_approve=SelfApprove.NEVER,
            expire=timedelta(hours=4),
            said_by="default_policy.yaml, line 40: `approvals: 1`",
            self_said_by="default_policy.yaml, line 19: `self_approve: never`",
        ),
        alone=False,
        digest="d1",
        planned_at=NOW - run.age,
        asked_at=NOW - run.age,
        expires_at=NOW + described.left,
        votes=tuple(Vote(by=PEOPLE[name].key, at=NOW) for name in described.votes),
        decided_by=PEOPLE[described.decided_by].key if described.decided_by else "",
        decided_at=NOW if decided else None,
        reason=described.reason,
    )


def _in_line(described: DescribedRun) -> InLine:
    return InLine(
        lock=f"instance:{described.subject}",
        place=described.waits,
        held_by=PEOPLE["ada"],
        since=NOW - timedelta(minutes=2),
        run_id="r2first",
        run_line=f"redeploy {described.subject}",
        run_status=RunStatus.RUNNING,
        expected_at=NOW + timedelta(minutes=described.waits),
    )


def _held(described: DescribedHold) -> Hold:
    by = PEOPLE[described.by]
    return Hold(f"instance:{described.instance}", by, described.reason, NOW - described.age)


def _grant(described: DescribedGrant) -> Grant:
    to = next(s for s in (ADA, BEN, CLEO, SRE) if s.name == described.to)
    by = PEOPLE[described.by].key
    return Grant(to, Role.parse(described.role), by, NOW - described.age)


def _disclosure(described: DescribedDisclosure) -> Disclosure:
    return Disclosure(
        run_id=described.run,
        subject=described.subject,
        actor=PEOPLE[described.to].key,
        until=NOW + described.ends_in,
        open=described.open,
    )


def _entries(described: Sequence[DescribedEntry]) -> list[AuditEntry]:
    return [
        AuditEntry(seq, NOW - d.age, d.actor, d.action, d.subject, d.run, d.detail)
        for seq, d in enumerate(described, 1)
    ]


def _keys(described: Sequence[DescribedKey]) -> list[ApiKey]:
    return [
        ApiKey(
            id=f"key{number}",
            name=key.name,
            role=Role.parse(key.role),
            creator=PEOPLE[key.by].key,
            creator_name=key.by,
            created_at=NOW - key.age,
            expires_at=NOW - key.age + key.lasts,
            revoked_at=NOW - key.revoked if key.revoked else None,
            used_at=NOW - key.used if key.used else None,
        )
        for number, key in enumerate(described, 1)
    ]


def _check(findings: Sequence[Finding]) -> Check:
    async def check() -> Sequence[Finding]:
        return findings

    return check
