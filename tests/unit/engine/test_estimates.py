"""People are told how long something takes by how long it took, not by how long it should."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from engine.run import EventKind, RunStatus
from engine.store.models import RunRow, StepRow
from tests.unit.engine.house import ADA, OPS, Build, Polish, Vendor, plane
from tests.unit.engine.test_runs import over, until

if TYPE_CHECKING:
    from pathlib import Path

    from engine.plane import Plane

START = datetime(2026, 6, 3, 12, tzinfo=UTC)


async def history(
    p: Plane, vendor: Vendor, *seconds: dict[str, float], command: str = "build"
) -> None:
    """Runs of the past whose steps, one after the other, took so long."""
    for number, steps in enumerate(seconds):
        run = await over(
            p, await p.submit(ADA, Build(things="one", instance=f"past{number}"), OPS)
        )
        assert run.status is RunStatus.SUCCEEDED
        vendor.things.clear()
        async with p.database.write() as session:
            row = await session.scalar(select(RunRow).where(RunRow.id == run.id))
            assert row is not None
            row.command = command
            at = row.started_at = START
            for key, lasted in steps.items():
                step = await session.get_one(StepRow, (run.id, key))
                step.started_at, at = at, at + timedelta(seconds=lasted)
                step.ended_at = at
            row.ended_at = at


async def told(p: Plane, command: Build | Polish) -> str:
    """The preview's answer, in short."""
    answer = (await p.perform(ADA, command, OPS, plan_only=True)).answer
    assert answer is not None
    return str([part.model_dump() for part in answer.parts])


@pytest.mark.parametrize(("pace", "said"), [(1, "about 1 s"), (2, "about 0.5 s")])
async def test_what_was_never_measured_is_as_declared_by_the_pace(
    tmp_path: Path, pace: float, said: str
) -> None:
    async with plane(tmp_path, Vendor(), pace=pace) as p:
        assert said in await told(p, Build())


async def test_the_median_of_recent_runs_counts_step_by_step(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor, pace=100) as p:
        await history(
            p, vendor, {"one": 20, "last": 7}, {"one": 900, "last": 5}, {"one": 30, "last": 6}
        )
        assert "about 36 s" in await told(p, Build(things="one"))
        assert "'30 s'" in await told(p, Build(things="one"))
        assert (await p.submit(ADA, Build(things="one"), OPS)).expected == timedelta(seconds=36)
        # A step that was never seen is as declared; side by side only the longest counts.
        assert "about 36 s" in await told(p, Build(things="one,two"))
        assert "about 6 s" in await told(p, Build(things="two"))


@pytest.mark.parametrize(("times", "command"), [(2, "build"), (3, "polish")])
async def test_one_odd_run_says_nothing_and_neither_does_another_command(
    tmp_path: Path, times: int, command: str
) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        await history(p, vendor, *[{"one": 500.0, "last": 500.0}] * times, command=command)
        assert "about 1 s" in await told(p, Build(things="one"))


async def test_a_line_is_reckoned_with_what_was_measured(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        await history(p, vendor, *[{"one": 40.0, "last": 2.0}] * 3)
        first = await p.submit(ADA, Build(things="one", takes_ms=60_000), OPS)
        await until(p, first, EventKind.STEP_NOTE, "one")
        second = await p.submit(ADA, Build(things="one"), OPS)
        began = (await p.show(first.id)).started_at
        assert second.in_line is not None
        assert began is not None
        assert second.in_line.expected_at == began + timedelta(seconds=42)
        await p.cancel(ADA, second.id)
        await p.cancel(ADA, first.id)


async def test_what_cannot_be_planned_yet_is_reckoned_by_whole_runs(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor, pace=10) as p:
        first = await p.submit(ADA, Build(things="first", takes_ms=60_000), OPS)
        await until(p, first, EventKind.STEP_NOTE, "first")
        polish = await p.submit(ADA, Polish(), OPS)
        assert (polish.steps, polish.expected) == ((), timedelta(seconds=6)), "a minute, by pace"
        await p.cancel(ADA, polish.id)
        await history(p, vendor, *[{"one": 20.0, "last": 5.0}] * 3, command="polish")
        polish = await p.submit(ADA, Polish(), OPS)
        assert (polish.steps, polish.expected) == ((), timedelta(seconds=25))
        await p.cancel(ADA, polish.id)
        await p.cancel(ADA, first.id)


async def test_the_plan_itself_says_what_is_declared(tmp_path: Path) -> None:
    """An approval is bound to it, so it must not change with what is measured meanwhile."""
    vendor = Vendor()
    async with plane(tmp_path, vendor, pace=20) as p:
        before = await p.preview(ADA, Build(), OPS)
        await history(p, vendor, *[{"one": 40.0, "last": 2.0}] * 3)
        assert (await p.preview(ADA, Build(), OPS)).digest() == before.digest()
