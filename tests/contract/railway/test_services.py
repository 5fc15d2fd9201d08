"""Services, databases and deployments as the stand-in runs them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from engine.capabilities import Database, Deployment, DeployState, Space
from engine.errors import OutcomeUnknown, Rejected
from providers.railway.models import Identified
from tests.contract.railway.conftest import REPO, a_gateway

if TYPE_CHECKING:
    from collections.abc import Callable

    from providers.railway.provider import RailwayProvider
    from tests.contract.railway.conftest import Sandbox

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def space(provider: RailwayProvider, sandbox: Sandbox) -> Space:
    return await provider.create_space("luthien-acme", mark="creating r-1")


async def deploy(provider: RailwayProvider, space: Space, service_id: str) -> list[Deployment]:
    deployment = await provider.connect_source(space, service_id, repo=REPO, branch="main")
    return [d async for d in provider.watch(space, deployment.id)]


async def test_what_is_there_is_adopted(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    first = await provider.add_database(space, Database.REDIS, name="Redis")
    again = await provider.add_database(space, Database.REDIS, name="Redis")
    assert first.id == again.id
    gateway = await provider.create_service(space, "gateway")
    assert (await provider.create_service(space, "gateway")).id == gateway.id
    exposed = await provider.expose(space, gateway.id, port=8000)
    assert (await provider.expose(space, gateway.id, port=8000)).domain == exposed.domain
    started = await provider.connect_source(space, gateway.id, repo=REPO, branch="main")
    await provider.stop_following_pushes(space, gateway.id)
    later = await provider.connect_source(space, gateway.id, repo=REPO, branch="main")
    assert later.id == started.id
    operations = sandbox.asked()
    for once in ("templateDeployV2", "serviceDomainCreate", "serviceConnect"):
        assert operations.count(once) == 1, once
    assert "serviceInstanceDeployV2" not in operations


async def test_names_differ_by_case(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    upper = await provider.create_service(space, "Gateway")
    lower = await provider.create_service(space, "gateway")
    assert upper.id != lower.id


async def test_everything_at_once_ends_up_once(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    await asyncio.gather(
        provider.add_database(space, Database.POSTGRES, name="Postgres"),
        provider.add_database(space, Database.REDIS, name="Redis"),
        provider.create_service(space, "gateway"),
        provider.create_service(space, "worker"),
    )
    seen = await provider.space(space.id)
    assert seen is not None
    assert sorted(s.name for s in seen.services) == ["Postgres", "Redis", "gateway", "worker"]


async def test_references_are_case_sensitive(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    await provider.add_database(space, Database.REDIS, name="Redis")
    gateway = await provider.create_service(space, "gateway")
    written = {"RIGHT": "${{Redis.REDIS_URL}}", "WRONG": "${{redis.REDIS_URL}}"}
    await provider.write_variables(space, gateway.id, written)
    resolved = await provider.resolved_variables(space, gateway.id)
    assert resolved["RIGHT"].startswith("redis://")
    assert resolved["WRONG"] == ""
    assert await provider.variables(space, gateway.id) == written


async def test_writing_variables_deploys_nothing(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    gateway = await provider.create_service(space, "gateway")
    await provider.connect_source(space, gateway.id, repo=REPO, branch="main")
    await provider.write_variables(space, gateway.id, {"PORT": "8000"})
    assert len(sandbox.state()["deployments"]) == 1


async def test_a_push_deploys_only_while_it_is_followed(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    gateway = await provider.create_service(space, "gateway")
    await provider.connect_source(space, gateway.id, repo=REPO, branch="main")
    sandbox.control("railway/push", repo=REPO, branch="main")
    assert len(sandbox.state()["deployments"]) == 2
    await provider.stop_following_pushes(space, gateway.id)
    sandbox.control("railway/push", repo=REPO, branch="main")
    assert len(sandbox.state()["deployments"]) == 2


@pytest.mark.parametrize(
    ("repo", "readable", "public"), [(REPO, True, True), ("acme/private-thing", False, False)]
)
async def test_access_to_a_repository(
    provider: RailwayProvider, sandbox: Sandbox, repo: str, readable: bool, public: bool
) -> None:
    access = await provider.repository_access(repo)
    assert (access.readable, access.public) == (readable, public)
    assert (repo in access.how) is not readable


async def test_branches_of_a_repository(provider: RailwayProvider, sandbox: Sandbox) -> None:
    assert sorted(await provider.branches(REPO) or ()) == ["dev", "main"]
    assert await provider.branches("nobody/nothing") is None


# -- watching -------------------------------------------------------------------------------------


async def test_phases_come_in_order(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    sandbox.settings(pace=10)
    gateway = await a_gateway(provider, space)
    seen = await deploy(provider, space, gateway.id)
    phases = [d.phase for d in seen]
    order = ["INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS"]
    assert phases == [p for p in order if p in phases], "a busy machine may miss a short one"
    assert "BUILDING" in phases
    assert phases[-1] == "SUCCESS"


async def test_many_deployments_share_one_poll(
    provider: RailwayProvider, connect: Callable[..., RailwayProvider], sandbox: Sandbox
) -> None:
    sandbox.settings(project_interval=0, pace=5)
    waiting: list[tuple[Space, str]] = []
    for n in range(8):
        space = await provider.create_space(f"luthien-n{n}", mark="creating r")
        service = await a_gateway(provider, space)
        started = await provider.connect_source(space, service.id, repo=REPO, branch="main")
        waiting.append((space, started.id))
    watching = connect()

    async def last(space: Space, deployment_id: str) -> Deployment:
        return [d async for d in watching.watch(space, deployment_id)][-1]

    before = len(sandbox.asked())
    ends = await asyncio.gather(*(last(*place) for place in waiting))
    assert {d.state for d in ends} == {DeployState.RUNNING}
    asked = sandbox.asked()[before:]
    assert set(asked) <= {"me", "deployment", "projectsByIds"}
    assert asked.count("deployment") == len(waiting), "one look each, at the beginning"


async def test_a_deployment_whose_project_is_deleted_ends(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    sandbox.settings(pace=1000)
    gateway = await a_gateway(provider, space)
    started = await provider.connect_source(space, gateway.id, repo=REPO, branch="main")
    states = []
    async for deployment in provider.watch(space, started.id):
        states.append(deployment.state)
        if len(states) == 1:
            await provider.delete_space(space.id)
    assert states[-1] is DeployState.REMOVED


async def test_a_deployment_that_nobody_knows(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    with pytest.raises(Rejected, match="no deployment"):
        await anext(provider.watch(space, NOBODY))


# -- failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["BUILD_IMAGE", "HEALTHCHECK"])
async def test_a_failed_deployment_tells_where_and_why(
    provider: RailwayProvider, sandbox: Sandbox, space: Space, step: str
) -> None:
    gateway = await a_gateway(provider, space)
    secret = "hunter22-hunter22-hunter22"
    await provider.write_variables(space, gateway.id, {"ADMIN_API_KEY": secret})
    sandbox.control(
        "railway/fail",
        project="luthien-acme",
        service="gateway",
        step=step,
        error=f"no luck with {secret}",
    )
    seen = await deploy(provider, space, gateway.id)
    assert seen[-1].state is DeployState.FAILED
    failure = await provider.failure_of(seen[-1].id)
    assert failure.phase == step
    assert "no luck with" in failure.reason
    assert 0 < len(failure.log) <= 30
    assert secret not in repr(failure)


async def test_a_wrongly_wired_gateway_tells_so_in_its_log(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    gateway = await a_gateway(provider, space)
    wrong = "postgresql://nobody:nothing-at-all@nowhere:5432/x"
    await provider.write_variables(space, gateway.id, {"DATABASE_URL": wrong})
    seen = await deploy(provider, space, gateway.id)
    assert seen[-1].state in (DeployState.FAILED, DeployState.CRASHED)
    failure = await provider.failure_of(seen[-1].id)
    assert failure.log
    assert "nothing-at-all" not in repr(failure)


async def test_removing_variables_is_one_change_that_deploys_nothing(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await provider.create_service(space, "gateway")
    await provider.write_variables(space, service.id, {"A": "1", "B": "2", "KEPT": "x"})
    await deploy(provider, space, service.id)
    before = len(sandbox.state()["deployments"])
    await provider.write_variables(space, service.id, {"A": None, "B": "3"})
    assert await provider.variables(space, service.id) == {"B": "3", "KEPT": "x"}
    assert len(sandbox.state()["deployments"]) == before
    assert sandbox.asked().count("environmentPatchCommitStaged") == 1


@pytest.mark.parametrize("kind", ["lost-before", "lost-after"])
@pytest.mark.parametrize("call", ["environmentStageChanges", "environmentPatchCommitStaged"])
async def test_a_removal_whose_answer_was_lost_can_be_repeated(
    provider: RailwayProvider, sandbox: Sandbox, space: Space, call: str, kind: str
) -> None:
    service = await provider.create_service(space, "gateway")
    await provider.write_variables(space, service.id, {"A": "1", "KEPT": "x"})
    sandbox.fault(call, kind)
    with contextlib.suppress(OutcomeUnknown):
        await provider.write_variables(space, service.id, {"A": None})
    await provider.write_variables(space, service.id, {"A": None})
    assert await provider.variables(space, service.id) == {"KEPT": "x"}


async def test_what_somebody_else_has_staged_is_not_committed_along(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await provider.create_service(space, "gateway")
    other = await provider.create_service(space, "other")
    await provider.write_variables(space, service.id, {"A": "1"})
    await provider._rail.client.write(
        "environmentStageChanges",
        Identified,
        environmentId=space.environment_id,
        input={"services": {other.id: {"variables": {"X": {"value": "1"}}}}},
    )
    with pytest.raises(Rejected, match="staged other changes"):
        await provider.write_variables(space, service.id, {"A": None})
    assert await provider.variables(space, service.id) == {"A": "1"}
