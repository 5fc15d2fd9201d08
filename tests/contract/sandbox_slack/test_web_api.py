"""How the Web API takes arguments, tokens and scopes, and how it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.sandbox_slack.conftest import (
    ADA,
    BOT_USER,
    GENERAL,
    OPS,
    Sandbox,
    error_of,
    running,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

POST = {"channel": OPS, "text": "hello"}


async def test_auth_test_names_the_bot(sandbox: Sandbox) -> None:
    answer = await sandbox.client.auth_test()
    assert answer["user_id"] == BOT_USER
    assert answer["team_id"] == "T0SANDBOX1"
    assert str(answer["bot_id"]).startswith("B")
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


@pytest.mark.parametrize(
    "sent",
    [
        {"params": POST},
        {"data": POST},
        {"json": POST},
        {"files": {"channel": (None, OPS), "text": (None, "hello")}},
        {"params": {"channel": OPS}, "json": {"text": "hello"}},
        {"params": {"channel": OPS}, "data": {"text": "hello"}},
    ],
    ids=["query", "form", "json", "multipart", "query+json", "query+form"],
)
async def test_arguments_may_come_in_any_way(sandbox: Sandbox, sent: dict[str, Any]) -> None:
    answer = await sandbox.api("chat.postMessage", **sent)
    assert answer["ok"], answer
    assert answer["message"]["text"] == "hello"


async def test_structures_may_be_strings_of_json(sandbox: Sandbox) -> None:
    blocks = json.dumps([{"type": "divider"}])
    answer = await sandbox.api("chat.postMessage", data={**POST, "blocks": blocks})
    assert answer["message"]["blocks"][0]["type"] == "divider"


async def test_a_method_without_json_ignores_a_json_body(sandbox: Sandbox) -> None:
    answer = await sandbox.api("users.info", json={"user": ADA})
    assert answer["error"] == "invalid_arguments"
    assert answer["response_metadata"]["messages"] == ["[ERROR] missing required field: user"]
    assert (await sandbox.client.users_info(user=ADA))["user"]["name"] == "ada"


async def test_tokens_are_checked(sandbox: Sandbox) -> None:
    assert (await sandbox.api("auth.test", token=None))["error"] == "not_authed"
    assert (await sandbox.api("auth.test", token="xoxb-other"))["error"] == "invalid_auth"
    wrong_kind = await sandbox.api("chat.postMessage", token="xapp-sandbox", json=POST)
    assert wrong_kind["error"] == "not_allowed_token_type"
    bot = await sandbox.api("apps.connections.open", token="xoxb-sandbox")
    assert bot["error"] == "not_allowed_token_type"
    in_body = await sandbox.api("auth.test", token=None, data={"token": "xoxb-sandbox"})
    assert in_body["ok"]


async def test_malformed_calls_are_refused(sandbox: Sandbox) -> None:
    is_json = {"Content-Type": "application/json"}
    for body, error in ((b"{", "invalid_json"), (b"[]", "json_not_object")):
        answer = await sandbox.api("chat.postMessage", content=body, headers=is_json)
        assert answer["error"] == error
    assert (await sandbox.api("chat.dance"))["error"] == "unknown_method"
    assert (await sandbox.api("api.test", data={"error": "my_error"}))["error"] == "my_error"


async def test_scopes_come_from_the_manifest(manifest: Callable[..., Path]) -> None:
    async with running(manifest=manifest("chat:write commands")) as sandbox:
        answer = await sandbox.api("users.info", params={"user": ADA})
        assert answer == {
            "ok": False,
            "error": "missing_scope",
            "needed": "users:read",
            "provided": "chat:write,commands",
        }
        outside = sandbox.client.chat_postMessage(channel=GENERAL, text="x")
        assert await error_of(outside) == "not_in_channel"
        renamed = sandbox.client.chat_postMessage(channel=OPS, text="x", username="other")
        assert await error_of(renamed) == "missing_scope"
        assert await error_of(sandbox.client.conversations_history(channel=OPS)) == "missing_scope"


async def test_scopes_differ_by_kind_of_conversation(manifest: Callable[..., Path]) -> None:
    scopes = "chat:write channels:read channels:history users:read"
    async with running(manifest=manifest(scopes)) as sandbox:
        client = sandbox.client
        await client.conversations_info(channel=OPS)
        await client.conversations_history(channel=OPS)
        refused = client.conversations_info(channel="D0ADA00001")
        assert await error_of(refused) == "missing_scope"
        refused = client.conversations_list(types="public_channel,im")
        assert await error_of(refused) == "missing_scope"
        ada = (await client.users_info(user=ADA))["user"]
        assert "email" not in ada["profile"]


async def test_people_and_groups(sandbox: Sandbox) -> None:
    client = sandbox.client
    names = [member["name"] for member in (await client.users_list())["members"]]
    assert {"ada", "ben", "cleo", "luthien", "slackbot"} == set(names)
    found = await client.users_lookupByEmail(email="ADA@sandbox.example")
    assert found["user"]["id"] == ADA
    assert await error_of(client.users_lookupByEmail(email="x@y.z")) == "users_not_found"
    assert await error_of(client.users_info(user="U1")) == "user_not_found"
    groups = (await client.usergroups_list(include_users=True))["usergroups"]
    assert [group["handle"] for group in groups] == ["oncall"]
    members = (await client.usergroups_users_list(usergroup=groups[0]["id"]))["users"]
    assert members == groups[0]["users"]
    assert await error_of(client.usergroups_users_list(usergroup="S1")) == "no_such_subteam"
    assert (await client.team_info())["team"]["domain"] == "sandbox"
    assert (await client.bots_info(bot="B0SANDBOX1"))["bot"]["user_id"] == BOT_USER


async def test_lists_come_in_pages(sandbox: Sandbox) -> None:
    seen: list[str] = []
    async for page in await sandbox.client.users_list(limit=2):
        assert len(page["members"]) <= 2
        seen += [member["id"] for member in page["members"]]
    assert len(seen) == len(set(seen)) == 5
    assert await error_of(sandbox.client.users_list(cursor="nonsense")) == "invalid_cursor"
    bad = sandbox.client.conversations_list(limit=5000)
    assert await error_of(bad) == "invalid_limit"


async def test_channels_and_membership(sandbox: Sandbox) -> None:
    client = sandbox.client
    channels = {c["name"]: c for c in (await client.conversations_list())["channels"]}
    assert channels["ops"]["is_member"]
    assert not channels["general"]["is_member"]
    mine = (await client.users_conversations(types="public_channel,im"))["channels"]
    assert {c["id"] for c in mine} == {OPS, "D0ADA00001", "D0BEN00001", "D0CLEO0001"}
    joined = await client.conversations_join(channel=GENERAL)
    assert joined["channel"]["is_member"]
    again = await client.conversations_join(channel=GENERAL)
    assert again["warning"] == "already_in_channel"
    assert BOT_USER in (await client.conversations_members(channel=GENERAL))["members"]
    assert await error_of(client.conversations_leave(channel=GENERAL)) == "cant_leave_general"
    created = (await client.conversations_create(name="incident-1"))["channel"]
    assert await error_of(client.conversations_create(name="incident-1")) == "name_taken"
    assert await error_of(client.conversations_create(name="No!")) == "invalid_name_specials"
    await client.conversations_invite(channel=created["id"], users=[ADA])
    again_invited = client.conversations_invite(channel=created["id"], users=ADA)
    assert await error_of(again_invited) == "already_in_channel"
    await client.conversations_setTopic(channel=created["id"], topic="Fire")
    info = await client.conversations_info(channel=created["id"], include_num_members=True)
    assert (info["channel"]["topic"]["value"], info["channel"]["num_members"]) == ("Fire", 2)
    opened = await client.conversations_open(users=ADA)
    assert opened["channel"]["id"] == "D0ADA00001"
    assert opened["already_open"]
    assert await error_of(client.conversations_info(channel="C1")) == "channel_not_found"


async def test_marks_on_messages_and_channels(sandbox: Sandbox) -> None:
    client = sandbox.client
    ts = (await client.chat_postMessage(channel=OPS, text="x"))["ts"]
    await client.reactions_add(channel=OPS, timestamp=ts, name="eyes")
    again = client.reactions_add(channel=OPS, timestamp=ts, name="eyes")
    assert await error_of(again) == "already_reacted"
    await client.pins_add(channel=OPS, timestamp=ts)
    assert await error_of(client.pins_add(channel=OPS, timestamp=ts)) == "already_pinned"
    assert len((await client.pins_list(channel=OPS))["items"]) == 1
    got = (await client.reactions_get(channel=OPS, timestamp=ts))["message"]
    assert got["reactions"] == [{"name": "eyes", "users": [BOT_USER], "count": 1}]
    await client.reactions_remove(channel=OPS, timestamp=ts, name="eyes")
    gone = client.reactions_remove(channel=OPS, timestamp=ts, name="eyes")
    assert await error_of(gone) == "no_reaction"
    await client.pins_remove(channel=OPS, timestamp=ts)
    added = await client.bookmarks_add(
        channel_id=OPS, title="Console", type="link", link="https://railway.com"
    )
    bookmark = added["bookmark"]
    assert [b["title"] for b in (await client.bookmarks_list(channel_id=OPS))["bookmarks"]] == [
        "Console"
    ]
    await client.bookmarks_remove(channel_id=OPS, bookmark_id=bookmark["id"])
    assert (await client.bookmarks_list(channel_id=OPS))["bookmarks"] == []


async def test_blocks_validate_needs_no_token(sandbox: Sandbox) -> None:
    good = json.dumps([{"type": "divider"}])
    assert await sandbox.api("blocks.validate", token=None, data={"blocks": good}) == {"ok": True}
    bad = json.dumps([{"type": "section", "text": {"type": "invalid", "text": "x"}}])
    answer = await sandbox.api("blocks.validate", token=None, data={"blocks": bad})
    assert answer == {
        "ok": False,
        "error": "invalid_blocks",
        "errors": [
            {
                "code": "failed_constraint",
                "message": "unsupported type: invalid",
                "pointer": "/0/text/type",
                "constraint": {"type": "enum", "expected": ["plain_text", "mrkdwn"]},
            }
        ],
    }
    neither = await sandbox.api("blocks.validate", token=None)
    assert neither["response_metadata"]["messages"] == [
        "must provide exactly one of `blocks`, `view`, or `message`"
    ]
    view = json.dumps({"type": "modal", "blocks": []})
    answer = await sandbox.api("blocks.validate", token=None, data={"view": view})
    assert answer["error"] == "invalid_view"
