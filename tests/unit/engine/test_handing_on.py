"""A step's end and the beginning of what follows are durable together, whatever comes between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from typing_extensions import override

from engine.run import EventKind, RunStatus, StepStatus
from engine.store.progress import Progress, StepChange
from tests.unit.engine.house import ADA, OPS, Build, Vendor, plane
from tests.unit.engine.test_runs import over

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from engine.plane import Plane

RUNNING, DONE, STOPPED = StepStatus.RUNNING, StepStatus.DONE, StepStatus.STOPPED
HANDED_ON = [("one", DONE), ("last", RUNNING)]


class Watched(Progress):
    """Writes down what is made durable together; `between` happens before a step is handed on."""

    def __init__(self, p: Plane, between: Callable[[], Awaitable[object]] | None = None) -> None:
        super().__init__(p.database, p._feed)
        self._between = between
        self.together: list[list[tuple[str, StepStatus]]] = []

    @override
    async def put(self, *changes: StepChange) -> None:
        self.together.append([(change.key, change.status) for change in changes])
        if self._between is not None and self.together[-1] == HANDED_ON:
            await self._between()
        await super().put(*changes)


async def test_a_chain_commits_once_for_each_step(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        p.journal.progress = watched = Watched(p)
        run = await over(p, await p.submit(ADA, Build(things="one"), OPS))
    assert run.status == RunStatus.SUCCEEDED
    assert watched.together == [[("one", RUNNING)], HANDED_ON, [("last", DONE)]]


async def test_what_waits_for_several_begins_with_the_end_of_the_last_of_them(
    tmp_path: Path,
) -> None:
    async with plane(tmp_path, Vendor()) as p:
        p.journal.progress = watched = Watched(p)
        run = await over(p, await p.submit(ADA, Build(things="a,b,c"), OPS))
    assert run.status == RunStatus.SUCCEEDED
    ends = [key for unit in watched.together for key, status in unit if status == DONE]
    begins = [n for n, unit in enumerate(watched.together) if ("last", RUNNING) in unit]
    assert sorted(ends) == ["a", "b", "c", "last"]
    assert len(begins) == 1
    before = {key for unit in watched.together[: begins[0] + 1] for key, s in unit if s == DONE}
    assert before == {"a", "b", "c"}


async def test_a_cancel_in_between_keeps_the_next_step_from_beginning(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:

        async def cancel() -> None:
            [run] = await p.list_runs()
            await p.cancel(ADA, run.id)

        p.journal.progress = watched = Watched(p, cancel)
        run = await over(p, await p.submit(ADA, Build(things="one"), OPS))
        told = [(e.step, e.kind) async for e in p.follow(run.id) if e.step == "last"]
    assert HANDED_ON in watched.together
    assert run.status == RunStatus.CANCELLED
    assert "last" not in vendor.calls
    assert told == [("last", EventKind.STEP_STARTED), ("last", EventKind.STEP_STOPPED)]
    assert {s.key: s.status for s in run.steps} == {"one": DONE, "last": STOPPED}


async def test_a_process_that_leaves_in_between_leaves_the_next_step_to_the_next_one(
    tmp_path: Path,
) -> None:
    vendor, leaving = Vendor(), asyncio.Event()
    async with plane(tmp_path, vendor) as p:

        async def leave() -> None:
            [(walk, _)] = p._executor._walks.values()
            walk._leaving.set()
            leaving.set()

        p.journal.progress = Watched(p, leave)
        run = await p.submit(ADA, Build(things="one"), OPS)
        await leaving.wait()
    assert "last" not in vendor.calls
    async with plane(tmp_path, vendor) as p:
        assert {s.key: s.status for s in (await p.show(run.id)).steps} in (
            {"one": DONE, "last": RUNNING},
            {"one": DONE, "last": DONE},
        )
        run = await over(p, run)
        told = [e.kind async for e in p.follow(run.id) if e.step == "last"]
    assert run.status == RunStatus.SUCCEEDED
    assert vendor.calls == {"one": 1, "last": 1}
    assert told.count(EventKind.STEP_STARTED) == told.count(EventKind.STEP_DONE) == 1


async def test_what_cannot_be_kept_keeps_the_next_step_from_beginning(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:

        async def broken() -> None:
            raise LookupError

        p.journal.progress = Watched(p, broken)
        run = await over(p, await p.submit(ADA, Build(things="one"), OPS))
    assert run.status == RunStatus.ERRORED
    assert "last" not in vendor.calls
    assert {s.key: s.status for s in run.steps} == {"one": STOPPED, "last": StepStatus.WAITING}
