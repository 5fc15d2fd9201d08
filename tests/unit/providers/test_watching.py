"""Everybody who waits for a deployment shares one poll."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from graphql import GraphQLEnumType, build_schema

from engine.capabilities import Deployment, DeployState, Space
from engine.errors import Rejected, Unreachable
from providers.railway.translate import STATES
from tests.unit.providers.fakes import FakeClock, FakeRailway, a_deployment, edges, error

if TYPE_CHECKING:
    from providers.railway.provider import RailwayProvider

SCHEMA = Path(__file__).parents[3] / "sandbox" / "railway" / "schema.graphql"


def space(id_: str = "p-1") -> Space:
    return Space(id_, "e-1", "acme", "ready", datetime(2026, 1, 1, tzinfo=UTC))


def projects(*deployments: dict[str, Any]) -> list[object]:
    return [{"environments": edges({"deployments": edges(d)})} for d in deployments]


async def follow(provider: RailwayProvider, number: int = 1) -> list[Deployment]:
    return [d async for d in provider.watch(space(f"p-{number}"), f"d-{number}")]


def phases(seen: list[Deployment]) -> list[str]:
    return [d.phase for d in seen]


def test_every_status_of_railways_schema_is_known() -> None:
    status = build_schema(SCHEMA.read_text(), assume_valid=True).type_map["DeploymentStatus"]
    assert isinstance(status, GraphQLEnumType)
    assert set(STATES) == set(status.values)


async def test_every_change_is_told_once_in_railways_words(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    steps = ["QUEUED", "BUILDING", "BUILDING", "BUILDING", "DEPLOYING", "SUCCESS"]
    railway.on("deployment", a_deployment("d-1", "INITIALIZING"))
    railway.on("projectsByIds", *(projects(a_deployment("d-1", s)) for s in steps))
    seen = await follow(provider)
    assert phases(seen) == ["INITIALIZING", "QUEUED", "BUILDING", "DEPLOYING", "SUCCESS"]
    assert seen[-1].state is DeployState.RUNNING


@pytest.mark.parametrize("status", ["SUCCESS", "SLEEPING", "FAILED", "CRASHED", "REMOVED"])
async def test_a_settled_deployment_needs_no_poll(
    provider: RailwayProvider, railway: FakeRailway, status: str
) -> None:
    railway.on("deployment", a_deployment("d-1", status))
    assert phases(await follow(provider)) == [status]
    assert railway.counts["projectsByIds"] == 0


async def test_a_status_that_railway_adds_is_passed_through(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("deployment", a_deployment("d-1", "WARMING_UP"))
    railway.on("projectsByIds", projects(a_deployment("d-1", "SUCCESS")))
    assert phases(await follow(provider)) == ["WARMING_UP", "SUCCESS"]


async def test_forty_waiting_deployments_cost_one_request_a_tick(
    provider: RailwayProvider, railway: FakeRailway, clock: FakeClock
) -> None:
    def now(asked: Any) -> object:
        status = "BUILDING" if clock.elapsed < 60 else "SUCCESS"
        numbers = [id_.split("-")[1] for id_ in asked.variables["ids"]]
        return projects(*(a_deployment(f"d-{n}", status) for n in numbers))

    railway.on("deployment", lambda asked: a_deployment(asked.variables["id"]))
    railway.on("projectsByIds", now)
    seen = await asyncio.gather(*(follow(provider, n) for n in range(1, 41)))
    assert [phases(s) for s in seen] == [["BUILDING", "SUCCESS"]] * 40
    assert railway.counts["projectsByIds"] == 30


async def test_a_hundred_projects_go_in_requests_of_fifty(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("deployment", lambda asked: a_deployment(asked.variables["id"]))
    railway.on(
        "projectsByIds",
        lambda asked: projects(
            *(a_deployment(f"d-{i.split('-')[1]}", "SUCCESS") for i in asked.variables["ids"])
        ),
    )
    await asyncio.gather(*(follow(provider, n) for n in range(100)))
    sizes = [len(a.variables["ids"]) for a in railway.asked if a.operation == "projectsByIds"]
    assert max(sizes) == 50
    assert sum(sizes) == 100


async def test_whoever_comes_later_joins_the_same_poll(
    provider: RailwayProvider, railway: FakeRailway, clock: FakeClock
) -> None:
    def now(_: Any) -> object:
        status = "BUILDING" if clock.elapsed < 20 else "SUCCESS"
        return projects(a_deployment("d-1", status), a_deployment("d-2", status))

    railway.on("deployment", lambda asked: a_deployment(asked.variables["id"]))
    railway.on("projectsByIds", now)
    first = asyncio.create_task(follow(provider, 1))
    await railway.heard("projectsByIds", 3)
    await asyncio.gather(first, follow(provider, 2))
    assert railway.counts["projectsByIds"] == 10


async def test_whoever_comes_during_a_request_waits_for_the_next(
    provider: RailwayProvider, railway: FakeRailway, clock: FakeClock
) -> None:
    late: list[asyncio.Task[list[Deployment]]] = []

    async def now(asked: Any) -> object:
        if not late:
            late.append(asyncio.create_task(follow(provider, 2)))
            await railway.heard("deployment", 2)
            for _ in range(20):
                await asyncio.sleep(0)
        numbers = [id_.split("-")[1] for id_ in asked.variables["ids"]]
        status = "BUILDING" if clock.elapsed < 6 else "SUCCESS"
        return projects(*(a_deployment(f"d-{n}", status) for n in numbers))

    railway.on("deployment", lambda asked: a_deployment(asked.variables["id"]))
    railway.on("projectsByIds", now)
    await follow(provider, 1)
    await asyncio.gather(*late)
    assert railway.counts["deployment"] == 2, "one look each, at the beginning"


async def test_the_poll_ends_with_the_last_watcher_and_begins_again(
    provider: RailwayProvider, railway: FakeRailway, clock: FakeClock
) -> None:
    railway.on("deployment", a_deployment("d-1"))
    railway.on("projectsByIds", projects(a_deployment("d-1", "SUCCESS")))
    await follow(provider)
    asked = len(railway.asked)
    assert provider._watch._poll is not None
    await asyncio.wait([provider._watch._poll])
    assert len(railway.asked) == asked
    await follow(provider)
    assert len(railway.asked) == asked + 2


async def test_the_poll_widens_with_the_budget(
    provider: RailwayProvider, railway: FakeRailway, clock: FakeClock
) -> None:
    """Hobby: 1,000 an hour; 300 of them for polling are one each 12 seconds."""
    railway.headers = {"X-RateLimit-Remaining": "1000", "X-RateLimit-Reset": "3600"}
    railway.on("deployment", a_deployment("d-1"))
    railway.on(
        "projectsByIds",
        lambda _: projects(a_deployment("d-1", "BUILDING" if clock.elapsed < 120 else "SUCCESS")),
    )
    await follow(provider)
    assert railway.counts["projectsByIds"] == 10


async def test_a_deployment_that_its_project_no_longer_lists_is_asked_for_itself(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("deployment", a_deployment("d-1"), a_deployment("d-1", "SUCCESS"))
    railway.on("projectsByIds", projects(a_deployment("d-77")))
    assert phases(await follow(provider)) == ["BUILDING", "SUCCESS"]


async def test_a_deployment_that_vanishes_counts_as_removed(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    gone = error("Not Authorized")
    railway.on("deployment", a_deployment("d-1"), gone, gone, gone).on("projectsByIds", [])
    seen = await follow(provider)
    assert phases(seen) == ["BUILDING", "REMOVED"]
    assert seen[-1].state is DeployState.REMOVED


async def test_a_new_deployment_may_take_a_moment_to_show(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    late = error("Deployment not found")
    railway.on("deployment", late, late, a_deployment("d-1", "SUCCESS"))
    assert phases(await follow(provider)) == ["SUCCESS"]


async def test_a_deployment_that_nobody_knows_is_refused(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("deployment", error("Deployment not found"))
    with pytest.raises(Rejected, match="no deployment d-1"):
        await follow(provider)


async def test_an_outage_reaches_everybody_and_the_next_watch_works(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("deployment", lambda asked: a_deployment(asked.variables["id"]))
    railway.on("projectsByIds", httpx.ConnectError("no route"))
    outcomes = await asyncio.gather(
        follow(provider, 1), follow(provider, 2), return_exceptions=True
    )
    assert [type(o) for o in outcomes] == [Unreachable, Unreachable]
    railway.on("projectsByIds", projects(a_deployment("d-1", "SUCCESS")))
    assert phases(await follow(provider, 1)) == ["BUILDING", "SUCCESS"]


async def test_closing_ends_the_poll(provider: RailwayProvider, railway: FakeRailway) -> None:
    railway.on("deployment", a_deployment("d-1"))
    railway.on("projectsByIds", projects(a_deployment("d-1")))
    watching = asyncio.create_task(follow(provider))
    await railway.heard("projectsByIds", 2)
    await provider.aclose()
    assert provider._watch._poll is not None
    assert provider._watch._poll.cancelled()
    watching.cancel()
    await asyncio.wait([watching])
