"""HTTP mode: signed posts to the app's request URL, taken by Bolt's own ASGI handler."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import pytest
import pytest_asyncio
import uvicorn
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.contract.sandbox_slack.block_samples import actions, button
from tests.contract.sandbox_slack.conftest import (
    DM_ADA,
    NO_LIMITS,
    OPS,
    Sandbox,
    free_port,
    running,
    until,
)
from tests.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]


@dataclass
class Received:
    """What arrived at the request URL, and how to answer instead of Bolt."""

    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[Request], Awaitable[Response | None]] | None = None

    def events(self) -> list[tuple[dict[str, str], Json]]:
        found = [(h, json.loads(b)) for h, b in self.requests if b.startswith(b"{")]
        return [(h, b) for h, b in found if b["type"] == "event_callback"]


@contextlib.asynccontextmanager
async def app_server(received: Received) -> AsyncIterator[tuple[str, AsyncApp]]:
    """Bolt behind HTTP on a free port."""
    listener = free_port()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/slack/events"
    bolt = AsyncApp(token="xoxb-sandbox", signing_secret="sandbox-signing-secret")
    handler = AsyncSlackRequestHandler(bolt)

    async def endpoint(request: Request) -> Response:
        received.requests.append((dict(request.headers), await request.body()))
        instead = await received.answer(request) if received.answer else None
        return instead or await handler.handle(request)

    async def readyz(_: Request) -> Response:
        return PlainTextResponse("ok")

    routes = [Route("/slack/events", endpoint, methods=["POST"]), Route("/readyz", readyz)]
    config = uvicorn.Config(
        Starlette(routes=routes), log_level="error", timeout_graceful_shutdown=1
    )
    async with serving(config, [listener]):
        yield url, bolt


@pytest_asyncio.fixture(loop_scope="module")
async def http_mode() -> AsyncIterator[tuple[Sandbox, AsyncApp, Received]]:
    received = Received()
    async with app_server(received) as (url, bolt), running(request_url=url) as sandbox:
        bolt._async_client = sandbox.client
        await sandbox.settings(**NO_LIMITS)
        await until(sandbox.bot_is_up)
        yield sandbox, bolt, received


async def test_the_url_is_verified_at_the_start(
    http_mode: tuple[Sandbox, AsyncApp, Received],
) -> None:
    _, _, received = http_mode
    body = json.loads(received.requests[0][1])
    assert body["type"] == "url_verification"
    assert body["challenge"]


async def test_everything_is_signed(http_mode: tuple[Sandbox, AsyncApp, Received]) -> None:
    sandbox, _, received = http_mode
    await sandbox.control("command", user="ada", channel="#ops", text="/luthien x")
    await sandbox.control("say", user="ada", channel=DM_ADA, text="hi")
    verifier = SignatureVerifier("sandbox-signing-secret")

    async def three() -> bool:
        return len(received.requests) >= 3

    await until(three)
    for headers, body in received.requests:
        assert verifier.is_valid_request(body, headers)


async def test_a_command_is_a_form(http_mode: tuple[Sandbox, AsyncApp, Received]) -> None:
    sandbox, bolt, received = http_mode

    @bolt.command("/luthien")
    async def command(ack: Any, command: Json, respond: Any) -> None:
        await ack(f"got {command['text']}")

    answer = await sandbox.control("command", user="ada", channel="#ops", text="/luthien list")
    assert (answer["status"], answer["body"]) == (200, "got list")
    headers, body = received.requests[-1]
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(body.decode())["command"] == ["/luthien"]
    (seen,) = await sandbox.messages(**{"as": "ada"})
    assert (seen["text"], seen["ephemeral"]) == ("got list", True)


async def test_an_interaction_is_a_payload_in_a_form(
    http_mode: tuple[Sandbox, AsyncApp, Received],
) -> None:
    sandbox, bolt, received = http_mode

    @bolt.action("go")
    async def go(ack: Any) -> None:
        await ack()

    posted = await sandbox.client.chat_postMessage(
        channel=OPS, text="x", blocks=[actions(button())]
    )
    clicked = await sandbox.control(
        "click", user="ada", channel="#ops", ts=posted["ts"], action_id="go"
    )
    assert clicked["status"] == 200
    payload = json.loads(parse_qs(received.requests[-1][1].decode())["payload"][0])
    assert payload["type"] == "block_actions"


async def test_events_come_again_with_headers(
    http_mode: tuple[Sandbox, AsyncApp, Received],
) -> None:
    sandbox, _, received = http_mode
    await sandbox.settings(event_retries_after=[0, 0, 0])

    async def fail(_: Request) -> Response:
        return PlainTextResponse("no", 500)

    received.answer = fail
    await sandbox.control("say", user="ada", channel=DM_ADA, text="hi")

    async def four() -> bool:
        return len(received.events()) == 4

    await until(four)
    found = received.events()
    assert [h.get("x-slack-retry-num") for h, _ in found] == [None, "1", "2", "3"]
    assert [h.get("x-slack-retry-reason") for h, _ in found] == [None, *["http_error"] * 3]
    assert len({b["event_id"] for _, b in found}) == 1


async def test_an_app_can_refuse_retries(http_mode: tuple[Sandbox, AsyncApp, Received]) -> None:
    sandbox, _, received = http_mode
    await sandbox.settings(event_retries_after=[0, 0, 0])

    async def fail(_: Request) -> Response:
        return PlainTextResponse("no", 500, {"x-slack-no-retry": "1"})

    received.answer = fail
    await sandbox.control("say", user="ada", channel=DM_ADA, text="hi")

    async def journaled() -> list[Json]:
        entries = await sandbox.journal("event")
        return [entry for entry in entries if entry["answer"]]

    await until(journaled)
    received.answer = None
    await sandbox.control("command", user="ada", channel="#ops", text="/luthien x")
    assert len(received.events()) == 1


@pytest.mark.parametrize(
    ("status", "seconds", "problem"),
    [(500, 0.0, "dispatch_failed"), (200, 0.5, "operation_timeout")],
)
async def test_a_command_that_fails(
    http_mode: tuple[Sandbox, AsyncApp, Received], status: int, seconds: float, problem: str
) -> None:
    sandbox, _, received = http_mode
    await sandbox.settings(ack_seconds=0.2)

    async def fail(_: Request) -> Response:
        await asyncio.sleep(seconds)
        return PlainTextResponse("no", status)

    received.answer = fail
    answer = await sandbox.control("command", user="ada", channel="#ops", text="/luthien x")
    assert answer["body"] == problem
    (seen,) = await sandbox.messages(**{"as": "ada"})
    assert problem in seen["text"]
