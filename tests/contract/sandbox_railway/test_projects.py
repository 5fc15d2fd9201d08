"""Projects: throttle, names, lists, pages, deletion."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.server import Settings
from tests.contract.sandbox_railway.client import Railway, Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

LIST = """query ($first: Int, $after: String, $deleted: Boolean) {
  projects(first: $first, after: $after, includeDeleted: $deleted) {
    edges { cursor node { id name description deletedAt
      environments { edges { node { id
        serviceInstances { edges { node {
          serviceName domains { serviceDomains { domain } }
          latestDeployment { id status createdAt }
        } } }
      } } }
    } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
UPDATE = """mutation ($id: String!, $input: ProjectUpdateInput!) {
  projectUpdate(id: $id, input: $input) { name description updatedAt }
}"""


async def listed(railway: Railway, **more: Any) -> list[str]:
    return [e["node"]["name"] for e in (await railway.ask(LIST, **more))["edges"]]


async def test_one_project_per_half_minute_and_workspace(slow: Railway) -> None:
    await slow.project("first")
    with pytest.raises(Refused) as caught:
        await slow.project("second")
    assert caught.value.status == 200
    assert str(caught.value) == (
        "You are creating projects too quickly. This workspace allows 1 project per 30 seconds. "
        "Try again shortly."
    )
    assert await listed(slow) == ["first"]


async def test_after_the_interval_the_next_project_is_allowed(
    run: Callable[[Settings], AbstractAsyncContextManager[Railway]],
) -> None:
    async with run(Settings(speed=200)) as railway:
        begun = time.monotonic()
        await railway.project("first")

        async def second() -> bool:
            try:
                await railway.project("second")
            except Refused:
                return False
            return True

        await railway.until(second)
        assert time.monotonic() - begun >= 30 / 200


@pytest.mark.parametrize("name", ["x" * 33, " ", "a\nb"])
async def test_names_have_limits(railway: Railway, name: str) -> None:
    with pytest.raises(Refused, match=r"Project names must be between 1 and 32|Invalid project"):
        await railway.project(name)
    place = await railway.project("x" * 32)
    with pytest.raises(Refused):
        await railway.ask(UPDATE, id=place.project, input={"name": name})


async def test_two_projects_may_have_one_name(railway: Railway) -> None:
    await railway.project("twin")
    await railway.configure(project_interval=0)
    await railway.project("twin")
    assert await listed(railway) == ["twin", "twin"]


async def test_a_restricted_workspace_creates_nothing(railway: Railway) -> None:
    await railway.configure(restricted=True)
    with pytest.raises(Refused, match="Your workspace has been restricted"):
        await railway.project()
    await railway.configure(restricted=False, provision_limit_exceeded=True)
    with pytest.raises(Refused, match="Free plan resource provision limit exceeded"):
        await railway.project()


async def test_update_changes_what_is_given_and_null_empties_the_description(
    railway: Railway,
) -> None:
    place = await railway.project("luthien-acme")
    shown = await railway.ask(UPDATE, id=place.project, input={"description": "creating run_1"})
    assert (shown["name"], shown["description"]) == ("luthien-acme", "creating run_1")
    shown = await railway.ask(UPDATE, id=place.project, input={"name": "luthien-b"})
    assert (shown["name"], shown["description"]) == ("luthien-b", "creating run_1")
    shown = await railway.ask(UPDATE, id=place.project, input={"description": None})
    assert (shown["name"], shown["description"]) == ("luthien-b", None)


async def test_tracing_is_kept_for_a_project_a_service_and_one_environment(
    railway: Railway,
) -> None:
    place = await railway.project()
    service = await railway.settled_service(place)
    await railway.ask(
        """mutation ($project: String!, $service: String!, $environment: String!) {
          projectUpdate(id: $project, input: {tracingEnabled: true, tracingSampleRate: 0.5}) { id }
          serviceUpdate(id: $service, input: {tracingEnabled: false,
                                              autoInstrumentationEnabled: true}) { id }
          serviceInstanceUpdate(serviceId: $service, environmentId: $environment,
                                input: {tracingEnabled: true, autoInstrumentationEnabled: true})
        }""",
        project=place.project,
        service=service,
        environment=place.environment,
    )
    read = """query ($project: String!, $service: String!, $environment: String!) {
      project(id: $project) { tracingEnabled tracingSampleRate }
      service(id: $service) { tracingEnabled autoInstrumentationEnabled }
      serviceInstance(serviceId: $service, environmentId: $environment) {
        tracingEnabled autoInstrumentationEnabled
      }
    }"""
    where = {"project": place.project, "service": service, "environment": place.environment}
    assert await railway.ask(read, **where) == {
        "project": {"tracingEnabled": True, "tracingSampleRate": 0.5},
        "service": {"tracingEnabled": False, "autoInstrumentationEnabled": True},
        "serviceInstance": {"tracingEnabled": True, "autoInstrumentationEnabled": True},
    }
    back = """mutation ($project: String!, $service: String!) {
      projectUpdate(id: $project, input: {tracingSampleRate: null}) { tracingSampleRate }
      serviceUpdate(id: $service, input: {tracingEnabled: null}) { tracingEnabled }
    }"""
    shown = await railway.ask(back, project=place.project, service=service)
    assert shown == {
        "projectUpdate": {"tracingSampleRate": None},
        "serviceUpdate": {"tracingEnabled": None},
    }


async def test_activity_tells_deployments_newest_first(railway: Railway) -> None:
    place, gateway, _ = await railway.instance_of_luthien()
    await railway.control("railway/crash", project=place.project, service="Redis")
    query = """query ($id: String!, $filter: EventFilterInput) {
      events(projectId: $id, filter: $filter) {
        edges { node { object action severity activityPayload } }
      }
    }"""
    every = [e["node"] for e in (await railway.ask(query, id=place.project))["edges"]]
    assert every[0]["action"] == "crashed"
    assert every[0]["severity"] == "CRITICAL"
    assert sorted(event["action"] for event in every) == ["crashed", "created"] + ["deployed"] * 3
    mine = await railway.ask(query, id=place.project, filter={"serviceId": {"in": [gateway]}})
    (edge,) = mine["edges"]
    assert edge["node"]["activityPayload"]["status"] == "SUCCESS"


# -- deletion ----------------------------------------------------------------------------------


async def test_deletion_is_soft_and_stops_everything(railway: Railway) -> None:
    place, gateway, domain = await railway.instance_of_luthien()
    await railway.ask("mutation ($id: String!) { projectDelete(id: $id) }", id=place.project)
    assert await listed(railway) == []
    assert await listed(railway, deleted=True) == ["luthien-acme"]
    shown = await railway.ask(
        "query ($id: String!) { project(id: $id) "
        "{ deletedAt services { edges { node { id } } } } }",
        id=place.project,
    )
    assert shown["deletedAt"] is not None
    assert shown["services"]["edges"] == []
    with pytest.raises(Refused, match="Project not found"):
        await railway.instance(place, gateway)
    async with railway.visit(domain) as visitor:
        reply = await visitor.get("/health")
    assert reply.status_code == 404
    assert reply.json()["message"] == "Application not found"


async def test_scheduled_deletion_happens_after_48_hours_and_can_be_cancelled(
    run: Callable[[Settings], AbstractAsyncContextManager[Railway]],
) -> None:
    async with run(Settings(speed=48 * 3600 / 0.3)) as railway:  # the grace is 0.3 s here
        place = await railway.project()
        call = "mutation ($id: String!) { %s(id: $id) }"
        assert await railway.ask(call % "projectScheduleDelete", id=place.project) is True
        assert await railway.ask(call % "projectScheduleDeleteCancel", id=place.project) is True
        with pytest.raises(Refused):
            await railway.ask(call % "projectScheduleDeleteForce", id=place.project)
        begun = time.monotonic()
        await railway.ask(call % "projectScheduleDelete", id=place.project)
        assert await listed(railway) == ["luthien-acme"]

        async def gone() -> bool:
            return await listed(railway) == []

        await railway.until(gone)
        assert time.monotonic() - begun >= 0.28


async def test_a_scheduled_deletion_can_be_forced(slow: Railway) -> None:
    place = await slow.project()
    call = "mutation ($id: String!) { %s(id: $id) }"
    await slow.ask(call % "projectScheduleDelete", id=place.project)
    await slow.ask(call % "projectScheduleDeleteForce", id=place.project)
    assert await listed(slow) == []


# -- pages -------------------------------------------------------------------------------------


async def test_a_thousand_instances_in_two_pages_quickly(railway: Railway) -> None:
    await railway.control("railway/populate", count=1000, name="luthien-i{n}", description="mark")
    begun = time.process_time()
    first = await railway.ask(LIST, first=500)
    took = time.process_time() - begun
    second = await railway.ask(LIST, first=500, after=first["pageInfo"]["endCursor"])
    assert took < 2
    assert first["pageInfo"]["hasNextPage"] is True
    assert second["pageInfo"]["hasNextPage"] is False
    assert second["pageInfo"]["hasPreviousPage"] is True
    nodes = [edge["node"] for edge in (*first["edges"], *second["edges"])]
    assert [node["name"] for node in nodes] == [f"luthien-i{n}" for n in range(1, 1001)]
    domain: dict[str, str] = {}
    for node in nodes[::97]:
        (environment,) = node["environments"]["edges"]
        shown = {
            e["node"]["serviceName"]: e["node"]
            for e in environment["node"]["serviceInstances"]["edges"]
        }
        assert set(shown) == {"Postgres", "Redis", "gateway"}
        assert {s["latestDeployment"]["status"] for s in shown.values()} == {"SUCCESS"}
        (domain,) = shown["gateway"]["domains"]["serviceDomains"]
    async with railway.visit(domain["domain"]) as visitor:
        assert (await visitor.get("/ready")).status_code == 200


async def test_pages_go_both_ways_and_refuse_foreign_cursors(railway: Railway) -> None:
    await railway.control("railway/populate", count=5, name="p{n}")
    query = """query ($last: Int, $before: String, $order: ProjectsOrderBy) {
      projects(last: $last, before: $before, orderBy: $order) {
        edges { node { name } } pageInfo { hasPreviousPage startCursor }
      }
    }"""
    end = await railway.ask(query, last=2)
    assert [e["node"]["name"] for e in end["edges"]] == ["p4", "p5"]
    middle = await railway.ask(query, last=2, before=end["pageInfo"]["startCursor"])
    assert [e["node"]["name"] for e in middle["edges"]] == ["p2", "p3"]
    newest = await railway.ask(query, order="CREATED_AT_DESC", last=5)
    assert [e["node"]["name"] for e in newest["edges"]] == ["p5", "p4", "p3", "p2", "p1"]
    with pytest.raises(Refused, match="cursor"):
        await railway.ask(LIST, after="nothing")
