"""Messages: posting, editing, deleting, threads, metadata, and those for one person only."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.contract.sandbox_slack.block_samples import actions, button, section, task
from tests.contract.sandbox_slack.conftest import (
    ADA,
    BEN,
    BOT_USER,
    DM_ADA,
    GENERAL,
    OPS,
    Sandbox,
    error_of,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_posted_message_looks_as_slack_says(sandbox: Sandbox) -> None:
    answer = await sandbox.client.chat_postMessage(
        channel=OPS, text="hi <@U0ADA00001> & <b>", blocks=[section("*hi*")]
    )
    message = answer["message"]
    assert message["type"] == "message"
    assert message["user"] == BOT_USER
    assert message["bot_id"] == message["bot_profile"]["id"]
    assert message["text"] == "hi <@U0ADA00001> &amp; &lt;b&gt;"
    assert message["ts"] == answer["ts"]
    assert answer["channel"] == OPS
    block = message["blocks"][0]
    assert block["block_id"]
    assert block["text"] == {"type": "mrkdwn", "text": "*hi*", "verbatim": False}


async def test_where_the_bot_may_post(sandbox: Sandbox) -> None:
    client = sandbox.client
    assert (await client.chat_postMessage(channel=ADA, text="x"))["channel"] == DM_ADA
    assert (await client.chat_postMessage(channel=GENERAL, text="x"))["ok"]  # chat:write.public
    assert (await client.chat_postMessage(channel="#ops", text="x"))["channel"] == OPS
    by_person = client.conversations_history(channel=ADA)  # only posts find a DM by person
    assert await error_of(by_person) == "channel_not_found"
    missing = client.chat_postMessage(channel="C0NOWHERE", text="x")
    assert await error_of(missing) == "channel_not_found"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "no_text"),
        ({"text": ""}, "no_text"),
        ({"text": "x", "blocks": "nonsense"}, "invalid_blocks_format"),
        ({"text": "x", "blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        ({"text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"text": "x", "attachments": [{"text": "a"}] * 101}, "too_many_attachments"),
        ({"text": "x", "metadata": "nonsense"}, "invalid_metadata_format"),
        ({"text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_schema"),
    ],
)
async def test_what_is_refused(sandbox: Sandbox, arguments: dict[str, Any], error: str) -> None:
    answer = await sandbox.api("chat.postMessage", json={"channel": OPS, **arguments})
    assert answer["error"] == error


async def test_invalid_blocks_say_what_and_where(sandbox: Sandbox) -> None:
    answer = await sandbox.api(
        "chat.postMessage",
        json={"channel": OPS, "text": "x", "blocks": [{"type": "header", "text": "x"}]},
    )
    line = "must provide an object [json-pointer:/blocks/0/text]"
    assert answer["errors"] == [line]
    assert answer["response_metadata"] == {"messages": [f"[ERROR] {line}"]}


async def test_block_types_can_be_made_unknown(sandbox: Sandbox) -> None:
    plan = {"type": "plan", "title": "Plan", "tasks": [task()]}
    await sandbox.client.chat_postMessage(channel=OPS, text="x", blocks=[plan])
    body = {"slack": {"unsupported_blocks": ["plan", "data_visualization"]}}
    assert (await sandbox.http.put("/control/state", json=body)).status_code == 200
    refused = sandbox.client.chat_postMessage(channel=OPS, text="x", blocks=[plan])
    assert await error_of(refused) == "invalid_blocks"


async def test_long_texts(sandbox: Sandbox) -> None:
    client = sandbox.client
    whole = await client.chat_postMessage(channel=OPS, text="a" * 4040)
    assert len(whole["message"]["text"]) == 4040
    split = await client.chat_postMessage(channel=OPS, text="b" * 4041)
    assert len(split["message"]["text"]) == 4000
    assert [len(m["text"]) for m in await sandbox.messages()] == [4040, 4000, 41]
    cut = await client.chat_postMessage(channel=OPS, text="c" * 40_001, blocks=[section()])
    assert (len(cut["message"]["text"]), cut["warning"]) == (40_000, "message_truncated")
    long = client.chat_update(channel=OPS, ts=whole["ts"], text="d" * 4001)
    assert await error_of(long) == "msg_too_long"


async def test_editing(sandbox: Sandbox) -> None:
    client = sandbox.client
    metadata = {"event_type": "run", "event_payload": {"run": "r1"}}
    posted = await client.chat_postMessage(
        channel=OPS, text="one", blocks=[section("one")], metadata=metadata
    )
    ts = posted["ts"]
    edited = await client.chat_update(channel=OPS, ts=ts, text="two", blocks=[section("two")])
    assert edited["text"] == edited["message"]["text"] == "two"
    assert edited["message"]["edited"]["user"] == BOT_USER
    assert edited["message"]["metadata"] == metadata  # kept when left out
    (seen,) = await sandbox.messages()
    assert (seen["text"], seen["blocks"][0]["text"]["text"]) == ("two", "two")
    assert seen["edited"]
    cleared = await client.chat_update(channel=OPS, ts=ts, text="three", blocks=[], metadata={})
    assert "blocks" not in cleared["message"]
    assert "metadata" not in cleared["message"]
    assert await error_of(client.chat_update(channel=OPS, ts="1.1", text="x")) == (
        "message_not_found"
    )
    theirs = (await sandbox.control("say", user="ada", channel="#ops", text="mine"))["ts"]
    refused = client.chat_update(channel=OPS, ts=theirs, text="x")
    assert await error_of(refused) == "cant_update_message"
    refused = client.chat_delete(channel=OPS, ts=theirs)
    assert await error_of(refused) == "cant_delete_message"
    await client.chat_delete(channel=OPS, ts=ts)
    assert await error_of(client.chat_delete(channel=OPS, ts=ts)) == "message_not_found"
    assert [m["ts"] for m in await sandbox.messages()] == [theirs]


async def test_threads(sandbox: Sandbox) -> None:
    client = sandbox.client
    root = (await client.chat_postMessage(channel=OPS, text="root"))["ts"]
    first = await client.chat_postMessage(channel=OPS, text="first", thread_ts=root)
    assert first["message"]["thread_ts"] == root
    assert first["message"]["parent_user_id"] == BOT_USER
    # A reply to a reply joins the thread.
    await client.chat_postMessage(channel=OPS, text="second", thread_ts=first["ts"])
    shown = await client.chat_postMessage(
        channel=OPS, text="third", thread_ts=root, reply_broadcast=True
    )
    await sandbox.control("say", user="ada", channel="#ops", text="fourth", thread_ts=root)
    history = (await client.conversations_history(channel=OPS))["messages"]
    assert [m["text"] for m in history] == ["third", "root"]
    assert history[0]["subtype"] == "thread_broadcast"
    assert history[1]["reply_count"] == 4
    assert history[1]["reply_users"] == [BOT_USER, ADA]
    replies = (await client.conversations_replies(channel=OPS, ts=root))["messages"]
    texts = ["root", "first", "second", "third", "fourth"]
    assert [m["text"] for m in replies] == texts
    assert replies[0]["latest_reply"] == replies[-1]["ts"]
    assert [m["text"] for m in await sandbox.messages(thread_ts=root)] == texts
    newer = await client.conversations_replies(channel=OPS, ts=root, oldest=shown["ts"])
    assert [m["text"] for m in newer["messages"]] == ["root", "fourth"]
    assert await error_of(client.conversations_replies(channel=OPS, ts="1.1")) == (
        "thread_not_found"
    )
    # The root stays as a tombstone while it has replies.
    await client.chat_delete(channel=OPS, ts=root)
    history = (await client.conversations_history(channel=OPS))["messages"]
    assert (history[-1]["subtype"], history[-1]["reply_count"]) == ("tombstone", 4)


async def test_history_in_pages_and_with_metadata(sandbox: Sandbox) -> None:
    client = sandbox.client
    for number in range(5):
        payload = {"event_type": "run", "event_payload": {"n": number}}
        await client.chat_postMessage(channel=OPS, text=f"{number}", metadata=payload)
    first = await client.conversations_history(channel=OPS, limit=2)
    assert [m["text"] for m in first["messages"]] == ["4", "3"]
    assert first["has_more"]
    cursor = first["response_metadata"]["next_cursor"]
    second = await client.conversations_history(channel=OPS, limit=2, cursor=cursor)
    assert [m["text"] for m in second["messages"]] == ["2", "1"]
    assert first["messages"][0]["metadata"] == {"event_type": "run"}
    full = await client.conversations_history(channel=OPS, include_all_metadata=True)
    assert full["messages"][0]["metadata"]["event_payload"] == {"n": 4}
    oldest = full["messages"][2]["ts"]
    window = await client.conversations_history(channel=OPS, oldest=oldest, inclusive=True)
    assert [m["text"] for m in window["messages"]] == ["4", "3", "2"]
    assert await error_of(client.conversations_history(channel=GENERAL)) == "not_in_channel"
    assert await error_of(client.conversations_history(channel=OPS, oldest="x")) == (
        "invalid_ts_oldest"
    )


async def test_ephemeral_messages_are_for_one_person(sandbox: Sandbox) -> None:
    client = sandbox.client
    blocks = [section("secret"), actions(button())]
    answer = await client.chat_postEphemeral(channel=OPS, user=ADA, text="note", blocks=blocks)
    ts = answer["message_ts"]
    assert isinstance(answer.data, dict)
    assert set(answer.data) == {"ok", "message_ts"}
    (seen,) = await sandbox.messages(**{"as": "ada"})
    assert (seen["ts"], seen["ephemeral"]) == (ts, True)
    assert await sandbox.messages(**{"as": "ben"}) == []
    assert await sandbox.messages() == []
    assert (await client.conversations_history(channel=OPS))["messages"] == []
    for refused in (
        client.chat_update(channel=OPS, ts=ts, text="x"),
        client.chat_delete(channel=OPS, ts=ts),
        client.chat_getPermalink(channel=OPS, message_ts=ts),
    ):
        assert await error_of(refused) == "message_not_found"
    outsider = client.chat_postEphemeral(channel=DM_ADA, user=BEN, text="x")
    assert await error_of(outsider) == "user_not_in_channel"
    await sandbox.control("dismiss", user="ada", channel="#ops", ts=ts)
    assert await sandbox.messages(**{"as": "ada"}) == []


async def test_an_ephemeral_message_in_a_thread(sandbox: Sandbox) -> None:
    client = sandbox.client
    root = (await client.chat_postMessage(channel=OPS, text="root"))["ts"]
    await client.chat_postEphemeral(channel=OPS, user=ADA, text="psst", thread_ts=root)
    in_thread = await sandbox.messages(thread_ts=root, **{"as": "ada"})
    assert [m["text"] for m in in_thread] == ["root", "psst"]
    assert "reply_count" not in in_thread[0]
    assert [m["text"] for m in await sandbox.messages(**{"as": "ada"})] == ["root"]


async def test_timestamps_are_unique_and_permalinks_name_them(sandbox: Sandbox) -> None:
    client = sandbox.client
    root = (await client.chat_postMessage(channel=OPS, text="x"))["ts"]
    stamps = [
        (await client.chat_postMessage(channel=OPS, text="x", thread_ts=root))["ts"]
        for _ in range(20)
    ]
    assert len({root, *stamps}) == 21
    assert stamps == sorted(stamps)
    link = (await client.chat_getPermalink(channel=OPS, message_ts=stamps[0]))["permalink"]
    path = f"/archives/{OPS}/p{stamps[0].replace('.', '')}?thread_ts={root}&cid={OPS}"
    assert link == sandbox.url + path


async def test_scheduled_messages_arrive(sandbox: Sandbox) -> None:
    client = sandbox.client
    soon = int(time.time()) + 1
    entry = await client.chat_scheduleMessage(channel=OPS, text="later", post_at=soon)
    never = await client.chat_scheduleMessage(channel=OPS, text="never", post_at=soon + 3600)
    listed = (await client.chat_scheduledMessages_list(channel=OPS))["scheduled_messages"]
    assert [m["id"] for m in listed] == [
        entry["scheduled_message_id"],
        never["scheduled_message_id"],
    ]
    await client.chat_deleteScheduledMessage(
        channel=OPS, scheduled_message_id=never["scheduled_message_id"]
    )
    past = client.chat_scheduleMessage(channel=OPS, text="x", post_at=soon - 3600)
    assert await error_of(past) == "time_in_past"
    far = client.chat_scheduleMessage(channel=OPS, text="x", post_at=soon + 130 * 86_400)
    assert await error_of(far) == "time_too_far"

    async def arrived() -> bool:
        return [m["text"] for m in await sandbox.messages()] == ["later"]

    await until(arrived)
    assert (await client.chat_scheduledMessages_list())["scheduled_messages"] == []
