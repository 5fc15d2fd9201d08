"""Variables: references, what is injected, what a change deploys."""

from __future__ import annotations

import pytest

from tests.contract.sandbox_railway.client import LUTHIEN, Place, Railway


@pytest.fixture
async def place(railway: Railway) -> Place:
    await railway.configure(service_interval=0)
    return await railway.project()


async def rendered(railway: Railway, place: Place, service: str, text: str) -> str:
    await railway.set_variables(place, service, {"PROBE": text})
    return (await railway.variables(place, service))["PROBE"]


async def test_references_follow_the_service_name_letter_case_included(
    railway: Railway, place: Place
) -> None:
    redis = await railway.settled_service(place, "Redis")
    gateway = await railway.settled_service(place, "gateway")
    await railway.set_variables(place, redis, {"REDIS_URL": "redis://x", "VIA": "${{REDIS_URL}}!"})
    assert await rendered(railway, place, gateway, "${{Redis.REDIS_URL}}") == "redis://x"
    assert await rendered(railway, place, gateway, "a ${{ Redis.REDIS_URL }} b") == "a redis://x b"
    assert await rendered(railway, place, gateway, "${{Redis.VIA}}") == "redis://x!"
    assert await rendered(railway, place, gateway, "${{redis.REDIS_URL}}") == ""
    assert await rendered(railway, place, gateway, "${{Redis.redis_url}}") == ""
    assert await rendered(railway, place, gateway, "${{Postgres.DATABASE_URL}}") == ""
    unrendered = await railway.variables(place, gateway, unrendered=True)
    assert unrendered == {"PROBE": "${{Postgres.DATABASE_URL}}"}


async def test_shared_variables_own_variables_and_circles(railway: Railway, place: Place) -> None:
    gateway = await railway.settled_service(place)
    await railway.set_variables(place, None, {"REGION": "eu"})
    assert await rendered(railway, place, gateway, "${{shared.REGION}}") == "eu"
    assert await rendered(railway, place, gateway, "${{REGION}}") == ""
    assert await rendered(railway, place, gateway, "${{PROBE}}x") == "x" * 21
    await railway.set_variables(place, gateway, {"PORT": "8000"})
    assert await rendered(railway, place, gateway, "${{PORT}}") == "8000"


async def test_port_is_injected_but_cannot_be_referenced(railway: Railway, place: Place) -> None:
    gateway = await railway.settled_service(place)
    assert await rendered(railway, place, gateway, "${{PORT}}") == ""
    assert await rendered(railway, place, gateway, "${{RAILWAY_PRIVATE_DOMAIN}}") == (
        "gateway.railway.internal"
    )
    await railway.connect(gateway)
    newest = (await railway.finished(place, gateway))["id"]
    snapshot = await railway.ask(
        "query ($id: String!) { deploymentSnapshot(deploymentId: $id) { variables } }", id=newest
    )
    assert snapshot["variables"]["PORT"] == "8080"
    assert snapshot["variables"]["RAILWAY_SERVICE_NAME"] == "gateway"
    assert snapshot["variables"]["RAILWAY_DEPLOYMENT_ID"] == newest
    assert snapshot["variables"]["RAILWAY_GIT_COMMIT_SHA"].startswith("0c0da232")


async def test_what_a_deployment_sees_has_railways_and_shared_ones_too(
    railway: Railway, place: Place
) -> None:
    gateway = await railway.settled_service(place)
    domain = await railway.domain(place, gateway)
    await railway.set_variables(place, None, {"REGION": "eu"})
    await railway.set_variables(place, gateway, {"URL": "https://${{RAILWAY_PUBLIC_DOMAIN}}"})
    shown = await railway.ask(
        """query ($project: String!, $environment: String!, $service: String!) {
          variablesForServiceDeployment(
            projectId: $project, environmentId: $environment, serviceId: $service)
        }""",
        project=place.project,
        environment=place.environment,
        service=gateway,
    )
    assert shown["URL"] == f"https://{domain}"
    assert shown["REGION"] == "eu"
    assert shown["RAILWAY_PROJECT_ID"] == place.project
    assert shown["RAILWAY_ENVIRONMENT_NAME"] == "production"


async def test_upsert_keeps_the_others_replace_does_not(railway: Railway, place: Place) -> None:
    gateway = await railway.settled_service(place)
    await railway.set_variables(place, gateway, {"A": "1", "B": "2"})
    await railway.set_variables(place, gateway, {"B": "3"})
    assert await railway.variables(place, gateway) == {"A": "1", "B": "3"}
    await railway.set_variables(place, gateway, {"C": "4"}, replace=True)
    assert await railway.variables(place, gateway) == {"C": "4"}
    where = {"projectId": place.project, "environmentId": place.environment, "serviceId": gateway}
    await railway.ask(
        "mutation ($input: VariableUpsertInput!) { variableUpsert(input: $input) }",
        input={**where, "name": "D", "value": "5"},
    )
    await railway.ask(
        "mutation ($input: VariableDeleteInput!) { variableDelete(input: $input) }",
        input={**where, "name": "C"},
    )
    assert await railway.variables(place, gateway) == {"D": "5"}


async def test_a_change_deploys_again_unless_told_not_to(railway: Railway, place: Place) -> None:
    gateway = await railway.settled_service(place)
    await railway.set_variables(place, gateway, {"A": "1"}, skipDeploys=False)
    assert await railway.deployments(place, gateway) == []  # nothing was deployed before
    await railway.connect(gateway, LUTHIEN)
    first = await railway.finished(place, gateway)
    await railway.set_variables(place, gateway, {"A": "2"})
    assert len(await railway.deployments(place, gateway)) == 1
    await railway.set_variables(place, gateway, {"A": "2"}, skipDeploys=False)
    assert len(await railway.deployments(place, gateway)) == 1  # nothing changed
    await railway.set_variables(place, gateway, {"A": "3"}, skipDeploys=False)
    newest = await railway.finished(place, gateway)
    assert newest["id"] != first["id"]
    assert newest["meta"]["commitHash"] == first["meta"]["commitHash"]


async def test_what_runs_keeps_the_values_it_was_started_with(railway: Railway) -> None:
    place, gateway, domain = await railway.instance_of_luthien()
    await railway.set_variables(place, gateway, {"DATABASE_URL": ""})
    async with railway.visit(domain) as visitor:
        assert (await visitor.get("/ready")).status_code == 200
        await railway.ask(
            "mutation ($service: String!, $environment: String!) "
            "{ serviceInstanceDeployV2(serviceId: $service, environmentId: $environment) }",
            service=gateway,
            environment=place.environment,
        )
        await railway.finished(place, gateway)
        assert (await visitor.get("/ready")).status_code == 503
