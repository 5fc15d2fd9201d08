"""Deploying anew, going back and starting again, as the stand-in does it; with lost replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.capabilities import Deployment, DeployState, Space
from engine.errors import OutcomeUnknown, Rejected, Unreachable
from tests.contract.railway.conftest import REPO, a_gateway

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from providers.railway.provider import RailwayProvider
    from tests.contract.railway.conftest import Sandbox

OLDER = "7be41f0c9a2d4e6f8b1c3d5e7f9a0b2c4d6e8f01"
KINDS = ("lost-after", "504-after", "truncated", "lost-before", "500", "html", "429", "1015")
NOT_DONE = ("lost-before", "500", "html")


class Gateway:
    """A service that runs."""

    def __init__(self, provider: RailwayProvider, space: Space, service_id: str) -> None:
        self.provider, self.space, self.id = provider, space, service_id

    async def all(self) -> list[Deployment]:
        return list(await self.provider.deployments(self.space, self.id))

    async def settled(self, started: Deployment) -> Deployment:
        return [d async for d in self.provider.watch(self.space, started.id)][-1]

    async def certainly(self, begin: Callable[[], Awaitable[Deployment]], kind: str) -> Deployment:
        """Begun once, but asked for twice when it was lost before anything was done."""
        try:
            return await begin()
        except (OutcomeUnknown, Unreachable):
            assert kind in NOT_DONE, "what was done is found by reading"
            return await begin()


@pytest.fixture
async def gateway(provider: RailwayProvider, sandbox: Sandbox) -> Gateway:
    space = await provider.create_space("luthien-acme", mark="ready")
    service = await a_gateway(provider, space)
    gateway = Gateway(provider, space, service.id)
    first = await provider.connect_source(space, service.id, repo=REPO, branch="main")
    await provider.stop_following_pushes(space, service.id)
    await gateway.settled(first)
    return gateway


async def test_the_newest_commit_goes_out(gateway: Gateway, sandbox: Sandbox) -> None:
    [first] = await gateway.all()
    assert first.state is DeployState.RUNNING
    pushed = sandbox.control("railway/push", repo=REPO, branch="main")["commit"]
    started = await gateway.provider.deploy(gateway.space, gateway.id, after=first.id)
    assert started.id != first.id
    assert started.commit == pushed
    assert (await gateway.settled(started)).state is DeployState.RUNNING
    assert [d.id for d in await gateway.all()] == [started.id, first.id], "newest first"


async def test_a_commit_of_choice_goes_out(gateway: Gateway) -> None:
    [first] = await gateway.all()
    provider, space = gateway.provider, gateway.space
    started = await provider.deploy(space, gateway.id, commit=OLDER, after=first.id)
    assert started.commit == OLDER


async def test_a_commit_that_nobody_knows_changes_nothing(gateway: Gateway) -> None:
    before = await gateway.all()
    with pytest.raises(Rejected, match="Commit not found"):
        await gateway.provider.deploy(
            gateway.space, gateway.id, commit="f" * 40, after=before[0].id
        )
    assert await gateway.all() == before


async def test_going_back_makes_a_new_deployment_of_the_old_one(gateway: Gateway) -> None:
    provider, space = gateway.provider, gateway.space
    [first] = await gateway.all()
    second = await provider.deploy(space, gateway.id, commit=OLDER, after=first.id)
    await gateway.settled(second)
    earlier = next(d for d in await gateway.all() if d.id == first.id)
    assert earlier.can_roll_back
    third = await provider.roll_back(space, gateway.id, first.id, after=second.id)
    assert third.id not in (first.id, second.id)
    assert third.commit == first.commit
    assert (await gateway.settled(third)).state is DeployState.RUNNING


async def test_what_failed_to_build_cannot_be_gone_back_to(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    provider, space = gateway.provider, gateway.space
    [first] = await gateway.all()
    where = {"project": "luthien-acme", "service": "gateway"}
    sandbox.control("railway/fail", **where, step="BUILD_IMAGE", error="no luck")
    second = await provider.deploy(space, gateway.id, commit=OLDER, after=first.id)
    assert (await gateway.settled(second)).state is DeployState.FAILED
    newest, before = await gateway.all()
    assert not newest.can_roll_back
    assert before.state is DeployState.RUNNING, "what ran before still does"
    with pytest.raises(Rejected, match="snapshot"):
        await provider.roll_back(space, gateway.id, newest.id, after=newest.id)


async def test_restarting_keeps_the_deployment(gateway: Gateway) -> None:
    [first] = await gateway.all()
    await gateway.provider.restart(gateway.space, first.id)
    assert (await gateway.settled(first)).state is DeployState.RUNNING
    [after] = await gateway.all()
    assert after.id == first.id
    assert after.updated_at is not None
    assert first.updated_at is not None
    assert after.updated_at > first.updated_at


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("operation", "commit"), [("serviceInstanceDeploy", ""), ("serviceInstanceDeployV2", OLDER)]
)
async def test_a_lost_deploy_happens_once(
    gateway: Gateway, sandbox: Sandbox, operation: str, commit: str, kind: str
) -> None:
    [first] = await gateway.all()
    sandbox.fault(operation, kind)
    started = await gateway.certainly(
        lambda: gateway.provider.deploy(gateway.space, gateway.id, commit=commit, after=first.id),
        kind,
    )
    assert [d.id for d in await gateway.all()] == [started.id, first.id]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_lost_way_back_happens_once(gateway: Gateway, sandbox: Sandbox, kind: str) -> None:
    [first] = await gateway.all()
    sandbox.fault("deploymentRollback", kind)
    started = await gateway.certainly(
        lambda: gateway.provider.roll_back(gateway.space, gateway.id, first.id, after=first.id),
        kind,
    )
    assert [d.id for d in await gateway.all()] == [started.id, first.id]
