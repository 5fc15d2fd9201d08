"""Redeploy, roll back and restart on the real engine, against a host in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commands.redeploy import Redeploy
from commands.restart import RestartService
from commands.rollback import Rollback
from engine.capabilities import DeployState
from engine.errors import PlanStale
from engine.run import EventKind, RunStatus
from tests.unit.commands.clock import FakeClock
from tests.unit.commands.host import FakeHost
from tests.unit.commands.test_create_whole import BEN, OPS, create, plane

if TYPE_CHECKING:
    from pathlib import Path

    from engine.command import Change
    from engine.plane import Plane
    from engine.run import RunView

OLD = "c0ffee" * 6 + "c0ff"


async def carried_out(opened: Plane, change: Change) -> RunView:
    run = await opened.submit(BEN, change, OPS)
    async for event in opened.follow(run.id):
        if event.kind == EventKind.ENDED:
            break
    return await opened.show(run.id)


def undo_of(run: RunView) -> Rollback:
    name, instance, deployment, over, newest = run.undo.split()
    assert (name, over) == ("rollback", "--over")
    return Rollback(instance=instance, deployment=deployment, over=newest)


async def test_there_and_back_and_there_again(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        assert (await create(opened)).undo == ""
        there = await carried_out(opened, Redeploy(instance="acme", ref="7be41f0"))
        assert there.status == RunStatus.SUCCEEDED
        assert there.result["commit"] == "7be41f0"
        assert there.result["summary"] == f"7be41f0 goes out over {OLD[:7]}"
        assert there.result["status"] == "running"
        back = await carried_out(opened, undo_of(there))
        assert back.status == RunStatus.SUCCEEDED
        assert back.result["summary"] == f"{OLD[:7]} goes out over 7be41f0"
        with pytest.raises(PlanStale, match="can no longer be undone"):
            await opened.submit(BEN, undo_of(there), OPS)
        again = await carried_out(opened, undo_of(back))
        assert again.result["commit"] == "7be41f0"
        assert not any(c.removed for r in (there, back, again) for c in r.created)


async def test_a_failed_deployment_offers_the_way_back_and_a_retry_deploys_afresh(
    tmp_path: Path,
) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        await create(opened)
        well, host.phases = host.phases, [("FAILED", DeployState.FAILED)]
        failed = await carried_out(opened, Redeploy(instance="acme", ref="7be41f0"))
        assert failed.status == RunStatus.FAILED
        assert failed.trouble is not None
        assert failed.trouble.phase == "BUILD_IMAGE"
        assert failed.trouble.log == ("line 1", "line 2")
        assert failed.locks == ()
        assert undo_of(failed).instance == "acme"
        host.phases = well
        await opened.retry(BEN, failed.id)
        async for _ in opened.follow(failed.id, after=await opened.journal.last_seq()):
            pass
        done = await opened.show(failed.id)
        assert done.status == RunStatus.SUCCEEDED
        assert host.writes.count("deploy") == 2
        assert host.writes.count("delete_space") == 0


async def test_without_a_deployment_the_choice_is_the_answer(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        await create(opened)
        await carried_out(opened, Redeploy(instance="acme"))
        for plan_only in (False, True):
            outcome = await opened.perform(
                BEN, Rollback(instance="acme"), OPS, plan_only=plan_only
            )
            assert outcome.run is None
            assert outcome.answer is not None
            [choice] = outcome.answer.data["deployments"]
            assert choice["commit"] == OLD


async def test_restart(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        await create(opened)
        run = await carried_out(opened, RestartService(instance="acme"))
        assert run.status == RunStatus.SUCCEEDED
        assert [step.title for step in run.steps] == [
            "Restart gateway",
            "Wait until gateway is deployed",
            "Check that gateway answers at /health and /ready",
        ]
        assert host.writes.count("restart") == 1
        assert run.undo == ""
