"""Spaces: which projects there are, and what becomes of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from engine.capabilities import SETTING_NAMES, DeployState, Service
from engine.errors import OutcomeUnknown, Rejected
from providers.railway.provider import RailwayProvider
from providers.railway.translate import DEFAULTS
from tests.unit.providers.fakes import (
    FakeClock,
    FakeRailway,
    a_deployment,
    a_project,
    an_instance,
    data,
    edges,
    error,
)

LOST = httpx.ReadTimeout("silence")


async def test_a_project_is_told_in_our_words(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    gateway = an_instance(
        "gateway",
        "s-3",
        source={"repo": "LuthienResearch/luthien-proxy", "image": None},
        domains={
            "serviceDomains": [{"id": "x", "domain": "gw.up.railway.app", "targetPort": 8000}],
            "customDomains": [{"id": "y", "domain": "gw.example.com", "targetPort": 8000}],
        },
        latestDeployment=a_deployment("d-9", "SLEEPING", serviceId="s-3"),
    )
    redis = an_instance("Redis", "s-2", source={"repo": None, "image": "redis:8.2"})
    railway.on("projects", edges(a_project("luthien-acme", "p-1", redis, gateway)))
    [space] = await provider.spaces()
    assert (space.id, space.environment_id, space.name) == ("p-1", "e-1", "luthien-acme")
    assert (space.mark, space.workspace) == ("ready", "w-1")
    assert space.console_url == "https://railway.com/project/p-1"
    redis_shown = space.service("Redis")
    assert redis_shown is not None
    assert redis_shown == Service("s-2", "Redis", image="redis:8.2", settings=redis_shown.settings)
    assert redis_shown.settings == replace(DEFAULTS, defaults=frozenset(SETTING_NAMES))
    shown = space.service("gateway")
    assert shown is not None
    assert (shown.domain, shown.url) == ("gw.up.railway.app", "https://gw.up.railway.app")
    assert shown.repo == "LuthienResearch/luthien-proxy"
    assert shown.deployment is not None
    assert (shown.deployment.state, shown.deployment.phase) == (DeployState.RUNNING, "SLEEPING")
    assert shown.deployment.url == "https://railway.com/project/p-1/service/s-3?id=d-9"


async def test_service_names_are_case_sensitive(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("project", a_project("a", "p-1", an_instance("Postgres")))
    space = await provider.space("p-1")
    assert space is not None
    assert space.service("Postgres") is not None
    assert space.service("postgres") is None


async def test_a_service_that_only_the_project_shows_yet_counts(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    project = a_project("a", "p-1", an_instance("Redis", "s-1"))
    project["services"] = edges(
        {"id": "s-1", "name": "Redis"},
        {"id": "s-2", "name": "gateway"},
        {"id": "s-3", "name": "old", "deletedAt": "2026-01-01T00:00:00Z"},
    )
    railway.on("project", project)
    space = await provider.space("p-1")
    assert space is not None
    assert [s.name for s in space.services] == ["Redis", "gateway"]


@pytest.mark.parametrize(
    ("environments", "expected"),
    [
        ((("e-2", "staging"), ("e-1", "production")), "e-1"),
        ((("e-2", "dev"), ("e-9", "main")), "e-9"),
        ((("e-2", "dev"), ("e-3", "test")), "e-2"),
        ((), ""),
    ],
)
async def test_the_environment_that_is_the_instance(
    provider: RailwayProvider,
    railway: FakeRailway,
    environments: tuple[tuple[str, str], ...],
    expected: str,
) -> None:
    nodes = [{"id": i, "name": n, "serviceInstances": edges()} for i, n in environments]
    railway.on("project", a_project(environments=edges(*nodes), primaryEnvironmentId="e-9"))
    space = await provider.space("p-1")
    assert space is not None
    assert space.environment_id == expected


async def test_a_thousand_spaces_cost_two_calls(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    def page(asked: Any) -> object:
        start = int(asked.variables["after"] or 0)
        count = asked.variables["first"]
        more = str(start + count) if start + count < 1000 else None
        many = (a_project(f"n{i}", f"p-{i}") for i in range(start, start + count))
        return edges(*many, more=more)

    railway.on("projects", page)
    spaces = await provider.spaces()
    assert [s.name for s in spaces] == [f"n{i}" for i in range(1000)]
    assert railway.counts["projects"] == 2


async def test_who_asks_while_it_is_being_listed_waits_for_that(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    answered: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    railway.on("projects", lambda _: answered)
    watch = asyncio.create_task(provider.spaces())
    await railway.heard("projects")
    shown = [asyncio.create_task(provider.spaces(recent=True)) for _ in range(3)]
    await asyncio.sleep(0)
    watch.cancel()
    answered.set_result(data("projects", edges(a_project())))
    listings = await asyncio.gather(*shown)
    assert watch.cancelled()
    assert railway.counts["projects"] == 1
    assert {id(listing) for listing in listings} == {id(await provider.spaces(recent=True))}
    assert [space.name for space in listings[0]] == ["luthien-acme"]
    assert railway.counts["projects"] == 1, "it is shown again for a moment"


async def test_after_a_write_nobody_gets_what_was_being_listed_before_it(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    before: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    railway.on("projects", lambda _: before, edges(a_project(description="ready")))
    railway.on("projectUpdate", {"id": "p-1"})
    old = asyncio.create_task(provider.spaces(recent=True))
    await railway.heard("projects")
    await provider.mark_space("p-1", "ready")
    for recent in (True, False):
        [space] = await provider.spaces(recent=recent)
        assert space.mark == "ready"
    before.set_result(data("projects", edges(a_project(description="creating r-1"))))
    assert [space.mark for space in await old] == ["creating r-1"]
    [space] = await provider.spaces(recent=True)
    assert space.mark == "ready", "what came late is not kept"


async def test_a_listing_that_fails_fails_for_all_who_wait(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("projects", error("Not Authorized"), edges(a_project()))
    both = (provider.spaces(), provider.spaces(recent=True))
    refused = await asyncio.gather(*both, return_exceptions=True)
    assert [type(one) for one in refused] == [Rejected, Rejected]
    assert railway.counts["projects"] == 1
    assert len(await provider.spaces(recent=True)) == 1


async def test_deleted_projects_are_left_out(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    gone = a_project("gone", "p-2", deletedAt="2026-01-02T00:00:00Z")
    railway.on("projects", edges(a_project(), gone)).on("project", gone)
    assert [s.name for s in await provider.spaces()] == ["luthien-acme"]
    assert await provider.space("p-2") is None


async def test_the_oldest_of_several_namesakes_is_found(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on(
        "projectNames",
        edges(
            a_project("acme", "p-new", createdAt="2026-01-03T00:00:00Z"),
            a_project("acme", "p-old", createdAt="2026-01-01T00:00:00Z"),
            a_project("Acme", "p-case", createdAt="2025-01-01T00:00:00Z"),
        ),
    ).on("project", lambda asked: a_project("acme", asked.variables["id"]))
    found = await provider.find_space("acme")
    assert found is not None
    assert found.id == "p-old"
    assert await provider.find_space("acm") is None


# -- creating -------------------------------------------------------------------------------------


async def test_creating_says_name_mark_workspace_and_environment(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("projectCreate", a_project(description="creating r-1"))
    space = await provider.create_space("luthien-acme", mark="creating r-1")
    assert space.environment_id == "e-1"
    assert railway.asked[-1].variables["input"] == {
        "name": "luthien-acme",
        "description": "creating r-1",
        "workspaceId": "w-1",
        "defaultEnvironmentName": "production",
    }


async def test_a_lost_creation_is_recognised_by_name_and_mark(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    others = a_project("luthien-acme", "p-0", description="ready")
    ours = a_project("luthien-acme", "p-7", description="creating r-1")
    railway.on("projectCreate", LOST)
    railway.on("projectNames", edges(others), edges(others), edges(others, ours))
    railway.on("project", ours)
    space = await provider.create_space("luthien-acme", mark="creating r-1")
    assert space.id == "p-7"
    assert railway.counts["projectCreate"] == 1


async def test_a_lost_creation_that_leaves_no_trace_stays_unknown(
    provider: RailwayProvider, railway: FakeRailway, clock: FakeClock
) -> None:
    railway.on("projectCreate", LOST).on("projectNames", edges())
    with pytest.raises(OutcomeUnknown):
        await provider.create_space("luthien-acme", mark="creating r-1")
    assert railway.counts["projectCreate"] == 1
    assert clock.elapsed == 15


# -- marks ----------------------------------------------------------------------------------------


async def test_a_mark_replaces_the_description(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("projectUpdate", {"id": "p-1"})
    await provider.mark_space("p-1", "ready")
    assert railway.asked[-1].variables == {"id": "p-1", "input": {"description": "ready"}}


async def test_a_lost_mark_is_read_back(provider: RailwayProvider, railway: FakeRailway) -> None:
    railway.on("projectUpdate", LOST)
    railway.on("project", a_project(description="creating"), a_project(description="ready"))
    await provider.mark_space("p-1", "ready")
    with pytest.raises(OutcomeUnknown):
        await provider.mark_space("p-1", "something else")


# -- gone or not ----------------------------------------------------------------------------------


async def test_a_project_that_railway_does_not_find_is_gone(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("project", error("Project not found"))
    assert await provider.space("p-1") is None


async def test_not_authorized_means_gone_only_when_the_list_agrees(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("project", error("Not Authorized")).on("projectNames", edges())
    assert await provider.space("p-1") is None
    railway.on("projectNames", edges(a_project()))
    with pytest.raises(Rejected, match="does not show"):
        await provider.space("p-1")
    railway.on("projectNames", error("Not Authorized"))
    with pytest.raises(Rejected, match="Not Authorized"):
        await provider.space("p-1")


@pytest.mark.parametrize(
    "reply", [True, error("Not Authorized"), error("Project not found"), LOST], ids=repr
)
async def test_deleting_what_is_gone_is_fine(
    provider: RailwayProvider, railway: FakeRailway, reply: object
) -> None:
    railway.on("projectDelete", reply).on("project", error("Project not found"))
    await provider.delete_space("p-1")
    assert railway.counts["projectDelete"] == 1


@pytest.mark.parametrize(
    ("reply", "expected"), [(error("Not Authorized"), Rejected), (LOST, OutcomeUnknown)], ids=repr
)
async def test_a_delete_that_did_nothing_is_told(
    provider: RailwayProvider, railway: FakeRailway, reply: object, expected: type[Exception]
) -> None:
    railway.on("projectDelete", reply).on("project", a_project())
    with pytest.raises(expected):
        await provider.delete_space("p-1")
