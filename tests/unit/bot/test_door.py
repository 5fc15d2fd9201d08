"""The door as a whole, over the wire: slack_sdk against a small server of our own."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.routing import Route

from bot.blocks import Kinds, Message
from bot.budget import Urgency
from bot.checks import scopes_of_manifest
from bot.door import SlackDoor, SlackSettings
from bot.voice import Voice
from engine.clock import SystemClock
from engine.errors import NotConfigured, OutcomeUnknown, Rejected, Unreachable
from engine.secrets import generate_key, parse_keys
from tests.canaries import MARK
from tests.unit.bot.fakes import FakeClock, FakeControl, MemoryNotices, MemoryTold

LOG = logging.getLogger("tests.bot.door")
SECRET = f"signing-secret-{MARK}"
Answer = Callable[[web.Request], web.StreamResponse]
SlowAnswer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answers = dict[str, Answer | SlowAnswer]


def ok(data: dict[str, Any] | None = None, **headers: str) -> web.Response:
    return web.json_response({"ok": True, **(data or {})}, headers=headers)


def no(error: str, **extra: Any) -> web.Response:
    return web.json_response({"ok": False, "error": error, **extra})


GOOD: Answers = {
    "auth.test": lambda _: ok(
        {"user": "luthien", "team": "Sandbox", "user_id": "U0BOT", "bot_id": "B1", "url": ""},
        **{"x-oauth-scopes": ",".join(sorted(scopes_of_manifest()))},
    ),
    "apps.connections.open": lambda _: ok({"url": "ws://127.0.0.1:1/"}),
    "conversations.info": lambda _: ok({"channel": {"is_member": True}}),
}


@asynccontextmanager
async def slack(answers: Answers) -> AsyncIterator[str]:
    """Slack's Web API with these answers; its base URL."""

    async def answer(request: web.Request) -> web.StreamResponse:
        said = answers[request.match_info["method"]](request)
        return await said if isinstance(said, Awaitable) else said

    app = web.Application()
    app.router.add_route("*", "/api/{method}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/api/"))


KEYS = parse_keys(generate_key())


def door(
    url: str,
    control: FakeControl | None = None,
    clock: FakeClock | None = None,
    **settings: Any,
) -> SlackDoor:
    given = {"bot_token": "xoxb-1", "app_token": "xapp-1", "api_url": url, "channel": "C0OPS"}
    control = control or FakeControl()
    told, notices = MemoryTold(control), MemoryNotices(FakeClock())
    return SlackDoor(control, told, notices, SlackSettings(**(given | settings)), KEYS, clock)


async def findings(answers: Answers, **settings: Any) -> dict[str, tuple[bool, str]]:
    async with slack(GOOD | answers) as url:
        found = await door(url, **settings).checks()
    assert all(finding.ok or finding.fix for finding in found)
    return {finding.name: (finding.ok, finding.detail) for finding in found}


async def test_doctor_is_content_with_a_good_setup() -> None:
    assert await findings({}) == {
        "Slack bot token": (True, "luthien in Sandbox"),
        "Slack scopes": (True, f"all {len(scopes_of_manifest())} granted"),
        "Slack app token": (True, "Socket Mode"),
        "Slack channel": (True, "C0OPS: the bot is a member"),
    }


async def test_doctor_names_the_missing_scopes() -> None:
    few: Answers = {"auth.test": lambda _: ok({"user": "x"}, **{"x-oauth-scopes": "commands"})}
    good, detail = (await findings(few))["Slack scopes"]
    assert not good
    assert "chat:write" in detail


async def test_doctor_says_which_token_is_wrong() -> None:
    bad: Answers = {"auth.test": lambda _: no("invalid_auth")}
    found = await findings(bad)
    assert found["Slack bot token"] == (False, "invalid_auth")
    assert found["Slack app token"] == (True, "Socket Mode")
    assert {name for name, (good, _) in found.items() if not good} == {
        "Slack bot token",
        "Slack scopes",
        "Slack channel",
    }
    bad = {"apps.connections.open": lambda _: no("not_allowed_token_type")}
    assert (await findings(bad))["Slack app token"] == (False, "not_allowed_token_type")


async def test_doctor_says_that_the_bot_is_not_in_the_channel() -> None:
    out: Answers = {"conversations.info": lambda _: ok({"channel": {"is_member": False}})}
    assert (await findings(out))["Slack channel"] == (False, "C0OPS: the bot is no member")


async def test_doctor_tells_a_channel_that_is_not_there_from_one_without_the_bot() -> None:
    gone: Answers = {"conversations.info": lambda _: no("channel_not_found")}
    good, detail = (await findings(gone))["Slack channel"]
    assert not good
    assert "channel_not_found: there is none" in detail


async def test_doctor_knows_both_ways_of_delivery() -> None:
    found = await findings({}, app_token=None, signing_secret=SECRET)
    assert found["Slack delivery"][0]
    found = await findings({}, app_token=None, signing_secret=None)
    assert not found["Slack delivery"][0]


async def test_doctor_does_not_raise_when_slack_is_away() -> None:
    found = await door("http://127.0.0.1:1/api/").checks()
    assert not any(f.ok for f in found)
    assert found[0].detail == "Slack gave no answer"


@pytest.mark.parametrize(
    ("method", "setting"),
    [("auth.test", "SLACK_BOT_TOKEN"), ("apps.connections.open", "SLACK_APP_TOKEN")],
)
async def test_a_wrong_token_refuses_to_start(method: str, setting: str) -> None:
    async with slack(GOOD | {method: lambda _: no("token_revoked")}) as url:
        with pytest.raises(NotConfigured, match=f"{setting}: token_revoked"):
            await door(url).start()


async def test_it_starts_while_slack_is_away_and_stops_again() -> None:
    there = door("http://127.0.0.1:1/api/")
    await there.start()
    assert not there.connected
    await there.stop()


def test_no_secret_is_shown_by_the_settings() -> None:
    shown = repr(SlackSettings("xoxb-canary-4f7d2k9m", "xapp-canary-4f7d2k9m", "signing-secret"))
    assert "secret" not in shown.replace("signing_secret", "").replace("SlackSettings", "")


def signed(
    body: str, secret: str = SECRET, *, of: str = "application/x-www-form-urlencoded"
) -> dict[str, str]:
    now = str(int(time.time()))
    base = f"v0:{now}:{body}".encode()
    signature = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {
        "x-slack-request-timestamp": now,
        "x-slack-signature": signature,
        "content-type": of,
    }


HERE = "/slack/events"


@asynccontextmanager
async def posting(there: SlackDoor) -> AsyncIterator[httpx.AsyncClient]:
    """As Slack does in HTTP mode."""
    handler = there.http_handler
    assert handler is not None
    app = Starlette(routes=[Route(HERE, handler, methods=["POST"])])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://us") as client:
        yield client


async def test_slack_may_post_to_us_when_it_signs() -> None:
    body = TYPED.replace("create+acme", "lst")
    async with (
        slack(GOOD) as url,
        posting(door(url, app_token=None, signing_secret=SECRET)) as client,
    ):
        good = await client.post(HERE, content=body, headers=signed(body))
        bad = await client.post(HERE, content=body, headers=signed(body, "other"))
    assert good.status_code == 200
    assert "Did you mean `list`" in good.json()["text"]
    assert bad.status_code == 401


def hello(_: Kinds) -> Message:
    return Message.of("hello", [])


async def told(answer: Callable[[web.Request], web.StreamResponse]) -> object:
    async with slack({"chat.postMessage": answer}) as url:
        voice = Voice(AsyncWebClient(base_url=url, retry_handlers=[]), SystemClock(), LOG)
        return await voice.post("C1", hello, Urgency.RESULT)


def gone(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@pytest.mark.parametrize(
    "answer",
    [
        gone,
        lambda _: web.Response(status=504, text="<html>gateway timeout</html>"),
        lambda _: web.Response(text="<html>blocked</html>", content_type="text/html"),
        lambda _: web.Response(text='{"ok": tr', content_type="application/json"),
        lambda _: no("internal_error"),
    ],
    ids=["disconnect", "504", "html", "truncated", "internal_error"],
)
async def test_a_post_without_a_usable_answer_may_have_arrived(
    answer: Callable[[web.Request], web.StreamResponse],
) -> None:
    with pytest.raises(OutcomeUnknown):
        await told(answer)


async def test_a_refusal_is_a_refusal() -> None:
    with pytest.raises(Rejected) as refused:
        await told(lambda _: no("missing_scope", needed="chat:write"))
    assert refused.value.why == "missing_scope (needs chat:write)"


async def test_what_was_never_sent_may_be_repeated() -> None:
    client = AsyncWebClient(base_url="http://127.0.0.1:1/api/", retry_handlers=[])
    voice = Voice(client, FakeClock(running=True), LOG)
    with pytest.raises(Unreachable):
        await voice.post("C1", hello, Urgency.RESULT)


async def test_a_message_carries_what_it_is_about() -> None:
    seen: list[dict[str, Any]] = []

    async def keep(request: web.Request) -> web.StreamResponse:
        seen.append(await request.json())
        return ok({"channel": "C1", "ts": "1.1"})

    app = web.Application()
    app.router.add_post("/api/chat.postMessage", keep)
    async with TestServer(app) as server:
        client = AsyncWebClient(token="xoxb-1", base_url=str(server.make_url("/api/")))
        voice = Voice(client, SystemClock(), LOG)
        await voice.post(
            "C1", hello, Urgency.RESULT, thread="1.0", broadcast=True, run="r", key="k"
        )
    assert seen == [
        {
            "channel": "C1",
            "text": "hello",
            "blocks": [],
            "unfurl_links": False,
            "unfurl_media": False,
            "thread_ts": "1.0",
            "reply_broadcast": True,
            "metadata": {"event_type": "luthien_run", "event_payload": {"run": "r", "key": "k"}},
        }
    ]


TYPED = urlencode(
    {
        "command": "/luthien",
        "text": "create acme",
        "user_id": "U0ADA",
        "channel_id": "C0OPS",
        "team_id": "T1",
        "trigger_id": "t1",
        "response_url": "http://127.0.0.1:1/r",
    }
)
EVENT = json.dumps(
    {
        "type": "event_callback",
        "team_id": "T1",
        "event_id": "Ev1",
        "event": {"type": "app_home_opened", "user": "U0ADA", "tab": "home", "channel": "D1"},
    }
)


async def test_nothing_is_taken_late_while_slack_does_not_say_who_we_are() -> None:
    """Slack told the person that we do not answer, so they asked again: it would happen twice."""
    asked, said = list[str](), asyncio.Event()

    async def slowly(_: web.Request) -> web.StreamResponse:
        asked.append("auth.test")
        await said.wait()
        return ok({"user": "luthien", "team_id": "T1", "user_id": "U0BOT", "bot_id": "B1"})

    control = FakeControl()
    async with slack(GOOD | {"auth.test": slowly, "users.info": lambda _: no("x")}) as url:
        there = door(url, control, app_token=None, signing_secret=SECRET)
        async with posting(there) as client:
            began = time.monotonic()
            typed, happened = await asyncio.gather(
                client.post(HERE, content=TYPED, headers=signed(TYPED)),
                client.post(HERE, content=EVENT, headers=signed(EVENT, of="application/json")),
            )
            assert time.monotonic() - began < 3, "Slack waits for three seconds"
            assert "Slack does not say yet who this bot is" in typed.json()["text"]
            assert "`/luthien create acme`" in typed.json()["text"]
            assert happened.status_code == 500, "an event is sent again"
            said.set()
            for _ in range(20):
                await asyncio.sleep(0.01)
            assert asked == ["auth.test"], "all wait for the same answer"
            assert not control.accepted
            again = await client.post(HERE, content=TYPED, headers=signed(TYPED))
            assert (again.status_code, again.content) == (200, b"")
            assert list(control.accepted) == ["t1"]
        await there.stop()


async def test_nothing_is_taken_late_over_the_socket_either() -> None:
    """A command is refused in its acknowledgement; an event is not acknowledged, so that Slack
    sends it again."""
    firsts, said = [no("internal_error")], asyncio.Event()
    acknowledged = asyncio.Queue[dict[str, Any]]()
    command = {"type": "slash_commands", "envelope_id": "c", "payload": dict(parse_qsl(TYPED))}
    event = {"type": "events_api", "envelope_id": "e", "payload": json.loads(EVENT)}

    async def slowly(_: web.Request) -> web.StreamResponse:
        if firsts:
            return firsts.pop()
        await said.wait()
        return no("internal_error")

    async def socket(request: web.Request) -> web.WebSocketResponse:
        line = web.WebSocketResponse()
        await line.prepare(request)
        for envelope in ({"type": "hello"}, command, event):
            await line.send_json(envelope)
        async for message in line:
            acknowledged.put_nowait(message.json())
        return line

    app, control = web.Application(), FakeControl()
    app.router.add_get("/", socket)
    async with TestServer(app) as line:
        opened = str(line.make_url("/")).replace("http", "ws")
        answers: Answers = {
            "auth.test": slowly,
            "apps.connections.open": lambda _: ok({"url": opened}),
        }
        async with slack(GOOD | answers) as url:
            there = door(url, control)
            await there.start()
            first = await asyncio.wait_for(acknowledged.get(), 3)
            await asyncio.sleep(0.2)
            said.set()
            await there.stop()
    assert first["envelope_id"] == "c"
    assert "Slack does not say yet who this bot is" in first["payload"]["text"]
    assert acknowledged.empty()
    assert not control.accepted


async def test_slack_is_asked_again_who_we_are_before_anybody_has_to_wait_for_it() -> None:
    answers = [no("internal_error"), ok({"user": "luthien", "team_id": "T1", "user_id": "U0BOT"})]
    auth: Answers = {"auth.test": lambda _: answers.pop(0), "users.info": lambda _: no("x")}
    clock = FakeClock(running=True)
    async with slack(GOOD | auth) as url:
        there = door(url, clock=clock, app_token=None, signing_secret=SECRET)
        await there.start()
        async with posting(there) as client:
            for _ in range(100):
                await asyncio.sleep(0.01)
                if not answers:
                    break
            assert not answers
            said = await client.post(HERE, content=TYPED, headers=signed(TYPED))
        await there.stop()
    assert (said.status_code, said.content) == (200, b"")


async def test_who_we_are_does_not_wait_for_the_id_of_our_app() -> None:
    stuck = asyncio.Event()

    async def never(_: web.Request) -> web.StreamResponse:
        await stuck.wait()
        return no("x")

    async with slack(GOOD | {"users.info": never}) as url:
        there = door(url, app_token=None, signing_secret=SECRET)
        async with posting(there) as client:
            said = await client.post(HERE, content=TYPED, headers=signed(TYPED))
        stuck.set()
        await there.stop()
    assert (said.status_code, said.content) == (200, b"")
