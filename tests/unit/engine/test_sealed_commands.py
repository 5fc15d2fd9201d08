"""A command's secrets: sealed where it is stored, given to its steps, forgotten with its end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar

import pytest
from pydantic import Field, SecretStr

from engine.actor import Role
from engine.answer import Answer
from engine.clock import SystemClock
from engine.command import Argument, Change, Confidential, Risk
from engine.control_plane import Request
from engine.errors import NotAllowed, SecretTyped
from engine.plan import Plan
from engine.plane import PlaneSettings, open_plane
from engine.registry import Registry
from engine.roles import FixedRoles
from engine.run import EventKind, RunStatus
from engine.secrecy import refuse_typed
from engine.secrets import parse_keys
from engine.step import Result, Step, StepContext, StepFailed
from engine.world import Limits, Toolbox, World
from tests.canaries import MARK
from tests.unit.engine.house import ADA, CLEO, KEY, OPS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from engine.plane import Plane

VALUE = f"sk-the-secret-{MARK}-of-this-test"


class Received:
    def __init__(self) -> None:
        self.values: list[str] = []
        self.fails = False


class Take(Step):
    kind: ClassVar[str] = "take"

    def describe(self) -> str:
        return "Take it"

    async def run(self, ctx: StepContext) -> Result:
        received = ctx.use(Received)
        received.values.append(await ctx.secret("KEY"))
        await ctx.keep_secret("OLD", "older secret")
        received.values.append(await ctx.secret("OLD"))
        if received.fails:
            raise StepFailed("no")
        return {}


class Put(Change):
    """Put a secret somewhere."""

    name: ClassVar[str] = "put"
    risk: ClassVar[Risk] = Risk.CHANGES
    what: Annotated[str, Argument()] = "show"
    sealed: Annotated[dict[str, SecretStr], Confidential()] = Field(
        default_factory=dict, exclude=True
    )

    @property
    def asks(self) -> bool:
        return self.what == "show"

    @property
    def needs(self) -> Role:
        return Role.VIEWER if self.asks else self.role

    def checked(self, world: World) -> Put:
        if self.what == VALUE:
            raise refuse_typed("KEY", instead="Elsewhere.", next_step="/luthien put")
        return self

    async def answer(self, world: World) -> Answer:
        return Answer(title="as it is")

    def locks(self) -> Sequence[str]:
        return ["instance:acme"]

    async def plan(self, world: World) -> Plan:
        step = Take(key="take")
        return Plan(title="Put", steps=(step,), risk=self.risk, expected=step.expected)


@pytest.fixture
def received() -> Received:
    return Received()


@pytest.fixture
async def opened(tmp_path: Path, received: Received) -> AsyncIterator[Plane]:
    found = await open_plane(
        PlaneSettings(
            database_url=f"sqlite+aiosqlite:///{tmp_path}/luthien.sqlite",
            dispatch_url=f"sqlite:///{tmp_path}/dispatch.sqlite",
            keys=parse_keys(KEY),
            limits=Limits(timedelta(days=7), timedelta(days=1)),
            roles=FixedRoles(frozenset({ADA.key})),
        ),
        registry=Registry({"put": Put}, {"take": Take}),
        toolbox=Toolbox({Received: received}),
        blueprints={},
        clock=SystemClock(),
    )
    await found.launch()
    yield found
    await found.close()


def everything_in(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())


async def ended(opened: Plane, run_id: str) -> RunStatus:
    async for event in opened.follow(run_id):
        if event.kind == EventKind.ENDED:
            break
    return (await opened.show(run_id)).status


async def test_a_secret_reaches_its_step_and_no_file(
    opened: Plane, received: Received, tmp_path: Path
) -> None:
    put = Put(what="set", sealed={"KEY": SecretStr(VALUE)})
    assert VALUE not in put.model_dump_json() + put.line() + repr(put)
    assert put.wire()["sealed"] == {"KEY": VALUE}
    assert await opened.accept(Request("d1", ADA, put, OPS))
    waiting = await opened._inbox.open("d1")
    assert waiting is not None
    assert waiting.command.secrets() == {"KEY": VALUE}, "also after a restart"
    outcome = await opened.handle("d1")
    assert outcome is not None
    assert outcome.run is not None
    assert await ended(opened, outcome.run.id) == RunStatus.SUCCEEDED
    assert received.values == [VALUE, "older secret"]
    assert await opened.journal.sealed(outcome.run.id) is None, "forgotten"
    assert VALUE.encode() not in await asyncio.to_thread(everything_in, tmp_path)


async def test_a_failed_run_forgets_it_and_says_so_when_tried_again(
    opened: Plane, received: Received
) -> None:
    received.fails = True
    run = await opened.submit(ADA, Put(what="set", sealed={"KEY": SecretStr(VALUE)}), OPS)
    assert await ended(opened, run.id) == RunStatus.FAILED
    assert await opened.journal.sealed(run.id) is None
    last = await opened.journal.last_seq()
    await opened.retry(ADA, run.id)
    async for _ in opened.follow(run.id, after=last):
        pass
    trouble = (await opened.show(run.id)).trouble
    assert trouble is not None
    assert trouble.summary == "The value of KEY is not kept any more."


async def test_what_must_not_be_kept_is_refused_before_it_is(
    opened: Plane, tmp_path: Path
) -> None:
    with pytest.raises(SecretTyped):
        await opened.accept(Request("d2", ADA, Put(what=VALUE), OPS))
    assert await opened.unhandled() == []
    assert VALUE.encode() not in await asyncio.to_thread(everything_in, tmp_path)


async def test_a_change_that_only_asks_is_answered_and_needs_less(opened: Plane) -> None:
    outcome = await opened.perform(CLEO, Put(), OPS)
    assert outcome.answer is not None
    assert outcome.answer.title == "as it is"
    with pytest.raises(NotAllowed):
        await opened.perform(CLEO, Put(what="set"), OPS)
