"""Commands, clicks and events over Socket Mode, with real Bolt at the other end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_ws import AsyncWebSocketSession, aconnect_ws
from slack_bolt.async_app import AsyncApp

from tests.contract.sandbox_slack.block_samples import actions, button, section
from tests.contract.sandbox_slack.conftest import (
    ADA,
    BOT_USER,
    DM_ADA,
    OPS,
    Sandbox,
    running,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]


class RawApp:
    """The app's end of a Socket Mode connection, frame by frame."""

    def __init__(self, sandbox: Sandbox, session: AsyncWebSocketSession) -> None:
        self.sandbox = sandbox
        self.session = session

    async def receive(self) -> Json:
        frame: Json = json.loads(await self.session.receive_text(timeout=5))
        return frame

    async def ack(self, envelope: Json, payload: Any = None) -> None:
        frame = {"envelope_id": envelope["envelope_id"]}
        await self.session.send_text(json.dumps(frame | ({"payload": payload} if payload else {})))


@contextlib.asynccontextmanager
async def websocket(url: str) -> AsyncIterator[AsyncWebSocketSession]:
    session: AsyncWebSocketSession
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        aconnect_ws(url, client) as session,
    ):
        yield session


async def link(sandbox: Sandbox) -> str:
    opened = await sandbox.api("apps.connections.open", token="xapp-sandbox")
    url: str = opened["url"]
    assert url.startswith(f"ws://127.0.0.1:{sandbox.port}/")
    return url


async def test_a_command_and_all_that_follows_it(sandbox: Sandbox) -> None:
    app = sandbox.app()

    @app.command("/luthien")
    async def command(ack: Any, body: Json, client: Any, respond: Any) -> None:
        await ack("working on it")
        posted = await client.chat_postMessage(
            channel=body["channel_id"],
            text="started",
            blocks=[section("started"), actions(button(value="42"))],
        )
        await client.chat_update(channel=OPS, ts=posted["ts"], text="running")
        await client.chat_postEphemeral(channel=OPS, user=body["user_id"], text="for you")
        await respond("through the response_url")

    await sandbox.connect(app)
    answer = await sandbox.control("command", user="ada", channel="#ops", text="/luthien create x")
    assert answer["status"] == 200
    assert answer["body"] == {"text": "working on it"}
    assert 0 < answer["ack_ms"] < 3000

    async def all_there() -> bool:
        return len(await sandbox.messages(**{"as": "ada"})) == 4

    await until(all_there)
    seen = {m["text"]: m for m in await sandbox.messages(**{"as": "ada"})}
    assert set(seen) == {"working on it", "running", "for you", "through the response_url"}
    assert [m["text"] for m in await sandbox.messages(**{"as": "ben"})] == ["running"]
    assert seen["running"]["edited"]
    assert seen["running"]["blocks"]  # text alone was updated
    assert seen["for you"]["ephemeral"]


async def test_what_a_command_carries(sandbox: Sandbox) -> None:
    app, got = sandbox.app(), asyncio.Queue[Json]()

    @app.command("/luthien")
    async def command(ack: Any, body: Json) -> None:
        await ack()
        await got.put(body)

    await sandbox.connect(app)
    text = "/luthien give @ben #ops a&b https://x.example/y gw.railway.app @nobody @oncall."
    answer = await sandbox.control("command", user="ada", channel="#ops", text=text)
    assert answer["body"] == ""
    body = await got.get()
    assert body["text"] == (
        "give <@U0BEN00001|ben> <#C0OPS00001|ops> a&amp;b <https://x.example/y>"
        " <http://gw.railway.app|gw.railway.app> @nobody <!subteam^S0ONCALL01|@oncall>."
    )
    expected = {
        "command": "/luthien",
        "user_id": ADA,
        "user_name": "ada",
        "channel_id": OPS,
        "channel_name": "ops",
        "team_domain": "sandbox",
        "is_enterprise_install": "false",
    }
    assert {key: body[key] for key in expected} == expected
    assert body["response_url"].startswith(f"{sandbox.url}/slack/commands/")
    in_dm = await sandbox.control("command", user="ada", channel="luthien", text="/luthien")
    assert in_dm["status"] == 200
    assert (await got.get())["channel_name"] == "directmessage"


async def test_without_should_escape_the_text_stays_as_typed(
    manifest: Callable[..., Path],
) -> None:
    async with running(manifest=manifest()) as sandbox:
        app, got = sandbox.app(), asyncio.Queue[str]()

        @app.command("/ops")
        async def command(ack: Any, command: Json) -> None:
            await ack()
            await got.put(command["text"])

        await sandbox.connect(app)
        await sandbox.control("command", user="ada", channel="#ops", text="/OPS give @ben a&b")
        assert await got.get() == "give @ben a&b"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": "/nonsense"}, "is not a valid command"),
        ({"text": "/luthien x", "thread_ts": "1.1"}, "is not supported in threads"),
        ({"text": "/luthien x"}, 'failed with the error "dispatch_failed"'),
    ],
    ids=["unknown", "in a thread", "no app connected"],
)
async def test_slackbot_says_what_went_wrong(
    sandbox: Sandbox, fields: dict[str, str], words: str
) -> None:
    answer = await sandbox.control("command", user="ada", channel="#ops", **fields)
    assert answer["status"] >= 400
    (seen,) = await sandbox.messages(
        **{"as": "ada"}, **{k: v for k, v in fields.items() if "ts" in k}
    )
    assert (seen["user"], seen["ephemeral"]) == ("USLACKBOT", True)
    assert words in seen["text"]
    assert await sandbox.messages(**{"as": "ben"}) == []


async def test_a_command_that_nobody_acknowledges_times_out(sandbox: Sandbox) -> None:
    await sandbox.settings(ack_seconds=0.1)
    app = sandbox.app()  # knows no command: Bolt then sends no ack at all
    await sandbox.connect(app)
    answer = await sandbox.control("command", user="ada", channel="#ops", text="/luthien x")
    assert (answer["status"], answer["body"]) == (504, "operation_timeout")
    (seen,) = await sandbox.messages(**{"as": "ada"})
    assert seen["text"] == '`/luthien` failed with the error "operation_timeout"'


async def test_ack_patience_is_three_seconds_of_real_time(sandbox: Sandbox) -> None:
    state = (await sandbox.http.get("/control/state")).json()["slack"]
    assert "ack_seconds" not in state.get("settings", {})
    async with websocket(await link(sandbox)) as session:
        raw = RawApp(sandbox, session)
        assert (await raw.receive())["type"] == "hello"
        started = asyncio.get_running_loop().time()
        answer = await sandbox.control("command", user="ada", channel="#ops", text="/luthien x")
        assert answer["body"] == "operation_timeout"
        assert 2.9 < asyncio.get_running_loop().time() - started < 4


async def test_a_click_in_a_message(sandbox: Sandbox) -> None:
    app, got = sandbox.app(), asyncio.Queue[Json]()

    @app.action("go")
    async def go(ack: Any, body: Json) -> None:
        await ack()
        await got.put(body)

    @app.action("pick")
    async def pick(ack: Any, body: Json) -> None:
        await ack()
        await got.put(body)

    await sandbox.connect(app)
    dialog = {k: {"type": "plain_text", "text": k} for k in ("title", "text", "confirm", "deny")}
    menu = {
        "type": "static_select",
        "action_id": "pick",
        "options": [
            {"text": {"type": "plain_text", "text": text}, "value": text.lower()}
            for text in ("Small", "Large")
        ],
    }
    blocks = [actions(button(value="42", style="danger", confirm=dialog), menu)]
    posted = await sandbox.client.chat_postMessage(channel=OPS, text="root", blocks=blocks)
    where = {"user": "ada", "channel": "#ops", "ts": posted["ts"]}
    assert (await sandbox.control("click", **where, label="Go"))["status"] == 200
    body = await got.get()
    assert body["type"] == "block_actions"
    assert body["user"]["id"] == ADA
    assert body["container"] == {
        "type": "message",
        "message_ts": posted["ts"],
        "channel_id": OPS,
        "is_ephemeral": False,
    }
    assert body["message"]["ts"] == posted["ts"]
    (action,) = body["actions"]
    assert (action["action_id"], action["value"], action["type"]) == ("go", "42", "button")
    assert action["action_ts"]
    assert body["response_url"].startswith(f"{sandbox.url}/slack/actions/")
    await sandbox.control("click", **where, action_id="pick", value="Large")
    body = await got.get()
    assert body["actions"][0]["selected_option"]["value"] == "large"
    (values,) = body["state"]["values"].values()
    assert values["pick"]["selected_option"]["value"] == "large"
    missing = await sandbox.control("click", 400, **where, label="Nope")
    assert "Go" in missing["error"]


async def test_events_reach_the_app_once_acknowledged(sandbox: Sandbox) -> None:
    app, got = sandbox.app(), asyncio.Queue[Json]()

    @app.event("app_mention")
    async def mentioned(body: Json) -> None:
        await got.put(body)

    @app.event("message")
    async def message(body: Json) -> None:
        await got.put(body)

    await sandbox.connect(app)
    said = await sandbox.control("say", user="ada", channel="#ops", text="@luthien status?")
    bodies = {(b := await got.get())["event"]["type"]: b for _ in range(2)}
    event = bodies["app_mention"]["event"]
    assert event["text"] == f"<@{BOT_USER}> status?"
    assert (event["user"], event["ts"], event["channel"]) == (ADA, said["ts"], OPS)
    assert bodies["message"]["event"]["channel_type"] == "channel"
    envelope = bodies["app_mention"]
    assert envelope["type"] == "event_callback"
    assert envelope["authorizations"][0]["user_id"] == BOT_USER
    assert envelope["event_id"] != bodies["message"]["event_id"]
    await sandbox.control("say", user="ada", channel=DM_ADA, text="hello")
    direct = (await got.get())["event"]
    assert (direct["channel_type"], direct["text"]) == ("im", "hello")


async def test_only_subscribed_events_are_sent(manifest: Callable[..., Path]) -> None:
    async with running(
        manifest=manifest("chat:write app_mentions:read", "app_mention")
    ) as sandbox:
        app, got = sandbox.app(), asyncio.Queue[Json]()

        @app.event("app_mention")
        async def mentioned(event: Json) -> None:
            await got.put(event)

        await sandbox.connect(app)
        await sandbox.control("say", user="ada", channel="#ops", text="nothing for the bot")
        await sandbox.control("say", user="ada", channel="#ops", text="@opsbot hi")
        await got.get()
        assert len(await sandbox.journal("event")) == 1


async def test_a_changed_user_group_is_told_as_slack_words_it(
    manifest: Callable[..., Path],
) -> None:
    async with running(manifest=manifest("usergroups:read", "subteam_members_changed")) as sandbox:
        app, got = sandbox.app(), asyncio.Queue[Json]()

        @app.event("subteam_members_changed")
        async def regrouped(event: Json) -> None:
            await got.put(event)

        await sandbox.connect(app)
        made = await sandbox.control("group", handle="@sre-team", members=["ben"])
        first = await got.get()
        assert (first["subteam_id"], first["added_users"]) == (made["id"], ["U0BEN00001"])
        await sandbox.control("group", handle="sre-team", members=["ada"])
        second = await got.get()
        assert (second["added_users"], second["removed_users"]) == ([ADA], ["U0BEN00001"])
        assert (second["added_users_count"], second["removed_users_count"]) == (1, 1)
        said = await sandbox.client.usergroups_users_list(usergroup=made["id"])
        assert said["users"] == [ADA]


async def test_an_event_without_ack_comes_again(sandbox: Sandbox) -> None:
    await sandbox.settings(ack_seconds=0.05, event_retries_after=[0, 0.05, 60])
    async with websocket(await link(sandbox)) as session:
        raw = RawApp(sandbox, session)
        await raw.receive()
        await sandbox.control("say", user="ada", channel=DM_ADA, text="hi")
        frames = [await raw.receive() for _ in range(3)]
        assert [f["retry_attempt"] for f in frames] == [0, 1, 2]
        assert [f["retry_reason"] for f in frames] == ["", "timeout", "timeout"]
        assert len({f["envelope_id"] for f in frames}) == 3
        assert len({f["payload"]["event_id"] for f in frames}) == 1
        assert all(f["type"] == "events_api" for f in frames)
        assert not any(f["accepts_response_payload"] for f in frames)


async def test_an_event_survives_a_restart_of_the_app(sandbox: Sandbox) -> None:
    await sandbox.settings(ack_seconds=0.05, event_retries_after=[0, 0.5])
    async with websocket(await link(sandbox)) as session:
        raw = RawApp(sandbox, session)
        await raw.receive()
        await sandbox.control("say", user="ada", channel=DM_ADA, text="hi")
        event = (await raw.receive())["payload"]
    async with websocket(await link(sandbox)) as session:
        raw = RawApp(sandbox, session)
        await raw.receive()
        again = await raw.receive()
        assert again["payload"] == event
        await raw.ack(again)


async def test_hello_and_several_connections(sandbox: Sandbox) -> None:
    async with websocket(await link(sandbox)) as one:
        hello = await RawApp(sandbox, one).receive()
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        assert hello["connection_info"]["app_id"].startswith("A")
        assert hello["debug_info"]["approximate_connection_time"] == 3600
        async with websocket(await link(sandbox)) as two:
            first, second = RawApp(sandbox, one), RawApp(sandbox, two)
            assert (await second.receive())["num_connections"] == 2
            got: list[str] = []

            async def serve(app: RawApp, name: str) -> None:
                while True:
                    await app.ack(await app.receive())
                    got.append(name)

            tasks = [
                asyncio.create_task(serve(first, "1")),
                asyncio.create_task(serve(second, "2")),
            ]
            for _ in range(12):
                await sandbox.control("command", user="ada", channel="#ops", text="/luthien x")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert len(got) == 12  # each payload goes to one of them
            assert set(got) == {"1", "2"}


async def test_the_eleventh_connection_is_one_too_many(sandbox: Sandbox) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(10):
            session = await stack.enter_async_context(websocket(await link(sandbox)))
            assert (await RawApp(sandbox, session).receive())["type"] == "hello"
        session = await stack.enter_async_context(websocket(await link(sandbox)))
        frame = await RawApp(sandbox, session).receive()
        assert (frame["type"], frame["reason"]) == ("disconnect", "too_many_websockets")


async def test_a_ticket_works_once(sandbox: Sandbox) -> None:
    url = await link(sandbox)
    async with websocket(url) as session:
        await RawApp(sandbox, session).receive()
        with pytest.raises(Exception, match="403"):
            async with websocket(url):
                pass


@pytest.mark.parametrize("way", ["refresh", "age", "fault"])
async def test_bolt_reconnects_when_told_or_cut(sandbox: Sandbox, way: str) -> None:
    app = sandbox.app()

    @app.command("/luthien")
    async def command(ack: Any) -> None:
        await ack("here")

    if way == "age":
        await sandbox.settings(connection_seconds=0.2, connection_warning_seconds=0.1)
    await sandbox.connect(app)
    if way == "age":
        await sandbox.settings(connection_seconds=3600)
    if way == "refresh":
        told = await sandbox.control("disconnect", reason="refresh_requested")
        assert told == {"connections": 1}
    if way == "fault":
        fault = {"vendor": "slack", "kind": "disconnect", "nth": 0}
        assert (await sandbox.http.post("/control/faults", json=fault)).status_code == 200

    async def reconnected() -> bool:
        return len(await sandbox.journal("apps.connections.open")) >= 2

    await until(reconnected, 15)

    async def answers() -> bool:
        said = await sandbox.control("command", user="ada", channel="#ops", text="/luthien x")
        return bool(said["status"] == 200)

    await until(answers)


async def test_a_second_delivery_is_the_same_payload(sandbox: Sandbox) -> None:
    app, got = sandbox.app(), asyncio.Queue[str]()

    @app.command("/luthien")
    async def command(ack: Any, body: Json) -> None:
        await ack()
        await got.put(body["trigger_id"])

    await sandbox.connect(app)
    await sandbox.control("command", user="ada", channel="#ops", text="/luthien x")
    again = await sandbox.control("redeliver", times=2)
    assert [o["status"] for o in again["outcomes"]] == [200, 200]
    assert len({await got.get() for _ in range(3)}) == 1


async def test_bolt_pings_and_stays_connected(sandbox: Sandbox) -> None:
    app = AsyncApp(client=sandbox.client, signing_secret="s")
    handler = await sandbox.connect(app)
    session = handler.client.current_session
    assert session is not None

    async def ponged() -> bool:
        return handler.client.last_ping_pong_time is not None

    await until(ponged)
    assert await handler.client.is_connected()
