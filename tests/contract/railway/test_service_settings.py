"""How a service is built and run: written without a deployment, read back, kept as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from engine.capabilities import (
    DOCKERFILE,
    SETTING_NAMES,
    Deployment,
    DeployState,
    RestartPolicy,
    ServiceSettings,
    Space,
)
from engine.errors import Rejected
from tests.contract.railway.conftest import GATEWAY, REPO, a_gateway

if TYPE_CHECKING:
    from providers.railway.provider import RailwayProvider
    from tests.contract.railway.conftest import Sandbox

EVERYTHING = ServiceSettings(
    dockerfile="docker/Dockerfile.gateway",
    health_path="/ready",
    health_timeout=timedelta(minutes=2),
    start_command="python -m gateway",
    restart=RestartPolicy.ALWAYS,
    restart_retries=7,
    replicas=2,
    region="europe-west4-drams3a",
)


@pytest.fixture
async def space(provider: RailwayProvider, sandbox: Sandbox) -> Space:
    return await provider.create_space("luthien-acme", mark="creating r-1")


async def settings_of(provider: RailwayProvider, space: Space) -> ServiceSettings:
    seen = await provider.space(space.id)
    assert seen is not None
    gateway = seen.service("gateway")
    assert gateway is not None
    assert gateway.settings is not None
    return gateway.settings


def sent(sandbox: Sandbox, operation: str) -> list[dict[str, Any]]:
    """The variables of each request of an operation."""
    entries = sandbox.http.get("/control/journal").json()["entries"]
    return [e["variables"] for e in entries if e["operation"] == operation]


def configure(sandbox: Sandbox, **replicas: Any) -> None:
    """Somebody scales the one service there is, in the console."""
    [instance] = sandbox.state()["instances"]
    config = instance["config"]
    for name in ("num_replicas", "multi_region_config"):
        config.pop(name, None)
    sandbox.put(instances=[{**instance, "config": {**config, **replicas}}])


async def over(provider: RailwayProvider, space: Space, service_id: str) -> Deployment:
    """The first deployment, once it is over."""
    started = await provider.connect_source(space, service_id, repo=REPO, branch="main")
    return await ended(provider, space, service_id, started)


async def ended(
    provider: RailwayProvider, space: Space, service_id: str, started: Deployment
) -> Deployment:
    async for _ in provider.watch(space, started.id):
        pass
    newest, *_ = await provider.deployments(space, service_id)
    assert newest.id == started.id
    return newest


async def test_what_nobody_has_set_is_the_host_s_default(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await provider.create_service(space, "gateway")
    await provider.variables(space, service.id)  # it shows in its environment a moment later
    seen = await settings_of(provider, space)
    assert seen.defaults == frozenset(SETTING_NAMES)
    assert (seen.dockerfile, seen.health_path, seen.start_command) == (None, None, None)
    assert (seen.restart, seen.restart_retries) == (RestartPolicy.ON_FAILURE, 10)
    assert GATEWAY.missing_from(seen) == replace(GATEWAY, restart=None)


async def test_everything_is_written_read_back_and_deploys_nothing(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await provider.create_service(space, "gateway")
    await provider.write_settings(space, service.id, EVERYTHING)
    assert await settings_of(provider, space) == replace(EVERYTHING, defaults=frozenset())
    variables = await provider.variables(space, service.id)
    assert variables == {"RAILWAY_DOCKERFILE_PATH": "docker/Dockerfile.gateway"}
    assert sandbox.state()["deployments"] == []


async def test_what_is_there_already_is_not_written_again(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await a_gateway(provider, space)
    await provider.write_settings(space, service.id, GATEWAY)
    for once in ("serviceInstanceUpdate", "variableCollectionUpsert"):
        assert sandbox.asked().count(once) == 1, once


async def test_a_first_build_with_the_settings_is_one_by_dockerfile_with_a_health_check(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await a_gateway(provider, space)
    deployed = await over(provider, space, service.id)
    assert deployed.state is DeployState.RUNNING
    assert (deployed.builder, deployed.health_path) == (DOCKERFILE, "/health")


async def test_without_them_the_gateway_does_not_build(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await provider.create_service(space, "gateway")
    deployed = await over(provider, space, service.id)
    assert deployed.state is DeployState.FAILED
    assert (deployed.builder, deployed.health_path) == ("railpack", "")
    failure = await provider.failure_of(deployed.id)
    assert failure.phase == "BUILD_IMAGE"
    assert "could not determine how to build" in failure.reason


async def test_what_somebody_else_has_set_stays(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await provider.create_service(space, "gateway")
    theirs = ServiceSettings(health_path="/ready", replicas=3)
    await provider.write_settings(space, service.id, theirs)
    missing = GATEWAY.missing_from(await settings_of(provider, space))
    assert "health_path" not in missing.given
    await provider.write_settings(space, service.id, missing)
    seen = await settings_of(provider, space)
    assert (seen.health_path, seen.replicas) == ("/ready", 3)
    assert seen.dockerfile == GATEWAY.dockerfile


async def test_a_variable_names_the_dockerfile_too(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await provider.create_service(space, "gateway")
    assert await provider.named_dockerfile(space, service.id) == ""
    theirs = {"RAILWAY_DOCKERFILE_PATH": "docker/Dockerfile.mine"}
    await provider.write_variables(space, service.id, theirs)
    assert await provider.named_dockerfile(space, service.id) == "docker/Dockerfile.mine"


async def test_the_present_replicas_are_sent_along(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await a_gateway(provider, space)
    assert sent(sandbox, "serviceInstanceUpdate")[-1]["input"]["numReplicas"] == 1
    configure(sandbox, num_replicas=4)
    await provider.write_settings(space, service.id, ServiceSettings(health_path="/ready"))
    assert sent(sandbox, "serviceInstanceUpdate")[-1]["input"] == {
        "numReplicas": 4,
        "healthcheckPath": "/ready",
    }


async def test_regions_are_sent_as_they_are_configured_now_not_as_they_were_deployed(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await a_gateway(provider, space)
    before = {"us-west2": {"numReplicas": 2}, "europe-west4-drams3a": {"numReplicas": 1}}
    configure(sandbox, multi_region_config=before)
    await over(provider, space, service.id)
    now = {"europe-west4-drams3a": {"numReplicas": 3}}
    configure(sandbox, multi_region_config=now)  # scaled since, which needs no deployment
    await provider.write_settings(space, service.id, ServiceSettings(health_path="/ready"))
    assert sent(sandbox, "serviceInstanceUpdate")[-1]["input"] == {
        "multiRegionConfig": now,
        "healthcheckPath": "/ready",
    }
    [instance] = sandbox.state()["instances"]
    assert instance["config"]["multi_region_config"] == now


async def test_where_no_configuration_tells_them_what_was_deployed_does(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await a_gateway(provider, space)
    configure(sandbox, multi_region_config={"us-west2": {"numReplicas": 2}})
    started = await over(provider, space, service.id)
    configure(sandbox)
    await provider.write_settings(space, service.id, ServiceSettings(restart_retries=5))
    assert sent(sandbox, "serviceInstanceUpdate")[-1]["input"]["numReplicas"] == 2
    two = {"us-west2": {"numReplicas": 2}, "europe-west4-drams3a": {"numReplicas": 1}}
    configure(sandbox, multi_region_config=two)
    newer = await provider.deploy(space, service.id, after=started.id)
    await ended(provider, space, service.id, newer)
    configure(sandbox)
    await provider.write_settings(space, service.id, ServiceSettings(restart_retries=6))
    assert sent(sandbox, "serviceInstanceUpdate")[-1]["input"]["multiRegionConfig"] == two


async def test_a_number_that_is_to_be_set_goes_before_the_present_one(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await a_gateway(provider, space)
    configure(sandbox, multi_region_config={"us-west2": {"numReplicas": 2}})
    await provider.write_settings(space, service.id, ServiceSettings(replicas=4))
    assert sent(sandbox, "serviceInstanceUpdate")[-1]["input"] == {"numReplicas": 4}


async def test_what_was_built_otherwise_than_is_set_now_is_not_adopted(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await a_gateway(provider, space)
    first = await over(provider, space, service.id)
    assert (
        await provider.connect_source(space, service.id, repo=REPO, branch="main")
    ).id == first.id
    await provider.write_settings(space, service.id, ServiceSettings(health_path="/ready"))
    second = await provider.connect_source(space, service.id, repo=REPO, branch="main")
    assert second.id != first.id


async def test_false_with_nothing_changed_is_a_refusal(
    provider: RailwayProvider, sandbox: Sandbox, space: Space
) -> None:
    service = await provider.create_service(space, "gateway")
    sandbox.settings(settings_frozen=True)
    with pytest.raises(Rejected, match="has not kept") as caught:
        await provider.write_settings(space, service.id, GATEWAY)
    assert "nothing was changed" in caught.value.why
    assert "Dockerfile docker/Dockerfile.gateway, health check /health" in caught.value.why
    assert service.id in caught.value.next_step
    sandbox.settings(settings_frozen=False)
    await provider.write_settings(space, service.id, GATEWAY)
    assert not GATEWAY.missing_from(await settings_of(provider, space)).given


async def test_gateways_made_with_a_config_file_are_seen_and_repaired(
    provider: RailwayProvider, sandbox: Sandbox
) -> None:
    sandbox.control("railway/populate", count=1, name="luthien-old", legacy=True)
    [space] = await provider.spaces()
    seen = await settings_of(provider, space)
    gateway = space.service("gateway")
    assert gateway is not None
    [made] = await provider.deployments(space, gateway.id)
    assert (made.builder, made.health_path) == (DOCKERFILE, "/health")
    await provider.write_settings(space, gateway.id, GATEWAY.missing_from(seen))
    assert not GATEWAY.missing_from(await settings_of(provider, space)).given
    assert len(await provider.deployments(space, gateway.id)) == 1
    started = await provider.deploy(space, gateway.id, after=made.id)
    again = await ended(provider, space, gateway.id, started)
    assert (again.state, again.builder) == (DeployState.RUNNING, DOCKERFILE)
