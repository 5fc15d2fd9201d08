"""Deployments after the first: sources, pushes, repeats, roll-backs, crashes, failures."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox_railway.client import (
    GATEWAY_VARIABLES,
    LUTHIEN,
    Place,
    Railway,
    Refused,
)

DEPLOY = """mutation ($service: String!, $environment: String!, $sha: String) {
  serviceInstanceDeployV2(serviceId: $service, environmentId: $environment, commitSha: $sha)
}"""
AUTO = """mutation ($input: ServiceInstanceAutoDeployUpdateInput!) {
  serviceInstanceAutoDeployUpdate(input: $input) { enabled }
}"""
AUTO_STATUS = """query ($project: String!, $environment: String!, $service: String!) {
  serviceInstanceAutoDeployStatus(
    projectId: $project, environmentId: $environment, serviceId: $service
  ) { enabled canEnable reason }
}"""


async def deploy(railway: Railway, place: Place, service: str, sha: str | None = None) -> str:
    return str(await railway.ask(DEPLOY, service=service, environment=place.environment, sha=sha))


async def auto(railway: Railway, place: Place, service: str) -> Any:
    return await railway.ask(
        AUTO_STATUS, project=place.project, environment=place.environment, service=service
    )


async def act(railway: Railway, action: str, deployment: str) -> Any:
    return await railway.ask(f"mutation ($id: String!) {{ {action}(id: $id) }}", id=deployment)


async def statuses(railway: Railway, place: Place, service: str) -> list[str]:
    return [d["status"] for d in await railway.deployments(place, service)]


@pytest.fixture
async def place(railway: Railway) -> Place:
    return await railway.project()


@pytest.fixture
async def gateway(railway: Railway, place: Place) -> str:
    """A gateway without databases: its process starts on SQLite, so its deployment succeeds."""
    service = await railway.settled_service(place)
    await railway.set_variables(place, service, {"PORT": "8000"})
    return service


# -- sources and pushes ------------------------------------------------------------------------


async def test_a_repository_deploys_at_once_and_again_on_a_push(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.connect(gateway, branch="dev")
    first = await railway.finished(place, gateway)
    assert (first["meta"]["branch"], first["meta"]["repo"]) == ("dev", LUTHIEN)
    assert (await auto(railway, place, gateway)) == {
        "enabled": True,
        "canEnable": True,
        "reason": None,
    }
    other = await railway.control("railway/push", repo=LUTHIEN, branch="main")
    assert other["deployments"] == []
    pushed = await railway.control("railway/push", repo=LUTHIEN, branch="dev")
    newest = await railway.finished(place, gateway)
    assert [newest["id"]] == pushed["deployments"]
    assert newest["meta"]["commitHash"] == pushed["commit"] != first["meta"]["commitHash"]


async def test_without_auto_deploy_a_push_deploys_nothing(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.connect(gateway)
    await railway.finished(place, gateway)
    where = {"projectId": place.project, "environmentId": place.environment, "serviceId": gateway}
    assert await railway.ask(AUTO, input={**where, "enabled": False}) == {"enabled": False}
    assert (await auto(railway, place, gateway))["enabled"] is False
    pushed = await railway.control("railway/push", repo=LUTHIEN, branch="main")
    assert pushed["deployments"] == []
    assert len(await railway.deployments(place, gateway)) == 1
    newest = await deploy(railway, place, gateway)  # on demand it takes the new commit
    (shown, *_) = await railway.deployments(place, gateway)
    assert shown["id"] == newest
    assert shown["meta"]["commitHash"] == pushed["commit"]


async def test_a_push_needs_a_known_repository(railway: Railway) -> None:
    reply = await railway.http.post(
        "/control/railway/push", json={"repo": "no/where", "branch": "main"}
    )
    assert reply.status_code == 400
    assert "no/where" in reply.json()["error"]


async def test_a_given_commit_is_deployed_an_unknown_one_refused(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.connect(gateway)
    await railway.finished(place, gateway)
    await deploy(railway, place, gateway, sha="7be41f0c9a2d4e6f8b1c3d5e7f9a0b2c4d6e8f01")
    newest = await railway.finished(place, gateway)
    assert newest["meta"]["commitHash"].startswith("7be41f0c")
    with pytest.raises(Refused, match=r"^Commit not found$"):
        await deploy(railway, place, gateway, sha="0" * 40)


async def test_access_to_repositories(railway: Railway) -> None:
    query = """query ($repo: String!) {
      gitHubRepoAccessAvailable(fullRepoName: $repo) { hasAccess isPublic }
    }"""
    assert await railway.ask(query, repo=LUTHIEN) == {"hasAccess": True, "isPublic": True}
    for repo in ("acme/private-thing", "no/where"):
        assert await railway.ask(query, repo=repo) == {"hasAccess": False, "isPublic": False}
    branches = await railway.ask(
        '{ githubRepoBranches(owner: "LuthienResearch", repo: "luthien-proxy") { name } }'
    )
    assert [b["name"] for b in branches] == ["main", "dev"]


@pytest.mark.parametrize(
    ("repo", "branch"), [("acme/private-thing", "main"), (LUTHIEN, "no-such-branch")]
)
async def test_code_that_cannot_be_fetched_fails_in_its_first_step(
    railway: Railway, place: Place, gateway: str, repo: str, branch: str
) -> None:
    await railway.connect(gateway, repo, branch)
    failed = await railway.finished(place, gateway, "FAILED")
    events = await railway.ask(
        "query ($id: String!) { deploymentEvents(id: $id) "
        "{ edges { node { step payload { error } } } } }",
        id=failed["id"],
    )
    (event,) = events["edges"]
    assert event["node"]["step"] == "SNAPSHOT_CODE"
    assert "no access" in event["node"]["payload"]["error"]
    assert failed["canRollback"] is False


async def test_a_service_without_a_source_cannot_be_deployed(
    railway: Railway, place: Place, gateway: str
) -> None:
    with pytest.raises(Refused):
        await deploy(railway, place, gateway)


async def test_a_newer_deployment_replaces_what_runs_and_what_is_under_way(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.connect(gateway)
    await railway.finished(place, gateway)
    await railway.configure(pace=5)
    await deploy(railway, place, gateway)
    await railway.configure(pace=1)
    await deploy(railway, place, gateway)
    assert (await statuses(railway, place, gateway))[1] == "REMOVED"  # was still under way

    async def replaced() -> bool:
        return await statuses(railway, place, gateway) == ["SUCCESS", "REMOVED", "REMOVED"]

    await railway.until(replaced)
    assert len((await railway.instance(place, gateway))["activeDeployments"]) == 1


async def test_instance_settings_do_not_deploy_until_asked(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.connect(gateway)
    await railway.finished(place, gateway)
    update = """mutation ($service: String!, $environment: String!,
                          $input: ServiceInstanceUpdateInput!) {
      serviceInstanceUpdate(serviceId: $service, environmentId: $environment, input: $input)
    }"""
    where = {"service": gateway, "environment": place.environment}
    change = {"preDeployCommand": ["alembic upgrade head"], "numReplicas": 2}
    assert await railway.ask(update, **where, input=change) is True
    assert (await railway.instance(place, gateway))["numReplicas"] == 2
    assert len(await railway.deployments(place, gateway)) == 1
    await deploy(railway, place, gateway)
    newest = await railway.finished(place, gateway)
    manifest = newest["meta"]["serviceManifest"]["deploy"]
    assert manifest["preDeployCommand"] == ["alembic upgrade head"]
    assert manifest["multiRegionConfig"] == {"us-west2": {"numReplicas": 2}}
    await railway.ask(update, **where, input={"numReplicas": None})
    assert (await railway.instance(place, gateway))["numReplicas"] is None
    with pytest.raises(Refused, match=r"^Error in preDeployCommand - Invalid input$"):
        await railway.ask(update, **where, input={"preDeployCommand": ["a", "b"]})


# -- repeating ---------------------------------------------------------------------------------


async def test_redeploy_waits_for_the_original_and_keeps_its_commit(
    railway: Railway, place: Place, gateway: str
) -> None:
    redeploy = "mutation ($id: String!) { deploymentRedeploy(id: $id) { id status } }"
    await railway.configure(pace=5)
    await railway.connect(gateway)
    (first,) = await railway.deployments(place, gateway)
    assert first["canRedeploy"] is False
    with pytest.raises(Refused, match="wait for the original deployment to finish building"):
        await railway.ask(redeploy, id=first["id"])
    await railway.configure(pace=1)
    await railway.finished(place, gateway)
    await railway.control("railway/push", repo=LUTHIEN, branch="dev")
    started = await railway.ask(redeploy, id=first["id"])
    assert started["status"] == "INITIALIZING"
    newest = await railway.finished(place, gateway)
    assert newest["id"] == started["id"]
    assert newest["meta"]["commitHash"] == first["meta"]["commitHash"]


async def test_a_rollback_brings_back_image_and_variables_in_a_new_deployment(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.set_variables(place, gateway, {"PORT": "8000", "LOG_LEVEL": "info"})
    await railway.connect(gateway)
    good = await railway.finished(place, gateway)
    await railway.set_variables(place, gateway, {"LOG_LEVEL": "debug"}, skipDeploys=False)
    await railway.finished(place, gateway)
    assert await act(railway, "deploymentRollback", good["id"]) is True
    back = await railway.finished(place, gateway)
    assert back["id"] not in (good["id"],)
    assert back["meta"]["reason"] == "rollback"
    steps = railway.world.deployments[back["id"]].steps
    assert "BUILD_IMAGE" not in [step["step"] for step in steps]
    assert railway.world.deployments[back["id"]].variables["LOG_LEVEL"] == "info"
    assert (await railway.variables(place, gateway))["LOG_LEVEL"] == "debug"


async def test_what_has_no_image_cannot_be_rolled_back_to(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.control(
        "railway/fail", project="luthien-acme", service="gateway", step="BUILD_IMAGE"
    )
    await railway.connect(gateway)
    failed = await railway.finished(place, gateway, "FAILED")
    with pytest.raises(Refused, match="snapshot"):
        await act(railway, "deploymentRollback", failed["id"])


async def test_restart_cancel_and_remove(railway: Railway, place: Place, gateway: str) -> None:
    await railway.configure(pace=5)
    await railway.connect(gateway)
    (first,) = await railway.deployments(place, gateway)
    with pytest.raises(Refused):
        await act(railway, "deploymentRestart", first["id"])
    await act(railway, "deploymentCancel", first["id"])
    assert await statuses(railway, place, gateway) == ["REMOVED"]
    with pytest.raises(Refused):
        await act(railway, "deploymentCancel", first["id"])
    await railway.configure(pace=1)
    await deploy(railway, place, gateway)
    running = await railway.finished(place, gateway)
    await act(railway, "deploymentRestart", running["id"])
    await railway.finished(place, gateway)
    assert railway.world.deployments[running["id"]].statuses[-3:] == [
        "SUCCESS",
        "DEPLOYING",
        "SUCCESS",
    ]
    await act(railway, "deploymentRemove", running["id"])

    async def gone() -> bool:
        return (await statuses(railway, place, gateway))[0] == "REMOVED"

    await railway.until(gone)


# -- going wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["BUILD_IMAGE", "CREATE_CONTAINER", "HEALTHCHECK"])
async def test_the_world_can_be_told_to_fail_a_step(
    railway: Railway, place: Place, gateway: str, step: str
) -> None:
    await railway.configure(fail_next={"luthien-acme/gateway": {"step": step, "error": "boom"}})
    await railway.connect(gateway)
    failed = await railway.finished(place, gateway, "FAILED")
    events = await railway.ask(
        "query ($id: String!) { deploymentEvents(id: $id, last: 1) "
        "{ edges { node { step completedAt payload { error } } } } }",
        id=failed["id"],
    )
    node = events["edges"][0]["node"]
    assert (node["step"], node["payload"]) == (step, {"error": "boom"})
    assert node["completedAt"] is not None
    logs = await railway.ask(
        "query ($id: String!) { buildLogs(deploymentId: $id) { message severity } }",
        id=failed["id"],
    )
    if step != "CREATE_CONTAINER":
        assert logs[-1]["severity"] == "error"
    await deploy(railway, place, gateway)  # only once
    await railway.finished(place, gateway)


async def test_a_crash_takes_the_database_away_and_a_restart_brings_it_back(
    railway: Railway,
) -> None:
    place, _gateway, domain = await railway.instance_of_luthien("luthien-b")
    crashed = await railway.control(
        "railway/crash", project="luthien-b", service="Postgres", message="disk is full"
    )
    postgres = (await railway.services(place))["Postgres"]
    assert (await statuses(railway, place, postgres)) == ["CRASHED"]
    logs = await railway.ask(
        'query ($id: String!) { deploymentLogs(deploymentId: $id, filter: "@level:error") '
        "{ message } }",
        id=crashed["deployment"],
    )
    assert [line["message"] for line in logs] == ["disk is full"]
    async with railway.visit(domain) as visitor:
        assert (await visitor.get("/health")).status_code == 200
        unready = await visitor.get("/ready")
        assert unready.status_code == 503
        assert "refused" in unready.json()["checks"]["database"]
        await act(railway, "deploymentRestart", crashed["deployment"])
        await railway.finished(place, postgres)
        assert (await visitor.get("/ready")).status_code == 200
    reply = await railway.http.post(
        "/control/railway/crash", json={"project": "luthien-b", "service": "nothing"}
    )
    assert reply.status_code == 400


async def test_a_gateway_whose_database_is_not_up_yet_fails_its_health_check(
    railway: Railway, place: Place
) -> None:
    """Its migrations run before it listens."""
    service = await railway.settled_service(place)
    values = {
        **GATEWAY_VARIABLES,
        "DATABASE_URL": "postgresql://u:p@postgres.railway.internal:5432/railway",
    }
    await railway.set_variables(place, service, values)
    await railway.connect(service)
    failed = await railway.finished(place, service, "FAILED")
    steps = railway.world.deployments[failed["id"]].steps
    assert steps[-1] == {"step": "HEALTHCHECK", "seconds": 60.0}  # railway.toml's timeout
    lines = await railway.ask(
        "query ($id: String!) { buildLogs(deploymentId: $id) { message } "
        "deploymentLogs(deploymentId: $id) { message severity } }",
        id=failed["id"],
    )
    assert lines["buildLogs"][-1]["message"].endswith("Healthcheck failed!")
    assert any(line["severity"] == "error" for line in lines["deploymentLogs"])


async def test_a_health_check_asks_port_whatever_the_gateway_listens_on(
    railway: Railway, place: Place
) -> None:
    service = await railway.settled_service(place)
    await railway.set_variables(place, service, {"GATEWAY_PORT": "8000"})
    await railway.connect(service)
    failed = await railway.finished(place, service, "FAILED")
    assert "8080" in railway.world.deployments[failed["id"]].events[-1]["payload"]["error"]


# -- lists -------------------------------------------------------------------------------------


async def test_deployments_are_filtered_by_status(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.connect(gateway)
    await railway.finished(place, gateway)
    await deploy(railway, place, gateway)
    await railway.finished(place, gateway)
    query = """query ($input: DeploymentListInput!) {
      deployments(input: $input) { edges { node { status } } }
    }"""
    where = {"projectId": place.project, "serviceId": gateway}

    async def count(status: dict[str, list[str]]) -> int:
        return len((await railway.ask(query, input={**where, "status": status}))["edges"])

    assert await count({"in": ["SUCCESS"]}) == 1
    assert await count({"notIn": ["SUCCESS"]}) == 1
    assert await count({"in": ["FAILED"]}) == 0


# -- held back --------------------------------------------------------------------------------


async def test_a_push_may_wait_for_checks_and_be_skipped(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.connect(gateway)
    await railway.finished(place, gateway)
    triggers = await railway.ask(
        """query ($project: String!, $environment: String!, $service: String!) {
          deploymentTriggers(projectId: $project, environmentId: $environment,
                             serviceId: $service) { edges { node { id branch checkSuites } } }
        }""",
        project=place.project,
        environment=place.environment,
        service=gateway,
    )
    (edge,) = triggers["edges"]
    assert edge["node"]["checkSuites"] is False
    await railway.ask(
        "mutation ($id: String!, $input: DeploymentTriggerUpdateInput!) "
        "{ deploymentTriggerUpdate(id: $id, input: $input) { checkSuites } }",
        id=edge["node"]["id"],
        input={"checkSuites": True},
    )
    await railway.control("railway/push", repo=LUTHIEN, branch="main")
    newest = await railway.finished(place, gateway)
    history = railway.world.deployments[newest["id"]].statuses
    assert history[:2] == ["WAITING", "INITIALIZING"]
    repos = railway.world.settings.repos
    await railway.configure(repos={**repos, LUTHIEN: {**repos[LUTHIEN], "checks": "failure"}})
    await railway.control("railway/push", repo=LUTHIEN, branch="main")

    async def skipped() -> bool:
        return (await statuses(railway, place, gateway))[:2] == ["SKIPPED", "SUCCESS"]

    await railway.until(skipped)


async def test_a_push_that_touches_nothing_watched_is_skipped(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.connect(gateway)
    await railway.finished(place, gateway)
    await railway.ask(
        """mutation ($service: String!, $input: ServiceInstanceUpdateInput!) {
          serviceInstanceUpdate(serviceId: $service, input: $input)
        }""",
        service=gateway,
        input={"watchPatterns": ["/src/**"]},
    )
    await railway.control("railway/push", repo=LUTHIEN, branch="main", files=["docs/a.md"])
    assert await statuses(railway, place, gateway) == ["SKIPPED", "SUCCESS"]
    await railway.control("railway/push", repo=LUTHIEN, branch="main", files=["src/a/b.py"])
    await railway.finished(place, gateway)


async def test_a_stranger_s_push_needs_approval(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.connect(gateway)
    await railway.finished(place, gateway)
    repos = railway.world.settings.repos
    await railway.configure(repos={**repos, LUTHIEN: {**repos[LUTHIEN], "needs_approval": True}})
    await railway.control("railway/push", repo=LUTHIEN, branch="main")
    (waiting, *_) = await railway.deployments(place, gateway)
    assert waiting["status"] == "NEEDS_APPROVAL"
    await act(railway, "deploymentApprove", waiting["id"])
    assert (await railway.finished(place, gateway))["id"] == waiting["id"]


async def test_a_serverless_deployment_sleeps_and_a_request_wakes_it(
    railway: Railway, place: Place, gateway: str
) -> None:
    await railway.ask(
        """mutation ($service: String!, $input: ServiceInstanceUpdateInput!) {
          serviceInstanceUpdate(serviceId: $service, input: $input)
        }""",
        service=gateway,
        input={"sleepApplication": True},
    )
    domain = await railway.domain(place, gateway)
    await railway.connect(gateway)

    async def asleep() -> bool:
        return await statuses(railway, place, gateway) == ["SLEEPING"]

    await railway.until(asleep)
    async with railway.visit(domain) as visitor:
        assert (await visitor.get("/health")).status_code == 200
    assert await statuses(railway, place, gateway) == ["SUCCESS"]
    await railway.until(asleep)
