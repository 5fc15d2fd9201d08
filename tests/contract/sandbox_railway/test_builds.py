"""How a source is built and checked since Railway no longer reads railway.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.sandbox_railway.client import (
    GATEWAY_SETTINGS,
    Place,
    Railway,
    Refused,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER = "acme/website"
SETTINGS = """query ($service: String!, $environment: String!) {
  serviceInstance(serviceId: $service, environmentId: $environment) {
    builder dockerfilePath healthcheckPath healthcheckTimeout numReplicas railwayConfigFile
    restartPolicyType restartPolicyMaxRetries
  }
}"""


@pytest.fixture
async def place(railway: Railway) -> Place:
    return await railway.project()


@pytest.fixture
async def gateway(railway: Railway, place: Place) -> str:
    return await railway.settled_service(place)


async def settings(railway: Railway, place: Place, service: str) -> dict[str, Any]:
    shown: dict[str, Any] = await railway.ask(
        SETTINGS, service=service, environment=place.environment
    )
    return shown


async def repository(railway: Railway, **holds: Any) -> None:
    """OTHER with one commit, and this in it."""
    commit = {"sha": "a" * 40, "message": "Begin", "author": "dev"}
    known = {"is_public": True, "default_branch": "main", "branches": {"main": [commit]}, **holds}
    repos = railway.world.settings.repos
    await railway.configure(repos={**repos, OTHER: known})


async def built(railway: Railway, place: Place, service: str, status: str = "SUCCESS") -> Any:
    """The manifest of the newest deployment, once that is over."""
    return (await railway.finished(place, service, status))["meta"]["serviceManifest"]


async def error_of(railway: Railway, deployment: Mapping[str, Any]) -> tuple[str, str]:
    events = railway.world.deployments[deployment["id"]].events
    return events[-1]["step"], events[-1]["payload"]["error"]


# -- the gateway's repository -------------------------------------------------------------------


async def test_the_gateway_without_its_dockerfile_path_does_not_build(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.connect(gateway, bare=True)
    failed = await railway.finished(place, gateway, "FAILED")
    assert await error_of(railway, failed) == (
        "BUILD_IMAGE",
        "Railpack could not determine how to build the app.",
    )
    assert failed["meta"]["serviceManifest"]["build"]["builder"] == "RAILPACK"
    assert failed["meta"]["fileServiceManifest"] == {}
    assert "configFile" not in failed["meta"]


async def test_the_settings_make_a_dockerfile_build_with_a_health_check(
    railway: Railway, place: Place, gateway: str
) -> None:
    assert await railway.update(gateway, place.environment, **GATEWAY_SETTINGS) is True
    await railway.connect(gateway, bare=True)
    manifest = await built(railway, place, gateway)
    assert manifest["build"]["builder"] == "DOCKERFILE"
    assert manifest["build"]["dockerfilePath"] == "docker/Dockerfile.gateway"
    assert manifest["deploy"]["healthcheckPath"] == "/health"
    assert manifest["deploy"]["healthcheckTimeout"] == 60
    assert (await settings(railway, place, gateway))["builder"] == "RAILPACK"


async def test_the_variable_alone_makes_a_dockerfile_build_without_a_health_check(
    railway: Railway, place: Place, gateway: str
) -> None:
    path = {"RAILWAY_DOCKERFILE_PATH": "docker/Dockerfile.gateway"}
    await railway.set_variables(place, gateway, path)
    await railway.connect(gateway, bare=True)
    manifest = await built(railway, place, gateway)
    assert manifest["build"]["builder"] == "DOCKERFILE"
    assert manifest["deploy"]["healthcheckPath"] is None
    (newest, *_) = await railway.deployments(place, gateway)
    steps = [step["step"] for step in railway.world.deployments[newest["id"]].steps]
    assert "HEALTHCHECK" not in steps


async def test_a_dockerfile_that_is_not_there_fails_the_build(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.update(gateway, dockerfilePath="docker/Dockerfile.elsewhere")
    await railway.connect(gateway, bare=True)
    failed = await railway.finished(place, gateway, "FAILED")
    step, said = await error_of(railway, failed)
    assert step == "BUILD_IMAGE"
    assert "docker/Dockerfile.elsewhere does not exist" in said


async def test_with_the_legacy_switch_the_config_file_is_read_and_overrides(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.configure(legacy_config_files=True)
    await railway.update(gateway, healthcheckPath="/ready", healthcheckTimeout=10)
    await railway.connect(gateway, bare=True)
    newest = await railway.finished(place, gateway)
    assert newest["meta"]["configFile"] == "railway.toml"
    assert newest["meta"]["fileServiceManifest"]["deploy"]["healthcheckPath"] == "/health"
    manifest = newest["meta"]["serviceManifest"]
    assert manifest["build"]["builder"] == "DOCKERFILE"
    assert manifest["deploy"]["healthcheckPath"] == "/health"
    assert manifest["deploy"]["healthcheckTimeout"] == 60
    assert manifest["deploy"]["restartPolicyMaxRetries"] == 3
    assert (await settings(railway, place, gateway))["healthcheckPath"] == "/ready"


async def test_what_was_made_with_a_config_file_loses_its_settings_at_its_next_deployment(
    railway: Railway,
) -> None:
    await railway.control("railway/populate", count=1, name="luthien-old", legacy=True)
    (project,) = railway.world.projects.values()
    environment = next(iter(railway.world.environments.of(project_id=project.id)))
    place = Place(project.id, environment.id)
    gateway = (await railway.services(place))["gateway"]
    (made,) = await railway.deployments(place, gateway)
    assert made["status"] == "SUCCESS"
    assert made["meta"]["serviceManifest"]["build"]["builder"] == "DOCKERFILE"
    assert made["meta"]["fileServiceManifest"]["deploy"]["healthcheckPath"] == "/health"
    shown = await settings(railway, place, gateway)
    assert (shown["dockerfilePath"], shown["healthcheckPath"]) == (None, None)
    assert (shown["restartPolicyType"], shown["restartPolicyMaxRetries"]) == ("ON_FAILURE", 10)
    await railway.ask(
        "mutation ($s: String!, $e: String!) "
        "{ serviceInstanceDeployV2(serviceId: $s, environmentId: $e) }",
        s=gateway,
        e=place.environment,
    )
    await railway.finished(place, gateway, "FAILED")


async def test_a_rollback_brings_the_old_manifest_back(railway: Railway) -> None:
    await railway.control("railway/populate", count=1, name="luthien-old", legacy=True)
    (project,) = railway.world.projects.values()
    environment = next(iter(railway.world.environments.of(project_id=project.id)))
    place = Place(project.id, environment.id)
    gateway = (await railway.services(place))["gateway"]
    (made,) = await railway.deployments(place, gateway)
    rollback = "mutation ($id: String!) { deploymentRollback(id: $id) }"
    assert await railway.ask(rollback, id=made["id"]) is True
    back = await railway.finished(place, gateway)
    assert back["id"] != made["id"]
    for key in ("serviceManifest", "fileServiceManifest", "configFile"):
        assert back["meta"][key] == made["meta"][key]


# -- other repositories ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dockerfiles", "root", "builder"),
    [
        ([], None, "RAILPACK"),
        (["Dockerfile"], None, "DOCKERFILE"),
        (["dockerfile"], None, "RAILPACK"),
        (["docker/Dockerfile"], None, "RAILPACK"),
        (["api/Dockerfile"], "api", "DOCKERFILE"),
        (["api/Dockerfile"], "/api", "DOCKERFILE"),
        (["Dockerfile"], "api", "RAILPACK"),
    ],
)
async def test_only_a_file_named_dockerfile_at_the_source_s_root_is_found(
    railway: Railway, place: Place, dockerfiles: list[str], root: str | None, builder: str
) -> None:
    await repository(railway, dockerfiles=dockerfiles)
    service = await railway.settled_service(place, "website")
    await railway.update(service, rootDirectory=root, numReplicas=1)
    await railway.connect(service, OTHER)
    assert (await built(railway, place, service))["build"]["builder"] == builder


@pytest.mark.parametrize(("status", "ends"), [(200, "SUCCESS"), (204, "SUCCESS"), (302, "FAILED")])
async def test_any_2xx_passes_a_health_check(
    railway: Railway, place: Place, status: int, ends: str
) -> None:
    await repository(railway, answers={"/up": status})
    service = await railway.settled_service(place, "website")
    await railway.set_variables(place, service, {"PORT": "8000"})
    await railway.update(service, healthcheckPath="/up", healthcheckTimeout=5)
    await railway.connect(service, OTHER)
    finished = await railway.finished(place, service, ends)
    if ends == "FAILED":
        assert await error_of(railway, finished) == (
            "HEALTHCHECK",
            "Health check failed with status 302",
        )


async def test_without_a_health_check_what_cannot_start_takes_the_old_one_s_place_and_crashes(
    railway: Railway,
) -> None:
    place, gateway, domain = await railway.instance_of_luthien()
    await railway.update(gateway, healthcheckPath=None)
    nowhere = {"DATABASE_URL": "postgresql://u:p@nowhere.railway.internal:5432/railway"}
    await railway.set_variables(place, gateway, nowhere, skipDeploys=False)
    await railway.finished(place, gateway, "CRASHED")
    async with railway.visit(domain) as visitor:
        assert (await visitor.get("/health")).status_code == 502


# -- metadata, and what the mutation says --------------------------------------------------------


async def test_metadata_is_half_filled_until_the_deployment_is_over(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.configure(pace=5)
    await railway.connect(gateway)
    (under_way,) = await railway.deployments(place, gateway)
    assert under_way["status"] not in ("SUCCESS", "FAILED")
    manifest = under_way["meta"]["serviceManifest"]
    assert manifest["build"]["builder"] == "RAILPACK"
    assert "healthcheckPath" not in manifest["deploy"]
    assert under_way["meta"]["fileServiceManifest"] == {}
    await railway.configure(pace=1)
    over = await railway.finished(place, gateway)
    assert over["meta"]["serviceManifest"]["build"]["builder"] == "DOCKERFILE"
    restart = "mutation ($id: String!) { deploymentRestart(id: $id) }"
    await railway.ask(restart, id=over["id"])
    (again,) = await railway.deployments(place, gateway)
    assert again["status"] == "DEPLOYING"
    assert again["meta"] == over["meta"], "what was over once stays filled"


async def test_false_means_that_nothing_changed(
    railway: Railway, place: Place, gateway: str
) -> None:
    assert await railway.update(gateway, **GATEWAY_SETTINGS) is True
    assert await railway.update(gateway, **GATEWAY_SETTINGS) is False
    await railway.configure(settings_frozen=True)
    assert await railway.update(gateway, healthcheckPath="/ready", numReplicas=1) is False
    assert (await settings(railway, place, gateway))["healthcheckPath"] == "/health"


async def test_replicas_go_back_to_one_when_they_are_not_sent_along(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.update(gateway, numReplicas=3)
    await railway.update(gateway, healthcheckPath="/health")
    await railway.connect(gateway, OTHER)
    assert (await settings(railway, place, gateway))["numReplicas"] is None
    await railway.update(gateway, numReplicas=3)
    await railway.update(gateway, healthcheckPath="/ready", numReplicas=3)
    assert (await settings(railway, place, gateway))["numReplicas"] == 3


async def test_a_config_file_s_path_is_refused_ignored_or_taken_off(
    railway: Railway, place: Place, gateway: str
) -> None:
    with pytest.raises(Refused, match=r"^Config as Code .* is deprecated"):
        await railway.update(gateway, railwayConfigFile="railway.toml")
    assert await railway.update(gateway, railwayConfigFile=None, numReplicas=1) is True
    await railway.configure(legacy_config_files=True)
    await railway.update(gateway, railwayConfigFile="deploy/railway.toml", numReplicas=1)
    await railway.configure(legacy_config_files=False)
    await railway.connect(gateway)
    await railway.finished(place, gateway)
    await railway.update(gateway, railwayConfigFile=None, numReplicas=1)
    shown = await settings(railway, place, gateway)
    assert shown["railwayConfigFile"] == "deploy/railway.toml"
    assert len(await railway.deployments(place, gateway)) == 1
    await railway.update(gateway, railwayConfigFile="", numReplicas=1)
    assert (await settings(railway, place, gateway))["railwayConfigFile"] is None
    assert len(await railway.deployments(place, gateway)) == 2


async def test_an_environment_patch_may_say_dockerfile_and_the_enum_does_not(
    railway: Railway, place: Place, gateway: str
) -> None:
    patch = {
        "services": {
            gateway: {"build": {"builder": "DOCKERFILE", "dockerfilePath": "docker/Dockerfile.x"}}
        }
    }
    await railway.ask(
        "mutation ($id: String!, $patch: EnvironmentConfig) "
        "{ environmentPatchCommit(environmentId: $id, patch: $patch) }",
        id=place.environment,
        patch=patch,
    )
    shown = await settings(railway, place, gateway)
    assert (shown["builder"], shown["dockerfilePath"]) == ("RAILPACK", "docker/Dockerfile.x")
    response = await railway.post(
        "mutation ($s: String!) "
        "{ serviceInstanceUpdate(serviceId: $s, input: {builder: DOCKERFILE}) }",
        s=gateway,
    )
    assert response.status_code == 400
