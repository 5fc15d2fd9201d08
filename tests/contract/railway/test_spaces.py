"""Spaces, tokens and limits as the stand-in has them."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine.capabilities import Database, DeployState
from engine.errors import NotConfigured, Refused, Rejected, Unreachable
from providers.railway.token import TokenKind
from tests.contract.railway.conftest import REPO

if TYPE_CHECKING:
    from collections.abc import Callable

    from providers.railway.provider import RailwayProvider
    from tests.contract.railway.conftest import Sandbox

NOBODY = "00000000-0000-4000-8000-000000000000"


async def test_a_thousand_instances_cost_at_most_three_calls(
    provider: RailwayProvider, sandbox: Sandbox
) -> None:
    sandbox.control("railway/populate", count=1000, name="luthien-n{n}", description="ready")
    await provider.describe_token()
    before = len(sandbox.asked())
    spaces = await provider.spaces()
    assert len(sandbox.asked()) - before <= 3
    assert {s.name for s in spaces} == {f"luthien-n{n}" for n in range(1, 1001)}
    for space in spaces:
        gateway = space.service("gateway")
        assert gateway is not None
        assert gateway.domain
        assert gateway.repo == REPO
        assert gateway.deployment is not None
        assert gateway.deployment.state is DeployState.RUNNING
        assert space.mark == "ready"
    before = len(sandbox.asked())
    found = await provider.find_space("luthien-n777")
    assert found is not None
    assert len(sandbox.asked()) - before <= 3


async def test_a_recent_listing_is_shown_again_until_it_may_be_wrong(
    provider: RailwayProvider, sandbox: Sandbox
) -> None:
    space = await provider.create_space("luthien-acme", mark="creating r-1")

    async def listed() -> tuple[int, list[str]]:
        """How many calls it cost, and the marks."""
        before = len(sandbox.asked())
        marks = [found.mark for found in await provider.spaces(recent=True)]
        return len(sandbox.asked()) - before, marks

    assert (await listed())[0] > 0
    assert await listed() == (0, ["creating r-1"])
    assert len(await provider.spaces()) == 1
    await provider.mark_space(space.id, "ready")
    asked, marks = await listed()
    assert asked > 0, "something was written"
    assert marks == ["ready"]
    await asyncio.wait_for(provider.forgotten(), 30)
    assert (await listed())[0] > 0, "that was a while ago"


async def test_creations_at_the_same_time_wait_in_line(
    provider: RailwayProvider, sandbox: Sandbox
) -> None:
    names = [f"luthien-n{n}" for n in range(5)]
    made = await asyncio.gather(*(provider.create_space(n, mark="creating r") for n in names))
    assert [s.name for s in made] == names
    assert {s.name for s in await provider.spaces()} == set(names)
    assert sandbox.asked().count("projectCreate") <= 2 * len(names), "no hammering"


async def test_names_are_exact_and_the_oldest_namesake_is_found(
    provider: RailwayProvider, sandbox: Sandbox
) -> None:
    first = await provider.create_space("luthien-acme", mark="ready")
    await provider.create_space("luthien-acme", mark="creating r-2")
    await provider.create_space("Luthien-Acme", mark="")
    found = await provider.find_space("luthien-acme")
    assert found is not None
    assert found.id == first.id
    assert await provider.find_space("LUTHIEN-ACME") is None
    assert await provider.find_space("luthien-acm") is None


async def test_what_is_not_there_is_none(provider: RailwayProvider, sandbox: Sandbox) -> None:
    assert await provider.space(NOBODY) is None
    await provider.delete_space(NOBODY)


async def test_a_name_that_railway_refuses(provider: RailwayProvider, sandbox: Sandbox) -> None:
    longest = "luthien-" + "x" * 24
    assert len(longest) == provider.space_name_limit
    with pytest.raises(Rejected, match="between 1 and 32"):
        await provider.create_space(longest + "x", mark="")
    await provider.create_space(longest, mark="")


# -- tokens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "kind", "words"),
    [
        ("sandbox-account", TokenKind.ACCOUNT, "account token of owner@sandbox.localhost"),
        ("sandbox-workspace", TokenKind.WORKSPACE, "workspace token of Luthien Sandbox"),
    ],
)
async def test_account_and_workspace_tokens_work_alike(
    connect: Callable[..., RailwayProvider],
    sandbox: Sandbox,
    token: str,
    kind: TokenKind,
    words: str,
) -> None:
    provider = connect(token)
    described = await provider.describe_token()
    assert described.token.kind is kind
    assert described.line.startswith(words)
    assert "requests left this hour" in described.line
    space = await provider.create_space("luthien-acme", mark="creating r-1")
    assert space.workspace == described.token.workspaces[0].id


async def test_a_project_token_is_recognised_and_refused(
    connect: Callable[..., RailwayProvider], sandbox: Sandbox
) -> None:
    space = await connect().create_space("luthien-acme", mark="ready")
    provider = connect("sandbox-project")
    described = await provider.describe_token()
    assert described.token.kind is TokenKind.PROJECT
    assert described.token.project_id == space.id
    assert "luthien-acme / production" in described.line
    with pytest.raises(Refused, match="project token"):
        await provider.spaces()
    seen = await provider.space(space.id)
    assert seen is not None
    assert seen.name == "luthien-acme"


async def test_a_token_that_nobody_gave_out(
    connect: Callable[..., RailwayProvider], sandbox: Sandbox
) -> None:
    with pytest.raises(NotConfigured, match="does not accept"):
        await connect("no-such-token").spaces()


async def test_several_workspaces_have_to_be_chosen_from(
    connect: Callable[..., RailwayProvider], sandbox: Sandbox
) -> None:
    [first] = sandbox.state()["workspaces"]
    second = {"id": "w-2", "name": "Another", "created_at": time.time()}
    sandbox.put(workspaces=[first, second])
    with pytest.raises(Refused) as caught:
        await connect().spaces()
    assert "Another: RAILWAY_WORKSPACE_ID=w-2" in caught.value.why
    chosen = connect(workspace_id="w-2")
    space = await chosen.create_space("luthien-acme", mark="ready")
    assert space.workspace == "w-2"
    assert [s.name for s in await chosen.spaces()] == ["luthien-acme"]
    assert not await connect(workspace_id=first["id"]).spaces()


@pytest.mark.parametrize(
    ("token", "kind", "owner"),
    [
        ("sandbox-account", "account token", "@"),
        ("sandbox-workspace", "workspace token", "Luthien Sandbox"),
        ("sandbox-project", "project token", " / production"),
    ],
)
async def test_our_own_access_is_told(
    connect: Callable[..., RailwayProvider], sandbox: Sandbox, token: str, kind: str, owner: str
) -> None:
    if token == "sandbox-project":
        await connect().create_space("luthien-acme", mark="ready")
    access = await connect(token).access()
    assert access.kind == kind
    assert owner in access.owner
    assert access.places
    assert access.rights
    assert ("list or create projects" in access.limits) is (kind == "project token")
    assert access.remaining is not None
    assert access.limit is not None
    assert 0 < access.remaining < access.limit
    assert access.resets_at is not None


# -- limits and outages ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["html", "500", "429", "1015", "lost-before", "truncated", "504-after"]
)
async def test_a_read_survives_trouble(
    provider: RailwayProvider, sandbox: Sandbox, kind: str
) -> None:
    await provider.create_space("luthien-acme", mark="ready")
    sandbox.fault("projects", kind)
    assert [s.name for s in await provider.spaces()] == ["luthien-acme"]


async def test_a_rate_limit_is_waited_for(
    connect: Callable[..., RailwayProvider], sandbox: Sandbox
) -> None:
    sandbox.settings(requests_per_second=1)
    provider = connect()
    many = await asyncio.gather(*(provider.find_space("luthien-acme") for _ in range(4)))
    assert many == [None] * 4


async def test_the_edges_harder_limit_is_for_requests_without_a_query_string(
    provider: RailwayProvider, sandbox: Sandbox
) -> None:
    sandbox.settings(edge_requests_per_10s=0)
    await provider.create_space("luthien-acme", mark="ready")
    for _ in range(20):
        assert await provider.find_space("luthien-acme") is not None
    requests = sandbox.requests()
    assert len(requests) > 40
    assert [r["url_query"] for r in requests] == [r["operation"] for r in requests]
    assert {r["status"] for r in requests} == {200}
    refused = sandbox.http.post(sandbox.railway, json={"query": "{ me { id } }"})
    assert refused.status_code == 429
    assert "Error" in refused.text


async def test_what_the_plan_forbids_is_told(provider: RailwayProvider, sandbox: Sandbox) -> None:
    sandbox.settings(restricted=True)
    with pytest.raises(Rejected, match="restricted") as caught:
        await provider.create_space("luthien-acme", mark="creating r-1")
    assert "payment" in caught.value.next_step


async def test_nobody_answers(provider: RailwayProvider, sandbox: Sandbox) -> None:
    for n in range(1, 9):
        sandbox.fault("*", "lost-before", n)
    with pytest.raises(Unreachable, match="does not answer"):
        await provider.spaces()


async def test_the_host_tells_its_time_and_what_its_services_keep(
    provider: RailwayProvider, sandbox: Sandbox
) -> None:
    assert provider.host_time() is None
    space = await provider.create_space("luthien-acme", mark="ready")
    postgres = await provider.add_database(space, Database.POSTGRES, name="Postgres")
    told = provider.host_time()
    assert told is not None
    assert abs(told - datetime.now(UTC)) < timedelta(minutes=1)
    [volume] = await provider.volumes(space)
    assert volume.service_id == postgres.id
    assert volume.size_mb > 0
