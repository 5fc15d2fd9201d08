"""Planned faults, each kind once, over a real connection."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from sandbox.server import Settings
from tests.contract.sandbox_railway.client import GRAPHQL
from tests.contract.sandbox_railway.server import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CREATE = "mutation Create ($i: ProjectCreateInput!) { projectCreate(input: $i) { id } }"
LIST = "query List { projects { edges { node { name } } } }"


class Client:
    """A client that plans what will go wrong with it."""

    def __init__(self, http: httpx.AsyncClient, port: int) -> None:
        self.http = http
        self.port = port
        self._workspace = ""

    async def plan(self, kind: str, operation: str = "Create", nth: int = 1, **more: Any) -> None:
        fault = {"vendor": "railway", "operation": operation, "nth": nth, "kind": kind, **more}
        reply = await self.http.post("/control/faults", json=fault)
        assert reply.status_code == 200, reply.text

    async def create(self, name: str = "acme") -> httpx.Response:
        if not self._workspace:
            body = {"query": "{ apiToken { workspaces { id } } }"}
            reply = await self.http.post(GRAPHQL, json=body)
            self._workspace = reply.json()["data"]["apiToken"]["workspaces"][0]["id"]
        variables = {"i": {"name": name, "workspaceId": self._workspace}}
        return await self.http.post(GRAPHQL, json={"query": CREATE, "variables": variables})

    async def names(self) -> list[str]:
        reply = await self.http.post(GRAPHQL, json={"query": LIST})
        return [e["node"]["name"] for e in reply.json()["data"]["projects"]["edges"]]

    async def journal(self, operation: str = "Create") -> list[Any]:
        entries = (await self.http.get("/control/journal")).json()["entries"]
        return [e for e in entries if e["operation"] == operation]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    headers = {"Authorization": "Bearer sandbox-account"}
    async with listening(Settings(speed=100_000)) as (_, port):
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as http:
            yield Client(http, port)


async def test_lost_before_drops_the_connection_and_does_nothing(client: Client) -> None:
    await client.plan("lost-before")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await client.create()
    assert await client.names() == []
    (entry,) = await client.journal()
    assert (entry["status"], entry["answer"], entry["fault"]) == (None, None, "lost-before")


async def test_lost_after_drops_the_connection_but_it_was_done(client: Client) -> None:
    await client.plan("lost-after")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await client.create()
    assert await client.names() == ["acme"]
    assert (await client.create("second")).status_code == 200


async def test_a_gateway_timeout_comes_after_it_was_done(client: Client) -> None:
    await client.plan("504-after")
    reply = await client.create()
    assert reply.status_code == 504
    assert "json" not in reply.headers["content-type"]
    assert await client.names() == ["acme"]


@pytest.mark.parametrize(
    ("kind", "status"), [("429", 429), ("500", 500), ("html", 403), ("1015", 429)]
)
async def test_refused_before_anything_was_done(client: Client, kind: str, status: int) -> None:
    await client.plan(kind, retry_after=7)
    reply = await client.create()
    assert reply.status_code == status
    if status == 429:
        assert reply.headers["Retry-After"] == "7"
    if kind in ("html", "1015"):
        assert "used Cloudflare to restrict access" in reply.text
        assert ("<span>1015</span>" in reply.text) is (kind == "1015")
    assert await client.names() == []


async def test_the_throttle_speaks_railways_words(client: Client) -> None:
    await client.plan("throttle")
    reply = await client.create()
    assert reply.status_code == 200
    message = reply.json()["errors"][0]["message"]
    assert message.startswith("You are creating projects too quickly.")
    assert await client.names() == []


async def test_a_truncated_answer_is_half_a_json(client: Client) -> None:
    await client.plan("truncated")
    reply = await client.create()
    assert reply.status_code == 200
    with pytest.raises(ValueError, match=r"."):
        reply.json()
    assert await client.names() == ["acme"]


async def test_a_delay_is_only_late(client: Client) -> None:
    await client.plan("delay", seconds=0.2)
    begun = time.monotonic()
    assert (await client.create()).status_code == 200
    assert time.monotonic() - begun >= 0.2


async def test_nth_counts_matching_requests_from_the_moment_of_planning(client: Client) -> None:
    assert (await client.create("one")).status_code == 200
    await client.plan("500", nth=2)
    assert (await client.create("two")).status_code == 200
    assert await client.names() == ["one", "two"]  # other operations do not count
    assert (await client.create("three")).status_code == 500
    assert (await client.create("four")).status_code == 200


async def test_a_star_matches_every_operation(client: Client) -> None:
    await client.plan("500", operation="*", nth=2)
    assert (await client.http.post(GRAPHQL, json={"query": LIST})).status_code == 200
    assert (await client.http.post(GRAPHQL, json={"query": "{ me { id } }"})).status_code == 500


async def test_an_unnamed_operation_is_known_by_its_first_field(client: Client) -> None:
    await client.plan("500", operation="me")
    assert (await client.http.post(GRAPHQL, json={"query": "{ me { id } }"})).status_code == 500


async def test_a_disconnect_closes_the_websockets_and_answers_the_request(client: Client) -> None:
    url = f"ws://127.0.0.1:{client.port}{GRAPHQL}"
    headers = {"Authorization": "Bearer sandbox-account"}
    async with connect(
        url,
        subprotocols=[Subprotocol("graphql-transport-ws")],
        additional_headers=headers,
        proxy=None,
    ) as socket:
        await socket.send('{"type": "connection_init"}')
        assert await socket.recv() == '{"type": "connection_ack"}'
        await client.plan("disconnect")
        assert (await client.create()).status_code == 200
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_faults_that_make_no_sense_are_refused(client: Client) -> None:
    for wrong in (
        {"vendor": "railway", "kind": "sometimes"},
        {"vendor": "aws", "kind": "500"},
        {"vendor": "railway", "kind": "500", "nth": 0},
        {"vendor": "railway", "kind": "500", "when": "now"},
    ):
        reply = await client.http.post("/control/faults", json=wrong)
        assert reply.status_code == 400
        assert reply.json()["error"]
