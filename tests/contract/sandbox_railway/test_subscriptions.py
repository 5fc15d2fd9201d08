"""Subscriptions over `graphql-transport-ws`, with the token in the upgrade's headers."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from sandbox.server import Settings
from tests.contract.sandbox_railway.client import GRAPHQL, Railway
from tests.contract.sandbox_railway.server import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CLI_DOCUMENTS = Path(__file__).with_name("cli_documents")
ACCOUNT = {"Authorization": "Bearer sandbox-account"}


class Sandbox:
    def __init__(self, railway: Railway, port: int) -> None:
        self.railway = railway
        self.port = port

    @asynccontextmanager
    async def socket(
        self, headers: dict[str, str] | None = None, protocol: str = "graphql-transport-ws"
    ) -> AsyncIterator[ClientConnection]:
        async with connect(
            f"ws://127.0.0.1:{self.port}{GRAPHQL}",
            subprotocols=[Subprotocol(protocol)],
            additional_headers=ACCOUNT if headers is None else headers,
            proxy=None,
        ) as connection:
            yield connection


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with listening(Settings(speed=300)) as (app, port):
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, headers=ACCOUNT, trust_env=False) as http:
            yield Sandbox(Railway(app, app.railway, http), port)


async def begin(socket: ClientConnection) -> None:
    await socket.send(json.dumps({"type": "connection_init", "payload": {}}))
    assert json.loads(await socket.recv()) == {"type": "connection_ack"}


async def subscribe(socket: ClientConnection, query: str, **variables: Any) -> None:
    payload = {"query": query, "variables": variables}
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))


async def results(socket: ClientConnection) -> AsyncIterator[Any]:
    """The data of each `next` until `complete`."""
    async with asyncio.timeout(10):
        while (message := json.loads(await socket.recv()))["type"] != "complete":
            assert message["type"] == "next", message
            yield next(iter(message["payload"]["data"].values()))


async def connected_gateway(sandbox: Sandbox) -> str:
    """The id of a deployment that has just begun."""
    railway = sandbox.railway
    place = await railway.project()
    gateway = await railway.settled_service(place)
    await railway.set_variables(place, gateway, {"PORT": "8000"})
    await railway.connect(gateway)
    return str((await railway.deployments(place, gateway))[0]["id"])


async def test_a_deployments_status_as_it_changes(sandbox: Sandbox) -> None:
    deployment = await connected_gateway(sandbox)
    seen = []
    async with sandbox.socket() as socket:
        await begin(socket)
        query = "subscription ($id: String!) { deployment(id: $id) { id status } }"
        await subscribe(socket, query, id=deployment)
        async for update in results(socket):
            assert update["id"] == deployment
            seen.append(update["status"])
            if update["status"] == "SUCCESS":
                break
    every = ["INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS"]
    assert seen == every[every.index(seen[0]) :]
    assert len(seen) >= 2


async def test_events_come_when_they_begin_and_when_they_are_over(sandbox: Sandbox) -> None:
    deployment = await connected_gateway(sandbox)
    seen = []
    async with sandbox.socket() as socket:
        await begin(socket)
        query = """subscription ($id: String!) {
          deploymentEvents(id: $id) { step completedAt payload { error } }
        }"""
        await subscribe(socket, query, id=deployment)
        async for event in results(socket):
            seen.append((event["step"], event["completedAt"] is not None))
            if seen[-1] == ("HEALTHCHECK", True):
                break
    for step in ("SNAPSHOT_CODE", "BUILD_IMAGE", "PUBLISH_IMAGE", "CREATE_CONTAINER"):
        assert (step, True) in seen
    assert ("BUILD_IMAGE", False) in seen


async def test_build_logs_stream_to_their_end(sandbox: Sandbox) -> None:
    deployment = await connected_gateway(sandbox)
    lines = []
    async with sandbox.socket() as socket:
        await begin(socket)
        query = """subscription ($id: String!) {
          buildLogs(deploymentId: $id, limit: 500) { message timestamp }
        }"""
        await subscribe(socket, query, id=deployment)
        async for batch in results(socket):
            lines += batch
    asked = await sandbox.railway.ask(
        "query ($id: String!) { buildLogs(deploymentId: $id, limit: 500) { message timestamp } }",
        id=deployment,
    )
    assert lines == asked
    assert lines[-1]["message"] == "[1/1] Healthcheck succeeded!"


async def test_runtime_logs_follow(sandbox: Sandbox) -> None:
    deployment = await connected_gateway(sandbox)
    async with sandbox.socket() as socket:
        await begin(socket)
        query = """subscription ($id: String!) {
          deploymentLogs(deploymentId: $id, filter: "Uvicorn") { message }
        }"""
        await subscribe(socket, query, id=deployment)
        async for batch in results(socket):
            assert ["Uvicorn" in line["message"] for line in batch] == [True]
            break


async def test_ping_queries_and_complete(sandbox: Sandbox) -> None:
    async with sandbox.socket() as socket:
        await begin(socket)
        await socket.send('{"type": "ping"}')
        assert json.loads(await socket.recv()) == {"type": "pong"}
        await subscribe(socket, "{ me { email } }")
        assert [r async for r in results(socket)] == [{"email": "owner@sandbox.localhost"}]
        deployment = await connected_gateway(sandbox)
        await subscribe(
            socket, "subscription ($id: String!) { deployment(id: $id) { id } }", id=deployment
        )
        assert json.loads(await socket.recv())["type"] == "next"
        await socket.send('{"id": "1", "type": "complete"}')
        await subscribe(socket, "{ me { email } }")  # the id is free again
        async for result in results(socket):
            if "email" in result:
                break


async def test_refusals_are_error_messages(sandbox: Sandbox) -> None:
    deployment = await connected_gateway(sandbox)
    query = "subscription ($id: String!) { deployment(id: $id) { id } }"
    for headers, asked, said in (
        ({}, deployment, "Not Authorized"),
        ({"Authorization": "Bearer nonsense"}, deployment, "Not Authorized"),
        (ACCOUNT, "nothing", "Deployment not found"),
    ):
        async with sandbox.socket(headers) as socket:
            await begin(socket)
            await subscribe(socket, query, id=asked)
            message = json.loads(await socket.recv())
            assert (message["type"], message["id"]) == ("error", "1")
            assert message["payload"][0]["message"] == said
    async with sandbox.socket() as socket:
        await begin(socket)
        await subscribe(socket, "subscription { nonsense }")
        assert json.loads(await socket.recv())["type"] == "error"


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (['{"id": "1", "type": "subscribe", "payload": {"query": "{ me { id } }"}}'], 4401),
        (["not json"], 4400),
        (['{"type": "connection_init"}'] * 2, 4429),
        (['{"type": "connection_init"}', '{"type": "shout"}'], 4400),
    ],
)
async def test_breaches_of_the_protocol_close_the_connection(
    sandbox: Sandbox, messages: list[str], code: int
) -> None:
    async with sandbox.socket() as socket:
        for message in messages:
            await socket.send(message)
        await socket.wait_closed()
        assert socket.close_code == code


async def test_another_subprotocol_is_not_accepted(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidStatus):
        async with sandbox.socket(protocol="graphql-ws"):
            pass


async def test_subscriptions_stand_in_the_journal_and_can_be_cut(sandbox: Sandbox) -> None:
    deployment = await connected_gateway(sandbox)
    fault = {"vendor": "railway", "operation": "Watch", "kind": "lost-before"}
    await sandbox.railway.control("faults", **fault)
    async with sandbox.socket() as socket:
        await begin(socket)
        query = "subscription Watch ($id: String!) { deployment(id: $id) { id } }"
        await subscribe(socket, query, id=deployment)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    entries = (await sandbox.railway.http.get("/control/journal")).json()["entries"]
    (entry,) = [e for e in entries if e["operation"] == "Watch"]
    assert entry["variables"] == {"id": deployment}
    assert entry["fault"] == "lost-before"


@pytest.mark.parametrize(
    "name",
    [
        "build_logs_stream",
        "deployment_logs_stream",
        "deployment_stream",
        "deployment_events_stream",
    ],
)
async def test_the_streams_that_railways_command_line_opens(sandbox: Sandbox, name: str) -> None:
    deployment = await connected_gateway(sandbox)
    async with sandbox.socket() as socket:
        await begin(socket)
        document = (CLI_DOCUMENTS / f"{name}.graphql").read_text()
        await subscribe(socket, document, id=deployment, deploymentId=deployment)
        async for first in results(socket):
            assert first
            break
