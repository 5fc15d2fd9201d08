"""files.*: the upload in three steps, and what is known of a file."""

from __future__ import annotations

import base64
import contextlib
from mimetypes import MimeTypes
from typing import TYPE_CHECKING

from sandbox import times
from sandbox.slack import messages, rendering, workspace
from sandbox.slack.api import content
from sandbox.slack.api.chat import looks
from sandbox.slack.api.method import Call, method
from sandbox.slack.errors import SlackError, invalid_arguments
from sandbox.slack.limits import Tier
from sandbox.slack.records import File

if TYPE_CHECKING:
    from sandbox.slack.records import Channel, Json

TYPES = MimeTypes()
"""Python's own table; this machine's would make answers differ from place to place."""
UNKNOWN_TYPE = "application/octet-stream"
LARGEST = 50_000_000
"""Bytes; Slack's own limit is 1 GB, which a stand-in has no use for."""


@method(
    "files.getUploadURLExternal",
    tier=Tier.FOUR,
    scopes=["files:write"],
    required=["filename", "length"],
    errors="alt_txt_too_large file_upload_size_restricted",
    json_body=False,
)
def files_get_upload_url_external(call: Call) -> Json:
    size, name = call.number("length", 0), call.text("filename")
    if size <= 0:
        raise invalid_arguments("must be greater than 0 [json-pointer:/length]")
    if size > LARGEST:
        raise SlackError("file_upload_size_restricted")
    if len(call.text("alt_txt")) > 1000:
        raise SlackError("alt_txt_too_large")
    file = File(
        id=call.world.mint("F"),
        name=name,
        title=name,
        user=workspace.BOT_USER,
        created=int(times.now()),
        size=size,
        mimetype=TYPES.guess_type(name)[0] or UNKNOWN_TYPE,
        upload_key=call.world.secret(48),
        alt_txt=call.maybe("alt_txt"),
    )
    call.world.state.files[file.id] = file
    url = f"http://{call.host}/slack/upload/v1/{file.upload_key}"
    return {"upload_url": url, "file_id": file.id}


@method(
    "files.completeUploadExternal",
    tier=Tier.FOUR,
    scopes=["files:write"],
    required=["files"],
    errors="access_denied channel_not_found channels_limit_exceeded file_not_found"
    " file_update_failed invalid_blocks invalid_channel not_in_channel",
)
def files_complete_upload_external(call: Call) -> Json:
    entries = call.structure("files")
    if not isinstance(entries, list) or not entries:
        raise invalid_arguments("must provide an array [json-pointer:/files]")
    channels = _destinations(call)
    files = [_completed(call, entry) for entry in entries]
    for channel in channels:
        _share(call, channel, files)
    return {"files": [{"id": file.id, "title": file.title} for file in files]}


def _destinations(call: Call) -> list[Channel]:
    wanted = call.names("channel_id") + call.names("channels")
    if len(wanted) > 100:
        raise SlackError("channels_limit_exceeded")
    channels = []
    for id_ in wanted:
        named = Call(call.world, call.method, {"channel": id_}, call.host)
        channel = named.channel()
        if workspace.BOT_USER not in channel.members:
            raise SlackError("not_in_channel")
        channels.append(channel)
    return channels


def receive(file: File, content: bytes) -> None:
    """The second step: the bytes arrive; what reads as text is text."""
    file.content = base64.b64encode(content).decode()
    file.size = len(content)
    if file.mimetype == UNKNOWN_TYPE:
        with contextlib.suppress(UnicodeDecodeError):
            content.decode("utf-8")
            file.mimetype = "text/plain"


def _completed(call: Call, entry: object) -> File:
    file = call.world.state.files.get(entry.get("id", "")) if isinstance(entry, dict) else None
    if file is None or file.content is None or file.complete:
        raise SlackError("file_not_found")
    if isinstance(entry, dict) and entry.get("title"):
        file.title = str(entry["title"])
    file.complete = True
    return file


def _share(call: Call, channel: Channel, files: list[File]) -> None:
    given = content.read(
        call.world,
        {"text": call.maybe("initial_comment"), "blocks": call.arguments.get("blocks")},
        malformed="invalid_blocks",
    )
    for file in files:
        file.channels.append(channel.id)
    posted = messages.post_as_bot(
        call.world,
        channel,
        files=[file.id for file in files],
        thread_ts=call.maybe("thread_ts"),
        **given.fields(),
        **looks(call),
    )
    for file in files:
        event = {
            "type": "file_shared",
            "file_id": file.id,
            "user_id": file.user,
            "file": {"id": file.id},
            "channel_id": channel.id,
            "event_ts": posted.ts,
        }
        call.world.emit("file_shared", event)


@method(
    "files.info",
    tier=Tier.FOUR,
    scopes=["files:read"],
    required=["file"],
    errors="file_not_found",
    json_body=False,
)
def files_info(call: Call) -> Json:
    file = call.world.state.files.get(call.text("file"))
    if file is None or not file.complete:
        raise SlackError("file_not_found")
    return {
        "file": rendering.file(call.world, file),
        "comments": [],
        "response_metadata": {"next_cursor": ""},
    }
