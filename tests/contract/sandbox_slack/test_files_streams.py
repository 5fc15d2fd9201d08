"""Uploads, streamed messages, thread status."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.sandbox_slack.block_samples import section
from tests.contract.sandbox_slack.conftest import ADA, DM_ADA, OPS, Sandbox, error_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_sdk_uploads_a_file(sandbox: Sandbox) -> None:
    client = sandbox.client
    uploaded = await client.files_upload_v2(
        channel=OPS, filename="build.log", content="line 1\n", initial_comment="the log"
    )
    file = uploaded["files"][0]
    (seen,) = await sandbox.messages()
    assert seen["text"] == "the log"
    assert seen["files"][0]["id"] == file["id"]
    info = (await client.files_info(file=file["id"]))["file"]
    assert (info["name"], info["size"], info["mimetype"]) == ("build.log", 7, "text/plain")
    assert info["channels"] == [OPS]
    token = {"Authorization": "Bearer xoxb-sandbox"}
    content = await sandbox.http.get(info["url_private"], headers=token)
    assert content.text == "line 1\n"
    assert (await sandbox.http.get(info["url_private"])).status_code == 307
    viewed = await sandbox.http.get("/control/slack/file", params={"as": "ben", "id": file["id"]})
    assert viewed.text == "line 1\n"


async def test_an_upload_in_steps(sandbox: Sandbox) -> None:
    client = sandbox.client
    ticket = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    id_ = ticket["file_id"]
    early = client.files_completeUploadExternal(files=[{"id": id_}])
    assert await error_of(early) == "file_not_found"
    async with httpx.AsyncClient(trust_env=False) as anybody:
        sent = await anybody.post(ticket["upload_url"], files={"file": ("a.txt", b"abc")})
        assert sent.text == "OK - 3"
    done = await client.files_completeUploadExternal(files=[{"id": id_, "title": "A"}])
    assert done["files"] == [{"id": id_, "title": "A"}]
    assert await error_of(client.files_info(file="F1")) == "file_not_found"


async def test_a_streamed_message_grows(sandbox: Sandbox) -> None:
    client = sandbox.client
    root = (await client.chat_postMessage(channel=OPS, text="root"))["ts"]
    stream = await client.chat_stream(
        channel=OPS,
        thread_ts=root,
        recipient_user_id=ADA,
        recipient_team_id="T0SANDBOX1",
        task_display_mode="plan",
        buffer_size=1,
    )
    await stream.append(markdown_text="**Building**")
    await stream.append(
        chunks=[{"type": "task_update", "id": "1", "title": "Build", "status": "in_progress"}]
    )
    _, seen = await sandbox.messages(thread_ts=root)
    assert seen["streaming_state"] == "in_progress"
    kinds = [block["type"] for block in seen["blocks"]]
    assert kinds == ["plan", "markdown"]
    assert seen["blocks"][0]["tasks"][0]["status"] == "in_progress"
    live = client.chat_update(channel=OPS, ts=seen["ts"], text="x")
    assert await error_of(live) == "streaming_state_conflict"
    await stream.append(
        chunks=[{"type": "task_update", "id": "1", "title": "Build", "status": "complete"}]
    )
    stopped = await stream.stop(blocks=[section("done")])
    assert [b["type"] for b in stopped["message"]["blocks"]] == ["plan", "markdown", "section"]
    late = client.chat_appendStream(channel=OPS, ts=seen["ts"], markdown_text="x")
    assert await error_of(late) == "message_not_in_streaming_state"


async def test_streams_and_what_stops_them(sandbox: Sandbox) -> None:
    client = sandbox.client

    async def start() -> str:
        begun = await client.api_call("chat.startStream", json={"channel": DM_ADA})
        ts: str = begun["ts"]
        return ts

    nobody = client.api_call("chat.startStream", json={"channel": OPS})
    assert await error_of(nobody) == "missing_recipient_user_id"
    ts = await start()
    bad = client.chat_appendStream(channel=DM_ADA, ts=ts, chunks=[{"type": "nonsense"}])
    assert await error_of(bad) == "invalid_chunks"
    await sandbox.control("stop_stream", user="ada", channel=DM_ADA, ts=ts)
    stopped = client.chat_appendStream(channel=DM_ADA, ts=ts, markdown_text="x")
    assert await error_of(stopped) == "stopped_by_user"
    await sandbox.settings(stream_idle_seconds=0)
    idle = client.chat_appendStream(channel=DM_ADA, ts=await start(), markdown_text="x")
    assert await error_of(idle) == "message_not_in_streaming_state"


async def test_a_thread_shows_what_the_app_is_doing(sandbox: Sandbox) -> None:
    client = sandbox.client
    ts = (await client.chat_postMessage(channel=OPS, text="root"))["ts"]
    status = {"channel_id": OPS, "thread_ts": ts}
    await client.assistant_threads_setStatus(**status, status="is thinking")
    (seen,) = await sandbox.messages()
    assert seen["assistant_status"] == "is thinking"
    await client.chat_postMessage(channel=OPS, text="answer", thread_ts=ts)
    (seen,) = await sandbox.messages()
    assert "assistant_status" not in seen
    wrong = client.assistant_threads_setStatus(channel_id=OPS, thread_ts="1.1", status="x")
    assert await error_of(wrong) == "invalid_thread_ts"
