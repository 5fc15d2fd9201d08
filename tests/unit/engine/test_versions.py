"""What another version of the code left in the database: it is carried out as far as it is known,
and holds up nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest
from sqlalchemy import insert, select, update

from engine.control_plane import Request
from engine.registry import Registry
from engine.run import EventKind, RunStatus
from engine.store.models import DeliveryRow, EventRow, RunRow
from tests.unit.engine.house import ADA, OPS, REGISTRY, Build, Look, Make, Vendor, plane
from tests.unit.engine.test_approvals import over

if TYPE_CHECKING:
    from pathlib import Path

    from engine.plane import Plane


class MakeInTheNewWay(Make):
    kind: ClassVar[str] = "make in the new way"


class Build2(Build):
    more: str = ""


async def left_by_another(p: Plane, run_id: str, kind: str, key: str = "last") -> None:
    """As if another version had planned this step."""
    async with p.database.write() as session:
        row = (await session.scalars(select(RunRow).where(RunRow.id == run_id))).one()
        steps = [s | {"kind": kind} if s["key"] == key else s for s in row.plan["steps"]]
        row.plan = row.plan | {"steps": steps}


async def interrupted(p: Plane) -> str:
    """A run that a process left in its middle."""
    run = await over(p, await p.submit(ADA, Build(trouble="bug", keep=True), OPS))
    assert run.status is RunStatus.ERRORED
    return run.id


async def test_what_is_known_is_done_and_the_rest_is_left_to_people(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run_id = await interrupted(p)
        await left_by_another(p, run_id, "make in the new way")
        run = await over(p, await p.retry(ADA, run_id))
        assert run.status is RunStatus.ERRORED
        assert run.trouble is not None
        assert run.trouble.summary == "This version of luthien-ops does not know this step."
        assert f"/luthien retry {run_id}" in run.trouble.next_step
        assert not run.trouble.incident, "it is nobody's bug"
        assert vendor.calls["last"] == 1

        run = await over(p, await p.clean_up(ADA, run_id))
        assert run.status is RunStatus.ROLLED_BACK, "what is known can be removed"
        assert not vendor.things


async def test_what_an_unknown_step_made_is_named_and_stays(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run_id = await interrupted(p)
        await left_by_another(p, run_id, "make in the new way", key="one")
        run = await over(p, await p.clean_up(ADA, run_id))
        assert run.status is RunStatus.ERRORED
        assert [made.name for made in run.left] == ["one"]
        assert list(vendor.things.values()) == ["one"]


async def test_versions_that_store_other_things_know_it_of_one_another() -> None:
    commands, steps = {c.name: c for c in REGISTRY.commands}, {"make": Make}
    same = Registry(dict(commands), dict(steps))
    assert same.fingerprint == REGISTRY.fingerprint
    more_steps = Registry(dict(commands), steps | {MakeInTheNewWay.kind: MakeInTheNewWay})
    more_fields = Registry(commands | {"build": Build2}, dict(steps))
    assert len({r.fingerprint for r in (same, more_steps, more_fields)}) == 3


@pytest.mark.parametrize("trouble", ["name", "field"])
async def test_a_command_that_is_not_known_holds_up_no_other(tmp_path: Path, trouble: str) -> None:
    async with plane(tmp_path, Vendor()) as p:
        for delivery in ("slack:1", "slack:2"):
            await p.accept(Request(delivery, ADA, Look(), OPS))
        foreign = {"command": "look2"} if trouble == "name" else {"arguments": {"more": "x"}}
        async with p.database.write() as session:
            await session.execute(
                update(DeliveryRow).where(DeliveryRow.id == "slack:1").values(**foreign)
            )
    async with plane(tmp_path, Vendor()) as p:
        assert [request.delivery for request in await p.unhandled()] == ["slack:2"]


async def test_events_that_are_not_known_are_left_out(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        run = await over(p, await p.submit(ADA, Build(), OPS))
        async with p.database.write() as session:
            values = {"run_id": run.id, "at": run.created_at, "kind": "sung", "data": {}}
            await session.execute(insert(EventRow).values(**values))
        seen = [event.kind async for event in p.follow(run.id)]
        assert seen[-1] is EventKind.ENDED
        assert "sung" not in seen
