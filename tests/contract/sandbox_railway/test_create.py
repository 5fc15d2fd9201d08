"""The way to an instance: propagation, workflows, phases, and what stands at its end."""

from __future__ import annotations

import asyncio
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.contract.sandbox_railway.client import (
    GATEWAY_VARIABLES,
    Place,
    Railway,
    Refused,
)

EVENTS = """query ($id: String!) {
  deploymentEvents(id: $id) {
    edges { node { step createdAt completedAt payload { error durationMs } } }
  }
}"""


async def test_a_new_service_is_not_found_until_it_has_propagated(slow: Railway) -> None:
    place = await slow.project()
    service = await slow.service(place)
    assert await slow.services(place) == {"gateway": service}
    with pytest.raises(Refused, match=r"^ServiceInstance not found$"):
        await slow.instance(place, service)
    with pytest.raises(Refused, match=r"^Failed to create service domain, please try again$"):
        await slow.domain(place, service)
    await slow.set_variables(place, service, {"A": "1"})  # variables need no instance
    assert await slow.variables(place, service) == {"A": "1"}


async def test_services_in_quick_succession_are_too_recent(slow: Railway) -> None:
    place = await slow.project()
    await slow.service(place, "one")
    with pytest.raises(Refused, match="too recently updated"):
        await slow.service(place, "two")


async def test_a_service_name_exists_once_in_a_project(railway: Railway) -> None:
    place = await railway.project()
    await railway.settled_service(place, "gateway")
    with pytest.raises(
        Refused, match=r'^A service named "gateway" already exists in this project$'
    ):
        await railway.service(place, "gateway")
    with pytest.raises(Refused, match="Invalid service name"):
        await railway.service(place, "x" * 49)


async def test_a_workflow_is_unknown_then_running_then_complete(railway: Railway) -> None:
    place = await railway.project()
    await railway.configure(workflow_hidden=150, workflow_running=[150, 150])
    workflow = await railway.start_template(place, "postgres")
    assert workflow.startswith(f"deployTemplate/project/{place.project}/")
    seen: list[str] = []

    async def complete() -> bool:
        status = (await railway.workflow(workflow))["status"]
        if status not in seen:
            seen.append(status)
        return bool(status == "Complete")

    await railway.until(complete)
    assert seen == ["NotFound", "Running", "Complete"]
    assert (await railway.workflow("nothing"))["status"] == "NotFound"


async def test_a_database_is_a_running_service_with_secrets_and_a_volume(railway: Railway) -> None:
    place = await railway.project()
    postgres = await railway.database(place, "postgres")
    await railway.finished(place, postgres)
    raw = await railway.variables(place, postgres, unrendered=True)
    password = raw["POSTGRES_PASSWORD"]
    assert len(password) == 32
    assert password.isalpha()
    assert raw["PGHOST"] == "${{RAILWAY_PRIVATE_DOMAIN}}"
    rendered = await railway.variables(place, postgres)
    assert rendered["DATABASE_URL"] == (
        f"postgresql://postgres:{password}@postgres.railway.internal:5432/railway"
    )
    shown = await railway.ask(
        "query ($id: String!) { environment(id: $id) { volumeInstances { edges { node "
        "{ mountPath serviceId state } } } } }",
        id=place.environment,
    )
    (edge,) = shown["volumeInstances"]["edges"]
    assert edge["node"] == {
        "mountPath": "/var/lib/postgresql/data",
        "serviceId": postgres,
        "state": "READY",
    }


async def test_a_second_database_of_a_kind_gets_a_name_of_its_own(railway: Railway) -> None:
    place = await railway.project()
    await railway.database(place, "postgres")
    await railway.database(place, "postgres")
    names = sorted(await railway.services(place))
    assert names[0] == "Postgres"
    assert names[1].startswith("Postgres-")


async def test_a_template_with_a_required_blank_is_refused(railway: Railway) -> None:
    place = await railway.project()
    template = await railway.ask('{ template(code: "redis") { id serializedConfig } }')
    (service,) = template["serializedConfig"]["services"].values()
    del service["variables"]["REDIS_PASSWORD"]["defaultValue"]
    with pytest.raises(Refused, match=r"^Problem processing request$"):
        await railway.ask(
            "mutation ($input: TemplateDeployV2Input!) "
            "{ templateDeployV2(input: $input) { workflowId } }",
            input={
                "templateId": template["id"],
                "serializedConfig": template["serializedConfig"],
                "projectId": place.project,
                "environmentId": place.environment,
            },
        )


async def test_an_instance_comes_up_through_every_phase(railway: Railway) -> None:
    await railway.configure(pace=3)
    place = await railway.project()
    for code in ("postgres", "redis"):
        await railway.database(place, code)
    gateway = await railway.settled_service(place)
    await railway.set_variables(place, gateway, GATEWAY_VARIABLES)
    domain = await railway.domain(place, gateway)
    assert domain.startswith("gateway-production-")
    assert domain.endswith(".localhost")
    await railway.connect(gateway)
    seen = await statuses(railway, place, gateway)
    (deployment,) = await railway.deployments(place, gateway)
    history = railway.world.deployments[deployment["id"]].statuses
    assert history == ["INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS"]
    assert seen == [status for status in history if status in seen]
    assert len(seen) >= 2
    assert deployment["meta"]["commitHash"].startswith("0c0da232")
    assert deployment["meta"]["branch"] == "main"
    events = [e["node"] for e in (await railway.ask(EVENTS, id=deployment["id"]))["edges"]]
    assert [event["step"] for event in events] == [
        "SNAPSHOT_CODE",
        "BUILD_IMAGE",
        "PUBLISH_IMAGE",
        "CREATE_CONTAINER",
        "CONFIGURE_NETWORK",
        "HEALTHCHECK",
    ]
    for earlier, later in pairwise(events):
        assert earlier["completedAt"] == later["createdAt"]
        assert datetime.fromisoformat(earlier["createdAt"]).tzinfo is not None
    async with railway.visit(domain) as visitor:
        assert (await visitor.get("/health")).json()["status"] == "healthy"
        assert (await visitor.get("/ready")).status_code == 200


async def statuses(railway: Railway, place: Place, service: str) -> list[str]:
    seen: list[str] = []

    async def done() -> bool:
        status = (await railway.deployments(place, service))[0]["status"]
        if status not in seen:
            seen.append(status)
        return status in ("SUCCESS", "FAILED")

    await railway.until(done)
    return seen


async def test_the_seed_decides_ids_and_durations(run: Any) -> None:
    async def story(seed: int) -> tuple[Any, ...]:
        from sandbox.server import Settings

        async with run(Settings(speed=5000, seed=seed)) as railway:
            place, gateway, domain = await railway.instance_of_luthien()
            deployment = (await railway.deployments(place, gateway))[0]
            steps = railway.world.deployments[deployment["id"]].steps
            return place, gateway, domain, deployment["id"], steps

    first, again, other = await asyncio.gather(story(1), story(1), story(2))
    assert first == again
    assert all(mine != theirs for mine, theirs in zip(first, other, strict=True))


async def test_durations_are_railways(railway: Railway) -> None:
    """Databases in half a minute, a first build of the gateway in one to two minutes."""
    place, gateway, _ = await railway.instance_of_luthien()
    for name, service in (await railway.services(place)).items():
        newest = (await railway.deployments(place, service))[0]["id"]
        seconds = sum(s["seconds"] for s in railway.world.deployments[newest].steps)
        assert (60 <= seconds <= 130) if service == gateway else (17 <= seconds <= 40), name
