"""Deploy, roll back, restart: once each, whatever is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from commands.steps.deploy import Deploy
from commands.steps.places import Place
from commands.steps.restart import Restart
from commands.steps.roll_back import RollBack
from engine.capabilities import DeployState, ServiceSettings, Space
from engine.errors import OutcomeUnknown, Rejected
from engine.step import StepFailed
from tests.unit.commands.clock import FakeClock
from tests.unit.commands.fakes import FakeContext
from tests.unit.commands.host import UNSET, FakeHost, Kept

WANTED = "7be41f0" + "c" * 33


class Acme:
    """A gateway that was deployed once."""

    def __init__(self, host: FakeHost, space: Space) -> None:
        self.host, self.space = host, space

    @classmethod
    async def at(cls, host: FakeHost) -> Acme:
        space = await host.create_space("luthien-acme", mark="ready")
        await host.clock.sleep(host.lag)
        service = await host.create_service(space, "gateway")
        await host.connect_source(space, service.id, repo="acme/proxy", branch="main")
        await host.clock.sleep(host.lag)
        host.calls.clear()
        return cls(host, space)

    @property
    def gateway(self) -> Kept:
        return self.host.service(self.space.id, "gateway")

    @property
    def first(self) -> str:
        assert self.gateway.service.deployment is not None
        return self.gateway.service.deployment.id

    def deploy(
        self, *, branch: str = "main", connect: bool = False, commit: str = "", replaces: str = ""
    ) -> Deploy:
        return Deploy(
            key="deploy",
            space=Place.of(self.space),
            service=self.gateway.service.id,
            service_name="gateway",
            repo="acme/proxy",
            branch=branch,
            connect=connect,
            commit=commit,
            newest=self.first,
            replaces=replaces,
        )

    def roll_back(self, to: str, commit: str) -> RollBack:
        return RollBack(
            key="rollback",
            space=Place.of(self.space),
            service=self.gateway.service.id,
            service_name="gateway",
            deployment=to,
            commit=commit,
            newest=self.first,
        )

    def restart(self) -> Restart:
        assert self.gateway.service.deployment is not None
        return Restart(
            key="restart",
            space=Place.of(self.space),
            service=self.gateway.service.id,
            service_name="gateway",
            deployment=self.first,
            changed_at="",
        )


async def test_it_says_which_commit_goes_out_over_which(host: FakeHost) -> None:
    acme = await Acme.at(host)
    ctx = FakeContext(host)
    result = await acme.deploy(commit=WANTED[:7], replaces="0c0da23" * 5).run(ctx)
    assert result["said"] == "7be41f0 goes out over 0c0da23"
    assert ctx.notes == [result["said"]]
    assert ctx.made == {}, "nothing of it is ever removed"
    again = await (await Acme.at(host)).deploy(replaces="f" * 40).run(FakeContext(host))
    assert again["said"] == "fffffff goes out again"


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_lost_deploy_happens_once(slow_host: FakeHost, how: str) -> None:
    acme = await Acme.at(slow_host)
    step = acme.deploy()
    slow_host.lost["deploy"] = how
    with pytest.raises(OutcomeUnknown):
        await step.run(FakeContext(slow_host))
    result = await step.run(FakeContext(slow_host, attempt=2, uncertain=True))
    assert result["deployment_id"] == acme.first
    assert slow_host.writes.count("deploy") == (2 if how == "before" else 1)
    assert len(slow_host.earlier[acme.gateway.service.id]) == 1


async def test_a_dead_deployment_is_not_adopted(host: FakeHost) -> None:
    acme = await Acme.at(host)
    step = acme.deploy()
    first = await step.run(FakeContext(host))
    deployment = acme.gateway.service.deployment
    assert deployment is not None
    acme.gateway.service = replace(
        acme.gateway.service, deployment=replace(deployment, state=DeployState.FAILED)
    )
    second = await step.run(FakeContext(host, attempt=2))
    assert second["deployment_id"] != first["deployment_id"]


async def test_one_that_was_built_otherwise_than_is_set_now_is_not_adopted(
    host: FakeHost,
) -> None:
    """Tried again after it was found so: it runs, and is not what was wanted."""
    acme = await Acme.at(host)
    step = acme.deploy()
    first = await step.run(FakeContext(host))
    kept = acme.gateway
    assert kept.service.deployment is not None
    over = replace(kept.service.deployment, state=DeployState.RUNNING, builder="railpack")
    wanted = ServiceSettings(dockerfile="Dockerfile").over(UNSET)
    kept.service = replace(kept.service, deployment=over, settings=wanted)
    second = await step.run(FakeContext(host, attempt=2))
    assert second["deployment_id"] not in (first["deployment_id"], step.newest)
    kept.service = replace(kept.service, settings=UNSET)
    again = await step.run(FakeContext(host, attempt=3))
    assert again["deployment_id"] == second["deployment_id"], "it fits what is set"


async def test_another_commit_is_not_adopted(host: FakeHost) -> None:
    acme = await Acme.at(host)
    step = acme.deploy(commit=WANTED)
    service = acme.gateway.service.id
    somebody = await host.deploy(acme.space, service, commit="e" * 40)
    result = await step.run(FakeContext(host, attempt=2))
    assert result["deployment_id"] != somebody.id
    assert result["commit"] == WANTED


async def test_another_branch_is_connected(host: FakeHost) -> None:
    acme = await Acme.at(host)
    ctx = FakeContext(host)
    result = await acme.deploy(branch="dev", connect=True).run(ctx)
    assert host.writes == ["connect_source"]
    assert acme.gateway.service.deployment is not None
    assert acme.gateway.service.deployment.branch == "dev"
    assert result["deployment_id"] == acme.first


async def test_what_goes_out_is_of_the_wanted_branch(host: FakeHost) -> None:
    """Rolled back over a change of branch, the host still builds from the other one."""
    acme = await Acme.at(host)
    service = acme.gateway.service.id
    step = acme.deploy(branch="main")
    await host.connect_source(acme.space, service, repo="acme/proxy", branch="dev")
    result = await step.run(FakeContext(host))
    assert acme.gateway.service.deployment is not None
    assert acme.gateway.service.deployment.branch == "main"
    assert result["deployment_id"] == acme.first


async def test_a_branch_that_cannot_be_had_is_not_followed(host: FakeHost) -> None:
    acme = await Acme.at(host)
    host.lost["connect_source"] = "rejected"
    with pytest.raises(Rejected):
        await acme.deploy(branch="dev", connect=True).run(FakeContext(host))
    assert host.writes == ["connect_source", "stop_following_pushes"]
    assert not acme.gateway.follows_pushes


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_lost_way_back_happens_once(slow_host: FakeHost, how: str) -> None:
    acme = await Acme.at(slow_host)
    first = acme.gateway.service.deployment
    assert first is not None
    await slow_host.deploy(acme.space, acme.gateway.service.id)
    await slow_host.clock.sleep(timedelta(minutes=2))
    slow_host.calls.clear()
    step = acme.roll_back(first.id, first.commit)
    slow_host.lost["roll_back"] = how
    with pytest.raises(OutcomeUnknown):
        await step.run(FakeContext(slow_host))
    result = await step.run(FakeContext(slow_host, attempt=2, uncertain=True))
    assert result["deployment_id"] == acme.first
    assert result["commit"] == first.commit
    assert slow_host.writes.count("roll_back") == (2 if how == "before" else 1)


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_lost_restart_happens_once(how: str) -> None:
    host = FakeHost(FakeClock())
    acme = await Acme.at(host)
    step = acme.restart()
    host.lost["restart"] = how
    with pytest.raises(OutcomeUnknown):
        await step.run(FakeContext(host))
    result = await step.run(FakeContext(host, attempt=2, uncertain=True))
    assert result["deployment_id"] == acme.first
    assert host.writes.count("restart") == (2 if how == "before" else 1)


async def test_what_is_gone_cannot_be_restarted(host: FakeHost) -> None:
    acme = await Acme.at(host)
    step = acme.restart()
    acme.gateway.service = replace(acme.gateway.service, deployment=None)
    with pytest.raises(StepFailed, match="is gone"):
        await step.run(FakeContext(host))
    assert host.writes == []
