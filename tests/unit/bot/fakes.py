"""A control plane, a clock and a memory of what was told: by hand, for the bot's tests."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, SecretStr

from engine.actor import Actor, Door, Origin, Role
from engine.answer import (
    Answer,
    Code,
    Fact,
    Facts,
    Offer,
    Offers,
    Secrets,
    Table,
    Tail,
    Text,
)
from engine.approval import Approval, ApprovalStatus, Consent
from engine.command import Argument, Change, Command, Completes, Confidential, Question, Risk
from engine.control_plane import Audit, Disclosure, Outcome, Request
from engine.errors import InvalidInput, NotFound
from engine.form import Form, Group, Input
from engine.notices import Notice, Waiting, amended
from engine.policy import Policy, SelfApprove
from engine.policy_file import StandingPolicy
from engine.registry import Registry
from engine.rights import Rights, permitted
from engine.run import (
    Created,
    Event,
    EventKind,
    RunBrief,
    RunStatus,
    RunView,
    StepStatus,
    StepView,
    Trouble,
)
from engine.told import Post
from tests.unit.access import FakeKeys, FakeSessions
from tests.unit.people import some_people

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from engine.control_plane import Tell
    from engine.people import People
    from engine.permission import Ruling
    from engine.plan import Plan
    from engine.world import World

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Create(Change):
    """Create an isolated instance: its own project, gateway, Postgres and Redis."""

    name: ClassVar[str] = "create"
    risk: ClassVar[Risk] = Risk.ADDS
    examples: ClassVar[tuple[str, ...]] = ("create acme",)

    instance: Annotated[str, Argument()] = Field(
        description="DNS-safe name", examples=["acme"], pattern=r"^[a-z][a-z0-9-]*$"
    )
    repo: str = Field(default="luthien/proxy", description="Repository to build")
    size: Literal["small", "large"] = Field(default="small", description="How much it may use")
    keep: bool = Field(default=False, description="Keep what was made when it fails")
    tags: tuple[str, ...] = Field(default=(), description="Words to find it by")


class List(Question):
    """List the instances with state and address."""

    name: ClassVar[str] = "list"
    words: Annotated[tuple[str, ...], Argument()] = Field(default=(), description="Parts of names")
    state: Literal["running", "failed"] | None = Field(default=None, description="Only these")

    async def answer(self, world: World) -> Answer:
        return LISTED


class Status(Question):
    """Show one instance."""

    name: ClassVar[str] = "status"
    instance: Annotated[str, Argument(), Completes("instance")] = Field(description="Its name")

    async def answer(self, world: World) -> Answer:
        return Answer(
            title=f"{self.instance} is running",
            parts=(
                Facts(facts=(Fact(label="Address", value="acme.example", url="https://acme"),)),
                Text(text="All services are *up* <really>."),
            ),
        )


class Credentials(Question):
    """Show an instance's keys."""

    name: ClassVar[str] = "credentials"
    instance: Annotated[str, Argument(), Completes("instance")] = Field(description="Its name")
    forget: bool = Field(default=False, description="They are saved")

    async def answer(self, world: World) -> Answer:
        if self.forget:
            return Answer(title="The credentials are not shown here any more", private=True)
        return Answer(
            title=f"Credentials of {self.instance}",
            parts=(
                Secrets(values=(("Proxy key", "sk-proxy-1"), ("Admin key", "sk-admin-2"))),
                Offers(offers=(Offer(label="Status", line=f"status {self.instance}"),)),
            ),
            private=True,
        )


class Settings(Change):
    """Change settings; draws its own form."""

    name: ClassVar[str] = "settings"
    risk: ClassVar[Risk] = Risk.CHANGES

    instance: Annotated[str, Argument()] = Field(description="Its name")
    values: Annotated[tuple[str, ...], Argument()] = Field(default=(), description="KEY=VALUE")
    sealed: Annotated[dict[str, SecretStr], Confidential()] = Field(
        default_factory=dict, exclude=True
    )

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        asked = super().parse(raw)
        if not asked.values and not asked.sealed:
            raise InvalidInput("Nothing is set.", fields={"values": "is needed"}, missing=True)
        if any(v.get_secret_value() == "wrong" for v in asked.sealed.values()):
            raise InvalidInput("Wrong.", fields={"LEVEL": "should be right"})
        return asked

    @classmethod
    def has_form(cls, raw: Mapping[str, Any]) -> bool:
        return "instance" in raw

    @classmethod
    async def form(cls, raw: Mapping[str, Any], world: World) -> Form:
        if raw["instance"] == "gone":
            raise NotFound("There is no instance `gone`.", next_step="/luthien list")
        level = Input(name="LEVEL", label="LEVEL", value="info")
        key = Input(name="API_KEY", label="API_KEY", kind="secret", value="never shown")
        return Form(title="Settings", groups=(Group(title="All", inputs=(level, key)),))

    @classmethod
    def filled(cls, raw: Mapping[str, Any], entered: Mapping[str, str]) -> dict[str, Any]:
        return {**raw, "sealed": dict(entered)}


class Cancel(Question):
    """Stop a run before its next step."""

    name: ClassVar[str] = "cancel"
    risk: ClassVar[Risk] = Risk.CHANGES
    role: ClassVar[Role] = Role.DEPLOYER
    run: Annotated[str, Argument(), Completes("run")] = Field(description="Its id")


class Complete(Question):
    """What may stand in a field."""

    name: ClassVar[str] = "complete"
    listed: ClassVar[bool] = False
    kind: Annotated[str, Argument()] = Field(description="What")
    instance: str | None = Field(default=None, description="Of which")

    async def answer(self, world: World) -> Answer:
        known = {
            "instance": (("acme", "running"), ("beta", "failed")),
            "command": (("create", "Create an instance"), ("list", "List them")),
            "service": ((f"gateway-of-{self.instance}", "running"),),
            "deployment": (("d" * 36, "0c0da23 · 3 h ago"),),
        }
        if self.kind not in known:
            raise NotFound("There is nothing like that.")
        choices = [{"value": v, "label": m} for v, m in known[self.kind]]
        return Answer(title="Choices", data={"choices": choices})


class Run(Question):
    """Show one run."""

    name: ClassVar[str] = "run"
    listed: ClassVar[bool] = False
    run: Annotated[str, Argument(), Completes("run")] = Field(description="Its id")

    async def answer(self, world: World) -> Answer:
        if self.run == "r-long":
            text = "\n".join(f"line {n}" for n in range(1000))
            return Answer(title="Log: 1,000 lines", parts=(Code(text=text),))
        if self.run == "r-live":
            tail = Tail(line="run r-live", every_s=5, for_s=10)
            return Answer(title="Log: 1 line", parts=(Code(text="first"), tail))
        if self.run == "r-offers":
            offered = (
                Offer(label="Cancel", line="cancel r-1"),
                Offer(label="List", line="list"),
                Offer(label="Console", url="https://railway.example"),
            )
            return Answer(title="Offers", parts=(Offers(offers=offered),))
        return Answer(title=f"{self.run} in full")


class Help(Question):
    """Say what can be done."""

    name: ClassVar[str] = "help"
    command: Annotated[str | None, Argument(), Completes("command")] = Field(
        default=None, description="The command to explain"
    )

    async def answer(self, world: World) -> Answer:
        return Answer(title="What you can do here", parts=(Text(text="Type `create`."),))


LISTED = Answer(
    title="2 instances",
    parts=(
        Table(
            columns=("Name", "State", "Address"),
            rows=(("acme", "running", "https://acme"), ("beta", "failed", "")),
            links={"acme": "https://railway.example/acme"},
        ),
        Offers(offers=(Offer(label="Status of acme", line="status acme"),)),
    ),
    data={"instances": [{"name": "acme"}, {"name": "beta"}]},
)

COMMANDS: tuple[type[Command], ...] = (
    Cancel,
    Complete,
    Create,
    Credentials,
    Help,
    List,
    Run,
    Settings,
    Status,
)
REGISTRY = Registry({command.name: command for command in COMMANDS}, {})

ADA = Actor(door=Door.SLACK, id="U0ADA", name="ada", role=Role.ADMIN)


class FakeClock:
    """Time that passes only by `advance` or, with `running`, as fast as it is slept."""

    def __init__(self, *, running: bool = False) -> None:
        self._seconds = 0.0
        self._running = running
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now(self) -> datetime:
        return START + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return self._seconds

    async def sleep(self, duration: timedelta) -> None:
        if duration.total_seconds() <= 0:
            await asyncio.sleep(0)
            return
        if self._running:
            self._seconds += duration.total_seconds()
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        until = self._seconds + duration.total_seconds()
        heapq.heappush(self._sleepers, (until, next(self._numbers), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Let time pass; everybody whose time has come goes on, in order."""
        target = self._seconds + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            until, _, woken = heapq.heappop(self._sleepers)
            self._seconds = max(self._seconds, until)
            if not woken.done():
                woken.set_result(None)
            await settle()
        self._seconds = target
        await settle()


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(60):
        await asyncio.sleep(0)


class MemoryTold:
    """What was told, in memory; `control` knows the newest events."""

    def __init__(self, control: FakeControl) -> None:
        self._control = control
        self.kept: dict[tuple[str, str], Post] = {}
        self.cursors: dict[str, int] = {}
        self.approvals: dict[str, int] = {}

    async def posts(self, run_id: str) -> Mapping[str, Post]:
        return {key: post for (run, key), post in self.kept.items() if run == run_id}

    async def at(self, channel: str, ts: str) -> Post | None:
        places = (p for p in self.kept.values() if (p.channel, p.ts) == (channel, ts))
        return next(places, None)

    async def put(self, post: Post) -> None:
        self.kept[post.run_id, post.key] = post

    async def cursor(self, run_id: str) -> int:
        return self.cursors.get(run_id, 0)

    async def finish(self, run_id: str, seq: int) -> None:
        self.cursors[run_id] = seq

    async def untold_approvals(self) -> Sequence[str]:
        runs = self._control.views.values()
        return [
            run.id
            for run in runs
            if run.approval and self.approvals.get(run.id, 0) < run.approval.revision
        ]

    async def told_approval(self, run_id: str, revision: int) -> None:
        self.approvals[run_id] = revision

    async def unfinished(self) -> Sequence[str]:
        newest = {event.run_id: event.seq for event in self._control.events}
        return [run for run, seq in newest.items() if seq > self.cursors.get(run, 0)]


class FakeControl:
    """Keeps requests and runs in memory; a test moves the runs on by hand."""

    registry = REGISTRY
    credentials_window = timedelta(hours=24)

    @property
    def audit(self) -> Audit:
        raise NotImplementedError("none of the commands here reads it")

    def __init__(self, clock: FakeClock | None = None, people: People | None = None) -> None:
        self._clock = clock or FakeClock()
        self.people = people or some_people()
        self.keys = FakeKeys()
        self.sessions = FakeSessions()
        self.accepted: dict[str, Request] = {}
        self.handled: list[str] = []
        self.views: dict[str, RunView] = {}
        self.events: list[Event] = []
        self.questions: list[Command] = []
        self.fail_with: Exception | None = None
        self.broken: list[Exception] = []
        """What befalls the next ones before anything comes of them."""
        self.slow = asyncio.Event()
        self.slow.set()
        self._more = asyncio.Event()
        self._numbers = itertools.count(1)

    # What the door uses

    async def accept(self, request: Request) -> bool:
        if request.delivery in self.accepted:
            return False
        self.accepted[request.delivery] = request
        return True

    async def handle(self, delivery: str, tell: Tell | None = None) -> Outcome | None:
        if delivery in self.handled:
            return None
        assert tell is not None
        request = self.accepted[delivery]
        await self.slow.wait()
        if self.broken:
            raise self.broken.pop(0)
        came: Outcome | Exception
        try:
            came = await self.perform(
                request.actor, request.command, request.origin, plan_only=request.plan_only
            )
        except Exception as error:  # noqa: BLE001 (it is told)
            came = error
        await tell(came)
        self.handled.append(delivery)
        return None

    async def perform(
        self, actor: Actor, command: Command, origin: Origin, *, plan_only: bool = False
    ) -> Outcome:
        if self.fail_with:
            raise self.fail_with
        if actor.role < command.role:
            raise await self.people.not_enough(actor, command)
        if plan_only:
            return Outcome(answer=Answer(title=f"Plan of {command.line()}"))
        if isinstance(command, Question):
            return Outcome(answer=await self.ask(actor, command, origin))
        return Outcome(run=self.begin(actor, command, origin))

    async def ask(self, actor: Actor, command: Command, origin: Origin) -> Answer:
        self.questions.append(command)
        said = await command.answer(None)  # type: ignore[arg-type] # ours look at nothing
        return await permitted(said, await self.rights(actor), self.show)

    async def form(
        self, actor: Actor, command: type[Command], raw: Mapping[str, Any], origin: Origin
    ) -> Form:
        return await command.form(raw, None)  # type: ignore[arg-type] # ours look at nothing

    async def unhandled(self) -> Sequence[Request]:
        return [r for d, r in self.accepted.items() if d not in self.handled]

    async def show(self, run_id: str) -> RunView:
        if run_id not in self.views:
            raise NotFound(f"There is no run `{run_id}`.")
        return self.views[run_id]

    async def list_runs(
        self,
        *,
        subject: str | None = None,
        statuses: Sequence[RunStatus] = (),
        limit: int = 20,
        before: str = "",
    ) -> Sequence[RunView]:
        return [v for v in self.views.values() if not statuses or v.status in statuses][:limit]

    async def known_runs(self, ids: Collection[str]) -> Mapping[str, RunBrief]:
        return {run_id: self.views[run_id] for run_id in ids if run_id in self.views}

    async def runs_since(self, since: datetime) -> Sequence[RunBrief]:
        return [view for view in self.views.values() if view.created_at >= since]

    async def follow(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        while True:
            over = self.views[run_id].status.over
            fresh = [e for e in self.events if e.run_id == run_id and e.seq > after]
            for event in fresh:
                after = event.seq
                yield event
            if not fresh:
                if over:
                    return
                await self._more.wait()

    async def follow_all(self, after: int | None = None) -> AsyncIterator[Event]:
        seen = len(self.events) if after is None else after
        while True:
            for event in self.events[seen:]:
                seen = event.seq
                yield event
            await self._more.wait()

    # What the door does not use

    async def approve(self, actor: Actor, wanted: str) -> RunView:
        raise NotImplementedError

    async def reject(self, actor: Actor, wanted: str, reason: str) -> RunView:
        raise NotImplementedError

    async def list_approvals(
        self,
        statuses: Sequence[ApprovalStatus] = (ApprovalStatus.WAITING,),
        *,
        subject: str = "",
        limit: int = 100,
    ) -> Sequence[Approval]:
        return [view.approval for view in self.views.values() if view.approval]

    async def rights(self, actor: Actor) -> Rights:
        return Rights(actor, Policy(), self.registry, self._clock.now())

    async def permit(
        self, actor: Actor, command: Command | type[Command], subject: str = ""
    ) -> None:
        if actor.role < command.role:
            raise await self.people.not_enough(actor, command)

    async def complete(self, command: Command) -> None:
        typed = getattr(command, "type_name", None)
        if typed is not None and typed != command.subject:
            reason = f"should be {command.subject}"
            raise InvalidInput(
                "The name is typed.", fields={"type_name": reason}, missing=not typed
            )

    async def policy(self) -> StandingPolicy:
        return StandingPolicy()

    async def explain(self, actor: Actor, command: Command | type[Command]) -> Sequence[Ruling]:
        raise NotImplementedError

    async def preview(self, actor: Actor, command: Change, origin: Origin) -> Plan:
        raise NotImplementedError

    async def submit(
        self, actor: Actor, command: Change, origin: Origin, *, delivery: str | None = None
    ) -> RunView:
        raise NotImplementedError

    async def cancel(self, actor: Actor, run_id: str) -> RunView:
        raise NotImplementedError

    async def retry(self, actor: Actor, run_id: str) -> RunView:
        raise NotImplementedError

    async def clean_up(self, actor: Actor, run_id: str) -> RunView:
        raise NotImplementedError

    async def holder_of(self, lock: str) -> RunView | None:
        raise NotImplementedError

    async def disclosure(self, subject: str) -> Disclosure | None:
        raise NotImplementedError

    async def disclosures(self) -> dict[str, Disclosure]:
        raise NotImplementedError

    async def close_disclosure(self, actor: Actor, subject: str) -> None:
        raise NotImplementedError

    async def started_by(self, delivery: str) -> RunView | None:
        raise NotImplementedError

    async def forget_deliveries(self, before: datetime) -> int:
        raise NotImplementedError

    async def record(self, actor: Actor, action: str, subject: str, **detail: Any) -> None:
        raise NotImplementedError

    # What a test does to a run

    def begin(self, actor: Actor, command: Command, origin: Origin) -> RunView:
        run_id = f"r-{next(self._numbers)}"
        view = a_run(run_id, actor=actor, origin=origin, line=command.line())
        self.views[run_id] = view
        self.tell(run_id, EventKind.QUEUED)
        return view

    def tell(self, run_id: str, kind: EventKind, step: str | None = None, /, **data: Any) -> None:
        """Append an event, and let whoever follows see it."""
        event = Event(
            seq=len(self.events) + 1,
            run_id=run_id,
            at=self._clock.now(),
            kind=kind,
            step=step,
            data=data,
        )
        self.events.append(event)
        woken, self._more = self._more, asyncio.Event()
        woken.set()

    def change(self, run_id: str, **fields: Any) -> None:
        self.views[run_id] = self.views[run_id].model_copy(update=fields)

    def start(self, run_id: str) -> None:
        self.change(run_id, status=RunStatus.RUNNING, started_at=self._clock.now())
        self.tell(run_id, EventKind.STARTED)

    def step(self, run_id: str, key: str, status: StepStatus, note: str = "", **data: Any) -> None:
        """Move one step on and tell it."""
        now = self._clock.now()
        steps = []
        for step in self.views[run_id].steps:
            if step.key == key:
                started = step.started_at or now
                ended = now if status is not StepStatus.RUNNING else None
                step = step.model_copy(
                    update={
                        "status": status,
                        "note": note,
                        "started_at": started,
                        "ended_at": ended,
                    }
                )
                if status is StepStatus.DONE:
                    data.setdefault("duration_s", (now - started).total_seconds())
            steps.append(step)
        self.change(run_id, steps=tuple(steps))
        kinds = {
            StepStatus.RUNNING: EventKind.STEP_NOTE if note else EventKind.STEP_STARTED,
            StepStatus.DONE: EventKind.STEP_DONE,
            StepStatus.FAILED: EventKind.STEP_FAILED,
            StepStatus.STOPPED: EventKind.STEP_STOPPED,
        }
        self.tell(run_id, kinds[status], key, **({"text": note} if note else {}), **data)

    def end(self, run_id: str, status: RunStatus, **fields: Any) -> None:
        self.change(run_id, status=status, ended_at=self._clock.now(), **fields)
        self.tell(run_id, EventKind.ENDED, status=status)


STEPS = (
    ("project", "Create the project luthien-acme"),
    ("postgres", "Add Postgres"),
    ("redis", "Add Redis"),
    ("deploy", "Wait for the gateway's deployment"),
    ("health", "Check that the gateway answers"),
)


def a_run(run_id: str = "r-1", **fields: Any) -> RunView:
    """A run of `create acme` with nothing done yet."""
    view = RunView(
        id=run_id,
        command="create",
        line="create acme",
        title="Create instance acme",
        subject="acme",
        status=RunStatus.QUEUED,
        removing=False,
        actor=ADA,
        origin=Origin(door=Door.SLACK, channel="C0OPS"),
        created_at=START,
        started_at=None,
        ended_at=None,
        expected=timedelta(minutes=3),
        steps=tuple(
            StepView(
                key=key,
                kind=key,
                title=title,
                status=StepStatus.WAITING,
                attempts=1,
                started_at=None,
                ended_at=None,
                expected=timedelta(seconds=5),
            )
            for key, title in STEPS
        ),
        delivers="credentials acme",
    )
    return view.model_copy(update=fields)


BEN = Actor(door=Door.SLACK, id="U0BEN", name="ben", role=Role.DEPLOYER)


def an_approval(run_id: str = "r-1", **fields: Any) -> Approval:
    """Of ben's wish to delete acme at once, which nobody has decided yet."""
    approval = Approval(
        run_id=run_id,
        title="Delete instance acme at once",
        subject="acme",
        line="delete acme --force --confirm 0123456789ab",
        changes=("- project luthien-acme", "- service gateway", "- service Postgres"),
        steps=("Delete the project luthien-acme with everything in it",),
        notes=("It cannot be taken back: all its data is gone with it.",),
        asker=BEN,
        status=ApprovalStatus.WAITING,
        consent=Consent(
            needed=1,
            approvers=("deployer",),
            self_approve=SelfApprove.NEVER,
            expire=timedelta(hours=4),
            channel="",
            said_by="default_policy.yaml, line 39: `approvals: 1`",
            self_said_by="default_policy.yaml, line 19: `self_approve: never`",
            about="What is deleted at once cannot be taken back.",
        ),
        alone=False,
        digest="d1",
        planned_at=START,
        asked_at=START,
        expires_at=START + timedelta(hours=4),
    )
    return approval.model_copy(update=fields)


def decided(to: ApprovalStatus, by: str = "", reason: str = "", **fields: Any) -> Approval:
    at = START + timedelta(minutes=12)
    how: dict[str, Any] = {
        "status": to,
        "decided_by": by,
        "decided_at": at,
        "reason": reason,
        "revision": 2,
    }
    return an_approval(**how, **fields)


TROUBLE = Trouble(
    step="deploy",
    step_title="Wait for the gateway's deployment",
    summary="The build failed.",
    why="Railway could not build the repository.",
    phase="BUILD_IMAGE",
    log=("npm ERR! missing script: build", "exit code: 1"),
    next_step="/luthien retry r-1",
)

MADE = (
    Created(
        kind="project",
        id="p-1",
        name="luthien-acme",
        step="project",
        removed_at=START + timedelta(days=1),
    ),
    Created(kind="volume", id="v-9", name="postgres-data", step="postgres"),
)


class MemoryNotices:
    """Notices, in memory."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.waiting: dict[str, Waiting] = {}
        self.kept: dict[str, Notice] = {}
        self.told_at: dict[str, datetime] = {}

    async def announce(self, notice: Notice) -> None:
        if notice.key not in self.told_at:
            self.kept[notice.key] = notice
            self.waiting[notice.key] = Waiting(notice, self._clock.now())

    async def withdraw(self, prefix: str, *, keep: Collection[str], remark: str) -> None:
        for key in [k for k in self.kept if k.startswith(prefix) and k not in keep]:
            if remark:
                await self.amend(key, (), remark)
            if key not in self.told_at:
                self.waiting[key] = replace(self.waiting[key], withdrawn=True)

    async def forget(self, key: str) -> None:
        if key in self.waiting and self.waiting[key].withdrawn:
            del self.waiting[key], self.kept[key]

    async def offering(self, word: str) -> Sequence[Notice]:
        return [n for n in self.kept.values() if any(word in o.line.split() for o in n.offers)]

    async def amend(self, key: str, offers: Collection[Offer], remark: str) -> None:
        self.kept[key] = notice = amended(self.kept[key], offers, remark)
        self.waiting[key] = Waiting(notice, self._clock.now(), told=key in self.told_at)

    async def told(self, keys: Collection[str]) -> Mapping[str, datetime]:
        return {key: at for key, at in self.told_at.items() if key in keys}

    async def untold(self) -> Sequence[Waiting]:
        return list(self.waiting.values())

    async def tell(self, notice: Notice) -> None:
        if self.kept[notice.key] == notice:
            self.waiting.pop(notice.key, None)
        self.told_at.setdefault(notice.key, self._clock.now())
