"""Which kind of token it is, and which workspace follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from engine.errors import NotConfigured, Refused, Unreachable
from providers.railway.provider import RailwayProvider
from providers.railway.token import TokenKind
from tests.unit.providers.conftest import TOKEN, URL
from tests.unit.providers.fakes import ME, FakeClock, FakeRailway, edges, error

if TYPE_CHECKING:
    from collections.abc import Callable

NO = error("Not Authorized")
TWO = [{"id": "w-1", "name": "Luthien"}, {"id": "w-2", "name": "Side project"}]
PROJECT_TOKEN = {
    "name": "ci",
    "projectId": "p-1",
    "environmentId": "e-1",
    "project": {"name": "luthien-acme"},
    "environment": {"name": "production"},
}


def by_header(asked: Any) -> object:
    return PROJECT_TOKEN if asked.headers.get("project-access-token") == TOKEN else NO


def account(railway: FakeRailway) -> None:
    railway.on("me", ME)


def workspace(railway: FakeRailway) -> None:
    railway.on("me", NO).on("apiToken", {"workspaces": [{"id": "w-1", "name": "Luthien"}]})


def project(railway: FakeRailway) -> None:
    railway.on("me", NO).on("apiToken", NO).on("projectToken", by_header)


def unknown(railway: FakeRailway) -> None:
    railway.on("me", NO).on("apiToken", NO).on("projectToken", error("Project Token not found"))


@pytest.mark.parametrize(
    ("kind", "prepare", "questions", "line"),
    [
        (TokenKind.ACCOUNT, account, 1, "account token of ada@example.com (Luthien)"),
        (TokenKind.WORKSPACE, workspace, 2, "workspace token of Luthien"),
        (
            TokenKind.PROJECT,
            project,
            3,
            "project token of luthien-acme / production: cannot list or create projects",
        ),
    ],
)
async def test_each_kind_is_recognised_and_described_in_one_line(
    provider: RailwayProvider,
    railway: FakeRailway,
    kind: TokenKind,
    prepare: Callable[[FakeRailway], None],
    questions: int,
    line: str,
) -> None:
    prepare(railway)
    described = await provider.describe_token()
    assert described.token.kind is kind
    assert described.line == line
    assert len(railway.asked) == questions


async def test_work_asks_for_the_kind_once_but_a_description_is_never_stale(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("projects", edges())
    await provider.spaces()
    await provider.spaces()
    assert railway.counts["me"] == 1
    unknown(railway)
    with pytest.raises(NotConfigured):
        await provider.describe_token()


async def test_the_line_tells_what_is_left_of_the_hour(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.headers = {"X-RateLimit-Limit": "10000", "X-RateLimit-Remaining": "9876"}
    described = await provider.describe_token()
    assert described.remaining == 9876
    assert described.line.endswith("; 9,876 of 10,000 requests left this hour")


@pytest.mark.parametrize("refusal", [NO, httpx.Response(401, json={"message": "Unauthorized"})])
async def test_a_token_that_railway_does_not_know(
    provider: RailwayProvider, railway: FakeRailway, refusal: httpx.Response
) -> None:
    unknown(railway)
    railway.on("me", refusal)
    with pytest.raises(NotConfigured, match="does not accept the token") as caught:
        await provider.describe_token()
    assert "RAILWAY_API_TOKEN" in caught.value.who
    assert TOKEN not in str(caught.value)


async def test_an_outage_says_nothing_about_the_token(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("me", httpx.ConnectError("no route"))
    with pytest.raises(Unreachable):
        await provider.describe_token()
    account(railway)
    assert (await provider.describe_token()).token.kind is TokenKind.ACCOUNT


# -- workspaces -----------------------------------------------------------------------------------


def choosing(clock: FakeClock, railway: FakeRailway, workspace_id: str | None) -> RailwayProvider:
    return RailwayProvider(URL, TOKEN, workspace_id, clock=clock, transport=railway.transport())


@pytest.mark.parametrize("unset", [None, ""])
async def test_the_only_workspace_needs_no_setting(
    clock: FakeClock, railway: FakeRailway, unset: str | None
) -> None:
    assert await choosing(clock, railway, unset).resolve_workspace() == "w-1"


async def test_a_chosen_workspace_is_used(clock: FakeClock, railway: FakeRailway) -> None:
    railway.on("me", {**ME, "workspaces": TWO})
    assert await choosing(clock, railway, "w-2").resolve_workspace() == "w-2"


@pytest.mark.parametrize("wanted", [None, "w-3"])
async def test_several_workspaces_are_listed_with_the_line_to_set(
    clock: FakeClock, railway: FakeRailway, wanted: str | None
) -> None:
    railway.on("me", {**ME, "workspaces": TWO})
    with pytest.raises(Refused) as caught:
        await choosing(clock, railway, wanted).spaces()
    assert "Luthien: RAILWAY_WORKSPACE_ID=w-1" in caught.value.why
    assert "Side project: RAILWAY_WORKSPACE_ID=w-2" in caught.value.why
    assert caught.value.next_step
    assert railway.counts.keys() == {"me"}


async def test_no_workspace_at_all(clock: FakeClock, railway: FakeRailway) -> None:
    railway.on("me", {**ME, "workspaces": []})
    with pytest.raises(NotConfigured, match="no workspaces"):
        await choosing(clock, railway, None).spaces()


async def test_a_project_token_is_refused_where_it_cannot_work(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    project(railway)
    for refused in (
        provider.spaces(),
        provider.find_space("luthien-acme"),
        provider.create_space("luthien-acme", mark="creating r-1"),
    ):
        with pytest.raises(NotConfigured, match="project token") as caught:
            await refused
        assert "RAILWAY_API_TOKEN" in caught.value.who
        assert "luthien-acme / production" in caught.value.why


async def test_a_project_token_is_sent_in_its_own_header(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    project(railway)
    railway.on("gitHubRepoAccessAvailable", {"hasAccess": True, "isPublic": False})
    await provider.repository_access("LuthienResearch/luthien-proxy")
    assert railway.asked[-1].headers["project-access-token"] == TOKEN
    assert "authorization" not in railway.asked[-1].headers


async def test_a_workspace_token_lists_its_workspace(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    workspace(railway)
    railway.on("projects", edges())
    assert not await provider.spaces()
    assert railway.asked[-1].variables["workspaceId"] == "w-1"


async def test_every_request_waits_until_it_may_be_sent(
    clock: FakeClock, railway: FakeRailway
) -> None:
    waited: list[int] = []

    async def before() -> None:
        waited.append(len(railway.asked))

    provider = RailwayProvider(
        URL, TOKEN, None, clock=clock, transport=railway.transport(), before_each=before
    )
    await provider.describe_token()
    await provider.aclose()
    assert waited == list(range(len(railway.asked)))
    assert waited
