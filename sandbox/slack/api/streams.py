"""chat.startStream, appendStream, stopStream: a message that grows while it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.slack import messages, rendering, workspace
from sandbox.slack.api import content
from sandbox.slack.api.chat import looks, own_message, writable
from sandbox.slack.api.method import Call, method
from sandbox.slack.errors import SlackError
from sandbox.slack.limits import Tier
from sandbox.slack.records import Stream

if TYPE_CHECKING:
    from sandbox.slack.records import Channel, Json, Message

MOST_BLOCKS = 50
SHARED_ERRORS = (
    "channel_not_found invalid_blocks invalid_chunks is_archived msg_blocks_too_many no_text"
    " not_in_channel"
)
TASK_STATUS = ("pending", "in_progress", "complete", "error")


@method(
    "chat.startStream",
    tier=Tier.TWO,
    scopes=["chat:write"],
    required=["channel"],
    errors=f"{SHARED_ERRORS} missing_recipient_team_id missing_recipient_user_id user_not_found"
    " team_not_found",
)
def chat_start_stream(call: Call) -> Json:
    channel = writable(call)
    if not channel.is_im:
        _recipient(call)
    display = call.text("task_display_mode", "timeline")
    stream = Stream(display="plan" if display == "plan" else "timeline", touched=times.now())
    _extend(call, stream)
    message = messages.post_as_bot(
        call.world,
        channel,
        text=stream.text,
        blocks=_blocks(stream),
        thread_ts=call.maybe("thread_ts"),
        stream=stream,
        **looks(call),
    )
    return {"channel": channel.id, "ts": message.ts}


def _recipient(call: Call) -> None:
    if not call.has("recipient_user_id"):
        raise SlackError("missing_recipient_user_id")
    if not call.has("recipient_team_id"):
        raise SlackError("missing_recipient_team_id")
    if call.text("recipient_user_id") not in call.world.state.people:
        raise SlackError("user_not_found")
    if call.text("recipient_team_id") != workspace.TEAM_ID:
        raise SlackError("team_not_found")


@method(
    "chat.appendStream",
    tier=Tier.FOUR,
    scopes=["chat:write"],
    required=["channel", "ts"],
    errors=f"{SHARED_ERRORS} message_not_found message_not_in_streaming_state"
    " message_not_owned_by_app stopped_by_user",
)
def chat_append_stream(call: Call) -> Json:
    channel, message, stream = _streaming(call)
    if not (call.has("markdown_text") or call.has("chunks")):
        raise SlackError("no_text")
    _extend(call, stream)
    _show(call, message, stream)
    return {"channel": channel.id, "ts": message.ts}


@method(
    "chat.stopStream",
    tier=Tier.TWO,
    scopes=["chat:write"],
    required=["channel", "ts"],
    errors=f"{SHARED_ERRORS} message_not_found message_not_in_streaming_state"
    " message_not_owned_by_app invalid_metadata_format"
    " invalid_metadata_schema too_many_attachments",
)
def chat_stop_stream(call: Call) -> Json:
    channel, message, stream = _streaming(call)
    _extend(call, stream)
    final = content.read(
        call.world,
        {name: call.arguments.get(name) for name in ("blocks", "metadata")},
        malformed="invalid_blocks",
    )
    if final.metadata is not None:
        message.metadata = final.metadata
    message.stream = None
    _show(call, message, stream, final.blocks or [])
    shown = rendering.message(call.world, message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def _streaming(call: Call) -> tuple[Channel, Message, Stream]:
    channel = call.channel()
    message = own_message(call, channel, "message_not_owned_by_app")
    stream = message.stream
    idle = call.world.state.settings.stream_idle_seconds
    if stream is not None and times.now() - stream.touched > idle:
        message.stream = stream = None
    if stream is None:
        raise SlackError("message_not_in_streaming_state")
    if stream.stopped_by_user:
        message.stream = None
        wanted = "stopped_by_user" in call.method.errors
        raise SlackError("stopped_by_user" if wanted else "message_not_in_streaming_state")
    return channel, message, stream


def _extend(call: Call, stream: Stream) -> None:
    stream.touched = times.now()
    chunks = call.structure("chunks") if call.has("chunks") else []
    if not isinstance(chunks, list):
        raise SlackError("invalid_chunks")
    if call.has("markdown_text"):
        chunks = [{"type": "markdown_text", "text": call.text("markdown_text")}, *chunks]
    for chunk in chunks:
        _add(call, stream, chunk if isinstance(chunk, dict) else {})


def _add(call: Call, stream: Stream, chunk: Json) -> None:
    match chunk:
        case {"type": "markdown_text", "text": str(text)}:
            stream.text += text
        case {"type": "plan_update", "title": str(title)}:
            stream.title = title
        case {"type": "task_update", "id": str(id_), "title": str(title)}:
            _task(stream, id_, title, chunk)
        case {"type": "blocks", "blocks": list(blocks)}:
            content.check_blocks(call.world, blocks)
            stream.blocks += blocks
        case _:
            raise SlackError("invalid_chunks")
    if len(_blocks(stream)) > MOST_BLOCKS:
        raise SlackError("msg_blocks_too_many")


def _task(stream: Stream, id_: str, title: str, chunk: Json) -> None:
    status = chunk.get("status", "in_progress")
    if status not in TASK_STATUS:
        raise SlackError("invalid_chunks")
    task: dict[str, Any] = {"task_id": id_, "title": title, "status": status}
    for name in ("details", "output"):
        if chunk.get(name):
            task[name] = _rich(str(chunk[name]))
    if chunk.get("sources"):
        task["sources"] = chunk["sources"]
    for index, known in enumerate(stream.tasks):
        if known["task_id"] == id_:
            stream.tasks[index] = known | task
            return
    stream.tasks.append(task)


def _rich(text: str) -> Json:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}


def _blocks(stream: Stream) -> list[Json]:
    blocks: list[Json] = []
    if stream.tasks and stream.display == "plan":
        title = stream.title or "Working on it"
        blocks.append({"type": "plan", "title": title, "tasks": stream.tasks})
    else:
        blocks += [{"type": "task_card", **task} for task in stream.tasks]
    if stream.text:
        blocks.append({"type": "markdown", "text": stream.text})
    return blocks + stream.blocks


def _show(call: Call, message: Message, stream: Stream, below: list[Json] | None = None) -> None:
    message.text = stream.text
    message.blocks = rendering.with_ids(call.world, _blocks(stream) + (below or []))
    call.world.changed(
        "changed", channel=message.channel, ts=message.ts, thread_ts=message.thread_ts
    )
