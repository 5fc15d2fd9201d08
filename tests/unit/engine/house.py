"""A tiny product for engine tests: steps that behave as told, a plane on a temporary folder."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from engine.actor import Actor, Door, Origin, Role
from engine.answer import Answer
from engine.clock import SystemClock
from engine.command import Change, Question, Risk
from engine.context import Retries
from engine.errors import OutcomeUnknown, RateLimited, Refused, Rejected, Unreachable
from engine.lease import Lease
from engine.plan import Plan
from engine.plane import Plane, PlaneSettings, open_plane
from engine.registry import Registry
from engine.roles import FixedRoles
from engine.secrets import generate_key, parse_keys
from engine.step import Ref, Result, Step, StepContext, StepFailed
from engine.world import Limits, Toolbox, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from pathlib import Path

    from engine.clock import Clock
    from engine.policy_file import StandingPolicy

ADA = Actor(door=Door.SLACK, id="U0ADA", name="ada", role=Role.ADMIN)
BEN = Actor(door=Door.SLACK, id="U0BEN", name="ben", role=Role.DEPLOYER)
CLEO = Actor(door=Door.SLACK, id="U0CLEO", name="cleo", role=Role.VIEWER)
OPS = Origin(door=Door.SLACK, channel="C0OPS")
KEY = generate_key()
HOURS_SPENT = 5
"""How often all that the vendor allows is used up when a step tries again."""
DATABASE_FILE = "database"
"""Holds the address of a Postgres database that a test's folder stands for, if it does."""


class Vendor:
    """What exists outside, and how often it was asked to change."""

    def __init__(self) -> None:
        self.things: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self.at_once = 0
        self.most_at_once = 0


class Make(Step):
    """Makes a thing; `trouble` says what happens on its first try."""

    kind: ClassVar[str] = "make"
    name: str
    trouble: str = ""
    takes: timedelta = timedelta(milliseconds=10)

    def describe(self) -> str:
        return f"Make {self.name}"

    async def run(self, ctx: StepContext) -> Result:
        vendor = ctx.use(Vendor)
        vendor.calls[self.key] += 1
        first = vendor.calls[self.key] == 1
        where = {"vendor": "acme", "call": "make"}
        if self.trouble == "unreachable" and first:
            raise Unreachable("nobody answers", **where)
        if self.trouble == "spent" and vendor.calls[self.key] <= HOURS_SPENT:
            raise RateLimited(
                "used up", retry_after=timedelta(milliseconds=5), spent=True, **where
            )
        if self.trouble == "rejected":
            raise Rejected("not in this plan", **where)
        if self.trouble == "failed":
            raise StepFailed("it broke", phase="BUILD_IMAGE", log=["line 1", "line 2"])
        if self.trouble == "always unreachable":
            raise Unreachable("nobody answers", **where)
        if self.trouble == "bug":
            raise ZeroDivisionError("secret-in-a-traceback")
        if self.name in vendor.things.values():
            found = next(i for i, name in vendor.things.items() if name == self.name)
            await ctx.created("thing", found, self.name)
            return {"id": found, "adopted": True, "uncertain": ctx.uncertain}
        thing = f"id-{self.name}-{len(vendor.things)}"
        vendor.things[thing] = self.name
        if self.trouble == "lost" and first:
            raise OutcomeUnknown("no answer came", **where)
        await ctx.created("thing", thing, self.name)
        vendor.at_once += 1
        vendor.most_at_once = max(vendor.most_at_once, vendor.at_once)
        try:
            await ctx.note("BUILDING")
            await ctx.pause(self.takes)
        finally:
            vendor.at_once -= 1
        return {"id": thing}

    async def undo(self, ctx: StepContext, created: Mapping[str, str]) -> None:
        vendor = ctx.use(Vendor)
        for thing in created:
            if self.trouble == "stays":
                raise Rejected("it cannot be removed", vendor="acme", call="remove")
            vendor.things.pop(thing, None)

    async def recall(self, ctx: StepContext) -> None:
        for thing, name in ctx.use(Vendor).things.items():
            if name == self.name:
                await ctx.created("thing", thing, name)


class Build(Change):
    """Build things, independent ones side by side, then a last one."""

    name: ClassVar[str] = "build"
    risk: ClassVar[Risk] = Risk.ADDS
    things: str = "one,two"
    instance: str = "acme"
    trouble: str = ""
    takes_ms: int = 10
    keep: bool = False
    redo: str = ""

    def locks(self) -> Sequence[str]:
        return [f"instance:{self.instance}"]

    async def plan(self, world: World) -> Plan:
        takes = timedelta(milliseconds=self.takes_ms)
        there = world.use(Vendor).things.values()
        if "refused" in there:
            raise Refused("there is one already")
        first = tuple(Make(key=t, name=t, takes=takes) for t in self.things.split(","))
        last = Make(
            key="last",
            name="last",
            trouble=self.trouble,
            takes=takes,
            after=tuple(step.key for step in first),
            redo=(self.redo,) if self.redo else (),
        )
        return Plan(
            title=f"Build {self.instance}",
            subject=self.instance,
            steps=(*first, last),
            changes=tuple(f"{'=' if t in there else '+'} {t}" for t in self.things.split(",")),
            risk=self.risk,
            expected=timedelta(seconds=1),
            outcome={"name": "acme", "last": Ref(ref="last.id")},
            delivers="look",
            keep_on_failure=self.keep,
        )


class Polish(Change):
    """Only what is built can be polished."""

    name: ClassVar[str] = "polish"
    risk: ClassVar[Risk] = Risk.CHANGES
    back: bool = False

    @property
    def may_wait(self) -> bool:
        return not self.back

    def locks(self) -> Sequence[str]:
        return ["instance:acme"]

    async def plan(self, world: World) -> Plan:
        if "last" not in world.use(Vendor).things.values():
            raise Refused("nothing is there yet")
        return Plan(
            title="Polish acme",
            subject="acme",
            steps=(Make(key="shine", name="shine"),),
            risk=self.risk,
            expected=timedelta(seconds=1),
        )


class Look(Question):
    """Say who asks."""

    name: ClassVar[str] = "look"

    async def answer(self, world: World) -> Answer:
        return Answer(title=f"{world.actor.name} looks", data={"delivery": world.delivery})


REGISTRY = Registry({"build": Build, "look": Look, "polish": Polish}, {"make": Make})


@asynccontextmanager
async def plane(
    folder: Path,
    vendor: Vendor,
    *,
    admins: Collection[str] = (ADA.key,),
    deployers: Collection[str] = (BEN.key,),
    policy: StandingPolicy | None = None,
    clock: Clock | None = None,
    pace: float = 1.0,
) -> AsyncIterator[Plane]:
    """A launched plane; leaving the block is an orderly shutdown."""
    on_postgres = folder / DATABASE_FILE
    url = on_postgres.read_text() if on_postgres.exists() else ""
    opened = await open_plane(
        PlaneSettings(
            database_url=url or f"sqlite+aiosqlite:///{folder}/luthien.sqlite",
            dispatch_url=url or f"sqlite:///{folder}/dispatch.sqlite",
            keys=parse_keys(KEY),
            limits=Limits(timedelta(days=7), timedelta(hours=24)),
            roles=FixedRoles(frozenset(admins), frozenset(deployers)),
            retries=Retries(attempts=3, first=timedelta(milliseconds=5)),
            lease=Lease(timedelta(minutes=5)),  # a busy machine loses a shorter one
            pace=pace,
        ),
        registry=REGISTRY,
        toolbox=Toolbox({Vendor: vendor}),
        blueprints={},
        clock=clock or SystemClock(),
        policy=policy,
    )
    await opened.launch()
    try:
        yield opened
    finally:
        await opened.close()
