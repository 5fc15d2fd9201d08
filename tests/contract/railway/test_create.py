"""The whole way of an instance, from nothing to a gateway that answers, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.capabilities import DOCKERFILE, Database, DeployState
from providers.railway.documents import document
from providers.web.probe import WebProbe
from tests.contract.railway.conftest import GATEWAY, REPO, a_gateway

if TYPE_CHECKING:
    from providers.railway.provider import RailwayProvider
    from tests.contract.railway.conftest import Sandbox

VARIABLES = {
    "DATABASE_URL": "${{Postgres.DATABASE_URL}}",
    "REDIS_URL": "${{Redis.REDIS_URL}}",
    "PORT": "8000",
    "GATEWAY_PORT": "${{PORT}}",
    "PROXY_API_KEY": "proxy-key-of-this-test",
    "ADMIN_API_KEY": "admin-key-of-this-test",
}


async def test_from_nothing_to_a_healthy_gateway_and_back(
    provider: RailwayProvider, sandbox: Sandbox
) -> None:
    assert (await provider.repository_access(REPO)).readable

    space = await provider.create_space("luthien-acme", mark="creating r-1")
    assert (space.name, space.mark) == ("luthien-acme", "creating r-1")
    assert space.console_url == f"https://railway.com/project/{space.id}"

    postgres = await provider.add_database(space, Database.POSTGRES, name="Postgres")
    redis = await provider.add_database(space, Database.REDIS, name="Redis")
    gateway = await a_gateway(provider, space)
    assert (postgres.name, redis.name, gateway.name) == ("Postgres", "Redis", "gateway")

    await provider.write_variables(space, gateway.id, VARIABLES)
    path = {"RAILWAY_DOCKERFILE_PATH": GATEWAY.dockerfile}
    assert await provider.variables(space, gateway.id) == VARIABLES | path
    resolved = await provider.resolved_variables(space, gateway.id)
    assert resolved["DATABASE_URL"].startswith("postgresql://")
    assert resolved["GATEWAY_PORT"] == "8000"

    exposed = await provider.expose(space, gateway.id, port=8000)
    assert exposed.domain.endswith(".localhost")
    assert exposed.url == f"http://{exposed.domain}:{sandbox.url.rsplit(':', 1)[1]}"

    deployment = await provider.connect_source(space, gateway.id, repo=REPO, branch="main")
    await provider.stop_following_pushes(space, gateway.id)
    seen = [d async for d in provider.watch(space, deployment.id)]
    assert seen[-1].state is DeployState.RUNNING
    assert seen[-1].phase == "SUCCESS"
    assert seen[-1].branch == "main"
    assert len(seen[-1].commit) == 40
    [deployed] = await provider.deployments(space, gateway.id)
    assert (deployed.builder, deployed.health_path) == (DOCKERFILE, "/health")

    async with WebProbe() as web:
        assert (await web.probe(f"{exposed.url}/health")).ok
        ready = await web.probe(f"{exposed.url}/ready")
        assert ready.ok, ready

    await provider.mark_space(space.id, "ready")
    [listed] = await provider.spaces()
    assert (listed.mark, listed.workspace) == ("ready", space.workspace)
    shown = listed.service("gateway")
    assert shown is not None
    assert shown.repo == REPO
    assert shown.settings is not None
    assert not GATEWAY.missing_from(shown.settings).given
    assert shown.url == exposed.url
    assert shown.deployment is not None
    assert shown.deployment.state is DeployState.RUNNING
    assert {s.name for s in listed.services} == {"Postgres", "Redis", "gateway"}

    writes = [o for o in sandbox.asked() if document(o).writes]
    assert len(writes) <= 12

    await provider.delete_space(space.id)
    assert await provider.space(space.id) is None
    assert not await provider.spaces()
    await provider.delete_space(space.id)
