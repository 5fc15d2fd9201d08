"""Settings on the real engine, against a host in memory: there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from commands.config import Config
from engine.capabilities import DeployState
from engine.errors import PlanStale
from engine.run import RunStatus
from tests.canaries import MARK
from tests.unit.commands.clock import FakeClock
from tests.unit.commands.host import FakeHost
from tests.unit.commands.test_change_whole import carried_out
from tests.unit.commands.test_create_whole import create, plane

if TYPE_CHECKING:
    from pathlib import Path

    from engine.run import RunView


def undo_of(run: RunView) -> Config:
    _, instance, what, *rest = run.undo.split()
    assert what == "undo"
    return Config(
        instance=instance, what="undo", variables=(rest[0],), no_deploy="--no-deploy" in rest
    )


def set_(*variables: str, **sealed: str) -> Config:
    secrets = {name: SecretStr(value) for name, value in sealed.items()}
    return Config(instance="acme", what="set", variables=variables, sealed=secrets)


SECRET = f"sk-ant-{MARK}-x-y-z"


async def test_there_and_back_and_there_again(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        await create(opened)
        gateway = host.service("space-1", "gateway")
        before, writes = dict(gateway.variables), len(host.writes)
        there = await carried_out(opened, set_("LOG_LEVEL=debug", "ENVIRONMENT=prod"))
        assert there.status == RunStatus.SUCCEEDED
        assert host.writes[writes:] == ["write_variables", "deploy"]
        assert gateway.variables == before | {"LOG_LEVEL": "debug", "ENVIRONMENT": "prod"}
        assert there.result["summary"] == "~ ENVIRONMENT: railway → prod; + LOG_LEVEL: debug"
        back = await carried_out(opened, undo_of(there))
        assert gateway.variables == before
        with pytest.raises(PlanStale, match="ENVIRONMENT and LOG_LEVEL changed since"):
            await opened.submit(back.actor, undo_of(there), back.origin)
        again = await carried_out(opened, undo_of(back))
        assert again.status == RunStatus.SUCCEEDED
        assert gateway.variables["ENVIRONMENT"] == "prod"


async def test_a_secret_is_written_and_stays_after_undo(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        await create(opened)
        gateway = host.service("space-1", "gateway")
        run = await carried_out(opened, set_("LOG_LEVEL=debug", ANTHROPIC_API_KEY=SECRET))
        assert gateway.variables["ANTHROPIC_API_KEY"] == SECRET
        assert SECRET not in run.model_dump_json()
        entries = await opened.audit.entries(limit=100)
        assert SECRET not in str(entries)
        assert "+ ANTHROPIC_API_KEY: ••••••••" in str(entries)
        await carried_out(opened, undo_of(run))
        assert gateway.variables["ANTHROPIC_API_KEY"] == SECRET
        assert "LOG_LEVEL" not in gateway.variables


async def test_without_a_deployment_and_back(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        await create(opened)
        writes = len(host.writes)
        later = Config(instance="acme", what="set", variables=("LOG_LEVEL=debug",), no_deploy=True)
        run = await carried_out(opened, later)
        await carried_out(opened, undo_of(run))
        assert host.writes[writes:] == ["write_variables", "write_variables"]


async def test_a_setting_that_breaks_the_gateway_can_be_undone(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        await create(opened)
        well, host.phases = host.phases, [("CRASHED", DeployState.CRASHED)]
        broken = await carried_out(opened, set_("POLICY_CONFIG=nowhere"))
        assert broken.status == RunStatus.FAILED
        host.phases = well
        mended = await carried_out(opened, undo_of(broken))
        assert mended.status == RunStatus.SUCCEEDED
