"""Policies and keys on the real engine, against a host and gateways in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from commands.credentials import ShowCredentials
from commands.policy_config import PolicyConfig
from commands.rotate import Rotate
from engine.actor import Actor, Door, Role
from engine.capabilities import DeployState
from engine.errors import NotAllowed, PlanStale
from engine.run import RunStatus
from tests.canaries import MARK
from tests.unit.commands.clock import FakeClock
from tests.unit.commands.gateways import JUDGE, NOOP
from tests.unit.commands.host import FakeHost
from tests.unit.commands.test_change_whole import carried_out
from tests.unit.commands.test_create_whole import BEN, OPS, create, plane

if TYPE_CHECKING:
    from pathlib import Path

    from engine.plane import Plane
    from engine.run import RunView

ADA = Actor(door=Door.SLACK, id="U0ADA", name="ada", role=Role.ADMIN)
SECRET = f"sk-ant-{MARK}-of-the-policy"


def judged(**config: object) -> PolicyConfig:
    return PolicyConfig(
        instance="acme",
        what="set",
        policy="ToolCallJudgePolicy",
        sealed={"config": SecretStr(json.dumps(config))},
    )


def undo_of(run: RunView) -> PolicyConfig:
    _, instance, _, found = run.undo.split()
    return PolicyConfig(instance=instance, what="undo", policy=found)


def kept_in(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in folder.iterdir())


async def performed(opened: Plane, asked: PolicyConfig) -> RunView:
    """As a door has it done: checked first."""
    outcome = await opened.perform(BEN, asked, OPS)
    assert outcome.run is not None
    async for _ in opened.follow(outcome.run.id):
        pass
    return await opened.show(outcome.run.id)


async def test_a_policy_is_set_at_once_and_taken_back(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        await create(opened)
        writes = len(host.writes)
        run = await performed(opened, judged(model="m1", probability_threshold=0.5))
        assert run.status == RunStatus.SUCCEEDED
        assert host.gateways.now.class_ref == JUDGE
        assert host.gateways.now.set_by == "slack:U0BEN"
        assert len(host.writes) == writes, "nothing is deployed"
        back = await performed(opened, undo_of(run))
        assert (host.gateways.now.class_ref, host.gateways.now.config) == (NOOP, {})
        with pytest.raises(PlanStale, match="changed since"):
            await opened.perform(BEN, undo_of(run), OPS)
        await performed(opened, undo_of(back))
        assert host.gateways.now.config == {"model": "m1", "probability_threshold": 0.5}


async def test_what_the_gateway_says_is_told_with_line_and_column(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    host.gateways.faults = (("probability_threshold", "has to be between 0 and 1"),)
    async with plane(tmp_path, host) as opened:
        await create(opened)
        text = "model: m1\nprobability_threshold: 7\n"
        asked = judged().with_secrets({"config": text})
        run = await performed(opened, asked)
        assert run.status == RunStatus.FAILED
        assert run.trouble is not None
        assert run.trouble.summary == "The gateway refuses the policy: The config is not valid."
        assert run.trouble.why == (
            "line 2, column 1: probability_threshold has to be between 0 and 1\nCorrect it"
        )


async def test_a_lost_answer_sets_it_once(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    host.gateways.loses = True
    async with plane(tmp_path, host) as opened:
        await create(opened)
        run = await performed(opened, judged(model="m1"))
        assert run.status == RunStatus.SUCCEEDED
        assert host.gateways.sets == 1


async def test_a_secret_in_a_policy_stands_nowhere(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        await create(opened)
        run = await performed(opened, judged(model="m1", api_key=SECRET))
        assert host.gateways.now.config["api_key"] == SECRET
        assert run.undo == ""
        assert SECRET not in run.model_dump_json()
        assert SECRET not in str(await opened.audit.entries(limit=50))
    assert SECRET.encode() not in kept_in(tmp_path)


async def test_a_rotation_ends_well_when_the_old_key_is_dead(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    host.gateways.slow_to_die = 2
    async with plane(tmp_path, host) as opened:
        await create(opened)
        there = host.service("space-1", "gateway").variables
        old, admin = there["PROXY_API_KEY"], there["ADMIN_API_KEY"]
        run = await carried_out(opened, Rotate(instance="acme", key="proxy"))
        assert run.status == RunStatus.SUCCEEDED
        new = there["PROXY_API_KEY"]
        assert new == there["CLIENT_API_KEY"] != old
        assert new.startswith("sk-luthien-")
        assert there["ADMIN_API_KEY"] == admin
        assert run.result["summary"] == "The new key is accepted, the old one refused"
        assert run.delivers == "credentials acme --key proxy"
        assert await opened.journal.sealed(run.id) is None
    everything = kept_in(tmp_path)
    assert old.encode() not in everything
    assert new.encode() not in everything


async def test_a_key_that_does_not_die_fails_the_run(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    host.gateways.slow_to_die = 10**6
    async with plane(tmp_path, host) as opened:
        await create(opened)
        run = await carried_out(opened, Rotate(instance="acme", key="admin"))
        assert run.status == RunStatus.FAILED
        assert run.trouble is not None
        assert run.trouble.summary == "The gateway still accepts the old key."


async def test_a_deployment_that_fails_can_be_tried_again(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        await create(opened)
        well, host.phases = host.phases, [("FAILED", DeployState.FAILED)]
        run = await carried_out(opened, Rotate(instance="acme", key="admin"))
        assert run.status == RunStatus.FAILED
        new = host.service("space-1", "gateway").variables["ADMIN_API_KEY"]
        host.phases = well
        last = await opened.journal.last_seq()
        await opened.retry(BEN, run.id)
        async for _ in opened.follow(run.id, after=last):
            pass
        done = await opened.show(run.id)
        assert done.status == RunStatus.SUCCEEDED
        assert "the old one is not known" in done.result["summary"]
        assert host.service("space-1", "gateway").variables["ADMIN_API_KEY"] == new


async def test_whoever_renews_a_key_is_shown_that_one_only(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        await create(opened)
        run = await opened.submit(ADA, Rotate(instance="acme", key="proxy"), OPS)
        async for _ in opened.follow(run.id):
            pass
        shown = await opened.ask(ADA, ShowCredentials(instance="acme"), OPS)
        assert "proxy_api_key" in shown.data
        assert "admin_api_key" not in shown.data
        with pytest.raises(NotAllowed, match="admin key of `acme` is not for you"):
            await opened.ask(ADA, ShowCredentials(instance="acme", key="admin"), OPS)
