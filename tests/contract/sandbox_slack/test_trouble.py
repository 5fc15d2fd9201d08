"""Planned faults, and a workspace that outlives its process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from slack_sdk.errors import SlackApiError

from tests.contract.sandbox_slack.block_samples import actions, button, field, modal, plain
from tests.contract.sandbox_slack.block_samples import text_input as text_input_of
from tests.contract.sandbox_slack.conftest import (
    ADA,
    DM_ADA,
    OPS,
    Sandbox,
    error_of,
    running,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def plan(sandbox: Sandbox, kind: str, operation: str, nth: int = 1, **more: Any) -> None:
    fault = {"vendor": "slack", "operation": operation, "nth": nth, "kind": kind, **more}
    answer = await sandbox.http.post("/control/faults", json=fault)
    assert answer.status_code == 200, answer.text


async def texts(sandbox: Sandbox) -> list[str]:
    return [message["text"] for message in await sandbox.messages()]


async def test_a_lost_answer_leaves_the_message(sandbox: Sandbox) -> None:
    await plan(sandbox, "lost-before", "chat.postMessage")
    await plan(sandbox, "lost-after", "chat.postMessage", nth=2)
    client = sandbox.client
    client.retry_handlers = []
    for text in ("never sent", "sent, unanswered"):
        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel=OPS, text=text)
    assert await texts(sandbox) == ["sent, unanswered"]


@pytest.mark.parametrize(
    ("kind", "status", "done"),
    [("429", 429, False), ("throttle", 429, False), ("500", 500, False), ("504-after", 504, True)],
)
async def test_errors_of_the_transport(
    sandbox: Sandbox, kind: str, status: int, *, done: bool
) -> None:
    await plan(sandbox, kind, "chat.postMessage")
    with pytest.raises(SlackApiError) as failed:
        await sandbox.client.chat_postMessage(channel=OPS, text="x")
    assert failed.value.response.status_code == status
    assert await texts(sandbox) == (["x"] if done else [])


async def test_a_reply_can_be_lost_too(sandbox: Sandbox) -> None:
    app, urls = sandbox.app(), asyncio.Queue[str]()

    @app.command("/luthien")
    async def command(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        await urls.put(body["response_url"])

    await sandbox.connect(app)
    await sandbox.control("command", user="ada", channel="#ops", text="/luthien x")
    url = await urls.get()
    await plan(sandbox, "lost-before", "response_url")
    with pytest.raises(httpx.TransportError):
        await sandbox.http.post(url, json={"text": "x"})
    assert (await sandbox.http.post(url, json={"text": "y"})).status_code == 200


@pytest.mark.parametrize(("kind", "arrives"), [("lost-before", False), ("lost-after", True)])
async def test_a_command_gets_lost_on_either_way(
    sandbox: Sandbox, kind: str, *, arrives: bool
) -> None:
    await sandbox.settings(ack_seconds=0.1)
    app, got = sandbox.app(), asyncio.Queue[str]()

    @app.command("/luthien")
    async def command(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        await got.put(body["text"])

    await sandbox.connect(app)
    await plan(sandbox, kind, "command")
    answer = await sandbox.control("command", user="ada", channel="#ops", text="/luthien x")
    assert answer["body"] == "operation_timeout"
    assert got.empty() is not arrives


async def test_an_event_whose_ack_is_lost_comes_again(sandbox: Sandbox) -> None:
    await sandbox.settings(ack_seconds=0.1)
    app, got = sandbox.app(), asyncio.Queue[tuple[str, int]]()

    @app.event("message")
    async def message(body: dict[str, Any], req: Any) -> None:
        attempts = req.headers.get("x-slack-retry-num", ["0"])
        await got.put((body["event_id"], int(attempts[0])))

    await sandbox.connect(app)
    await plan(sandbox, "lost-after", "event")
    await sandbox.control("say", user="ada", channel=DM_ADA, text="hi")
    first, second = await got.get(), await got.get()
    assert first[0] == second[0]
    assert (first[1], second[1]) == (0, 1)


async def test_a_connection_that_is_cut_under_a_command(sandbox: Sandbox) -> None:
    await sandbox.settings(ack_seconds=0.3)
    app = sandbox.app()

    @app.command("/luthien")
    async def command(ack: Any) -> None:
        await asyncio.sleep(0.1)
        await ack()

    await sandbox.connect(app)
    await plan(sandbox, "disconnect", "command")
    answer = await sandbox.control("command", user="ada", channel="#ops", text="/luthien x")
    assert answer["body"] == "operation_timeout"

    async def works_again() -> bool:
        said = await sandbox.control("command", user="ada", channel="#ops", text="/luthien x")
        return bool(said["status"] == 200)

    await until(works_again, 15)


async def test_the_journal_tells_deliveries_and_hides_tokens(sandbox: Sandbox) -> None:
    await sandbox.control("command", user="ada", channel="#ops", text="/luthien list")
    (entry,) = await sandbox.journal("command")
    assert entry["document"] == "/luthien"
    assert entry["variables"]["text"] == "list"
    assert entry["variables"]["response_url"] == "***"
    await sandbox.api("auth.test", token=None, data={"token": "xoxb-sandbox"})
    raw = (await sandbox.http.get("/control/journal")).text
    assert "xoxb-sandbox" not in raw


# -- the state ------------------------------------------------------------------------------------


async def test_the_workspace_outlives_its_process(tmp_path: Path) -> None:
    form = modal(field(text_input_of()), submit=plain("Go"), callback_id="f")
    async with running(data=tmp_path) as sandbox:
        app, tickets = sandbox.app(), asyncio.Queue[dict[str, Any]]()

        @app.command("/luthien")
        async def command(ack: Any, body: dict[str, Any], client: Any) -> None:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=form)
            await tickets.put(body)

        await sandbox.connect(app)
        posted = await sandbox.client.chat_postMessage(
            channel=OPS, text="root", blocks=[actions(button())]
        )
        await sandbox.client.chat_postMessage(channel=OPS, text="reply", thread_ts=posted["ts"])
        await sandbox.client.chat_postEphemeral(channel=OPS, user=ADA, text="secret")
        await sandbox.control("command", user="ada", channel="#ops", text="/luthien x")
        used = await tickets.get()
        await sandbox.settings(unsupported_blocks=["plan"])
        before = (await sandbox.http.get("/control/state")).json()["slack"]
        seen = await sandbox.messages(**{"as": "ada"})
    async with running(data=tmp_path) as sandbox:
        after = (await sandbox.http.get("/control/state")).json()["slack"]
        assert after == before
        assert await sandbox.messages(**{"as": "ada"}) == seen
        assert (await sandbox.views("ada"))["modal"]["callback_id"] == "f"
        again = sandbox.client.views_open(trigger_id=used["trigger_id"], view=form)
        assert await error_of(again) == "exchanged_trigger_id"
        path = httpx.URL(used["response_url"]).path
        assert (await sandbox.http.post(path, json={"text": "still here"})).status_code == 200
        newer = await sandbox.client.chat_postMessage(channel=OPS, text="later")
        assert newer["ts"] > posted["ts"]
        assert (await sandbox.http.post("/control/reset")).status_code == 200
        assert await sandbox.messages(**{"as": "ada"}) == []


async def test_no_id_comes_twice_whatever_state_is_put_back(sandbox: Sandbox) -> None:
    state = (await sandbox.http.get("/control/state")).json()["slack"]

    async def made() -> str:
        return str((await sandbox.client.conversations_create(name="new"))["channel"]["id"])

    first = await made()
    await sandbox.http.put("/control/state", json={"slack": state})
    second = await made()
    await sandbox.http.post("/control/reset")
    assert len({first, second, await made()}) == 3


async def test_a_state_can_be_put_back(sandbox: Sandbox) -> None:
    await sandbox.client.chat_postMessage(channel=OPS, text="one")
    state = (await sandbox.http.get("/control/state")).json()
    await sandbox.client.chat_postMessage(channel=OPS, text="two")
    put = await sandbox.http.put("/control/state", json={"slack": state["slack"]})
    assert put.status_code == 200
    assert await texts(sandbox) == ["one"]
    nonsense = await sandbox.http.put("/control/state", json={"slack": {"nonsense": 1}})
    assert nonsense.status_code == 400
    assert "nonsense" in nonsense.json()["error"]


async def test_ids_follow_from_the_seed() -> None:
    made = []
    for seed in (1, 1, 2):
        async with running(seed=seed) as sandbox:
            created = await sandbox.client.conversations_create(name="one")
            made.append(created["channel"]["id"])
    assert made[0] == made[1] != made[2]


# -- the people's controls ------------------------------------------------------------------------


async def test_the_workspace_is_told(sandbox: Sandbox) -> None:
    body = (await sandbox.http.get("/control/slack/workspace")).json()
    assert [u["name"] for u in body["users"] if not u["is_bot"]] == [
        "ada",
        "ben",
        "cleo",
        "slackbot",
    ]
    assert {c["name"] for c in body["channels"] if not c["is_im"]} == {"ops", "general"}
    assert body["commands"][0]["command"] == "/luthien"
    assert body["bot"]["name"] == "luthien"


@pytest.mark.parametrize(
    ("what", "fields", "words"),
    [
        ("say", {"user": "zoe", "channel": "#ops", "text": "x"}, "nobody called zoe"),
        ("say", {"user": "ada", "channel": "#nope", "text": "x"}, "no channel #nope"),
        ("say", {"user": "ada", "channel": "#ops"}, "text is missing"),
        ("say", {"user": "ben", "channel": DM_ADA, "text": "x"}, "ben is not in"),
        ("say", {"user": "ada", "channel": "#ops", "text": "x", "thread_ts": "1"}, "no message 1"),
        ("command", {"user": "ada", "channel": "#ops", "text": "hello"}, "starts with a slash"),
        ("click", {"user": "ada", "channel": "#ops", "ts": "1", "label": "x"}, "sees no message"),
        ("submit", {"user": "ada", "view_id": "V1"}, "has no view V1"),
        ("invite", {"channel": "#ops"}, "is in #ops already"),
        ("kick", {"channel": "#general"}, "is not in #general"),
        ("shortcut", {"user": "ada", "callback_id": "x"}, "no global shortcut"),
        ("disconnect", {"reason": "boredom"}, "reason is"),
    ],
)
async def test_what_cannot_be_done_is_said_in_words(
    sandbox: Sandbox, what: str, fields: dict[str, Any], words: str
) -> None:
    answer = await sandbox.control(what, 400, **fields)
    assert words in answer["error"]


async def test_the_bot_is_invited_and_removed(sandbox: Sandbox) -> None:
    await sandbox.control("invite", channel="#general")
    info = await sandbox.client.conversations_info(channel="C0GENERAL1")
    assert info["channel"]["is_member"]
    await sandbox.control("kick", channel="#general")
    info = await sandbox.client.conversations_info(channel="C0GENERAL1")
    assert not info["channel"]["is_member"]
    said = await sandbox.control("say", user="ada", channel="#general", text="@luthien hi")
    assert said["ts"]
    *_, note = await sandbox.messages("#general", **{"as": "ada"})
    assert note["ephemeral"]
    assert "not in this channel" in note["text"]


async def test_people_react(sandbox: Sandbox) -> None:
    ts = (await sandbox.client.chat_postMessage(channel=OPS, text="x"))["ts"]
    where = {"user": "ada", "channel": "#ops", "ts": ts, "name": "eyes"}
    await sandbox.control("react", **where)
    (seen,) = await sandbox.messages()
    assert seen["reactions"] == [{"name": "eyes", "users": [ADA], "count": 1}]
    await sandbox.control("react", **where)
    (seen,) = await sandbox.messages()
    assert "reactions" not in seen


async def test_buttons_alike_are_told_apart_by_value(sandbox: Sandbox) -> None:
    app, got = sandbox.app(), asyncio.Queue[str]()

    @app.action("go")
    async def go(ack: Any, action: dict[str, Any]) -> None:
        await ack()
        await got.put(action["value"])

    await sandbox.connect(app)
    rows = [actions(button(value=name)) for name in ("acme", "globex")]
    ts = (await sandbox.client.chat_postMessage(channel=OPS, text="x", blocks=rows))["ts"]
    where = {"user": "ada", "channel": "#ops", "ts": ts, "action_id": "go"}
    await sandbox.control("click", **where, value="globex")
    assert await got.get() == "globex"
    await sandbox.control("click", **where)
    assert await got.get() == "acme"


async def test_a_permalink_leads_to_the_page(sandbox: Sandbox) -> None:
    ts = (await sandbox.client.chat_postMessage(channel=OPS, text="x"))["ts"]
    link = (await sandbox.client.chat_getPermalink(channel=OPS, message_ts=ts))["permalink"]
    answer = await sandbox.http.get(link)
    assert answer.headers["location"] == f"/#/channel/ops/message/{ts}"
