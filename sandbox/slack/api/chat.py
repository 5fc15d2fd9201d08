"""chat.*: messages that the bot posts, edits and deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.slack import messages, rendering, workspace
from sandbox.slack.api import content
from sandbox.slack.api.method import Call, method
from sandbox.slack.errors import SlackError
from sandbox.slack.limits import Tier

if TYPE_CHECKING:
    from sandbox.slack.api.content import Content
    from sandbox.slack.records import Channel, Json, Message

CONTENT_ERRORS = (
    "invalid_blocks invalid_blocks_format markdown_text_conflict no_text too_many_attachments"
)
METADATA_ERRORS = "invalid_metadata_format invalid_metadata_schema"
LONGEST_SINGLE = 4_040
SPLIT_AT = 4_000
"""Measured 2026-08-27: a text of 4,041 characters arrives as messages of 4,000."""


def writable(call: Call) -> Channel:
    """The channel to post in; a public one also without membership, with chat:write.public."""
    channel = call.channel(by_name=True)
    if channel.is_archived:
        raise SlackError("is_archived")
    public = not (channel.is_im or channel.is_private)
    if workspace.BOT_USER not in channel.members and not (
        public and call.holds("chat:write.public")
    ):
        raise SlackError("not_in_channel")
    return channel


def said(call: Call) -> Content:
    """The content of the call, which must not be empty."""
    given = content.read(call.world, call.arguments)
    if given.empty:
        raise SlackError("no_text")
    return given


def looks(call: Call) -> Json:
    """Another name or picture than the bot's own."""
    if any(call.has(name) for name in ("username", "icon_emoji", "icon_url")):
        call.require("chat:write.customize")
    icons = {
        short: call.text(name)
        for name, short in (("icon_emoji", "emoji"), ("icon_url", "image_64"))
        if call.has(name)
    }
    return {"username": call.maybe("username"), "icons": icons or None}


def own_message(call: Call, channel: Channel, error: str) -> Message:
    """A message of the bot's that it may change."""
    message = call.message(channel)
    if message.user != workspace.BOT_USER or message.subtype == "tombstone":
        raise SlackError(error)
    return message


@method(
    "chat.postMessage",
    tier=Tier.SPECIAL,
    scopes=["chat:write"],
    required=["channel"],
    errors=f"{CONTENT_ERRORS} {METADATA_ERRORS} channel_not_found is_archived not_in_channel"
    " msg_too_long invalid_attachments",
)
def chat_post_message(call: Call) -> Json:
    channel, given, look = writable(call), said(call), looks(call)
    wait = call.world.limits.post(channel.id)
    if wait:
        raise SlackError("ratelimited", **{"Retry-After": wait})
    fields = given.fields()
    text, rest = fields.pop("text"), ""
    if len(text) > LONGEST_SINGLE and given.blocks is None:
        text, rest = text[:SPLIT_AT], text[SPLIT_AT:]
    thread = {
        "thread_ts": call.maybe("thread_ts"),
        "reply_broadcast": call.has("thread_ts") and call.flag("reply_broadcast"),
    }
    posted = messages.post_as_bot(call.world, channel, text=text, **fields, **look, **thread)
    while rest:
        messages.post_as_bot(call.world, channel, text=rest[:SPLIT_AT], **look, **thread)
        rest = rest[SPLIT_AT:]
    return {
        "channel": channel.id,
        "ts": posted.ts,
        "message": rendering.message(call.world, posted, metadata=True),
        **given.notes(),
    }


@method(
    "chat.postEphemeral",
    tier=Tier.FOUR,
    scopes=["chat:write"],
    required=["channel", "user"],
    errors=f"{CONTENT_ERRORS} channel_not_found invalid_attachments is_archived msg_too_long"
    " not_in_channel user_not_in_channel",
)
def chat_post_ephemeral(call: Call) -> Json:
    channel = writable(call)
    given, look = said(_without_event_metadata(call)), looks(call)
    user = call.text("user")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    shown = messages.whisper(
        call.world,
        channel,
        user,
        thread_ts=call.maybe("thread_ts"),
        **given.fields(),
        **look,
    )
    return {"message_ts": shown.ts, **given.notes()}


def _without_event_metadata(call: Call) -> Call:
    """An ephemeral message keeps entities only; event metadata is ignored."""
    arguments = {name: value for name, value in call.arguments.items() if name != "metadata"}
    return Call(call.world, call.method, arguments, call.host)


@method(
    "chat.update",
    tier=Tier.THREE,
    scopes=["chat:write"],
    required=["channel", "ts"],
    errors=f"{CONTENT_ERRORS} {METADATA_ERRORS} cant_broadcast_message cant_update_message"
    " channel_not_found invalid_attachments is_inactive message_not_found msg_too_long"
    " streaming_state_conflict",
)
def chat_update(call: Call) -> Json:
    channel = call.channel()
    message = own_message(call, channel, "cant_update_message")
    if message.stream:
        raise SlackError("streaming_state_conflict")
    if channel.is_archived:
        raise SlackError("is_inactive")
    given = said(call)
    if given.text and len(given.text) > content.LONGEST_UPDATE and not call.has("markdown_text"):
        raise SlackError("msg_too_long")
    changes = given.changes()
    if call.flag("reply_broadcast"):
        if message.thread_ts in (None, message.ts):
            raise SlackError("cant_broadcast_message")
        changes["reply_broadcast"] = True
    messages.edit(call.world, message, by=workspace.BOT_USER, **changes)
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": rendering.message(call.world, message, metadata=True),
        **given.notes(),
    }


@method(
    "chat.delete",
    tier=Tier.THREE,
    scopes=["chat:write"],
    required=["channel", "ts"],
    errors="cant_delete_message channel_not_found message_not_found",
)
def chat_delete(call: Call) -> Json:
    channel = call.channel()
    message = own_message(call, channel, "cant_delete_message")
    messages.delete(call.world, message)
    return {"channel": channel.id, "ts": message.ts}


@method(
    "chat.getPermalink",
    tier=Tier.SPECIAL,
    required=["channel", "message_ts"],
    errors="channel_not_found message_not_found",
    json_body=False,
)
def chat_get_permalink(call: Call) -> Json:
    channel = call.channel()
    message = call.message(channel, "message_ts")
    link = f"{call.world.origin}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts and message.thread_ts != message.ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}
