"""A hand-written control plane with a few commands, for doors to be tried on."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from api.desk import Desk, Session
from engine.actor import Actor, Door, Origin, Role
from engine.answer import Answer, Code, Fact, Facts, Offer, Offers, Secrets, Table, Text
from engine.command import Argument, Change, Command, Completes, Question, Risk
from engine.control_plane import Outcome
from engine.errors import NotAllowed, NotFound, OpsError
from engine.policy import Policy
from engine.registry import Registry
from engine.rights import Rights
from engine.run import Created, Event, EventKind, RunStatus, RunView, StepStatus, StepView, Trouble
from tests.unit.access import FakeKeys, FakeSessions
from tests.unit.people import some_people

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from engine.control_plane import Request
    from engine.form import Form

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Make(Change):
    """Make a thing.

    It is made with `care`.
    """

    name: ClassVar[str] = "make"
    risk: ClassVar[Risk] = Risk.ADDS
    examples: ClassVar[tuple[str, ...]] = ("make acme",)
    thing: Annotated[str, Argument(), Completes("instance")] = Field(description="What to make")
    colour: Literal["red", "blue"] = Field("red", description="Its colour")
    keep: bool = Field(default=False, description="Keep it")


class Destroy(Change):
    """Destroy a thing."""

    name: ClassVar[str] = "destroy"
    risk: ClassVar[Risk] = Risk.REMOVES
    thing: Annotated[str, Argument()] = Field(description="What to destroy")


class Things(Question):
    """List things."""

    name: ClassVar[str] = "things"
    words: Annotated[tuple[str, ...], Argument()] = Field((), description="Words to look for")


class Keys(Question):
    """Show a thing's keys."""

    name: ClassVar[str] = "keys"
    thing: Annotated[str, Argument()] = Field(description="Whose keys")


class Again(Question):
    """Try a run again."""

    name: ClassVar[str] = "again"
    run_id: Annotated[str, Argument(), Completes("run")] = Field(description="Which run")


COMMANDS: tuple[type[Command], ...] = (Make, Destroy, Things, Keys, Again)

THINGS = Answer(
    title="2 things",
    parts=(
        Text(text="All *well*, see `/luthien keys acme`."),
        Table(
            columns=("Name", "URL"),
            rows=(("acme", "https://acme.example"), ("beta", "—")),
            links={"acme": "https://console.example/acme"},
        ),
        Facts(facts=(Fact(label="Console", value="open it", url="https://console.example"),)),
        Code(text="line one\nline two", title="Log"),
        Offers(
            offers=(
                Offer(label="Show keys", line="keys acme"),
                Offer(label="Console", url="https://console.example/acme"),
            )
        ),
    ),
    data={"things": ["acme", "beta"]},
)
KEYS = Answer(
    title="Keys of acme",
    parts=(Secrets(values=(("Key", "sk-secret-1"),), note="Keep it."),),
    data={"key": "sk-secret-1"},
    private=True,
)


def run_view(status: RunStatus = RunStatus.RUNNING, **changes: object) -> RunView:
    over = status.over
    step = StepView(
        key="thing",
        kind="make",
        title="Make the thing acme",
        status=StepStatus.DONE if over else StepStatus.WAITING,
        attempts=1,
        started_at=START,
        ended_at=None,
        expected=timedelta(seconds=2),
    )
    values: dict[str, object] = {
        "id": "rtest234",
        "command": "make",
        "line": "make acme",
        "title": "Make acme",
        "subject": "acme",
        "status": status,
        "removing": False,
        "actor": Actor(door=Door.CLI, id="ada", name="ada", role=Role.ADMIN),
        "origin": Origin(door=Door.CLI),
        "created_at": START,
        "started_at": START,
        "ended_at": START + timedelta(seconds=3) if over else None,
        "expected": timedelta(seconds=2),
        "steps": (step,),
        "result": {"name": "acme", "url": "https://acme.example"} if over else {},
        "delivers": "keys acme",
    }
    return RunView.model_validate(values | changes)


TROUBLE = Trouble(
    step="thing",
    step_title="Make the thing acme",
    summary="The thing did not start.",
    why="Its health check answered 503.",
    next_step="/luthien again rtest234",
    phase="HEALTHCHECK",
    log=("boot", "no database"),
)


def events(*kinds: tuple[EventKind, dict[str, object]]) -> list[Event]:
    return [
        Event(
            seq=number,
            run_id="rtest234",
            at=START + timedelta(seconds=number),
            kind=kind,
            step="thing" if kind.startswith("step") else None,
            data=data,
        )
        for number, (kind, data) in enumerate(kinds, 1)
    ]


HAPPY = events(
    (EventKind.STARTED, {}),
    (EventKind.STEP_STARTED, {}),
    (EventKind.STEP_NOTE, {"text": "BUILDING"}),
    (EventKind.STEP_RETRIED, {"reason": "no answer", "wait_s": 2, "attempt": 2}),
    (EventKind.STEP_DONE, {"duration_s": 1.5}),
    (EventKind.ENDED, {"status": "succeeded"}),
)


class FakeControl:
    """Answers by rote and remembers what it was asked. Exceptions in `answers` are raised."""

    def __init__(
        self,
        answers: Mapping[str, Answer | RunView | Exception] | None = None,
        *,
        told: list[Event] | None = None,
        at_end: RunView | None = None,
    ) -> None:
        self.registry = Registry({c.name: c for c in COMMANDS}, {})
        self.answers: dict[str, Answer | RunView | Exception] = {
            "things": THINGS,
            "keys": KEYS,
            "make": run_view(),
            **(answers or {}),
        }
        self.keys = FakeKeys()
        self.sessions = FakeSessions()
        self.people = some_people()
        self.told = HAPPY if told is None else told
        self.at_end = at_end or run_view(RunStatus.SUCCEEDED)
        self.runs = [self.at_end]
        self.roles: list[Role] = []
        self.persons: list[str] = []
        self.asked: list[tuple[str, Command, bool]] = []
        self.accepted: dict[str, Request] = {}
        self.handled: set[str] = set()
        self.started: dict[str, RunView] = {}
        self.hangs = False
        """The run goes on for ever once its events are told."""

    async def perform(
        self, actor: Actor, command: Command, origin: Origin, *, plan_only: bool = False
    ) -> Outcome:
        self.asked.append((actor.key, command, plan_only))
        self.roles.append(actor.role)
        self.persons.append(actor.person)
        given = self.answers[command.name]
        if isinstance(given, Exception):
            raise given
        if plan_only:
            return Outcome(answer=Answer(title="Plan: Make acme.", data={"plan": {}}))
        return Outcome(run=given) if isinstance(given, RunView) else Outcome(answer=given)

    async def accept(self, request: Request) -> bool:
        known = request.delivery in self.accepted
        self.accepted.setdefault(request.delivery, request)
        return not known

    async def handle(self, delivery: str) -> Outcome | None:
        if delivery in self.handled:
            return None
        self.handled.add(delivery)
        request = self.accepted[delivery]
        outcome = await self.perform(
            request.actor, request.command, request.origin, plan_only=request.plan_only
        )
        if outcome.run is not None:
            self.started[delivery] = outcome.run
        return outcome

    async def started_by(self, delivery: str) -> RunView | None:
        return self.started.get(delivery)

    async def rights(self, actor: Actor) -> Rights:
        return Rights(actor, Policy(), self.registry, datetime.now(UTC))

    async def permit(
        self, actor: Actor, command: Command | type[Command], subject: str = ""
    ) -> None:
        raise NotImplementedError("the commands here are for everybody")

    async def show(self, run_id: str) -> RunView:
        if run_id != self.at_end.id:
            raise NotFound(f"There is no run `{run_id}`.", next_step="/luthien runs")
        return self.at_end

    async def form(
        self,
        actor: Actor,
        command: type[Command],
        raw: Mapping[str, Any],
        origin: Origin,
    ) -> Form:
        raise NotImplementedError("no command here draws a form of its own")

    async def list_runs(
        self,
        *,
        subject: str | None = None,
        statuses: Sequence[RunStatus] = (),
        limit: int = 20,
        before: str = "",
    ) -> Sequence[RunView]:
        found = [r for r in self.runs if subject in (None, r.subject)]
        found = [r for r in found if not statuses or r.status in statuses]
        older = [r.id for r in found].index(before) + 1 if before else 0
        return found[older : older + limit]

    async def follow_all(self, after: int | None = None) -> AsyncIterator[Event]:
        async for event in self.follow(self.at_end.id, after or 0):
            yield event

    async def follow(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        for event in self.told:
            if event.seq > after:
                yield event
        if self.hangs:
            await asyncio.Event().wait()


PEOPLE = {"slack:U0ADA": Role.ADMIN, "slack:U0BEN": Role.DEPLOYER, "slack:U0CLEO": Role.VIEWER}


async def knows(key: str, name: str) -> Actor:
    """Who is who; a test may change `PEOPLE` in a copy of its own."""
    return known_in(PEOPLE, key, name)


def known_in(people: Mapping[str, Role], key: str, name: str) -> Actor:
    if key not in people:
        raise NotAllowed(f"{key} is not known here.", who="An admin.")
    door, _, known_as = key.partition(":")
    return Actor(door=Door(door), id=known_as, name=name, role=people[key])


def known(kind: str, instance: str) -> list[str]:
    of_one = {"variable": ["LOG_LEVEL"]} if instance == "acme" else {}
    return {"instance": ["acme", "beta"], **of_one}.get(kind, [])


def desk(control: FakeControl, *, outlives: bool = True) -> Desk:
    @asynccontextmanager
    async def connect(_: Command) -> AsyncIterator[Session]:
        yield Session(control, outlives=outlives)

    return Desk(
        registry=control.registry,
        connect=connect,
        known=known,
        log_file=lambda: Path("data/luthien.log"),
        user="ada",
    )


def failed(status: RunStatus = RunStatus.FAILED) -> RunView:
    left = Created(kind="project", id="p-1", name="luthien-acme", step="thing")
    return run_view(status, trouble=TROUBLE, created=(left,), result={})


def every_error() -> list[type[OpsError]]:
    """All classes of the engine's tree."""
    found: list[type[OpsError]] = [OpsError]
    for cls in found:
        found += [c for c in cls.__subclasses__() if c.__module__ == "engine.errors"]
    return found
