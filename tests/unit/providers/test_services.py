"""Services: adopted by name, wired in one write, reachable by one domain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from engine.capabilities import Database, Space
from engine.errors import NotConfigured, OutcomeUnknown, Rejected
from providers.railway.databases import filled_in
from providers.railway.provider import RailwayProvider
from tests.unit.providers.fakes import (
    FakeClock,
    FakeRailway,
    Whole,
    a_deployment,
    a_project,
    an_instance,
    edges,
    error,
)

LOST = httpx.ReadTimeout("silence")
SPACE = Space("p-1", "e-1", "luthien-acme", "creating r-1", datetime(2026, 1, 1, tzinfo=UTC))
PLACE = {"projectId": "p-1", "environmentId": "e-1", "serviceId": "s-1"}
REPO = "LuthienResearch/luthien-proxy"
EMPTY = a_project()
MADE = a_project("luthien-acme", "p-1", an_instance("gateway"))


# -- services -------------------------------------------------------------------------------------


async def test_a_service_is_made_without_a_source(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("project", EMPTY).on("serviceCreate", {"id": "s-1", "name": "gateway"})
    service = await provider.create_service(SPACE, "gateway")
    assert (service.id, service.name) == ("s-1", "gateway")
    expected = {"projectId": "p-1", "environmentId": "e-1", "name": "gateway"}
    assert railway.asked[-1].variables == {"input": expected}


async def test_a_service_of_exactly_this_name_is_adopted(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("project", MADE).on("serviceCreate", {"id": "s-2", "name": "Gateway"})
    assert (await provider.create_service(SPACE, "gateway")).id == "s-1"
    assert railway.counts["serviceCreate"] == 0
    assert (await provider.create_service(SPACE, "Gateway")).id == "s-2"


async def test_a_lost_service_is_found_by_its_name(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("project", EMPTY, EMPTY, MADE).on("serviceCreate", LOST)
    assert (await provider.create_service(SPACE, "gateway")).id == "s-1"
    assert railway.counts["serviceCreate"] == 1


async def test_a_lost_service_that_leaves_no_trace_stays_unknown(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("project", EMPTY).on("serviceCreate", LOST)
    with pytest.raises(OutcomeUnknown):
        await provider.create_service(SPACE, "gateway")
    assert railway.counts["serviceCreate"] == 1


# -- variables ------------------------------------------------------------------------------------


async def test_variables_are_written_at_once_and_deploy_nothing(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("variableCollectionUpsert", True)
    await provider.write_variables(SPACE, "s-1", {"A": "1", "B": "${{Redis.REDIS_URL}}"})
    assert railway.asked[-1].variables["input"] == {
        **PLACE,
        "variables": {"A": "1", "B": "${{Redis.REDIS_URL}}"},
        "replace": False,
        "skipDeploys": True,
    }


async def test_lost_variables_are_read_back(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("variableCollectionUpsert", LOST)
    railway.on("variables", {"A": "0"}, {"A": "1", "OTHER": "x"})
    await provider.write_variables(SPACE, "s-1", {"A": "1"})
    with pytest.raises(OutcomeUnknown):
        await provider.write_variables(SPACE, "s-1", {"A": "2"})


async def test_variables_as_written_and_as_resolved(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("variables", {"A": "1", "SEALED": None})
    assert await provider.variables(SPACE, "s-1") == {"A": "1"}
    assert railway.asked[-1].variables == {**PLACE, "unrendered": True}
    await provider.resolved_variables(SPACE, "s-1")
    assert railway.asked[-1].variables == {**PLACE, "unrendered": False}


# -- domains --------------------------------------------------------------------------------------


def domain(port: int | None = 8000) -> dict[str, Any]:
    return {"id": "x-1", "domain": "gw.up.railway.app", "targetPort": port}


NO_DOMAIN: dict[str, Any] = {"serviceDomains": [], "customDomains": []}
ONE_DOMAIN = {"serviceDomains": [domain()]}


async def test_a_domain_is_made(provider: RailwayProvider, railway: FakeRailway) -> None:
    railway.on("domains", NO_DOMAIN).on("serviceDomainCreate", domain())
    service = await provider.expose(SPACE, "s-1", port=8000)
    assert (service.domain, service.url) == ("gw.up.railway.app", "https://gw.up.railway.app")
    expected = {"environmentId": "e-1", "serviceId": "s-1", "targetPort": 8000}
    assert railway.asked[-1].variables == {"input": expected}


async def test_an_existing_domain_is_adopted(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("domains", ONE_DOMAIN)
    assert (await provider.expose(SPACE, "s-1", port=8000)).domain == "gw.up.railway.app"


@pytest.mark.parametrize("elsewhere", [None, 3000])
async def test_an_existing_domain_is_led_to_the_port(
    provider: RailwayProvider, railway: FakeRailway, elsewhere: int | None
) -> None:
    railway.on("domains", {"serviceDomains": [domain(elsewhere)]}).on("serviceDomainUpdate", True)
    await provider.expose(SPACE, "s-1", port=8000)
    assert railway.asked[-1].variables["input"]["targetPort"] == 8000
    assert railway.asked[-1].variables["input"]["serviceDomainId"] == "x-1"


async def test_a_lost_domain_is_adopted(provider: RailwayProvider, railway: FakeRailway) -> None:
    railway.on("domains", NO_DOMAIN, NO_DOMAIN, ONE_DOMAIN).on("serviceDomainCreate", LOST)
    assert (await provider.expose(SPACE, "s-1", port=8000)).domain == "gw.up.railway.app"
    assert railway.counts["serviceDomainCreate"] == 1


async def test_a_domain_for_a_service_that_is_not_everywhere_yet(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("domains", NO_DOMAIN)
    railway.on(
        "serviceDomainCreate",
        error("ServiceInstance not found"),
        error("Failed to create service domain, please try again"),
        domain(),
    )
    assert (await provider.expose(SPACE, "s-1", port=8000)).domain == "gw.up.railway.app"


# -- sources --------------------------------------------------------------------------------------


def wiring(repo: str | None = None, latest: dict[str, Any] | None = None, *branches: str) -> Whole:
    triggers = ({"repository": repo or "", "branch": branch} for branch in branches)
    return Whole(
        {
            "serviceInstance": {
                "source": {"repo": repo, "image": None} if repo else None,
                "latestDeployment": latest,
            },
            "deploymentTriggers": edges(*triggers),
        }
    )


async def test_connecting_adopts_the_deployment_that_appears(
    provider: RailwayProvider, railway: FakeRailway, clock: FakeClock
) -> None:
    railway.on("serviceInstance", wiring(), wiring(REPO), wiring(REPO, a_deployment("d-1")))
    railway.on("serviceConnect", {"id": "s-1"})
    deployment = await provider.connect_source(SPACE, "s-1", repo=REPO, branch="main")
    assert (deployment.id, deployment.branch, deployment.commit) == ("d-1", "main", "c" * 40)
    assert clock.elapsed == 1
    connected = next(a for a in railway.asked if a.operation == "serviceConnect")
    assert connected.variables == {"id": "s-1", "input": {"repo": REPO, "branch": "main"}}


async def test_connecting_starts_a_deployment_when_none_appears(
    provider: RailwayProvider, railway: FakeRailway, clock: FakeClock
) -> None:
    railway.on("serviceInstance", wiring(), wiring(REPO))
    railway.on("serviceConnect", {"id": "s-1"})
    railway.on("serviceInstanceDeployV2", "d-2")
    railway.on("deployment", error("Deployment not found"), a_deployment("d-2", "QUEUED"))
    deployment = await provider.connect_source(SPACE, "s-1", repo=REPO, branch="main")
    assert (deployment.id, deployment.phase) == ("d-2", "QUEUED")
    assert railway.counts["serviceInstanceDeployV2"] == 1
    assert clock.elapsed == 10


@pytest.mark.parametrize(
    "connected",
    [
        wiring(REPO, a_deployment("d-1"), "main"),
        wiring(REPO, a_deployment("d-1")),  # automatic deployments are off: no trigger
        wiring(REPO.lower(), a_deployment("d-1", "BUILDING"), "main"),
        wiring(REPO, a_deployment("d-1", meta=None), "main"),
    ],
)
async def test_connecting_again_returns_what_is_there(
    provider: RailwayProvider, railway: FakeRailway, connected: Whole
) -> None:
    railway.on("serviceInstance", connected)
    deployment = await provider.connect_source(SPACE, "s-1", repo=REPO, branch="main")
    assert deployment.id == "d-1"
    assert railway.counts.keys() == {"me", "serviceInstance"}


@pytest.mark.parametrize("end", ["FAILED", "CRASHED", "REMOVED"])
async def test_connecting_again_after_a_dead_deployment_starts_a_new_one_at_once(
    provider: RailwayProvider, railway: FakeRailway, clock: FakeClock, end: str
) -> None:
    railway.on("serviceInstance", wiring(REPO, a_deployment("d-1", end), "main"))
    railway.on("serviceInstanceDeployV2", "d-2")
    railway.on("deployment", a_deployment("d-2", "QUEUED"))
    deployment = await provider.connect_source(SPACE, "s-1", repo=REPO, branch="main")
    assert deployment.id == "d-2"
    assert railway.counts["serviceInstanceDeployV2"] == 1
    assert "serviceConnect" not in railway.counts
    assert clock.elapsed == 0


@pytest.mark.parametrize(
    "elsewhere",
    [
        wiring("somebody/else", a_deployment("d-0"), "main"),
        wiring(REPO, a_deployment("d-0", meta={"branch": "dev"}), "dev"),
        wiring(REPO, a_deployment("d-0", meta=None)),
    ],
)
async def test_another_source_is_replaced_and_its_deployment_not_adopted(
    provider: RailwayProvider, railway: FakeRailway, elsewhere: Whole
) -> None:
    new = wiring(REPO, a_deployment("d-1"), "main")
    railway.on("serviceInstance", elsewhere, elsewhere, new).on("serviceConnect", {"id": "s-1"})
    deployment = await provider.connect_source(SPACE, "s-1", repo=REPO, branch="main")
    assert deployment.id == "d-1"


async def test_a_lost_connection_is_read_back_and_not_repeated(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("serviceConnect", LOST)
    railway.on(
        "serviceInstance",
        wiring(),
        wiring(),
        wiring(REPO, None, "main"),
        wiring(REPO, a_deployment("d-1"), "main"),
    )
    deployment = await provider.connect_source(SPACE, "s-1", repo=REPO, branch="main")
    assert deployment.id == "d-1"
    assert railway.counts["serviceConnect"] == 1


async def test_a_lost_deployment_is_adopted(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    def seen(_: Any) -> Whole:
        sent = railway.counts["serviceInstanceDeployV2"]
        return wiring(REPO, a_deployment("d-5") if sent else None, "main")

    railway.on("serviceInstance", seen).on("serviceInstanceDeployV2", LOST)
    deployment = await provider.connect_source(SPACE, "s-1", repo=REPO, branch="main")
    assert deployment.id == "d-5"
    assert railway.counts["serviceInstanceDeployV2"] == 1


async def test_a_project_token_cannot_connect(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    no = error("Not Authorized")
    token = {
        "name": "t",
        "projectId": "p-1",
        "environmentId": "e-1",
        "project": {"name": "acme"},
        "environment": {"name": "production"},
    }
    railway.on("me", no).on("apiToken", no).on("projectToken", token)
    with pytest.raises(NotConfigured, match="connect a repository"):
        await provider.connect_source(SPACE, "s-1", repo=REPO, branch="main")


async def test_pushes_are_ignored_once_that_is_read_back(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("serviceInstanceAutoDeployUpdate", {"enabled": False})
    railway.on("serviceInstanceAutoDeployStatus", {"enabled": True}, {"enabled": False})
    await provider.stop_following_pushes(SPACE, "s-1")
    assert railway.counts["serviceInstanceAutoDeployStatus"] == 2


async def test_pushes_that_are_still_followed_are_told(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("serviceInstanceAutoDeployUpdate", {"enabled": False})
    railway.on("serviceInstanceAutoDeployStatus", {"enabled": True})
    with pytest.raises(Rejected, match="every push"):
        await provider.stop_following_pushes(SPACE, "s-1")
    railway.on("serviceInstanceAutoDeployUpdate", LOST)
    with pytest.raises(OutcomeUnknown):
        await provider.stop_following_pushes(SPACE, "s-1")


@pytest.mark.parametrize(("has", "public"), [(True, False), (False, True), (False, False)])
async def test_access_to_a_repository(
    provider: RailwayProvider, railway: FakeRailway, has: bool, public: bool
) -> None:
    railway.on("gitHubRepoAccessAvailable", {"hasAccess": has, "isPublic": public})
    access = await provider.repository_access(REPO)
    assert (access.readable, access.public) == (has, public)
    assert ("LuthienResearch" in access.how) is not (has or public)


# -- databases ------------------------------------------------------------------------------------

CONFIG = {
    "services": {
        "u-1": {
            "name": "Postgres",
            "variables": {
                "POSTGRES_PASSWORD": {"defaultValue": '${{ secret(32, "a-zA-Z") }}'},
                "PGPORT": {"value": "5432", "defaultValue": "1"},
                "EMPTY": {"isOptional": True},
            },
        }
    }
}
TEMPLATE = {"id": "t-1", "name": "Postgres", "serializedConfig": CONFIG}
WORKFLOW = {"projectId": "p-1", "workflowId": "deployTemplate/project/p-1/abc"}
WITH_POSTGRES = a_project("luthien-acme", "p-1", an_instance("Postgres", "s-9"))


async def test_a_database_is_made_as_railways_own_tool_makes_it(
    provider: RailwayProvider, railway: FakeRailway, clock: FakeClock
) -> None:
    running = [{"status": "NotFound"}, {"status": "Running"}, {"status": "Complete"}]
    railway.on("project", EMPTY, WITH_POSTGRES).on("template", TEMPLATE)
    railway.on("templateDeployV2", WORKFLOW).on("workflowStatus", *running)
    service = await provider.add_database(SPACE, Database.POSTGRES, name="Postgres")
    assert (service.id, service.name) == ("s-9", "Postgres")
    assert clock.elapsed == 2
    sent = next(a for a in railway.asked if a.operation == "templateDeployV2").variables["input"]
    assert sent.keys() == {"templateId", "projectId", "environmentId", "serializedConfig"}
    variables = sent["serializedConfig"]["services"]["u-1"]["variables"]
    assert variables["POSTGRES_PASSWORD"]["value"] == '${{ secret(32, "a-zA-Z") }}'
    assert variables["PGPORT"]["value"] == "5432"
    assert "value" not in variables["EMPTY"]


def test_a_template_takes_the_wanted_name_and_is_not_changed_itself() -> None:
    ready = filled_in(CONFIG, "Archive")
    assert ready["services"]["u-1"]["name"] == "Archive"
    assert CONFIG["services"]["u-1"]["name"] == "Postgres"
    assert "value" not in CONFIG["services"]["u-1"]["variables"]["POSTGRES_PASSWORD"]  # type: ignore[index]


async def test_a_database_of_exactly_this_name_is_adopted(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("project", WITH_POSTGRES)
    service = await provider.add_database(SPACE, Database.POSTGRES, name="Postgres")
    assert service.id == "s-9"
    assert railway.counts.keys() == {"me", "project"}


@pytest.mark.parametrize("reply", [LOST, {"projectId": "p-1", "workflowId": None}], ids=repr)
async def test_a_database_without_a_workflow_to_wait_for_is_found_by_name(
    provider: RailwayProvider, railway: FakeRailway, reply: object
) -> None:
    railway.on("project", EMPTY, EMPTY, EMPTY, WITH_POSTGRES).on("template", TEMPLATE)
    railway.on("templateDeployV2", reply)
    service = await provider.add_database(SPACE, Database.POSTGRES, name="Postgres")
    assert service.id == "s-9"
    assert railway.counts["templateDeployV2"] == 1


async def test_a_workflow_that_fails_is_told(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    failed = {"status": "Error", "error": "no region; password=hunter22canary-4f7d2k9m"}
    railway.on("project", EMPTY).on("template", TEMPLATE)
    railway.on("templateDeployV2", WORKFLOW).on("workflowStatus", failed)
    with pytest.raises(Rejected) as caught:
        await provider.add_database(SPACE, Database.POSTGRES, name="Postgres")
    assert "no region" in caught.value.why
    assert "hunter22" not in caught.value.why


async def test_a_workflow_that_was_throttled_is_started_again(
    provider: RailwayProvider, railway: FakeRailway, clock: FakeClock
) -> None:
    pal = "Whoa there pal! You are creating volumes too quickly. Try again in a sec"
    throttled = {"status": "Error", "error": pal}
    railway.on("project", EMPTY, EMPTY, WITH_POSTGRES).on("template", TEMPLATE)
    railway.on("templateDeployV2", WORKFLOW)
    railway.on("workflowStatus", throttled, {"status": "Complete"})
    service = await provider.add_database(SPACE, Database.POSTGRES, name="Postgres")
    assert service.id == "s-9"
    assert railway.counts["templateDeployV2"] == 2
    assert clock.elapsed == 5
    railway.on("project", EMPTY).on("workflowStatus", throttled)
    with pytest.raises(Rejected, match="could not add"):
        await provider.add_database(SPACE, Database.POSTGRES, name="Postgres")


async def test_a_throttled_workflow_that_left_a_database_is_enough(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    throttled = {"status": "Error", "error": "creating volumes too quickly"}
    railway.on("project", EMPTY, WITH_POSTGRES).on("template", TEMPLATE)
    railway.on("templateDeployV2", WORKFLOW).on("workflowStatus", throttled)
    service = await provider.add_database(SPACE, Database.POSTGRES, name="Postgres")
    assert service.id == "s-9"
    assert railway.counts["templateDeployV2"] == 1


async def test_a_workflow_without_end_is_unknown_after_two_minutes(
    provider: RailwayProvider, railway: FakeRailway, clock: FakeClock
) -> None:
    railway.on("project", EMPTY).on("template", TEMPLATE)
    railway.on("templateDeployV2", WORKFLOW).on("workflowStatus", {"status": "Running"})
    with pytest.raises(OutcomeUnknown):
        await provider.add_database(SPACE, Database.POSTGRES, name="Postgres")
    assert railway.counts["workflowStatus"] == 120
    assert 120 <= clock.elapsed < 140
